//! The state machine from HELLO to WELCOME, and what may come in between.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::limits::Limits;
use crate::session::{Action, ServerLimits, ServerSession, Welcome};
use crate::wire::{Codec, RawDict, SessionId, Uri};

/// A session in JSON, without a connection.
struct Machine {
    session: ServerSession,
    now: std::time::Instant,
}

impl Machine {
    fn new() -> Machine {
        let now = Instant::now().into_std();
        Machine { session: ServerSession::new(Codec::Json, ServerLimits::new(&Limits::default()), now), now }
    }

    /// One that has taken HELLO.
    fn joining() -> Machine {
        let mut machine = Machine::new();
        assert_eq!(machine.takes(hello()), ["join realm1"]);
        machine
    }

    /// One that has sent a challenge.
    fn challenging() -> Machine {
        let mut machine = Machine::joining();
        machine.challenge();
        assert_eq!(machine.said(), [json!([4, "ticket", {"a": 1}])]);
        machine
    }

    fn challenge(&mut self) {
        self.session.challenge("ticket", RawDict::encode(Codec::Json, &json!({"a": 1})).unwrap());
    }

    fn welcome(&mut self) {
        self.session.welcome(Welcome {
            session: SessionId::new(7).unwrap(),
            realm: Uri::known("realm1"),
            authid: "joe".to_owned(),
            authrole: "admin".to_owned(),
            authmethod: "ticket".to_owned(),
            authprovider: "db".to_owned(),
            authextra: Some(RawDict::encode(Codec::Json, &json!({"verifier": "v"})).unwrap()),
            is_router: false,
            meta_api: false,
            reflection: false,
            event_history: false,
        });
    }

    /// Takes a message, and says what is to be done.
    fn takes(&mut self, message: Value) -> Vec<String> {
        self.session.handle_message(message.to_string().into(), self.now);
        self.actions()
    }

    fn actions(&mut self) -> Vec<String> {
        let actions = std::iter::from_fn(|| self.session.poll_action());
        let in_words = |action| match action {
            Action::Join(hello) => format!("join {}", hello.realm),
            Action::Authenticate(answer) => format!("authenticate {} {}", answer.signature, answer.extra),
            Action::Left(_) => "left".to_owned(),
            Action::LimitMet(limit) => format!("limit {limit}"),
            Action::Close(ending) => format!("close {ending:?}"),
            other => panic!("{other:?}"),
        };
        // What the peer is told is what is said.
        actions.filter(|action| !matches!(action, Action::Violated(_))).map(in_words).collect()
    }

    fn said(&mut self) -> Vec<Value> {
        let mut messages = Vec::new();
        self.session.drain_output(|message| messages.push(serde_json::from_slice(message).unwrap()));
        messages
    }
}

fn hello() -> Value {
    json!([1, "realm1", {"roles": {"caller": {}}}])
}

fn violation(expected: &str, got: &str) -> Value {
    json!([3, {"message": format!("expected {expected}, got {got}")}, "wamp.error.protocol_violation"])
}

