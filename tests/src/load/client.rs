//! A client of this crate, which reconnects: what it notes is what a program sees.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serverwamp::client::{Event as Received, Next, RunningCall, Subscription};
use serverwamp::{CallError, CancelMode, Client};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::procedures::{Answer, connecting};
use super::{Dial, Load, PATIENCE, Step, TOPICS, checksum, text, within};
use crate::Serializer;
use crate::history::{Event, Policy, Witness};

/// Calls that a client has in flight at most.
const IN_FLIGHT: usize = 12;
const END: &str = TOPICS[3];
/// Its one subscription, as it is called in the history.
const SUBSCRIPTION: u64 = 1;
/// Subscribing again is numbered apart from the other requests.
const FIRST_REQUEST: u64 = 1_000_000;

/// Calls, publishes and listens, from one session to the next, until the load is over.
pub async fn reconnecting(load: Arc<Load>, name: String, serializer: Serializer, seed: u64, dial: Dial) {
    let witness = load.witness(&name);
    let (welcomed, restored) = (witness.clone(), witness.clone());
    let (leave, left) = mpsc::channel::<oneshot::Sender<()>>(1);
    let connecting = connecting(serializer, dial)
        .on_welcome(move |_| {
            welcomed.note(Event::Joined);
            std::future::ready(Ok::<(), std::convert::Infallible>(()))
        })
        .on_join(move |_| {
            restored.note(Event::Restored);
            std::future::ready(())
        })
        .on_leave(move |_, _| {
            let leave = leave.clone();
            async move {
                // It does not connect again before all that came is taken.
                let (taken, is_taken) = oneshot::channel();
                if leave.send(taken).await.is_ok() {
                    let _ = is_taken.await;
                }
            }
        });
    let (client, heard) = (watch::channel(None), watch::channel(Heard::Nothing));
    let policy = if seed.is_multiple_of(2) { Policy::Prefix } else { Policy::Wildcard };
    let listener = Listener { witness: witness.clone(), policy, left, heard: heard.0, load: Arc::clone(&load) };
    let listening = tokio::spawn(listener.listen(client.1));
    let connected = within(connecting.into_future()).await.expect("a session, sooner or later");
    client.0.send_replace(Some(connected.clone()));
    let mut caller = Caller {
        load,
        client: connected,
        witness,
        random: SmallRng::seed_from_u64(seed),
        requests: FIRST_REQUEST,
        permits: Arc::new(Semaphore::new(IN_FLIGHT)),
        running: JoinSet::new(),
    };
    caller.live(heard.1).await;
    within(caller.client.stop()).await;
    within(listening).await.expect("no panic");
}

/// Calls and publishes over lines that change what is sent, by one client after the other, until the load is over: what it
/// takes is what was sent, or it shows that it is not.
pub async fn rough(load: Arc<Load>, name: String, serializer: Serializer, seed: u64, dial: Dial) {
    let witness = load.witness(&name);
    let mut random = SmallRng::seed_from_u64(seed);
    while !load.is_over() {
        let client = connecting(serializer, dial.clone()).max_retries(3).into_future();
        let Ok(Ok(client)) = timeout(PATIENCE, client).await else { continue };
        while !load.is_over() && !client.is_over() {
            let (call, text) = (load.number(), text(&mut random));
            witness.note(Event::Call { request: call, call, progress: false });
            let sum = checksum("load.echo", &[call, 0], &text);
            let calling = client.call::<Answer>("load.echo", (call, 0, &text, sum)).timeout(Duration::from_millis(200));
            let event = match within(calling.into_future()).await {
                Ok((of, parts, echoed, sum)) if sum == checksum("load.echo", &[of, parts], &echoed) => {
                    // A genuine answer to another call would be no fault of the line's.
                    assert_eq!((of, echoed), (call, text), "of a call {call}");
                    Event::Result { request: call, call, parts }
                }
                Ok(_) | Err(CallError::Unexpected(_)) => Event::Garbled,
                Err(_) => Event::Failed { request: call },
            };
            witness.note(event);
            let _ = within(client.publish("load.a", [1]).into_future()).await;
        }
        timeout(PATIENCE, client.stop()).await.expect("a client that is told to stop does");
    }
}

