//! What a configuration says of one client, or of all.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unreadable, MapDeserializer};

use super::super::credentials::Credentials;
use super::super::reconnect::Reconnect;
use super::super::settings::{Serializer, Settings, is_header};
use super::address::GivenAddress;
use super::credentials;
use super::node::{Node, Table, Value};
use super::problems::Problems;
use crate::limits::Limits;
#[cfg(feature = "tls")]
use crate::transport::ClientTls;
use crate::wire::Uri;

/// The names of all options.
const NAMES: &[&str] = &[
    "auth",
    "headers",
    "host",
    "limits",
    "path",
    "port",
    "realm",
    "reconnect",
    "serializer",
    "serializers",
    "stop_timeout",
    "timeout",
    "tls",
    "url",
    "urls",
];

/// What a configuration says of one client, or of all.
#[derive(Clone, Default)]
pub(super) struct Given {
    /// Where it is written.
    line: usize,
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
    /// A client of which nothing is said.
    pub(super) fn nothing(line: usize) -> Given {
        Given { line, ..Given::default() }
    }

    /// Reads a table, which may have names of others as well.
    pub(super) fn read(table: &Table, others: &[&str], problems: &mut Problems) -> Given {
        let names: Vec<_> = NAMES.iter().chain(others).copied().collect();
        problems.check_names(table, &names);
        #[cfg(not(feature = "tls"))]
        refuse_tls(table, problems);
        let realm = table.get("realm").and_then(|realm| problems.text(realm, "`realm`"));
        Given {
            line: table.line,
            realm: realm.map(str::to_owned).inspect(|realm| check_realm(realm, table.line_of("realm"), problems)),
            address: GivenAddress::read(table, problems),
            #[cfg(feature = "tls")]
            tls: table.get("tls").and_then(|tls| read_tls(tls, table, problems)),
            serializers: read_serializers(table, problems),
            credentials: table.get("auth").and_then(|auth| credentials::read(auth, problems)),
            reconnect: table.get("reconnect").and_then(|reconnect| read_reconnect(reconnect, problems)),
            timeout: table.get("timeout").and_then(|timeout| problems.duration(timeout, "`timeout`")),
            stop_timeout: table.get("stop_timeout").and_then(|timeout| problems.duration(timeout, "`stop_timeout`")),
            headers: table.get("headers").and_then(|headers| read_headers(headers, problems)),
            limits: table.get("limits").and_then(|limits| read_limits(limits, problems)),
        }
    }

