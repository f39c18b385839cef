use serverwamp::wamp;

#[wamp::event("sensors")]
async fn measured(value: f64) -> f64 {
    value
}

fn main() {}