/// How much a listener has heard.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Heard {
    Nothing,
    Subscribed,
    End,
}

/// Takes events, and only those: nothing is in their way.
struct Listener {
    witness: Witness,
    policy: Policy,
    /// A session has ended; whoever is told waits until its events are taken.
    left: mpsc::Receiver<oneshot::Sender<()>>,
    heard: watch::Sender<Heard>,
    load: Arc<Load>,
}

impl Listener {
    async fn listen(mut self, client: watch::Receiver<Option<Client>>) {
        let mut subscribing = Box::pin(subscribe(client, self.policy, self.witness.clone()));
        let subscription = loop {
            tokio::select! {
                biased;
                made = &mut subscribing => break made,
                Some(taken) = self.left.recv() => self.interrupted(taken),
            }
        };
        let Some(mut subscription) = subscription else { return };
        self.heard.send_replace(Heard::Subscribed);
        loop {
            tokio::select! {
                biased;
                event = subscription.next() => match event {
                    Some(event) => self.take(&event),
                    None => return,
                },
                Some(taken) = self.left.recv() => self.interrupted(taken),
            }
        }
    }

    fn interrupted(&self, taken: oneshot::Sender<()>) {
        self.witness.note(Event::Interrupted);
        let _ = taken.send(());
    }

    fn take(&self, event: &Received) {
        let given: Result<(String, String, u64, String, u64), CallError> = event.payload();
        let genuine = given.ok().filter(|(topic, by, number, text, sum)| {
            topic == event.topic() && *sum == checksum(topic, &[*number], &format!("{by}{text}"))
        });
        let Some((topic, publisher, number, ..)) = genuine else {
            assert!(self.load.is_garbling(), "{:?}", event.args());
            return self.witness.note(Event::Garbled);
        };
        self.witness.note(Event::Event { subscription: SUBSCRIPTION, publisher, number });
        if topic == END {
            self.heard.send_replace(Heard::End);
        }
    }
}

