//! The broker without a connection: what it does to the outboxes of sessions.

use std::sync::Arc;

use super::*;
use crate::handler::{
    Announcement, Audience, Claims, Command, Principal, Publication, PublishError, RealmDirectory, RealmHandle,
    SessionDetails, TransportInfo,
};
use crate::wire::{Message, Payload, PublicationId, ScanLimits};

struct Nowhere;

impl RealmDirectory for Nowhere {
    fn find(&self, _: &str) -> Option<Arc<dyn crate::handler::LivingRealm>> {
        None
    }
}

fn session(id: u64, codec: Codec) -> Session {
    let details = SessionDetails { realm: Uri::new("realm1").unwrap(), announcement: Announcement::default() };
    let realm = RealmHandle::to_name("realm1", Arc::new(Nowhere));
    let transport = Arc::new(TransportInfo::default());
    let outbound_bytes = Limits::default().outbound_bytes;
    let (number, claims) = (SessionId::new(id).unwrap(), Claims::default());
    let session = Session::new(number, details, claims, transport, codec, realm, outbound_bytes);
    let role = if id.is_multiple_of(2) { "even" } else { "odd" };
    session.settle_as(Principal { authid: format!("user{id}"), ..Principal::anonymous(role) }).unwrap();
    session
}

fn broker() -> Broker {
    Broker::new(&Limits::default())
}

fn begin(broker: &Broker, session: &Session, topic: &str, policy: MatchPolicy) -> Subscription {
    match broker.begin(session, &Uri::pattern(topic, policy).unwrap(), policy).unwrap() {
        Begun::Pending(subscription) => subscription,
        Begun::Existing(id) => panic!("{topic} is subscribed to already: {id}"),
    }
}

fn subscribe(broker: &Broker, session: &Session, topic: &str, policy: MatchPolicy) -> u64 {
    broker.accept(&begin(broker, session, topic, policy)).unwrap().get()
}

fn publish(broker: &Broker, topic: &str, audience: &Audience, value: &str) -> Result<PublicationId, PublishError> {
    let topic = Uri::new(topic).unwrap();
    let payload = Payload::encode(broker.codec_of(&topic, audience).unwrap_or(Codec::Cbor), value)?;
    let publication = Publication::new(&topic, &payload, audience);
    broker.publish(&publication).map(|_| publication.id)
}

#[test]
fn wildcards_that_nearly_match_count_for_the_publisher() {
    let broker = broker();
    let reader = session(1, Codec::Json);
    let (topic, audience) = (Uri::new("a.b.c.d.e").unwrap(), Audience::everyone());
    let payload = Payload::encode(Codec::Cbor, "x").unwrap();
    let counted = || broker.publish(&Publication::new(&topic, &payload, &audience)).unwrap().octets;
    assert_eq!(counted(), 0, "nobody listens");
    subscribe(&broker, &reader, "x..c.d.e", MatchPolicy::Wildcard);
    let none = counted();
    let counts: Vec<usize> = ["a..c.d.x", ".b.c.d.x", "..c.d.x"]
        .into_iter()
        .map(|pattern| {
            subscribe(&broker, &reader, pattern, MatchPolicy::Wildcard);
            counted()
        })
        .collect();
    let [one, two, three] = counts[..] else { panic!("{counts:?}") };
    assert!(none < one && one < two && two < three, "{none} {counts:?}");
    assert!(received(&reader).is_empty());
}

/// What waits for a session: subscription, publication, topic and argument of each event.
fn received(session: &Session) -> Vec<(u64, u64, Option<String>, String)> {
    let events = session.outbox().take().unwrap().into_iter().map(|command| match command {
        Command::Event(message) => message,
        Command::Progress(_) | Command::Publish(_) => panic!("there are no calls"),
    });
    let events = events.map(|message| match Message::parse(session.codec(), message, ScanLimits::NONE).unwrap() {
        Message::Event(event) => event,
        other => panic!("{other:?}"),
    });
    events
        .map(|event| {
            let topic = event.details.topic.as_ref().map(ToString::to_string);
            let argument = event.payload.to_args().first().map(ToString::to_string).unwrap_or_default();
            (event.subscription.get(), event.publication.get(), topic, argument)
        })
        .collect()
}

