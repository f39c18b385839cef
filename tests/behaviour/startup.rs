//! DESIGN 2.5: problems that are found before the server listens, all at once.

use serverwamp::testing::{CallError, TestClient};
use serverwamp::{App, Error, Inject, Realm, routes, wamp};

mod twice {
    use serverwamp::wamp;

    #[wamp::rpc("taken")]
    async fn one() {}

    #[wamp::rpc("taken")]
    async fn two() {}

    #[wamp::rpc("taken", match = "prefix")]
    async fn three() {}
}

mod lacking {
    use serverwamp::{Inject, Progress, wamp};

    pub(super) struct Database;
    pub(super) struct Shelf;

    #[wamp::rpc]
    async fn first(_a: i32, _database: Inject<Database>, _progress: Progress<i32>) {}

    #[wamp::service(prefix = "shelf")]
    impl Shelf {
        #[wamp::rpc]
        async fn get(&self) {}
    }

    #[wamp::rpc(realm = "nowhere")]
    async fn elsewhere() {}

    #[wamp::rpc("(", match = "regex")]
    async fn pattern() {}
}

/// Injected types where there is nothing to inject, and arguments where there are none.
mod misplaced {
    use serverwamp::{
        Call, CancellationToken, EventDetails, FromCall, Inject, Parameter, Progress, Request, Requirement, Rest,
        RpcError, Subscription, Topic, wamp,
    };

    /// A user's extractor passes on what it needs.
    struct Room;

    impl<'c> FromCall<'c> for Room {
        fn from_call(_: &'c Call, _: &Parameter<'_, 'c>) -> Result<Room, RpcError> {
            Ok(Room)
        }

        fn requires() -> Vec<Requirement> {
            <Topic as FromCall>::requires()
        }
    }

    #[wamp::rpc("a")]
    async fn procedure(_topic: Topic, _room: Room, _subscription: Subscription, _details: EventDetails) {}

    #[wamp::subscribe("b")]
    async fn subscribe(_progress: Progress<i32>, _token: CancellationToken, _details: EventDetails) {}

    #[wamp::unsubscribe]
    async fn unsubscribe(_request: Request) {}

    #[wamp::event("c")]
    async fn event(_topic: Topic, _progress: Progress<i32>, _missing: Inject<u8>) {}

    #[wamp::on_join]
    async fn join(_request: Request, _missing: Inject<u8>) {}

    #[wamp::on_leave]
    async fn leave(_token: CancellationToken, _subscription: Subscription) {}

    /// What each kind has.
    #[wamp::rpc("d")]
    async fn fine(_request: Request, _progress: Progress<i32>, _token: CancellationToken, _rest: Rest<i32>) {}

    #[wamp::subscribe("d")]
    async fn fine_for_subscribe(_topic: Topic, _subscription: Subscription, _request: Request, _room: Room) {}

    #[wamp::event("d")]
    async fn fine_for_events(_a: i32, _details: EventDetails, _request: Request, _token: CancellationToken) {}
}

/// Functions of which there may be several.
mod several {
    use serverwamp::wamp;

    #[wamp::subscribe("a")]
    #[wamp::unsubscribe("a")]
    #[wamp::event("a")]
    #[wamp::on_join]
    #[wamp::on_leave]
    pub(super) async fn one() {}

    #[wamp::subscribe("a")]
    #[wamp::unsubscribe("a")]
    #[wamp::event("a")]
    #[wamp::on_join]
    #[wamp::on_leave]
    async fn two() {}
}

/// Mistakes that all kinds share.
mod of_topics {
    use serverwamp::wamp;

    struct Shelf;

    #[wamp::service(prefix = "shelf")]
    impl Shelf {
        #[wamp::subscribe]
        async fn any(&self) {}

        #[wamp::event("emptied")]
        async fn emptied(&self) {}
    }

    #[wamp::event("(", match = "regex")]
    async fn pattern() {}

    #[wamp::on_join(realm = "nowhere")]
    async fn elsewhere() {}
}

mod of_realms {
    use serverwamp::wamp;

    #[wamp::rpc("own", manual)]
    pub(super) async fn own() -> &'static str {
        "own"
    }

    #[wamp::rpc("own", manual)]
    pub(super) async fn other() -> &'static str {
        "other"
    }

    #[wamp::rpc(manual, realm = "somewhere")]
    pub(super) async fn bound() {}
}

mod by_hand {
    use serverwamp::wamp;

    #[wamp::rpc(manual)]
    pub(super) async fn hidden() -> bool {
        true
    }

    #[wamp::rpc]
    pub(super) async fn open() -> bool {
        true
    }

    pub(super) fn not_annotated() {}
}

struct Own;

