//! The functions that are called, and those who run them.

use std::time::Duration;

use serverwamp::client::Connect;
use serverwamp::{Client, Component, Inject, Progress, Routes, RpcError, routes, wamp};
use tokio::task::JoinHandle;

use super::{Dial, checksum, limits, serializer, soon, within};
use crate::history::{Event, Recorder, Witness};

/// A handler's run, from when it begins until it returns or is dropped.
struct Run {
    witness: Witness,
    call: u64,
}

impl Run {
    /// # Errors
    /// What was called is not what came.
    fn begin(witness: &Witness, uri: &str, (call, size, text, sum): Given<'_>) -> Result<Run, RpcError> {
        if checksum(uri, &[call, size], text) != sum {
            witness.note(Event::Garbled);
            return Err(RpcError::new("load.error.garbled"));
        }
        witness.note(Event::Started { call });
        Ok(Run { witness: witness.clone(), call })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.witness.note(Event::Ended { call: self.call });
    }
}

/// A call's arguments: its number, what it is to do so often or so long, a text, the checksum.
type Given<'g> = (u64, u64, &'g str, u64);

/// A result: the call's number, how many parts came before, the text, the checksum.
pub(super) type Answer = (u64, u64, String, u64);

fn answer(uri: &str, call: u64, parts: u64, text: &str) -> Answer {
    (call, parts, text.to_owned(), checksum(uri, &[call, parts], text))
}

#[wamp::rpc("load.echo", invoke = "roundrobin", manual)]
async fn echo(call: u64, size: u64, text: &str, sum: u64, by: Inject<Witness>) -> Result<Answer, RpcError> {
    let _run = Run::begin(&by, "load.echo", (call, size, text, sum))?;
    Ok(answer("load.echo", call, 0, text))
}

#[wamp::rpc("load.slow", invoke = "roundrobin", manual)]
async fn slow(call: u64, size: u64, text: &str, sum: u64, by: Inject<Witness>) -> Result<Answer, RpcError> {
    let _run = Run::begin(&by, "load.slow", (call, size, text, sum))?;
    tokio::time::sleep(Duration::from_millis(size)).await;
    Ok(answer("load.slow", call, 0, text))
}

#[wamp::rpc("load.fail", invoke = "roundrobin", manual)]
async fn fail(call: u64, size: u64, text: &str, sum: u64, by: Inject<Witness>) -> Result<Answer, RpcError> {
    let _run = Run::begin(&by, "load.fail", (call, size, text, sum))?;
    Err(RpcError::new("load.error.failed").arg(call))
}

#[wamp::rpc("load.endless", invoke = "roundrobin", manual)]
async fn endless(call: u64, size: u64, text: &str, sum: u64, by: Inject<Witness>) -> Result<Answer, RpcError> {
    let _run = Run::begin(&by, "load.endless", (call, size, text, sum))?;
    std::future::pending().await
}

#[wamp::rpc("load.parts", invoke = "roundrobin", manual)]
async fn parts(
    call: u64,
    size: u64,
    text: &str,
    sum: u64,
    progress: Progress<Answer>,
    by: Inject<Witness>,
) -> Result<Answer, RpcError> {
    let _run = Run::begin(&by, "load.parts", (call, size, text, sum))?;
    for part in 0..size {
        if progress.send(answer("load.parts", call, part, text)).await.is_err() {
            break;
        }
        if part % 3 == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(answer("load.parts", call, size, text))
}

/// All of them; they take a [`Witness`].
pub fn routes() -> Routes {
    routes![echo, slow, fail, endless, parts]
}

/// Somebody who joins a router and answers calls, which it shares with others.
pub struct Callee {
    client: Client,
    running: JoinHandle<serverwamp::Result<()>>,
}

impl Callee {
    /// One more, over lines of this kind.
    pub async fn join(recorder: &Recorder, seed: u64, number: usize, dial: &Dial) -> Callee {
        let (serializer, dial) = (serializer(seed, number + 4), dial.clone());
        let component = Component::new(serializer.url())
            .routes(routes())
            .inject(recorder.witness(format!("callee-{number}")))
            .serializers([serializer.of_clients()])
            .reconnect(soon())
            .limits(limits())
            // What was canceled by `skip` runs on.
            .stop_timeout(Duration::from_millis(300))
            .through(move || dial());
        let client = component.client();
        let running = tokio::spawn(component.serve());
        within(client.joined()).await.expect("a session");
        Callee { client, running }
    }

    /// It leaves, and what it runs ends.
    pub async fn leave(self) {
        within(self.client.stop()).await;
        within(self.running).await.expect("no panic").expect("a clean end");
    }
}

/// A client that is to connect over such lines.
pub(super) fn connecting(serializer: crate::Serializer, dial: Dial) -> Connect {
    Client::connect(serializer.url())
        .serializers([serializer.of_clients()])
        .reconnect(soon())
        .limits(limits())
        .through(move || dial())
}
