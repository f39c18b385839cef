use serverwamp::wamp;

#[wamp::event("sensors.", match = "prefix", blocking)]
async fn measured(value: f64) {
    let _ = value;
}

fn main() {}