#[wamp::service]
impl Own {
    #[wamp::rpc("own.method", manual)]
    async fn method(&self) -> bool {
        true
    }
}

async fn problems(app: App) -> Vec<String> {
    match app.bind("127.0.0.1:0").await {
        Err(Error::Startup(problems)) => problems.iter().map(ToString::to_string).collect(),
        other => panic!("expected start-up problems, got {other:?}"),
    }
}

fn assert_matches(problems: &[String], expected: &[&[&str]]) {
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, parts) in problems.iter().zip(expected) {
        for part in *parts {
            assert!(problem.contains(part), "expected `{part}` in: {problem}");
        }
    }
}

#[tokio::test]
async fn duplicates() {
    let problems = problems(App::discover_in(concat!(module_path!(), "::twice"))).await;
    assert_matches(&problems, &[&["startup.rs:", "`taken`", "already served by `one` at", "startup.rs:"]]);
}

#[tokio::test]
async fn a_main_that_returns_the_error_prints_a_list() {
    let app = App::discover_in(concat!(module_path!(), "::twice")).bind("127.0.0.1:0");
    let shown = format!("{:?}", app.await.unwrap_err());
    assert!(shown.starts_with("the server cannot start:\n  "), "{shown}");
}

#[tokio::test]
async fn all_problems_at_once() {
    let problems = problems(App::discover_in(concat!(module_path!(), "::lacking"))).await;
    assert_matches(
        &problems,
        &[
            &["`first`, parameter `_database`", "Database", "App::inject"],
            &["`shelf.get`", "Shelf", "App::service"],
            &["`elsewhere`", "realm `nowhere`", "not configured"],
            &["`(`", "not a regular expression"],
        ],
    );
    assert!(problems.iter().all(|problem| problem.contains("startup.rs:")), "{problems:#?}");
}

#[tokio::test]
async fn what_is_missing_is_not_missed_once_it_is_given() {
    let app = App::discover_in(concat!(module_path!(), "::lacking"))
        .inject(lacking::Database)
        .service(lacking::Shelf)
        .realm(Realm::new("nowhere"));
    assert_matches(&problems(app).await, &[&["not a regular expression"]]);
}

#[tokio::test]
async fn nothing_at_all() {
    let expected: &[&[&str]] = &[&["no procedure found", "use my_crate as _;"]];
    assert_matches(&problems(App::discover_in("no_such_crate")).await, expected);
    assert_matches(&problems(App::new()).await, expected);
    assert_matches(&problems(App::discover_in(concat!(module_path!(), "::twic"))).await, expected);
    assert_matches(&problems(App::new().realm(Realm::new("one"))).await, expected);
    let closed = App::new().topics("news.").realm(Realm::new("one")).default_realm(false);
    assert_matches(&problems(closed).await, expected);
}

#[tokio::test]
async fn topics_alone_are_something_to_serve() {
    for app in [
        App::new().topics("news."),
        App::new().open_topics("news."),
        App::discover_in("no_such_crate").topics("news."),
        App::new().realm(Realm::new("realm1").topics("news.")),
        App::new().realm(Realm::new("realm1").open_topics("news.")).default_realm(false),
    ] {
        let client = TestClient::connect(&app).await.unwrap();
        let mut news = client.subscribe("news.a").await.unwrap();
        app.handle().realm("realm1").publish("news.a", "rain");
        assert_eq!(news.next().await.unwrap().arg::<String>(0).unwrap(), "rain");
    }
}

#[tokio::test]
async fn realms_are_checked() {
    let app = App::new()
        .routes(routes![by_hand::open])
        .realm(Realm::new("not a uri"))
        .realm(Realm::new("one"))
        .realm(Realm::new("one"));
    assert_matches(&problems(app).await, &[&["realm `not a uri`"], &["realm `one` is configured twice"]]);
}

#[tokio::test]
async fn a_realm_has_to_be_there() {
    let app = App::new().routes(routes![by_hand::open]).default_realm(false);
    assert_matches(&problems(app).await, &[&["no realm can be joined"]]);
}

#[tokio::test]
async fn functions_by_name() {
    use by_hand::hidden as renamed;
    let app = App::new().routes(routes![renamed, Own::method]).service(Own);
    let client = TestClient::connect(&app).await.unwrap();
    assert_eq!(client.call("hidden", ()).await, Ok(true));
    assert_eq!(client.call("own.method", ()).await, Ok(true));
    let missing: Result<bool, CallError> = client.call("open", ()).await;
    assert_eq!(missing.unwrap_err().uri(), Some("wamp.error.no_such_procedure"));

    let app = App::discover_in(concat!(module_path!(), "::by_hand"));
    let client = TestClient::connect(&app).await.unwrap();
    assert_eq!(client.call("open", ()).await, Ok(true));
    let missing: Result<bool, CallError> = client.call("hidden", ()).await;
    assert!(missing.is_err(), "manual functions are not discovered");

    let app = App::new().routes(routes![by_hand::not_annotated]);
    assert_matches(&problems(app).await, &[&["by_hand::not_annotated", "annotated"]]);
}

