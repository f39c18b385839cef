use serverwamp::wamp;

#[wamp::rpc("math add", blocking, retries = 3)]
async fn add<T>((a, b): (i64, i64), #[wamp(optional)] c: &mut i64) -> i64 {
    a + b + *c
}

fn main() {}
