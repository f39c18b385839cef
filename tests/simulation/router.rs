//! A router among peers that do whatever peers do, over lines that break and heal: peers and router are restarted as well.
//!
//! `SERVERWAMP_SEEDS=1000` tries as many numbers instead of a few, `SERVERWAMP_SEED=7` that one only.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use serverwamp_tests::Serializer;
use tokio::time::{sleep, timeout};
use turmoil::Sim;

use super::member::{Lost, Member, PATIENCE};
use super::network::{Server, connect, join, network};
use super::weather::{change, mend, seeds};
use super::{Ledger, app};

/// Longer than the router takes to notice a broken line.
const NOTICED: Duration = Duration::from_secs(40);
pub(super) const MEMBERS: usize = 5;
/// Events of each member once the weather is calm.
pub(super) const LAST: u64 = 20;
/// The ids of annotated functions' registrations begin here.
const FUNCTIONS: u64 = 1 << 52;

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: usize,
    pub(super) failures: usize,
    pub(super) events: usize,
    lost_sessions: usize,
    restarts: usize,
}

/// What a router may do wrong, for members to notice.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Lost,
    Repeated,
}

/// What is to happen to a host.
enum Command {
    Crash(String),
    Bounce(String),
}

#[derive(Default)]
struct Common {
    is_calm: bool,
    commands: Vec<Command>,
    crashed: BTreeSet<String>,
    /// How many have come to the end of each stage.
    stages: [usize; 3],
    sessions: BTreeSet<u64>,
    last_sessions: BTreeSet<u64>,
    /// How often each call was run, by its number.
    runs: BTreeMap<u64, u32>,
    next_number: u64,
    starts: u64,
    counts: Counts,
    /// The code of a message that has the fault, in a last session.
    planted: Option<(u64, Fault)>,
}

/// What all know of each other.
#[derive(Clone, Default)]
pub(super) struct World(Rc<RefCell<Common>>);

impl World {
    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.borrow_mut().counts);
    }

    pub(super) fn fault_in(&self, message: &Value, session: u64) -> Option<Fault> {
        let mut common = self.0.borrow_mut();
        let is_here = |planted: &mut (u64, Fault)| message[0] == planted.0;
        if common.last_sessions.contains(&session) {
            common.planted.take_if(is_here).map(|(_, fault)| fault)
        } else {
            None
        }
    }

    pub(super) fn is_new_session(&self, session: u64) -> bool {
        self.0.borrow_mut().sessions.insert(session)
    }

    pub(super) fn last_sessions(&self) -> BTreeSet<u64> {
        self.0.borrow().last_sessions.clone()
    }

    pub(super) fn next_number(&self) -> u64 {
        let mut common = self.0.borrow_mut();
        common.next_number += 1;
        common.next_number
    }

    pub(super) fn note_run(&self, number: u64) {
        *self.0.borrow_mut().runs.entry(number).or_default() += 1;
    }

    pub(super) fn runs_of(&self, number: u64) -> u32 {
        self.0.borrow().runs.get(&number).copied().unwrap_or_default()
    }

    fn is_calm(&self) -> bool {
        self.0.borrow().is_calm
    }

    async fn all_have_come_to(&self, stage: usize) {
        while self.0.borrow().stages[stage] < MEMBERS {
            sleep(Duration::from_millis(500)).await;
        }
    }
}

#[test]
fn whatever_breaks_every_call_ends_once_and_no_event_is_missed() {
    let mut total = Counts::default();
    let seeds = seeds(4);
    for seed in &seeds {
        let counts = simulate(*seed, None);
        total.calls += counts.calls;
        total.failures += counts.failures;
        total.events += counts.events;
        total.lost_sessions += counts.lost_sessions;
        total.restarts += counts.restarts;
    }
    println!("{} seeds: {total:?}", seeds.len());
    let Counts { calls, failures, events, lost_sessions, restarts } = total;
    // Else the weather was too good, or too bad, to show anything.
    assert!(seeds.len() == 1 || calls > failures && [failures, events, lost_sessions, restarts].iter().all(|&n| n > 0));
}

