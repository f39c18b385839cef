use serde_json::{Value, json};

use super::*;
use crate::wire::{PayloadBuilder, RegisterOptions};

/// A session in JSON that has been welcomed.
fn established() -> ClientSession {
    let mut session = join(Offer::default());
    assert_eq!(sent(&mut session)[0][0], 1);
    let dealer = json!({"features": {"call_canceling": true, "call_timeout": true}});
    receive(&mut session, json!([2, 7, {"roles": {"broker": {}, "dealer": dealer}}]));
    assert!(matches!(session.poll_notification(), Some(Notification::Welcome(_))));
    session
}

pub(super) fn join(offer: Offer) -> ClientSession {
    let scan = ScanLimits { depth: 64, nodes: 1000 };
    ClientSession::join(Codec::Json, scan, uri("realm1"), "test", offer, PayloadFeatures::None).unwrap()
}

fn uri(text: &str) -> Uri {
    Uri::new(text).unwrap()
}

fn id(number: u64) -> SubscriptionId {
    SubscriptionId::new(number).unwrap()
}

pub(super) fn receive(session: &mut ClientSession, message: Value) {
    session.handle_message(message.to_string().into());
}

pub(super) fn sent(session: &mut ClientSession) -> Vec<Value> {
    let mut messages = Vec::new();
    session.drain_output(|message| messages.push(serde_json::from_slice(message).unwrap()));
    messages
}

fn subscribe(session: &mut ClientSession, topic: &str) -> u64 {
    session.subscribe(uri(topic), SubscribeOptions::default()).unwrap().get()
}

/// What the session tells, in a few words.
pub(super) fn told(session: &mut ClientSession) -> Vec<String> {
    std::iter::from_fn(|| session.poll_notification()).map(|notification| in_words(&notification)).collect()
}

fn in_words(notification: &Notification) -> String {
    match notification {
        Notification::Challenge { method, extra } => format!("challenge {method} {extra}"),
        Notification::Welcome(_) => "welcome".to_owned(),
        Notification::Result { request, progress, .. } => format!("result {request} {progress}"),
        Notification::Error { request, error, .. } => format!("error {request} {error}"),
        Notification::Published { request, publication } => format!("published {request} {publication}"),
        Notification::Subscribed { request, subscription } => format!("subscribed {request} {subscription}"),
        Notification::Event(event) => format!("event {} {}", event.subscription, event.publication),
        Notification::Unsubscribed { request } => format!("unsubscribed {request}"),
        Notification::Revoked { subscription } => format!("revoked {subscription}"),
        Notification::Registered { request, registration } => format!("registered {request} {registration}"),
        Notification::Unregistered { request } => format!("unregistered {request}"),
        Notification::RegistrationRevoked { registration } => format!("revoked registration {registration}"),
        Notification::Invocation { invocation, procedure, serial } => {
            format!("invocation {} {procedure} {serial}", invocation.request)
        }
        Notification::Interrupt { serial, mode } => format!("interrupt {serial} {}", mode.name()),
        Notification::Ended { reason, .. } => format!("ended {reason}"),
    }
}

#[test]
fn hello_announces_the_features_of_each_role() {
    let mut session = join(Offer::default());
    let expected = json!({
        "caller": {"features": {"progressive_call_results": true, "call_timeout": true, "call_canceling": true,
            "caller_identification": true}},
        "publisher": {"features": {"publisher_exclusion": true, "publisher_identification": true,
            "subscriber_blackwhite_listing": true}},
        "subscriber": {"features": {"pattern_based_subscription": true, "publisher_identification": true,
            "subscription_revocation": true}},
        "callee": {"features": {"progressive_call_results": true, "call_canceling": true, "call_timeout": true,
            "caller_identification": true, "pattern_based_registration": true, "shared_registration": true,
            "registration_revocation": true}},
    });
    assert_eq!(sent(&mut session), [json!([1, "realm1", {"roles": expected, "agent": "test"}])]);
}

