//! A simulated network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serverwamp::{App, AppHandle, Listener};
use serverwamp_tests::{Peer, Serializer};
use turmoil::net::{TcpListener, TcpStream};
use turmoil::{Builder, Sim};

const PORT: u16 = 8080;

struct Port(TcpListener);

impl Listener for Port {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        self.0.accept().await.map(|(stream, address)| (stream, Some(address)))
    }
}

/// A network in which everything follows from a number.
pub(super) fn network(seed: u64) -> Sim<'static> {
    let mut builder = Builder::new();
    // Signals, which the server listens for, come by the system's own means.
    builder.enable_tokio_io().enable_random_order().rng_seed(seed);
    builder.simulation_duration(Duration::from_secs(3600)).tick_duration(Duration::from_millis(50));
    builder.min_message_latency(Duration::from_millis(1)).max_message_latency(Duration::from_millis(50));
    builder.tcp_capacity(256);
    builder.build()
}

/// A server on a host of its own, called `server`.
#[derive(Clone, Default)]
pub(super) struct Server(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    handle: Option<AppHandle>,
    has_ended: bool,
}

impl Server {
    pub(super) fn start(network: &mut Sim, app: impl Fn() -> App + 'static) -> Server {
        let server = Server::default();
        let started = server.clone();
        network.host("server", move || {
            let (app, started) = (app(), started.clone());
            async move {
                let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
                let app = app.listen_on(Port(TcpListener::bind((any, PORT)).await?));
                started.0.lock().unwrap().handle = Some(app.handle());
                app.serve().await?;
                started.0.lock().unwrap().has_ended = true;
                Ok(())
            }
        });
        server
    }

    pub(super) fn handle(&self) -> AppHandle {
        self.0.lock().unwrap().handle.clone().expect("the server has started")
    }

    /// Whether it has been told to stop, and has.
    pub(super) fn has_ended(&self) -> bool {
        self.0.lock().unwrap().has_ended
    }
}

/// A line to the server.
pub(super) async fn dial() -> io::Result<TcpStream> {
    TcpStream::connect(("server", PORT)).await
}

/// Connects without a word.
pub(super) async fn connect(serializer: Serializer) -> io::Result<Peer> {
    Ok(Peer::over(dial().await?, serializer))
}

/// Connects and joins `realm1`.
pub(super) async fn join(serializer: Serializer) -> Peer {
    let mut peer = connect(serializer).await.expect("the server listens");
    peer.enter().await;
    peer
}
