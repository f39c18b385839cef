//! Callers and callees in a router: gone, late, twice, of others, in another codec. PROTOCOL 1.7, 2.1.

use serde_json::{Value, json};

use super::ALL;
use crate::script::{Case, Step, hear, say, scene, violation};

type Line = (&'static str, Step);

fn says(peer: &'static str, message: Value) -> Line {
    (peer, say(message))
}

fn hears(peer: &'static str, message: Value) -> Line {
    (peer, hear(message))
}

fn enters(peer: &'static str) -> Line {
    (peer, Step::Enter("router"))
}

/// A callee and a caller, whose call 1 the callee has got as its invocation 1.
fn called(options: Value) -> Vec<Line> {
    vec![
        enters("callee"),
        says("callee", json!([64, 1, {}, "my.procedure"])),
        hears("callee", json!([65, 1, "$registration"])),
        enters("caller"),
        says("caller", json!([48, 1, options, "my.procedure"])),
        hears("callee", json!([68, 1, "$registration", "…"])),
    ]
}

fn violates(peer: &'static str) -> Vec<Line> {
    violation().into_iter().map(|step| (peer, step)).collect()
}

/// Another call is answered, and nothing else has come to either.
fn goes_on(invocation: u64) -> Vec<Line> {
    vec![
        says("caller", json!([48, 77, {}, "my.procedure", ["more"]])),
        hears("callee", json!([68, invocation, "$registration", {}, ["more"]])),
        says("callee", json!([70, invocation, {}, ["fine"]])),
        hears("caller", json!([50, 77, {}, ["fine"]])),
    ]
}

fn canceled() -> Line {
    hears("caller", json!([8, 48, 1, {}, "wamp.error.canceled", [], "…"]))
}

fn interrupted() -> Line {
    hears("callee", json!([69, 1, {"mode": "killnowait"}]))
}

pub(crate) fn cases() -> Vec<Case> {
    let rows = [gone(), rogues(), progress(), shared(), progressive_invocations()].concat();
    rows.into_iter().map(|(name, lines)| scene(name, ALL, lines)).collect()
}

type Row = (&'static str, Vec<Line>);

/// One of them goes in the middle of a call.
fn gone() -> Vec<Row> {
    let called = || called(json!({}));
    let plain_called = || {
        vec![
            says("callee", json!([1, "router", {"roles": {"callee": {}}}])),
            hears("callee", json!([2, "…", "…"])),
            says("callee", json!([64, 1, {}, "my.procedure"])),
            hears("callee", json!([65, 1, "$registration"])),
            enters("caller"),
            says("caller", json!([48, 1, {}, "my.procedure"])),
            hears("callee", json!([68, 1, "$registration", {}])),
        ]
    };
    let goodbye =
        |peer| vec![says(peer, json!([6, {}, "my.reason"])), hears(peer, json!([6, {}, "wamp.close.goodbye_and_out"]))];
    let late = || vec![says("callee", json!([70, 1, {}, ["late"]])), enters("caller")];
    vec![
        ("the callee is gone", [called(), vec![("callee", Step::Vanish), canceled()]].concat()),
        ("the callee says GOODBYE", [called(), goodbye("callee"), vec![canceled()]].concat()),
        (
            "the callee breaks the rules",
            [called(), vec![says("callee", json!([]))], violates("callee"), vec![canceled()]].concat(),
        ),
        ("the callee aborts", [called(), vec![says("callee", json!([3, {}, "my.reason"])), canceled()]].concat()),
        ("the caller is gone", [called(), vec![("caller", Step::Vanish), interrupted()], late(), goes_on(2)].concat()),
        ("the caller says GOODBYE", [called(), goodbye("caller"), vec![interrupted()], late(), goes_on(2)].concat()),
        (
            "the caller breaks the rules",
            [
                called(),
                vec![says("caller", json!([]))],
                violates("caller"),
                vec![("caller", Step::Vanish), interrupted()],
                late(),
                goes_on(2),
            ]
            .concat(),
        ),
        ("both are gone", [called(), vec![("callee", Step::Vanish), ("caller", Step::Vanish)]].concat()),
        (
            "the callee has unregistered",
            [
                called(),
                vec![
                    says("callee", json!([66, 2, "$registration"])),
                    hears("callee", json!([67, 2])),
                    says("callee", json!([70, 1, {}, ["mine"]])),
                    hears("caller", json!([50, 1, {}, ["mine"]])),
                ],
            ]
            .concat(),
        ),
        (
            "the caller is gone, of a callee that cannot be told",
            [
                plain_called(),
                vec![("caller", Step::Vanish), enters("caller")],
                vec![says("callee", json!([70, 1, {}, ["late"]]))],
                goes_on(2),
            ]
            .concat(),
        ),
        (
            "the callee is gone after its answer",
            [
                called(),
                vec![
                    says("callee", json!([70, 1, {}, ["last"]])),
                    ("callee", Step::Vanish),
                    hears("caller", json!([50, 1, {}, ["last"]])),
                ],
            ]
            .concat(),
        ),
        (
            "the callee is silent",
            [
                self::called(json!({"timeout": 50})),
                vec![hears("caller", json!([8, 48, 1, {}, "wamp.error.timeout"])), interrupted()],
                vec![says("callee", json!([70, 1, {}, ["late"]]))],
                goes_on(2),
            ]
            .concat(),
        ),
    ]
}

/// Answers that are none.
fn rogues() -> Vec<Row> {
    let called = || called(json!({}));
    let answered =
        || [called(), vec![says("callee", json!([70, 1, {}, [1]])), hears("caller", json!([50, 1, {}, [1]]))]].concat();
    let refused =
        |message: Value| [called(), vec![says("callee", message)], violates("callee"), vec![canceled()]].concat();
    vec![
        ("an answer twice", [answered(), vec![says("callee", json!([70, 1, {}, [2]]))], goes_on(2)].concat()),
        (
            "an error after the answer",
            [answered(), vec![says("callee", json!([8, 68, 1, {}, "my.error"]))], goes_on(2)].concat(),
        ),
        (
            "progress after the answer",
            [answered(), vec![says("callee", json!([70, 1, {"progress": true}, [2]]))], goes_on(2)].concat(),
        ),
        (
            "an answer after an error",
            [
                called(),
                vec![says("callee", json!([8, 68, 1, {}, "my.error", [1], {"k": 2}]))],
                vec![
                    hears("caller", json!([8, 48, 1, {}, "my.error", [1], {"k": 2}])),
                    says("callee", json!([70, 1, {}])),
                ],
                goes_on(2),
            ]
            .concat(),
        ),
        ("an answer to what was never asked", refused(json!([70, 2, {}]))),
        ("an error about what was never asked", refused(json!([8, 68, 2, {}, "my.error"]))),
        ("an answer to the largest id", refused(json!([70, 1_u64 << 53, {}]))),
        ("an error about a call", refused(json!([8, 48, 1, {}, "my.error"]))),
        ("a RESULT", refused(json!([50, 1, {}]))),
        ("an INTERRUPT", refused(json!([69, 1, {}]))),
        (
            "passthru that was announced, of a scheme alone",
            [
                called(),
                vec![says("callee", json!([70, 1, {"ppt_scheme": "x_mine"}, ["\0AAAA"]]))],
                vec![hears("caller", json!([50, 1, {"ppt_scheme": "x_mine"}, ["\0AAAA"]]))],
                goes_on(2),
            ]
            .concat(),
        ),
        (
            "an answer by one who was not asked",
            [
                called(),
                vec![enters("thief"), says("thief", json!([70, 1, {}, ["stolen"]]))],
                violates("thief"),
                vec![says("callee", json!([70, 1, {}, ["mine"]])), hears("caller", json!([50, 1, {}, ["mine"]]))],
            ]
            .concat(),
        ),
        (
            "an answer by one who was asked something else",
            [
                called(),
                vec![
                    enters("thief"),
                    says("thief", json!([64, 1, {}, "my.other"])),
                    hears("thief", json!([65, 1, "$other"])),
                    says("caller", json!([48, 2, {}, "my.other"])),
                    hears("thief", json!([68, 1, "$other", {}])),
                    says("thief", json!([70, 1, {}, ["other"]])),
                    hears("caller", json!([50, 2, {}, ["other"]])),
                    says("thief", json!([70, 1, {}, ["stolen"]])),
                    says("thief", json!([8, 68, 1, {}, "my.stolen"])),
                    says("callee", json!([70, 1, {}, ["mine"]])),
                    hears("caller", json!([50, 1, {}, ["mine"]])),
                ],
            ]
            .concat(),
        ),
        (
            "a callee that calls itself and goes",
            vec![
                enters("callee"),
                says("callee", json!([64, 1, {}, "my.procedure"])),
                hears("callee", json!([65, 1, "$registration"])),
                says("callee", json!([48, 2, {}, "my.procedure"])),
                hears("callee", json!([68, 1, "$registration", {}])),
                ("callee", Step::Vanish),
            ],
        ),
    ]
}

fn progress() -> Vec<Row> {
    let asked = || called(json!({"receive_progress": true}));
    let part = |number: u64| says("callee", json!([70, 1, {"progress": true}, [number]]));
    let got = |number: u64| hears("caller", json!([50, 1, {"progress": true}, [number]]));
    let end = || vec![says("callee", json!([70, 1, {}, ["end"]])), hears("caller", json!([50, 1, {}, ["end"]]))];
    let many = |parts: u64| (0..parts).flat_map(|number| [part(number), got(number)]).collect::<Vec<Line>>();
    vec![
        ("progress that nobody has asked for", [called(json!({})), vec![part(1), part(2)], end(), goes_on(2)].concat()),
        ("progress after the end", [asked(), many(3), end(), vec![part(4), part(5)], goes_on(2)].concat()),
        (
            "the callee is gone between its parts",
            [asked(), many(3), vec![("callee", Step::Vanish), canceled()]].concat(),
        ),
        (
            "the caller is gone between the parts",
            [
                asked(),
                many(3),
                vec![
                    ("caller", Step::Vanish),
                    interrupted(),
                    part(4),
                    says("callee", json!([70, 1, {}])),
                    enters("caller"),
                ],
                goes_on(2),
            ]
            .concat(),
        ),
        ("a hundred parts, of which nobody misses one", [asked(), many(100), end(), goes_on(2)].concat()),
        (
            "parts after a cancel",
            [
                asked(),
                many(2),
                vec![
                    says("caller", json!([49, 1, {"mode": "killnowait"}])),
                    hears("caller", json!([8, 48, 1, {}, "wamp.error.canceled"])),
                ],
                vec![interrupted(), part(3), says("callee", json!([8, 68, 1, {}, "wamp.error.canceled"]))],
                goes_on(2),
            ]
            .concat(),
        ),
        (
            "an answer to a kill",
            [
                asked(),
                vec![
                    says("caller", json!([49, 1, {"mode": "kill"}])),
                    hears("callee", json!([69, 1, {"mode": "kill"}])),
                    part(1),
                    got(1),
                ],
                end(),
                goes_on(2),
            ]
            .concat(),
        ),
    ]
}

/// Several callees of one procedure.
fn shared() -> Vec<Row> {
    let callee = |peer: &'static str, options: Value| {
        vec![
            enters(peer),
            says(peer, json!([64, 1, options, "my.procedure"])),
            hears(peer, json!([65, 1, "$registration"])),
        ]
    };
    let first = || json!({"invoke": "first"});
    let call = || {
        vec![
            enters("caller"),
            says("caller", json!([48, 1, {}, "my.procedure"])),
            hears("callee", json!([68, 1, "$registration", {}])),
        ]
    };
    let both = || [callee("callee", first()), callee("second", first()), call()].concat();
    let taken = |peer: &'static str| {
        vec![
            says("caller", json!([48, 2, {}, "my.procedure"])),
            hears(peer, json!([68, 1, "$registration", {}])),
            says(peer, json!([70, 1, {}, ["second"]])),
            hears("caller", json!([50, 2, {}, ["second"]])),
        ]
    };
    let unavailable = |peer: &'static str| says(peer, json!([8, 68, 1, {}, "wamp.error.unavailable"]));
    vec![
        // Its call is not done a second time by somebody else.
        ("one of two callees is gone", [both(), vec![("callee", Step::Vanish), canceled()], taken("second")].concat()),
        (
            "a callee that is not available",
            [
                both(),
                vec![
                    unavailable("callee"),
                    hears("second", json!([68, 1, "$registration", {}])),
                    says("second", json!([70, 1, {}, ["mine"]])),
                ],
                vec![hears("caller", json!([50, 1, {}, ["mine"]])), says("callee", json!([70, 1, {}, ["late"]]))],
            ]
            .concat(),
        ),
        (
            "callees of which none is available",
            [
                both(),
                vec![
                    unavailable("callee"),
                    hears("second", json!([68, 1, "$registration", {}])),
                    unavailable("second"),
                ],
                vec![hears("caller", json!([8, 48, 1, {}, "wamp.error.no_available_callee", [], "…"]))],
            ]
            .concat(),
        ),
        (
            "another policy",
            [
                callee("callee", first()),
                vec![enters("second"), says("second", json!([64, 1, {"invoke": "last"}, "my.procedure"]))],
                vec![hears("second", json!([8, 64, 1, {}, "wamp.error.procedure_already_exists", [], "…"]))],
            ]
            .concat(),
        ),
        (
            "twice by one callee",
            [
                callee("callee", first()),
                vec![says("callee", json!([64, 2, first(), "my.procedure"]))],
                vec![hears("callee", json!([8, 64, 2, {}, "wamp.error.procedure_already_exists", [], "…"]))],
            ]
            .concat(),
        ),
    ]
}

