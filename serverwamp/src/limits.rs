//! Everything that bounds what a peer can make the server hold or wait for.

use std::time::Duration;

/// The limits of a server, each with what it costs at worst.
///
/// ```
/// use serverwamp::Limits;
/// let limits = Limits { calls_in_flight: 64, ..Limits::default() };
/// # let _ = limits;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one message from a peer. Default 1 MiB. Costs up to twice that per connection while the message
    /// is read. Past it the WebSocket is closed with 1009; a RawSocket without a word. The handshake of RawSocket
    /// promises the largest of all realms, as far as a power of two from 512 octets to 16 MiB can say it: what is between
    /// two of them counts as the lower one. Its pings are bounded as messages are.
    pub message_size: usize,
    /// Octets of one message from a peer that has not been welcomed yet. Default 64 KiB.
    pub message_size_before_welcome: usize,
    /// How deep lists and dictionaries of one message may nest. Default 64. Costs stack only.
    pub depth: usize,
    /// Values and keys of one message. Default 100,000. Costs what the handlers make of them, typically 32 octets each.
    pub nodes: usize,
    /// Octets of an HTTP request's head. Default 16 KiB, held until the head is complete. Past it: 431.
    pub header_size: usize,
    /// Header fields of an HTTP request. Default 64. Past it: 431.
    pub header_count: usize,
    /// From accepting a connection to the end of the WebSocket upgrade or the RawSocket handshake, with that of TLS. Default
    /// 5 s. Past it the connection is dropped.
    pub upgrade_timeout: Duration,
    /// From the upgrade (or a GOODBYE) to HELLO. Default 5 s. Past it: ABORT.
    pub hello_timeout: Duration,
    /// From the upgrade (or a GOODBYE) to WELCOME, with logging in and what `on_join` functions take. Default 15 s. Past it: ABORT.
    pub welcome_timeout: Duration,
    /// How often a client may fail to log in as one user of a realm before it is refused whatever it sends. Default 10, within
    /// one to two minutes. Realms that are not configured count as one, and so do authids that differ in case or white space.
    /// Ten times as many are allowed from one address (of IPv6: the first 64 bits) for all users
    /// together, unless it is this machine's own, and a hundred times as many for one user from all addresses: to lock
    /// somebody out takes a hundred addresses, and behind a proxy, whose address all clients share, ten failures.
    /// Costs 4 MiB for all clients together. Past it: ABORT `wamp.error.authentication_denied`.
    pub authentication_attempts: usize,
    /// How often a ping is sent. Default 25 s; zero for no pings, as Autobahn|Python needs it over RawSocket: it takes a
    /// ping for an error and closes.
    pub ping_interval: Duration,
    /// How long a peer may take to answer a ping with anything at all. Default 10 s. Past it the connection is dropped.
    pub pong_timeout: Duration,
    /// Octets that wait to be sent to one peer. Default 4 MiB, held in memory for a peer that does not read.
    /// Past it the connection is cut. A result or an event larger than a quarter of it is not sent at all: the caller or
    /// publisher gets `wamp.error.payload_size_exceeded`. So does a caller whose result is larger than what its RawSocket
    /// takes ([`TransportInfo::peer_message_size`](crate::TransportInfo)); an event that is ends the subscriber's session.
    pub outbound_bytes: usize,
    /// How long octets may wait without the peer taking a single one. Default 10 s. Past it the connection is cut.
    pub write_stall: Duration,
    /// Connections at one time. Default: the limit of open files less 128, at most 65,536. Costs about 12 KiB each, with
    /// TLS 8 KiB more. Past it: 503, or error 4 for a RawSocket; 64 of these are told at one time, others, and those with
    /// TLS, are dropped.
    pub connections: usize,
    /// Calls of one session that run, or wait for an authorizer, at one time; as many event functions that it set off, and as
    /// many of its other requests that wait for an authorizer or a subscribe function, and as many functions that run for the
    /// ends of its subscriptions and of earlier sessions on its connection. Default 1,024. Costs what the handlers hold.
    /// Past it: ERROR `serverwamp.error.limit_exceeded`.
    pub calls_in_flight: usize,
    /// Topics that one session is subscribed to at one time. Default 1,024. Costs about 500 octets each; a wildcard
    /// pattern about 400 octets more, and 16 to 48 octets for each of its components (there are at most 128) that no other
    /// pattern shares. A wildcard pattern that agrees with the topic of a publication almost to the end costs it up to 1 µs.
    /// Past it: ERROR `serverwamp.error.limit_exceeded`.
    pub subscriptions: usize,
    /// How long an authorizer may take to decide about one request. Default 5 s. Past it: ERROR
    /// `wamp.error.authorization_failed`.
    pub authorization_timeout: Duration,
    /// Decisions of an authorizer that are kept with one session. Default 1,024. Costs about 100 octets each, and those of
    /// the URI. Past it all are forgotten, and the authorizer is asked anew.
    pub cached_decisions: usize,
    /// How long running calls may go on when the server shuts down. Default 10 s. Past it: ERROR `wamp.error.canceled`.
    pub drain: Duration,
    /// Whether request ids must count up without gaps, as the specification has it. Default false: old clients skip some.
    pub strict_request_ids: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            message_size: 1024 * 1024,
            message_size_before_welcome: 64 * 1024,
            depth: 64,
            nodes: 100_000,
            header_size: 16 * 1024,
            header_count: 64,
            upgrade_timeout: Duration::from_secs(5),
            hello_timeout: Duration::from_secs(5),
            welcome_timeout: Duration::from_secs(15),
            authentication_attempts: 10,
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            outbound_bytes: 4 * 1024 * 1024,
            write_stall: Duration::from_secs(10),
            connections: connections(),
            calls_in_flight: 1024,
            subscriptions: 1024,
            authorization_timeout: Duration::from_secs(5),
            cached_decisions: 1024,
            drain: Duration::from_secs(10),
            strict_request_ids: false,
        }
    }
}

