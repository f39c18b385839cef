//! Clients as a configuration file names them.

mod address;
mod credentials;
mod given;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use super::connect::Connect;
use super::settings::Settings;
use crate::document::{Document, Format, Table};
use crate::error::{ConnectError, Error, Problem, Result};
use given::Given;

/// The client of a configuration that names none.
const ONLY: &str = "default";

/// Clients by name, each with how it connects, as a configuration has them.
///
/// What is written at the top holds for all clients that do not say otherwise. A client for which nothing at all is written
/// joins the realm of its own name at `ws://localhost:8080/ws`. Without a table `clients` there is one client, `default`.
///
/// ```
/// use serverwamp::client::ClientsConfig;
///
/// # fn main() -> serverwamp::Result<()> {
/// let config = ClientsConfig::from_toml(
///     r#"
///     host = "router.example.com"             # else: localhost
///     timeout = "5s"                          # until joined; else: 10s
///     reconnect = { longest = "5m" }          # also: first, reset_after, max_retries; or false
///
///     [clients.orders]                        # joins the realm `orders`
///
///     [clients.audit]
///     realm = "internal"
///     urls = ["wss://one.example.com/ws", "wss://other.example.com/ws"]
///     serializers = ["cbor", "json"]          # or serializer = "cbor"
///     headers = { Cookie = "a=b" }
///     limits = { message_size = "1 MiB" }
///     stop_timeout = "30s"
///
///     [clients.local]
///     port = 9000                             # else: 8080
///     path = "/"                              # else: /ws
///     "#,
/// )?;
/// assert_eq!(config.names().collect::<Vec<_>>(), ["audit", "local", "orders"]);
/// # Ok(())
/// # }
/// ```
///
/// `auth` is one way to log in, or a list of them in order of preference: `method` is `"anonymous"`, `"ticket"`,
/// `"wampcra"`, `"scram"` or `"cryptosign"`; `authid` the user; `secret` what the method needs (of `cryptosign` the private
/// key in hexadecimal, or with the feature `openssh` as OpenSSH writes it); `channel_binding` and `router_key` are for the
/// methods that have them. A secret, as well as the value of a header, is a text, or `{ file = "…" }`, or
/// `{ env = "…" }`. `tls` is a boolean, or what to
/// trust and to show: `{ authority_file = "…", certificate_file = "…", key_file = "…" }`. Files are relative to the
/// directory of the configuration file.
///
/// ```toml
/// [clients.orders]
/// tls = { authority_file = "ca.pem" }
/// auth = [
///     { method = "cryptosign", authid = "joe", secret = { file = "joe.key" } },
///     { method = "scram", authid = "joe", secret = { env = "JOES_PASSWORD" } },
/// ]
/// ```
///
/// In YAML, with the feature `yaml`, the names are the same.
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
#[derive(Debug, Clone)]
pub struct ClientsConfig {
    clients: BTreeMap<String, Settings>,
}

impl ClientsConfig {
    /// Reads clients from TOML.
    ///
    /// # Errors
    /// [`Error::Startup`] with every mistake and its line: a name that is not known, a value of another type, a file or an
    /// environment variable that is not there.
    pub fn from_toml(text: &str) -> Result<ClientsConfig> {
        ClientsConfig::read(Document::in_text("clients"), Format::Toml, text)
    }

    /// Reads clients from YAML.
    ///
    /// # Errors
    /// As [`from_toml`](ClientsConfig::from_toml).
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml(text: &str) -> Result<ClientsConfig> {
        ClientsConfig::read(Document::in_text("clients"), Format::Yaml, text)
    }

    /// Reads clients from a file: TOML, or with the feature `yaml` YAML if its name ends in `.yaml` or `.yml`.
    ///
    /// # Errors
    /// The file cannot be read; else as [`from_toml`](ClientsConfig::from_toml), with the file and the line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<ClientsConfig> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let unreadable = |problem: String| Error::Startup(vec![Problem::at(&name, problem)]);
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        let format = Format::of(path).map_err(|problem| unreadable(problem.to_owned()))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        ClientsConfig::read(Document::in_file(&name, directory), format, &Zeroizing::new(text))
    }

    /// The names of the clients, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.clients.keys().map(String::as_str)
    }

    /// The client of this name, about to connect: to be awaited, to be given callbacks, or to
    /// [host](Connect::host) functions.
    ///
    /// # Errors
    /// [`ConnectError::Unusable`]: there is no client of this name.
    pub fn connect(&self, name: &str) -> Result<Connect> {
        match self.clients.get(name) {
            Some(settings) => Ok(Connect::with(settings.clone())),
            None => {
                let known: Vec<_> = self.names().map(|name| format!("`{name}`")).collect();
                let message = format!("there is no client `{name}` in the configuration, but {}", known.join(", "));
                Err(ConnectError::Unusable(message).into())
            }
        }
    }

    fn read(document: Document, format: Format, text: &str) -> Result<ClientsConfig> {
        let clients = document.parse(format, text).map(|root| {
            let root = Table::root(&document, &root);
            let clients = read_clients(&root);
            root.finish();
            clients
        });
        let problems = document.into_problems();
        match clients.filter(|_| problems.is_empty()) {
            Some(clients) => Ok(ClientsConfig { clients }),
            None => Err(Error::Startup(problems)),
        }
    }
}

fn read_clients<'d>(root: &'d Table<'d>) -> BTreeMap<String, Settings> {
    let defaults = Given::read(root);
    let mut clients = BTreeMap::new();
    let Some(entry) = root.entry("clients") else {
        let settings = defaults.into_settings(ONLY, |problem| root.problem(problem));
        clients.insert(ONLY.to_owned(), settings);
        return clients;
    };
    let Some(named) = entry.table() else { return clients };
    for (name, entry) in named.entries() {
        let Some(table) = entry.table() else { continue };
        let given = Given::read(&table).or(&defaults);
        table.finish();
        clients.insert(name.to_owned(), given.into_settings(name, |problem| entry.problem(problem)));
    }
    if named.entries().next().is_none() {
        entry.problem("expected at least one client, got none");
    }
    clients
}
