//! Errors go to the wire and come back.

use serverwamp::WampError;

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = "app.error")]
enum Problem {
    NotFound {
        id: u64,
        #[wamp(rename = "type")]
        kind: Option<String>,
    },
    #[wamp(uri = "wamp.error.not_authorized")]
    Denied(String, u64),
    Gone,
    #[wamp(internal)]
    Broken(std::io::ErrorKind),
}

#[derive(Debug, PartialEq, WampError)]
#[wamp(prefix = "app.error")]
struct TooLarge {
    limit: u64,
}

#[derive(Debug, PartialEq, WampError)]
#[wamp(uri = "app.error.empty")]
struct Empty;

#[derive(Debug, PartialEq, WampError)]
enum Never {}

#[derive(Debug, PartialEq, WampError)]
#[wamp(internal)]
struct Hidden(std::rc::Rc<u64>);

#[track_caller]
fn check<E: WampError + PartialEq + std::fmt::Debug>(error: impl Fn() -> E, uri: &str) {
    let sent = error().into_rpc_error();
    assert_eq!(sent.uri(), uri);
    let internal = uri == "wamp.error.runtime_error";
    assert_eq!(E::from_rpc_error(&sent), (!internal).then(&error));
}

fn main() {
    check(|| Problem::NotFound { id: 1, kind: Some("document".to_owned()) }, "app.error.not_found");
    check(|| Problem::NotFound { id: 1, kind: None }, "app.error.not_found");
    check(|| Problem::Denied("no".to_owned(), 2), "wamp.error.not_authorized");
    check(|| Problem::Gone, "app.error.gone");
    check(|| Problem::Broken(std::io::ErrorKind::Other), "wamp.error.runtime_error");
    check(|| TooLarge { limit: 1 }, "app.error.too_large");
    check(|| Empty, "app.error.empty");
    check(|| Hidden(std::rc::Rc::new(1)), "wamp.error.runtime_error");
    assert_eq!(Never::from_rpc_error(&Empty.into_rpc_error()), None);
}