impl Limits {
    /// These limits for sessions of one realm, with the server's where they apply before a realm is known, or to all.
    pub(crate) fn within(&self, server: &Limits) -> Limits {
        Limits {
            message_size_before_welcome: server.message_size_before_welcome,
            header_size: server.header_size,
            header_count: server.header_count,
            upgrade_timeout: server.upgrade_timeout,
            hello_timeout: server.hello_timeout,
            welcome_timeout: server.welcome_timeout,
            authentication_attempts: server.authentication_attempts,
            connections: server.connections,
            drain: server.drain,
            ..self.clone()
        }
    }
}

/// As many as there are file descriptors for, with some left for the program itself.
fn connections() -> usize {
    const MOST: usize = 65_536;
    const RESERVED: usize = 128;
    #[cfg(unix)]
    let open_files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let open_files: Option<u64> = None;
    open_files.map_or(MOST, |limit| usize::try_from(limit).unwrap_or(MOST).saturating_sub(RESERVED).clamp(1, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits of which each differs from those with another number.
    fn numbered(number: usize) -> Limits {
        let duration = Duration::from_secs(number as u64);
        Limits {
            message_size: number,
            message_size_before_welcome: number,
            depth: number,
            nodes: number,
            header_size: number,
            header_count: number,
            upgrade_timeout: duration,
            hello_timeout: duration,
            welcome_timeout: duration,
            authentication_attempts: number,
            ping_interval: duration,
            pong_timeout: duration,
            outbound_bytes: number,
            write_stall: duration,
            connections: number,
            calls_in_flight: number,
            subscriptions: number,
            authorization_timeout: duration,
            cached_decisions: number,
            drain: duration,
            strict_request_ids: number > 1,
        }
    }

    #[test]
    fn a_realm_has_its_own_limits_but_for_those_of_the_server() {
        let (realm, server) = (numbered(1), numbered(2));
        // Every limit is here, so that a new one has to be considered.
        let expected = Limits {
            message_size: realm.message_size,
            message_size_before_welcome: server.message_size_before_welcome,
            depth: realm.depth,
            nodes: realm.nodes,
            header_size: server.header_size,
            header_count: server.header_count,
            upgrade_timeout: server.upgrade_timeout,
            hello_timeout: server.hello_timeout,
            welcome_timeout: server.welcome_timeout,
            authentication_attempts: server.authentication_attempts,
            ping_interval: realm.ping_interval,
            pong_timeout: realm.pong_timeout,
            outbound_bytes: realm.outbound_bytes,
            write_stall: realm.write_stall,
            connections: server.connections,
            calls_in_flight: realm.calls_in_flight,
            subscriptions: realm.subscriptions,
            authorization_timeout: realm.authorization_timeout,
            cached_decisions: realm.cached_decisions,
            drain: server.drain,
            strict_request_ids: realm.strict_request_ids,
        };
        assert_eq!(realm.within(&server), expected);
    }
}
