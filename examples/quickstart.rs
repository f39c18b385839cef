//! A WAMP server in one file: `cargo run --example quickstart`, with the files of a certificate and its key in
//! `WAMP_TLS_CERT` and `WAMP_TLS_KEY` for `wss://`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serverwamp::{Progress, Session, WampError, wamp};

/// Adds two numbers.
#[wamp::rpc("math.add")]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Divides; `by` is 2 where the caller does not say.
#[wamp::rpc("math.divide")]
async fn divide(number: f64, #[wamp(default = 2.0)] by: f64) -> Result<f64, MathError> {
    if by == 0.0 {
        return Err(MathError::DivisionByZero { number });
    }
    Ok(number / by)
}

/// What callers see: `math.error.division_by_zero` with the keyword argument `number`.
#[derive(Debug, WampError)]
#[wamp(prefix = "math.error")]
enum MathError {
    DivisionByZero { number: f64 },
}

/// Greets by name, or whoever the session belongs to.
#[wamp::rpc("greet")]
async fn greet(name: Option<String>, session: Session) -> String {
    format!("Hello, {}!", name.as_deref().unwrap_or(session.authid()))
}

#[derive(Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

/// Moves a point: a struct as an argument, and as keyword results.
#[wamp::rpc("geometry.move")]
async fn shift(point: Point, by: Point) -> Point {
    Point { x: point.x + by.x, y: point.y + by.y }
}

/// Counts down once a second to callers that ask for progressive results.
#[wamp::rpc("countdown")]
async fn countdown(from: u32, progress: Progress<u32>) -> &'static str {
    for left in (1..=from).rev() {
        if progress.send(left).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    "liftoff"
}

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    tracing_subscriber::fmt().with_target(false).init();
    serverwamp::serve().await
}
