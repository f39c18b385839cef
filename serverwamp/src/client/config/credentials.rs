//! How to log in, as a configuration says it.

use super::super::credentials::Credentials;
use crate::document::{Entry, Table};
use crate::session::{PublicKey, SigningKey};

const METHODS: &str = "\"anonymous\", \"ticket\", \"wampcra\", \"scram\" or \"cryptosign\"";

/// Reads one way to log in, or a list of them.
pub(super) fn read(entry: Entry<'_>) -> Option<Credentials> {
    if !entry.is_list() {
        return read_one(entry);
    }
    let all: Vec<_> = entry.items().into_iter().map(read_one).collect();
    if all.is_empty() {
        entry.problem("expected at least one, got none");
    }
    all.into_iter().reduce(|all, next| Some(all?.and(next?)))?
}

fn read_one(entry: Entry<'_>) -> Option<Credentials> {
    let table = entry.table()?;
    let method = table.required("method");
    let authid = table.text("authid");
    let given = table.entry("secret");
    let secret = given.and_then(Entry::secret);
    let binding = table.flag("channel_binding");
    let router = table.entry("router_key");
    table.finish();
    let (entry, method) = (method?, method?.text()?);
    check_fit(method, &table);
    let needs = |key: &'static str, value: Option<String>| {
        if table.entry(key).is_none() {
            table.problem(format!("the method \"{method}\" needs `{key}`"));
        }
        value
    };
    let secret = secret.map(|secret| secret.as_str().to_owned());
    let credentials = match method {
        "anonymous" => Credentials::anonymous(),
        "cryptosign" => {
            let key = signing_key(&needs("secret", secret)?);
            let key = key.inspect_err(|error| given.into_iter().for_each(|given| given.problem(error.to_string())));
            authid.into_iter().fold(Credentials::cryptosign(key.ok()?), Credentials::authid)
        }
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
            entry.problem(format!("expected {METHODS}, got \"{other}\""));
            return None;
        }
    };
    let credentials = if binding == Some(true) { credentials.channel_binding() } else { credentials };
    match router {
        None => Some(credentials),
        Some(entry) => {
            let key = PublicKey::from_hex(entry.text()?).inspect_err(|error| entry.problem(error.to_string()));
            Some(credentials.router_key(key.ok()?))
        }
    }
}

/// Takes exception to what the method does not have: it would be left out unnoticed.
fn check_fit<'d>(method: &str, table: &'d Table<'d>) {
    let unfit: &[&'static str] = match method {
        "anonymous" => &["authid", "secret", "channel_binding", "router_key"],
        "ticket" | "wampcra" => &["channel_binding", "router_key"],
        "scram" => &["router_key"],
        _ => &[],
    };
    for entry in unfit.iter().filter_map(|key| table.entry(key)) {
        entry.problem(format!("the method \"{method}\" has none"));
    }
}

fn signing_key(text: &str) -> Result<SigningKey, crate::session::AuthenticationError> {
    #[cfg(feature = "openssh")]
    if text.trim_start().starts_with("-----BEGIN") {
        return SigningKey::from_openssh(text);
    }
    SigningKey::from_hex(text.trim())
}
