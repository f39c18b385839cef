//! How connections begin that become nothing: HTTP requests and handshakes of RawSocket of every wrong kind, and neither.
//! RFC 6455 section 4, RFC 9112, PROTOCOL 1.10.

use crate::script::{Case, opening};

const HEAD: &str = "GET /ws HTTP/1.1\r\n";
const FIELDS: [(&str, &str); 6] = [
    ("Host", "localhost"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Protocol", "wamp.2.json"),
];

/// A request that is fine but for its first line.
fn with_line(line: &str) -> String {
    with(line, &[])
}

/// A request that is fine but for these fields: those that it has anyway are replaced, those without a value left out, and
/// those that begin with a plus sign added.
fn with_fields(fields: &[(&str, &str)]) -> String {
    with(HEAD, fields)
}

fn with(line: &str, changed: &[(&str, &str)]) -> String {
    let mut request = line.to_owned();
    for (name, value) in FIELDS {
        match changed.iter().find(|(changed, _)| *changed == name) {
            Some((_, "")) => {}
            Some((_, other)) => request += &format!("{name}: {other}\r\n"),
            None => request += &format!("{name}: {value}\r\n"),
        }
    }
    for (name, value) in changed {
        if let Some(name) = name.strip_prefix('+') {
            request += &format!("{name}: {value}\r\n");
        }
    }
    request + "\r\n"
}

fn status(code: u16) -> Vec<u8> {
    format!("HTTP/1.1 {code} ").into_bytes()
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, request, code) in requests() {
        let mut sent = request.into_bytes();
        if code == 101 {
            // The upgrade is over when its end is answered.
            sent.extend([0x88, 0x80, 0, 0, 0, 0]);
        }
        cases.push(opening(format!("{code} for {name}"), sent, status(code)));
    }
    for (name, sent) in noise() {
        cases.push(opening(name, sent, Vec::new()));
    }
    cases.extend(handshakes());
    cases
}

