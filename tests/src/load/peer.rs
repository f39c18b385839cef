//! A client that is nothing but its messages: what it notes is what went over the wire.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Dial, Load, PATIENCE, REALM, Session, Step, TOPICS, checksum, text};
use crate::history::{Event, Policy};
use crate::{Peer, Serializer, hello};

/// Calls that a client has in flight at most.
const IN_FLIGHT: usize = 16;
/// After so long without a word, a line is given up.
const SILENCE: Duration = Duration::from_secs(4);
/// For so long is looked whether anything comes after GOODBYE.
const AFTER: Duration = Duration::from_millis(30);
const END: &str = TOPICS[3];

/// A request whose answer is to come.
enum Asked {
    Call { procedure: &'static str },
    Publication,
    Subscription { topic: String, policy: Policy },
    Unsubscription { subscription: u64 },
}

/// How a client takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Once the load is over it takes what is owed, and leaves as one should.
    Orderly,
    /// It is owed nothing: what it sends is changed on its way. Once the load is over it is gone.
    Rough,
}

/// One session.
struct Visit<'l> {
    load: &'l Arc<Load>,
    manner: Manner,
    peer: Peer,
    session: Session,
    random: &'l mut SmallRng,
    requests: u64,
    asked: BTreeMap<u64, Asked>,
    /// By the subscription's id.
    subscriptions: BTreeMap<u64, (String, Policy)>,
    /// How often the last event has come: once for each subscription.
    ends: usize,
    heard_at: Instant,
}

/// Comes back whenever its line breaks, until the load is over.
pub async fn visit(load: Arc<Load>, name: String, manner: Manner, serializer: Serializer, seed: u64, dial: Dial) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut met: Option<JoinHandle<()>> = None;
    for line in 0.. {
        if manner == Manner::Rough && load.is_over() {
            return;
        }
        if let Ok(Ok(stream)) = timeout(SILENCE, dial()).await {
            let witness = load.witness(&format!("{name}.{line}"));
            let mut visit = Visit {
                load: &load,
                manner,
                peer: Peer::over(stream, serializer),
                session: Session::new(witness),
                random: &mut random,
                requests: 0,
                asked: BTreeMap::new(),
                subscriptions: BTreeMap::new(),
                ends: 0,
                heard_at: Instant::now(),
            };
            if visit.stay(&mut met).await == Some(true) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..30))).await;
    }
}

/// Publishes what says that nothing more comes, when all have met.
pub(super) async fn publish_the_last(load: &Arc<Load>, dial: Dial) {
    let mut random = SmallRng::seed_from_u64(0);
    let mut visit = Visit {
        load,
        manner: Manner::Orderly,
        peer: Peer::over(dial().await.expect("a line"), Serializer::Json),
        session: Session::new(load.witness("last")),
        random: &mut random,
        requests: 0,
        asked: BTreeMap::new(),
        subscriptions: BTreeMap::new(),
        ends: 0,
        heard_at: Instant::now(),
    };
    visit.join().await.expect("a session");
    visit.publish(END, true, true).await.expect("a line");
    visit.settle().await.expect("an answer");
    visit.leave().await.expect("GOODBYE");
}

