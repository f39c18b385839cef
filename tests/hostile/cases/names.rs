//! Ids and URIs: wrong, reserved, reused, unknown, and other sessions'. PROTOCOL 1.2, 1.3, 1.4.

use serde_json::{Value, json};

use super::{ALL, State, THREE};
use crate::script::{Case, Step, case, error, hear, say, scene, violation};

const MAX_ID: u64 = 1 << 53;

/// Texts that are no URIs, and which policies they are no patterns for either.
const NO_URIS: &[(&str, &[&str])] = &[
    ("", &["exact"]),
    (".", &["exact", "prefix"]),
    ("..", &["exact", "prefix"]),
    ("a.", &["exact"]),
    (".a", &["exact", "prefix"]),
    ("a..b", &["exact", "prefix"]),
    ("a b", &["exact", "prefix", "wildcard"]),
    (" a", &["exact", "prefix", "wildcard"]),
    ("a\n", &["exact", "prefix", "wildcard"]),
    ("a\tb", &["exact", "prefix", "wildcard"]),
    ("a#", &["exact", "prefix", "wildcard"]),
    ("#", &["exact", "prefix", "wildcard"]),
    ("a\u{a0}b", &["exact", "prefix", "wildcard"]),
    ("a.\u{2028}", &["exact", "prefix", "wildcard"]),
];

fn too_long() -> [String; 3] {
    ["a".repeat(256), "ü".repeat(128), "a.".repeat(20_000) + "a"]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let long = too_long();
    let policies: &[&str] = &["exact", "prefix", "wildcard"];
    let texts = NO_URIS.iter().copied().chain(long.iter().map(|text| (text.as_str(), policies)));
    for (text, policies) in texts {
        no_uri(text, policies, &mut cases);
    }
    cases.extend(reserved());
    cases.extend(ids());
    cases.extend(of_others());
    cases
}

/// A request that is refused, after which the session goes on: in a realm of functions, and in a router.
fn refused(request: &Value, uri: &str, cases: &mut Vec<Case>) {
    for realm in ["realm1", "router"] {
        if realm == "realm1" && request[0] == 64 {
            continue;
        }
        let mut steps = vec![Step::Enter(realm), say(request.clone()), error(request[0].as_u64().unwrap(), 7, uri)];
        if realm == "realm1" {
            steps.push(Step::Served);
        }
        let name: String = format!("{uri} in {realm}: {request}").chars().take(200).collect();
        cases.push(case(name, THREE[cases.len() % 3], steps));
    }
}

fn no_uri(text: &str, policies: &[&str], cases: &mut Vec<Case>) {
    let invalid = "wamp.error.invalid_uri";
    refused(&json!([48, 7, {}, text, [2, 3]]), invalid, cases);
    refused(&json!([16, 7, {"acknowledge": true}, text]), invalid, cases);
    for policy in policies {
        refused(&json!([32, 7, {"match": policy}, text]), invalid, cases);
        refused(&json!([64, 7, {"match": policy}, text]), invalid, cases);
    }
    // Without `acknowledge`, nothing ever comes.
    let steps = vec![Step::Enter("realm1"), say(json!([16, 7, {}, text])), Step::Served];
    cases.push(case(format!("a publication to {:?}", &text[..text.len().min(20)]), THREE[cases.len() % 3], steps));
    if text.len() < 1000 {
        let hello = say(json!([1, text, {"roles": {"caller": {}}}]));
        let steps = vec![hello, hear(json!([3, "…", invalid])), Step::Closed(1000)];
        cases.push(case(format!("a realm {text:?}"), THREE[cases.len() % 3], steps));
    }
    let state = State::Invoked;
    let steps = [state.steps(), vec![say(json!([8, 68, 1, {}, text]))], violation()].concat();
    cases.push(case(format!("an error {:?}", &text[..text.len().min(20)]), THREE[cases.len() % 3], steps));
}

