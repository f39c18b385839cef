//! Depth, nodes, and sizes: exactly at the limit, and past it. DESIGN section 3, with the limits of `world`.

use serde_json::{Value, json};

use super::{ALL, RAW_SOCKET, State, WEB_SOCKET};
use crate::script::{Case, Step, case, error, hear, say, violation};

const DEPTH: usize = 16;
const NODES: usize = 1000;
const SIZE: usize = 65_536;
const SIZE_BEFORE_WELCOME: usize = 4096;

/// So many lists, one in the other.
fn nested(depth: usize) -> Value {
    (1..depth).fold(json!([]), |inner, _| json!([inner]))
}

/// A dict so deep.
fn nested_dicts(depth: usize) -> Value {
    (1..depth).fold(json!({}), |inner, _| json!({"k": inner}))
}

fn many(nodes: usize) -> Value {
    vec![0; nodes].into()
}

pub(crate) fn cases() -> Vec<Case> {
    [excessive(), allowed(), sizes(), frames()].concat()
}

/// What is too deep or too much, and where.
fn excessive() -> Vec<Case> {
    let mut cases = Vec::new();
    let excesses = [("depth", nested(DEPTH)), ("depth of dicts", nested_dicts(DEPTH)), ("nodes", many(NODES))];
    let argument = "wamp.error.invalid_argument";
    for (excess, value) in &excesses {
        let mut case_of = |name: &str, steps: Vec<Step>| cases.push(case(format!("{excess}: {name}"), ALL, steps));
        let options = json!({"x": value});
        let requests = [
            ("CALL, arguments", json!([48, 7, {}, "add", [value]])),
            ("CALL, keywords", json!([48, 7, {}, "add", [], {"k": value}])),
            ("CALL, options", json!([48, 7, options, "add"])),
            ("CALL, an element too many", json!([48, 7, {}, "add", [], {}, value])),
            ("CALL, in the place of the URI", json!([48, 7, {}, value])),
            ("acknowledged PUBLISH", json!([16, 7, {"acknowledge": true}, "open.news", [value]])),
            ("acknowledged PUBLISH, options", json!([16, 7, {"acknowledge": true, "x": value}, "open.news"])),
            ("SUBSCRIBE, options", json!([32, 7, options, "open.news"])),
            ("UNSUBSCRIBE, an element too many", json!([34, 7, 1, value])),
            ("REGISTER, options", json!([64, 7, options, "my.procedure"])),
            ("UNREGISTER, an element too many", json!([66, 7, 1, value])),
        ];
        for (name, request) in requests {
            let kind = request[0].as_u64().unwrap();
            case_of(name, vec![Step::Enter("realm1"), say(request), error(kind, 7, argument), Step::Served]);
        }
        // One that is not acknowledged has no answer.
        let publish = json!([16, 7, {}, "open.news", [value]]);
        case_of("PUBLISH", vec![Step::Enter("realm1"), say(publish), Step::Served]);
        let violations = [
            ("CALL without an id", State::Joined, json!([48, value])),
            ("a bad id", State::Joined, json!([48, 0, {}, "add", [value]])),
            ("no type", State::Joined, value.clone()),
            ("CANCEL", State::Joined, json!([49, 7, options])),
            ("GOODBYE", State::Joined, json!([6, options, "my.reason"])),
            ("ABORT", State::Joined, json!([3, options, "my.reason"])),
            ("HELLO", State::Connected, json!([1, "realm1", {"roles": {"caller": {}}, "x": value}])),
            ("AUTHENTICATE", State::Challenged, json!([5, "sesame", {"x": value}])),
            ("YIELD", State::Invoked, json!([70, 1, {}, [value]])),
            ("ERROR", State::Invoked, json!([8, 68, 1, {}, "my.error", [value]])),
            ("CALL before WELCOME", State::Connected, json!([48, 7, {}, "add", [value]])),
        ];
        for (name, state, message) in violations {
            case_of(name, [state.steps(), vec![say(message)], violation()].concat());
        }
        let twice =
            vec![Step::Enter("realm1"), say(json!([48, 7, {}, "endless"])), say(json!([48, 7, {}, "add", [value]]))];
        case_of("an id that is in use", [twice, violation()].concat());
    }
    cases
}

/// Exactly as much as is allowed.
fn allowed() -> Vec<Case> {
    // The message and its arguments are two levels, and eight nodes with the type, the id, the options, the URI and the list.
    let rows = [
        ("depth", json!([48, 7, {}, "add", [nested(DEPTH - 2)]])),
        ("nodes", json!([48, 7, {}, "add", [many(NODES - 7)]])),
    ];
    let mut cases = Vec::new();
    for (name, call) in rows {
        // The function does not take it, which shows that it got that far.
        let steps = vec![Step::Enter("realm1"), say(call), error(48, 7, "wamp.error.invalid_argument"), Step::Served];
        cases.push(case(format!("{name} at the limit"), ALL, steps));
    }
    cases
}