#[tokio::test]
async fn functions_within_functions() {
    #[wamp::rpc(manual)]
    async fn local(value: Inject<u8>) -> u8 {
        *value
    }
    let client = TestClient::connect(&App::new().routes(routes![local]).inject(7_u8)).await.unwrap();
    assert_eq!(client.call("local", ()).await, Ok(7_u8));
}

#[tokio::test]
async fn injected_types_that_a_kind_does_not_have() {
    let problems = problems(App::discover_in(concat!(module_path!(), "::misplaced"))).await;
    let topic = "`Topic` is for subscribe and unsubscribe functions";
    let subscription = "`Subscription` is for subscribe and unsubscribe functions";
    let details = "`EventDetails` is for event functions";
    let progress = "`Progress` is for rpc functions";
    let token = "`CancellationToken` is for rpc and event functions";
    let request = "`Request` is for rpc, event and subscribe functions";
    assert_matches(
        &problems,
        &[
            &["procedure `a`, parameter `_details`", details],
            &["procedure `a`, parameter `_room`", topic],
            &["procedure `a`, parameter `_subscription`", subscription],
            &["procedure `a`, parameter `_topic`", topic],
            &["subscribe `b`, parameter `_details`", details],
            &["subscribe `b`, parameter `_progress`", progress],
            &["subscribe `b`, parameter `_token`", token],
            &["unsubscribe `unsubscribe`, parameter `_request`", request],
            &["event `c`, parameter `_missing`", "no value of type `u8` is injected"],
            &["event `c`, parameter `_progress`", progress],
            &["event `c`, parameter `_topic`", topic],
            &["on_join `join`, parameter `_missing`", "no value of type `u8` is injected"],
            &["on_join `join`, parameter `_request`", request],
            &["on_leave `leave`, parameter `_subscription`", subscription],
            &["on_leave `leave`, parameter `_token`", token],
        ],
    );
    assert!(problems.iter().all(|problem| problem.contains("startup.rs:")), "{problems:#?}");
}

#[tokio::test]
async fn several_functions_of_a_topic_are_allowed() {
    TestClient::connect(&App::discover_in(concat!(module_path!(), "::several"))).await.unwrap();
    let named = App::new().routes(routes![several::one]);
    TestClient::connect(&named).await.unwrap();
}

#[tokio::test]
async fn mistakes_of_every_kind() {
    let problems = problems(App::discover_in(concat!(module_path!(), "::of_topics"))).await;
    assert_matches(
        &problems,
        &[
            &["subscribe `Shelf::any`", "a method of", "Shelf", "App::service"],
            &["event `shelf.emptied`", "a method of", "Shelf", "App::service"],
            &["event `(`", "not a regular expression"],
            &["on_join `elsewhere`", "realm `nowhere`", "not configured"],
        ],
    );
    assert!(problems.iter().all(|problem| problem.contains("startup.rs:")), "{problems:#?}");
}

#[tokio::test]
async fn a_realm_has_functions_of_its_own() {
    let shared = routes![of_realms::own];
    let app = App::new()
        .realm(Realm::new("one").routes(shared.clone()))
        .realm(Realm::new("two").routes(shared))
        .realm(Realm::new("three").routes(routes![of_realms::other]));
    for (realm, answer) in [("one", Some("own")), ("two", Some("own")), ("three", Some("other")), ("four", None)] {
        let client = TestClient::join(&app, realm, "wamp.2.json").await.unwrap();
        let called: Result<String, CallError> = client.call("own", ()).await;
        assert_eq!(called.as_deref().ok(), answer, "{realm}");
    }

    let twice = App::new()
        .routes(routes![of_realms::own])
        .realm(Realm::new("one").routes(routes![of_realms::own]))
        .realm(Realm::new("two").routes(routes![of_realms::other]));
    assert_matches(&problems(twice).await, &[&["procedure `own`", "already served by `own`"]]);

    let misplaced = App::new()
        .realm(Realm::new("somewhere"))
        .realm(Realm::new("one").routes(routes![of_realms::bound, by_hand::not_annotated]));
    let expected: &[&[&str]] = &[
        &["by_hand::not_annotated", "annotated"],
        &["procedure `bound` is for realm `somewhere`", "realm `one` lists it"],
    ];
    assert_matches(&problems(misplaced).await, expected);
}
