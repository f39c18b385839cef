use serverwamp::wamp;

struct Counter<T>(T);

#[wamp::service]
impl<T: Copy + Into<i64>> Counter<T> {
    #[wamp::rpc]
    async fn count(&self) -> i64 {
        self.0.into()
    }
}

fn main() {}
