use serverwamp::wamp;

use std::rc::Rc;

#[wamp::rpc("math.one")]
async fn one() -> i64 {
    let one = Rc::new(1);
    std::future::ready(()).await;
    *one
}

fn main() {}
