use serverwamp::{RpcError, wamp};

#[wamp::on_leave]
async fn left() -> Result<bool, RpcError> {
    Ok(true)
}

fn main() {}
