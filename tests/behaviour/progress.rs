//! Progressive results: by `Progress`, and by streams.

use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use serverwamp::{App, Limits, Progress, ProgressError, RpcError, RpcResult, Single, Step, wamp};
use serverwamp_tests::{Peer, Serializer};

#[wamp::rpc]
async fn count(to: u32, progress: Progress<u32>) -> &'static str {
    for number in 1..=to {
        progress.send(number).await.unwrap();
    }
    "done"
}

#[wamp::rpc]
async fn shapes(progress: Progress<RpcResult>) {
    progress.send(RpcResult::new().arg(1).kwarg("k", 2)).await.unwrap();
    progress.send(RpcResult::new()).await.unwrap();
}

#[wamp::rpc]
async fn unencodable(progress: Progress<std::collections::BTreeMap<(u8, u8), u8>>) -> bool {
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    matches!(progress.send(map).await, Err(ProgressError::Unencodable(_))) || !progress.is_wanted()
}

#[wamp::rpc]
async fn items(to: u32) -> impl Stream<Item = u32> {
    stream::iter(1..=to)
}

#[wamp::rpc]
async fn borrowed_items(text: &str) -> impl Stream<Item = Single<String>> {
    stream::iter(text.split(' ')).map(|word| Single(word.to_owned()))
}

#[wamp::rpc]
async fn steps(to: u32) -> impl Stream<Item = Step<u32, String>> {
    let progress = stream::iter(1..=to).map(Step::Progress);
    progress.chain(stream::once(async { Step::Done("end".to_owned()) })).chain(stream::pending())
}

#[wamp::rpc]
async fn no_end() -> impl Stream<Item = Step<u32, String>> {
    stream::iter([Step::Progress(1)])
}

#[wamp::rpc]
async fn fallible_steps() -> impl Stream<Item = Result<Step<u32, u32>, RpcError>> {
    stream::iter([Ok(Step::Progress(1)), Err(RpcError::new("my.error").arg(2))])
}

#[wamp::rpc]
async fn fallible_items() -> impl Stream<Item = Result<u32, std::io::Error>> {
    stream::iter([Ok(1), Err(std::io::Error::other("secret"))])
}

#[wamp::rpc]
async fn fallible_stream(fail: bool) -> Result<impl Stream<Item = u32>, RpcError> {
    match fail {
        true => Err(RpcError::new("my.error")),
        false => Ok(stream::iter([1, 2])),
    }
}

#[wamp::rpc]
async fn fallible_stream_of_steps(
    fail: bool,
) -> Result<impl Stream<Item = Result<Step<u8, u8>, String>>, std::io::Error> {
    match fail {
        true => Err(std::io::Error::other("secret")),
        false => Ok(stream::iter([Ok(Step::Progress(1)), Ok(Step::Done(2))])),
    }
}

fn app() -> App {
    App::discover_in(module_path!()).inject(backpressure::Sent::default())
}

/// Calls with and without `receive_progress`; the final message is the last of `expected`.
async fn check(procedure: &str, arguments: Value, expected: &[Value]) {
    let app = app();
    for serializer in Serializer::ALL {
        for wanted in [true, false] {
            let mut peer = Peer::join(&app, serializer).await;
            let options = if wanted { json!({"receive_progress": true}) } else { json!({}) };
            peer.send(json!([48, 1, options, procedure, arguments])).await;
            let expected = if wanted { expected } else { &expected[expected.len() - 1..] };
            for message in expected {
                assert_eq!(peer.receive().await.as_ref(), Some(message), "{serializer} {procedure} {wanted}");
            }
            // Exactly one final reply: the next message answers the next call.
            peer.send(json!([48, 2, {}, "count", [0]])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 2, {}, ["done"]])));
        }
    }
}

fn progress(tail: &[Value]) -> Value {
    let mut message = vec![json!(50), json!(1), json!({"progress": true})];
    message.extend_from_slice(tail);
    message.into()
}

#[tokio::test]
async fn by_progress() {
    let sent = [progress(&[json!([1])]), progress(&[json!([2])]), json!([50, 1, {}, ["done"]])];
    check("count", json!([2]), &sent).await;
    check("shapes", json!([]), &[progress(&[json!([1]), json!({"k": 2})]), progress(&[]), json!([50, 1, {}])]).await;
    check("unencodable", json!([]), &[json!([50, 1, {}, [true]])]).await;
}

#[tokio::test]
async fn by_streams() {
    let end = json!([50, 1, {}]);
    let one = || progress(&[json!([1])]);
    let runtime_error = json!([8, 48, 1, {}, "wamp.error.runtime_error"]);
    let words = [progress(&[json!(["a"])]), progress(&[json!(["b"])]), end.clone()];
    check("items", json!([2]), &[one(), progress(&[json!([2])]), end.clone()]).await;
    check("borrowed_items", json!(["a b"]), &words).await;
    check("steps", json!([1]), &[one(), json!([50, 1, {}, ["end"]])]).await;
    check("steps", json!([0]), &[json!([50, 1, {}, ["end"]])]).await;
    check("no_end", json!([]), &[one(), runtime_error.clone()]).await;
    check("fallible_steps", json!([]), &[one(), json!([8, 48, 1, {}, "my.error", [2]])]).await;
    check("fallible_items", json!([]), &[one(), runtime_error.clone()]).await;
    check("fallible_stream", json!([false]), &[one(), progress(&[json!([2])]), end]).await;
    check("fallible_stream", json!([true]), &[json!([8, 48, 1, {}, "my.error"])]).await;
    check("fallible_stream_of_steps", json!([false]), &[one(), json!([50, 1, {}, [2]])]).await;
    check("fallible_stream_of_steps", json!([true]), &[runtime_error]).await;
}

