use serverwamp::{Session, wamp};

#[wamp::rpc("docs.{session}.title")]
async fn title(session: Session) -> String {
    session.realm().to_owned()
}

fn main() {}
