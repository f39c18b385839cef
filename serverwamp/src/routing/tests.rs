//! Functions of topics and sessions, from their attributes to the end of their runs.

use std::sync::{Arc, Mutex};

use futures_util::{FutureExt, Stream, stream};

use super::endpoints::Endpoints;
use super::realm::{LivingRealms, Realm};
use super::registry::{Registry, Services, Sources};
use crate::handler::{
    Announcement, Call, Claims, Endpoint, EventDetails, FromCall, HandlerFuture, Inject, Injections, Parameter,
    Principal, Request, Rest, RpcError, Session, SessionDetails, Subscription, Topic,
};
use crate::wire::{Codec, MatchPolicy, Message, PublicationId, ScanLimits, SessionId, SubscriptionId, Uri};

fn endpoints(module: &'static str, seen: &Arc<Seen>) -> Endpoints {
    let mut problems = Vec::new();
    let mut injections = Injections::default();
    injections.insert(Arc::clone(seen));
    let sources = Sources { discovered: vec![module], ..Sources::default() };
    let registry = Registry::collect(&sources, &[]).unwrap();
    let endpoints = registry.endpoints(&Realm::of_any_name(), &injections, &Services::default(), &mut problems);
    assert_eq!(problems, []);
    endpoints
}

mod order {
    use crate::wamp;

    #[wamp::subscribe]
    async fn any() {}

    #[wamp::subscribe("a.*", match = "regex")]
    async fn regex() {}

    #[wamp::subscribe("a..", match = "wildcard")]
    async fn one_component() {}

    #[wamp::subscribe("a.b.", match = "wildcard")]
    async fn two_components() {}

    #[wamp::subscribe("", match = "prefix")]
    async fn empty_prefix() {}

    #[wamp::subscribe("a.b", match = "prefix")]
    async fn long_prefix() {}

    #[wamp::subscribe("a", match = "prefix")]
    async fn short_prefix() {}

    #[wamp::subscribe("a.b.c")]
    async fn first() {}

    #[wamp::subscribe("a.b.c")]
    async fn second() {}
}

fn names<'e>(endpoints: impl IntoIterator<Item = &'e Arc<Endpoint>>) -> Vec<&'static str> {
    endpoints.into_iter().map(|endpoint| endpoint.route().function).collect()
}

#[test]
fn the_most_specific_function_comes_first() {
    let subscribe = endpoints(concat!(module_path!(), "::order"), &Arc::default()).subscribe;
    for (topic, expected) in [
        (
            "a.b.c",
            &[
                "first",
                "second",
                "long_prefix",
                "short_prefix",
                "empty_prefix",
                "two_components",
                "one_component",
                "regex",
                "any",
            ][..],
        ),
        ("a.x.c", &["short_prefix", "empty_prefix", "one_component", "regex", "any"]),
        ("a.bx", &["long_prefix", "short_prefix", "empty_prefix", "regex", "any"]),
        ("ab", &["short_prefix", "empty_prefix", "regex", "any"]),
        ("b.a", &["empty_prefix", "any"]),
    ] {
        assert_eq!(names(subscribe.matching(topic)), expected, "{topic}");
    }
}

#[test]
fn a_subscription_has_the_functions_that_cover_it() {
    let subscribe = endpoints(concat!(module_path!(), "::order"), &Arc::default()).subscribe;
    let mut sets: Vec<String> = subscribe.sets().map(|set| format!("{set:?}")).collect();
    sets.sort_unstable();
    let expected = [
        r#"Exact("a.b.c")"#,
        r#"Prefix("")"#,
        r#"Prefix("")"#,
        r#"Prefix("a")"#,
        r#"Prefix("a.b")"#,
        r#"Regex(Regex("^(?:a.*)$"))"#,
        r#"Wildcard("a..")"#,
        r#"Wildcard("a.b.")"#,
    ];
    assert_eq!(sets, expected);
    for (topic, policy, expected) in [
        ("a.b.c", MatchPolicy::Exact, subscribe.matching("a.b.c").count()),
        ("a.b.c", MatchPolicy::Wildcard, subscribe.matching("a.b.c").count()),
        ("a.b", MatchPolicy::Prefix, 4),
        ("a.", MatchPolicy::Prefix, 3),
        ("", MatchPolicy::Prefix, 2),
        ("a.b.", MatchPolicy::Wildcard, 6),
        ("a..c", MatchPolicy::Wildcard, 4),
    ] {
        assert_eq!(subscribe.covering(topic, policy).len(), expected, "{topic} {policy}");
    }
}

