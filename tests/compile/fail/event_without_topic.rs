use serverwamp::wamp;

#[wamp::event]
async fn measured(value: f64) {
    let _ = value;
}

fn main() {}
