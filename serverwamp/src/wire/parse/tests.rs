use bytes::Bytes;
use proptest::prelude::*;

use super::{ParseError, Parser};
use crate::wire::{
    codec::Codec,
    encode::{Output, transcode_value},
    messages::{Message, MessageType},
    options::{CancelMode, Feature, InvokePolicy},
    scan::ScanLimits,
    uri::MatchPolicy,
};

const CODECS: [Codec; 3] = [Codec::Json, Codec::MessagePack, Codec::Cbor];
const LIMITS: ScanLimits = ScanLimits { depth: 16, nodes: 200 };

fn encode(codec: Codec, json: &str) -> Bytes {
    let mut encoded = Vec::new();
    transcode_value(Codec::Json, json.as_bytes(), &mut Output::new(codec, &mut encoded)).unwrap();
    encoded.into()
}

fn parse(codec: Codec, json: &str) -> Result<Message, ParseError> {
    Message::parse(codec, encode(codec, json), LIMITS)
}

/// Checks that a message is accepted in every codec and is written as it came.
#[track_caller]
fn check(json: &str) -> Message {
    let messages = CODECS.map(|codec| {
        let message = parse(codec, json).unwrap_or_else(|error| panic!("{codec}: {error:?}"));
        let mut written = Vec::new();
        message.write(Codec::Json, &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), json, "{codec}");
        message
    });
    let [message, ..] = messages;
    message
}

#[track_caller]
fn check_violation(json: &str, expected: &str) {
    for codec in CODECS {
        match parse(codec, json) {
            Err(ParseError::Violation(message)) => assert_eq!(message, expected, "{codec}"),
            parsed => panic!("{codec}: {parsed:?}"),
        }
    }
}

#[track_caller]
fn check_refused(json: &str, expected: (MessageType, &str, bool, &str)) {
    for codec in CODECS {
        match parse(codec, json) {
            Err(ParseError::Refused { request_type, request, error, message, silent }) => {
                assert_eq!((request_type, error, silent, message.as_str()), expected, "{codec}");
                assert_eq!(request.get(), 7);
            }
            parsed => panic!("{codec}: {parsed:?}"),
        }
    }
}

#[test]
fn every_message_is_read_and_written() {
    for json in [
        r#"[1,"realm1",{"roles":{"subscriber":{},"caller":{"features":{"call_canceling":true}}},"authmethods":["ticket"],"authid":"joe","authextra":{"a":[1]}}]"#,
        r#"[2,9129137332,{"roles":{"broker":{},"dealer":{}},"authid":"joe","authmethod":"ticket"}]"#,
        r#"[3,{"message":"no"},"wamp.error.no_such_realm"]"#,
        r#"[3,{},"wamp.error.no_such_realm",[1],{"a":2}]"#,
        r#"[4,"wampcra",{"challenge":"{}"}]"#,
        r#"[5,"c2ln",{}]"#,
        r#"[6,{"message":"bye"},"wamp.close.normal"]"#,
        r#"[8,48,7,{},"a.error"]"#,
        r#"[8,68,7,{"ppt_scheme":"mqtt"},"a.error",["x"],{"k":null}]"#,
        r#"[16,7,{"exclude_me":false,"exclude":[1,2],"eligible_authrole":[]},"a.topic",[1.5]]"#,
        "[17,7,4429313566]",
        r#"[32,7,{"match":"prefix"},"a.topic."]"#,
        r#"[32,7,{"match":"prefix"},""]"#,
        r#"[32,7,{"match":"wildcard"},"a..b"]"#,
        "[33,7,5]",
        "[34,7,5]",
        "[35,7]",
        r#"[35,0,{"subscription":5,"reason":"a.reason"}]"#,
        r#"[36,5,6,{"topic":"a.topic","publisher":3},[],{"a":1}]"#,
        "[337,6]",
        r#"[48,7,{},"a.procedure"]"#,
        r#"[48,7,{"timeout":1000,"receive_progress":true},"a.procedure",[1,[2],{"a":{}}],{"b":"c"}]"#,
        r#"[49,7,{"mode":"kill"}]"#,
        r#"[50,7,{"progress":true},[5]]"#,
        r#"[50,9007199254740992,{},[9223372036854775807,-9223372036854775808,"ü"]]"#,
        r#"[64,7,{"match":"wildcard","invoke":"roundrobin","concurrency":3},"a..b"]"#,
        "[65,7,5]",
        "[66,7,5]",
        "[67,7]",
        r#"[67,0,{"registration":5}]"#,
        r#"[68,7,5,{"caller":3,"procedure":"a.b"},[1]]"#,
        r#"[69,7,{"mode":"killnowait","reason":"wamp.error.timeout"}]"#,
        r#"[70,7,{"progress":true},[],{"a":1}]"#,
    ] {
        check(json);
    }
}

