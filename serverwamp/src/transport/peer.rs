//! The other end of a connection.

use std::net::SocketAddr;

use super::ByteStream;
use crate::handler::{PeerCredentials, TransportInfo};

/// The other end of a connection, as the operating system or the program that accepted it knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) credentials: Option<PeerCredentials>,
    /// Whether no network is on the way: it is a unix socket, or in memory.
    pub(crate) is_local: bool,
    /// Whether the program that accepted it says that it speaks TLS.
    pub(crate) is_secure: bool,
}

impl Peer {
    /// The other end of a unix socket.
    #[cfg(unix)]
    pub(crate) fn of_unix(stream: &tokio::net::UnixStream) -> Peer {
        let credentials = stream.peer_cred().ok().map(|peer| PeerCredentials::new(peer.uid(), peer.gid(), peer.pid()));
        Peer { credentials, is_local: true, ..Peer::default() }
    }

    /// What handlers may know of a connection before its transport is known.
    pub(crate) fn info(self, stream: &impl ByteStream) -> TransportInfo {
        TransportInfo {
            peer: self.address,
            credentials: self.credentials,
            is_local: self.is_local,
            is_secure: self.is_secure.then_some(true),
            tls: stream.tls_info(),
            ..TransportInfo::default()
        }
    }
}