#[test]
fn requests_and_their_answers() {
    let mut session = established();
    let payload = || PayloadBuilder::new(Codec::Json).arg(&1).unwrap().finish().unwrap();
    subscribe(&mut session, "a");
    let prefix = SubscribeOptions { match_policy: Some(MatchPolicy::Prefix), ..SubscribeOptions::default() };
    session.subscribe(Uri::pattern("a.", MatchPolicy::Prefix).unwrap(), prefix).unwrap();
    session.publish(uri("a"), PublishOptions::default(), payload()).unwrap();
    let acknowledged = PublishOptions { acknowledge: Some(true), ..PublishOptions::default() };
    session.publish(uri("a"), acknowledged.clone(), payload()).unwrap();
    session.publish(uri("a"), acknowledged, Payload::empty(Codec::Json)).unwrap();
    session.call(uri("p"), CallOptions::default(), payload()).unwrap();
    assert_eq!(
        sent(&mut session),
        [
            json!([32, 1, {}, "a"]),
            json!([32, 2, {"match": "prefix"}, "a."]),
            json!([16, 3, {}, "a", [1]]),
            json!([16, 4, {"acknowledge": true}, "a", [1]]),
            json!([16, 5, {"acknowledge": true}, "a"]),
            json!([48, 6, {}, "p", [1]]),
        ]
    );
    for message in [
        json!([33, 1, 10]),
        json!([36, 10, 100, {}, [1], {"a": 2}]),
        json!([8, 32, 2, {}, "wamp.error.not_authorized"]),
        json!([17, 4, 99]),
        json!([8, 16, 5, {}, "wamp.error.not_authorized"]),
        json!([50, 6, {"progress": true}]),
        json!([50, 6, {}]),
    ] {
        receive(&mut session, message);
    }
    assert_eq!(
        told(&mut session),
        [
            "subscribed 1 10",
            "event 10 100",
            "error 2 wamp.error.not_authorized",
            "published 4 99",
            "error 5 wamp.error.not_authorized",
            "result 6 true",
            "result 6 false",
        ]
    );
}

#[test]
fn the_last_subscriber_ends_the_subscription() {
    let mut session = established();
    for request in [1, 2] {
        assert_eq!(subscribe(&mut session, "a"), request);
        receive(&mut session, json!([33, request, 10]));
    }
    sent(&mut session);
    assert_eq!(session.unsubscribe(id(10)), None);
    assert!(sent(&mut session).is_empty(), "one is left");
    assert!(session.unsubscribe(id(10)).is_some());
    assert_eq!(sent(&mut session), [json!([34, 3, 10])]);
    assert_eq!(session.unsubscribe(id(10)), None, "once");
    told(&mut session);

    receive(&mut session, json!([36, 10, 100, {}]));
    assert!(told(&mut session).is_empty(), "an event that was on its way is dropped");
    receive(&mut session, json!([35, 3]));
    assert_eq!(told(&mut session), ["unsubscribed 3"]);
    receive(&mut session, json!([36, 10, 101, {}]));
    assert_eq!(told(&mut session), ["ended wamp.error.protocol_violation"]);
}

#[test]
fn a_subscription_is_kept_for_a_subscriber_on_its_way() {
    for (reply, expected) in
        [(json!([33, 2, 10]), json!([])), (json!([8, 32, 2, {}, "wamp.error.not_authorized"]), json!([[34, 3, 10]]))]
    {
        let mut session = established();
        subscribe(&mut session, "a");
        receive(&mut session, json!([33, 1, 10]));
        subscribe(&mut session, "a");
        sent(&mut session);
        assert_eq!(session.unsubscribe(id(10)), None);
        assert!(sent(&mut session).is_empty(), "the router would end what it has promised, or is about to");
        receive(&mut session, reply.clone());
        assert_eq!(Value::from(sent(&mut session)), expected, "{reply}");
    }
}

#[test]
fn a_topic_can_be_subscribed_while_its_unsubscription_is_on_its_way() {
    let mut session = established();
    subscribe(&mut session, "a");
    receive(&mut session, json!([33, 1, 10]));
    assert!(session.unsubscribe(id(10)).is_some());
    subscribe(&mut session, "a");
    // The answers may come in either order.
    receive(&mut session, json!([33, 3, 10]));
    receive(&mut session, json!([35, 2]));
    receive(&mut session, json!([36, 10, 100, {}]));
    assert_eq!(told(&mut session), ["subscribed 1 10", "subscribed 3 10", "unsubscribed 2", "event 10 100"]);
}

#[test]
fn a_router_may_revoke_a_subscription() {
    let mut session = established();
    for topic in ["a", "b"] {
        let request = subscribe(&mut session, topic);
        receive(&mut session, json!([33, request, 10 + request]));
    }
    receive(&mut session, json!([35, 0, {"subscription": 11, "reason": "wamp.subscription.revoked"}]));
    assert_eq!(session.unsubscribe(id(11)), None, "it has ended");
    assert!(session.unsubscribe(id(12)).is_some());
    receive(&mut session, json!([35, 0, {"subscription": 12}]));
    receive(&mut session, json!([8, 34, 3, {}, "wamp.error.no_such_subscription"]));
    assert_eq!(
        told(&mut session)[2..],
        ["revoked 11".to_owned(), "error 3 wamp.error.no_such_subscription".to_owned()],
        "the revocation of 12 crossed UNSUBSCRIBE"
    );
}

