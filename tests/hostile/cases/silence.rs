//! Peers that say nothing, at each stage, or nothing that counts: a server that waits for nothing has waited long enough.
//! DESIGN section 3.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp_tests::Serializer::{self, *};

use super::{ALL, RAW_SOCKET, State, WEB_SOCKET};
use crate::script::{Case, Step, case, hear, say, scene, silent_opening};
use crate::world::Temper;

pub(crate) fn cases() -> Vec<Case> {
    let readers = readers().into_iter().map(|case| case.before(Temper::Unpinging));
    let silent = [openings(), sessions()].concat();
    silent.into_iter().map(|case| case.before(Temper::Impatient)).chain(readers).collect()
}

/// Before the upgrade, or the handshake, is over: the connection is dropped without a word.
fn openings() -> Vec<Case> {
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    [
        &b""[..],
        b"G",
        b"GET /ws HTTP/1.1\r\n",
        request.as_bytes(),
        // Its lines end otherwise, so that it never does.
        b"GET /ws HTTP/1.1\nHost: localhost\n\n",
        b"\x7f",
        b"\x7f\xf1",
        b"\x7f\xf1\x00",
    ]
    .into_iter()
    .map(|sent| silent_opening(format!("silence behind {:?}", String::from_utf8_lossy(sent)), sent.to_vec()))
    .collect()
}

fn sessions() -> Vec<Case> {
    let timed_out = |message: &str, code: u16| {
        vec![hear(json!([3, {"message": message}, "wamp.error.timeout"])), Step::Closed(code)]
    };
    let no_hello = || timed_out("no HELLO in time", 1002);
    let too_long = || timed_out("joining took too long", 1000);
    let joined = || Step::Enter("realm1");
    let octets = |octets: &[u8]| Step::Octets(octets.to_vec());
    let pings = |ping: &'static [u8], pong: &'static [u8]| {
        // They show that somebody is there, and are no HELLO.
        let ping =
            move || vec![Step::Octets(ping.to_vec()), Step::Pong(pong.to_vec()), Step::Wait(Duration::from_millis(20))];
        std::iter::repeat_with(ping).take(5).flatten().collect::<Vec<Step>>()
    };
    let dead = |first: &'static [u8]| vec![joined(), octets(first), Step::Met("pong_timeout"), Step::Lost];
    let call = || say(json!([48, 1, {}, "endless"]));
    let mut cases = vec![
        case("before HELLO", ALL, no_hello()),
        case("within HELLO", WEB_SOCKET, [vec![octets(&[0x82, 0xfe, 1, 0, 0, 0, 0, 0, b'['])], no_hello()].concat()),
        case("within HELLO over RawSocket", RAW_SOCKET, [vec![octets(&[0, 0, 1, 0, b'['])], no_hello()].concat()),
        case("pings instead of HELLO", WEB_SOCKET, [pings(&[0x89, 0x81, 0, 0, 0, 0, 7], &[7]), no_hello()].concat()),
        case("pings instead of HELLO over RawSocket", RAW_SOCKET, [pings(&[1, 0, 0, 1, 7], &[7]), no_hello()].concat()),
        case("a challenge without an answer", ALL, [State::Challenged.steps(), too_long()].concat()),
        case("a login without an end", ALL, [State::Authenticating.steps(), too_long()].concat()),
        // Without a reproach.
        case("after GOODBYE", ALL, [State::Parted.steps(), vec![Step::Closed(1000)]].concat()),
        case("no answers to pings", ALL, dead(b"")),
        case("no answers to pings, within a frame", WEB_SOCKET, dead(&[0x82, 0xfe, 1, 0, 0, 0, 0, 0, b'['])),
        case("no answers to pings, within a frame of RawSocket", RAW_SOCKET, dead(&[0, 0, 1, 0, b'['])),
        case(
            "no answers to pings, with a call running",
            ALL,
            vec![joined(), call(), Step::Met("pong_timeout"), Step::Lost],
        ),
        case(
            "answers to pings, and nothing else",
            ALL,
            vec![joined(), Step::Listen(Duration::from_secs(3)), Step::Served],
        ),
    ];
    let few: &[Serializer] = &[Json, MessagePackBatched];
    let unanswered = vec![joined(), say(json!([])), hear(json!([3, "…", "wamp.error.protocol_violation"]))];
    // Two seconds, whatever the limits are.
    cases.push(case("no answer to a close", few, [unanswered, vec![Step::ClosedUnanswered(1002)]].concat()));
    cases
}

/// Peers that ask for more than they take.
fn readers() -> Vec<Case> {
    let joined = || Step::Enter("realm1");
    let progress = say(json!([48, 1, {"receive_progress": true}, "count"]));
    let results = Step::SayAll((1..=200_u64).map(|id| json!([48, id, {}, "large", [60_000]])).collect::<Vec<Value>>());
    let dead =
        |asked: Step| [joined(), asked, Step::Met("write_stall"), Step::Vanish].map(|step| ("dead", step)).to_vec();
    vec![
        scene("progress that is not read", super::THREE[0], dead(progress)),
        scene("results that are not read", super::THREE[1], dead(results)),
    ]
}
