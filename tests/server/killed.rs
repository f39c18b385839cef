//! A router whose process is killed at random moments, and clients that find everything again.
//!
//! `SERVERWAMP_KILLS=100` kills it as often instead of a few times.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rand::RngExt;
use serverwamp::client::{Connect, Reconnect, Serializer, Subscription};
use serverwamp::{CallError, Client, Component, EventDetails, Inject, Progress, routes};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::process::Server;
use super::*;

/// Calls that each client has in flight.
const IN_FLIGHT: usize = 8;
/// What a future may take on a busy machine, beyond which it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What callers and callees know of each other.
#[derive(Default)]
struct Ledger {
    next: AtomicU64,
    /// How often each call was run, by its number.
    runs: Mutex<BTreeMap<u64, u32>>,
    answered: AtomicU64,
    failed: AtomicU64,
    is_over: AtomicBool,
}

impl Ledger {
    fn note(&self, number: u64) {
        *self.runs.lock().unwrap().entry(number).or_default() += 1;
    }

    fn runs_of(&self, number: u64) -> u32 {
        self.runs.lock().unwrap().get(&number).copied().unwrap_or_default()
    }
}

#[wamp::rpc("killed.next", manual)]
async fn next(number: u64, ledger: Inject<Arc<Ledger>>) -> u64 {
    ledger.note(number);
    number + 1
}

#[wamp::rpc("killed.slow", manual)]
async fn slow(number: u64, ledger: Inject<Arc<Ledger>>) -> u64 {
    ledger.note(number);
    sleep(Duration::from_millis(20)).await;
    number + 1
}

#[wamp::rpc("killed.parts.", match = "prefix", manual)]
async fn parts(number: u64, progress: Progress<u64>, ledger: Inject<Arc<Ledger>>) -> u64 {
    ledger.note(number);
    for part in 0..3 {
        let _ = progress.send(part).await;
        tokio::task::yield_now().await;
    }
    number + 1
}

#[wamp::event("killed.news.", match = "prefix", manual)]
async fn hear(number: u64, details: EventDetails, heard: Inject<mpsc::Sender<(String, u64)>>) {
    let _ = heard.try_send((details.topic().to_string(), number));
}

/// Starts the router where it was before, or anywhere at first.
fn router(address: &str) -> Server {
    Server::run(Command::new(env!("CARGO_BIN_EXE_drained")).args([address, "router"]))
}

/// The tests need not wait for as long as programs should.
fn soon() -> Reconnect {
    let first = Duration::from_millis(5);
    Reconnect { first, longest: Duration::from_millis(50), ..Reconnect::default() }
}

fn connect(url: &str, serializer: Serializer) -> Connect {
    Client::connect(url).serializers([serializer]).reconnect(soon())
}

/// Calls without end; each call is answered once, or fails with its session.
async fn call(client: Client, worker: usize, ledger: Arc<Ledger>) {
    while !ledger.is_over.load(Ordering::Relaxed) {
        let number = ledger.next.fetch_add(1, Ordering::Relaxed);
        let answer = match (worker + number as usize) % 4 {
            0 => within(client.call::<u64>("killed.next", [number]).into_future()).await,
            1 => within(client.call::<u64>("killed.slow", [number]).into_future()).await,
            2 => within(client.call::<u64>("killed.own", [number]).into_future()).await,
            _ => within(parts_of(&client, number)).await,
        };
        match answer {
            Ok(result) => {
                assert_eq!((result, ledger.runs_of(number)), (number + 1, 1));
                ledger.answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                // Callees come back at their own pace.
                let is_gone = error.uri() == Some("wamp.error.no_such_procedure");
                assert!(is_gone || matches!(error, CallError::Ended { .. } | CallError::NotConnected), "{error:?}");
                assert!(ledger.runs_of(number) <= 1);
                ledger.failed.fetch_add(1, Ordering::Relaxed);
                within(client.joined()).await.expect("the client goes on");
            }
        }
    }
}