/// What begins with `wamp` is the protocol's.
fn reserved() -> Vec<Case> {
    let mut cases = Vec::new();
    let invalid = "wamp.error.invalid_uri";
    for name in ["wamp", "wamp.session.on_join", "wamp.my.own"] {
        refused(&json!([16, 7, {"acknowledge": true}, name]), invalid, &mut cases);
        refused(&json!([64, 7, {}, name]), invalid, &mut cases);
        refused(&json!([64, 7, {"match": "prefix"}, name]), invalid, &mut cases);
        refused(&json!([64, 7, {"match": "wildcard"}, name]), invalid, &mut cases);
    }
    refused(&json!([64, 7, {"match": "prefix"}, "wamp."]), invalid, &mut cases);
    refused(&json!([64, 7, {"match": "wildcard"}, "wamp.."]), invalid, &mut cases);
    refused(&json!([48, 7, {}, "wamp.my.own"]), "wamp.error.no_such_procedure", &mut cases);
    refused(&json!([48, 7, {}, "unknown"]), "wamp.error.no_such_procedure", &mut cases);
    // Patterns that would match them do not.
    for (policy, pattern) in [("prefix", ""), ("prefix", "wam"), ("wildcard", ".my.own"), ("wildcard", "..")] {
        let steps = vec![
            Step::Enter("router"),
            say(json!([64, 1, {"match": policy}, pattern])),
            hear(json!([65, 1, "…"])),
            say(json!([48, 7, {}, "wamp.my.own"])),
            error(48, 7, "wamp.error.no_such_procedure"),
        ];
        cases.push(case(format!("a registration for everything, {policy} {pattern:?}"), ALL, steps));
    }
    // As many components as there can be.
    let (wide, long) = (".".repeat(255), vec!["a"; 128].join("."));
    for (name, pattern) in [("255 dots", wide.as_str()), ("127 dots", &wide[..127])] {
        let matches = pattern.len() == 127;
        let mut steps = vec![
            Step::Enter("router"),
            say(json!([32, 1, {"match": "wildcard"}, pattern])),
            hear(json!([33, 1, "$subscription"])),
            say(json!([64, 2, {"match": "wildcard"}, pattern])),
            hear(json!([65, 2, "$registration"])),
            say(json!([16, 3, {"exclude_me": false}, long])),
        ];
        if matches {
            steps.push(hear(json!([36, "$subscription", "…", {"topic": long}])));
        }
        steps.push(say(json!([48, 4, {}, long])));
        steps.push(match matches {
            true => hear(json!([68, 1, "$registration", {"procedure": long}])),
            false => error(48, 4, "wamp.error.no_such_procedure"),
        });
        cases.push(case(format!("a pattern of {name}"), ALL, steps));
    }
    let closed = |topic: &str, policy: &str| {
        let options = json!({"match": policy});
        vec![
            Step::Enter("realm1"),
            say(json!([32, 7, options, topic])),
            error(32, 7, "wamp.error.invalid_uri"),
            Step::Served,
        ]
    };
    for (topic, policy) in
        [("closed", "exact"), ("", "prefix"), ("o", "prefix"), (".", "wildcard"), (".news", "wildcard")]
    {
        cases.push(case(format!("a closed topic {topic:?} {policy}"), ALL, closed(topic, policy)));
    }
    let publish = json!([16, 7, {"acknowledge": true}, "closed"]);
    let steps = vec![Step::Enter("realm1"), say(publish), error(16, 7, "wamp.error.not_authorized"), Step::Served];
    cases.push(case("a publication to a closed topic", ALL, steps));
    let register = json!([64, 7, {}, "my.procedure"]);
    let steps = vec![Step::Enter("realm1"), say(register), error(64, 7, "wamp.error.not_authorized"), Step::Served];
    cases.push(case("a registration in a realm of functions", ALL, steps));
    cases
}

