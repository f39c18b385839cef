//! Everything that bounds what a peer can make the server hold or wait for.

mod setting;
#[cfg(feature = "config")]
mod toml;

use std::time::Duration;

#[cfg(feature = "config")]
pub(crate) use setting::{duration, octets};

/// The limits of a server, each with what it costs at worst.
///
/// ```
/// use serverwamp::Limits;
/// let limits = Limits { calls_in_flight: 64, ..Limits::default() };
/// # let _ = limits;
/// ```
///
/// # In a configuration
///
/// They implement [`serde::Deserialize`]: a table in which each may be left out, and nothing else may be. Durations are
/// texts as in the attributes of functions (`"250ms"`, `"5s"`, `"1.5h"`), sizes are numbers of octets or texts (`65536`,
/// `"64 KiB"`, `"1 MiB"`). With the feature `config`, `Limits::from_toml` reads such a table by itself.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     #[serde(default)]
///     limits: serverwamp::Limits,
/// }
///
/// let text = r#"{"limits": {"message_size": "4 MiB", "hello_timeout": "2.5s", "calls_in_flight": 64}}"#;
/// let settings: Settings = serde_json::from_str(text).unwrap();
/// assert_eq!(settings.limits.message_size, 4 * 1024 * 1024);
/// ```
///
/// # How often they are met
///
/// [`Statistics::limits`](crate::Statistics::limits) counts by the names of these fields, and so does the metric
/// `wamp_limit_reached_total`. Three more are counted that are not set here: `uri_length`, 255 octets for every URI by
/// the protocol (past it: ERROR `wamp.error.invalid_uri`), `origin`, pages that [`App::allow_origin`](crate::App::allow_origin)
/// does not name (past it: 403), and `accept`, what the operating system does not have (accepting pauses).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one message from a peer. Default 1 MiB. Costs up to twice that per connection while the message
    /// is read. Past it the WebSocket is closed with 1009; a RawSocket without a word. The handshake of RawSocket
    /// promises the largest of all realms, as far as a power of two from 512 octets to 16 MiB can say it: what is between
    /// two of them counts as the lower one. Its pings are bounded as messages are.
    pub message_size: usize,
    /// Octets of one message from a peer that has not been welcomed yet. Default 64 KiB. Costs up to twice that per
    /// connection while HELLO is read. Past it: as for `message_size`.
    pub message_size_before_welcome: usize,
    /// How deep lists and dictionaries of one message may nest. Default 64; more than 128 counts as 128,
    /// for which 2 MiB of stack are enough, as a runtime's threads have, in a debug build too. Costs stack only. Past it: ERROR
    /// `wamp.error.invalid_argument` where it can be told which request that is, else ABORT.
    pub depth: usize,
    /// Values and keys of one message. Default 100,000. Costs what the handlers make of them, typically 32 octets each.
    /// Past it: as for `depth`.
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
    /// somebody out takes a hundred addresses, and behind a proxy, whose address all clients share unless it is one of
    /// [`App::trusted_proxies`](crate::App::trusted_proxies), ten failures.
    /// Costs 4 MiB for all clients together. Past it: ABORT `wamp.error.authentication_denied`.
    pub authentication_attempts: usize,
    /// How often a ping is sent. Default 25 s; zero for no pings, as Autobahn|Python needs it over RawSocket: it takes a
    /// ping for an error and closes.
    pub ping_interval: Duration,
    /// How long a peer may take to answer a ping with anything at all. Default 10 s. Past it the connection is dropped.
    pub pong_timeout: Duration,
    /// Octets that wait to be sent to one peer. Default 4 MiB, held in memory for a peer that does not read.
    /// Past it the connection is cut. A call for a callee, a result or an event larger than a quarter of it is not sent at all: the caller or
    /// publisher gets `wamp.error.payload_size_exceeded`. So does a caller whose result is larger than what its RawSocket
    /// takes ([`TransportInfo::peer_message_size`](crate::TransportInfo)); an event that is ends the subscriber's session.
    pub outbound_bytes: usize,
    /// How long octets may wait while the peer takes less than 4 KiB of them. Default 10 s. Past it the connection is cut.
    pub write_stall: Duration,
    /// Connections at one time. Default: the limit of open files less 128, at most 65,536. Costs about 12 KiB each, with
    /// TLS 8 KiB more. Past it: 503, or error 4 for a RawSocket, and `/healthz` and `/readyz` are answered all the same; 64
    /// of these at one time, others are dropped.
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
    /// Events that a router realm retains at one time, for those who subscribe later. Default 1,024; with 0 none. Past it the
    /// oldest makes way.
    pub retained_events: usize,
    /// Octets of these events, each with its topic, its lists of receivers and 256 octets more. Default 1 MiB. Past it the
    /// oldest make way; an event that is larger by itself is sent to nobody: `wamp.error.payload_size_exceeded`. Keep it
    /// below [`outbound_bytes`](Limits::outbound_bytes): who subscribes to a pattern is sent all that match at once.
    pub retained_bytes: usize,
    /// Testaments of one session of a router realm. Default 32. Past it: ERROR `serverwamp.error.limit_exceeded`.
    pub testaments: usize,
    /// Octets of these testaments, each with its topic, its options and 256 octets more. Default 64 KiB. Past it: ERROR
    /// `serverwamp.error.limit_exceeded`.
    pub testament_bytes: usize,
    /// Procedures that one session has registered at one time, in a router realm. Default 1,024. Costs about 600 octets each,
    /// those of patterns as for [`subscriptions`](Limits::subscriptions). Past it: ERROR `serverwamp.error.limit_exceeded`.
    pub registrations: usize,
    /// Calls that one session, as a callee, has not answered at one time. Default 16,384. Costs about 150 octets each, and the
    /// arguments until they are sent: those fill at most half of `outbound_bytes`. One caller may have given up
    /// `calls_in_flight` of them that its callee was not told of. Past it, or without room for the arguments, the call goes
    /// to another callee, and where there is none: ERROR `wamp.error.no_available_callee`.
    pub invocations_in_flight: usize,
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
            retained_events: 1024,
            retained_bytes: 1024 * 1024,
            testaments: 32,
            testament_bytes: 64 * 1024,
            registrations: 1024,
            invocations_in_flight: 16_384,
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
            retained_events: number,
            retained_bytes: number,
            testaments: number,
            testament_bytes: number,
            registrations: number,
            invocations_in_flight: number,
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
            retained_events: realm.retained_events,
            retained_bytes: realm.retained_bytes,
            testaments: realm.testaments,
            testament_bytes: realm.testament_bytes,
            registrations: realm.registrations,
            invocations_in_flight: realm.invocations_in_flight,
            authorization_timeout: realm.authorization_timeout,
            cached_decisions: realm.cached_decisions,
            drain: server.drain,
            strict_request_ids: realm.strict_request_ids,
        };
        assert_eq!(realm.within(&server), expected);
    }
}