async fn parts_of(client: &Client, number: u64) -> Result<u64, CallError> {
    let call = client.call::<u64>(format!("killed.parts.{number}"), [number]);
    let (parts, result) = call.progress::<u64>().await?.collect().await?;
    assert_eq!(parts, [0, 1, 2]);
    Ok(result)
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("no future is left hanging")
}

/// Looks whether all is there: each registration, each subscription.
async fn check(
    clients: &[Client],
    news: &mut Subscription,
    heard: &mut mpsc::Receiver<(String, u64)>,
    ledger: &Ledger,
    kill: u64,
) {
    for client in clients {
        within(client.joined()).await.expect("the client goes on");
    }
    for client in clients {
        for procedure in ["killed.next", "killed.slow", "killed.parts.x", "killed.own"] {
            let number = ledger.next.fetch_add(1, Ordering::Relaxed);
            let answer = within(client.call::<u64>(procedure, [number]).into_future()).await;
            assert_eq!(answer, Ok(number + 1), "{procedure} after {kill} kills");
        }
    }
    // The first client and the last one, which hosts, listen themselves, and are not told of their own events.
    for publisher in &clients[1..clients.len() - 1] {
        within(publisher.publish("killed.news.a", [kill]).acknowledge().into_future()).await.expect("a publication");
        assert_eq!(within(heard.recv()).await, Some(("killed.news.a".to_owned(), kill)));
        assert_eq!(within(news.next()).await.expect("an event").arg(0), Ok(kill));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_that_is_killed_finds_its_clients_again() {
    let kills = std::env::var("SERVERWAMP_KILLS").map_or(5, |kills| kills.parse().expect("a number"));
    let ledger = Arc::<Ledger>::default();
    let mut server = router("127.0.0.1:0");
    let address = server.addresses[0].to_string();
    let (sender, mut heard) = mpsc::channel(64);
    let (web_socket, raw_socket) = (format!("ws://{address}/ws"), format!("rs://{address}"));
    let component = Component::new(&web_socket)
        .routes(routes![next, slow, parts, hear])
        .inject(Arc::clone(&ledger))
        .inject(sender)
        .serializers([Serializer::Cbor])
        .reconnect(soon());
    let mut clients = vec![];
    for (url, serializer) in [
        (&web_socket, Serializer::MessagePack),
        (&raw_socket, Serializer::Json),
        (&web_socket, Serializer::CborBatched),
        (&raw_socket, Serializer::Cbor),
    ] {
        clients.push(connect(url, serializer).await.expect("a session"));
    }
    let host = component.client();
    let running = tokio::spawn(component.into_future());
    within(host.joined()).await.expect("a session");
    let noted = Arc::clone(&ledger);
    let own = clients[0].register("killed.own", move |number: u64| {
        noted.note(number);
        async move { number + 1 }
    });
    let own = own.await.expect("a registration");
    let mut news = clients[0].subscribe("killed..a").wildcard().await.expect("a subscription");
    let callers: Vec<JoinHandle<()>> = clients
        .iter()
        .flat_map(|client| (0..IN_FLIGHT).map(move |worker| (client.clone(), worker)))
        .map(|(client, worker)| tokio::spawn(call(client, worker, Arc::clone(&ledger))))
        .collect();
    clients.push(host);
    for kill in 0..kills {
        check(&clients, &mut news, &mut heard, &ledger, kill).await;
        sleep(Duration::from_micros(rand::rng().random_range(0..100_000))).await;
        // Dropping it kills it.
        drop(server);
        sleep(Duration::from_micros(rand::rng().random_range(0..50_000))).await;
        server = router(&address);
    }
    check(&clients, &mut news, &mut heard, &ledger, kills).await;
    ledger.is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        within(caller).await.expect("no call is answered otherwise than it should be");
    }
    drop((own, news));
    for client in &clients {
        within(client.stop()).await;
    }
    running.await.expect("no panic").expect("a clean end");
    let (answered, failed) = (ledger.answered.load(Ordering::Relaxed), ledger.failed.load(Ordering::Relaxed));
    println!("{kills} kills: {answered} calls answered, {failed} failed");
    // Else no call was under way when the router was killed.
    assert!(answered > 0 && failed > 0);
}