fn texts(session: &Session) -> Vec<String> {
    received(session).into_iter().map(|(.., text)| text.trim_matches('"').to_owned()).collect()
}

#[test]
fn one_event_for_each_subscription_that_matches() {
    let broker = broker();
    let session = session(1, Codec::Json);
    let ids = [
        subscribe(&broker, &session, "a.b.c", MatchPolicy::Exact),
        subscribe(&broker, &session, "a.b", MatchPolicy::Prefix),
        subscribe(&broker, &session, "a..c", MatchPolicy::Wildcard),
        subscribe(&broker, &session, "a.b.d", MatchPolicy::Exact),
        subscribe(&broker, &session, "a.c", MatchPolicy::Prefix),
    ];
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    let publication = publish(&broker, "a.b.c", &Audience::everyone(), "x").unwrap().get();
    let topic = Some("a.b.c".to_owned());
    let expected = [(1, None), (2, topic.clone()), (3, topic)];
    let expected = expected.map(|(id, topic)| (id, publication, topic, "\"x\"".to_owned()));
    assert_eq!(received(&session), expected);
}

#[test]
fn ids_are_shared_and_leave_no_gaps() {
    let broker = broker();
    let (one, other) = (session(1, Codec::Json), session(2, Codec::Cbor));
    let refused = begin(&broker, &one, "secret", MatchPolicy::Exact);
    assert_eq!(subscribe(&broker, &one, "a", MatchPolicy::Exact), 1);
    broker.refuse(&refused);
    assert!(refused.is_closed());
    assert_eq!(subscribe(&broker, &other, "a", MatchPolicy::Exact), 1);
    assert_eq!(subscribe(&broker, &other, "a", MatchPolicy::Prefix), 2);
    let again = broker.begin(&other, &Uri::new("a").unwrap(), MatchPolicy::Exact).unwrap();
    assert!(matches!(again, Begun::Existing(id) if id.get() == 1), "{again:?}");
    publish(&broker, "a", &Audience::everyone(), "x").unwrap();
    assert_eq!((texts(&one).len(), texts(&other).len()), (1, 2));
}

#[test]
fn asking_twice_before_the_decision_is_one_subscription() {
    let broker = broker();
    let session = session(1, Codec::Json);
    let first = begin(&broker, &session, "a", MatchPolicy::Exact);
    let second = begin(&broker, &session, "a", MatchPolicy::Exact);
    assert_eq!(first, second);
    assert_eq!(broker.accept(&first), broker.accept(&second));
    assert_eq!(broker.leave(&session), std::slice::from_ref(&first));
    assert!(first.is_closed());
    assert_eq!(broker.accept(&second), None, "it is over");
}

#[test]
fn what_is_sent_before_the_decision_is_held() {
    let broker = broker();
    let session = session(1, Codec::MessagePack);
    let accepted = begin(&broker, &session, "a.", MatchPolicy::Prefix);
    let refused = begin(&broker, &session, "a.b", MatchPolicy::Exact);
    for subscription in [&accepted, &refused] {
        assert_eq!(subscription.send("first").result(), Ok(()));
    }
    let payload = Payload::encode(Codec::MessagePack, "second").unwrap();
    let (topic, everyone) = (Uri::new("a.b").unwrap(), Audience::everyone());
    broker.send_event(&session, &Publication::new(&topic, &payload, &everyone)).unwrap();
    publish(&broker, "a.b", &Audience::everyone(), "to those who are subscribed").unwrap();
    assert_eq!(texts(&session), [""; 0]);
    broker.refuse(&refused);
    broker.accept(&accepted).unwrap();
    publish(&broker, "a.b", &Audience::everyone(), "third").unwrap();
    assert_eq!(texts(&session), ["first", "second", "third"]);
    assert_eq!(refused.send("late").result(), Err(PublishError::Closed));
}

