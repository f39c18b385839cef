//! A server, its clients, and the lines between them.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use serverwamp::{Action, App, Decision, Session, Uri};
use serverwamp_tests::history::{History, Recorder};
use serverwamp_tests::load::{self, Callee, Dial, Load, Manner, tcp, within};
use serverwamp_tests::proxy::{Fault, Proxy};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Clients that are nothing but their messages, and clients of this crate.
pub(super) const PEERS: usize = 5;
pub(super) const CLIENTS: usize = 2;
/// Calls and publications of a history.
const OPERATIONS: u64 = 800;

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The program itself.
    Served,
    /// Callee of a router.
    Routed,
}

impl Place {
    /// One or the other.
    pub(super) fn of(seed: u64) -> Place {
        if seed.is_multiple_of(2) { Place::Served } else { Place::Routed }
    }

    fn app(self, recorder: &Recorder) -> App {
        let app = App::new().bind("127.0.0.1:0").limits(load::limits());
        match self {
            Place::Served => app.routes(load::routes()).inject(recorder.witness("server")).open_topics("load."),
            Place::Routed => app.router(),
        }
    }
}

/// Runs clients over lines that break in such a way, if at all.
pub(super) async fn run(seed: u64, fault: Option<Fault>) -> (History, BTreeMap<&'static str, usize>) {
    let (recorder, place) = (Recorder::default(), Place::of(seed));
    let app = place.app(&recorder);
    // What is asked waits for a while, though not in the order in which it is asked.
    let app = if seed & 2 == 0 { app } else { app.authorizer(hesitate) };
    let handle = app.handle();
    let server = tokio::spawn(app.serve());
    let address = handle.addresses().await[0];
    let proxy = match fault {
        Some(fault) => Some(Proxy::start(address, seed, move |random| fault.line(random)).await.expect("a port")),
        None => None,
    };
    let direct = tcp(address);
    let dial = proxy.as_ref().map_or_else(|| direct.clone(), |proxy| tcp(proxy.address));
    let callees = match place {
        Place::Served => Vec::new(),
        // One that stays where it is, and one whose line breaks.
        Place::Routed => {
            vec![Callee::join(&recorder, seed, 0, &direct).await, Callee::join(&recorder, seed, 1, &dial).await]
        }
    };
    let load = Load::new(recorder.clone(), 1, PEERS + CLIENTS);
    let mut clients = JoinSet::new();
    populate(&load, seed, &mut clients, |client| if client == 0 { direct.clone() } else { dial.clone() });
    load.reach(OPERATIONS).await;
    if let Some(proxy) = &proxy {
        proxy.calm();
    }
    load.end(direct).await;
    finish(clients).await;
    for callee in callees {
        callee.leave().await;
    }
    handle.shutdown();
    within(server).await.expect("no panic").expect("a clean end");
    (recorder.history(), proxy.map(|proxy| proxy.met()).unwrap_or_default())
}

async fn hesitate(_: Session, _: Uri, _: Action) -> Decision {
    let time = rand::rng().random_range(0..4000_u64);
    if time > 1000 {
        sleep(Duration::from_micros(time)).await;
    }
    Decision::allow()
}

/// Lets clients join, each over lines of its own kind.
pub(super) fn populate(
    load: &std::sync::Arc<Load>,
    seed: u64,
    clients: &mut JoinSet<()>,
    dial: impl Fn(usize) -> Dial,
) {
    for client in 0..PEERS {
        let serializer = load::serializer(seed, client);
        let own = seed.wrapping_mul(1000) + client as u64;
        clients.spawn(load::visit(
            load.clone(),
            format!("peer-{client}"),
            Manner::Orderly,
            serializer,
            own,
            dial(client),
        ));
    }
    for client in 0..CLIENTS {
        let serializer = load::serializer(seed, PEERS + client);
        let own = seed.wrapping_mul(1000) + (PEERS + client) as u64;
        clients.spawn(load::reconnecting(
            load.clone(),
            format!("client-{client}"),
            serializer,
            own,
            dial(PEERS + client),
        ));
    }
}

/// Waits until all have left.
pub(super) async fn finish(mut clients: JoinSet<()>) {
    while let Some(client) = within(clients.join_next()).await {
        client.expect("no panic");
    }
}
