//! The tables, each about one thing that a peer can do wrong.

pub(crate) mod layouts;

use serde_json::json;
use serverwamp_tests::Serializer;

use crate::script::{Step, hear, hello, say};

pub(crate) const ALL: &[Serializer] = &Serializer::ALL;

/// How far a session has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing has been said.
    Connected,
    /// CHALLENGE is out.
    Challenged,
    /// AUTHENTICATE came, and is not decided about.
    Authenticating,
    /// In a realm of functions.
    Joined,
    /// In a router realm, with registration 1, and its invocation 1, which the peer has called itself by its request 2.
    Invoked,
    /// GOODBYE was said and answered.
    Parted,
}

impl State {
    /// How a peer gets there.
    pub(crate) fn steps(self) -> Vec<Step> {
        let mut login = hello("login");
        login[2]["authmethods"] = json!(["ticket"]);
        login[2]["authid"] = json!("joe");
        match self {
            State::Connected => vec![],
            State::Challenged => vec![say(login), hear(json!([4, "ticket", {}]))],
            State::Authenticating => [State::Challenged.steps(), vec![say(json!([5, "endless", {}]))]].concat(),
            State::Joined => vec![Step::Enter("realm1")],
            State::Invoked => vec![
                Step::Enter("router"),
                say(json!([64, 1, {}, "my.procedure"])),
                hear(json!([65, 1, "…"])),
                say(json!([48, 2, {}, "my.procedure"])),
                hear(json!([68, 1, "…", {}])),
            ],
            State::Parted => vec![
                Step::Enter("realm1"),
                say(json!([6, {}, "wamp.close.close_realm"])),
                hear(json!([6, {}, "wamp.close.goodbye_and_out"])),
            ],
        }
    }
}
