//! Clients of a router: lines break and heal at random, and the router itself is restarted.
//!
//! `SERVERWAMP_SEEDS=1000` tries as many numbers instead of a few, `SERVERWAMP_SEED=7` that one only. A number repeats the
//! weather, but not how long clients wait before they connect again, which is random in any case.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::IntoFuture;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serverwamp::client::{Registration, State, Subscription};
use serverwamp::{App, CallError, Client, Component, Inject, Progress, routes, wamp};
use serverwamp_tests::Serializer;
use tokio::time::{sleep, timeout};
use turmoil::{hold, release};

use super::network::{Server, dial, network};
use super::weather::{change, mend, seeds};

const THREADS: usize = 2;
const CALLERS: usize = 3;
const HOST: &str = "host";
/// What a call may take: 35 s until a broken line is noticed, once on either side of the router, and what it takes itself.
const PATIENCE: Duration = Duration::from_secs(90);
/// What a client may take to be where it was: it waits for up to 30 s to connect again, and as long as for the router to
/// notice that its last session is gone, twice as long if it just missed that.
const RECOVERY: Duration = Duration::from_secs(300);
/// Longer than a client takes to notice that its session is lost.
const NOTICED: Duration = Duration::from_secs(40);
/// Events of each caller once the weather is calm.
const LAST: u64 = 20;

/// How often each call was run, by its number.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<BTreeMap<u64, u32>>>);

impl Runs {
    fn note(&self, number: u64) {
        *self.0.lock().unwrap().entry(number).or_default() += 1;
    }

    fn of(&self, number: u64) -> u32 {
        self.0.lock().unwrap().get(&number).copied().unwrap_or_default()
    }
}

/// The events that the host has heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<News>>>);

/// An event: who published it, in which session, and its number among those of the publisher.
type News = (usize, u64, u64);

#[wamp::rpc("hosted.next", manual)]
async fn next(number: u64, runs: Inject<Runs>) -> u64 {
    runs.note(number);
    number + 1
}

#[wamp::rpc("hosted.slow", manual)]
async fn slow(number: u64, runs: Inject<Runs>) -> u64 {
    runs.note(number);
    sleep(Duration::from_secs(3)).await;
    number + 1
}

#[wamp::rpc("hosted.parts.", match = "prefix", manual)]
async fn parts(number: u64, progress: Progress<u64>, runs: Inject<Runs>) -> u64 {
    runs.note(number);
    for part in 0..5 {
        let _ = progress.send(part).await;
        sleep(Duration::from_millis(300)).await;
    }
    number + 1
}

#[wamp::event("news.", match = "prefix", manual)]
async fn hear(from: usize, session: u64, number: u64, heard: Inject<Heard>) {
    heard.0.lock().unwrap().push((from, session, number));
}

/// What all know of each other.
#[derive(Default)]
struct Common {
    is_calm: bool,
    /// The router is to be restarted.
    restart: bool,
    /// How many have come to the end of each stage.
    stages: [usize; 3],
    calls: usize,
    failures: usize,
    lost_sessions: usize,
    restarts: usize,
}

#[derive(Clone, Default)]
struct World {
    common: Rc<RefCell<Common>>,
    runs: Runs,
    heard: Heard,
}

impl World {
    /// Waits until all clients are as far.
    async fn meet(&self, stage: usize) {
        self.common.borrow_mut().stages[stage] += 1;
        while self.common.borrow().stages[stage] <= CALLERS {
            sleep(Duration::from_millis(500)).await;
        }
    }

    fn is_calm(&self) -> bool {
        self.common.borrow().is_calm
    }
}

#[test]
fn whatever_breaks_clients_come_back_and_no_call_hangs() {
    let seeds = seeds(4);
    let share = |first: usize| seeds.iter().skip(first).step_by(THREADS).copied().map(simulate).collect::<Vec<_>>();
    let mut total = Common::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || share(first))).collect();
        for common in threads.into_iter().flat_map(|thread| thread.join().expect("what a seed has shown is above")) {
            total.calls += common.calls;
            total.failures += common.failures;
            total.lost_sessions += common.lost_sessions;
            total.restarts += common.restarts;
        }
    });
    let Common { calls, failures, lost_sessions, restarts, .. } = total;
    println!("{calls} calls, {failures} of them failed; {lost_sessions} sessions lost, {restarts} restarts");
    // Else the weather was too good, or too bad, to show anything.
    let shows_something = calls > failures && failures > 0 && lost_sessions > 0 && restarts > 0;
    assert!(shows_something || seeds.len() == 1);
}