/// An `echo` of a text that makes the message so long, in JSON.
fn call_of(size: usize) -> Value {
    let around = json!([48, 7, {}, "large", [1], {"x": ""}]).to_string().len();
    json!([48, 7, {}, "large", [1], {"x": "x".repeat(size - around)}])
}

fn hello_of(size: usize) -> Value {
    let message = |agent: &str| json!([1, "realm1", {"agent": agent, "roles": {"caller": {}}}]);
    message(&"x".repeat(size - message("").to_string().len()))
}

fn sizes() -> Vec<Case> {
    use serverwamp_tests::Serializer::{Json, RawSocketJson};
    const JSON: &[serverwamp_tests::Serializer] = &[Json, RawSocketJson];
    let unknown = || error(48, 7, "wamp.error.invalid_argument");
    let joined = || Step::Enter("realm1");
    let welcome = || hear(json!([2, "…", "…"]));
    vec![
        case("a message at the limit", JSON, vec![joined(), say(call_of(SIZE)), unknown(), Step::Served]),
        case("a message over the limit by one", JSON, vec![joined(), say(call_of(SIZE + 1)), Step::Closed(1009)]),
        case("HELLO at the limit", JSON, vec![say(hello_of(SIZE_BEFORE_WELCOME)), welcome(), Step::Served]),
        case("HELLO over the limit by one", JSON, vec![say(hello_of(SIZE_BEFORE_WELCOME + 1)), Step::Closed(1009)]),
        case(
            "messages over the limit, in every codec",
            ALL,
            vec![joined(), say(call_of(2 * SIZE)), Step::Closed(1009)],
        ),
        case(
            "a HELLO over the limit, in every codec",
            ALL,
            vec![say(hello_of(2 * SIZE_BEFORE_WELCOME)), Step::Closed(1009)],
        ),
        case(
            "the limit of WELCOME ends with the session",
            ALL,
            vec![
                joined(),
                say(json!([6, {}, "my.reason"])),
                hear(json!([6, {}, "wamp.close.goodbye_and_out"])),
                say(hello_of(2 * SIZE_BEFORE_WELCOME)),
                Step::Closed(1009),
            ],
        ),
        case(
            "a result larger than a quarter of what may wait",
            ALL,
            vec![
                joined(),
                say(json!([48, 7, {}, "large", [SIZE + 1]])),
                error(48, 7, "wamp.error.payload_size_exceeded"),
                Step::Served,
            ],
        ),
    ]
}

/// What frames announce, whatever follows.
fn frames() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let octets = |octets: &[u8]| Step::Octets(octets.to_vec());
    let head = |length: u64| [&[0x82, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
    let mut cases = Vec::new();
    for length in [SIZE as u64 + 1, 1 << 24, 1 << 31, 1 << 32, (1 << 32) + 1, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX]
    {
        let steps = vec![joined(), Step::Octets(head(length)), Step::Closed(1009)];
        cases.push(case(format!("a WebSocket frame of {length} octets"), WEB_SOCKET, steps));
    }
    for length in [SIZE_BEFORE_WELCOME as u64 + 1, SIZE as u64, u64::MAX] {
        let steps = vec![Step::Octets(head(length)), Step::Closed(1009)];
        cases.push(case(format!("a WebSocket frame of {length} octets at first"), WEB_SOCKET, steps));
    }
    // A frame that is as large as may be, and does not come, keeps nobody from leaving.
    let begun = vec![joined(), Step::Octets(head(SIZE as u64)), octets(b"[48"), Step::Vanish];
    cases.push(case("a WebSocket frame that does not come", WEB_SOCKET, begun));
    let part = |opcode: u8, length: usize| {
        let head = [&[opcode, 0xff][..], &(length as u64).to_be_bytes(), &[0; 4]].concat();
        Step::Octets([head, vec![b' '; length]].concat())
    };
    let fragments = |first: u8| vec![joined(), part(first, SIZE - 1), part(0, 1), part(0, 1), Step::Closed(1009)];
    cases.push(case("fragments that are too large together", WEB_SOCKET, fragments(2)));
    for head in
        [[0x00, 0x01, 0x00, 0x01], [0x00, 0xff, 0xff, 0xff], [0x08, 0, 0, 0], [0x01, 0x01, 0x00, 0x01], [0x09, 0, 0, 0]]
    {
        let steps = vec![joined(), octets(&head), Step::Lost];
        cases.push(case(format!("a RawSocket frame {head:02x?}"), RAW_SOCKET, steps));
    }
    for head in [[0x00, 0x00, 0x10, 0x01], [0x01, 0x00, 0x10, 0x01]] {
        cases.push(case(
            format!("a RawSocket frame {head:02x?} at first"),
            RAW_SOCKET,
            vec![octets(&head), Step::Lost],
        ));
    }
    let begun = vec![joined(), octets(&[0, 1, 0, 0, b'[', b'4']), Step::Vanish];
    cases.push(case("a RawSocket frame that does not come", RAW_SOCKET, begun));
    cases
}
