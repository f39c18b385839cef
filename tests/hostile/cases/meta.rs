//! The procedures of the protocol with every wrong argument, and what can be done with the right ones. PROTOCOL 2.3.

use serde_json::{Value, json};

use super::{ALL, THREE};
use crate::script::{Case, Step, case, error, hear, say, scene};

const ARGUMENT: &str = "wamp.error.invalid_argument";
const URI: &str = "wamp.error.invalid_uri";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (procedure, arguments, keywords, uri) in wrong() {
        let steps = vec![
            Step::Enter("router"),
            say(json!([48, 7, {}, procedure, arguments, keywords])),
            error(48, 7, uri),
            say(json!([48, 8, {}, "wamp.session.count", [["nobody"]]])),
            hear(json!([50, 8, {}, [0]])),
        ];
        cases.push(case(format!("{procedure} {arguments} {keywords}"), THREE[cases.len() % 3], steps));
    }
    for (procedure, uri) in of_ids() {
        for id in [json!(0), json!(1_u64 << 53), json!((1_u64 << 53) + 1), json!(u64::MAX)] {
            let refused = hear(json!([8, 48, 7, {}, uri]));
            let steps = vec![Step::Enter("router"), say(json!([48, 7, {}, procedure, [id]])), refused];
            cases.push(case(format!("{procedure} {id}"), THREE[cases.len() % 3], steps));
        }
    }
    cases.extend(scenes());
    cases
}

/// Procedures whose first argument is an id, and the error if nothing has it.
fn of_ids() -> Vec<(&'static str, &'static str)> {
    let (session, registration) = ("wamp.error.no_such_session", "wamp.error.no_such_registration");
    let subscription = "wamp.error.no_such_subscription";
    vec![
        ("wamp.session.get", session),
        ("wamp.session.kill", session),
        ("wamp.registration.get", registration),
        ("wamp.registration.list_callees", registration),
        ("wamp.registration.count_callees", registration),
        ("wamp.subscription.get", subscription),
        ("wamp.subscription.list_subscribers", subscription),
        ("wamp.subscription.count_subscribers", subscription),
    ]
}

type Row = (&'static str, Value, Value, &'static str);

fn wrong() -> Vec<Row> {
    let mut rows = Vec::new();
    let no_ids = [
        json!([]),
        json!([null]),
        json!(["x"]),
        json!([true]),
        json!([1.5]),
        json!([-1]),
        json!([[]]),
        json!([{}]),
        json!(["\0AAAA"]),
    ];
    for (procedure, _) in of_ids() {
        rows.extend(no_ids.iter().map(|arguments| (procedure, arguments.clone(), json!({}), ARGUMENT)));
    }
    for procedure in ["wamp.registration.remove_callee", "wamp.subscription.remove_subscriber"] {
        for arguments in [json!([]), json!([1]), json!([1, null]), json!([1, "x"]), json!(["x", 1]), json!([1, -1])] {
            rows.push((procedure, arguments, json!({}), ARGUMENT));
        }
    }
    for procedure in ["wamp.session.kill_by_authid", "wamp.session.kill_by_authrole"] {
        for arguments in [json!([]), json!([null]), json!([7]), json!([[]]), json!([{}]), json!(["\0AAAA"])] {
            rows.push((procedure, arguments, json!({}), ARGUMENT));
        }
        rows.push((procedure, json!(["nobody"]), json!({"reason": 7}), ARGUMENT));
        rows.push((procedure, json!(["nobody"]), json!({"reason": "no uri"}), URI));
        rows.push((procedure, json!(["nobody"]), json!({"message": 7}), ARGUMENT));
    }
    for (keywords, uri) in
        [(json!({"reason": 7}), ARGUMENT), (json!({"reason": ""}), URI), (json!({"message": []}), ARGUMENT)]
    {
        rows.push(("wamp.session.kill_all", json!([]), keywords, uri));
    }
    for procedure in ["wamp.session.count", "wamp.session.list"] {
        for arguments in [json!([7]), json!(["x"]), json!([[7]]), json!([{}]), json!([[null]])] {
            rows.push((procedure, arguments, json!({}), ARGUMENT));
        }
    }
    for procedure in
        ["wamp.registration.lookup", "wamp.registration.match", "wamp.subscription.lookup", "wamp.subscription.match"]
    {
        for (arguments, uri) in [
            (json!([]), ARGUMENT),
            (json!([null]), ARGUMENT),
            (json!([7]), ARGUMENT),
            (json!([[]]), ARGUMENT),
            (json!([""]), URI),
            (json!(["a b"]), URI),
            (json!(["a..b"]), URI),
            (json!(["a.".repeat(200)]), URI),
        ] {
            rows.push((procedure, arguments, json!({}), uri));
        }
    }
    for options in
        [json!(7), json!("prefix"), json!({"match": 7}), json!({"match": "regex"}), json!([["match", "prefix"]])]
    {
        rows.push(("wamp.registration.lookup", json!(["a", options]), json!({}), ARGUMENT));
        rows.push(("wamp.subscription.lookup", json!(["a", options]), json!({}), ARGUMENT));
    }
    testaments(&mut rows);
    rows
}