/// Subscribes as soon as there is a client with a session; none if there never is.
async fn subscribe(
    mut client: watch::Receiver<Option<Client>>,
    policy: Policy,
    witness: Witness,
) -> Option<Subscription> {
    let client = client.wait_for(Option::is_some).await.ok()?.clone()?;
    for request in 0..FIRST_REQUEST {
        witness.note(Event::Subscribe { request, topic: "load.".to_owned(), policy });
        let subscribing = client.subscribe("load.");
        let subscribing = if policy == Policy::Prefix { subscribing.prefix() } else { subscribing.wildcard() };
        match within(subscribing.into_future()).await {
            Ok(subscription) => {
                witness.note(Event::Subscribed { request, subscription: SUBSCRIPTION });
                return Some(subscription);
            }
            Err(error) => {
                failed(&witness, request, &error);
                client.joined().await.ok()?;
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
    None
}

/// Notes how a request has failed.
fn failed(witness: &Witness, request: u64, error: &CallError) {
    match error {
        CallError::Ended { .. } | CallError::NotConnected => witness.note(Event::Failed { request }),
        CallError::Remote(error) => witness.note(Event::Error { request, error: error.uri().to_owned() }),
        other => panic!("request {request} of {}: {other:?}", witness.name()),
    }
}

/// Asks.
struct Caller {
    load: Arc<Load>,
    client: Client,
    witness: Witness,
    random: SmallRng,
    requests: u64,
    permits: Arc<Semaphore>,
    running: JoinSet<()>,
}

impl Caller {
    async fn live(&mut self, mut heard: watch::Receiver<Heard>) {
        while !self.load.is_over() {
            sleep(Duration::from_micros(self.random.random_range(0..4000))).await;
            match Step::random(&mut self.random) {
                Step::Call { procedure, size, progress } => self.call(procedure, size, progress).await,
                Step::Publish { topic, acknowledge, exclude_me } => {
                    self.publish(topic, acknowledge, exclude_me).await;
                }
                _ if !self.client.is_connected() => drop(timeout(PATIENCE, self.client.joined()).await),
                _ => {}
            }
            while self.running.try_join_next().is_some_and(|run| run.map(|()| true).expect("no panic")) {}
        }
        while let Some(run) = within(self.running.join_next()).await {
            run.expect("no panic");
        }
        let _ = within(heard.wait_for(|heard| *heard >= Heard::Subscribed)).await.expect("a subscription");
        // Its line may be dead without its knowledge; this one is not.
        loop {
            within(self.client.joined()).await.expect("it goes on");
            if self.publish(TOPICS[0], true, false).await {
                break;
            }
        }
        self.load.meet().await;
        let _ = timeout(PATIENCE, heard.wait_for(|heard| *heard == Heard::End)).await;
        self.witness.note(Event::Quiet);
    }

    fn request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// Whether it was acknowledged.
    async fn publish(&mut self, topic: &'static str, acknowledge: bool, exclude_me: bool) -> bool {
        let (request, number, text) = (self.request(), self.load.number(), text(&mut self.random));
        let by = self.witness.name().to_owned();
        self.witness.note(Event::Publish { request, topic: topic.to_owned(), number, acknowledge, exclude_me });
        let sum = checksum(topic, &[number], &format!("{by}{text}"));
        let publication = self.client.publish(topic, (topic, by, number, text, sum)).exclude_me(exclude_me);
        if !acknowledge {
            let _ = within(publication.into_future()).await;
            return false;
        }
        match within(publication.acknowledge().into_future()).await {
            Ok(_) => self.witness.note(Event::Published { request }),
            Err(CallError::Remote(error)) => {
                self.witness.note(Event::Refused { request, error: error.uri().to_owned() });
                return false;
            }
            Err(error) => {
                failed(&self.witness, request, &error);
                return false;
            }
        }
        true
    }

    async fn call(&mut self, procedure: &'static str, size: u64, progress: bool) {
        let Ok(permit) = within(Arc::clone(&self.permits).acquire_owned()).await else { return };
        let (request, call, text) = (self.request(), self.load.number(), text(&mut self.random));
        let sum = checksum(procedure, &[call, size], &text);
        self.witness.note(Event::Call { request, call, progress });
        let calling = self.client.call::<Answer>(procedure, (call, size, text, sum));
        let running = if progress { within(calling.progress()).await } else { within(calling.start()).await };
        let running = match running {
            Ok(running) => running,
            Err(error) => return failed(&self.witness, request, &error),
        };
        let cancel_after =
            (procedure == "load.endless").then(|| Duration::from_millis(self.random.random_range(0..30)));
        let mode = [CancelMode::Skip, CancelMode::Kill, CancelMode::KillNoWait][self.random.random_range(0..3)];
        let (witness, load) = (self.witness.clone(), Arc::clone(&self.load));
        self.running.spawn(async move {
            let _permit = permit;
            Called { witness, load, procedure, request }.follow(running, cancel_after.map(|after| (after, mode))).await;
        });
    }
}

/// A call that has been made.
struct Called {
    witness: Witness,
    load: Arc<Load>,
    procedure: &'static str,
    request: u64,
}

impl Called {
    async fn follow(self, mut running: RunningCall<Answer, Answer>, cancel: Option<(Duration, CancelMode)>) {
        if let Some((after, mode)) = cancel {
            sleep(after).await;
            self.witness.note(Event::Cancel { request: self.request });
            running.cancel(mode);
        }
        let request = self.request;
        loop {
            // One that hangs is left without a reply in the history.
            let Ok(answer) = timeout(PATIENCE, running.next()).await else { return };
            match answer {
                Ok(Next::Progress((call, part, text, sum))) => {
                    self.note(Event::Progress { request, call, part }, sum == self.sum(call, part, &text));
                }
                Ok(Next::Result((call, parts, text, sum))) => {
                    return self.note(Event::Result { request, call, parts }, sum == self.sum(call, parts, &text));
                }
                Err(CallError::Unexpected(_) | CallError::Over) if self.load.is_garbling() => {
                    return self.witness.note(Event::Garbled);
                }
                Err(error) => return failed(&self.witness, request, &error),
            }
        }
    }

    fn sum(&self, call: u64, parts: u64, text: &str) -> u64 {
        checksum(self.procedure, &[call, parts], text)
    }

    fn note(&self, event: Event, is_genuine: bool) {
        assert!(is_genuine || self.load.is_garbling(), "{event:?}");
        self.witness.note(if is_genuine { event } else { Event::Garbled });
    }
}