fn ids() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let add = |id: Value| say(json!([48, id, {}, "add", [2, 3]]));
    let result = |id: u64| hear(json!([50, id, {}, [5]]));
    let endless = || say(json!([48, 1, {}, "endless"]));
    let strict = |steps: Vec<Step>| [vec![Step::Enter("strict")], steps].concat();
    let mut cases: Vec<Case> = [
        ("the largest id", vec![joined(), add(json!(MAX_ID)), result(MAX_ID), Step::Served]),
        ("an id as a float", vec![joined(), add(json!(7.0)), result(7), Step::Served]),
        ("the largest id as a float", vec![joined(), add(json!(9_007_199_254_740_992.0)), result(MAX_ID)]),
        ("a message type as a float", vec![joined(), say(json!([48.0, 7, {}, "add", [2, 3]])), result(7)]),
        ("an id that has been used", vec![joined(), add(json!(7)), result(7), add(json!(7)), result(7)]),
        ("ids backwards", vec![joined(), add(json!(7)), result(7), add(json!(3)), result(3)]),
        ("an id that is in use", [vec![joined(), endless(), endless()], violation()].concat()),
        (
            "an id that is in use, by SUBSCRIBE",
            [vec![joined(), endless(), say(json!([32, 1, {}, "open.a"]))], violation()].concat(),
        ),
        (
            "an id that is in use, by PUBLISH",
            [vec![joined(), endless(), say(json!([16, 1, {}, "open.a"]))], violation()].concat(),
        ),
        (
            "an id that is in use, by a bad URI",
            [vec![joined(), endless(), say(json!([48, 1, {}, "no uri"]))], violation()].concat(),
        ),
        ("CANCEL of nothing", vec![joined(), say(json!([49, 5, {}])), Step::Served]),
        (
            "CANCEL of what has ended",
            vec![joined(), add(json!(7)), result(7), say(json!([49, 7, {"mode": "kill"}])), Step::Served],
        ),
        ("EVENT_RECEIVED of nothing", vec![joined(), say(json!([337, 5])), say(json!([37, MAX_ID])), Step::Served]),
        (
            "UNSUBSCRIBE of nothing",
            vec![joined(), say(json!([34, 7, 5])), error(34, 7, "wamp.error.no_such_subscription"), Step::Served],
        ),
        (
            "UNREGISTER of nothing",
            vec![joined(), say(json!([66, 7, 5])), error(66, 7, "wamp.error.no_such_registration"), Step::Served],
        ),
        (
            "progress that was not announced",
            [
                vec![
                    say(json!([1, "router", {"roles": {"caller": {}}}])),
                    hear(json!([2, "…", "…"])),
                    say(json!([48, 1, {"progress": true}, "a"])),
                ],
                violation(),
            ]
            .concat(),
        ),
        ("strict: in order", strict(vec![add(json!(1)), result(1), add(json!(2)), result(2)])),
        ("strict: from 2", strict([vec![add(json!(2))], violation()].concat())),
        ("strict: a gap", strict([vec![add(json!(1)), result(1), add(json!(3))], violation()].concat())),
        ("strict: again", strict([vec![add(json!(1)), result(1), add(json!(1))], violation()].concat())),
        ("strict: a gap before a bad URI", strict([vec![say(json!([48, 3, {}, "no uri"]))], violation()].concat())),
        (
            "strict: refused ones count",
            strict(vec![
                say(json!([48, 1, {}, "no uri"])),
                error(48, 1, "wamp.error.invalid_uri"),
                add(json!(2)),
                result(2),
            ]),
        ),
    ]
    .into_iter()
    .map(|(name, steps)| case(name, ALL, steps))
    .collect();
    // In the place of the arguments, where the options say so.
    let opaque = json!({"enc_algo": "cryptobox", "enc_key": "x", "enc_serializer": "json"});
    let sealed = vec![
        joined(),
        say(json!([48, 7, opaque, "add", "\0AAAA"])),
        error(48, 7, "wamp.error.invalid_argument"),
        Step::Served,
    ];
    cases.push(case("a sealed call of a function", ALL, sealed));
    let sealed = vec![joined(), say(json!([16, 7, opaque, "noted.numbers", "\0AAAA"])), Step::Served];
    cases.push(case("a sealed event for a function", ALL, sealed));
    let sealed = [vec![joined(), say(json!([48, 7, {"enc_algo": "none"}, "add", "\0AAAA"]))], violation()].concat();
    cases.push(case("a call that is sealed by an unknown algorithm", ALL, sealed));
    let twice = vec![
        joined(),
        say(json!([32, 1, {}, "open.news"])),
        hear(json!([33, 1, 1])),
        say(json!([32, 2, {}, "open.news"])),
        hear(json!([33, 2, 1])),
        say(json!([34, 3, 1])),
        hear(json!([35, 3])),
        say(json!([34, 4, 1])),
        error(34, 4, "wamp.error.no_such_subscription"),
        say(json!([16, 5, {"exclude_me": false}, "open.news"])),
        Step::Served,
    ];
    cases.push(case("a subscription ended twice", ALL, twice));
    cases
}

