//! INVOCATION runs the functions that calls run when they are served.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Stream, stream};
use serde_json::json;
use serverwamp::{CancellationToken, Client, Inject, Progress, Request, RpcError, Session, wamp};
use serverwamp_tests::{Router, Serializer};

use super::Hosted;

struct Greeting(&'static str);

static CANCELED: AtomicUsize = AtomicUsize::new(0);
static JOINED: AtomicUsize = AtomicUsize::new(0);

#[wamp::rpc("a.add")]
async fn add(a: i64, #[wamp(default = 10)] b: i64) -> i64 {
    a + b
}

#[wamp::rpc("b.greet")]
async fn greet(name: &str, greeting: Inject<Greeting>, session: Session) -> String {
    format!("{}, {name}, from {} {} in {}", greeting.0, session.authid(), session.id(), session.realm())
}

#[wamp::rpc("c.caller", match = "prefix")]
async fn caller(request: Request) -> (String, Option<u64>, Option<String>) {
    let caller = request.caller();
    (request.uri().to_string(), caller.map(|caller| caller.session.get()), caller.map(|caller| caller.authid.clone()))
}

#[wamp::rpc("d.count")]
async fn count(to: u32, progress: Progress<u32>) -> &'static str {
    for number in 0..to {
        progress.send(number).await.unwrap();
    }
    "done"
}

#[wamp::rpc("e.stream")]
async fn items() -> impl Stream<Item = u32> {
    stream::iter([1, 2])
}

#[wamp::rpc("f.fail")]
async fn fail() -> Result<(), RpcError> {
    Err(RpcError::new("my.error").arg(1).kwarg("why", "x"))
}

#[wamp::rpc("g.panic")]
async fn panics() {
    panic!("on purpose")
}

#[wamp::rpc("h.endless")]
async fn endless(_token: CancellationToken) {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            CANCELED.fetch_add(1, Ordering::Relaxed);
        }
    }
    let _guard = Guard;
    std::future::pending().await
}

#[wamp::rpc("i.late", timeout = "5s")]
async fn late() {
    std::future::pending().await
}

#[wamp::rpc("j.admin", role = "admin")]
async fn admin() -> bool {
    true
}

#[wamp::rpc("k.calls", match = "wildcard")]
async fn calls(client: Client) -> Result<i64, RpcError> {
    Ok(client.call::<i64>("elsewhere", (1, 2)).await? + 1)
}

#[wamp::rpc("l.blocking", blocking)]
fn blocking() -> u8 {
    7
}

#[wamp::on_join]
async fn joined(session: Session, client: Client) {
    assert_eq!(client.session_id(), Some(session.id()));
    JOINED.fetch_add(1, Ordering::Relaxed);
}

const FUNCTIONS: u64 = 12;

async fn hosted(serializer: Serializer) -> Hosted {
    let router = Router::new(serializer);
    let component = router.host(module_path!()).inject(Greeting("Hello"));
    let mut hosted = Hosted::start(router, component).await;
    let wanted = hosted.grant(FUNCTIONS).await;
    let expected = json!([
        [64, {}, "a.add"],
        [64, {}, "b.greet"],
        [64, {"match": "prefix"}, "c.caller"],
        [64, {}, "d.count"],
        [64, {}, "e.stream"],
        [64, {}, "f.fail"],
        [64, {}, "g.panic"],
        [64, {}, "h.endless"],
        [64, {}, "i.late"],
        [64, {"disclose_caller": true}, "j.admin"],
        [64, {"match": "wildcard"}, "k.calls"],
        [64, {}, "l.blocking"],
    ]);
    assert_eq!(json!(wanted), expected);
    hosted.client.joined().await.unwrap();
    hosted
}