#[test]
fn what_nobody_asked_for_is_a_violation() {
    for message in [
        json!([33, 9, 10]),
        json!([33, 2, 10]),
        json!([35, 1]),
        json!([35, 9]),
        json!([35, 0, {"subscription": 10}]),
        json!([35, 0, {}]),
        json!([35, 0]),
        json!([17, 1, 99]),
        json!([17, 3, 99]),
        json!([36, 10, 100, {}]),
        json!([8, 16, 1, {}, "x.y"]),
        json!([8, 32, 2, {}, "x.y"]),
        json!([8, 16, 3, {}, "x.y"]),
        json!([8, 34, 9, {}, "x.y"]),
        json!([50, 1, {}]),
        json!([36, 0, 100, {}]),
        json!([36, 10, 100, {"publisher": "me"}]),
        json!([32, 1, {}, "a"]),
        json!([16, 1, {}, "a"]),
        json!([2, 8, {}]),
        json!([4, "ticket", {}]),
    ] {
        let mut session = established();
        subscribe(&mut session, "a");
        session.call(uri("p"), CallOptions::default(), Payload::empty(Codec::Json)).unwrap();
        session.publish(uri("a"), PublishOptions::default(), Payload::empty(Codec::Json)).unwrap();
        sent(&mut session);
        receive(&mut session, message.clone());
        assert_eq!(told(&mut session), ["ended wamp.error.protocol_violation"], "{message}");
        let answer = sent(&mut session);
        assert_eq!((&answer[0][0], &answer[0][2]), (&json!(3), &json!("wamp.error.protocol_violation")), "{message}");
    }
}

#[test]
fn nothing_is_sent_or_told_after_the_end() {
    let mut session = established();
    subscribe(&mut session, "a");
    receive(&mut session, json!([33, 1, 10]));
    session.goodbye(uri("wamp.close.normal"), None);
    sent(&mut session);
    told(&mut session);
    receive(&mut session, json!([36, 10, 100, {}]));
    assert_eq!(session.unsubscribe(id(10)), None);
    receive(&mut session, json!([6, {}, "wamp.close.goodbye_and_out"]));
    receive(&mut session, json!([36, 10, 101, {}]));
    assert_eq!(told(&mut session), ["ended wamp.close.goodbye_and_out"]);
    assert!(sent(&mut session).is_empty());
}

#[test]
fn what_cannot_be_read_behind_our_goodbye_is_ignored() {
    let mut session = established();
    session.goodbye(uri("wamp.close.normal"), None);
    assert_eq!(sent(&mut session)[0][0], 6);
    for message in ["[50,1,{},", "[36,1,2,{}]]", r#"[8,48,1,{},"a b"]"#, "[]", "[999]"] {
        session.handle_message(message.into());
        assert!(sent(&mut session).is_empty() && told(&mut session).is_empty(), "{message}");
    }
    receive(&mut session, json!([6, {}, "wamp.close.goodbye_and_out"]));
    assert_eq!(told(&mut session), ["ended wamp.close.goodbye_and_out"]);
}

#[test]
fn a_callee_answers_each_invocation_once() {
    let mut session = established();
    let prefix = RegisterOptions { match_policy: Some(MatchPolicy::Prefix), ..RegisterOptions::default() };
    session.register(uri("p"), RegisterOptions::default()).unwrap();
    session.register(uri("q"), prefix).unwrap();
    assert_eq!(sent(&mut session), [json!([64, 1, {}, "p"]), json!([64, 2, {"match": "prefix"}, "q"])]);
    for message in [
        json!([65, 1, 10]),
        json!([65, 2, 20]),
        json!([68, 1, 10, {}, [1]]),
        json!([68, 2, 20, {"procedure": "q.r"}]),
        json!([68, 3, 10, {}]),
        json!([69, 2, {"mode": "kill"}]),
        json!([69, 9, {}]),
    ] {
        receive(&mut session, message);
    }
    assert_eq!(
        told(&mut session),
        [
            "registered 1 10",
            "registered 2 20",
            "invocation 1 p 0",
            "invocation 2 q.r 1",
            "invocation 3 p 2",
            "interrupt 1 kill"
        ]
    );
    let request = |number| RequestId::new(number).unwrap();
    let payload = PayloadBuilder::new(Codec::Json).arg(&7).unwrap().finish().unwrap();
    session.progress(request(1), 0, Group::default(), &payload);
    session.result(request(1), 0, Group::default(), &payload);
    session.result(request(1), 0, Group::default(), &payload);
    session.progress(request(1), 0, Group::default(), &payload);
    session.error(request(2), 1, &uri("my.error"), Group::default(), &payload);
    session.result(request(3), 7, Group::default(), &payload);
    assert_eq!(
        sent(&mut session),
        [json!([70, 1, {"progress": true}, [7]]), json!([70, 1, {}, [7]]), json!([8, 68, 2, {}, "my.error", [7]])]
    );

    session.set_peer_message_size(64);
    let large = PayloadBuilder::new(Codec::Json).arg(&"x".repeat(100)).unwrap().finish().unwrap();
    session.result(request(3), 2, Group::default(), &large);
    assert_eq!(sent(&mut session), [json!([8, 68, 3, {}, "wamp.error.payload_size_exceeded"])]);
    assert!(session.call(uri("p"), CallOptions::default(), large).is_err());
    assert_eq!(session.call(uri("p"), CallOptions::default(), Payload::empty(Codec::Json)).unwrap().get(), 3);
}

