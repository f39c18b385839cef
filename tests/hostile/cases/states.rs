//! Messages where they do not belong: what only a router says, what comes too early or too late. PROTOCOL 1.5.

use serde_json::{Value, json};
use serverwamp_tests::Serializer::{MessagePack, RawSocketJson};

use super::{ALL, State, THREE};
use crate::script::{Case, Step, case, hear, hello, say, violation};

/// What a router says, and no client.
fn of_routers() -> Vec<Value> {
    vec![
        json!([2, 1, {"roles": {"broker": {}, "dealer": {}}}]),
        json!([4, "ticket", {}]),
        json!([17, 1, 2]),
        json!([33, 1, 2]),
        json!([35, 1]),
        json!([35, 0, {"subscription": 1, "reason": "my.reason"}]),
        json!([36, 1, 2, {}]),
        json!([36, 1, 2, {}, [1], {"k": 1}]),
        json!([50, 1, {}]),
        json!([50, 1, {"progress": true}, [1]]),
        json!([65, 1, 2]),
        json!([67, 1]),
        json!([67, 0, {"registration": 1, "reason": "my.reason"}]),
        json!([68, 1, 2, {}]),
        json!([69, 1, {}]),
        json!([69, 1, {"mode": "kill"}]),
        json!([8, 16, 1, {}, "my.error"]),
        json!([8, 32, 1, {}, "my.error"]),
        json!([8, 34, 1, {}, "my.error"]),
        json!([8, 48, 1, {}, "my.error"]),
        json!([8, 64, 1, {}, "my.error"]),
        json!([8, 66, 1, {}, "my.error"]),
    ]
}

/// What a client says in a session only.
fn of_sessions() -> Vec<Value> {
    vec![
        json!([6, {}, "wamp.close.close_realm"]),
        json!([8, 68, 1, {}, "my.error"]),
        json!([16, 1, {}, "open.news"]),
        json!([16, 1, {"acknowledge": true}, "open.news"]),
        json!([32, 1, {}, "open.news"]),
        json!([34, 1, 1]),
        json!([37, 1]),
        json!([337, 1]),
        json!([48, 1, {}, "add", [2, 3]]),
        // What would be an ERROR in a session.
        json!([48, 1, {}, "no uri"]),
        json!([49, 1, {}]),
        json!([64, 1, {}, "my.procedure"]),
        json!([66, 1, 1]),
        json!([70, 1, {}]),
    ]
}

/// What belongs nowhere.
fn of_nobody() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(48),
        json!("[48]"),
        json!({}),
        json!({"0": 48}),
        json!([]),
        json!([[]]),
        json!([[48, 1, {}, "add"]]),
        json!([null, 1, {}, "add"]),
        json!(["48", 1, {}, "add"]),
        json!([{}, 1, {}, "add"]),
        json!([true, 1, {}, "add"]),
        json!([-1]),
        json!([-48, 1, {}, "add"]),
        json!([0, 1, {}, "add"]),
        json!([7, {}, "my.reason"]),
        json!([9, 1]),
        json!([38, 1]),
        json!([48.5, 1, {}, "add"]),
        json!([51, 1]),
        json!([71, 1, {}]),
        json!([255, 1]),
        json!([256, 1]),
        json!([1023, 1]),
        json!([1e300, 1, {}, "add"]),
        json!([u64::MAX, 1, {}, "add"]),
        json!([48_u64 + (1 << 32), 1, {}, "add"]),
    ]
}

/// A message that is a violation in each of these states.
fn refused(message: &Value, states: &[State], cases: &mut Vec<Case>) {
    for state in states {
        let steps = [state.steps(), vec![say(message.clone())], violation()].concat();
        cases.push(case(format!("{message} where one has {state:?}"), THREE[cases.len() % 3], steps));
    }
}

pub(crate) fn cases() -> Vec<Case> {
    use State::{Authenticating, Challenged, Connected, Invoked, Joined, Parted};
    let mut cases = Vec::new();
    for message in of_routers() {
        refused(&message, &[Connected, Challenged, Authenticating, Joined, Invoked, Parted], &mut cases);
    }
    for message in of_nobody() {
        refused(&message, &[Connected, Challenged, Joined, Invoked], &mut cases);
    }
    for message in of_sessions() {
        refused(&message, &[Connected, Challenged, Authenticating, Parted], &mut cases);
    }
    refused(&hello("realm1"), &[Challenged, Authenticating, Joined, Invoked], &mut cases);
    refused(&json!([1, "no realm", {}]), &[Challenged, Authenticating, Joined], &mut cases);
    refused(&json!([5, "sesame", {}]), &[Connected, Authenticating, Joined, Invoked, Parted], &mut cases);
    cases.extend(ends());
    cases
}

