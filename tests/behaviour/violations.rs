//! PROTOCOL 1.5: what gets ABORT `wamp.error.protocol_violation` and a closed connection.

use std::time::Duration;

use serde_json::{Value, json};
use serverwamp::{App, wamp};
use serverwamp_tests::{Peer, Serializer, hello};

#[wamp::rpc]
async fn slow() {
    tokio::time::sleep(Duration::from_secs(1000)).await;
}

fn app() -> App {
    App::discover_in(module_path!())
}

async fn assert_aborted(peer: &mut Peer, what: &str) {
    let abort = peer.receive().await.unwrap_or_else(|| panic!("{what}: closed without ABORT"));
    assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!("wamp.error.protocol_violation")), "{what}: {abort}");
    assert!(abort[1]["message"].is_string(), "{what}: {abort}");
    assert_eq!(peer.receive().await, None, "{what}");
}

#[tokio::test(start_paused = true)]
async fn before_hello() {
    let app = app();
    for sent in [
        json!([48, 1, {}, "slow"]),
        json!([6, {}, "wamp.close.normal"]),
        json!([8, 48, 1, {}, "my.error"]),
        json!([33, 1, 2]),
        json!([35, 1]),
        json!([17, 1, 2]),
        json!([50, 1, {}]),
        json!([65, 1, 2]),
        json!([67, 1]),
        json!([68, 1, 2, {}]),
        json!([5, "signature", {}]),
        json!([2, 1, {"roles": {"broker": {}}}]),
    ] {
        for serializer in Serializer::ALL {
            let mut peer = Peer::connect(&app, serializer);
            peer.send(sent.clone()).await;
            assert_aborted(&mut peer, &sent.to_string()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_session() {
    let app = app();
    let cases: Vec<Value> = vec![
        hello("realm1"),
        json!([2, 1, {"roles": {"broker": {}}}]),
        json!([4, "ticket", {}]),
        json!([5, "signature", {}]),
        json!([8, 48, 1, {}, "my.error"]),
        json!([8, 999, 1, {}, "my.error"]),
        json!([17, 1, 2]),
        json!([33, 1, 2]),
        json!([35, 1]),
        json!([36, 1, 2, {}]),
        json!([50, 1, {}]),
        json!([65, 1, 2]),
        json!([67, 1]),
        json!([68, 1, 2, {}]),
        json!([69, 1, {}]),
        json!([70, 1, {}]),
        json!([8, 68, 1, {}, "my.error"]),
        json!([]),
        json!([999, 1, {}]),
        json!(["48", 1, {}, "slow"]),
        json!([48]),
        json!([48, 1]),
        json!([48, 1, {}]),
        json!([48, 1, {}, "slow", [], {}, 1]),
        json!([48, 0, {}, "slow"]),
        json!([48, -1, {}, "slow"]),
        json!([48, 1.5, {}, "slow"]),
        json!([48, "1", {}, "slow"]),
        json!([48, 9_007_199_254_740_993_u64, {}, "slow"]),
        json!([48, 1, [], "slow"]),
        json!([48, 1, {}, 7]),
        json!([48, 1, {}, "slow", {}]),
        json!([48, 1, {}, "slow", [], []]),
        json!([48, 1, {}, "slow", null]),
        json!([48, 1, {"timeout": "x"}, "slow"]),
        json!([48, 1, {"timeout": -1}, "slow"]),
        json!([48, 1, {"receive_progress": 1}, "slow"]),
        json!([48, 1, {"disclose_me": "yes"}, "slow"]),
        json!([48, 1, {"progress": true}, "slow"]),
        json!([49, 1, {"mode": "softly"}]),
        json!([49, 1]),
        json!([32, 1, {"match": 7}, "news"]),
        json!([16, 1, {"acknowledge": 1}, "news"]),
        json!({"48": 1}),
        json!(48),
        json!(null),
    ];
    for sent in cases {
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            peer.send(sent.clone()).await;
            assert_aborted(&mut peer, &format!("{serializer} {sent}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_id_that_is_in_use() {
    let app = app();
    for serializer in Serializer::ALL {
        let mut peer = Peer::join(&app, serializer).await;
        peer.send(json!([48, 1, {}, "slow"])).await;
        peer.send(json!([48, 1, {}, "slow"])).await;
        assert_aborted(&mut peer, "twice").await;
    }
}

#[tokio::test(start_paused = true)]
async fn octets_that_are_no_message() {
    let app = app();
    let garbage: [&[u8]; 8] =
        [b"", b"{not json", b"[48,1,{},\"slow\"", b"[48,1,{},\"slow\"]]", b"\xff\xff", b"\xc1", b"\x9f", b"[\"\xff\"]"];
    for octets in garbage {
        for serializer in Serializer::ALL {
            let mut peer = Peer::join(&app, serializer).await;
            peer.send_frame(octets).await;
            if serializer.is_websocket_text() && std::str::from_utf8(octets).is_err() {
                // The transport refuses it before the session sees it.
                assert_eq!(peer.receive().await, None, "{serializer} {octets:?}");
                continue;
            }
            assert_aborted(&mut peer, &format!("{serializer} {octets:?}")).await;
        }
    }
}