/// The router gives up a client whose HELLO does not come, which is no reason for the client to give up.
#[test]
fn a_client_whose_hello_was_held_back_connects_again() {
    for serializer in Serializer::ALL {
        let mut network = network(0);
        let server = Server::start(&mut network, || App::new().router());
        network.client("client", async move {
            let attempts = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&attempts);
            let hold_first = move |_| {
                if count.fetch_add(1, Ordering::Relaxed) == 0 {
                    hold("client", "server");
                    tokio::spawn(async {
                        sleep(Duration::from_secs(8)).await;
                        release("client", "server");
                    });
                }
                std::future::ready(())
            };
            let connecting = Client::connect(serializer.url()).serializers([serializer.of_clients()]).through(dial);
            let client = connecting.on_connect(hold_first).await.expect("it is tried again");
            assert!(client.is_connected() && attempts.load(Ordering::Relaxed) > 1);
            assert_eq!(server.handle().statistics().limits.get("hello_timeout"), Some(&1), "{serializer}");
            Ok(())
        });
        network.run().unwrap_or_else(|error| panic!("{serializer}: {error}"));
    }
}

fn simulate(seed: u64) -> Common {
    let mut network = network(seed);
    let world = World::default();
    let server = Server::start(&mut network, || App::new().router());
    for caller in 0..CALLERS {
        network.client(name(caller), live(caller, seed, world.clone()));
    }
    network.client(HOST, host(seed, world.clone()));
    network.client("weather", weather(seed, server, world.clone()));
    loop {
        match network.step() {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => panic!("SERVERWAMP_SEED={seed}: {error}"),
        }
        if std::mem::take(&mut world.common.borrow_mut().restart) {
            network.bounce("server");
        }
    }
    drop(network);
    world.common.take()
}

fn name(caller: usize) -> String {
    format!("caller-{caller}")
}

/// The end of a line to the router: a caller's or the host's.
fn line(client: usize) -> String {
    if client < CALLERS { name(client) } else { HOST.to_owned() }
}

fn serializer(seed: u64, client: usize) -> Serializer {
    Serializer::ALL[(seed as usize + client) % Serializer::ALL.len()]
}

/// Breaks and heals lines and restarts the router, then looks whether anything is left of what was there.
async fn weather(seed: u64, server: Server, world: World) -> turmoil::Result {
    let mut random = SmallRng::seed_from_u64(seed);
    for _ in 0..40 {
        sleep(Duration::from_millis(random.random_range(100..6000))).await;
        match random.random_range(0..=CALLERS + 1) {
            // A line heals sooner or later, else all calls would fail.
            client if random.random_ratio(1, 3) => mend(&line(client)),
            client if client <= CALLERS => change(&line(client), &mut random),
            _ if random.random() => {
                let mut common = world.common.borrow_mut();
                common.restart = true;
                common.restarts += 1;
            }
            _ => {}
        }
    }
    (0..=CALLERS).for_each(|client| mend(&line(client)));
    world.common.borrow_mut().is_calm = true;
    world.meet_as_weather().await;
    // Who lost its line without a word is noticed by its missing pong.
    sleep(PATIENCE).await;
    let statistics = server.handle().statistics();
    assert_eq!((statistics.connections, statistics.sessions), (0, 0), "{statistics:?}");
    Ok(())
}

