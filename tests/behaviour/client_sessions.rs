//! `Client` and its sessions, most of them with a router that does as its script says.

mod codecs;
mod functions;
mod order;
mod reconnection;
mod requests;
mod rogues;

use std::future::IntoFuture;

use serverwamp::Client;
use serverwamp::client::Connect;
use serverwamp_tests::{Router, RouterPeer, Serializer};

/// A client that has joined, and its router's end.
async fn joined(router: &mut Router, connect: Connect) -> (Client, RouterPeer) {
    let (client, peer) = tokio::join!(connect.into_future(), router.welcome());
    (client.unwrap(), peer)
}

async fn client(serializer: Serializer) -> (Client, RouterPeer, Router) {
    let mut router = Router::new(serializer);
    let connect = router.connect();
    let (client, peer) = joined(&mut router, connect).await;
    (client, peer, router)
}