/// What belongs to other sessions.
fn of_others() -> Vec<Case> {
    let say = |peer: &'static str, message: Value| (peer, say(message));
    let hear = |peer: &'static str, message: Value| (peer, hear(message));
    let refused = |kind: u64, uri: &str| ("thief", error(kind, 1, uri));
    let enter = |peer: &'static str| (peer, Step::Enter("router"));
    vec![
        scene(
            "UNSUBSCRIBE of another's subscription",
            ALL,
            vec![
                enter("owner"),
                say("owner", json!([32, 1, {}, "my.topic"])),
                hear("owner", json!([33, 1, "$subscription"])),
                enter("thief"),
                say("thief", json!([34, 1, "$subscription"])),
                refused(34, "wamp.error.no_such_subscription"),
                say("thief", json!([16, 2, {"acknowledge": true}, "my.topic", [1]])),
                hear("owner", json!([36, "$subscription", "$publication", {}, [1]])),
                hear("thief", json!([17, 2, "$publication"])),
            ],
        ),
        scene(
            "REGISTER of another's procedure",
            ALL,
            vec![
                enter("owner"),
                say("owner", json!([64, 1, {}, "my.procedure"])),
                hear("owner", json!([65, 1, "$registration"])),
                enter("thief"),
                say("thief", json!([64, 1, {}, "my.procedure"])),
                refused(64, "wamp.error.procedure_already_exists"),
                say("thief", json!([64, 1, {"invoke": "last"}, "my.procedure"])),
                refused(64, "wamp.error.procedure_already_exists"),
                say("thief", json!([66, 1, "$registration"])),
                refused(66, "wamp.error.no_such_registration"),
                say("thief", json!([48, 2, {}, "my.procedure", [1]])),
                hear("owner", json!([68, 1, "$registration", {}, [1]])),
                say("owner", json!([70, 1, {}, [2]])),
                hear("thief", json!([50, 2, {}, [2]])),
            ],
        ),
        scene(
            "CANCEL of another's call",
            ALL,
            vec![
                enter("owner"),
                say("owner", json!([64, 1, {}, "my.procedure"])),
                hear("owner", json!([65, 1, "$registration"])),
                enter("caller"),
                say("caller", json!([48, 5, {}, "my.procedure"])),
                hear("owner", json!([68, 1, "$registration", {}])),
                enter("thief"),
                say("thief", json!([49, 5, {"mode": "killnowait"}])),
                say("thief", json!([48, 5, {}, "unknown"])),
                ("thief", error(48, 5, "wamp.error.no_such_procedure")),
                say("owner", json!([70, 1, {}, ["mine"]])),
                hear("caller", json!([50, 5, {}, ["mine"]])),
            ],
        ),
    ]
}
