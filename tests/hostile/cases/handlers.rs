//! Functions of the program that panic, or never end, and peers that go meanwhile. DESIGN sections 2.3 and 3.

use serde_json::{Value, json};

use super::{ALL, State};
use crate::script::{Case, Step, case, hear, say, scene, violation};

const FAILED: &str = "wamp.error.runtime_error";

pub(crate) fn cases() -> Vec<Case> {
    [panicking(), endless(), given_up()].concat()
}

/// A call of a procedure, as request 1.
fn call(procedure: &str, arguments: Value) -> Step {
    say(json!([48, 1, {}, procedure, arguments]))
}

/// An ERROR that says nothing of what has happened.
fn bare(kind: u64, request: u64, uri: &str) -> Step {
    hear(json!([8, kind, request, {}, uri]))
}

/// A panic is an error that tells nothing, and the session goes on.
fn panicking() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let numbers = |number: Value| say(json!([16, 1, {"acknowledge": true}, "noted.numbers", [number]]));
    let twice = |steps: Vec<Step>| [vec![joined()], steps.clone(), steps, vec![Step::Served]].concat();
    [
        ("a panic at once", twice(vec![call("panics", json!([false])), bare(48, 1, FAILED)])),
        ("a panic later", twice(vec![call("panics", json!([true])), bare(48, 1, FAILED)])),
        ("a panic of a blocking function", twice(vec![call("panics_blocking", json!([])), bare(48, 1, FAILED)])),
        (
            "a panic of a function that is canceled",
            twice(vec![
                call("panics_when_dropped", json!([])),
                say(json!([49, 1, {"mode": "killnowait"}])),
                bare(48, 1, "wamp.error.canceled"),
            ]),
        ),
        (
            "a panic of a function that is killed",
            twice(vec![
                call("panics_when_dropped", json!([])),
                say(json!([49, 1, {"mode": "kill"}])),
                bare(48, 1, "wamp.error.canceled"),
            ]),
        ),
        (
            "a panic of a function whose time is over",
            twice(vec![say(json!([48, 1, {"timeout": 1}, "panics_when_dropped"])), bare(48, 1, "wamp.error.timeout")]),
        ),
        (
            "a panic of a function whose caller leaves",
            vec![
                joined(),
                call("panics_when_dropped", json!([])),
                say(json!([6, {}, "my.reason"])),
                hear(json!([6, {}, "wamp.close.goodbye_and_out"])),
                joined(),
                Step::Served,
            ],
        ),
        (
            "a panic of a function whose caller is gone",
            vec![joined(), call("panics_when_dropped", json!([])), Step::Vanish],
        ),
        (
            "a panic of a function whose caller breaks the rules",
            [vec![joined(), call("panics_when_dropped", json!([])), say(json!([]))], violation()].concat(),
        ),
        (
            "a panic of a subscribe function",
            twice(vec![say(json!([32, 1, {}, "guarded.panics"])), bare(32, 1, FAILED)]),
        ),
        (
            "a panic of an event function",
            twice(vec![say(json!([16, 1, {"acknowledge": true}, "noted.panics"])), hear(json!([17, 1, "…"]))]),
        ),
        ("arguments that an event function does not take", twice(vec![numbers(json!("x")), hear(json!([17, 1, "…"]))])),
        (
            "a panic of an authenticator",
            [
                State::Challenged.steps(),
                vec![
                    say(json!([5, "panics", {}])),
                    hear(json!([3, "…", "wamp.error.authentication_failed"])),
                    Step::Closed(1000),
                ],
            ]
            .concat(),
        ),
    ]
    .into_iter()
    .map(|(name, steps)| case(name, ALL, steps))
    .collect()
}