#[test]
fn nothing_comes_after_the_end() {
    let broker = broker();
    let session = session(1, Codec::Json);
    let subscription = begin(&broker, &session, "a", MatchPolicy::Exact);
    let id = broker.accept(&subscription).unwrap();
    assert_eq!(broker.unsubscribe(&session, id), Some(subscription.clone()));
    assert_eq!(broker.unsubscribe(&session, id), None);
    publish(&broker, "a", &Audience::everyone(), "x").unwrap();
    assert_eq!(subscription.send("x").result(), Err(PublishError::Closed));
    assert_eq!(texts(&session), [""; 0]);
    assert!(broker.leave(&session).is_empty());
    let state = broker.read();
    assert_eq!((state.topics.len(), state.sessions.len()), (0, 0));
}

#[test]
fn the_limit_counts_what_is_not_decided() {
    let broker = Broker::new(&Limits { subscriptions: 2, ..Limits::default() });
    let session = session(1, Codec::Json);
    let id = subscribe(&broker, &session, "a", MatchPolicy::Exact);
    let pending = begin(&broker, &session, "b", MatchPolicy::Exact);
    let topic = Uri::new("c").unwrap();
    assert!(broker.begin(&session, &topic, MatchPolicy::Exact).is_err());
    assert!(broker.begin(&session, &Uri::new("a").unwrap(), MatchPolicy::Exact).is_ok(), "it exists");
    broker.refuse(&pending);
    let pending = begin(&broker, &session, "c", MatchPolicy::Exact);
    broker.accept(&pending).unwrap();
    assert!(broker.begin(&session, &Uri::new("d").unwrap(), MatchPolicy::Exact).is_err());
    broker.unsubscribe(&session, SubscriptionId::new(id).unwrap()).unwrap();
    assert!(broker.begin(&session, &Uri::new("d").unwrap(), MatchPolicy::Exact).is_ok());
}

#[test]
fn one_encoding_is_shared_by_all_with_the_same_codec() {
    let broker = broker();
    let sessions: Vec<Session> = (1..=6).map(|id| session(id, [Codec::Json, Codec::Cbor][id as usize % 2])).collect();
    for session in &sessions {
        subscribe(&broker, session, "a", MatchPolicy::Exact);
    }
    publish(&broker, "a", &Audience::everyone(), "x").unwrap();
    let octets = sessions.iter().map(|session| match session.outbox().take().unwrap().into_iter().next() {
        Some(Command::Event(message)) => (session.codec(), message.as_ptr()),
        other => panic!("{other:?}"),
    });
    let distinct: std::collections::HashSet<_> = octets.collect();
    assert_eq!(distinct.len(), 2);
}

#[test]
fn what_one_receiver_cannot_have_nobody_gets() {
    let broker = broker();
    let (one, other) = (session(1, Codec::Cbor), session(2, Codec::Json));
    subscribe(&broker, &one, "a", MatchPolicy::Exact);
    subscribe(&broker, &other, "a", MatchPolicy::Exact);
    subscribe(&broker, &one, "", MatchPolicy::Prefix);
    let topic = Uri::new("a").unwrap();
    let publish = |payload: &Payload, audience: &Audience| broker.publish(&Publication::new(&topic, payload, audience));
    let infinite = Payload::encode(Codec::Cbor, &f64::INFINITY).unwrap();
    let sent = publish(&infinite, &Audience::everyone());
    assert!(matches!(sent, Err(PublishError::Unencodable(_))), "{sent:?}");
    let large = Payload::encode(Codec::Cbor, &"x".repeat(1024 * 1024)).unwrap();
    let sent = publish(&large, &Audience::everyone());
    assert!(matches!(sent, Err(PublishError::TooLarge { maximum: 1_048_576 })), "{sent:?}");
    assert_eq!((received(&one).len(), received(&other).len()), (0, 0));
    publish(&infinite, &Audience::everyone().exclude([other.id()])).unwrap();
    assert_eq!((received(&one).len(), received(&other).len()), (2, 0), "whoever gets it can have it");
}

