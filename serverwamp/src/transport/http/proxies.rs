//! Proxies that are believed what they say of their clients.

use std::net::{IpAddr, SocketAddr};

use tokio_tungstenite::tungstenite::http::{HeaderMap, header};

use crate::transport::peer::Peer;

/// The proxies in front of a server that are believed what they say of their clients, and in which header field they say
/// it. Given to [`App::trusted_proxies`](crate::App::trusted_proxies), to which a plain list is one with
/// [`x_forwarded_for`](TrustedProxies::x_forwarded_for).
///
/// Proxies are given as addresses, as networks (`10.0.0.0/8`, `fd00::/8`), or as `unix`: whoever connects to a unix socket.
///
/// Name the field that your proxy sets, and no other: it passes on what a client has written into the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    /// Whether unix sockets lead to proxies only.
    unix: bool,
    field: Field,
    /// What was given and is no network.
    malformed: Vec<String>,
}

/// The header field that names a proxy's client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Field {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// Addresses that begin with the same bits; those of IPv4 are mapped to IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    bits: u128,
    length: u32,
}

/// What a trusted proxy says of its client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// The client, if it is named, or else the furthest of the proxies that is; port 0 where none is named.
    pub(crate) client: Option<SocketAddr>,
    /// Whether the client speaks TLS.
    pub(crate) is_secure: Option<bool>,
    /// The host that the client has asked for.
    pub(super) host: Option<String>,
}

impl TrustedProxies {
    /// Proxies that append their client's address to `X-Forwarded-For`. `X-Forwarded-Proto` and `X-Forwarded-Host` count as
    /// well.
    pub fn x_forwarded_for(proxies: impl IntoIterator<Item: AsRef<str>>) -> TrustedProxies {
        let mut trusted = TrustedProxies::default();
        for proxy in proxies {
            let proxy = proxy.as_ref();
            match Network::parse(proxy) {
                Some(network) => trusted.networks.push(network),
                None if proxy == "unix" => trusted.unix = true,
                None => trusted.malformed.push(proxy.to_owned()),
            }
        }
        trusted
    }

    /// Proxies that append their client to `Forwarded` (RFC 7239), with its parameters `for`, `proto` and `host`.
    pub fn forwarded(proxies: impl IntoIterator<Item: AsRef<str>>) -> TrustedProxies {
        TrustedProxies { field: Field::Forwarded, ..TrustedProxies::x_forwarded_for(proxies) }
    }

    /// What was given and is neither an address nor a network.
    pub(crate) fn malformed(&self) -> &[String] {
        &self.malformed
    }

    /// What a connection's other end says of its client, if it is a trusted proxy that says anything.
    ///
    /// The list is read from its end, which the nearest proxy has written, for as long as who has written the next entry is
    /// trusted: what stands before that may come from anybody.
    pub(crate) fn forwarded_by(&self, peer: &Peer, headers: &HeaderMap) -> Option<Forwarded> {
        let is_trusted = match peer.address {
            Some(address) => self.trust(address.ip()),
            None => self.unix && peer.is_local,
        };
        match self.field {
            _ if !is_trusted => None,
            Field::XForwardedFor => self.by_x_forwarded_for(headers),
            Field::Forwarded => self.by_forwarded(headers),
        }
    }

    fn by_x_forwarded_for(&self, headers: &HeaderMap) -> Option<Forwarded> {
        let mut nodes = lines_from_the_end(headers, "x-forwarded-for").flat_map(|line| line.rsplit(',')).peekable();
        nodes.peek()?;
        let mut found = Forwarded::default();
        for node in nodes {
            let Some(address) = address(node.trim()) else { break };
            found.client = Some(address);
            if !self.trust(address.ip()) {
                break;
            }
        }
        let last = |name| lines_from_the_end(headers, name).flat_map(|line| line.rsplit(',')).next().map(str::trim);
        found.is_secure = last("x-forwarded-proto").and_then(is_secure);
        found.host = last("x-forwarded-host").map(str::to_owned);
        Some(found)
    }

