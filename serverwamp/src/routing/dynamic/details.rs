//! What procedures that decide are told of a client.

use crate::handler::Session;
use crate::wire::{Dict, Value};

/// What is known of a client that wants to join.
pub(super) fn of_client(session: &Session, method: &str) -> Dict {
    let mut transport = transport(session);
    let mut headers = Dict::new();
    for (name, value) in &session.transport().headers {
        if let (false, Ok(text)) = (headers.contains_key(name), std::str::from_utf8(value)) {
            headers.insert(name.as_str(), text);
        }
    }
    transport.insert("http_headers_received", Value::Map(headers));
    let mut details = Dict::new();
    details.insert("session", session.id().get());
    details.insert("authmethod", method);
    details.insert("authextra", Value::Map(session.claims().authextra().clone()));
    details.insert("transport", Value::Map(transport));
    details
}

/// What is known of a client that has joined.
pub(super) fn of_session(session: &Session) -> Dict {
    let mut details = Dict::new();
    details.insert("session", session.id().get());
    details.insert("realm", session.realm());
    details.insert("authid", session.authid());
    details.insert("authrole", session.authrole());
    details.insert("authmethod", session.authmethod());
    details.insert("authprovider", session.authprovider());
    details.insert("transport", Value::Map(transport(session)));
    details
}

fn transport(session: &Session) -> Dict {
    let info = session.transport();
    let mut transport = Dict::new();
    transport.insert("type", info.kind);
    transport.insert("serializer", info.serializer);
    transport.insert("peer", info.peer.map(|peer| peer.to_string()));
    transport.insert("path", Some(info.path.as_str()).filter(|path| !path.is_empty()));
    transport
}
