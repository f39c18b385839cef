//! Too much of everything, with the limits of `world`: what is over a limit is refused, who does not read is cut, and nobody
//! else is concerned. DESIGN section 3.

use serde_json::{Value, json};
use serverwamp_tests::Serializer;

use super::{ALL, RAW_SOCKET, THREE, WEB_SOCKET};
use crate::script::{Case, Step, case, hear, say, scene, violation};

/// Calls in flight, subscriptions, registrations.
const MOST: u64 = 16;
/// Invocations in flight.
const MOST_INVOCATIONS: u64 = 32;
const MOST_TESTAMENTS: u64 = 4;
/// Larger than what the system keeps for a peer that does not read.
const FLOOD: usize = 12 << 20;

fn exceeded(kind: u64, request: u64, limit: &str, maximum: u64) -> Step {
    hear(json!([8, kind, request, {}, "serverwamp.error.limit_exceeded", [], {"limit": limit, "maximum": maximum}]))
}

pub(crate) fn cases() -> Vec<Case> {
    [limited(), churn(), unread(), of_topics()].concat()
}

/// As many as there may be, and one more.
fn limited() -> Vec<Case> {
    let call = |id: u64| json!([48, id, {}, "endless"]);
    let calls = |first: u64| (first..first + MOST).map(call).collect::<Vec<Value>>();
    let canceled = |id: u64| hear(json!([8, 48, id, {}, "wamp.error.canceled"]));
    let mut calls_in_flight = vec![Step::Enter("realm1"), Step::SayAll(calls(1))];
    // Those that get too far are refused one by one, and CANCEL gets through.
    for id in 100..140 {
        calls_in_flight.extend([say(call(id)), exceeded(48, id, "calls_in_flight", MOST)]);
    }
    for id in 1..=MOST {
        calls_in_flight.extend([say(json!([49, id, {"mode": "kill"}])), canceled(id)]);
    }
    calls_in_flight.push(Step::Served);

    let mut subscriptions = vec![Step::Enter("realm1")];
    for id in 1..=MOST {
        subscriptions
            .extend([say(json!([32, id, {}, format!("open.{id}")])), hear(json!([33, id, format!("$s{id}")]))]);
    }
    for (id, options) in (100..).zip([json!({}), json!({"match": "prefix"}), json!({"match": "wildcard"})]) {
        subscriptions.extend([say(json!([32, id, options, "open.more"])), exceeded(32, id, "subscriptions", MOST)]);
    }
    // One that there is already takes no room.
    subscriptions.extend([say(json!([32, 200, {}, "open.1"])), hear(json!([33, 200, "$s1"]))]);
    subscriptions.extend([say(json!([34, 201, "$s1"])), hear(json!([35, 201]))]);
    subscriptions.extend([say(json!([32, 202, {}, "open.more"])), hear(json!([33, 202, "…"])), Step::Served]);

    let mut registrations = vec![Step::Enter("router")];
    for id in 1..=MOST {
        registrations.extend([say(json!([64, id, {}, format!("my.{id}")])), hear(json!([65, id, format!("$r{id}")]))]);
    }
    for (id, options) in (100..).zip([json!({}), json!({"match": "prefix"}), json!({"match": "wildcard"})]) {
        registrations.extend([say(json!([64, id, options, "my.more"])), exceeded(64, id, "registrations", MOST)]);
    }
    registrations.extend([say(json!([66, 201, "$r1"])), hear(json!([67, 201]))]);
    registrations.extend([say(json!([64, 202, {}, "my.more"])), hear(json!([65, 202, "…"]))]);

    let mut testaments = vec![Step::Enter("router")];
    for id in 1..=MOST_TESTAMENTS + 3 {
        testaments.push(say(json!([48, id, {}, "wamp.session.add_testament", ["my.topic", [], {}]])));
        testaments.push(match id {
            1..=MOST_TESTAMENTS => hear(json!([50, id, {}])),
            _ => hear(json!([8, 48, id, {}, "serverwamp.error.limit_exceeded", [], {
                "limit": "testaments", "message": "a session may have testaments up to 4 in number",
            }])),
        });
    }

    let mut waiting = vec![Step::Enter("realm1"), say(json!([32, 1, {}, "guarded.endless"]))];
    let requests = (2..2 + MOST).map(|id| json!([32, id, {}, format!("open.{id}")])).collect();
    waiting.push(Step::SayAll(requests));
    waiting.extend([say(json!([32, 100, {}, "open.more"])), exceeded(32, 100, "calls_in_flight", MOST)]);
    waiting.extend([say(json!([34, 101, 1])), exceeded(34, 101, "calls_in_flight", MOST)]);
    waiting
        .extend([say(json!([16, 102, {"acknowledge": true}, "open.a"])), exceeded(16, 102, "calls_in_flight", MOST)]);
    waiting.extend([say(json!([16, 103, {}, "open.a"])), Step::Served]);

    vec![
        case("calls", ALL, calls_in_flight),
        case("subscriptions", ALL, subscriptions),
        case("registrations", ALL, registrations),
        case("testaments", ALL, testaments),
        case("requests behind one that is not answered", ALL, waiting),
        scene("calls of a callee that is silent", ALL, invocations()),
    ]
}

