//! What a router makes of arguments: nothing.

use serde_json::{Value, json};
use serverwamp_tests::{Peer, Serializer, same};

use super::{check, features, join, register, router};

#[tokio::test(start_paused = true)]
async fn every_value_arrives_as_it_was() {
    let values = [
        json!([]),
        json!([[]]),
        json!([[], {"a": 1}]),
        json!([[null, true, false, 0, -1, 1.5, "", "é\n\"\\", [[[]]], {"k": {"k": [1]}}]]),
        json!([[u64::MAX, i64::MIN, i64::MAX, u64::from(u32::MAX), 1e300, -0.5]]),
        json!([["\0AAECA/8=", {"binary": "\0"}], {"more": "\0/w=="}]),
        json!([[], {"é": [], "": {}}]),
    ];
    for value in values {
        let with = |mut message: Value| {
            message.as_array_mut().unwrap().extend(value.as_array().unwrap().iter().cloned());
            message
        };
        // Empty lists and dicts may be left off.
        check(
            &router(),
            &[
                ("callee >", register(json!({}), "p")),
                ("callee <", json!([65, 1, 1])),
                ("caller >", with(json!([48, 1, {}, "p"]))),
                ("callee <", with(json!([68, 1, 1, {}]))),
                ("callee >", with(json!([70, 1, {}]))),
                ("caller <", with(json!([50, 1, {}]))),
                ("caller >", with(json!([48, 2, {}, "p"]))),
                ("callee <", with(json!([68, 2, 1, {}]))),
                ("callee >", with(json!([8, 68, 2, {}, "my.error"]))),
                ("caller <", with(json!([8, 48, 2, {}, "my.error"]))),
            ],
        )
        .await;
    }
}