#[test]
fn functions_are_listed_with_what_they_are_for() {
    let handlers = endpoints(concat!(module_path!(), "::handlers"), &Arc::default());
    let topics = [&handlers.subscribe, &handlers.unsubscribe, &handlers.events];
    let of_topics = topics.into_iter().flat_map(|topics| topics.all());
    let all = of_topics.chain(&handlers.join).chain(&handlers.leave);
    let mut listed: Vec<String> = all.map(|endpoint| endpoint.route().listing()).collect();
    listed.sort_unstable();
    let place = format!("  {}:", file!());
    let listed: Vec<&str> = listed.iter().filter_map(|line| Some(line.split_once(&place)?.0)).collect();
    let expected = [
        "event described (role admin | staff)",
        "event measured",
        "event priced.{id}",
        "on_join noted",
        "on_leave noted",
        "subscribe asked.",
        "subscribe broken",
        "subscribe endless",
        "subscribe failing",
        "subscribe refused",
        "subscribe silent",
        "subscribe streamed",
        "unsubscribe (any topic)",
    ];
    assert_eq!(listed, expected);
}

/// What handlers have seen.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Seen {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
}

mod handlers {
    use super::*;
    use crate::wamp;

    #[wamp::event("measured", rename_all = "camelCase")]
    async fn measured(
        value: f64,
        #[wamp(default = "°C")] the_unit: &str,
        rest: Rest<u8>,
        details: EventDetails,
        seen: Inject<Arc<Seen>>,
    ) {
        let publisher = (details.publisher().is_some(), details.publisher_authid().map(str::len));
        seen.note(format!("{value} {the_unit} {:?} {} {publisher:?}", rest.0, details.topic()));
    }

    #[wamp::event("priced.{id}")]
    async fn priced(id: u64, seen: Inject<Arc<Seen>>) {
        seen.note(format!("{id}"));
    }

    #[wamp::event("described", role = "admin|staff", lenient)]
    async fn described(request: Request, session: Session, seen: Inject<Arc<Seen>>) -> Result<(), RpcError> {
        let (id, uri, mine) = (request.id(), request.uri(), request.options().get("_mine"));
        seen.note(format!("{id} {uri} {} {mine:?} {}", request.args().len(), session.realm()));
        Err(RpcError::new("my.error"))
    }

    #[wamp::subscribe("asked.", match = "prefix")]
    async fn asked(topic: Topic, subscription: Subscription, request: Request, seen: Inject<Arc<Seen>>) {
        let asked = format!("{topic} {} {}", topic.match_policy(), &topic[..5]);
        seen.note(format!("{asked} {} {} {:?}", subscription.topic(), request.id(), request.options().get("_mine")));
    }

    #[wamp::subscribe("refused")]
    async fn refused(realm: Borrowed<'_>) -> Result<(), RpcError> {
        Err(RpcError::new("my.refusal").arg(realm.0))
    }

    #[wamp::subscribe("streamed")]
    async fn streamed(name: Borrowed<'_>, seen: Inject<Arc<Seen>>) -> Result<impl Stream<Item = String>, RpcError> {
        let numbers = stream::iter(1..=3);
        Ok(futures_util::StreamExt::map(numbers, move |number| {
            seen.note(format!("{} {number}", name.0));
            format!("{} {number}", name.0)
        }))
    }

    #[wamp::subscribe("failing")]
    async fn failing() -> impl Stream<Item = Result<u8, RpcError>> {
        stream::iter([Ok(1), Err(RpcError::new("my.failure")), Ok(2)])
    }

    #[wamp::subscribe("broken")]
    async fn broken() -> impl Stream<Item = std::io::Result<u8>> {
        stream::iter([Err(std::io::Error::other("secret"))])
    }

    #[wamp::subscribe("endless")]
    async fn endless() -> impl Stream<Item = u8> {
        stream::repeat(1)
    }