impl World {
    /// Waits until all clients are gone.
    async fn meet_as_weather(&self) {
        while self.common.borrow().stages[2] <= CALLERS {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Looks at the states of a client while it lives.
fn watch(client: &Client) -> impl Future<Output = usize> + use<> {
    let mut states = client.states();
    async move {
        let (mut last, mut lost) = (State::Connecting, 0);
        while let Some(state) = states.next().await {
            match (last, state) {
                (State::Connecting, State::Joined | State::Lost) | (State::Lost, State::Connecting) => {}
                (State::Joined, State::Lost) => lost += 1,
                (_, State::Closed) => {}
                (last, state) => panic!("{state:?} after {last:?}"),
            }
            last = state;
            if state == State::Closed {
                break;
            }
        }
        lost
    }
}

/// Hosts functions.
async fn host(seed: u64, world: World) -> turmoil::Result {
    let serializer = serializer(seed, CALLERS);
    let component = Component::new(serializer.url())
        .routes(routes![next, slow, parts, hear])
        .inject(world.runs.clone())
        .inject(world.heard.clone())
        .serializers([serializer.of_clients()])
        .through(dial);
    let client = component.client();
    let watching = tokio::spawn(watch(&client));
    let running = tokio::spawn(component.into_future());
    while !world.is_calm() {
        sleep(Duration::from_secs(1)).await;
    }
    back(&client).await;
    world.meet(0).await;
    world.meet(1).await;
    client.stop().await;
    running.await.expect("no panic").expect("a clean end");
    world.common.borrow_mut().lost_sessions += watching.await.expect("states in their order");
    check_order(&world.heard.0.lock().unwrap());
    world.meet(2).await;
    Ok(())
}

/// Events of one session come in order, and none comes twice.
fn check_order(events: &[News]) {
    let mut last = BTreeMap::new();
    for (from, session, number) in events {
        if let Some(before) = last.insert((from, session), number) {
            assert!(before < number, "{number} after {before} of {from}");
        }
    }
    let numbers: BTreeSet<_> = events.iter().map(|(from, _, number)| (from, number)).collect();
    assert_eq!(numbers.len(), events.len(), "no event twice");
}

/// A client that calls, publishes and listens.
struct Caller {
    caller: usize,
    client: Client,
    random: SmallRng,
    world: World,
    /// Calls and events have numbers that nobody else has.
    number: u64,
}

async fn live(caller: usize, seed: u64, world: World) -> turmoil::Result {
    let serializer = serializer(seed, caller);
    let connecting = Client::connect(serializer.url()).serializers([serializer.of_clients()]).through(dial);
    let client = connecting.await.expect("it is tried again and again");
    let watching = tokio::spawn(watch(&client));
    let random = SmallRng::seed_from_u64(seed ^ (caller as u64 + 1) << 32);
    let number = (caller as u64 + 1) << 32;
    let mut caller = Caller { caller, client, random, world, number };
    let mut news = caller.subscribe().await;
    let own = caller.register().await;
    let mut heard = Vec::new();
    while !caller.world.is_calm() {
        if !caller.client.is_connected() {
            // It is of no use to ask for anything meanwhile.
            let _ = timeout(Duration::from_secs(5), caller.client.joined()).await;
        }
        caller.turn().await;
        let pause = Duration::from_millis(caller.random.random_range(0..1500));
        sleep(pause).await;
        heard.extend(std::iter::from_fn(|| news.next().now_or_never().flatten()).map(|event| read(&event)));
    }
    caller.end(&mut news, &mut heard).await;
    check_order(&heard);
    drop((own, news));
    caller.client.leave("wamp.close.normal", "").await;
    caller.world.common.borrow_mut().lost_sessions += watching.await.expect("states in their order");
    caller.world.meet(2).await;
    Ok(())
}

fn read(event: &serverwamp::client::Event) -> News {
    (event.arg(0).unwrap(), event.arg(1).unwrap(), event.arg(2).unwrap())
}

impl Caller {
    async fn subscribe(&self) -> Subscription {
        loop {
            match within(self.client.subscribe("news.").prefix().into_future()).await {
                Ok(subscription) => return subscription,
                Err(error) => assert!(is_loss(&error), "{error}"),
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Registers a procedure of its own. The router may still have it for a session that is lost.
    async fn register(&self) -> Registration {
        loop {
            let procedure = format!("own.{}", self.caller);
            let runs = self.world.runs.clone();
            let registering = self.client.register(procedure, move |number: u64| {
                runs.note(number);
                async move { number + 1 }
            });
            match within(registering.into_future()).await {
                Ok(registration) => return registration,
                Err(error) => {
                    assert!(is_loss(&error) || error.uri() == Some("wamp.error.procedure_already_exists"), "{error}")
                }
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// A few calls at a time, or an event.
    async fn turn(&mut self) {
        if self.random.random() {
            let calls: Vec<_> = (0..self.random.random_range(1..6)).map(|_| self.call()).collect();
            for is_answered in join_all(calls).await {
                let mut common = self.world.common.borrow_mut();
                common.calls += 1;
                common.failures += usize::from(!is_answered);
            }
        } else if let Err(error) = within(self.publish().acknowledge().into_future()).await {
            assert!(is_loss(&error), "{error}");
        }
    }

    fn publish(&mut self) -> serverwamp::client::Publish<()> {
        self.number += 1;
        let topic = format!("news.{}", self.random.random_range(0..3));
        let session = self.client.session_id().map_or(0, |id| id.get());
        self.client.publish(topic, (self.caller, session, self.number))
    }

    /// A call of a procedure at random; whether there was a result.
    fn call(&mut self) -> impl Future<Output = bool> + use<> {
        self.number += 1;
        let number = self.number;
        let procedure = match self.random.random_range(0..4) {
            0 => "hosted.next".to_owned(),
            1 => "hosted.slow".to_owned(),
            2 => format!("hosted.parts.{number}"),
            _ => format!("own.{}", self.random.random_range(0..CALLERS)),
        };
        let with_parts = procedure.starts_with("hosted.parts");
        let (client, runs) = (self.client.clone(), self.world.runs.clone());
        async move {
            let call = client.call::<u64>(&procedure, [number]);
            let answer = if with_parts {
                within(async { call.progress::<u64>().await?.collect().await }).await.map(|(parts, result)| {
                    assert_eq!(parts, [0, 1, 2, 3, 4], "parts in order, and all of them");
                    result
                })
            } else {
                within(call.into_future()).await
            };
            match answer {
                Ok(result) => {
                    assert_eq!((result, runs.of(number)), (number + 1, 1), "{procedure}");
                    true
                }
                // Its callee is not there, or was lost meanwhile.
                Err(error) => {
                    let is_gone = matches!(error.uri(), Some("wamp.error.no_such_procedure" | "wamp.error.canceled"));
                    assert!(is_gone || is_loss(&error), "{procedure}: {error:?}");
                    assert!(runs.of(number) <= 1, "{procedure} has run twice");
                    false
                }
            }
        }
    }

    /// Once the weather is calm, all is as it was: every procedure answers, every event comes.
    async fn end(&mut self, news: &mut Subscription, heard: &mut Vec<News>) {
        back(&self.client).await;
        self.world.meet(0).await;
        heard.extend(std::iter::from_fn(|| news.next().now_or_never().flatten()).map(|event| read(&event)));
        let procedures = ["hosted.next", "hosted.slow", "hosted.parts.x"].map(str::to_owned);
        for procedure in procedures.into_iter().chain((0..CALLERS).map(|caller| format!("own.{caller}"))) {
            self.number += 1;
            let answer = within(self.client.call::<u64>(&procedure, [self.number]).into_future()).await;
            assert_eq!(answer, Ok(self.number + 1), "{procedure}");
        }
        for _ in 0..LAST {
            within(self.publish().acknowledge().into_future()).await.expect("a publication");
        }
        let before = heard.len();
        for _ in 0..LAST * (CALLERS as u64 - 1) {
            heard.push(read(&within(news.next()).await.expect("an event")));
        }
        for other in (0..CALLERS).filter(|other| *other != self.caller) {
            let last: Vec<_> = heard[before..].iter().filter(|(from, ..)| *from == other).map(|news| news.2).collect();
            assert!(last.len() == LAST as usize && last.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{last:?}");
        }
        self.world.meet(1).await;
    }
}

/// Waits until a client has a session again, once the weather is calm.
async fn back(client: &Client) {
    // It may think that it has one still.
    sleep(NOTICED).await;
    timeout(RECOVERY, client.joined()).await.expect("the client is back in time").expect("it goes on");
}

/// What ends in any case.
async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("no future is left hanging")
}

/// Whether a request failed with its session, or for want of one.
fn is_loss(error: &CallError) -> bool {
    matches!(error, CallError::Ended { .. } | CallError::NotConnected)
}