fn testaments(rows: &mut Vec<Row>) {
    let add = "wamp.session.add_testament";
    for (arguments, uri) in [
        (json!([]), ARGUMENT),
        (json!([7]), ARGUMENT),
        (json!([""]), URI),
        (json!(["a b"]), URI),
        (json!(["wamp.session.on_join"]), URI),
        (json!(["my.topic", 7]), ARGUMENT),
        (json!(["my.topic", {}]), ARGUMENT),
        (json!(["my.topic", [], 7]), ARGUMENT),
        (json!(["my.topic", [], [1]]), ARGUMENT),
    ] {
        rows.push((add, arguments, json!({}), uri));
    }
    for options in [json!(7), json!({"disclose_me": 1}), json!({"exclude": [0]}), json!({"eligible_authid": [7]})] {
        rows.push((add, json!(["my.topic", [], {}]), json!({"publish_options": options}), ARGUMENT));
    }
    for scope in [json!(7), json!("x"), json!([]), json!("")] {
        rows.push((add, json!(["my.topic", [], {}]), json!({"scope": scope}), ARGUMENT));
        rows.push(("wamp.session.flush_testaments", json!([]), json!({"scope": scope}), ARGUMENT));
    }
}

fn scenes() -> Vec<Case> {
    let enter = |peer: &'static str| (peer, Step::Enter("router"));
    let say = |peer: &'static str, message: Value| (peer, say(message));
    let hear = |peer: &'static str, message: Value| (peer, hear(message));
    let observed = || {
        vec![
            enter("observer"),
            say("observer", json!([32, 1, {}, "my.testament"])),
            hear("observer", json!([33, 1, "$subscription"])),
            enter("victim"),
            say("victim", json!([48, 1, {}, "wamp.session.add_testament", ["my.testament", [7], {}]])),
            hear("victim", json!([50, 1, {}])),
        ]
    };
    let published = || vec![hear("observer", json!([36, "$subscription", "…", {}, [7]]))];
    let mut cases = vec![
        scene(
            "a testament of one who is gone",
            ALL,
            [observed(), vec![("victim", Step::Vanish)], published()].concat(),
        ),
        scene(
            "a testament of one who breaks the rules",
            ALL,
            [observed(), vec![say("victim", json!([]))], published()].concat(),
        ),
        scene(
            "nobody is killed, and no testament lost, by a wrong argument",
            ALL,
            [
                observed(),
                vec![
                    enter("killer"),
                    say("killer", json!([48, 1, {}, "wamp.session.kill_all", [], {"message": 7}])),
                    ("killer", error(48, 1, ARGUMENT)),
                    say("victim", json!([48, 2, {}, "wamp.session.count", [["nobody"]]])),
                    hear("victim", json!([50, 2, {}, [0]])),
                    ("victim", Step::Vanish),
                ],
                published(),
            ]
            .concat(),
        ),
    ];
    let mut killed = vec![enter("victim")];
    killed.extend([
        say("victim", json!([64, 1, {}, "my.procedure"])),
        hear("victim", json!([65, 1, "$registration"])),
        enter("killer"),
        say("killer", json!([48, 1, {}, "my.procedure"])),
        hear("victim", json!([68, 1, "$registration", {}])),
        say("killer", json!([48, 2, {}, "wamp.session.kill_all", [], {"reason": "my.killed", "message": "go"}])),
        hear("victim", json!([6, {"message": "go"}, "my.killed"])),
        ("killer", Step::HearAll(vec![json!([50, 2, {}, [1]]), json!([8, 48, 1, {}, "wamp.error.canceled", [], "…"])])),
        // It goes on as if nothing had happened.
        say("victim", json!([70, 1, {}, ["late"]])),
        say("victim", json!([64, 2, {}, "my.procedure"])),
        say("victim", json!([48, 3, {}, "wamp.session.kill_all"])),
        say("killer", json!([48, 4, {}, "my.procedure"])),
        ("killer", error(48, 4, "wamp.error.no_such_procedure")),
        say("victim", json!([6, {}, "wamp.close.goodbye_and_out"])),
        ("victim", Step::Closed(1000)),
    ]);
    cases.push(scene("one who is killed and goes on", ALL, killed));
    cases
}
