use serverwamp::wamp;

#[wamp::rpc("math.add")]
async fn add<T: Into<i64>, const N: usize>(a: T, b: [i64; N]) -> i64 {
    a.into() + b.iter().sum::<i64>()
}

fn main() {}
