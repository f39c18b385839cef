//! The client's side of the request that opens a WebSocket, and what is made of the answer.

use std::fmt::Write;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http::StatusCode;

use super::HttpError;
use super::head::read_until_complete;
use crate::limits::Limits;
use crate::wire::Subprotocol;

/// Octets of an answer without an upgrade that are read for the error's text.
const REASON: usize = 200;

/// Why a server's answer opened no WebSocket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("closed before its answer was complete")]
    Incomplete,
    #[error("refused with {status}: {reason}")]
    Refused { status: StatusCode, reason: String },
    #[error("{0}")]
    Unacceptable(String),
}

/// What a client asks a server for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The value of the header field `Host`.
    pub(crate) host: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
    /// The preferred one first.
    pub(crate) subprotocols: &'a [Subprotocol],
    /// More header fields, each without the octets that end it.
    pub(crate) headers: &'a [(String, String)],
}

/// Asks a server for a WebSocket. Returns what was agreed on, and what came behind the answer.
///
/// RFC 6455, section 4.1.
///
/// # Errors
/// The server refuses, or its answer is not one to this request.
pub(crate) async fn request<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    asked: &Asked<'_>,
    limits: &Limits,
) -> Result<(Subprotocol, Vec<u8>), AnswerError> {
    let key = generate_key();
    stream.write_all(head(asked, &key).as_bytes()).await?;
    stream.flush().await?;
    let mut octets = Vec::with_capacity(512);
    let mut rest = match read_until_complete(stream, &mut octets, limits).await {
        Ok(length) => octets.split_off(length),
        Err(HttpError::Io(error)) => return Err(error.into()),
        Err(HttpError::Incomplete) => return Err(AnswerError::Incomplete),
        Err(HttpError::Refused(_)) => {
            return Err(unacceptable(format!("the answer's head is larger than {} octets", limits.header_size)));
        }
    };
    let mut fields = vec![httparse::EMPTY_HEADER; limits.header_count];
    let mut answer = httparse::Response::new(&mut fields);
    if let Err(error) = answer.parse(&octets) {
        return Err(unacceptable(format!("the answer is not HTTP: {error}")));
    }
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or_default();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let announced = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
        let length = announced.and_then(|field| std::str::from_utf8(field.value).ok()?.trim().parse().ok());
        let length = length.unwrap_or(0_usize).min(REASON);
        while rest.len() < length && stream.read_buf(&mut rest).await? > 0 {}
        return Err(AnswerError::Refused { status, reason: reason(&rest) });
    }
    let subprotocol = agreed(&answer, asked.subprotocols, &key).map_err(unacceptable)?;
    Ok((subprotocol, rest))
}

fn head(asked: &Asked<'_>, key: &str) -> String {
    let offered: Vec<&str> = asked.subprotocols.iter().map(|subprotocol| subprotocol.name()).collect();
    let mut head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {}\r\n",
        asked.target,
        asked.host,
        offered.join(", ")
    );
    for (name, value) in asked.headers {
        // A String takes everything.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head + "\r\n"
}

/// The subprotocol that the answer chooses.
///
/// # Errors
/// What the answer lacks.
fn agreed(answer: &httparse::Response<'_, '_>, offered: &[Subprotocol], key: &str) -> Result<Subprotocol, String> {
    let values = |name: &'static str| {
        let fields = answer.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.filter_map(|field| std::str::from_utf8(field.value).ok()).map(str::trim)
    };
    let says = |name, expected: &str| {
        values(name).flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(expected))
    };
    if !says("upgrade", "websocket") || !says("connection", "upgrade") {
        return Err("the answer is no upgrade to WebSocket".to_owned());
    }
    if values("sec-websocket-accept").next() != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return Err("the answer is to another request".to_owned());
    }
    if values("sec-websocket-extensions").any(|value| !value.is_empty()) {
        return Err("the answer has an extension that was not offered".to_owned());
    }
    match values("sec-websocket-protocol").next() {
        Some(name) => {
            let chosen = offered.iter().find(|subprotocol| subprotocol.name() == name).copied();
            chosen.ok_or_else(|| format!("the answer has the subprotocol `{name}`, which was not offered"))
        }
        None => Err("the answer has no subprotocol; expected one of WAMP".to_owned()),
    }
}

