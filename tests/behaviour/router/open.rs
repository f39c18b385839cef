//! Which topics a router opens, beside those of functions; and what passes through it.

use serde_json::{Value, json};
use serverwamp::{App, Realm, RpcError, Session, Topic, routes, wamp};
use serverwamp_tests::{Peer, Serializer};

use super::*;

#[wamp::subscribe("guarded.", match = "prefix", manual)]
async fn guard(topic: Topic) -> Result<(), RpcError> {
    match topic.ends_with(".open") {
        true => Ok(()),
        false => Err(RpcError::not_authorized("closed")),
    }
}

#[wamp::event("heard")]
async fn hear(text: String, session: Session) {
    let _ = session.send_event("echo", text);
}

#[tokio::test]
async fn clients_subscribe_and_publish_everywhere() {
    let not_authorized = "wamp.error.not_authorized";
    for serializer in Serializer::ALL {
        for realm in ["realm1", "another"] {
            let app = app().routes(routes![guard]);
            let mut peer = join(&app, serializer, realm).await;
            for (number, (topic, policy, refused)) in (1..).zip([
                ("any.topic", "exact", None),
                ("", "prefix", Some("wamp.error.invalid_uri")),
                ("a", "prefix", None),
                ("a..b", "wildcard", None),
                ("guarded.open", "exact", None),
                ("guarded.a.open", "exact", None),
                ("guarded.a.shut", "exact", Some(not_authorized)),
                ("guard", "prefix", Some("wamp.error.invalid_uri")),
                ("wamp.session.on_join", "exact", None),
                ("wamp.", "prefix", None),
            ]) {
                let answer = ask(&mut peer, json!([32, number, {"match": policy}, topic])).await;
                let (kind, error) = (answer[0].as_u64(), answer.get(4).and_then(Value::as_str));
                let expected = (Some(if refused.is_some() { 8 } else { 33 }), refused);
                assert_eq!((kind, error), expected, "{serializer} {topic} {policy}: {answer}");
            }
            for (number, (topic, refused)) in
                (21..).zip([("any.topic", None), ("wamp.session.on_join", Some("wamp.error.invalid_uri"))])
            {
                let answer = ask(&mut peer, json!([16, number, {"acknowledge": true}, topic])).await;
                assert_eq!(answer.get(4).and_then(Value::as_str), refused, "{serializer} {topic}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn functions_of_events_run_beside_subscribers() {
    for serializer in Serializer::ALL {
        let app = app();
        let (mut publisher, mut subscriber) =
            (join(&app, serializer, "realm1").await, join(&app, serializer, "realm1").await);
        subscribe(&mut subscriber, 1, "heard", json!({})).await;
        let echo = subscribe(&mut publisher, 1, "echo", json!({})).await;
        publisher.send(json!([16, 2, {}, "heard", ["x"]])).await;
        assert_eq!(subscriber.receive().await.unwrap()[4], json!(["x"]), "{serializer}");
        let heard = publisher.receive().await.unwrap();
        assert_eq!((&heard[1], &heard[4]), (&json!(echo), &json!(["x"])), "{serializer}");
    }
}

#[tokio::test]
async fn what_is_announced_is_what_the_realm_has() {
    let app = || App::discover_in(module_path!()).realm(Realm::new("router").router()).realm(Realm::new("plain"));
    for serializer in Serializer::ALL {
        for (realm, expected) in [("router", true), ("plain", false), ("any", false)] {
            let mut peer = Peer::connect(&app(), serializer);
            let welcome = ask(&mut peer, serverwamp_tests::hello(realm)).await;
            for (role, feature) in [
                ("broker", "event_retention"),
                ("broker", "session_meta_api"),
                ("broker", "subscription_meta_api"),
                ("broker", "payload_passthru_mode"),
                ("broker", "payload_transparency"),
                ("dealer", "session_meta_api"),
                ("dealer", "registration_meta_api"),
                ("dealer", "testament_meta_api"),
            ] {
                let announced = welcome[2]["roles"][role]["features"].get(feature) == Some(&json!(true));
                assert_eq!(announced, expected, "{serializer} {realm} {feature}");
            }
        }
    }
}

/// The payload of an end-to-end encrypted event is nobody's business but the end points'.
#[tokio::test]
async fn encrypted_payloads_pass_untouched() {
    let secret = "\0c2VjcmV0";
    let keys = json!({"ppt_scheme": "x_mine", "ppt_serializer": "cbor", "ppt_cipher": "aes256gcm", "ppt_keyid": "k1"});
    let older = json!({"enc_algo": "cryptobox", "enc_key": "k1", "enc_serializer": "json"});
    for published in Serializer::ALL {
        for subscribed in Serializer::ALL {
            let app = app();
            let mut subscriber = join(&app, subscribed, "realm1").await;
            let mut publisher = Peer::connect(&app, published);
            let features = json!({"payload_passthru_mode": true});
            let roles = json!({"publisher": {"features": features}});
            assert_eq!(ask(&mut publisher, json!([1, "realm1", {"roles": roles}])).await[0], 2);
            subscribe(&mut subscriber, 1, "t", json!({})).await;
            for (request, options, payload) in [(1, &keys, json!([secret])), (2, &older, json!(secret))] {
                publisher.send(json!([16, request, options, "t", payload])).await;
                let event = subscriber.receive().await.unwrap();
                assert_eq!(event[3], *options, "{published} to {subscribed}");
                assert_eq!(event[4], payload, "{published} to {subscribed}");
            }
        }
    }
}

#[tokio::test]
async fn payload_passthru_has_to_be_announced() {
    for serializer in Serializer::ALL {
        let app = app();
        let mut peer = join(&app, serializer, "realm1").await;
        let abort = ask(&mut peer, json!([16, 1, {"ppt_scheme": "x_mine"}, "t", ["\0AQI="]])).await;
        assert_eq!((&abort[0], &abort[2]), (&json!(3), &json!("wamp.error.protocol_violation")), "{serializer}");
        assert_eq!(peer.receive().await, None, "{serializer}");
    }
}
