//! The tables, each about one thing that a peer can do wrong.

pub(crate) mod bounds;
pub(crate) mod callees;
pub(crate) mod encodings;
pub(crate) mod floods;
pub(crate) mod frames;
pub(crate) mod handlers;
pub(crate) mod layouts;
pub(crate) mod meta;
pub(crate) mod names;
pub(crate) mod openings;
pub(crate) mod options;
pub(crate) mod silence;
pub(crate) mod states;

use serde_json::json;
use serverwamp_tests::Serializer::{self, *};

use crate::script::{Step, hear, hello, say};

/// Every serializer on every transport that has it.
pub(crate) const ALL: &[Serializer] = &Serializer::ALL;
/// Each of the three, in turn on each transport: for tables with many rows, of which each has another of these.
pub(crate) const THREE: [&[Serializer]; 3] = [
    &[Json, MessagePackBatched, RawSocketCbor],
    &[JsonBatched, RawSocketMessagePack, Cbor],
    &[RawSocketJson, MessagePack, CborBatched],
];

pub(crate) const WEB_SOCKET: &[Serializer] = &[Json, MessagePack, Cbor, JsonBatched, MessagePackBatched, CborBatched];
pub(crate) const RAW_SOCKET: &[Serializer] = &[RawSocketJson, RawSocketMessagePack, RawSocketCbor];
/// As `THREE`, of the WebSocket.
pub(crate) const THREE_WEB_SOCKETS: [&[Serializer]; 2] =
    [&[Json, MessagePack, CborBatched], &[JsonBatched, MessagePackBatched, Cbor]];

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
                hear(json!([65, 1, "$registration"])),
                say(json!([48, 2, {}, "my.procedure"])),
                hear(json!([68, 1, "$registration", {}])),
            ],
            State::Parted => vec![
                Step::Enter("realm1"),
                say(json!([6, {}, "wamp.close.close_realm"])),
                hear(json!([6, {}, "wamp.close.goodbye_and_out"])),
            ],
        }
    }
}