    fn by_forwarded(&self, headers: &HeaderMap) -> Option<Forwarded> {
        let lines = lines_from_the_end(headers, header::FORWARDED.as_str());
        let mut elements = lines.flat_map(|line| split_from_the_end(line, ',')).peekable();
        elements.peek()?;
        let mut found = Forwarded::default();
        for element in elements {
            let parameters = |wanted: &str| {
                let pairs = split_from_the_end(element, ';').filter_map(|pair| pair.split_once('='));
                let mut named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
                named.next().and_then(|(_, value)| unquoted(value.trim()))
            };
            found.is_secure = parameters("proto").and_then(is_secure);
            found.host = parameters("host").map(str::to_owned);
            let Some(address) = parameters("for").and_then(address) else { break };
            found.client = Some(address);
            if !self.trust(address.ip()) {
                break;
            }
        }
        Some(found)
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// As [`TrustedProxies::x_forwarded_for`].
impl<I: IntoIterator<Item: AsRef<str>>> From<I> for TrustedProxies {
    fn from(proxies: I) -> TrustedProxies {
        TrustedProxies::x_forwarded_for(proxies)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Network> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (most, mapped) = if address.is_ipv4() { (32, 96) } else { (128, 0_u32) };
        let length: u32 = match length {
            Some(length) if length.bytes().all(|digit| digit.is_ascii_digit()) => length.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (length <= most).then(|| Network { bits: bits(address), length: length.saturating_add(mapped) })
    }

    fn contains(self, address: IpAddr) -> bool {
        let differing = self.bits ^ bits(address);
        // Of no bits at all, none differ.
        differing.checked_shr(u128::BITS.saturating_sub(self.length)).unwrap_or(0) == 0
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The lines of a header field, the last one first; one that is no text is empty.
fn lines_from_the_end<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).into_iter().rev().map(|value| value.to_str().unwrap_or_default())
}

/// Splits where no quotes are around. From the end, so that whoever leaves a quote open spoils only what stands before it.
fn split_from_the_end(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.rsplit(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
}

/// A token, or what stands between quotes; nothing with an escape is of use here.
fn unquoted(value: &str) -> Option<&str> {
    let value = value.strip_prefix('"').map_or(Some(value), |value| value.strip_suffix('"'))?;
    (!value.contains(['"', '\\'])).then_some(value)
}

/// An address with or without a port, in brackets or not.
fn address(node: &str) -> Option<SocketAddr> {
    let without_port = || {
        let bare = node.strip_prefix('[').map_or(Some(node), |node| node.strip_suffix(']'))?;
        bare.parse().ok().map(|address| SocketAddr::new(address, 0))
    };
    let mut address: SocketAddr = node.parse().ok().or_else(without_port)?;
    address.set_ip(address.ip().to_canonical());
    Some(address)
}

/// Whether a scheme is one with TLS.
fn is_secure(scheme: &str) -> Option<bool> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(true),
        "http" | "ws" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

    use super::*;

    const PROXIES: [&str; 4] = ["10.0.0.0/8", "192.0.2.7", "fd00::/16", "unix"];

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn peer(address: &str) -> Peer {
        match address {
            "unix" => Peer { is_local: true, ..Peer::default() },
            address => Peer { address: Some(SocketAddr::new(address.parse().unwrap(), 4711)), ..Peer::default() },
        }
    }

    /// The client that a connection is taken to come from.
    fn client(trusted: &TrustedProxies, from: &str, fields: &[(&str, &str)]) -> String {
        match trusted.forwarded_by(&peer(from), &headers(fields)) {
            None => "not forwarded".to_owned(),
            Some(Forwarded { client: None, .. }) => "not named".to_owned(),
            Some(Forwarded { client: Some(client), .. }) => client.to_string(),
        }
    }

    #[test]
    fn networks_hold_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", &["10.0.0.1", "10.255.255.255", "::ffff:10.1.2.3"][..], &["11.0.0.0", "9.255.255.255"][..]),
            ("10.1.2.3", &["10.1.2.3"], &["10.1.2.2", "::10.1.2.3"]),
            ("10.1.2.3/31", &["10.1.2.2", "10.1.2.3"], &["10.1.2.4"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.1.2.3"], &["::1", "2001:db8::1"]),
            ("2001:db8::/32", &["2001:db8::1", "2001:db8:ffff::"], &["2001:db9::", "32.1.13.184"]),
            ("::1", &["::1"], &["::2", "127.0.0.1"]),
            ("::ffff:10.0.0.0/104", &["10.1.2.3"], &["11.0.0.0"]),
            ("::/0", &["::1", "ffff::"], &[]),
        ] {
            let parsed = Network::parse(network).unwrap();
            for address in inside {
                assert!(parsed.contains(address.parse().unwrap()), "{address} in {network}");
            }
            for address in outside {
                assert!(!parsed.contains(address.parse().unwrap()), "{address} not in {network}");
            }
        }
    }

    #[test]
    fn what_is_no_network_is_told() {
        let wrong =
            ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10/8", "localhost", "", "UNIX", "10.0.0.1:80"];
        assert_eq!(TrustedProxies::from(wrong).malformed(), wrong);
        assert!(TrustedProxies::from(PROXIES).malformed().is_empty());
    }

    #[test]
    fn x_forwarded_for_is_read_from_its_end() {
        let trusted = TrustedProxies::from(PROXIES);
        for (from, value, expected) in [
            ("10.0.0.1", "198.51.100.1", "198.51.100.1:0"),
            ("10.0.0.1", " 198.51.100.1:99 ", "198.51.100.1:99"),
            ("10.0.0.1", "2001:db8::1", "[2001:db8::1]:0"),
            ("10.0.0.1", "[2001:db8::1]", "[2001:db8::1]:0"),
            ("10.0.0.1", "[2001:db8::1]:99", "[2001:db8::1]:99"),
            ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1:0"),
            ("192.0.2.7", "198.51.100.1", "198.51.100.1:0"),
            ("fd00::9", "198.51.100.1", "198.51.100.1:0"),
            ("unix", "198.51.100.1", "198.51.100.1:0"),
            // What the client has written itself.
            ("10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1:0"),
            ("10.0.0.1", "10.0.0.2, 198.51.100.1", "198.51.100.1:0"),
            ("10.0.0.1", "garbage, 198.51.100.1, 10.0.0.2, 192.0.2.7", "198.51.100.1:0"),
            // All are proxies: the client is one of them, or the first.
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3:0"),
            ("10.0.0.1", "198.51.100.1, garbage, 10.0.0.2", "10.0.0.2:0"),
            ("10.0.0.1", "198.51.100.1, , 10.0.0.2", "10.0.0.2:0"),
            ("10.0.0.1", "198.51.100.1, garbage", "not named"),
            ("10.0.0.1", "198.51.100.1, unknown", "not named"),
            ("10.0.0.1", "198.51.100.1, [::1", "not named"),
            ("10.0.0.1", "198.51.100.1, 198.51.100.2:99999", "not named"),
            ("10.0.0.1", "198.51.100.1, \u{e4}", "not named"),
            ("10.0.0.1", "", "not named"),
            // Not from a proxy.
            ("192.0.2.8", "198.51.100.1", "not forwarded"),
            ("127.0.0.1", "198.51.100.1", "not forwarded"),
        ] {
            assert_eq!(client(&trusted, from, &[("x-forwarded-for", value)]), expected, "{from} {value}");
        }
        let lines =
            [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "10.0.0.2")];
        assert_eq!(client(&trusted, "10.0.0.1", &lines), "198.51.100.1:0", "lines are one list");
        assert_eq!(client(&trusted, "10.0.0.1", &[("forwarded", "for=198.51.100.1")]), "not forwarded");
        assert_eq!(client(&trusted, "10.0.0.1", &[]), "not forwarded");
        assert_eq!(client(&TrustedProxies::from(["10.0.0.1"]), "unix", &lines), "not forwarded");
        assert_eq!(client(&TrustedProxies::default(), "10.0.0.1", &lines), "not forwarded");
    }

    #[test]
    fn forwarded_is_read_from_its_end() {
        let trusted = TrustedProxies::forwarded(PROXIES);
        for (value, expected) in [
            ("for=198.51.100.1", "198.51.100.1:0"),
            ("For=\"198.51.100.1:99\"", "198.51.100.1:99"),
            ("for=\"[2001:db8::1]:99\";proto=https;by=10.0.0.1", "[2001:db8::1]:99"),
            ("by=10.0.0.1 ; FOR = \"[2001:db8::1]\"", "[2001:db8::1]:0"),
            ("for=1.2.3.4, for=198.51.100.1, for=10.0.0.2", "198.51.100.1:0"),
            // A client that leaves a quote open, or hides separators in quotes.
            ("for=\"1.2.3.4, for=198.51.100.1", "198.51.100.1:0"),
            ("for=1.2.3.4;x=\", for=198.51.100.1;proto=http", "198.51.100.1:0"),
            ("for=1.2.3.4, for=198.51.100.1;by=\"a,b;for=1.2.3.4\"", "198.51.100.1:0"),
            ("for=1.2.3.4, for=unknown", "not named"),
            ("for=1.2.3.4, for=\"_hidden\"", "not named"),
            ("for=1.2.3.4, for=\"198.51.100.\\1\"", "not named"),
            ("for=1.2.3.4, for=\"198.51.100.1", "not named"),
            ("for=1.2.3.4, proto=https", "not named"),
            ("", "not named"),
        ] {
            assert_eq!(client(&trusted, "10.0.0.1", &[("forwarded", value)]), expected, "{value}");
            assert_eq!(client(&trusted, "192.0.2.8", &[("forwarded", value)]), "not forwarded", "{value}");
        }
        assert_eq!(client(&trusted, "10.0.0.1", &[("x-forwarded-for", "198.51.100.1")]), "not forwarded");
    }

    #[test]
    fn what_else_a_proxy_says_is_of_its_own_client() {
        let said = |trusted: &TrustedProxies, fields: &[(&str, &str)]| {
            let forwarded = trusted.forwarded_by(&peer("10.0.0.1"), &headers(fields)).unwrap();
            (forwarded.is_secure, forwarded.host)
        };
        let host = |name: &str| Some(name.to_owned());
        let trusted = TrustedProxies::from(PROXIES);
        let list = ("x-forwarded-for", "198.51.100.1");
        for (proto, expected) in
            [("https", Some(true)), ("WSS", Some(true)), ("https, http", Some(false)), ("ftp", None), ("", None)]
        {
            assert_eq!(said(&trusted, &[list, ("x-forwarded-proto", proto)]), (expected, None), "{proto}");
        }
        assert_eq!(said(&trusted, &[list, ("x-forwarded-host", "a.example, b.example")]), (None, host("b.example")));
        let trusted = TrustedProxies::forwarded(PROXIES);
        for (value, expected) in [
            ("for=198.51.100.1;proto=https;host=\"a.example:80\"", (Some(true), host("a.example:80"))),
            ("for=1.2.3.4;proto=https, for=198.51.100.1", (None, None)),
            ("for=198.51.100.1;proto=https, for=10.0.0.2;proto=http;host=inner", (Some(true), None)),
        ] {
            assert_eq!(said(&trusted, &[("forwarded", value)]), expected, "{value}");
        }
    }
}