#[test]
fn audiences() {
    let broker = broker();
    let sessions: Vec<Session> = (1..=4).map(|id| session(id, Codec::Json)).collect();
    for session in &sessions {
        subscribe(&broker, session, "a", MatchPolicy::Exact);
    }
    let id = |id| SessionId::new(id).unwrap();
    let everyone = Audience::everyone;
    let nobody: [SessionId; 0] = [];
    let no_names: [&str; 0] = [];
    let cases: Vec<(Audience, &[u64])> = vec![
        (everyone(), &[1, 2, 3, 4]),
        (everyone().exclude([id(1), id(9)]), &[2, 3, 4]),
        (everyone().exclude_authid(["user2"]), &[1, 3, 4]),
        (everyone().exclude_authrole(["odd"]), &[2, 4]),
        (everyone().exclude(nobody), &[1, 2, 3, 4]),
        (everyone().eligible([id(1), id(2), id(9)]), &[1, 2]),
        (everyone().eligible_authid(["user3"]), &[3]),
        (everyone().eligible_authrole(["even"]), &[2, 4]),
        (everyone().eligible([id(1), id(2)]).eligible_authrole(["even"]), &[2]),
        (everyone().eligible_authrole(["even"]).exclude([id(2)]), &[4]),
        (everyone().eligible([id(1)]).eligible([id(3)]), &[1, 3]),
        (everyone().eligible(nobody), &[]),
        (everyone().eligible_authid(no_names), &[]),
        (everyone().eligible_authrole(no_names), &[]),
    ];
    for (audience, expected) in cases {
        publish(&broker, "a", &audience, "x").unwrap();
        let got = sessions.iter().filter(|session| !received(session).is_empty()).map(|session| session.id().get());
        assert_eq!(got.collect::<Vec<_>>(), expected, "{audience:?}");
    }
}

#[test]
fn what_finds_no_room_cuts_its_session_and_no_other() {
    let broker = broker();
    let (dead, good) = (session(1, Codec::Json), session(2, Codec::Json));
    subscribe(&broker, &dead, "a", MatchPolicy::Exact);
    subscribe(&broker, &good, "a", MatchPolicy::Exact);
    let text = "x".repeat(512 * 1024);
    for _ in 0..20 {
        publish(&broker, "a", &Audience::everyone(), &text).unwrap();
        assert_eq!(received(&good).len(), 1);
        // All that was taken is sent.
        good.outbox().set_unsent(0, 0);
    }
    assert!(dead.outbox().is_waiting() && dead.outbox().take().is_err());
    dead.close("my.reason", "");
    assert!(dead.outbox().take_farewell().is_none() && dead.outbox().is_waiting(), "it stays to be cut");
}

#[test]
fn a_large_event_reaches_all_of_many_patterns() {
    let broker = broker();
    let sessions = [session(1, Codec::Json), session(2, Codec::Cbor)];
    // All patterns of a topic of six components: what they get is more than is encoded ahead.
    let components = ["a", "b", "c", "d", "e", "f"];
    for pattern in 0..64_usize {
        let kept = components.iter().enumerate().map(|(place, text)| if pattern >> place & 1 == 0 { text } else { "" });
        let pattern = kept.collect::<Vec<_>>().join(".");
        for session in &sessions {
            subscribe(&broker, session, &pattern, MatchPolicy::Wildcard);
        }
    }
    let text = "x".repeat(50_000);
    publish(&broker, "a.b.c.d.e.f", &Audience::everyone(), &text).unwrap();
    for session in &sessions {
        let mut received = received(session);
        received.sort_by_key(|(id, ..)| *id);
        assert!(received.iter().map(|(id, ..)| *id).eq(1..=64));
        assert!(received.iter().all(|(.., event)| event.trim_matches('"') == text));
    }
}