/// The first line of an answer's body.
fn reason(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..REASON).unwrap_or(body)).into_owned();
    text.lines().next().unwrap_or_default().chars().filter(|letter| !letter.is_control()).collect()
}

#[cold]
fn unacceptable(reason: String) -> AnswerError {
    AnswerError::Unacceptable(reason)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// What the client makes of an answer to its key.
    async fn answered(answer: impl FnOnce(&str) -> String) -> Result<(&'static str, Vec<u8>), String> {
        let (mut ours, mut theirs) = duplex(64 * 1024);
        let subprotocols =
            [Subprotocol::from_name("wamp.2.cbor").unwrap(), Subprotocol::from_name("wamp.2.json").unwrap()];
        let headers = [("Cookie".to_owned(), "sid=1".to_owned())];
        let asked = Asked { host: "h:1", target: "/ws?a=b", subprotocols: &subprotocols, headers: &headers };
        let server = async move {
            let mut head = Vec::new();
            read_until_complete(&mut theirs, &mut head, &Limits::default()).await.unwrap();
            let head = String::from_utf8(head).unwrap();
            let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
            for line in [
                "GET /ws?a=b HTTP/1.1",
                "Host: h:1",
                "Cookie: sid=1",
                "Sec-WebSocket-Protocol: wamp.2.cbor, wamp.2.json",
            ] {
                assert!(head.lines().any(|other| other == line), "{head}");
            }
            theirs.write_all(answer(key).as_bytes()).await.unwrap();
        };
        let limits = Limits::default();
        let (agreed, ()) = tokio::join!(request(&mut ours, &asked, &limits), server);
        agreed.map(|(subprotocol, rest)| (subprotocol.name(), rest)).map_err(|error| error.to_string())
    }

    fn accepted(key: &str, more: &str) -> String {
        let accept = derive_accept_key(key.as_bytes());
        format!(
            "HTTP/1.1 101 x\r\nconnection: keep-alive, upgrade\r\nUPGRADE: WebSocket\r\nSec-WebSocket-Accept: {accept}\r\n{more}\r\n"
        )
    }

    #[tokio::test]
    async fn the_answer_must_be_one_to_the_request() {
        let protocol = "Sec-WebSocket-Protocol: wamp.2.json\r\n";
        let fine = answered(|key| accepted(key, protocol) + "rest").await;
        assert_eq!(fine, Ok(("wamp.2.json", b"rest".to_vec())));
        for (answer, expected) in [
            (accepted("another", protocol), "another request"),
            (accepted("another", "").replace("UPGRADE", "X"), "no upgrade"),
            ("hello\r\n\r\n".to_owned(), "not HTTP"),
            ("HTTP/1.1 404 Not Found\r\n\r\nnothing here\nmore".to_owned(), "404 Not Found: nothing here"),
        ] {
            let refused = answered(|_| answer.clone()).await.unwrap_err();
            assert!(refused.contains(expected), "{answer}: {refused}");
        }
        for (more, expected) in [
            ("", "no subprotocol"),
            ("Sec-WebSocket-Protocol: wamp.2.msgpack\r\n", "not offered"),
            ("Sec-WebSocket-Protocol: wamp.2.json\r\nSec-WebSocket-Extensions: permessage-deflate\r\n", "extension"),
        ] {
            let refused = answered(|key| accepted(key, more)).await.unwrap_err();
            assert!(refused.contains(expected), "{more}: {refused}");
        }
        let endless = answered(|_| format!("HTTP/1.1 101 {}", "x".repeat(20_000))).await.unwrap_err();
        assert!(endless.contains("larger than"), "{endless}");
    }
}