#[tokio::test(start_paused = true)]
async fn invocations_and_their_answers_in_every_serializer() {
    for serializer in Serializer::ALL {
        let before = JOINED.load(Ordering::Relaxed);
        let mut hosted = hosted(serializer).await;
        assert_eq!(JOINED.load(Ordering::Relaxed), before + 1, "once everything is registered");
        let progress = json!({"receive_progress": true});
        let runtime_error = "wamp.error.runtime_error";
        let disclosed = json!({"caller": 9, "caller_authid": "ann", "caller_authrole": "admin"});
        let disclosed_pattern = json!({"procedure": "c.caller.b", "caller": 9, "caller_authid": "ann"});
        for (invocation, answers) in [
            (json!([101, {}, [1, 2]]), json!([[70, {}, [3]]])),
            (json!([101, {}, [], {"b": 1, "a": 2}]), json!([[70, {}, [3]]])),
            (json!([101, {}, [1]]), json!([[70, {}, [11]]])),
            (json!([101, {}, ["x"]]), json!([[8, {}, "wamp.error.invalid_argument", [], {"message": "…"}]])),
            (json!([102, {}, ["ann"]]), json!([[70, {}, ["Hello, ann, from joe 7 in realm1"]]])),
            (json!([103, {"procedure": "c.caller.a"}]), json!([[70, {}, ["c.caller.a", null, null]]])),
            (json!([103, disclosed_pattern]), json!([[70, {}, ["c.caller.b", 9, "ann"]]])),
            (
                json!([104, progress, [2]]),
                json!([[70, {"progress": true}, [0]], [70, {"progress": true}, [1]], [70, {}, ["done"]]]),
            ),
            (json!([104, {}, [2]]), json!([[70, {}, ["done"]]])),
            (json!([105, progress]), json!([[70, {"progress": true}, [1]], [70, {"progress": true}, [2]], [70, {}]])),
            (json!([106, {}]), json!([[8, {}, "my.error", [1], {"why": "x"}]])),
            (json!([107, {}]), json!([[8, {}, runtime_error]])),
            (json!([109, {}]), json!([[8, {}, "wamp.error.timeout"]])),
            (json!([108, {"timeout": 300}]), json!([[8, {}, "wamp.error.timeout"]])),
            (json!([110, {}]), json!([[8, {}, "wamp.error.not_authorized", [], {"message": "…"}]])),
            (json!([110, disclosed]), json!([[70, {}, [true]]])),
            (json!([112, {}]), json!([[70, {}, [7]]])),
        ] {
            let id = hosted.peer.next_id();
            let mut message = vec![json!(68), json!(id)];
            message.extend(invocation.as_array().unwrap().iter().cloned());
            hosted.peer.send(json!(message)).await;
            for answer in answers.as_array().unwrap() {
                let mut answer = answer.as_array().unwrap().clone();
                if answer[0] == 8 {
                    answer.insert(1, json!(68));
                    answer.insert(2, json!(id));
                } else {
                    answer.insert(1, json!(id));
                }
                hosted.peer.expect(json!(answer)).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_drops_the_handler_and_is_answered() {
    for (mode, expected) in [("kill", 1), ("killnowait", 1), ("skip", 0)] {
        let mut hosted = hosted(Serializer::Json).await;
        let before = CANCELED.load(Ordering::Relaxed);
        hosted.peer.send(json!([68, 1, 108, {}])).await;
        hosted.peer.send(json!([69, 1, {"mode": mode}])).await;
        if expected == 1 {
            hosted.peer.expect(json!([8, 68, 1, {}, "wamp.error.canceled"])).await;
        }
        assert!(hosted.peer.is_silent_for(Duration::from_secs(2)).await);
        assert_eq!(CANCELED.load(Ordering::Relaxed) - before, expected, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn handlers_call_out() {
    for serializer in Serializer::ALL {
        let mut hosted = hosted(serializer).await;
        hosted.peer.send(json!([68, 1, 111, {}])).await;
        let call = hosted.peer.expect(json!([48, "…", {}, "elsewhere", [1, 2]])).await;
        hosted.peer.send(json!([50, call[1], {}, [41]])).await;
        hosted.peer.expect(json!([70, 1, {}, [42]])).await;

        hosted.peer.send(json!([68, 2, 111, {}])).await;
        let call = hosted.peer.expect(json!([48, "…", {}, "elsewhere", [1, 2]])).await;
        hosted.peer.send(json!([8, 48, call[1], {}, "their.error", [1]])).await;
        hosted.peer.expect(json!([8, 68, 2, {}, "their.error", [1]])).await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_allowed_are_refused() {
    let router = Router::new(Serializer::Json);
    let limits = serverwamp::Limits { calls_in_flight: 2, ..Default::default() };
    let component = router.host(module_path!()).inject(Greeting("Hello")).limits(limits);
    let mut hosted = Hosted::start(router, component).await;
    hosted.grant(FUNCTIONS).await;
    for id in 1..=3 {
        hosted.peer.send(json!([68, id, 108, {}])).await;
    }
    let refused = json!([8, 68, 3, {}, "serverwamp.error.limit_exceeded", [], {"limit": "calls_in_flight"}]);
    hosted.peer.expect(refused).await;
    hosted.peer.send(json!([69, 1, {}])).await;
    hosted.peer.expect(json!([8, 68, 1, {}, "wamp.error.canceled"])).await;
    hosted.peer.send(json!([68, 4, 101, {}, [1, 2]])).await;
    hosted.peer.expect(json!([70, 4, {}, [3]])).await;
}
