//! The server behind the proxy. It knows nothing of that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serverwamp::{App, Inject, Progress, Rest, RestKw, RpcResult, Value, WampError, wamp};
use tokio::time::sleep;

/// What callers see: `bank.error.too_poor` with the keyword argument `missing`.
#[derive(Debug, WampError)]
#[wamp(prefix = "bank.error")]
enum BankError {
    TooPoor { missing: u64 },
}

/// Gives back what it is given.
#[wamp::rpc("echo")]
async fn echo(arguments: Rest<Value>, named: RestKw<Value>) -> RpcResult {
    let result = arguments.into_iter().fold(RpcResult::new(), RpcResult::arg);
    named.iter().fold(result, |result, (name, value)| result.kwarg(name, value))
}

#[wamp::rpc("bank.withdraw")]
async fn withdraw(amount: u64) -> Result<u64, BankError> {
    match 100_u64.checked_sub(amount) {
        Some(left) => Ok(left),
        None => Err(BankError::TooPoor { missing: amount - 100 }),
    }
}

#[wamp::rpc("countdown")]
async fn countdown(from: u32, progress: Progress<u32>) -> &'static str {
    for left in (1..=from).rev() {
        if progress.send(left).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    "liftoff"
}

/// How many subscriptions to the clock there are.
#[derive(Default)]
struct Listeners(AtomicUsize);

#[wamp::subscribe("clock.", match = "prefix")]
async fn listen(listeners: Inject<Listeners>) {
    listeners.0.fetch_add(1, Ordering::Relaxed);
}

#[wamp::unsubscribe("clock.", match = "prefix")]
async fn leave(listeners: Inject<Listeners>) {
    listeners.0.fetch_sub(1, Ordering::Relaxed);
}

#[wamp::rpc("clock.listeners")]
async fn count(listeners: Inject<Listeners>) -> usize {
    listeners.0.load(Ordering::Relaxed)
}

/// The app, and a clock that ticks on `clock.seconds` for as long as the program runs.
pub(crate) fn app() -> App {
    let app = App::discover_in(module_path!()).inject(Listeners::default());
    let realm = app.handle().realm("realm1");
    tokio::spawn(async move {
        for second in 1_u64.. {
            sleep(Duration::from_secs(1)).await;
            realm.publish("clock.seconds", second);
        }
    });
    app
}