mod endless {
    use std::time::Duration;

    use super::*;

    #[wamp::rpc("endless.items")]
    async fn items() -> impl Stream<Item = u32> {
        stream::repeat(1)
    }

    #[wamp::rpc("endless.sends")]
    async fn sends(progress: Progress<u32>) {
        loop {
            if progress.send(1).await.is_err() {
                break;
            }
        }
    }

    #[wamp::rpc]
    async fn quick() -> bool {
        true
    }

    #[tokio::test]
    async fn a_handler_that_never_waits_keeps_nobody_from_anything() {
        let app = App::discover_in(module_path!());
        for procedure in ["endless.items", "endless.sends"] {
            let mut peer = Peer::join(&app, Serializer::Json).await;
            peer.send(json!([48, 1, {}, procedure])).await;
            peer.send(json!([48, 2, {}, "quick"])).await;
            assert_eq!(peer.receive().await, Some(json!([50, 2, {}, [true]])), "{procedure}");
            peer.send(json!([49, 1, {}])).await;
            assert_eq!(peer.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.canceled"])));
            peer.send(json!([48, 3, {"timeout": 20}, procedure])).await;
            assert_eq!(peer.receive().await, Some(json!([8, 48, 3, {}, "wamp.error.timeout"])));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

mod reuse {
    use std::time::Duration;

    use super::*;

    #[wamp::rpc]
    async fn ticks(label: &str, progress: Progress<String>) -> String {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = progress.send(label.to_owned()).await;
        }
        label.to_owned()
    }

    #[wamp::rpc]
    async fn too_large(progress: Progress<String>) {
        let sent = progress.send("x".repeat(3_000_000)).await;
        assert!(sent.is_ok(), "it is the caller's limit");
        std::future::pending::<()>().await;
    }

    #[tokio::test(start_paused = true)]
    async fn progress_of_a_call_never_reaches_another_of_its_id() {
        let app = App::discover_in(module_path!());
        for mode in ["skip", "kill", "killnowait"] {
            let mut peer = Peer::join(&app, Serializer::Json).await;
            peer.send(json!([48, 1, {"receive_progress": true}, "ticks", ["old"]])).await;
            assert_eq!(peer.receive().await, Some(progress(&[json!(["old"])])));
            peer.send(json!([49, 1, {"mode": mode}])).await;
            assert_eq!(peer.receive().await, Some(json!([8, 48, 1, {}, "wamp.error.canceled"])));
            peer.send(json!([48, 1, {"receive_progress": true}, "ticks", ["new"]])).await;
            for _ in 0..3 {
                assert_eq!(peer.receive().await, Some(progress(&[json!(["new"])])), "{mode}");
            }
            assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["new"]])));
            assert!(peer.is_silent().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn progress_that_is_too_large_ends_the_call_and_its_handler() {
        let app = App::discover_in(module_path!()).limits(Limits { calls_in_flight: 1, ..Limits::default() });
        let mut peer = Peer::join(&app, Serializer::Json).await;
        for id in 1..=2 {
            peer.send(json!([48, id, {"receive_progress": true}, "too_large"])).await;
            assert_eq!(peer.receive().await.unwrap()[4], "wamp.error.payload_size_exceeded");
        }
    }
}

mod backpressure {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serverwamp::Inject;

    use super::*;

    #[derive(Clone, Default)]
    pub(super) struct Sent(Arc<AtomicUsize>);

    #[wamp::rpc]
    async fn flood(progress: Progress<String>, sent: Inject<Sent>) {
        let block = "x".repeat(16 * 1024);
        for _ in 0..400 {
            progress.send(block.clone()).await.unwrap();
            sent.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[wamp::rpc]
    async fn flood_by_stream(sent: Inject<Sent>) -> impl Stream<Item = String> {
        stream::iter(0..400).map(move |_| {
            sent.0.fetch_add(1, Ordering::Relaxed);
            "x".repeat(16 * 1024)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_caller_slows_its_handler_and_misses_nothing() {
        for procedure in ["flood", "flood_by_stream"] {
            let sent = Sent::default();
            let app = App::discover_in(module_path!()).inject(sent.clone());
            let mut peer = Peer::join(&app, Serializer::Json).await;
            peer.send(json!([48, 1, {"receive_progress": true}, procedure])).await;
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            let before = sent.0.load(Ordering::Relaxed);
            assert!(before < 40, "{procedure}: {before} results were sent to a caller that reads none");
            for _ in 0..400 {
                assert_eq!(peer.receive().await.unwrap()[2], json!({"progress": true}));
            }
            assert_eq!(peer.receive().await, Some(json!([50, 1, {}])));
        }
    }
}
