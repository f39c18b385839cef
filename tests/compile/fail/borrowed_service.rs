use serverwamp::wamp;

struct Counter<'a>(&'a i64);

#[wamp::service]
impl Counter<'_> {
    #[wamp::rpc]
    async fn count(&self) -> i64 {
        *self.0
    }
}

fn main() {}