#[test]
fn registrations_end() {
    let mut session = established();
    let registration = |number| RegistrationId::new(number).unwrap();
    for (request, id) in [(1, 10), (2, 20)] {
        session.register(uri(&format!("p{id}")), RegisterOptions::default()).unwrap();
        receive(&mut session, json!([65, request, id]));
    }
    sent(&mut session);
    assert!(session.unregister(registration(10)).is_some());
    assert!(session.unregister(registration(10)).is_none(), "once");
    told(&mut session);
    receive(&mut session, json!([68, 1, 10, {}]));
    assert_eq!(sent(&mut session), [json!([66, 3, 10]), json!([8, 68, 1, {}, "wamp.error.no_such_procedure"])]);
    receive(&mut session, json!([67, 3]));
    receive(&mut session, json!([67, 0, {"registration": 20, "reason": "gone"}]));
    assert_eq!(told(&mut session), ["unregistered 3", "revoked registration 20"]);
}

#[test]
fn a_callee_is_not_fooled() {
    for (message, why) in [
        (json!([68, 1, 99, {}]), "an unknown registration"),
        (json!([68, 1, 10, {"progress": true}]), "progressive invocations"),
        (json!([65, 9, 10]), "an unknown request"),
        (json!([65, 1, 10]), "answered already"),
        (json!([67, 9]), "an unknown request"),
        (json!([67, 0, {"registration": 99}]), "an unknown registration"),
        (json!([50, 99, {}]), "an unknown call"),
    ] {
        let mut session = established();
        session.register(uri("p"), RegisterOptions::default()).unwrap();
        receive(&mut session, json!([65, 1, 10]));
        told(&mut session);
        receive(&mut session, message.clone());
        assert_eq!(told(&mut session), ["ended wamp.error.protocol_violation"], "{message}: {why}");
    }
    let mut session = established();
    session.register(uri("p"), RegisterOptions::default()).unwrap();
    for message in [json!([65, 1, 10]), json!([68, 1, 10, {}]), json!([68, 1, 10, {}])] {
        receive(&mut session, message);
    }
    assert_eq!(
        told(&mut session),
        ["registered 1 10", "invocation 1 p 0", "ended wamp.error.protocol_violation"],
        "an id that is in use"
    );
}

#[test]
fn calls_that_nobody_waits_for_are_forgotten_in_the_end() {
    let mut session = established();
    for _ in 0..=ABANDONED {
        let call = session.call(uri("p"), CallOptions::default(), Payload::empty(Codec::Json)).unwrap();
        session.abandon(call);
    }
    assert_eq!((session.pending.len(), session.abandoned.len()), (ABANDONED, ABANDONED));
    receive(&mut session, json!([50, 1, {}]));
    receive(&mut session, json!([8, 48, 1, {}, "wamp.error.canceled"]));
    assert!(told(&mut session).is_empty(), "what comes late for it is dropped");
    receive(&mut session, json!([50, 2, {}]));
    assert_eq!(told(&mut session), ["result 2 false"]);
    receive(&mut session, json!([50, 2, {}]));
    assert_eq!(told(&mut session), ["ended wamp.error.protocol_violation"], "but not twice");
}

#[test]
fn what_a_router_does_not_know_it_is_not_told() {
    let mut session = join(Offer::default());
    receive(&mut session, json!([2, 7, {"roles": {"dealer": {}}}]));
    sent(&mut session);
    let options = CallOptions { timeout: Some(5000), ..CallOptions::default() };
    let call = session.call(uri("p"), options, Payload::empty(Codec::Json)).unwrap();
    session.cancel(call, CancelMode::Kill);
    assert_eq!(sent(&mut session), [json!([48, 1, {}, "p"])]);
}