/// In the same codec, the octets of the arguments are those that came.
#[tokio::test(start_paused = true)]
async fn octets_are_forwarded_as_they_are() {
    let app = router();
    let mut callee = join(&app, Serializer::Json, "realm", "callee").await;
    callee.send(register(json!({}), "p")).await;
    callee.receive().await.unwrap();
    let mut caller = join(&app, Serializer::Json, "realm", "caller").await;
    // Neither more digits than any number type has, nor white space, nor how a character is written, is lost.
    let arguments = r#"[ 0.1000000000000000000000000000000000001, 123456789012345678901234567890123456789012345678901,"\u00e9" ] , { "a" :1e+400}"#;
    caller.send_frame(format!(r#"[48,1,{{}},"p",{arguments}]"#).as_bytes()).await;
    let frame = callee.receive_frame().await.unwrap();
    let kept = arguments.replacen(" , {", ",{", 1);
    assert_eq!(String::from_utf8(frame).unwrap(), format!(r#"[68,1,1,{{}},{kept}]"#));
    callee.send_frame(format!(r#"[70,1,{{}},{arguments}]"#).as_bytes()).await;
    let frame = caller.receive_frame().await.unwrap();
    assert_eq!(String::from_utf8(frame).unwrap(), format!(r#"[50,1,{{}},{kept}]"#));
}

#[tokio::test(start_paused = true)]
async fn what_a_codec_cannot_hold_is_the_callers_error() {
    let app = router();
    for (serializer, too_large) in [(Serializer::MessagePack, "123456789012345678901234567890123456789")] {
        let mut callee = join(&app, serializer, "realm", "callee").await;
        callee.send(register(json!({}), "p")).await;
        callee.receive().await.unwrap();
        let mut caller = join(&app, Serializer::Json, "realm", "caller").await;
        caller.send_frame(format!(r#"[48,1,{{}},"p",[{too_large}999]]"#).as_bytes()).await;
        let refused = caller.receive().await.unwrap();
        assert!(same(&refused, &json!([8, 48, 1, {}, "wamp.error.invalid_argument", [], "…"])), "{refused}");
        // The ids that the callee sees have no gap.
        caller.send(json!([48, 2, {}, "p"])).await;
        assert_eq!(callee.receive().await, Some(json!([68, 1, 1, {}])));
    }
}

/// NaN in MessagePack.
const NAN: [u8; 9] = [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0];

/// However an answer looks that the caller's codec cannot hold, the caller gets one.
#[tokio::test(start_paused = true)]
async fn what_the_callers_codec_cannot_hold_is_an_error_all_the_same() {
    let progress = [&[0x81, 0xa8][..], b"progress", &[0xc3]].concat();
    let answers = [
        (vec![0x94, 0x46, 1, 0x80], json!([8, 48, 1, {}, "wamp.error.runtime_error"]), None),
        (
            [&[0x94, 0x46, 1], &progress[..]].concat(),
            json!([8, 48, 1, {}, "wamp.error.runtime_error"]),
            Some(json!([69, 1, {"mode": "killnowait"}])),
        ),
        ([&[0x96, 8, 0x44, 1, 0x80, 0xa8], &b"my.error"[..]].concat(), json!([8, 48, 1, {}, "my.error"]), None),
    ];
    for (head, answer, interrupt) in answers {
        let app = router();
        let mut callee = join(&app, Serializer::MessagePack, "realm", "callee").await;
        callee.send(register(json!({}), "p")).await;
        callee.receive().await.unwrap();
        let mut caller = join(&app, Serializer::Json, "realm", "caller").await;
        caller.send(json!([48, 1, {"receive_progress": true}, "p"])).await;
        callee.receive().await.unwrap();
        callee.send_frame(&[&head[..], &[0x91], &NAN].concat()).await;
        assert_eq!(caller.receive().await, Some(answer.clone()));
        if interrupt.is_some() {
            assert_eq!(callee.receive().await, interrupt);
        }
        assert!(callee.is_silent().await && caller.is_silent().await, "{answer}");
    }
    // An argument is refused before the callee hears of it.
    let app = router();
    let mut callee = join(&app, Serializer::Json, "realm", "callee").await;
    callee.send(register(json!({}), "p")).await;
    callee.receive().await.unwrap();
    let mut caller = join(&app, Serializer::MessagePack, "realm", "caller").await;
    caller.send_frame(&[&[0x95, 48, 1, 0x80, 0xa1, b'p', 0x91], &NAN[..]].concat()).await;
    let refused = caller.receive().await.unwrap();
    assert!(same(&refused, &json!([8, 48, 1, {}, "wamp.error.invalid_argument", [], "…"])), "{refused}");
    assert!(callee.is_silent().await);
}

/// 2^64, beyond what 64 bits hold, both ways between a bignum of CBOR and digits.
#[tokio::test(start_paused = true)]
async fn bignums_keep_their_digits() {
    let app = router();
    // 2^192.
    let digits = "6277101735386680763835789423207666416102355444464034512896";
    let bignum = [&[0x81, 0xc2, 0x58, 25, 1][..], &[0; 24]].concat();
    let mut callee = join(&app, Serializer::Json, "realm", "callee").await;
    callee.send(register(json!({}), "p")).await;
    callee.receive().await.unwrap();
    let mut caller = join(&app, Serializer::Cbor, "realm", "caller").await;
    caller.send_frame(&[&[0x85, 0x18, 48, 1, 0xa0, 0x61, b'p'], &bignum[..]].concat()).await;
    let invocation = callee.receive_frame().await.unwrap();
    assert_eq!(String::from_utf8(invocation).unwrap(), format!("[68,1,1,{{}},[{digits}]]"));
    callee.send_frame(format!("[70,1,{{}},[{digits}]]").as_bytes()).await;
    let result = caller.receive_frame().await.unwrap();
    assert_eq!(result, [&[0x84, 0x18, 50, 1, 0xa0], &bignum[..]].concat());
}

#[tokio::test(start_paused = true)]
async fn payload_passthru_is_opaque() {
    let options = json!({
        "ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "xsalsa20poly1305", "ppt_keyid": "key",
    });
    let progressive = json!({
        "progress": true,
        "ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "xsalsa20poly1305", "ppt_keyid": "key",
    });
    let asking = json!({
        "receive_progress": true,
        "ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "xsalsa20poly1305", "ppt_keyid": "key",
    });
    let sealed = json!(["\0/gACAw=="]);
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, asking, "p", sealed])),
            ("callee <", json!([68, 1, 1, asking, sealed])),
            ("callee >", json!([70, 1, progressive, sealed])),
            ("caller <", json!([50, 1, progressive, sealed])),
            ("callee >", json!([70, 1, options, sealed])),
            ("caller <", json!([50, 1, options, sealed])),
            ("caller >", json!([48, 2, options, "p", sealed])),
            ("callee <", json!([68, 2, 1, options, sealed])),
            ("callee >", json!([8, 68, 2, options, "my.error", sealed])),
            ("caller <", json!([8, 48, 2, options, "my.error", sealed])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_older_scheme_is_passed_on() {
    let options = json!({"enc_algo": "cryptobox", "enc_key": "key", "enc_serializer": "cbor"});
    check(
        &router(),
        &[
            ("plain callee >", register(json!({}), "p")),
            ("plain callee <", json!([65, 1, 1])),
            ("plain caller >", json!([48, 1, options, "p", "\0/gACAw=="])),
            ("plain callee <", json!([68, 1, 1, options, "\0/gACAw=="])),
            ("plain callee >", json!([70, 1, options, "\0/wAC"])),
            ("plain caller <", json!([50, 1, options, "\0/wAC"])),
            ("plain caller >", json!([48, 2, options, "p", "\0/gACAw=="])),
            ("plain callee <", json!([68, 2, 1, options, "\0/gACAw=="])),
            ("plain callee >", json!([8, 68, 2, options, "my.error", "\0/wAC"])),
            ("plain caller <", json!([8, 48, 2, options, "my.error", "\0/wAC"])),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn passthru_takes_both_ends() {
    let options = json!({"ppt_scheme": "x_mine"});
    let violation =
        |gets: &'static str| [(gets, json!([3, "…", "wamp.error.protocol_violation"])), (gets, json!(null))];
    let mut steps = vec![("plain caller >", json!([48, 1, options, "p", ["\0AAA="]]))];
    steps.extend(violation("plain caller <"));
    check(&router(), &steps).await;

    check(
        &router(),
        &[
            ("plain callee >", register(json!({}), "p")),
            ("plain callee <", json!([65, 1, 1])),
            ("caller >", json!([48, 1, options, "p", ["\0AAA="]])),
            ("caller <", json!([8, 48, 1, {}, "wamp.error.feature_not_supported", [], "…"])),
        ],
    )
    .await;

    for answer in [json!([70, 1, options, ["\0AAA="]]), json!([8, 68, 1, options, "my.error", ["\0AAA="]])] {
        let called = |sends, gets, caller| {
            vec![
                (sends, register(json!({}), "p")),
                (gets, json!([65, 1, 1])),
                (caller, json!([48, 1, {"receive_progress": true}, "p"])),
            ]
        };
        let mut steps = called("plain callee >", "plain callee <", "caller >");
        steps.extend([("plain callee <", json!([68, 1, 1, {}])), ("plain callee >", answer.clone())]);
        steps.extend(violation("plain callee <"));
        steps.push(("caller <", json!([8, 48, 1, {}, "wamp.error.canceled", [], "…"])));
        check(&router(), &steps).await;

        let mut steps = called("callee >", "callee <", "plain caller >");
        steps.extend([
            ("callee <", json!([68, 1, 1, {"receive_progress": true}])),
            ("callee >", answer),
            ("plain caller <", json!([8, 48, 1, {}, "wamp.error.feature_not_supported", [], "…"])),
        ]);
        check(&router(), &steps).await;
    }
    // Where it is a part of the result only, the rest is not wanted any more.
    check(
        &router(),
        &[
            ("callee >", register(json!({}), "p")),
            ("callee <", json!([65, 1, 1])),
            ("plain caller >", json!([48, 1, {"receive_progress": true}, "p"])),
            ("callee <", json!([68, 1, 1, {"receive_progress": true}])),
            ("callee >", json!([70, 1, {"progress": true, "ppt_scheme": "x_mine"}, ["\0AAA="]])),
            ("plain caller <", json!([8, 48, 1, {}, "wamp.error.feature_not_supported", [], "…"])),
            ("callee <", json!([69, 1, {"mode": "killnowait"}])),
        ],
    )
    .await;
}

/// A RawSocket says how large a message it takes.
#[tokio::test(start_paused = true)]
async fn what_is_too_large_for_either_end() {
    const SMALLEST: u8 = 0;
    for serializer in Serializer::ALL.into_iter().filter(|it| it.carrier() == serverwamp_tests::Carrier::RawSocket) {
        let app = router();
        let small = async |name: &str| {
            let mut peer = Peer::accepting(&app, serializer, SMALLEST);
            peer.send(json!([1, "realm", {"roles": features(name)}])).await;
            let welcome = peer.receive().await.unwrap();
            assert_eq!(welcome[0], 2, "{welcome}");
            peer
        };
        let (mut callee, mut caller) = (small("plain callee").await, small("plain caller").await);
        callee.send(register(json!({}), "p")).await;
        assert_eq!(callee.receive().await, Some(json!([65, 1, 1])));
        // What else is in a message differs a little between the serializers.
        for length in (0..1000).step_by(37).filter(|length| !(430..520).contains(length)) {
            caller.send(json!([48, length + 1, {}, "p", ["x".repeat(length)]])).await;
            if length < 430 {
                let invocation = callee.receive().await.unwrap();
                assert_eq!(invocation[4], json!(["x".repeat(length)]));
                let answer = "y".repeat(1000 * (length % 2));
                callee.send(json!([70, invocation[1], {}, [answer]])).await;
            }
            let result = caller.receive().await.unwrap();
            if length < 430 && length % 2 == 0 {
                assert_eq!(result, json!([50, length + 1, {}, [""]]));
            } else {
                assert_eq!(result[4], "wamp.error.payload_size_exceeded", "{serializer} {length}");
            }
        }
        assert!(callee.is_silent().await);
    }
}
