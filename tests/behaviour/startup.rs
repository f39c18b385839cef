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
