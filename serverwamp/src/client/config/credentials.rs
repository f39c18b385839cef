//! How to log in, as a configuration says it.

use super::super::credentials::Credentials;
use super::node::{Node, Table, Value};
use super::problems::Problems;
use crate::session::{PublicKey, SigningKey};

const METHODS: &str = "\"anonymous\", \"ticket\", \"wampcra\", \"scram\" or \"cryptosign\"";
const NAMES: &[&str] = &["authid", "channel_binding", "method", "router_key", "secret"];

/// Reads one way to log in, or a list of them.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Credentials> {
    match &node.value {
        Value::List(list) if !list.is_empty() => {
            let all: Vec<_> = list.iter().map(|item| read_one(item, problems)).collect();
            all.into_iter().reduce(|all, next| Some(all?.and(next?)))?
        }
        _ => read_one(node, problems),
    }
}

fn read_one(node: &Node, problems: &mut Problems) -> Option<Credentials> {
    let table = problems.table(node, "`auth`")?;
    problems.check_names(table, NAMES);
    let method = match table.get("method") {
        Some(method) => problems.text(method, "`method`"),
        None => {
            problems.add(node.line, format!("`auth`: expected a `method`: {METHODS}"));
            None
        }
    };
    let authid = table.get("authid").and_then(|authid| problems.text(authid, "`authid`"));
    let secret = table.get("secret").and_then(|secret| problems.secret(secret, "`secret`"));
    let binding = table.get("channel_binding").and_then(|binding| problems.bool(binding, "`channel_binding`"));
    let router = table.get("router_key").and_then(|key| problems.text(key, "`router_key`"));
    let method = method?;
    check_fit(method, table, problems);
    let mut needs = |name: &str, value: Option<String>| {
        if table.get(name).is_none() {
            problems.add(node.line, format!("`auth`: the method \"{method}\" needs `{name}`"));
        }
        value
    };
    let credentials = match method {
        "anonymous" => Credentials::anonymous(),
        "cryptosign" => match signing_key(&needs("secret", secret)?) {
            Ok(key) => authid.into_iter().fold(Credentials::cryptosign(key), Credentials::authid),
            Err(error) => {
                problems.add(table.line_of("secret"), format!("`secret`: {error}"));
                return None;
            }
        },
        "ticket" | "wampcra" | "scram" => {
            let (authid, secret) = (needs("authid", authid.map(str::to_owned)), needs("secret", secret));
            let make = match method {
                "ticket" => Credentials::ticket,
                "wampcra" => Credentials::cra,
                _ => Credentials::scram,
            };
            make(authid?, secret?)
        }
        other => {
            problems.add(table.line_of("method"), format!("`method`: expected {METHODS}, got \"{other}\""));
            return None;
        }
    };
    let credentials = if binding == Some(true) { credentials.channel_binding() } else { credentials };
    match router.map(PublicKey::from_hex) {
        None => Some(credentials),
        Some(Ok(key)) => Some(credentials.router_key(key)),
        Some(Err(error)) => {
            problems.add(table.line_of("router_key"), format!("`router_key`: {error}"));
            None
        }
    }
}

/// Takes exception to what the method does not have: it would be left out unnoticed.
fn check_fit(method: &str, table: &Table, problems: &mut Problems) {
    let unfit: &[&str] = match method {
        "anonymous" => &["authid", "secret", "channel_binding", "router_key"],
        "ticket" | "wampcra" => &["channel_binding", "router_key"],
        "scram" => &["router_key"],
        _ => &[],
    };
    for name in unfit.iter().filter(|name| table.get(name).is_some()) {
        problems.add(table.line_of(name), format!("`{name}`: the method \"{method}\" has none"));
    }
}

fn signing_key(text: &str) -> Result<SigningKey, crate::session::AuthenticationError> {
    #[cfg(feature = "openssh")]
    if text.trim_start().starts_with("-----BEGIN") {
        return SigningKey::from_openssh(text);
    }
    SigningKey::from_hex(text.trim())
}
