//! Lines that break, one at a time.

use std::time::Duration;

use serde_json::json;
use serverwamp::Limits;
use serverwamp_tests::{Peer, Serializer};
use tokio::time::{Instant, sleep};
use turmoil::{hold, partition, partition_oneway, release, repair};

use super::network::{Server, connect, join, network};
use super::{Ledger, app};

/// Pings are sent every 25 s and have to be answered within 10 s.
const NOTICED: Duration = Duration::from_secs(35);
/// More than a message takes.
const LATENCY: Duration = Duration::from_secs(1);

async fn assert_alive(peer: &mut Peer, request: u64) {
    peer.send(json!([48, request, {}, "add", [request, 1]])).await;
    assert_eq!(peer.receive().await, Some(json!([50, request, {}, [request + 1]])));
}

/// Runs a client against a server, in each serializer: a function of the server and its ledger.
fn simulate<F>(limits: Limits, client: impl Fn(Serializer, Server, Ledger) -> F)
where
    F: Future<Output = turmoil::Result> + 'static,
{
    for (seed, serializer) in (0..).zip(Serializer::ALL) {
        let mut network = network(seed);
        let ledger = Ledger::default();
        let (limits, injected) = (limits.clone(), ledger.clone());
        let server = Server::start(&mut network, move || app(&injected).limits(limits.clone()));
        network.client("client", client(serializer, server, ledger));
        network.run().unwrap_or_else(|error| panic!("{serializer}: {error}"));
    }
}

#[test]
fn a_half_open_line_is_noticed_and_its_place_is_free_again() {
    simulate(Limits { connections: 1, ..Limits::default() }, |serializer, server, ledger| async move {
        let mut lost = join(serializer).await;
        assert_alive(&mut lost, 1).await;
        // As long as the client answers pings, it may be silent.
        assert!(lost.is_silent_for(NOTICED * 4).await);
        let begun = Instant::now();
        partition("client", "server");
        while server.handle().statistics().connections > 0 {
            sleep(LATENCY).await;
        }
        assert!(begun.elapsed() <= NOTICED + LATENCY, "{:?}", begun.elapsed());
        assert_eq!(server.handle().statistics().limits.get("pong_timeout"), Some(&1));
        assert_eq!((server.handle().statistics().sessions, ledger.counts()), (0, (1, 1)));
        repair("client", "server");
        assert_alive(&mut join(serializer).await, 1).await;
        Ok(())
    });
}

#[test]
fn a_line_that_only_loses_what_the_client_sends_is_noticed_too() {
    simulate(Limits::default(), |serializer, server, ledger| async move {
        let mut lost = join(serializer).await;
        let begun = Instant::now();
        partition_oneway("client", "server");
        assert_eq!(lost.receive().await, None, "the server ends the connection");
        assert!(begun.elapsed() <= NOTICED + LATENCY, "{:?}", begun.elapsed());
        assert_eq!((server.handle().statistics().connections, ledger.counts()), (0, (1, 1)));
        Ok(())
    });
}

#[test]
fn a_peer_that_is_gone_before_its_handshake_leaves_nothing() {
    simulate(Limits::default(), |serializer, server, ledger| async move {
        let silent = connect(serializer).await?;
        partition("client", "server");
        sleep(LATENCY).await;
        assert_eq!(server.handle().statistics().connections, 1);
        // From the end of its handshake, a client has 5 s to say HELLO; the handshake itself may take as long.
        sleep(Duration::from_secs(13)).await;
        assert_eq!(server.handle().statistics().connections, 0);
        assert_eq!(ledger.counts(), (0, 0));
        drop(silent);
        Ok(())
    });
}

#[test]
fn what_a_line_holds_back_comes_later_and_in_order() {
    simulate(Limits::default(), |serializer, server, ledger| async move {
        let mut peer = join(serializer).await;
        peer.send(json!([32, 1, {"match": "prefix"}, "chat."])).await;
        assert_eq!(peer.receive().await.unwrap()[0], 33);
        for held in [3, 8] {
            hold("client", "server");
            for n in 0..20 {
                peer.send(json!([16, 2, {"exclude_me": false}, format!("chat.{n}"), [n]])).await;
            }
            assert!(peer.is_silent_for(Duration::from_secs(held)).await);
            release("client", "server");
            for n in 0..20 {
                let event = peer.receive().await.expect("an event");
                assert_eq!((&event[0], &event[4]), (&json!(36), &json!([n])));
            }
        }
        assert_eq!((server.handle().statistics().sessions, ledger.counts()), (1, (1, 0)));
        Ok(())
    });
}

#[test]
fn a_call_whose_caller_is_lost_is_canceled() {
    simulate(Limits::default(), |serializer, server, ledger| async move {
        let mut lost = join(serializer).await;
        lost.send(json!([48, 1, {}, "sleep", [100_000]])).await;
        assert_alive(&mut lost, 2).await;
        partition("client", "server");
        sleep(NOTICED + LATENCY).await;
        assert_eq!((server.handle().statistics().connections, ledger.counts()), (0, (1, 1)));
        // Nothing is left that a shutdown would have to wait for.
        server.handle().shutdown();
        sleep(LATENCY).await;
        assert!(server.has_ended());
        Ok(())
    });
}

#[test]
fn a_shutdown_does_not_wait_for_those_who_are_out_of_reach() {
    simulate(Limits::default(), |serializer, server, ledger| async move {
        let mut lost = join(serializer).await;
        lost.send(json!([48, 1, {}, "sleep", [100_000]])).await;
        assert_alive(&mut lost, 2).await;
        partition("client", "server");
        server.handle().shutdown();
        sleep(Duration::from_secs(9)).await;
        assert_eq!((server.has_ended(), ledger.counts()), (false, (1, 0)));
        // The call has had its 10 s; GOODBYE and the close have 2 s each.
        sleep(Duration::from_secs(5) + LATENCY).await;
        assert_eq!((server.has_ended(), ledger.counts()), (true, (1, 1)));
        Ok(())
    });
}
