//! A peer of a router that does whatever peers do, message by message, and judges all that comes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::{Value, json};
use serverwamp_tests::Peer;
use tokio::time::{Instant, timeout};

use super::router::{Fault, LAST, MEMBERS, World};

/// Longer than any answer takes: 35 s until a broken line is noticed, once for the callee and once for the caller.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);
/// The results that come before the last one of a call that wants them.
const PARTS: u64 = 3;
const CANCELED: &str = "wamp.error.canceled";
const UNAVAILABLE: &str = "wamp.error.unavailable";
/// How a call of somebody else's procedure may fail: nobody has it, its callee has left, was told to stop or refuses, and
/// so do all others.
const FAILURES: [&str; 4] =
    ["wamp.error.no_such_procedure", CANCELED, "wamp.error.timeout", "wamp.error.no_available_callee"];

/// The line is lost, or seems to be.
#[derive(Debug)]
pub(super) struct Lost;

type Held<T> = Result<T, Lost>;

/// What a request waits for.
enum Wanted {
    /// The number that the call was given, and how many parts have come if it wants some.
    Call {
        procedure: String,
        number: u64,
        parts: Option<u64>,
    },
    Subscribed(&'static str),
    Unsubscribed,
    Registered(String),
    Unregistered(u64),
    Published,
}

/// What came on a subscription.
struct Heard {
    /// Whether each event of a session comes on it.
    is_whole: bool,
    /// The first and the last event of each session.
    range: BTreeMap<u64, (u64, u64)>,
}

/// A session of a member.
pub(super) struct Member<'w> {
    pub(super) peer: Peer,
    pub(super) number: usize,
    pub(super) world: &'w World,
    pub(super) random: SmallRng,
    pub(super) session: u64,
    next_request: u64,
    wanted: BTreeMap<u64, (Wanted, Instant)>,
    subscriptions: BTreeMap<u64, Heard>,
    /// Procedures by the ids of their registrations, those included that end.
    registrations: BTreeMap<u64, String>,
    ended: BTreeSet<u64>,
    last_invocation: u64,
    /// Invocations to be answered: the number, and whether parts of the result are wanted.
    invocations: BTreeMap<u64, (u64, bool)>,
    published: u64,
    /// It has said GOODBYE, after which nothing more may be said.
    is_leaving: bool,
    has_left: bool,
}