fn invocations() -> Vec<(&'static str, Step)> {
    let mut lines = vec![
        ("callee", Step::Enter("router")),
        ("callee", say(json!([64, 1, {}, "my.procedure"]))),
        ("callee", hear(json!([65, 1, "$registration"]))),
    ];
    let mut invocation = 0;
    for caller in ["caller", "second", "third"] {
        lines.push((caller, Step::Enter("router")));
        for id in 1..=MOST {
            lines.push((caller, say(json!([48, id, {}, "my.procedure"]))));
            invocation += 1;
            let (who, what) = match invocation {
                1..=MOST_INVOCATIONS => ("callee", json!([68, invocation, "$registration", {}])),
                _ => (caller, json!([8, 48, id, {}, "wamp.error.no_available_callee", [], "…"])),
            };
            lines.push((who, hear(what)));
        }
    }
    lines.push(("callee", Step::Vanish));
    let canceled = |id: u64| json!([8, 48, id, {}, "wamp.error.canceled", [], "…"]);
    for caller in ["caller", "second"] {
        lines.push((caller, Step::HearAll((1..=MOST).map(canceled).collect())));
    }
    lines
}

/// The same again and again.
fn churn() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let repeated = |first: Step, step: &dyn Fn(u64) -> Vec<Step>, times: u64| {
        let mut steps = vec![first];
        steps.extend((1..=times).flat_map(step));
        steps
    };
    let all = |of: &dyn Fn(u64) -> Value, times: u64| (1..=times).map(of).collect::<Vec<Value>>();
    let subscribed = |id: u64| {
        let (begin, end) = (2 * id, 2 * id + 1);
        let name = format!("$s{id}");
        vec![
            say(json!([32, begin, {}, "open.news"])),
            hear(json!([33, begin, name])),
            say(json!([34, end, name])),
            hear(json!([35, end])),
        ]
    };
    let registered = |id: u64| {
        let (begin, end) = (2 * id, 2 * id + 1);
        let name = format!("$r{id}");
        vec![
            say(json!([64, begin, {}, "my.procedure"])),
            hear(json!([65, begin, name])),
            say(json!([66, end, name])),
            hear(json!([67, end])),
        ]
    };
    let sessions = |_: u64| {
        vec![
            say(json!([6, {}, "my.reason"])),
            hear(json!([6, {}, "wamp.close.goodbye_and_out"])),
            Step::Enter("router"),
        ]
    };
    let refusals = all(&|id| json!([48, id, {}, "no uri"]), 1000);
    let cancels = all(&|_| json!([49, 1, {"mode": "kill"}]), 1000);
    vec![
        case(
            "two thousand calls before an answer is read",
            ALL,
            vec![
                joined(),
                Step::SayAll(all(&|id| json!([48, id, {}, "add", [2, 3]]), 2000)),
                Step::HearAll(all(&|id| json!([50, id, {}, [5]]), 2000)),
            ],
        ),
        case(
            "a thousand refusals before one is read",
            ALL,
            vec![
                joined(),
                Step::SayAll(refusals),
                Step::HearAll(all(&|id| json!([8, 48, id, {}, "wamp.error.invalid_uri", [], "…"]), 1000)),
                Step::Served,
            ],
        ),
        case(
            "a thousand CANCELs",
            ALL,
            vec![
                joined(),
                say(json!([48, 1, {}, "endless"])),
                Step::SayAll(cancels),
                hear(json!([8, 48, 1, {}, "wamp.error.canceled"])),
                Step::Served,
            ],
        ),
        case("subscriptions that come and go", ALL, repeated(joined(), &subscribed, 100)),
        case("registrations that come and go", ALL, repeated(Step::Enter("router"), &registered, 100)),
        case("sessions that come and go", ALL, repeated(joined(), &sessions, 100)),
        case(
            "a thousand publications that nobody hears",
            ALL,
            vec![joined(), Step::SayAll(all(&|id| json!([16, id, {}, "open.news", [id]]), 1000)), Step::Served],
        ),
        case(
            "a thousand publications to a function",
            ALL,
            vec![joined(), Step::SayAll(all(&|id| json!([16, id, {}, "noted.numbers", [id]]), 1000)), Step::Served],
        ),
        case(
            "a thousand refused publications",
            ALL,
            vec![joined(), Step::SayAll(all(&|id| json!([16, id, {}, "closed"]), 1000)), Step::Served],
        ),
        case(
            "sessions in realms that nobody else is in",
            ALL,
            (0..100)
                .flat_map(|number| {
                    vec![
                        say(crate::script::hello(&format!("realm.{number}"))),
                        hear(json!([2, "…", "…"])),
                        say(json!([32, 1, {}, "open.news"])),
                        hear(json!([33, 1, 1])),
                        say(json!([6, {}, "my.reason"])),
                        hear(json!([6, {}, "wamp.close.goodbye_and_out"])),
                    ]
                })
                .collect(),
        ),
        case(
            "HELLO again and again",
            ALL,
            [vec![Step::SayAll(vec![crate::script::hello("realm1"); 4]), hear(json!([2, "…", "…"]))], violation()]
                .concat(),
        ),
    ]
}

