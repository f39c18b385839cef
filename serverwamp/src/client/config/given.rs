//! What a configuration says of one client, or of all.

use std::time::Duration;

use super::super::credentials::Credentials;
use super::super::reconnect::Reconnect;
use super::super::settings::{Serializer, Settings, is_header};
use super::address::{GivenAddress, one_or_more};
use super::credentials;
use crate::document::{Entry, Table};
use crate::limits::Limits;
#[cfg(feature = "tls")]
use crate::transport::ClientTls;
use crate::wire::Uri;

/// What a configuration says of one client, or of all.
#[derive(Clone, Default)]
pub(super) struct Given {
    realm: Option<String>,
    address: GivenAddress,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
    serializers: Option<Vec<Serializer>>,
    credentials: Option<Credentials>,
    reconnect: Option<Reconnect>,
    timeout: Option<Duration>,
    stop_timeout: Option<Duration>,
    headers: Option<Vec<(String, String)>>,
    limits: Option<Limits>,
}

impl Given {
    /// Reads a table; it may have keys that others ask for.
    pub(super) fn read<'d>(table: &'d Table<'d>) -> Given {
        let realm = table.entry("realm").and_then(|entry| {
            let realm = entry.text()?;
            check_realm(realm, |problem| entry.problem(problem));
            Some(realm.to_owned())
        });
        #[cfg(not(feature = "tls"))]
        refuse_tls(table);
        Given {
            realm,
            address: GivenAddress::read(table),
            #[cfg(feature = "tls")]
            tls: read_tls(table),
            serializers: table.either("serializer", "serializers").map(read_serializers),
            credentials: table.entry("auth").and_then(credentials::read),
            reconnect: table.entry("reconnect").and_then(read_reconnect),
            timeout: table.duration("timeout"),
            stop_timeout: table.duration("stop_timeout"),
            headers: table.entry("headers").and_then(read_headers),
            limits: table.limits("limits", Limits { message_size: Settings::message_size(), ..Limits::default() }),
        }
    }

    /// This, and for the rest what holds for all clients.
    pub(super) fn or(self, defaults: &Given) -> Given {
        let defaults = defaults.clone();
        Given {
            realm: self.realm.or(defaults.realm),
            address: self.address.or(&defaults.address),
            #[cfg(feature = "tls")]
            tls: self.tls.or(defaults.tls),
            serializers: self.serializers.or(defaults.serializers),
            credentials: self.credentials.or(defaults.credentials),
            reconnect: self.reconnect.or(defaults.reconnect),
            timeout: self.timeout.or(defaults.timeout),
            stop_timeout: self.stop_timeout.or(defaults.stop_timeout),
            headers: self.headers.or(defaults.headers),
            limits: self.limits.or(defaults.limits),
        }
    }

    /// How the client of this name connects; what is wrong with that is told.
    pub(super) fn into_settings(self, name: &str, problem: impl Fn(String)) -> Settings {
        let urls = self.address.into_urls().unwrap_or_else(|error| {
            problem(error);
            Vec::new()
        });
        let mut settings = Settings::new(urls);
        settings.realm = self.realm.unwrap_or_else(|| {
            check_realm(name, &problem);
            name.to_owned()
        });
        #[cfg(feature = "tls")]
        {
            settings.tls = self.tls;
        }
        settings.serializers = self.serializers.unwrap_or(settings.serializers);
        settings.credentials = self.credentials.unwrap_or(settings.credentials);
        settings.reconnect = self.reconnect.unwrap_or(settings.reconnect);
        settings.timeout = self.timeout.unwrap_or(settings.timeout);
        settings.stop_timeout = self.stop_timeout.unwrap_or(settings.stop_timeout);
        settings.headers = self.headers.unwrap_or_default();
        settings.limits = self.limits.unwrap_or(settings.limits);
        settings
    }
}

fn check_realm(realm: &str, problem: impl FnOnce(String)) {
    if let Err(error) = Uri::new(realm) {
        problem(format!("realm `{realm}`: {error}"));
    }
}

#[cfg(feature = "tls")]
fn read_tls<'d>(table: &'d Table<'d>) -> Option<ClientTls> {
    let entry = table.entry("tls")?;
    if entry.as_flag().is_some() {
        if table.entry("url").or(table.entry("urls")).is_some() {
            entry.problem("a URL says that by its scheme, `wss` or `rss`");
        }
        return None;
    }
    if !entry.is_table() {
        entry.expected("true, false or a table");
        return None;
    }
    let options = entry.table()?;
    let file = |key| options.entry(key).and_then(Entry::file);
    let (authority, certificate, key) = (file("authority_file"), file("certificate_file"), file("key_file"));
    options.finish();
    let tls = authority.into_iter().fold(ClientTls::new(), ClientTls::authority_file);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(tls.certificate_files(certificate, key)),
        (None, None) => Some(tls),
        _ => {
            entry.problem("expected both `certificate_file` and `key_file`, or none of them");
            None
        }
    }
}

#[cfg(not(feature = "tls"))]
fn refuse_tls<'d>(table: &'d Table<'d>) {
    if let Some(tls) = table.entry("tls").filter(|tls| tls.as_flag() != Some(false)) {
        tls.problem("the program is built without the feature `tls` of serverwamp");
    }
}

fn read_serializers(entry: Entry<'_>) -> Vec<Serializer> {
    let read = |(entry, name): (Entry<'_>, &str)| {
        let found = Serializer::ALL.into_iter().find(|serializer| serializer.name() == name);
        if found.is_none() {
            let known: Vec<_> = Serializer::ALL.iter().map(|serializer| serializer.name()).collect();
            entry.problem(format!("expected one of {}, got `{name}`", known.join(", ")));
        }
        found
    };
    one_or_more(entry, "serializer").into_iter().filter_map(read).collect()
}

fn read_reconnect(entry: Entry<'_>) -> Option<Reconnect> {
    match entry.as_flag() {
        Some(true) => return Some(Reconnect::default()),
        Some(false) => return Some(Reconnect::never()),
        None if entry.is_table() => {}
        None => {
            entry.expected("true, false or a table");
            return None;
        }
    }
    let table = entry.table()?;
    let default = Reconnect::default();
    let read = Reconnect {
        first: table.duration("first").unwrap_or(default.first),
        longest: table.duration("longest").unwrap_or(default.longest),
        reset_after: table.duration("reset_after").unwrap_or(default.reset_after),
        max_retries: table.entry("max_retries").and_then(|entry| entry.number_within(0, u32::MAX)),
    };
    table.finish();
    Some(read)
}

fn read_headers(entry: Entry<'_>) -> Option<Vec<(String, String)>> {
    let table = entry.table()?;
    let mut headers = Vec::new();
    for (name, entry) in table.entries() {
        let Some(value) = entry.secret() else { continue };
        match is_header(name, &value) {
            true => headers.push((name.to_owned(), value.as_str().to_owned())),
            false => entry.problem("HTTP does not allow it"),
        }
    }
    Some(headers)
}