impl<'w> Member<'w> {
    /// Joins.
    pub(super) async fn enter(mut peer: Peer, number: usize, world: &'w World, random: SmallRng) -> Held<Member<'w>> {
        let features = json!({
            "progressive_call_results": true, "call_canceling": true, "call_timeout": true,
        });
        let roles = json!({
            "caller": {"features": features}, "callee": {"features": features}, "publisher": {}, "subscriber": {},
        });
        timeout(PATIENCE, peer.send(json!([1, "realm1", {"roles": roles}]))).await.map_err(|_| Lost)?;
        let answer = timeout(PATIENCE, peer.receive()).await.ok().flatten().ok_or(Lost)?;
        if answer[0] == 3 {
            assert_eq!(answer[2], "wamp.error.timeout", "a HELLO that the line held back for too long: {answer}");
            return Err(Lost);
        }
        assert_eq!(answer[0], 2, "{answer}");
        let session = answer[1].as_u64().expect("an id");
        assert!(world.is_new_session(session), "no session has the id of another one");
        Ok(Member {
            peer,
            number,
            world,
            random,
            session,
            next_request: 1,
            wanted: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            registrations: BTreeMap::new(),
            ended: BTreeSet::new(),
            last_invocation: 0,
            invocations: BTreeMap::new(),
            published: 0,
            is_leaving: false,
            has_left: false,
        })
    }

    pub(super) fn own(&self) -> String {
        format!("own.{}", self.number)
    }

    pub(super) fn is_registered(&self, procedure: &str) -> bool {
        self.registrations.iter().any(|(id, known)| known == procedure && !self.ended.contains(id))
    }

    /// Whether it is subscribed to something, or about to be.
    fn is_subscribed(&self) -> bool {
        !self.subscriptions.is_empty() || self.wanted.values().any(|wanted| matches!(wanted.0, Wanted::Subscribed(_)))
    }

    /// Whether an answer is still to come, one of a call included.
    pub(super) fn is_waiting(&self) -> bool {
        !self.wanted.is_empty()
    }

    // ------------------------------------------------------------ what it does

    async fn send(&mut self, message: Value) -> Held<()> {
        timeout(PATIENCE, self.peer.send(message)).await.map_err(|_| Lost)
    }

    async fn request(&mut self, wanted: Wanted, message: impl FnOnce(u64) -> Value) -> Held<()> {
        let request = self.next_request;
        self.next_request += 1;
        self.wanted.insert(request, (wanted, Instant::now()));
        self.send(message(request)).await
    }

    pub(super) async fn subscribe(&mut self, topic: &'static str) -> Held<()> {
        let policy = if topic.ends_with('.') { "prefix" } else { "exact" };
        self.request(Wanted::Subscribed(topic), |request| json!([32, request, {"match": policy}, topic])).await
    }

    pub(super) async fn register(&mut self, procedure: String) -> Held<()> {
        let options = if procedure == "work" { json!({"invoke": "roundrobin"}) } else { json!({}) };
        let wanted = Wanted::Registered(procedure.clone());
        self.request(wanted, |request| json!([64, request, options, procedure])).await
    }

    pub(super) async fn publish(&mut self) -> Held<()> {
        let topic = format!("news.{}", self.random.random_range(0..3));
        let event = json!([self.session, self.published]);
        self.published += 1;
        if self.random.random() {
            let acknowledge = json!({"acknowledge": true});
            return self.request(Wanted::Published, |request| json!([16, request, acknowledge, topic, event])).await;
        }
        let request = self.next_request;
        self.next_request += 1;
        self.send(json!([16, request, {}, topic, event])).await
    }

    pub(super) async fn call(&mut self, procedure: String, options: Value) -> Held<()> {
        let number = self.world.next_number();
        let parts = (options["receive_progress"] == true).then_some(0);
        let wanted = Wanted::Call { procedure: procedure.clone(), number, parts };
        self.world.count(|counts| counts.calls += 1);
        let arguments = if procedure == "add" { json!([number, 1]) } else { json!([number]) };
        self.request(wanted, |request| json!([48, request, options, procedure, arguments])).await
    }

    /// Does something, and answers some of what it was asked.
    pub(super) async fn act(&mut self) -> Held<()> {
        self.answer(2).await?;
        let others = format!("own.{}", self.random.random_range(0..MEMBERS));
        match self.random.random_range(0..14) {
            0 if !self.is_subscribed() => self.subscribe("news.").await,
            1 if !self.is_subscribed() => self.subscribe("news.1").await,
            2 => match self.any(|member| member.subscriptions.keys().copied().collect()) {
                Some(id) => {
                    self.request(Wanted::Unsubscribed, |request| json!([34, request, id])).await?;
                    self.subscriptions.remove(&id);
                    Ok(())
                }
                None => Ok(()),
            },
            3 => self.register("work".to_owned()).await,
            4 => self.register(self.own()).await,
            5 => match self.any(|member| member.registrations.keys().copied().collect()) {
                Some(id) if self.ended.insert(id) => {
                    self.request(Wanted::Unregistered(id), |request| json!([66, request, id])).await
                }
                _ => Ok(()),
            },
            6 => {
                let calls = |wanted: &(Wanted, Instant)| matches!(wanted.0, Wanted::Call { .. });
                let calls = |member: &Self| {
                    member.wanted.iter().filter(|(_, wanted)| calls(wanted)).map(|(request, _)| *request).collect()
                };
                let Some(request) = self.any(calls) else { return Ok(()) };
                let mode = ["skip", "kill", "killnowait"][self.random.random_range(0..3)];
                self.send(json!([49, request, {"mode": mode}])).await
            }
            7 => self.call("add".to_owned(), json!({})).await,
            8 => self.call("work".to_owned(), json!({})).await,
            9 => self.call("work".to_owned(), json!({"receive_progress": true})).await,
            10 => self.call("work".to_owned(), json!({"timeout": 1500})).await,
            11 => self.call(others, json!({"receive_progress": true})).await,
            _ => self.publish().await,
        }
    }

    fn any(&mut self, of: impl FnOnce(&Self) -> Vec<u64>) -> Option<u64> {
        let ids = of(self);
        if ids.is_empty() { None } else { Some(ids[self.random.random_range(0..ids.len())]) }
    }

    /// Answers one in so many invocations: by a result, by an error, or by letting somebody else do it.
    pub(super) async fn answer(&mut self, one_in: u32) -> Held<()> {
        for request in self.invocations.keys().copied().collect::<Vec<_>>() {
            if !self.random.random_ratio(1, one_in) {
                continue;
            }
            let (number, with_parts) = self.invocations.remove(&request).expect("an invocation");
            if one_in > 1 && self.random.random_ratio(1, 8) {
                self.send(json!([8, 68, request, {}, UNAVAILABLE])).await?;
                continue;
            }
            self.world.note_run(number);
            for part in (0..PARTS).filter(|_| with_parts) {
                self.send(json!([70, request, {"progress": true}, [part]])).await?;
            }
            self.send(json!([70, request, {}, [number + 1]])).await?;
        }
        Ok(())
    }

    /// Leaves, and is told that it may.
    pub(super) async fn leave(mut self) -> Held<()> {
        self.send(json!([6, {}, "wamp.close.close_realm"])).await?;
        self.is_leaving = true;
        while !self.has_left {
            self.receive().await?;
        }
        let more = timeout(Duration::from_secs(1), self.peer.receive()).await;
        assert!(!matches!(more, Ok(Some(_))), "{more:?} after GOODBYE");
        Ok(())
    }

    // ------------------------------------------------------------ what it judges

    /// Waits for the next message.
    pub(super) async fn receive(&mut self) -> Held<()> {
        let message = timeout(PATIENCE, self.peer.receive()).await.ok().flatten().ok_or(Lost)?;
        self.take(&message).await
    }

    /// Takes what comes for a while.
    pub(super) async fn listen(&mut self, time: Duration) -> Held<()> {
        let end = Instant::now() + time;
        while let Ok(message) = tokio::time::timeout_at(end, self.peer.receive()).await {
            self.take(&message.ok_or(Lost)?).await?;
        }
        // The server would have answered, or the line is broken.
        let is_late = |(_, since): &(Wanted, Instant)| since.elapsed() > PATIENCE;
        if self.wanted.values().any(is_late) { Err(Lost) } else { Ok(()) }
    }

    /// Takes a message, unless a fault is planted in it.
    async fn take(&mut self, message: &Value) -> Held<()> {
        match self.world.fault_in(message, self.session) {
            None => self.judge(message).await,
            Some(Fault::Lost) => Ok(()),
            Some(Fault::Repeated) => {
                self.judge(message).await?;
                self.judge(message).await
            }
        }
    }

    async fn judge(&mut self, message: &Value) -> Held<()> {
        let id = |at: usize| message[at].as_u64().unwrap_or_else(|| panic!("{message}"));
        assert!(!self.has_left, "{message} after GOODBYE");
        match id(0) {
            36 => self.take_event(id(1), &message[4]),
            50 => self.take_result(id(1), message[2]["progress"] == true, &message[3]),
            8 if message[1] == 68 => panic!("{message}"),
            8 => self.take_error(id(2), message[4].as_str().expect("a URI")),
            17 => assert!(matches!(self.settle(id(1)), Wanted::Published), "{message}"),
            33 => {
                let Wanted::Subscribed(topic) = self.settle(id(1)) else { panic!("{message}") };
                let new = || Heard { is_whole: topic.ends_with('.'), range: BTreeMap::new() };
                self.subscriptions.entry(id(2)).or_insert_with(new);
            }
            35 => assert!(matches!(self.settle(id(1)), Wanted::Unsubscribed), "{message}"),
            65 => {
                let Wanted::Registered(procedure) = self.settle(id(1)) else { panic!("{message}") };
                self.ended.remove(&id(2));
                self.registrations.insert(id(2), procedure);
            }
            67 => {
                let Wanted::Unregistered(registration) = self.settle(id(1)) else { panic!("{message}") };
                self.registrations.remove(&registration);
            }
            68 => self.take_invocation(id(1), id(2), &message[3], &message[4]),
            // It may have been answered meanwhile.
            69 => {
                assert!(id(1) <= self.last_invocation, "{message}");
                if self.invocations.remove(&id(1)).is_some() && !self.is_leaving {
                    self.send(json!([8, 68, id(1), {}, CANCELED])).await?;
                }
            }
            6 => {
                assert_eq!(message[2], "wamp.close.goodbye_and_out");
                self.has_left = true;
            }
            _ => panic!("{message}"),
        }
        Ok(())
    }

    /// Ends the wait for an answer: there is one for each request.
    fn settle(&mut self, request: u64) -> Wanted {
        self.wanted.remove(&request).unwrap_or_else(|| panic!("a second answer to {request}, or one to nothing")).0
    }

    fn take_event(&mut self, subscription: u64, event: &Value) {
        // Between UNSUBSCRIBE and UNSUBSCRIBED, events still come.
        let Some(heard) = self.subscriptions.get_mut(&subscription) else {
            assert!(self.wanted.values().any(|(wanted, _)| matches!(wanted, Wanted::Unsubscribed)), "{event}");
            return;
        };
        let [session, number] = [0, 1].map(|at| event[at].as_u64().expect("a number"));
        assert_ne!(session, self.session, "nobody hears itself");
        match heard.range.get_mut(&session) {
            Some((_, last)) => {
                let is_next = if heard.is_whole { number == *last + 1 } else { number > *last };
                assert!(is_next, "{number} of {session} after {last}: in order, without a gap, and once");
                *last = number;
            }
            None => drop(heard.range.insert(session, (number, number))),
        }
        self.world.count(|counts| counts.events += 1);
    }

    fn take_result(&mut self, request: u64, is_part: bool, result: &Value) {
        let Some((Wanted::Call { number, parts, procedure }, _)) = self.wanted.get_mut(&request) else {
            panic!("{result} for {request}, to which there is nothing more to say");
        };
        if is_part {
            let parts = parts.as_mut().expect("only who wants parts gets them");
            assert_eq!(result[0], json!(*parts), "parts in their order");
            *parts += 1;
            return;
        }
        assert!(parts.is_none_or(|parts| parts == PARTS), "no part is missing, and none comes later");
        assert_eq!(result[0], json!(*number + 1), "{procedure}");
        assert_eq!(self.world.runs_of(*number), u32::from(procedure != "add"), "{procedure} ran for this result, once");
        self.wanted.remove(&request);
    }

    fn take_error(&mut self, request: u64, error: &str) {
        match self.settle(request) {
            Wanted::Call { procedure, number, .. } => {
                let is_known = if procedure == "add" { error == CANCELED } else { FAILURES.contains(&error) };
                assert!(is_known, "{procedure}: {error}");
                assert!(self.world.runs_of(number) <= 1, "{procedure} ran twice");
                self.world.count(|counts| counts.failures += 1);
            }
            // Somebody has it, or it had it itself in a session that the router has not yet given up.
            Wanted::Registered(_) => assert_eq!(error, "wamp.error.procedure_already_exists"),
            _ => panic!("{error} for {request}"),
        }
    }

    fn take_invocation(&mut self, request: u64, registration: u64, details: &Value, arguments: &Value) {
        assert_eq!(request, self.last_invocation + 1, "invocations count up");
        self.last_invocation = request;
        assert!(self.registrations.contains_key(&registration), "an invocation of what is registered, {registration}");
        let number = arguments[0].as_u64().expect("a number");
        self.invocations.insert(request, (number, details["receive_progress"] == true));
    }

    // ------------------------------------------------------------ how it ends

    /// Waits until nothing is open.
    pub(super) async fn settle_all(&mut self) -> Held<()> {
        while self.is_waiting() {
            self.answer(1).await?;
            self.listen(Duration::from_millis(500)).await?;
        }
        Ok(())
    }

    /// Waits for all that the others publish in their last sessions.
    pub(super) async fn hear_the_last(&mut self) -> Held<()> {
        let others = self.world.last_sessions().into_iter().filter(|session| *session != self.session);
        for session in others.collect::<Vec<_>>() {
            while !self.has_heard(session, (0, LAST - 1)) {
                self.receive().await?;
            }
        }
        Ok(())
    }

    fn has_heard(&self, session: u64, range: (u64, u64)) -> bool {
        self.subscriptions.values().any(|heard| heard.is_whole && heard.range.get(&session) == Some(&range))
    }
}