/// What never ends, and how it is ended.
fn endless() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let begun = || vec![joined(), call("endless", json!([]))];
    let canceled = || bare(48, 1, "wamp.error.canceled");
    let waiting = || vec![joined(), say(json!([32, 1, {}, "guarded.endless"])), say(json!([32, 2, {}, "open.news"]))];
    let goodbye = || vec![say(json!([6, {}, "my.reason"])), hear(json!([6, {}, "wamp.close.goodbye_and_out"]))];
    let mut cases = Vec::new();
    for mode in ["skip", "kill", "killnowait"] {
        let steps = [begun(), vec![say(json!([49, 1, {"mode": mode}])), canceled(), Step::Served]].concat();
        if mode != "skip" {
            let twice = say(json!([49, 1, {"mode": mode}]));
            let steps = [begun(), vec![twice.clone(), twice, canceled(), Step::Served]].concat();
            cases.push(case(format!("CANCEL {mode}, twice"), ALL, steps));
        }
        cases.push(case(format!("CANCEL {mode}"), ALL, steps));
    }
    let rows = [
        ("a call without end, and its caller gone", [begun(), vec![Step::Vanish]].concat()),
        ("a call without end, and GOODBYE", [begun(), goodbye(), vec![joined(), Step::Served]].concat()),
        (
            "a call without end, and ABORT",
            [begun(), vec![say(json!([3, {}, "my.reason"])), Step::Closed(1000)]].concat(),
        ),
        ("a call without end, and a violation", [begun(), vec![say(json!([48, 2]))], violation()].concat()),
        ("a call without end, and others", [begun(), vec![Step::Served; 20], vec![Step::Vanish]].concat()),
        (
            "a call whose time is over",
            vec![
                joined(),
                say(json!([48, 1, {"timeout": 1}, "endless"])),
                bare(48, 1, "wamp.error.timeout"),
                Step::Served,
            ],
        ),
        // Calls do not wait behind it, what is about topics does.
        (
            "a subscription without an answer, and its client gone",
            [waiting(), vec![Step::Served, Step::Vanish]].concat(),
        ),
        (
            "a subscription without an answer, and GOODBYE",
            [waiting(), goodbye(), vec![joined(), Step::Served]].concat(),
        ),
        (
            "a subscription without an answer, and a violation",
            [waiting(), vec![say(json!([48, 2]))], violation()].concat(),
        ),
        (
            "progress that nobody reads",
            vec![joined(), say(json!([48, 1, {"receive_progress": true}, "count"])), Step::Vanish],
        ),
        (
            "progress that is canceled",
            vec![
                joined(),
                say(json!([48, 1, {"receive_progress": true}, "count"])),
                hear(json!([50, 1, {"progress": true}, [0, "…"]])),
                hear(json!([50, 1, {"progress": true}, [1, "…"]])),
                say(json!([49, 1, {"mode": "killnowait"}])),
                Step::HearUntil(json!([50, 1, {"progress": true}, "…"]), json!([8, 48, 1, {}, "wamp.error.canceled"])),
                Step::Served,
            ],
        ),
    ];
    cases.extend(rows.into_iter().map(|(name, steps)| case(name, ALL, steps)));
    let resets = [begun(), waiting()].map(|steps| steps.into_iter().map(|step| ("resetting", step)).collect());
    for (name, mut steps) in ["a call", "a subscription"].into_iter().zip::<[Vec<_>; 2]>(resets) {
        steps.push(("resetting", Step::Vanish));
        cases.push(scene(format!("{name} without end, and a reset"), ALL, steps));
    }
    cases
}

/// Peers that go in the middle of something they have begun.
fn given_up() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    [
        ("half a message", vec![joined(), Step::Octets(vec![0x82, 0x7e]), Step::Vanish]),
        (
            "many calls, and gone",
            vec![joined(), Step::SayAll((1..=16).map(|id| json!([48, id, {}, "endless"])).collect()), Step::Vanish],
        ),
        (
            "many large results, and gone",
            vec![
                joined(),
                Step::SayAll((1..=100).map(|id| json!([48, id, {}, "large", [10_000]])).collect()),
                Step::Vanish,
            ],
        ),
        (
            "subscribed, and gone",
            vec![
                joined(),
                say(json!([32, 1, {}, "open.news"])),
                say(json!([32, 2, {"match": "prefix"}, "open."])),
                say(json!([32, 3, {"match": "wildcard"}, "open..a.b.c"])),
                hear(json!([33, 1, "…"])),
                Step::Vanish,
            ],
        ),
    ]
    .into_iter()
    .map(|(name, steps)| case(name, ALL, steps))
    .collect()
}
