//! Event history: `wamp.subscription.get_events`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use serverwamp::{Action, Decision, History, MatchPolicy, Realm, RpcError, Session, Uri, routes, wamp};
use serverwamp_tests::{Peer, Serializer};

use super::*;

const GET: &str = "wamp.subscription.get_events";

/// Where a history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Memory,
    File,
}

const PLACES: [Place; 2] = [Place::Memory, Place::File];

/// A file of its own, removed when this is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("serverwamp-history-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn in_place(&self, place: Place, history: History) -> History {
        match place {
            Place::Memory => history,
            Place::File => history.sqlite(self.0.join("events.db")),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A router that keeps what is published below `h.`.
fn keeping(history: History) -> App {
    app_with(Realm::new("realm1").router().history("h.", MatchPolicy::Prefix, history))
}

fn app_with(realm: Realm) -> App {
    App::discover_in("behaviour::router").realm(realm)
}

async fn lookup(peer: &mut Peer, request: u64, topic: &str, policy: &str) -> u64 {
    let id = call(peer, request, "wamp.subscription.lookup", json!([topic, {"match": policy}]), json!({})).await;
    id[0].as_u64().expect("an id")
}

async fn events(peer: &mut Peer, request: u64, id: u64, filters: Value) -> Vec<Value> {
    let answer = call(peer, request, GET, json!([id]), filters).await;
    assert_eq!(answer.as_array().unwrap().len(), 1, "{answer}");
    answer[0].as_array().unwrap().clone()
}

/// The first argument of each event.
async fn texts(peer: &mut Peer, request: u64, id: u64, filters: Value) -> Vec<Value> {
    events(peer, request, id, filters).await.iter().map(|event| event["args"][0].clone()).collect()
}

#[tokio::test]
async fn events_are_told_as_they_were() {
    for place in PLACES {
        for published in Serializer::ALL {
            for asked in Serializer::ALL {
                let what = format!("{place:?} {published} to {asked}");
                let directory = Directory::new();
                let app = keeping(directory.in_place(place, History::new()));
                let (mut publisher, session) = join_as(&app, published, "realm1", json!({})).await;
                let payload = json!([16, 1, {"acknowledge": true, "disclose_me": true}, "h.a", [1, "é", "\0AQI=", [null]], {"k": 1.5}]);
                let first = ask(&mut publisher, payload).await[2].clone();
                let options = json!({"acknowledge": true, "enc_algo": "cryptobox", "enc_serializer": "json"});
                let second = ask(&mut publisher, json!([16, 2, options, "h.b", "\0AQI="])).await[2].clone();
                let mut asker = join(&app, asked, "realm1").await;
                let id = lookup(&mut asker, 1, "h.", "prefix").await;
                let told = events(&mut asker, 2, id, json!({})).await;
                let [one, two] = &told[..] else { panic!("{what}: {told:?}") };
                for event in [one, two] {
                    let time = event["timestamp"].as_str().unwrap();
                    assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{what}: {time}");
                }
                let publisher = publisher_details(session, &one["details"]);
                let expected = json!({
                    "timestamp": one["timestamp"], "subscription": id, "publication": first, "details": publisher,
                    "args": [1, "é", "\0AQI=", [null]], "kwargs": {"k": 1.5},
                });
                assert_eq!(*one, expected, "{what}");
                let details = json!({"topic": "h.b", "enc_algo": "cryptobox", "enc_serializer": "json"});
                let expected = json!({
                    "timestamp": two["timestamp"], "subscription": id, "publication": second, "details": details,
                    "args": "\0AQI=", "kwargs": {},
                });
                assert_eq!(*two, expected, "{what}");
            }
        }
    }
}

fn publisher_details(session: u64, details: &Value) -> Value {
    let authid = details["publisher_authid"].as_str().expect("an authid");
    json!({"topic": "h.a", "publisher": session, "publisher_authid": authid, "publisher_authrole": "anonymous"})
}

#[tokio::test]
async fn filters() {
    for place in PLACES {
        for serializer in Serializer::ALL {
            let directory = Directory::new();
            let app = keeping(directory.in_place(place, History::new()));
            let mut publisher = join(&app, serializer, "realm1").await;
            let mut ids = vec![json!(null)];
            for (request, topic) in (1..).zip(["h.a", "h.b", "h.a", "h.b", "h.a"]) {
                ids.push(json!(publish(&mut publisher, request, json!({}), topic, json!([request])).await));
            }
            publish(&mut publisher, 6, json!({}), "elsewhere", json!([6])).await;
            let mut asker = join(&app, serializer, "realm1").await;
            let id = lookup(&mut asker, 1, "h.", "prefix").await;
            let all = events(&mut asker, 2, id, json!({})).await;
            let times: Vec<&Value> = all.iter().map(|event| &event["timestamp"]).collect();
            for (request, (filters, expected)) in (10..).zip([
                (json!({}), vec![1, 2, 3, 4, 5]),
                (json!({"reverse": true}), vec![5, 4, 3, 2, 1]),
                (json!({"limit": 2}), vec![1, 2]),
                (json!({"limit": 2, "reverse": true}), vec![5, 4]),
                (json!({"limit": 0}), vec![]),
                (json!({"limit": 100, "reverse": false}), vec![1, 2, 3, 4, 5]),
                (json!({"topic": "h.b"}), vec![2, 4]),
                (json!({"topic": "h.b", "limit": 1, "reverse": true}), vec![4]),
                (json!({"topic": "nowhere"}), vec![]),
                (json!({"from_publication": ids[2]}), vec![2, 3, 4, 5]),
                (json!({"after_publication": ids[2]}), vec![3, 4, 5]),
                (json!({"before_publication": ids[4]}), vec![1, 2, 3]),
                (json!({"until_publication": ids[4]}), vec![1, 2, 3, 4]),
                (json!({"after_publication": ids[1], "before_publication": ids[4]}), vec![2, 3]),
                (json!({"after_publication": ids[4], "before_publication": ids[2]}), vec![]),
                (json!({"from_publication": ids[3], "until_publication": ids[3]}), vec![3]),
                (json!({"from_publication": ids[2], "after_publication": ids[3], "topic": "h.a"}), vec![5]),
                (json!({"from_time": times[1]}), vec![2, 3, 4, 5]),
                (json!({"after_time": times[1]}), vec![3, 4, 5]),
                (json!({"before_time": times[3]}), vec![1, 2, 3]),
                (json!({"until_time": times[3]}), vec![1, 2, 3, 4]),
                (json!({"from_time": times[1], "until_time": times[3], "reverse": true, "limit": 2}), vec![4, 3]),
                (json!({"from_time": "2001-01-01T00:00:00+01:00", "before_time": "2001-01-02T00:00:00Z"}), vec![]),
                (json!({"limit": null, "topic": null}), vec![1, 2, 3, 4, 5]),
            ]) {
                let got = texts(&mut asker, request, id, filters.clone()).await;
                assert_eq!(json!(got), json!(expected), "{place:?} {serializer} {filters}");
            }
            for (request, (filters, error)) in (60..).zip([
                (json!({"limit": -1}), "wamp.error.invalid_argument"),
                (json!({"limit": "x"}), "wamp.error.invalid_argument"),
                (json!({"reverse": 7}), "wamp.error.invalid_argument"),
                (json!({"topic": "not a uri"}), "wamp.error.invalid_uri"),
                (json!({"from_time": "yesterday"}), "wamp.error.invalid_argument"),
                (json!({"after_time": 7}), "wamp.error.invalid_argument"),
                (json!({"from_publication": 0}), "wamp.error.invalid_argument"),
                (json!({"until_publication": 1}), "wamp.error.invalid_argument"),
            ]) {
                let got = call_error(&mut asker, request, GET, json!([id]), filters.clone()).await;
                assert_eq!(got, error, "{place:?} {serializer} {filters}");
            }
        }
    }
}

#[tokio::test]
async fn subscriptions_within_a_kept_pattern_have_their_part_of_it() {
    for place in PLACES {
        for serializer in Serializer::ALL {
            let directory = Directory::new();
            let app = keeping(directory.in_place(place, History::new()));
            let mut peer = join(&app, serializer, "realm1").await;
            for (request, topic) in (1..).zip(["h.a", "h.b.c", "h.a"]) {
                publish(&mut peer, request, json!({"exclude_me": false}), topic, json!([request])).await;
            }
            for (request, (topic, policy, expected)) in (10..).zip([
                ("h.a", "exact", vec![1, 3]),
                ("h.b", "prefix", vec![2]),
                ("h..c", "wildcard", vec![2]),
                ("h.none", "exact", vec![]),
            ]) {
                let id = subscribe(&mut peer, request, topic, json!({"match": policy})).await;
                let got = texts(&mut peer, request + 10, id, json!({})).await;
                assert_eq!(json!(got), json!(expected), "{serializer} {topic}");
            }
            for (request, (topic, policy)) in (30..).zip([("elsewhere", "exact"), ("h", "prefix"), ("..c", "wildcard")])
            {
                let id = subscribe(&mut peer, request, topic, json!({"match": policy})).await;
                let error = call_error(&mut peer, request + 10, GET, json!([id]), json!({})).await;
                assert_eq!(error, "wamp.error.history_unavailable", "{serializer} {topic}");
            }
            let error = call_error(&mut peer, 50, GET, json!([99]), json!({})).await;
            assert_eq!(error, "wamp.error.no_such_subscription");
            // The kept subscription stays when its last subscriber goes.
            let id = subscribe(&mut peer, 60, "h.", json!({"match": "prefix"})).await;
            assert_eq!(ask(&mut peer, json!([34, 61, id])).await, json!([35, 61]));
            assert_eq!(lookup(&mut peer, 62, "h.", "prefix").await, id, "{serializer}");
            assert_eq!(
                call(&mut peer, 63, "wamp.subscription.count_subscribers", json!([id]), json!({})).await,
                json!([0])
            );
        }
    }
}

#[tokio::test]
async fn what_the_asker_could_not_have_had_is_not_told() {
    for place in PLACES {
        for serializer in Serializer::ALL {
            let directory = Directory::new();
            let app = keeping(directory.in_place(place, History::new()));
            let mut publisher = join(&app, serializer, "realm1").await;
            let (mut asker, asking) = join_as(&app, serializer, "realm1", json!({})).await;
            for (request, options) in (1..).zip([
                json!({}),
                json!({"exclude": [asking]}),
                json!({"eligible": [asking]}),
                json!({"eligible": []}),
                json!({"exclude_authrole": ["anonymous"]}),
                json!({"eligible_authrole": ["anonymous"], "exclude_authid": ["nobody"]}),
                json!({"eligible_authrole": []}),
                json!({"eligible_authid": ["nobody"]}),
                json!({"exclude_me": false}),
            ]) {
                publish(&mut publisher, request, options, "h.a", json!([request])).await;
            }
            let id = lookup(&mut asker, 1, "h.", "prefix").await;
            // Of those for single sessions nothing is kept.
            assert_eq!(json!(texts(&mut asker, 2, id, json!({})).await), json!([1, 6, 9]), "{place:?} {serializer}");
            assert_eq!(json!(texts(&mut publisher, 90, id, json!({})).await), json!([9]), "{place:?} {serializer}");
        }
    }
}

#[wamp::subscribe("h.guarded", manual)]
async fn guard(session: Session) -> Result<(), RpcError> {
    match session.agent() {
        Some("friend") => Ok(()),
        _ => Err(RpcError::not_authorized("friends only")),
    }
}

async fn may(session: Session, uri: Uri, _: Action) -> Decision {
    match uri.starts_with("h.secret") && session.agent() != Some("friend") {
        true => Decision::deny(),
        false => Decision::allow(),
    }
}

#[tokio::test]
async fn only_who_may_subscribe_may_ask() {
    for serializer in Serializer::ALL {
        let realm = Realm::new("realm1")
            .router()
            .routes(routes![guard])
            .authorizer(may)
            .history("h.guarded", MatchPolicy::Exact, History::new())
            .history("h.secret", MatchPolicy::Exact, History::new())
            .history("h.open", MatchPolicy::Exact, History::new());
        let app = app_with(realm);
        let mut stranger = join(&app, serializer, "realm1").await;
        let mut friend = Peer::connect(&app, serializer);
        let hello =
            json!([1, "realm1", {"roles": {"caller": {}, "subscriber": {}, "publisher": {}}, "agent": "friend"}]);
        assert_eq!(ask(&mut friend, hello).await[0], 2);
        for (request, (topic, open, friendly)) in
            (1..).zip([("h.guarded", false, false), ("h.secret", false, true), ("h.open", true, true)])
        {
            let id = lookup(&mut friend, request * 10, topic, "exact").await;
            for (peer, allowed) in [(&mut stranger, open), (&mut friend, friendly)] {
                match allowed {
                    true => assert_eq!(texts(peer, request * 10 + 1, id, json!({})).await, [0; 0], "{topic}"),
                    false => {
                        let error = call_error(peer, request * 10 + 1, GET, json!([id]), json!({})).await;
                        assert_eq!(error, "wamp.error.not_authorized", "{serializer} {topic}");
                    }
                }
            }
            // Subscribers may ask, whoever let them in.
            subscribe(&mut friend, request * 10 + 2, topic, json!({})).await;
            assert_eq!(texts(&mut friend, request * 10 + 3, id, json!({})).await, [0; 0], "{topic}");
        }
    }
}

#[tokio::test]
async fn a_history_is_bounded() {
    for place in PLACES {
        for serializer in Serializer::ALL {
            for (history, expected) in [
                (History::new().events(2), vec!["4", "5"]),
                (History::new().events(0), vec![]),
                (History::new().bytes(1000), vec!["4", "5"]),
                (History::new().age(std::time::Duration::ZERO), vec![]),
                (History::new().age(std::time::Duration::from_secs(3600)), vec!["1", "2", "3", "4", "5"]),
            ] {
                let directory = Directory::new();
                let app = keeping(directory.in_place(place, history.clone()));
                let mut peer = join(&app, serializer, "realm1").await;
                for request in 1..=5 {
                    let args = json!([request.to_string(), "x".repeat(150)]);
                    publish(&mut peer, request, json!({"exclude_me": false}), "h.a", args).await;
                }
                if expected.len() == 2 {
                    // One that is too large by itself is not kept, and takes nobody's place.
                    let large = json!(["6", "x".repeat(1000)]);
                    let kept = history_keeps_large(&history);
                    publish(&mut peer, 6, json!({"exclude_me": kept}), "h.a", large).await;
                }
                let id = lookup(&mut peer, 7, "h.", "prefix").await;
                let got = texts(&mut peer, 8, id, json!({})).await;
                let expected = if history_keeps_large(&history) && expected.len() == 2 { vec!["5"] } else { expected };
                assert_eq!(json!(got), json!(expected), "{place:?} {serializer} {history:?}");
            }
        }
    }
}

/// Whether an event of a thousand octets fits.
fn history_keeps_large(history: &History) -> bool {
    !format!("{history:?}").contains("octets: 1000,")
}

#[tokio::test]
async fn an_empty_realm_keeps_what_the_program_publishes() {
    for place in PLACES {
        for serializer in Serializer::ALL {
            let directory = Directory::new();
            let app = keeping(directory.in_place(place, History::new()));
            // The realm of a server that runs.
            let _ = serverwamp::testing::RawPeer::connect(&app, "wamp.2.json").expect("the app starts");
            assert!(app.handle().realm("realm1").publish("h.a", ("early", 1)).is_ok());
            let mut peer = join(&app, serializer, "realm1").await;
            let id = lookup(&mut peer, 1, "h.", "prefix").await;
            assert_eq!(texts(&mut peer, 2, id, json!({})).await, ["early"], "{place:?} {serializer}");
        }
    }
}

#[tokio::test]
async fn a_history_in_a_file_survives() {
    for serializer in Serializer::ALL {
        let directory = Directory::new();
        let file = |history: History| directory.in_place(Place::File, history);
        let app = |events: usize| {
            let other = Realm::new("realm2").router().history("h.", MatchPolicy::Prefix, file(History::new()));
            let kept = file(History::new().events(events));
            let more = file(History::new());
            let realm = Realm::new("realm1").router().history("h.", MatchPolicy::Prefix, kept).history(
                "i",
                MatchPolicy::Exact,
                more,
            );
            app_with(realm).realm(other)
        };
        let mut publications = Vec::new();
        for run in 0..3_u64 {
            let app = app(100);
            let mut peer = join(&app, serializer, "realm1").await;
            for (request, topic) in [(1, "h.a"), (2, "i")] {
                let args = json!([run * 10 + request, "\0AQI="]);
                publications.push(publish(&mut peer, request, json!({}), topic, args).await);
            }
            // Both are written: an answer comes after what was published before.
            for (request, (topic, policy)) in (3..).zip([("h.", "prefix"), ("i", "exact")]) {
                let id = lookup(&mut peer, request * 10, topic, policy).await;
                assert_eq!(texts(&mut peer, request * 10 + 1, id, json!({"limit": 0})).await, [0; 0]);
            }
        }
        let app = app(2);
        let mut peer = join(&app, serializer, "realm1").await;
        let id = lookup(&mut peer, 1, "h.", "prefix").await;
        let told = events(&mut peer, 2, id, json!({})).await;
        let told: Vec<_> =
            told.iter().map(|event| (event["publication"].as_u64().unwrap(), event["args"].clone())).collect();
        let expected = [(publications[2], json!([11, "\0AQI="])), (publications[4], json!([21, "\0AQI="]))];
        assert_eq!(told, expected, "{serializer}");
        let id = lookup(&mut peer, 3, "i", "exact").await;
        assert_eq!(json!(texts(&mut peer, 4, id, json!({})).await), json!([2, 12, 22]), "{serializer}");
        // Another realm in the same file has a history of its own.
        let mut other = join(&app, serializer, "realm2").await;
        let id = lookup(&mut other, 1, "h.", "prefix").await;
        assert_eq!(texts(&mut other, 2, id, json!({})).await, [0; 0], "{serializer}");
    }
}

#[tokio::test]
async fn what_is_announced_and_what_cannot_start() {
    for serializer in Serializer::ALL {
        for (app, expected) in [(keeping(History::new()), true), (super::app(), false)] {
            let mut peer = Peer::connect(&app, serializer);
            let welcome = ask(&mut peer, serverwamp_tests::hello("realm1")).await;
            let announced = welcome[2]["roles"]["broker"]["features"].get("event_history") == Some(&json!(true));
            assert_eq!(announced, expected, "{serializer}");
        }
    }
    let directory = Directory::new();
    let not_a_database = directory.0.join("text");
    std::fs::write(&not_a_database, "this is no database, but text that is long enough to be read as one").unwrap();
    for (app, problem) in [
        (
            app_with(Realm::new("r").history("h", MatchPolicy::Exact, History::new()).topics("x")),
            "only routers keep one",
        ),
        (app_with(Realm::new("r").router().history("h..", MatchPolicy::Exact, History::new())), "no empty component"),
        (
            app_with(Realm::new("r").router().history("h", MatchPolicy::Exact, History::new().sqlite(&not_a_database))),
            "text",
        ),
        (
            App::new().router().history("h", MatchPolicy::Exact, History::new().sqlite(directory.0.join("x.db"))),
            "realms that are configured",
        ),
    ] {
        let error = app.serve().await.expect_err("a problem").to_string();
        assert!(error.contains(problem), "{error}");
    }
}
