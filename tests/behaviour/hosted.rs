//! Functions on somebody else's router.

mod calls;
mod events;
mod options;
mod registries;
mod startup;
mod stop;

use std::future::IntoFuture;

use serde_json::{Value, json};
use serverwamp::{Client, Component, Error};
use serverwamp_tests::{Router, RouterPeer};
use tokio::task::JoinHandle;

/// A component at work, and its router's end.
struct Hosted {
    router: Router,
    peer: RouterPeer,
    client: Client,
    running: JoinHandle<Result<(), Error>>,
}

impl Hosted {
    /// Starts a component, and welcomes it.
    async fn start(mut router: Router, component: Component) -> Hosted {
        let client = component.client();
        let running = tokio::spawn(component.into_future());
        let peer = router.welcome().await;
        Hosted { router, peer, client, running }
    }

    /// Answers so many REGISTERs and SUBSCRIBEs with the ids that follow 100. Returns what was wanted.
    async fn grant(&mut self, count: u64) -> Vec<Value> {
        grant(&mut self.peer, count).await
    }
}

async fn grant(peer: &mut RouterPeer, count: u64) -> Vec<Value> {
    let mut wanted = Vec::new();
    for id in 101..101 + count {
        let request = peer.receive().await.expect("a request");
        let answer = match request[0].as_u64() {
            Some(64) => 65,
            Some(32) => 33,
            other => panic!("{other:?}: {request}"),
        };
        peer.send(json!([answer, request[1], id])).await;
        wanted.push(json!([request[0], request[2], request[3]]));
    }
    wanted
}
