//! A proxy for TCP that does to connections what networks do to them.
//!
//! Each connection has its [`Toxic`]s, those of either direction apart, which follow from a seed and the connection's number;
//! only when things happen is up to the machine. [`Proxy::calm`] ends all of them.

mod pipe;
mod toxic;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub use toxic::{Fault, Line, Toxic};

/// Connections to somewhere else, with faults. It ends when it is dropped.
pub struct Proxy {
    /// Where to connect.
    pub address: SocketAddr,
    calm: watch::Sender<bool>,
    met: Met,
    accepting: AbortHandle,
}

/// How often each fault has taken effect.
#[derive(Debug, Clone, Default)]
struct Met(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Met {
    fn note(&self, fault: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(fault).or_default() += 1;
    }
}

impl Proxy {
    /// Listens, and leads to `target`. `line` says what is done to a connection, which it draws from the numbers that it is
    /// given.
    pub async fn start(
        target: SocketAddr,
        seed: u64,
        line: impl Fn(&mut SmallRng) -> Line + Send + Sync + 'static,
    ) -> io::Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (calm, is_calm) = watch::channel(false);
        let met = Met::default();
        let noted = met.clone();
        let accepting = tokio::spawn(async move {
            let mut lines = JoinSet::new();
            for number in 0_u64.. {
                let Ok((client, _)) = listener.accept().await else { continue };
                let mut random = SmallRng::seed_from_u64(seed ^ (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                let line = line(&mut random);
                lines.spawn(run(client, target, line, random, is_calm.clone(), noted.clone()));
                while lines.try_join_next().is_some() {}
            }
        });
        Ok(Proxy { address, calm, met, accepting: accepting.abort_handle() })
    }

    /// Faults end: what is under way goes on at once, lines that are dead already are reset.
    pub fn calm(&self) {
        self.calm.send_replace(true);
    }

    /// How often each fault has taken effect.
    pub fn met(&self) -> BTreeMap<&'static str, usize> {
        self.met.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection, from its beginning to its end.
async fn run(
    mut client: TcpStream,
    target: SocketAddr,
    line: Line,
    random: SmallRng,
    calm: watch::Receiver<bool>,
    met: Met,
) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let mut to_server = random;
    let to_client = SmallRng::seed_from_u64(to_server.random());
    let outcome = {
        let (from_client, into_client) = client.split();
        let (from_server, into_server) = server.split();
        let up = pipe::Pipe::new(line.to_server, to_server, calm.clone(), met.clone());
        let down = pipe::Pipe::new(line.to_client, to_client, calm, met);
        tokio::try_join!(up.run(from_client, into_server), down.run(from_server, into_client))
    };
    if outcome.is_err() {
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}
