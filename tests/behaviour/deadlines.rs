//! Deadlines are absolute: whoever sends or takes one octet after the other gains no time by it.

use std::time::Duration;

use serde_json::json;
use serverwamp::testing::socket;
use serverwamp::{App, Authenticated, Limits, Session, wamp};
use serverwamp_tests::login::hello;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

const HANDSHAKE: &[u8] = &[0x7f, 0xf1, 0, 0];

#[wamp::rpc]
async fn large(octets: usize) -> String {
    "x".repeat(octets)
}

fn app() -> App {
    let check = async |_: Session, _: String| None::<Authenticated>;
    App::discover_in(module_path!()).ticket_authenticator(check).allow_anonymous("guest")
}

/// A RawSocket frame.
fn frame(message: &serde_json::Value) -> Vec<u8> {
    let message = message.to_string();
    let mut frame = u32::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(message.as_bytes());
    frame
}

/// Sends octets, one in each 100 ms, and then again from the first, until the connection is closed. Returns how long that
/// was, in seconds.
async fn trickle(stream: &mut DuplexStream, octets: &[u8]) -> f64 {
    let start = Instant::now();
    for octet in octets.iter().cycle() {
        let mut answers = [0; 1024];
        tokio::select! {
            () = sleep(Duration::from_millis(100)) => {}
            closed = async { while stream.read(&mut answers).await.is_ok_and(|read| read > 0) {} } => {
                let () = closed;
                break;
            }
        }
        if stream.write_all(&[*octet]).await.is_err() {
            break;
        }
    }
    start.elapsed().as_secs_f64()
}

async fn check_limit(app: &App, limit: &str, waited: f64, seconds: f64) {
    assert!((waited - seconds).abs() < 0.5, "{limit}: {waited} s");
    assert_eq!(app.handle().statistics().limits, [(limit, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn upgrade_timeout_limit_is_absolute() {
    let head = format!("GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Long: {}", "x".repeat(1000));
    for opening in [head.as_bytes(), &HANDSHAKE[..1]] {
        let app = app();
        let mut stream = socket(&app).unwrap();
        let waited = match opening {
            // There are four octets in all: one more each second is too slow.
            [first] => {
                let start = Instant::now();
                stream.write_all(&[*first]).await.unwrap();
                sleep(Duration::from_secs(4)).await;
                stream.write_all(&HANDSHAKE[1..2]).await.unwrap();
                let mut end = Vec::new();
                let _ = stream.read_to_end(&mut end).await;
                start.elapsed().as_secs_f64()
            }
            head => trickle(&mut stream, head).await,
        };
        check_limit(&app, "upgrade_timeout", waited, 5.0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn hello_timeout_limit_is_absolute() {
    let app = app();
    let mut stream = socket(&app).unwrap();
    stream.write_all(HANDSHAKE).await.unwrap();
    let hello = frame(&hello("realm1", &json!({"agent": "x".repeat(1000)})));
    let waited = trickle(&mut stream, &hello).await;
    check_limit(&app, "hello_timeout", waited, 5.0).await;
}

#[tokio::test(start_paused = true)]
async fn welcome_timeout_limit_is_absolute() {
    let app = app();
    let mut stream = socket(&app).unwrap();
    stream.write_all(HANDSHAKE).await.unwrap();
    // All but the end of the time for HELLO is taken already.
    sleep(Duration::from_millis(4_900)).await;
    stream.write_all(&frame(&hello("realm1", &json!({"authmethods": ["ticket"]})))).await.unwrap();
    let waited = trickle(&mut stream, &frame(&json!([5, "x".repeat(1000), {}]))).await;
    check_limit(&app, "welcome_timeout", 4.9 + waited, 15.0).await;
}

/// A peer that takes this many octets a second of what waits for it; how many seconds that goes well, 600 at most.
async fn read_slowly(app: &App, octets: usize) -> u64 {
    let mut stream = socket(app).unwrap();
    stream.write_all(HANDSHAKE).await.unwrap();
    stream.write_all(&frame(&hello("realm1", &json!({"authmethods": ["anonymous"]})))).await.unwrap();
    let mut calls = Vec::new();
    for id in 1..=20 {
        calls.extend(frame(&json!([48, id, {}, "large", [100_000]])));
    }
    stream.write_all(&calls).await.unwrap();
    let start = Instant::now();
    let mut taken = vec![0; octets];
    while start.elapsed() < Duration::from_secs(600) && app.handle().statistics().limits.is_empty() {
        sleep(Duration::from_secs(1)).await;
        // Whether it is a ping makes no difference to how fast it is read.
        let _ = stream.read_exact(&mut taken).await;
    }
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn write_stall_limit_is_not_put_off_by_single_octets() {
    let limits = Limits { ping_interval: Duration::ZERO, ..Limits::default() };
    let app_of = || app().limits(limits.clone());
    for (octets, seconds) in [(1, 10..=11), (100, 10..=11), (1000, 600..=601)] {
        let app = app_of();
        let waited = read_slowly(&app, octets).await;
        assert!(seconds.contains(&waited), "{octets} octets a second: {waited} s");
        assert_eq!(app.handle().statistics().limits.contains_key("write_stall"), octets < 1000);
    }
}