/// Else the members would not judge.
#[test]
fn members_notice_what_a_router_does_wrong() {
    const PUBLISHED: u64 = 17;
    const EVENT: u64 = 36;
    const RESULT: u64 = 50;
    const INVOCATION: u64 = 68;
    for code in [PUBLISHED, EVENT, RESULT, INVOCATION] {
        for fault in [Fault::Lost, Fault::Repeated] {
            let simulation = std::panic::catch_unwind(|| simulate(0, Some((code, fault))));
            assert!(simulation.is_err(), "{fault:?}: message {code}");
        }
    }
}

fn name(member: usize) -> String {
    format!("member-{member}")
}

fn simulate(seed: u64, planted: Option<(u64, Fault)>) -> Counts {
    let mut network = network(seed);
    let world = World::default();
    world.0.borrow_mut().planted = planted;
    let ledger = Ledger::default();
    let injected = ledger.clone();
    let server = Server::start(&mut network, move || {
        // Nobody has left a server that is no more.
        injected.clear();
        app(&injected).router()
    });
    for member in 0..MEMBERS {
        let world = world.clone();
        network.host(name(member), move || live(member, seed, world.clone()));
    }
    network.client("weather", weather(seed, server, ledger, world.clone()));
    loop {
        match network.step() {
            Ok(true) => break,
            Ok(false) => obey(&mut network, &world),
            Err(error) => panic!("SERVERWAMP_SEED={seed}: {error}"),
        }
    }
    drop(network);
    world.0.take().counts
}

fn obey(network: &mut Sim, world: &World) {
    let commands = std::mem::take(&mut world.0.borrow_mut().commands);
    for command in commands {
        match command {
            Command::Crash(host) => network.crash(host),
            Command::Bounce(host) => network.bounce(host),
        }
    }
}

/// Breaks and heals lines, ends and restarts hosts, then looks whether anything is left of what was there.
async fn weather(seed: u64, server: Server, ledger: Ledger, world: World) -> turmoil::Result {
    let mut random = SmallRng::seed_from_u64(seed);
    for _ in 0..60 {
        sleep(Duration::from_millis(random.random_range(100..5000))).await;
        let host = name(random.random_range(0..MEMBERS));
        match random.random_range(0..12) {
            // A line heals sooner or later, else nothing would come of anything.
            0..4 => mend(&host),
            4..9 => change(&host, &mut random),
            9..11 => {
                let mut common = world.0.borrow_mut();
                let is_up = common.crashed.insert(host.clone());
                if !is_up {
                    common.crashed.remove(&host);
                }
                common.commands.push(if is_up { Command::Crash(host) } else { Command::Bounce(host) });
            }
            _ => {
                let mut common = world.0.borrow_mut();
                common.commands.push(Command::Bounce("server".to_owned()));
                common.counts.restarts += 1;
            }
        }
    }
    (0..MEMBERS).for_each(|member| mend(&name(member)));
    sleep(Duration::from_secs(1)).await;
    {
        let mut common = world.0.borrow_mut();
        let crashed = std::mem::take(&mut common.crashed);
        common.commands.extend(crashed.into_iter().map(Command::Bounce));
        common.is_calm = true;
    }
    world.all_have_come_to(2).await;
    // Who lost its line without a word is noticed by its missing pong.
    sleep(PATIENCE).await;
    assert_nothing_is_left(&server).await;
    let (joined, left) = ledger.counts();
    assert_eq!(joined, left, "on_leave has run for each session");
    server.handle().shutdown();
    sleep(Duration::from_secs(1)).await;
    assert!(server.has_ended());
    Ok(())
}

async fn assert_nothing_is_left(server: &Server) {
    let mut peer = join(Serializer::Json).await;
    for (request, list) in [(1, "wamp.registration.list"), (2, "wamp.subscription.list")] {
        peer.send(json!([48, request, {}, list])).await;
        let result = peer.receive().await.expect("a list");
        for ids in result[4].as_object().or(result[3][0].as_object()).expect("lists of ids").values() {
            let ids = ids.as_array().expect("a list");
            assert!(ids.iter().all(|id| id.as_u64() >= Some(FUNCTIONS)), "{list}: {result}");
        }
    }
    peer.send(json!([6, {}, "wamp.close.close_realm"])).await;
    assert_eq!(peer.receive().await, Some(json!([6, {}, "wamp.close.goodbye_and_out"])));
    drop(peer);
    sleep(Duration::from_secs(5)).await;
    let statistics = server.handle().statistics();
    assert_eq!((statistics.connections, statistics.sessions), (0, 0), "{statistics:?}");
}

