use serverwamp::wamp;

#[wamp::rpc("math.add")]
async fn add(a: i64, #[wamp(rename = "a")] b: i64) -> i64 {
    a + b
}

fn main() {}