/// Calls whose arguments come in parts.
fn progressive_invocations() -> Vec<Row> {
    let begun = || called(json!({"progress": true}));
    let more = |number: u64| {
        vec![
            says("caller", json!([48, 1, {"progress": true}, "my.procedure", [number]])),
            hears("callee", json!([68, 1, "$registration", {"progress": true}, [number]])),
        ]
    };
    let last = || {
        vec![
            says("caller", json!([48, 1, {}, "my.procedure", ["last"]])),
            hears("callee", json!([68, 1, "$registration", {}, ["last"]])),
        ]
    };
    let end = || vec![says("callee", json!([70, 1, {}, ["end"]])), hears("caller", json!([50, 1, {}, ["end"]]))];
    vec![
        ("parts and an end", [begun(), more(1), more(2), last(), end(), goes_on(2)].concat()),
        (
            "a part after the last",
            [
                begun(),
                last(),
                vec![says("caller", json!([48, 1, {}, "my.procedure"]))],
                violates("caller"),
                vec![interrupted()],
            ]
            .concat(),
        ),
        (
            "parts after the answer",
            [
                begun(),
                end(),
                // They may have been under way.
                vec![
                    says("caller", json!([48, 1, {"progress": true}, "my.procedure", [1]])),
                    says("caller", json!([48, 1, {}, "my.procedure", [2]])),
                ],
                goes_on(2),
            ]
            .concat(),
        ),
        (
            "a caller that is gone between its parts",
            [begun(), more(1), vec![("caller", Step::Vanish), interrupted()]].concat(),
        ),
        (
            "a callee that is gone between the parts",
            [
                begun(),
                more(1),
                vec![("callee", Step::Vanish), canceled(), says("caller", json!([48, 1, {}, "my.procedure", [2]]))],
                vec![says("caller", json!([48, 2, {}, "my.procedure"]))],
                vec![hears("caller", json!([8, 48, 2, {}, "wamp.error.no_such_procedure", [], "…"]))],
            ]
            .concat(),
        ),
        (
            "parts for a callee that takes none",
            vec![
                says("callee", json!([1, "router", {"roles": {"callee": {}}}])),
                hears("callee", json!([2, "…", "…"])),
                says("callee", json!([64, 1, {}, "my.procedure"])),
                hears("callee", json!([65, 1, "$registration"])),
                enters("caller"),
                says("caller", json!([48, 1, {"progress": true}, "my.procedure"])),
                hears("caller", json!([8, 48, 1, {}, "wamp.error.feature_not_supported", [], "…"])),
            ],
        ),
    ]
}