/// How sessions, and attempts at one, end.
fn ends() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let goodbye = || say(json!([6, {}, "wamp.close.close_realm"]));
    let goodbye_and_out = || hear(json!([6, {}, "wamp.close.goodbye_and_out"]));
    let dismissed = || {
        let goodbye = hear(json!([6, {"message": "go"}, "my.close.dismissed"]));
        vec![joined(), say(json!([48, 1, {}, "dismiss"])), hear(json!([50, 1, {}])), goodbye]
    };
    let abort = || say(json!([3, {}, "my.reason"]));
    let denied = || hear(json!([3, "…", "wamp.error.authentication_denied"]));
    let mut cases = vec![];
    for state in
        [State::Connected, State::Challenged, State::Authenticating, State::Joined, State::Invoked, State::Parted]
    {
        // ABORT is never answered.
        let steps = [state.steps(), vec![abort(), Step::Closed(1000)]].concat();
        cases.push(case(format!("ABORT where one has {state:?}"), ALL, steps));
        let gone = [state.steps(), vec![Step::Vanish]].concat();
        cases.push(case(format!("an end without a word where one has {state:?}"), ALL, gone.clone()));
        let scene = gone.into_iter().map(|step| ("resetting", step)).collect();
        cases.push(crate::script::scene(format!("a reset where one has {state:?}"), ALL, scene));
    }
    for (name, steps) in [
        ("a session after another", vec![joined(), goodbye(), goodbye_and_out(), joined(), Step::Served]),
        (
            "what follows GOODBYE at once is for nobody",
            vec![
                joined(),
                Step::SayAll(vec![json!([6, {}, "my.reason"]), json!([48, 1, {}, "add", [2, 3]])]),
                goodbye_and_out(),
                hear(json!([3, "…", "wamp.error.protocol_violation"])),
                Step::Closed(1002),
            ],
        ),
        (
            "HELLO behind GOODBYE at once",
            vec![
                joined(),
                Step::SayAll(vec![json!([6, {}, "my.reason"]), hello("realm1")]),
                goodbye_and_out(),
                hear(json!([2, "…", "…"])),
                Step::Served,
            ],
        ),
        (
            "GOODBYE with a call running",
            vec![joined(), say(json!([48, 1, {}, "endless"])), goodbye(), goodbye_and_out()],
        ),
        ("a dismissed client that answers", [dismissed(), vec![goodbye(), Step::Closed(1000)]].concat()),
        (
            "a dismissed client that goes on asking",
            [
                dismissed(),
                vec![
                    say(json!([48, 2, {}, "add", [2, 3]])),
                    say(json!([32, 3, {}, "open.news"])),
                    say(json!([2, 1, {}])),
                    say(json!([])),
                    say(hello("realm1")),
                    goodbye(),
                    Step::Closed(1000),
                ],
            ]
            .concat(),
        ),
        ("a dismissed client that aborts", [dismissed(), vec![abort(), Step::Closed(1000)]].concat()),
        (
            "messages behind ABORT",
            vec![
                joined(),
                Step::SayAll(vec![json!([3, {}, "my.reason"]), json!([48, 1, {}, "add", [2, 3]])]),
                Step::Closed(1000),
            ],
        ),
        (
            "a message behind HELLO, before WELCOME",
            vec![
                Step::SayAll(vec![hello("realm1"), json!([48, 1, {}, "add", [2, 3]])]),
                hear(json!([2, "…", "…"])),
                hear(json!([50, 1, {}, [5]])),
            ],
        ),
        (
            "a message while the ticket is looked at",
            [State::Authenticating.steps(), vec![goodbye()], violation()].concat(),
        ),
        (
            "a wrong ticket",
            [State::Challenged.steps(), vec![say(json!([5, "pencil", {}])), denied(), Step::Closed(1000)]].concat(),
        ),
        (
            "no realm",
            vec![
                say(json!([1, "realm.unknown.…", {}])),
                hear(json!([3, "…", "wamp.error.no_such_role"])),
                Step::Closed(1000),
            ],
        ),
    ] {
        cases.push(case(name, ALL, steps));
    }
    // The server waits for two seconds, and then no longer.
    let silent = [dismissed(), vec![Step::Closed(1000)]].concat();
    cases.push(case("a dismissed client that says nothing", &[MessagePack, RawSocketJson], silent));
    cases
}
