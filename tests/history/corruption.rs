//! Lines that change octets.
//!
//! WAMP has no checksums: without TLS, an octet that is another within a string is another string, which nobody notices. What
//! can be promised is that nobody is harmed by it: no panic, no session but the one concerned; and whoever adds checksums
//! sees what was changed.

use std::sync::Arc;

use serverwamp::App;
use serverwamp_tests::Serializer;
use serverwamp_tests::history::{Event, Recorder};
use serverwamp_tests::load::{self, Load, Manner, tcp, within};
use serverwamp_tests::proxy::{Fault, Proxy};
use tokio::task::JoinSet;

use super::world::{CLIENTS, PEERS, finish, populate};
use super::{Total, seeds};

/// Calls and publications of all, of those that are changed on their way too.
const OPERATIONS: u64 = 2000;

/// Runs some clients over such lines, which are known by their names, and others over good ones, for whom every promise holds.
async fn check_corruption(name: &str, fault: Fault) {
    let mut total = Total::default();
    for seed in seeds(2) {
        let recorder = Recorder::default();
        let app = App::new().routes(load::routes()).inject(recorder.witness("server")).open_topics("load.");
        let app = app.bind("127.0.0.1:0").limits(load::limits());
        let handle = app.handle();
        let server = tokio::spawn(app.serve());
        let address = handle.addresses().await[0];
        let proxy = Proxy::start(address, seed, move |random| fault.line(random)).await.expect("a port");
        let load = Load::new(recorder.clone(), 1, PEERS + CLIENTS);
        load.expect_garbling();
        let mut clients = JoinSet::new();
        populate(&load, seed, &mut clients, |_| tcp(address));
        for (number, serializer) in (0..).zip(Serializer::ALL) {
            let (load, rough, dial) = (Arc::clone(&load), format!("rough-{number}"), tcp(proxy.address));
            if fault == Fault::CorruptionToServer {
                clients.spawn(load::visit(load, rough, Manner::Rough, serializer, seed, dial));
            } else {
                clients.spawn(load::rough(load, rough, serializer, seed, dial));
            }
        }
        load.reach(OPERATIONS).await;
        load.end(tcp(address)).await;
        finish(clients).await;
        handle.shutdown();
        within(server).await.expect("no panic").expect("a clean end");
        let history = recorder.history();
        let is_rough = |witness: &str| witness.starts_with("1-rough");
        let seen = history.records.iter().filter(|record| record.event == Event::Garbled).count();
        total.add(&format!("{name}-{seed}"), &history.without(is_rough), proxy.met());
        total.report.garbled += seen;
    }
    total.print(name);
    assert!(total.faults["corruption"] > 0 && total.report.garbled > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_send_is_changed_and_others_do_not_suffer() {
    check_corruption("to-server", Fault::CorruptionToServer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_to_clients_is_changed_and_others_do_not_suffer() {
    check_corruption("to-client", Fault::CorruptionToClient).await;
}