impl Visit<'_> {
    /// Until the session is over: whether the load is too. None if the line broke.
    async fn stay(&mut self, met: &mut Option<JoinHandle<()>>) -> Option<bool> {
        self.join().await?;
        while !self.load.is_over() {
            let pause = Duration::from_micros(self.random.random_range(0..4000));
            self.receive_for(pause).await?;
            if !self.asked.is_empty() && self.heard_at.elapsed() > SILENCE {
                return None;
            }
            match Step::random(self.random) {
                Step::Break => return None,
                Step::Leave => {
                    self.leave().await?;
                    return Some(false);
                }
                step => self.step(step).await?,
            }
        }
        match self.manner {
            Manner::Orderly => self.finish(met).await.map(|()| true),
            Manner::Rough => None,
        }
    }

    async fn join(&mut self) -> Option<()> {
        self.send(hello(REALM)).await?;
        match timeout(SILENCE, self.peer.receive()).await.ok()?? {
            welcome if welcome[0] == 2 => {
                self.session.joined();
                Some(())
            }
            other => {
                assert_eq!(other[0], 3, "{other}");
                None
            }
        }
    }

    async fn step(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Call { procedure, size, progress } if self.asked.len() < IN_FLIGHT => {
                let (call, text) = (self.load.number(), text(self.random));
                let request = self.ask(Asked::Call { procedure });
                self.session.witness.note(Event::Call { request, call, progress });
                let options = if progress { json!({"receive_progress": true}) } else { json!({}) };
                let sum = checksum(procedure, &[call, size], &text);
                self.send(json!([48, request, options, procedure, [call, size, text, sum]])).await
            }
            Step::Call { .. } | Step::Cancel => self.cancel(|_| true).await,
            Step::Publish { topic, acknowledge, exclude_me } => self.publish(topic, acknowledge, exclude_me).await,
            Step::Subscribe => {
                let id = self.subscriptions.keys().next().copied();
                match id.filter(|_| self.subscriptions.len() > 2 || self.random.random()) {
                    Some(subscription) => self.unsubscribe(subscription).await,
                    None => {
                        let policy = Policy::ALL[self.random.random_range(0..3)];
                        let topic = match policy {
                            Policy::Exact => TOPICS[self.random.random_range(0..3)],
                            Policy::Prefix => ["load.", "load.b"][self.random.random_range(0..2)],
                            Policy::Wildcard => ["load.", ".c"][self.random.random_range(0..2)],
                        };
                        self.subscribe(topic, policy).await
                    }
                }
            }
            Step::Leave | Step::Break => Some(()),
        }
    }

    fn ask(&mut self, asked: Asked) -> u64 {
        self.requests += 1;
        self.asked.insert(self.requests, asked);
        self.requests
    }

    /// Cancels the oldest call of this kind.
    async fn cancel(&mut self, which: impl Fn(&str) -> bool) -> Option<()> {
        let call =
            self.asked.iter().find(|(_, asked)| matches!(asked, Asked::Call { procedure, .. } if which(procedure)));
        let Some((&request, _)) = call else { return Some(()) };
        self.session.witness.note(Event::Cancel { request });
        let mode = ["skip", "kill", "killnowait"][self.random.random_range(0..3)];
        self.send(json!([49, request, {"mode": mode}])).await
    }

    async fn publish(&mut self, topic: &'static str, acknowledge: bool, exclude_me: bool) -> Option<()> {
        let (number, text) = (self.load.number(), text(self.random));
        let request = self.ask(Asked::Publication);
        if !acknowledge {
            self.asked.remove(&request);
        }
        self.session.witness.note(Event::Publish { request, topic: topic.to_owned(), number, acknowledge, exclude_me });
        let by = self.session.witness.name().to_owned();
        let sum = checksum(topic, &[number], &format!("{by}{text}"));
        let options = json!({"acknowledge": acknowledge, "exclude_me": exclude_me});
        self.send(json!([16, request, options, topic, [topic, by, number, text, sum]])).await
    }

    /// Unless there is such a subscription, or will be.
    async fn subscribe(&mut self, topic: &str, policy: Policy) -> Option<()> {
        let wanted = (topic.to_owned(), policy);
        let is_asked = self.asked.values().any(|asked| match asked {
            Asked::Subscription { topic, policy } => (topic, policy) == (&wanted.0, &wanted.1),
            _ => false,
        });
        if is_asked || self.subscriptions.values().any(|there| *there == wanted) {
            return Some(());
        }
        let (topic, policy) = wanted;
        let request = self.ask(Asked::Subscription { topic: topic.clone(), policy });
        self.session.witness.note(Event::Subscribe { request, topic: topic.clone(), policy });
        self.send(json!([32, request, {"match": policy.name()}, topic])).await
    }

    async fn unsubscribe(&mut self, subscription: u64) -> Option<()> {
        if self
            .asked
            .values()
            .any(|asked| matches!(asked, Asked::Unsubscription { subscription: it } if *it == subscription))
        {
            return Some(());
        }
        let request = self.ask(Asked::Unsubscription { subscription });
        self.session.witness.note(Event::Unsubscribe { request, subscription });
        self.send(json!([34, request, subscription])).await
    }

    /// Asks for nothing more, takes what is owed, and leaves.
    async fn finish(&mut self, met: &mut Option<JoinHandle<()>>) -> Option<()> {
        self.subscribe(END, Policy::Exact).await?;
        self.settle().await?;
        let is_late = met.as_ref().is_some_and(JoinHandle::is_finished);
        let met = met.get_or_insert_with(|| {
            let load = Arc::clone(self.load);
            tokio::spawn(async move { load.meet().await })
        });
        let begun = Instant::now();
        while !(self.has_heard_the_last() || is_late && met.is_finished()) && begun.elapsed() < PATIENCE {
            self.receive_for(Duration::from_millis(20)).await?;
        }
        self.session.witness.note(Event::Quiet);
        self.leave().await
    }

    fn has_heard_the_last(&self) -> bool {
        let due = self.subscriptions.values().filter(|(topic, policy)| policy.matches(topic, END));
        self.ends >= due.count()
    }

    /// Waits until everything is answered; what would not end by itself is canceled.
    async fn settle(&mut self) -> Option<()> {
        let begun = Instant::now();
        while !self.asked.is_empty() && begun.elapsed() < PATIENCE {
            self.cancel(|procedure| procedure == "load.endless").await?;
            self.receive_for(Duration::from_millis(20)).await?;
        }
        Some(())
    }

    /// Says GOODBYE and waits for the answer.
    async fn leave(&mut self) -> Option<()> {
        self.session.witness.note(Event::Leaving);
        self.send(json!([6, {}, "wamp.close.close_realm"])).await?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let message = timeout(PATIENCE, self.peer.receive()).await.ok()??;
            if message[0] == 6 {
                self.session.ended(Event::Goodbye { reason: string(&message[2]) });
                self.after_goodbye().await;
                return Some(());
            }
            self.take(&message).await?;
        }
        None
    }

    /// What comes after GOODBYE, of which there should be nothing.
    async fn after_goodbye(&mut self) {
        while let Ok(Some(message)) = timeout(AFTER, self.peer.receive()).await {
            self.take(&message).await;
        }
    }

    async fn send(&mut self, message: Value) -> Option<()> {
        timeout(SILENCE, self.peer.send(message)).await.ok()
    }

    /// Takes what comes for as long. None at the end of the session.
    async fn receive_for(&mut self, time: Duration) -> Option<()> {
        let until = Instant::now() + time;
        loop {
            let message = tokio::select! {
                biased;
                message = self.peer.receive() => message?,
                () = sleep_until(until) => return Some(()),
            };
            self.heard_at = Instant::now();
            if message[0] == 6 {
                // The server ends the session.
                self.session.ended(Event::Goodbye { reason: string(&message[2]) });
                let _ = self.send(json!([6, {}, "wamp.close.goodbye_and_out"])).await;
                self.after_goodbye().await;
                return None;
            }
            self.take(&message).await?;
        }
    }

    /// Notes a message. None for ABORT.
    async fn take(&mut self, message: &Value) -> Option<()> {
        let request = message[1].as_u64().unwrap_or_default();
        let event = match message[0].as_u64() {
            Some(3) => {
                let is_violation = message[2] == "wamp.error.protocol_violation";
                assert!(!is_violation || self.manner == Manner::Rough, "{message}");
                return None;
            }
            Some(8) => {
                let (request, error) = (message[2].as_u64().unwrap_or_default(), string(&message[4]));
                self.asked.remove(&request);
                if message[1] == 48 { Event::Error { request, error } } else { Event::Refused { request, error } }
            }
            Some(17) => {
                self.asked.remove(&request);
                Event::Published { request }
            }
            Some(33) => {
                let subscription = message[2].as_u64().unwrap_or_default();
                if let Some(Asked::Subscription { topic, policy }) = self.asked.remove(&request) {
                    self.subscriptions.insert(subscription, (topic, policy));
                }
                Event::Subscribed { request, subscription }
            }
            Some(35) => {
                if let Some(Asked::Unsubscription { subscription }) = self.asked.remove(&request) {
                    self.subscriptions.remove(&subscription);
                }
                Event::Unsubscribed { request }
            }
            Some(36) => self.event(message),
            Some(50) => self.result(message),
            _ => panic!("{message} is nothing that a client receives"),
        };
        self.session.witness.note(event);
        Some(())
    }

    fn event(&mut self, message: &Value) -> Event {
        let payload = &message[4];
        let (topic, publisher) = (string(&payload[0]), string(&payload[1]));
        let number = payload[2].as_u64().unwrap_or_default();
        let text = format!("{publisher}{}", string(&payload[3]));
        let is_other = message[3]["topic"].as_str().is_some_and(|other| other != topic);
        if is_other || payload[4].as_u64() != Some(checksum(&topic, &[number], &text)) {
            assert!(self.load.is_garbling(), "{message}");
            return Event::Garbled;
        }
        self.ends += usize::from(topic == END);
        Event::Event { subscription: message[1].as_u64().unwrap_or_default(), publisher, number }
    }

    fn result(&mut self, message: &Value) -> Event {
        let (request, payload) = (message[1].as_u64().unwrap_or_default(), &message[3]);
        let number = |at: usize| payload[at].as_u64().unwrap_or_default();
        let (call, parts, text) = (number(0), number(1), string(&payload[2]));
        let procedure = match self.asked.get(&request) {
            Some(Asked::Call { procedure, .. }) => *procedure,
            // A second result is not to be taken for one that was changed on its way.
            _ => return Event::Result { request, call, parts },
        };
        let is_garbled = number(3) != checksum(procedure, &[call, parts], &text);
        assert!(!is_garbled || self.load.is_garbling(), "{message}");
        if message[2]["progress"] == true {
            return if is_garbled { Event::Garbled } else { Event::Progress { request, call, part: parts } };
        }
        self.asked.remove(&request);
        if is_garbled { Event::Garbled } else { Event::Result { request, call, parts } }
    }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
