use serverwamp::wamp;

struct Docs;

#[wamp::service]
impl Docs {
    #[wamp::on_join]
    async fn joined(&self, name: &str) {
        let _ = name;
    }
}

fn main() {}