    /// This, and for the rest what holds for all clients.
    pub(super) fn or(self, defaults: &Given) -> Given {
        let defaults = defaults.clone();
        Given {
            line: self.line,
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

    /// How the client of this name connects.
    pub(super) fn into_settings(self, name: &str, problems: &mut Problems) -> Settings {
        let urls = self.address.into_urls().unwrap_or_else(|error| {
            problems.add(self.line, format!("client `{name}`: {error}"));
            Vec::new()
        });
        let mut settings = Settings::new(urls);
        settings.realm = self.realm.unwrap_or_else(|| {
            check_realm(name, self.line, problems);
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

fn check_realm(realm: &str, line: usize, problems: &mut Problems) {
    if let Err(error) = Uri::new(realm) {
        problems.add(line, format!("realm `{realm}`: {error}"));
    }
}

#[cfg(feature = "tls")]
fn read_tls(node: &Node, table: &Table, problems: &mut Problems) -> Option<ClientTls> {
    if let Value::Bool(_) = node.value {
        if table.get("url").or(table.get("urls")).is_some() {
            problems.add(node.line, "`tls`: a URL says that by its scheme, `wss` or `rss`");
        }
        return None;
    }
    let Value::Table(options) = &node.value else {
        problems.add(node.line, format!("`tls`: expected true, false or a table, got {}", node.value));
        return None;
    };
    problems.check_names(options, &["authority_file", "certificate_file", "key_file"]);
    let mut path = |name: &str| options.get(name).and_then(|file| problems.path(file, &format!("`{name}`")));
    let (authority, certificate, key) = (path("authority_file"), path("certificate_file"), path("key_file"));
    let tls = authority.into_iter().fold(ClientTls::new(), ClientTls::authority_file);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(tls.certificate_files(certificate, key)),
        (None, None) => Some(tls),
        _ => {
            problems.add(node.line, "`tls`: expected both `certificate_file` and `key_file`, or none of them");
            None
        }
    }
}

#[cfg(not(feature = "tls"))]
fn refuse_tls(table: &Table, problems: &mut Problems) {
    if let Some(tls) = table.get("tls").filter(|tls| !matches!(tls.value, Value::Bool(false))) {
        problems.add(tls.line, "`tls`: the program is built without the feature `tls` of serverwamp");
    }
}

fn read_serializers(table: &Table, problems: &mut Problems) -> Option<Vec<Serializer>> {
    let (node, names) = match (table.get("serializer"), table.get("serializers")) {
        (Some(one), None) => (one, vec![problems.text(one, "`serializer`")?]),
        (None, Some(several)) => (several, problems.texts(several, "`serializers`")?),
        (None, None) => return None,
        (Some(_), Some(several)) => {
            problems.add(several.line, "`serializer` and `serializers`: expected one of them");
            return None;
        }
    };
    let mut serializers = Vec::new();
    for name in names {
        match Serializer::ALL.into_iter().find(|serializer| serializer.name() == name) {
            Some(serializer) => serializers.push(serializer),
            None => {
                let known: Vec<_> = Serializer::ALL.iter().map(|serializer| serializer.name()).collect();
                let message = format!("serializer: expected one of {}, got `{name}`", known.join(", "));
                problems.add(node.line, message);
            }
        }
    }
    Some(serializers)
}

fn read_reconnect(node: &Node, problems: &mut Problems) -> Option<Reconnect> {
    match &node.value {
        Value::Bool(true) => return Some(Reconnect::default()),
        Value::Bool(false) => return Some(Reconnect::never()),
        Value::Table(_) => {}
        other => {
            problems.add(node.line, format!("`reconnect`: expected true, false or a table, got {other}"));
            return None;
        }
    }
    let table = problems.table(node, "`reconnect`")?;
    problems.check_names(table, &["first", "longest", "max_retries", "reset_after"]);
    let mut duration = |name: &str, default: Duration| {
        let read = table.get(name).and_then(|node| problems.duration(node, &format!("`{name}`")));
        read.unwrap_or(default)
    };
    let default = Reconnect::default();
    let (first, longest) = (duration("first", default.first), duration("longest", default.longest));
    let reset_after = duration("reset_after", default.reset_after);
    let retries = table.get("max_retries");
    let max_retries = retries.and_then(|node| problems.integer(node, "`max_retries`", 0, u32::MAX));
    Some(Reconnect { first, longest, reset_after, max_retries })
}

fn read_headers(node: &Node, problems: &mut Problems) -> Option<Vec<(String, String)>> {
    let table = problems.table(node, "`headers`")?;
    let mut headers = Vec::new();
    for entry in &table.entries {
        if let Some(value) = problems.secret(&entry.node, &format!("header `{}`", entry.name)) {
            match is_header(&entry.name, &value) {
                true => headers.push((entry.name.clone(), value)),
                false => problems.add(entry.line, format!("header `{}`: HTTP does not allow it", entry.name)),
            }
        }
    }
    Some(headers)
}

/// Limits that are not named are those of clients.
fn read_limits(node: &Node, problems: &mut Problems) -> Option<Limits> {
    let table = problems.table(node, "`limits`")?;
    let mut limits: Vec<(&str, &Value)> = Vec::new();
    for entry in &table.entries {
        let limit = (entry.name.as_str(), &entry.node.value);
        match Limits::deserialize(MapDeserializer::new([limit].into_iter())) {
            Ok(_) => limits.push(limit),
            Err(error) => {
                let error: Unreadable = error;
                problems.add(entry.line, format!("`limits`: {error}"));
            }
        }
    }
    let read = Limits::deserialize(MapDeserializer::new(limits.into_iter())).ok()?;
    match table.get("message_size") {
        Some(_) => Some(read),
        None => Some(Limits { message_size: Settings::message_size(), ..read }),
    }
}

impl<'de> IntoDeserializer<'de, Unreadable> for &'de Value {
    type Deserializer = Scalar<'de>;

    fn into_deserializer(self) -> Scalar<'de> {
        Scalar(self)
    }
}

/// A value as serde sees it.
pub(super) struct Scalar<'de>(&'de Value);

impl<'de> serde::Deserializer<'de> for Scalar<'de> {
    type Error = Unreadable;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Integer(integer) => visitor.visit_i64(*integer),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            other => Err(serde::de::Error::custom(format_args!("expected a number or a text, got {other}"))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
