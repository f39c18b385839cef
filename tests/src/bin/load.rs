//! What tests of histories run as processes of their own, to stop and to kill them. It prints what happens to it.
//!
//! `load serve ADDRESS WITNESS` serves the functions, `load route ADDRESS` is a router; both print the addresses of their
//! ports and `listening` before all else. `load visit ADDRESS NUMBER` is a crowd of clients.
#![allow(clippy::expect_used, clippy::panic)]

use std::env;

use serverwamp::App;
use serverwamp_tests::history::Recorder;
use serverwamp_tests::load::{self, Load, Manner, tcp};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> serverwamp::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let recorder = Recorder::printing();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address, witness] => {
            let witness = recorder.witness(witness);
            listen(App::new().routes(load::routes()).inject(witness).open_topics("load.").bind(address)).await
        }
        ["route", address] => listen(App::new().router().bind(address)).await,
        ["visit", address, number] => {
            let (address, number) = (address.parse().expect("an address"), number.parse().expect("a number"));
            visit(recorder, address, number).await;
            Ok(())
        }
        _ => panic!("usage: load serve ADDRESS WITNESS | load route ADDRESS | load visit ADDRESS NUMBER"),
    }
}

async fn listen(app: App) -> serverwamp::Result<()> {
    let app = app.limits(load::limits());
    let handle = app.handle();
    tokio::spawn(async move {
        for address in handle.addresses().await {
            println!("{address}");
        }
        println!("listening");
    });
    app.await
}

/// Until it is killed.
async fn visit(recorder: Recorder, address: std::net::SocketAddr, number: u64) {
    let load = Load::new(recorder, number, 0);
    let mut clients = JoinSet::new();
    for client in 0..3_usize {
        let serializer = load::serializer(number, client);
        let (peer, seed) = (format!("peer-{client}"), number + client as u64);
        clients.spawn(load::visit(load.clone(), peer, Manner::Orderly, serializer, seed, tcp(address)));
        let client = format!("client-{client}");
        clients.spawn(load::reconnecting(load.clone(), client, serializer, seed, tcp(address)));
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no panic");
    }
}