#[test]
fn several_rounds_then_welcome() {
    let mut machine = Machine::challenging();
    assert_eq!(machine.takes(json!([5, "one", {"b": [2]}])), [r#"authenticate one {"b":[2]}"#]);
    machine.challenge();
    assert_eq!(machine.said(), [json!([4, "ticket", {"a": 1}])]);
    assert_eq!(machine.takes(json!([5, "two", {}])), ["authenticate two {}"]);
    machine.welcome();
    let said = machine.said();
    assert_eq!((said.len(), &said[0][0], &said[0][1]), (1, &json!(2), &json!(7)));
    for (name, value) in [
        ("realm", json!("realm1")),
        ("authid", json!("joe")),
        ("authrole", json!("admin")),
        ("authmethod", json!("ticket")),
        ("authprovider", json!("db")),
        ("authextra", json!({"verifier": "v"})),
    ] {
        assert_eq!(said[0][2][name], value, "{name}");
    }
    machine.challenge();
    assert!(machine.said().is_empty(), "nobody is challenged who has joined");
}

#[test]
fn the_application_does_not_speak_while_the_client_is_to_answer() {
    let mut machine = Machine::challenging();
    machine.challenge();
    machine.welcome();
    assert!(machine.said().is_empty());
}

#[test]
fn a_challenged_client_answers_or_leaves() {
    for (message, got) in [
        (json!([48, 1, {}, "a"]), "CALL"),
        (json!([48, 1, {}, "not a uri"]), "CALL"),
        (json!([16, 1, {}, "a"]), "PUBLISH"),
        (json!([32, 1, {}, "a"]), "SUBSCRIBE"),
        (json!([64, 1, {}, "a"]), "REGISTER"),
        (json!([6, {}, "wamp.close.normal"]), "GOODBYE"),
        (json!([4, "ticket", {}]), "CHALLENGE"),
        (hello(), "HELLO"),
    ] {
        let mut machine = Machine::challenging();
        assert_eq!(machine.takes(message), ["left", "close Violation"]);
        assert_eq!(machine.said(), [violation("AUTHENTICATE", got)]);
    }
    let mut machine = Machine::challenging();
    assert_eq!(machine.takes(json!([3, {}, "wamp.error.authentication_failed"])), ["left", "close Abort"]);
    assert!(machine.said().is_empty(), "ABORT has no answer");
}

#[test]
fn nobody_answers_unasked_or_twice() {
    let mut machine = Machine::new();
    assert_eq!(machine.takes(json!([5, "one", {}])), ["close Violation"]);
    assert_eq!(machine.said(), [violation("HELLO", "AUTHENTICATE")]);
    let mut machine = Machine::joining();
    assert_eq!(machine.takes(json!([5, "one", {}])), ["left", "close Violation"]);
    assert_eq!(machine.said(), [violation("to wait for WELCOME", "AUTHENTICATE")]);
    let mut machine = Machine::challenging();
    machine.takes(json!([5, "one", {}]));
    assert_eq!(machine.takes(json!([5, "one", {}])), ["left", "close Violation"]);
    assert_eq!(machine.said(), [violation("to wait for WELCOME", "AUTHENTICATE")]);
}

#[test]
fn answers_of_another_form_are_violations() {
    for message in [json!([5]), json!([5, 1, {}]), json!([5, "a"]), json!([5, "a", []]), json!([5, null, {}])] {
        let mut machine = Machine::challenging();
        assert_eq!(machine.takes(message.clone()), ["left", "close Violation"], "{message}");
        assert_eq!(machine.said()[0][2], "wamp.error.protocol_violation", "{message}");
    }
}

#[test]
fn challenges_have_an_end() {
    let mut machine = Machine::joining();
    for _ in 0..10 {
        machine.challenge();
        assert_eq!(machine.said()[0][0], 4);
        assert_eq!(machine.takes(json!([5, "", {}])), ["authenticate  {}"]);
    }
    machine.challenge();
    let message = json!({"message": "too many challenges"});
    assert_eq!(machine.said(), [json!([3, message, "wamp.error.authentication_failed"])]);
    assert_eq!(machine.actions(), ["left", "close Aborted"]);
}

/// The time for all rounds together counts from the beginning of the connection.
#[test]
fn a_client_that_does_not_answer_is_aborted() {
    let mut machine = Machine::challenging();
    let deadline = machine.session.poll_timeout();
    assert_eq!(deadline, machine.now.checked_add(Duration::from_secs(15)));
    machine.takes(json!([5, "one", {}]));
    machine.challenge();
    machine.said();
    assert_eq!(machine.session.poll_timeout(), deadline);
    machine.session.handle_timeout(deadline.unwrap());
    assert_eq!(machine.actions(), ["limit welcome_timeout", "left", "close Aborted"]);
    let message = json!({"message": "joining took too long"});
    assert_eq!(machine.said(), [json!([3, message, "wamp.error.timeout"])]);
}

#[test]
fn shutdown_aborts_a_challenged_client() {
    let mut machine = Machine::challenging();
    machine.session.goodbye(&Uri::known("wamp.close.system_shutdown"), None, machine.now);
    assert_eq!(machine.said(), [json!([3, {}, "wamp.close.system_shutdown"])]);
    assert_eq!(machine.actions(), ["left", "close Aborted"]);
}