    #[wamp::subscribe("silent")]
    async fn silent() -> std::pin::Pin<Box<dyn Stream<Item = u8> + Send>> {
        Box::pin(stream::pending())
    }

    #[wamp::unsubscribe]
    #[wamp::on_leave(before_authentication)]
    #[wamp::on_join]
    async fn noted(session: Session, tenant: Tenant, seen: Inject<Arc<Seen>>) {
        seen.note(format!("{} {}", session.realm(), tenant.0));
    }
}

/// A user's own extractor that borrows from the call.
struct Borrowed<'c>(&'c str);

impl<'c> FromCall<'c> for Borrowed<'c> {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Borrowed<'c>, RpcError> {
        Ok(Borrowed(call.session().realm()))
    }
}

/// A user's own extractor.
struct Tenant(String);

impl<'c> FromCall<'c> for Tenant {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Tenant, RpcError> {
        Ok(Tenant(call.uri().to_string()))
    }
}

fn session() -> Session {
    let details = SessionDetails { realm: Uri::known("realm1"), announcement: Announcement::default() };
    let realm = Arc::new(LivingRealms::default()).handle("realm1");
    let (id, claims) = (SessionId::new(7).unwrap(), Claims::default());
    let session = Session::new(id, details, claims, Arc::default(), Codec::Json, realm, 1 << 20);
    session.settle_as(Principal { authid: "joe".to_owned(), ..Principal::anonymous("user") }).unwrap();
    session
}

fn message(text: &str) -> Message {
    Message::parse(Codec::Json, text.to_owned().into(), ScanLimits::NONE).unwrap()
}

/// The functions of `handlers`, and what they have seen.
struct Fixture {
    endpoints: Endpoints,
    seen: Arc<Seen>,
}

impl Fixture {
    fn new() -> Fixture {
        let seen = Arc::new(Seen::default());
        Fixture { endpoints: endpoints(concat!(module_path!(), "::handlers"), &seen), seen }
    }

    /// What was seen since this was last asked.
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.0.lock().unwrap())
    }

    /// Runs the event function of a PUBLISH to its end.
    fn publish(&self, publish: &str) -> Result<(), RpcError> {
        let Message::Publish(publish) = message(publish) else { panic!("expected PUBLISH, got {publish}") };
        let endpoint = self.endpoints.events.matching(&publish.topic).next().unwrap();
        let session = session();
        let details = EventDetails::new(PublicationId::new(9).unwrap(), publish.topic.clone()).published_by(&session);
        let call = Call::for_event(Arc::clone(endpoint), session, &publish, details);
        endpoint.start(call).now_or_never().unwrap().map(drop)
    }

    /// Starts the subscribe function of a topic.
    fn subscribe(&self, topic: &str, options: &str) -> (Subscription, HandlerFuture) {
        let Message::Subscribe(subscribe) = message(&format!("[32,5,{options},{topic:?}]")) else { unreachable!() };
        let endpoint = self.endpoints.subscribe.matching(topic).next().unwrap();
        let policy = subscribe.options.match_policy.unwrap_or_default();
        let subscription = Subscription::new(session(), subscribe.topic.clone(), policy);
        let call = Call::for_subscription(Arc::clone(endpoint), session(), subscription.clone(), Some(&subscribe));
        (subscription, endpoint.start(call))
    }
}