#[test]
fn options_are_typed() {
    let Message::Call(call) =
        check(r#"[48,7,{"timeout":5000,"progress":false,"disclose_me":true},"a.b",[1,2],{"c":3}]"#)
    else {
        panic!("a CALL")
    };
    assert_eq!((call.request.get(), &*call.procedure), (7, "a.b"));
    assert_eq!(call.options.timeout, Some(5000));
    assert_eq!((call.options.progress, call.options.receive_progress), (Some(false), None));
    assert_eq!((call.payload.arg_count(), call.payload.arg(1)), (2, Some(&b"2"[..])));
    let Message::Register(register) = check(r#"[64,7,{"match":"prefix","invoke":"last"},"a."]"#) else {
        panic!("a REGISTER")
    };
    assert_eq!(register.options.match_policy, Some(MatchPolicy::Prefix));
    assert_eq!(register.options.invoke, Some(InvokePolicy::Last));
    let Message::Cancel(cancel) = check(r#"[49,7,{"mode":"skip"}]"#) else { panic!("a CANCEL") };
    assert_eq!(cancel.options.mode, Some(CancelMode::Skip));
    let Message::Publish(publish) = check(r#"[16,7,{"exclude":[3],"eligible":[]},"a.b"]"#) else { panic!("a PUBLISH") };
    let audience = publish.options.audience.get().unwrap();
    assert_eq!(audience.exclude.as_ref().unwrap()[0].get(), 3);
    assert_eq!(audience.eligible.as_deref(), Some(&[][..]));
    assert_eq!(audience.eligible_authid, None);
}

#[test]
fn features_are_read_under_both_names() {
    for (name, announced, expected) in [
        ("call_canceling", true, true),
        ("call_cancelling", true, true),
        ("call_canceling", false, false),
        ("call_timeout", true, false),
        ("something_else", true, false),
    ] {
        let hello = format!(r#"[1,"realm1",{{"roles":{{"callee":{{"features":{{"{name}":{announced}}}}}}}}}]"#);
        for codec in CODECS {
            let Ok(Message::Hello(hello)) = parse(codec, &hello) else { panic!("a HELLO") };
            let roles = hello.details.roles.as_ref().unwrap();
            assert_eq!(roles.callee.unwrap().contains(Feature::CallCanceling), expected, "{name}");
            assert_eq!(roles.caller, None);
        }
    }
}

#[test]
fn unknown_keys_are_kept_and_ignored() {
    let message = r#"[48,7,{"_x":[1,{"a":2}],"timeout":1,"x_y":"z"},"a.b"]"#;
    for codec in CODECS {
        let Ok(Message::Call(call)) = parse(codec, message) else { panic!("a CALL") };
        let raw = call.options.raw().to_dict().unwrap();
        assert_eq!(raw.to_string(), r#"{"_x":[1,{"a":2}],"timeout":1,"x_y":"z"}"#);
        assert!(call.options.clone().raw().to_dict().unwrap().contains_key("_x"));
        let mut written = Vec::new();
        Message::Call(call).write(Codec::Json, &mut written).unwrap();
        assert_eq!(written, br#"[48,7,{"timeout":1,"_x":[1,{"a":2}],"x_y":"z"},"a.b"]"#);
    }
    let Ok(Message::Hello(hello)) = parse(Codec::Json, r#"[1,"realm1",{}]"#) else { panic!("a HELLO") };
    assert!(hello.details.raw().to_dict().unwrap().is_empty());
    assert_eq!(hello.details.roles, None);
}

#[test]
fn identifiers_may_be_written_as_floats() {
    for id in ["1.0", "1e0", "10e-1"] {
        let Ok(Message::Call(call)) = parse(Codec::Json, &format!(r#"[48.0,{id},{{"timeout":2.0}},"a.b"]"#)) else {
            panic!("a CALL")
        };
        assert_eq!((call.request.get(), call.options.timeout), (1, Some(2)));
    }
    let call = b"\x94\xcb\x40\x48\0\0\0\0\0\0\xcb\x3f\xf0\0\0\0\0\0\0\x80\xa3a.b";
    let Ok(Message::Call(call)) = Message::parse(Codec::MessagePack, Bytes::from_static(call), LIMITS) else {
        panic!("a CALL")
    };
    assert_eq!(call.request.get(), 1);
    check_violation(r#"[48,1.5,{},"a.b"]"#, "CALL.Request: expected an id from 1 to 2^53, got a number");
}

#[test]
fn undefined_is_the_same_as_absent() {
    for (codec, bytes) in [
        (Codec::MessagePack, &b"\x94\x30\x07\x81\xa7timeout\xd4\0\0\xa3a.b"[..]),
        (Codec::Cbor, b"\x84\x18\x30\x07\xa1\x67timeout\xf7\x63a.b"),
    ] {
        let Ok(Message::Call(call)) = Message::parse(codec, Bytes::from_static(bytes), LIMITS) else {
            panic!("a CALL")
        };
        assert_eq!(call.options.timeout, None);
    }
    check_violation(
        r#"[48,7,{"timeout":null},"a.b"]"#,
        "CALL.Options.timeout: expected a non-negative integer, got null",
    );
}

#[test]
fn violations_say_what_was_expected() {
    for (json, expected) in [
        ("[]", "expected a message type, got an empty list"),
        (r#"["x"]"#, "expected a message type, got a string"),
        ("[-1]", "expected a message type, got -1"),
        ("[7]", "unknown message type 7"),
        ("[1000]", "unknown message type 1000"),
        ("[48]", "CALL: expected 4 to 6 elements, got 1"),
        (r#"[48,7,{},"a.b",[],{},1]"#, "CALL: expected 4 to 6 elements, got 7"),
        ("[17,7,5,6]", "PUBLISHED: expected 3 elements, got 4"),
        (r#"[48,0,{},"a.b"]"#, "CALL.Request: expected an id from 1 to 2^53, got 0"),
        (r#"[48,9007199254740993,{},"a.b"]"#, "CALL.Request: expected an id from 1 to 2^53, got 9007199254740993"),
        (r#"[48,"7",{},"a.b"]"#, "CALL.Request: expected an id from 1 to 2^53, got a string"),
        (r#"[48,7,[],"a.b"]"#, "CALL.Options: expected a dict, got a list"),
        (r#"[48,7,{},8]"#, "CALL.Procedure: expected a URI, got 8"),
        (r#"[48,7,{},"a.b",{}]"#, "CALL.Arguments: expected a list, got a dict"),
        (r#"[48,7,{},"a.b","x"]"#, "CALL.Arguments: expected a list, got a string"),
        (r#"[48,7,{},"a.b",[],[]]"#, "CALL.ArgumentsKw: expected a dict, got a list"),
        (r#"[48,7,{"timeout":"5"},"a.b"]"#, "CALL.Options.timeout: expected a non-negative integer, got a string"),
        (r#"[48,7,{"timeout":-5},"a.b"]"#, "CALL.Options.timeout: expected a non-negative integer, got -5"),
        (r#"[48,7,{"progress":1},"a.b"]"#, "CALL.Options.progress: expected a boolean, got 1"),
        (r#"[48,7,{"timeout":1,"timeout":2},"a.b"]"#, "CALL.Options.timeout: expected one value, got two"),
        (r#"[48,7,{"enc_algo":"cryptobox"},"a.b","x",{}]"#, "CALL.Arguments: expected a list, got a string"),
        (
            r#"[48,7,{"forward_for":[{"session":"x"}]},"a.b"]"#,
            "CALL.Options.forward_for.0.session: expected an id from 1 to 2^53, got a string",
        ),
        (r#"[16,7,{"exclude_authid":["a",5]},"a.b"]"#, "PUBLISH.Options.exclude_authid.1: expected a string, got 5"),
        (r#"[49,7,{"mode":"quick"}]"#, r#"CANCEL.Options.mode: expected "skip", "kill" or "killnowait", got "quick""#),
        (
            r#"[1,"realm1",{"roles":{"caller":{"features":{"call_timeout":1}}}}]"#,
            "HELLO.Details.roles.caller.features.call_timeout: expected a boolean, got 1",
        ),
        (r#"[1,"realm1",{"roles":{"caller":[]}}]"#, "HELLO.Details.roles.caller: expected a dict, got a list"),
        (r#"[1,5,{}]"#, "HELLO.Realm: expected a URI, got 5"),
        (r#"[8,17,7,{},"a.b"]"#, "ERROR.REQUEST.Type: expected the type of a request that can fail, got 17"),
        (r#"[8,48,7,{},"a..b"]"#, r#"ERROR.Error: expected a URI, got "a..b""#),
        (r#"[35,7,{}]"#, "UNSUBSCRIBED.Request: expected 0 before the details of a revocation, got 7"),
        (r#"[35,0]"#, "UNSUBSCRIBED.Request: expected an id from 1 to 2^53, got 0"),
    ] {
        check_violation(json, expected);
    }
}

#[test]
fn what_is_no_message_is_a_violation() {
    for (codec, bytes) in [
        (Codec::Json, &b""[..]),
        (Codec::Json, b"{}"),
        (Codec::Json, b"[48,7,{},\"a.b\"] x"),
        (Codec::Json, b"[48,7,{},\"a.b\""),
        (Codec::Json, b"[48,7,{},\"a.\xff\"]"),
        (Codec::MessagePack, b"\x94\x30\x07\x80\xa3a."),
        (Codec::MessagePack, b"\xc1"),
        (Codec::MessagePack, b"\x94\x30\x07\x81\x01\x02\xa3a.b"),
        (Codec::Cbor, b"\x84\x18\x30\x07\xa1\x01\x02\x63a.b"),
        (Codec::Cbor, b"\x9f\x18\x30"),
    ] {
        match Message::parse(codec, Bytes::from_static(bytes), LIMITS) {
            Err(ParseError::Violation(_)) => {}
            parsed => panic!("{codec} {bytes:?}: {parsed:?}"),
        }
    }
}

#[test]
fn wrong_uris_refuse_the_request() {
    let reason = "a URI has no empty component here";
    for (json, request_type, name, uri, silent) in [
        (r#"[48,7,{},"a..b"]"#, MessageType::Call, "Procedure", "a..b", false),
        (r#"[16,7,{},"a..b"]"#, MessageType::Publish, "Topic", "a..b", true),
        (r#"[16,7,{"acknowledge":true},"a..b"]"#, MessageType::Publish, "Topic", "a..b", false),
        (r#"[32,7,{},"a."]"#, MessageType::Subscribe, "Topic", "a.", false),
        (r#"[32,7,{"match":"prefix"},".a"]"#, MessageType::Subscribe, "Topic", ".a", false),
        (r#"[64,7,{"match":"exact"},""]"#, MessageType::Register, "Procedure", "", false),
    ] {
        let message = format!("{request_type}.{name}: {uri:?} is not accepted: {reason}");
        check_refused(json, (request_type, "wamp.error.invalid_uri", silent, &message));
    }
    let long = "a".repeat(256);
    for codec in CODECS {
        let call = parse(codec, &format!(r#"[48,7,{{}},"{long}"]"#));
        let Err(ParseError::Limit("uri_length", refusal)) = call else { panic!("{call:?}") };
        assert!(matches!(*refusal, ParseError::Refused { error: "wamp.error.invalid_uri", .. }), "{refusal:?}");
        assert!(matches!(parse(codec, r#"[1,"a b",{}]"#), Err(ParseError::InvalidRealm(_))));
    }
}

#[test]
fn limits_refuse_the_request() {
    let deep = format!("{}{}", "[".repeat(20), "]".repeat(20));
    let many = format!("[{}1]", "1,".repeat(300));
    for (value, limit, reason) in [(&deep, "depth", "nested too deeply"), (&many, "nodes", "too many values")] {
        for (request, silent) in [
            (format!(r#"[48,7,{{}},"a.b",{value}]"#), Some(false)),
            (format!(r#"[16,7,{{}},"a.b",[],{{"a":{value}}}]"#), Some(true)),
            (format!(r#"[16,7,{{"x":[{{}}],"acknowledge":true}},"a.b",{value}]"#), Some(false)),
            (format!(r#"[16,7,{{"x":{value}}},"a.b"]"#), Some(true)),
            (format!(r#"[64,7,{{"x":{value}}},"a.b"]"#), Some(false)),
            (format!(r#"[70,7,{{}},{value}]"#), Some(false)),
            (format!(r#"[50,7,{{}},{value}]"#), Some(false)),
            (format!(r#"[68,7,8,{{}},{value}]"#), Some(false)),
            (format!(r#"[8,68,7,{{}},"a.b",{value}]"#), None),
            (format!("[{value}]"), None),
        ] {
            for codec in CODECS {
                let Err(ParseError::Limit(met, refusal)) = parse(codec, &request) else { panic!("{codec} {request}") };
                assert_eq!(met, limit);
                match (*refusal, silent) {
                    (ParseError::Refused { request, error, message, silent, .. }, Some(expected)) => {
                        assert_eq!((request.get(), error, silent), (7, "wamp.error.invalid_argument", expected));
                        assert!(message.starts_with(reason), "{message}");
                    }
                    (ParseError::Violation(message), None) => assert!(message.contains(reason), "{message}"),
                    (refusal, _) => panic!("{codec} {request}: {refusal:?}"),
                }
            }
        }
    }
}

#[test]
fn the_depth_of_hostile_messages_is_harmless() {
    let depth = 200_000;
    let json = format!(r#"[16,7,{{"x":{}"#, "[".repeat(depth));
    let message_pack = [&b"\x94\x10\x07\x81\xa1x"[..], &vec![0x91; depth]].concat();
    let cbor = [&b"\x84\x10\x07\xa1\x61x"[..], &vec![0xc1; depth]].concat();
    for (codec, bytes) in [(Codec::Json, json.into_bytes()), (Codec::MessagePack, message_pack), (Codec::Cbor, cbor)] {
        let parsed = Message::parse(codec, bytes.into(), LIMITS);
        let Err(ParseError::Limit("depth", refusal)) = parsed else { panic!("{codec}: {parsed:?}") };
        assert!(matches!(*refusal, ParseError::Refused { silent: true, .. }), "{codec}: {refusal:?}");
    }
}

#[test]
fn an_encrypted_payload_takes_the_place_of_the_arguments() {
    let Message::Publish(publish) = check("[16,7,{\"enc_algo\":\"cryptobox\"},\"a.b\",\"\\u0000AQI=\"]") else {
        panic!("a PUBLISH")
    };
    assert_eq!(publish.payload.opaque_bytes(), Some(&b"\"\\u0000AQI=\""[..]));
    assert_eq!((publish.payload.args_bytes(), publish.payload.is_empty()), (None, false));
    for (kind, tail) in [(48, r#"7,{"enc_algo":"x_own"},"a.b""#), (50, r#"7,{"enc_algo":"mqtt"}"#)] {
        check(&format!(r#"[{kind},{tail},"opaque"]"#));
        check(&format!(r#"[{kind},{tail},["opaque"],{{}}]"#));
    }
}

/// Checks that a message is read after CALLs of a procedure, given in JSON, as it would be by itself.
#[track_caller]
fn check_likely(codec: Codec, bytes: &Bytes, limits: ScanLimits, procedure: &str) {
    for usual in [
        format!("[48,7,{{}},{procedure}]"),
        format!("[48,7,{{}},{procedure},[1]]"),
        format!(" [ 48 , 7 , {{}} , {procedure} , [ ] , {{ }} ] "),
        "[70,7,{}]".to_owned(),
        "[70,7,{},[1]]".to_owned(),
        " [ 70 , 7 , {} , [ ] , { } ] ".to_owned(),
        "[50,7,{}]".to_owned(),
        "[50,7,{},[1]]".to_owned(),
    ] {
        let usual = encode(codec, &usual);
        let mut parser = Parser::new(codec);
        for _ in 0..2 {
            parser.parse(usual.clone(), LIMITS).unwrap();
        }
        assert!(parser.has_learned());
        let read = format!("{:?}", parser.parse(bytes.clone(), limits));
        assert_eq!(
            read,
            format!("{:?}", Message::parse(codec, bytes.clone(), limits)),
            "{codec} {bytes:?} {limits:?} {usual:?}"
        );
    }
}

#[test]
fn what_is_remembered_of_calls_is_bounded() {
    for (spaces, is_remembered) in [(0, true), (400, true), (600, false)] {
        let mut parser = Parser::new(Codec::Json);
        for request in 1..=3 {
            let call = format!("[48,{request},{{}},{}\"a.b\",[1]]", " ".repeat(spaces));
            parser.parse(call.into(), LIMITS).unwrap();
        }
        assert_eq!(parser.has_learned(), is_remembered, "{spaces}");
    }
}

#[test]
fn the_call_that_is_likely_is_read_as_any_other() {
    let uris = ["math.add", "a\"b", "a\\b", "ä.b", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q"];
    for (codec, uri) in CODECS.into_iter().flat_map(|codec| uris.map(|uri| (codec, uri))) {
        let name = serde_json::to_string(uri).unwrap();
        for rest in [
            "",
            ",[]",
            ",[1,[2,{\"a\":3}],\"x\"]",
            ",[],{}",
            ",[1],{\"b\":[2],\"c\":null}",
            ",[],[]",
            ",{}",
            ",[1],{},3",
            ",null",
        ] {
            for head in ["48,1,{}", "48,0,{}", "48,9007199254740993,{}", "48,1,{\"timeout\":5}", "16,1,{}", "48,-1,{}"]
            {
                let bytes = encode(codec, &format!("[{head},{name}{rest}]"));
                for limits in [LIMITS, ScanLimits { depth: 2, nodes: 200 }, ScanLimits { depth: 1, nodes: 200 }] {
                    check_likely(codec, &bytes, limits, &name);
                }
                (0..16).for_each(|nodes| check_likely(codec, &bytes, ScanLimits { nodes, ..LIMITS }, &name));
            }
        }
    }
}

#[test]
fn the_yield_that_is_likely_is_read_as_any_other() {
    for (codec, rest) in CODECS.into_iter().flat_map(|codec| {
        ["", ",[]", ",[1,[2,{\"a\":3}]]", ",[],{}", ",[1],{\"b\":[2]}", ",[],[]", ",{}", ",[1],{},3", ",null", ",\"x\""]
            .map(|rest| (codec, rest))
    }) {
        for head in ["70,1,{}", "70,0,{}", "70,9007199254740993,{}", "70,1,{\"progress\":true}", "50,1,{}", "70,-1,{}"]
        {
            let bytes = encode(codec, &format!("[{head}{rest}]"));
            for limits in [LIMITS, ScanLimits { depth: 2, nodes: 200 }, ScanLimits { depth: 1, nodes: 200 }] {
                check_likely(codec, &bytes, limits, "\"math.add\"");
            }
            (0..12).for_each(|nodes| check_likely(codec, &bytes, ScanLimits { nodes, ..LIMITS }, "\"math.add\""));
        }
    }
}

proptest! {
    #[test]
    fn damaged_likely_yields_are_judged_as_any_others(place in 0..60_usize, octet: u8, cut in 0..60_usize) {
        for codec in CODECS {
            let mut bytes = encode(codec, "[70,7,{},[2,[3.5]],{\"x\":\"é\"}]").to_vec();
            if let Some(damaged) = bytes.get_mut(place) {
                *damaged = octet;
            }
            check_likely(codec, &bytes.clone().into(), LIMITS, "\"math.add\"");
            bytes.truncate(cut);
            check_likely(codec, &bytes.into(), LIMITS, "\"math.add\"");
        }
    }

    #[test]
    fn damaged_likely_calls_are_judged_as_any_others(place in 0..60_usize, octet: u8, cut in 0..60_usize) {
        for codec in CODECS {
            let mut bytes = encode(codec, "[48,7,{},\"math.add\",[2,[3.5]],{\"x\":\"é\"}]").to_vec();
            if let Some(damaged) = bytes.get_mut(place) {
                *damaged = octet;
            }
            check_likely(codec, &bytes.clone().into(), LIMITS, "\"math.add\"");
            bytes.truncate(cut);
            check_likely(codec, &bytes.into(), LIMITS, "\"math.add\"");
        }
    }
}