fn requests() -> Vec<(String, String, u16)> {
    let long = |octets: usize| "x".repeat(octets);
    let around = with_fields(&[("+X", "")]).len();
    let many = |fields: usize| vec![("+X", "1"); fields - FIELDS.len()];
    let rows: Vec<(&str, String, u16)> = vec![
        ("a good request", with_fields(&[]), 101),
        ("the root", with_line("GET / HTTP/1.1\r\n"), 101),
        ("a target with a query", with_line("GET /ws?a=b&c HTTP/1.1\r\n"), 101),
        ("a target with its host", with_line("GET http://localhost/ws HTTP/1.1\r\n"), 101),
        ("another path", with_line("GET /other HTTP/1.1\r\n"), 404),
        ("a path in capitals", with_line("GET /WS HTTP/1.1\r\n"), 404),
        ("a path with a slash more", with_line("GET /ws/ HTTP/1.1\r\n"), 404),
        ("two slashes", with_line("GET //ws HTTP/1.1\r\n"), 404),
        ("a path with dots", with_line("GET /x/../ws HTTP/1.1\r\n"), 404),
        ("an encoded path", with_line("GET /%77s HTTP/1.1\r\n"), 404),
        ("no path", with_line("GET * HTTP/1.1\r\n"), 404),
        ("a target that is none", with_line("GET /w\\s<> HTTP/1.1\r\n"), 400),
        ("a target of control characters", with_line("GET /\u{1} HTTP/1.1\r\n"), 400),
        ("no target", with_line("GET HTTP/1.1\r\n"), 400),
        ("POST", with_line("POST /ws HTTP/1.1\r\n"), 400),
        ("PUT", with_line("PUT /ws HTTP/1.1\r\n"), 400),
        ("HEAD", with_line("HEAD /ws HTTP/1.1\r\n"), 400),
        ("OPTIONS", with_line("OPTIONS /ws HTTP/1.1\r\n"), 400),
        ("CONNECT", with_line("CONNECT localhost:80 HTTP/1.1\r\n"), 404),
        ("a method of its own", with_line("FETCH /ws HTTP/1.1\r\n"), 400),
        ("a method that is none", with_line("G@T /ws HTTP/1.1\r\n"), 400),
        ("a method in small letters", with_line("get /ws HTTP/1.1\r\n"), 400),
        ("HTTP/1.0", with_line("GET /ws HTTP/1.0\r\n"), 400),
        ("HTTP/0.9", "GET /ws\r\n\r\n".to_owned(), 400),
        ("HTTP/2.0", with_line("GET /ws HTTP/2.0\r\n"), 400),
        ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        ("HTTP/1.2", with_line("GET /ws HTTP/1.2\r\n"), 400),
        ("no version", with_line("GET /ws\r\n"), 400),
        ("a version that is none", with_line("GET /ws HTTPS/1.1\r\n"), 400),
        ("something else in the line", with_line("GET /ws HTTP/1.1 x\r\n"), 400),
        ("another protocol", "EHLO example.com\r\n\r\n".to_owned(), 400),
        ("no fields", format!("{HEAD}\r\n"), 426),
        ("no Host", with_fields(&[("Host", "")]), 400),
        ("two Hosts", with_fields(&[("+Host", "other")]), 400),
        ("no Upgrade", with_fields(&[("Upgrade", "")]), 426),
        ("another Upgrade", with_fields(&[("Upgrade", "h2c")]), 400),
        ("an Upgrade in capitals", with_fields(&[("Upgrade", "WebSocket")]), 101),
        ("no Connection", with_fields(&[("Connection", "")]), 400),
        ("another Connection", with_fields(&[("Connection", "close")]), 400),
        ("a Connection that lists more", with_fields(&[("Connection", "keep-alive, Upgrade")]), 101),
        ("a Connection in small letters", with_fields(&[("Connection", "upgrade")]), 101),
        ("no version of the WebSocket", with_fields(&[("Sec-WebSocket-Version", "")]), 400),
        ("version 8 of the WebSocket", with_fields(&[("Sec-WebSocket-Version", "8")]), 426),
        ("version 130 of the WebSocket", with_fields(&[("Sec-WebSocket-Version", "130")]), 426),
        ("versions of the WebSocket", with_fields(&[("Sec-WebSocket-Version", "13, 8")]), 426),
        ("no key", with_fields(&[("Sec-WebSocket-Key", "")]), 400),
        ("a key that is too short", with_fields(&[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSA=")]), 400),
        ("a key that is too long", with_fields(&[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSBvZiAxNw==")]), 400),
        ("a key that is no base64", with_fields(&[("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!==")]), 400),
        ("two keys", with_fields(&[("+Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]), 400),
        ("no subprotocol", with_fields(&[("Sec-WebSocket-Protocol", "")]), 400),
        ("unknown subprotocols", with_fields(&[("Sec-WebSocket-Protocol", "chat, wamp.2.ubjson")]), 400),
        ("a subprotocol in capitals", with_fields(&[("Sec-WebSocket-Protocol", "WAMP.2.JSON")]), 400),
        ("a part of a subprotocol", with_fields(&[("Sec-WebSocket-Protocol", "wamp.2")]), 400),
        ("commas", with_fields(&[("Sec-WebSocket-Protocol", ",,,")]), 400),
        ("subprotocols of which one is known", with_fields(&[("Sec-WebSocket-Protocol", "chat,,wamp.2.cbor")]), 101),
        (
            "subprotocols in two fields",
            with_fields(&[("Sec-WebSocket-Protocol", "chat"), ("+Sec-WebSocket-Protocol", "wamp.2.cbor")]),
            101,
        ),
        ("an extension", with_fields(&[("+Sec-WebSocket-Extensions", "permessage-deflate")]), 101),
        ("the origin of this machine", with_fields(&[("+Origin", "http://localhost:3000")]), 101),
        ("another origin", with_fields(&[("+Origin", "https://evil.example")]), 403),
        ("an origin that looks like this machine", with_fields(&[("+Origin", "http://localhost.evil.example")]), 403),
        (
            "an origin that has this machine as a user",
            with_fields(&[("+Origin", "http://localhost@evil.example")]),
            403,
        ),
        ("no origin", with_fields(&[("+Origin", "null")]), 403),
        ("an origin that is none", with_fields(&[("+Origin", "://")]), 403),
        ("two origins", with_fields(&[("+Origin", "http://localhost"), ("+Origin", "https://evil.example")]), 403),
        ("an origin that is no text", with_fields(&[("+Origin", "http://\u{e9}vil")]), 403),
        ("a name with a space", with_fields(&[("+X ", "1")]), 400),
        ("a name with a colon less", format!("{HEAD}Host localhost\r\n\r\n"), 400),
        ("no name", with_fields(&[("+", "1")]), 400),
        ("a line that goes on", with_fields(&[("+X", "1\r\n 2")]), 400),
        ("a value with a null", with_fields(&[("+X", "\0")]), 400),
        ("a value with a line feed", with_fields(&[("+X", "1\n2")]), 400),
        ("a value with a carriage return", with_fields(&[("+X", "1\r2")]), 400),
        ("a value beyond ASCII", with_fields(&[("+X", "ü")]), 101),
        ("a body", with_fields(&[("+Content-Length", "5")]), 400),
        ("a body in chunks", with_fields(&[("+Transfer-Encoding", "chunked")]), 400),
        ("a body of nothing", with_fields(&[("+Content-Length", "0")]), 101),
        ("as many fields as may be", with_fields(&many(16)), 101),
        ("a field more", with_fields(&many(17)), 431),
        ("a thousand fields", with_fields(&many(100)), 431),
        ("a head as large as may be", with_fields(&[("+X", &long(2048 - around))]), 101),
        ("a head that is larger", with_fields(&[("+X", &long(2049 - around))]), 431),
        ("a target that is larger", with_line(&format!("GET /ws?{} HTTP/1.1\r\n", long(3000))), 431),
        ("a head without an end", format!("{HEAD}X: {}", long(3000)), 431),
        ("a line without an end", format!("GET {}", long(3000)), 431),
        ("a probe", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 200),
        ("a probe by POST", "POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
    ];
    rows.into_iter().map(|(name, request, code)| (name.to_owned(), request, code)).collect()
}

/// What is neither HTTP nor RawSocket has no answer; nor has what ends before it is whole.
fn noise() -> Vec<(String, Vec<u8>)> {
    let mut noise = vec![("nothing".to_owned(), Vec::new())];
    for first in [0x00, 0x01, 0x0a, 0x0d, 0x16, 0x20, 0x30, 0x5b, 0x7b, 0x7e, 0x80, 0x81, 0xff] {
        noise.push((format!("the octet {first:#04x}"), vec![first]));
        noise.push((format!("octets behind {first:#04x}"), [&[first][..], with_fields(&[]).as_bytes()].concat()));
    }
    noise.push((
        "a hello of TLS".to_owned(),
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[7; 500]].concat(),
    ));
    let whole = with_fields(&[]);
    for length in [1, 3, 4, 17, 18, 40, whole.len() - 3, whole.len() - 2, whole.len() - 1] {
        noise.push((format!("the first {length} octets of a request"), whole.as_bytes()[..length].to_vec()));
    }
    for length in 1..4 {
        noise.push((format!("the first {length} octets of a handshake"), [0x7f, 0xf1, 0, 0][..length].to_vec()));
    }
    noise
}

/// With 2^16 octets as the largest message, the server's own length is 7.
fn handshakes() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut row = |sent: [u8; 4], answer: [u8; 4]| {
        cases.push(opening(format!("the handshake {sent:02x?}"), sent.to_vec(), answer.to_vec()));
    };
    for serializer in 0..=15_u8 {
        let answer = if (1..=3).contains(&serializer) { 0x70 | serializer } else { 0x10 };
        row([0x7f, 0xf0 | serializer, 0, 0], [0x7f, answer, 0, 0]);
    }
    for length in 0..=15_u8 {
        row([0x7f, length << 4 | 1, 0, 0], [0x7f, 0x71, 0, 0]);
    }
    for reserved in [[0, 1], [1, 0], [0xff, 0xff], [0, 0x80]] {
        let [third, fourth] = reserved;
        row([0x7f, 0xf1, third, fourth], [0x7f, 0x30, 0, 0]);
        row([0x7f, 0xf0, third, fourth], [0x7f, 0x30, 0, 0]);
    }
    cases
}