#[test]
fn event_functions_are_given_the_arguments() {
    let fixture = Fixture::new();
    for (publish, seen) in [
        (r#"[16,3,{},"measured",[20.5]]"#, "20.5 °C [] measured (true, Some(3))"),
        (r#"[16,3,{},"measured",["1"],{"theUnit":"K\n"}]"#, "1 K\n [] measured (true, Some(3))"),
        (r#"[16,3,{},"measured",[1,"K",2,3]]"#, "1 K [2, 3] measured (true, Some(3))"),
    ] {
        assert_eq!(fixture.publish(publish), Ok(()), "{publish}");
        assert_eq!(fixture.seen(), [seen]);
    }
    for publish in [r#"[16,3,{},"measured"]"#, r#"[16,3,{},"measured",["x"]]"#, r#"[16,3,{},"measured",[1],{"x":1}]"#] {
        assert_eq!(fixture.publish(publish).unwrap_err().uri(), "wamp.error.invalid_argument", "{publish}");
    }
    assert_eq!(fixture.publish(r#"[16,3,{"_mine":1},"described",[1,2]]"#).unwrap_err().uri(), "my.error");
    assert_eq!(fixture.seen(), ["3 described 2 Some(Integer(1)) realm1"]);
}

#[test]
fn subscribe_functions_accept_or_refuse() {
    let fixture = Fixture::new();
    let (subscription, mut future) = fixture.subscribe("asked.x", r#"{"match":"prefix","_mine":1}"#);
    assert!((&mut future).now_or_never().unwrap().is_ok());
    assert!(!subscription.take_acceptance(), "the end of the function is its decision");
    assert_eq!(fixture.seen(), ["asked.x prefix asked asked.x 5 Some(Integer(1))"]);

    let (subscription, mut future) = fixture.subscribe("refused", "{}");
    let refusal = (&mut future).now_or_never().unwrap().unwrap_err();
    assert_eq!(refusal, RpcError::new("my.refusal").arg("realm1"));
    assert!(!subscription.take_acceptance());
}

#[test]
fn a_stream_is_pumped_once_the_subscription_is_accepted() {
    let fixture = Fixture::new();
    let (subscription, mut future) = fixture.subscribe("streamed", "{}");
    assert!((&mut future).now_or_never().is_none());
    assert!(subscription.take_acceptance());
    assert_eq!(fixture.seen(), [""; 0], "whoever polls accepts the subscription before the first event");
    assert!(subscription.accept(SubscriptionId::new(1).unwrap()));
    assert!((&mut future).now_or_never().unwrap().is_ok());
    assert_eq!(subscription.session().outbox().take().unwrap().len(), 3);
    assert_eq!(fixture.seen(), ["realm1 1", "realm1 2", "realm1 3"]);
    assert!(!subscription.take_acceptance(), "a function decides once");
}

#[test]
fn a_stream_that_fails_ends_the_subscription() {
    let fixture = Fixture::new();
    for (topic, error) in [("failing", "my.failure"), ("broken", "wamp.error.runtime_error")] {
        let (subscription, mut future) = fixture.subscribe(topic, "{}");
        assert!((&mut future).now_or_never().is_none());
        assert!(subscription.take_acceptance(), "{topic}");
        assert_eq!((&mut future).now_or_never().unwrap().unwrap_err().uri(), error);
    }
}

#[test]
fn a_stream_ends_with_its_subscription() {
    let fixture = Fixture::new();
    for topic in ["endless", "silent"] {
        let (subscription, mut future) = fixture.subscribe(topic, "{}");
        assert!((&mut future).now_or_never().is_none(), "{topic}");
        assert!(subscription.accept(SubscriptionId::new(1).unwrap()));
        for _ in 0..3 {
            assert!((&mut future).now_or_never().is_none(), "{topic}: it gives way, or waits for room");
        }
        assert!(subscription.end());
        assert!((&mut future).now_or_never().unwrap().is_ok(), "{topic}");
    }
}

#[test]
fn functions_without_a_request() {
    let fixture = Fixture::new();
    let subscription = Subscription::new(session(), Uri::known("some.topic"), MatchPolicy::Exact);
    let endpoint = fixture.endpoints.unsubscribe.matching("some.topic").next().unwrap();
    let call = Call::for_subscription(Arc::clone(endpoint), session(), subscription, None);
    assert!(endpoint.start(call).now_or_never().unwrap().is_ok());
    for endpoint in fixture.endpoints.join.iter().chain(&fixture.endpoints.leave) {
        let call = Call::for_session(Arc::clone(endpoint), session());
        assert!(endpoint.start(call).now_or_never().unwrap().is_ok());
    }
    let expected = ["realm1 some.topic", "realm1 wamp.session.on_join", "realm1 wamp.session.on_leave"];
    assert_eq!(fixture.seen(), expected);
    let before = |endpoints: &[Arc<Endpoint>]| endpoints.iter().any(|it| it.route().before_authentication);
    assert!(!before(&fixture.endpoints.join) && before(&fixture.endpoints.leave));
}