/// Comes back whenever its line breaks, or it was restarted. Once the weather is calm, all is as it should be.
async fn live(number: usize, seed: u64, world: World) -> turmoil::Result {
    let start = {
        let mut common = world.0.borrow_mut();
        common.starts += 1;
        common.starts
    };
    let mut random = SmallRng::seed_from_u64(seed ^ (number as u64 + 1) << 32 ^ start << 48);
    loop {
        let is_last = world.is_calm();
        let serializer = Serializer::ALL[random.random_range(0..Serializer::ALL.len())];
        let session_random = SmallRng::seed_from_u64(random.random());
        let member = match timeout(PATIENCE, connect(serializer)).await {
            Ok(Ok(peer)) => Member::enter(peer, number, &world, session_random).await,
            _ => Err(Lost),
        };
        let end = match member {
            Ok(member) if is_last => prove(member).await,
            Ok(member) => stay(member).await,
            Err(Lost) => Err(Lost),
        };
        if is_last {
            assert!(end.is_ok(), "{serializer}: no line breaks any more");
            return Ok(());
        }
        world.count(|counts| counts.lost_sessions += usize::from(end.is_err()));
        sleep(Duration::from_secs(1)).await;
    }
}

/// Does whatever members do, until the line breaks or it wants to leave.
async fn stay(mut member: Member<'_>) -> Result<(), Lost> {
    member.subscribe("news.").await?;
    member.register("work".to_owned()).await?;
    member.register(member.own()).await?;
    for _ in 0..member.random.random_range(1..120) {
        if member.world.is_calm() {
            break;
        }
        let pause = Duration::from_millis(member.random.random_range(0..800));
        member.listen(pause).await?;
        member.act().await?;
    }
    match member.random.random_range(0..3) {
        // Its line ends in the middle of everything.
        0 => return Ok(()),
        1 => member.settle_all().await?,
        _ => {}
    }
    member.leave().await
}

/// Everything is possible, and nothing is lost.
async fn prove(mut member: Member<'_>) -> Result<(), Lost> {
    let world = member.world.clone();
    member.subscribe("news.").await?;
    let own = member.own();
    // The router may not have given up yet who had it before.
    while !member.is_registered(&own) {
        member.register(own.clone()).await?;
        member.settle_all().await?;
        member.listen(Duration::from_secs(1)).await?;
    }
    member.register("work".to_owned()).await?;
    member.settle_all().await?;
    world.0.borrow_mut().last_sessions.insert(member.session);
    // Those who were callees before are given up by then.
    member.listen(NOTICED).await?;
    meet(&mut member, 0).await?;
    let failures = world.0.borrow().counts.failures;
    for other in 0..MEMBERS {
        for procedure in ["add".to_owned(), "work".to_owned(), format!("own.{other}")] {
            member.call(procedure, json!({})).await?;
        }
    }
    for _ in 0..LAST {
        member.publish().await?;
    }
    member.hear_the_last().await?;
    member.settle_all().await?;
    meet(&mut member, 1).await?;
    assert_eq!(world.0.borrow().counts.failures, failures, "every call has a result");
    member.leave().await?;
    world.0.borrow_mut().stages[2] += 1;
    Ok(())
}

/// Waits until all are as far, and answers calls meanwhile.
async fn meet(member: &mut Member<'_>, stage: usize) -> Result<(), Lost> {
    member.world.0.borrow_mut().stages[stage] += 1;
    while member.world.0.borrow().stages[stage] < MEMBERS {
        member.answer(1).await?;
        member.listen(Duration::from_millis(200)).await?;
    }
    Ok(())
}