/// Peers that ask for much and read nothing: they are cut.
fn unread() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let cut = || vec![Step::Met("outbound_bytes"), Step::Vanish];
    let results = || Step::SayAll((1..=FLOOD / 60_000).map(|id| json!([48, id, {}, "large", [60_000]])).collect());
    let text = "x".repeat(60_000);
    let events = (2..=FLOOD / 60_000).map(|id| say(json!([16, id, {"exclude_me": false}, "open.news", [text]])));
    let frames = |head: &[u8], size: usize| Step::Octets([head, &vec![7; size][..]].concat().repeat(FLOOD / size));
    let subscribe = say(json!([32, 1, {}, "open.news"]));
    let rows: [(&str, &'static [Serializer], Vec<Step>); 5] = [
        ("results", THREE[0], vec![joined(), results()]),
        ("answers to pings", &WEB_SOCKET[..2], vec![joined(), frames(&[0x89, 0xfd, 0, 0, 0, 0], 125)]),
        ("answers to RawSocket pings", &RAW_SOCKET[..2], vec![joined(), frames(&[1, 0, 0xf0, 0], 0xf000)]),
        ("answers to RawSocket pings at first", &RAW_SOCKET[..2], vec![frames(&[1, 0, 0x0f, 0], 0x0f00)]),
        ("its own events", THREE[1], [vec![joined(), subscribe], events.collect()].concat()),
    ];
    let dead = |steps: Vec<Step>| steps.into_iter().map(|step| ("dead", step)).collect();
    rows.into_iter().map(|(name, on, steps)| scene(name, on, dead([steps, cut()].concat()))).collect()
}

/// A subscriber that reads nothing harms neither the publisher nor another subscriber.
fn of_topics() -> Vec<Case> {
    let subscribes = |peer: &'static str, name: &str| {
        let topic = "open.news";
        vec![(peer, Step::Enter("realm1")), (peer, say(json!([32, 1, {}, topic]))), (peer, hear(json!([33, 1, name])))]
    };
    let mut lines = [subscribes("dead", "$subscription"), subscribes("reader", "$subscription")].concat();
    lines.push(("publisher", Step::Enter("realm1")));
    let text = "x".repeat(60_000);
    for number in 1..=200_u64 {
        lines.push(("publisher", say(json!([16, number, {"acknowledge": true}, "open.news", [number, text]]))));
        lines.push(("publisher", hear(json!([17, number, format!("$p{number}")]))));
        lines.push(("reader", hear(json!([36, "$subscription", format!("$p{number}"), {}, [number, "…"]]))));
    }
    lines.extend([("dead", Step::Met("outbound_bytes")), ("publisher", Step::Served), ("reader", Step::Served)]);
    vec![
        scene("a subscriber that reads nothing", THREE[2], lines),
        scene("events that are to be retained", ALL, retained()),
    ]
}

/// A publisher fills what is retained; of that, only the latest are left.
fn retained() -> Vec<(&'static str, Step)> {
    const MOST: u64 = 4;
    let publish = |id: u64| json!([16, id, {"retain": true, "acknowledge": id == 1000}, format!("my.{id}"), [id]]);
    let event = |id: u64| json!([36, "$subscription", "…", {"retained": true, "topic": format!("my.{id}")}, [id]]);
    vec![
        ("publisher", Step::Enter("router")),
        ("publisher", Step::SayAll((1..=1000).map(publish).collect())),
        ("publisher", hear(json!([17, 1000, "…"]))),
        ("late", Step::Enter("router")),
        ("late", say(json!([32, 1, {"match": "prefix", "get_retained": true}, "my."]))),
        ("late", hear(json!([33, 1, "$subscription"]))),
        ("late", Step::HearAll((1001 - MOST..=1000).map(event).collect())),
        ("late", say(json!([48, 2, {}, "wamp.session.count", [["nobody"]]]))),
        ("late", hear(json!([50, 2, {}, [0]]))),
    ]
}
