//! Clients as a configuration file names them.

mod address;
mod credentials;
mod given;
mod node;
mod problems;
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::connect::Connect;
use super::settings::Settings;
use crate::error::{ConnectError, Error, Problem, Result};
use given::Given;
use node::{Node, Table};
use problems::Problems;

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
        let problems = Problems::in_text("clients");
        ClientsConfig::read(toml::parse(text), problems)
    }

    /// Reads clients from YAML.
    ///
    /// # Errors
    /// As [`from_toml`](ClientsConfig::from_toml).
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml(text: &str) -> Result<ClientsConfig> {
        let problems = Problems::in_text("clients");
        ClientsConfig::read(yaml::parse(text), problems)
    }

    /// Reads clients from a file: TOML, or with the feature `yaml` YAML if its name ends in `.yaml` or `.yml`.
    ///
    /// # Errors
    /// The file cannot be read; else as [`from_toml`](ClientsConfig::from_toml), with the file and the line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<ClientsConfig> {
        let path = path.as_ref();
        let unreadable = |problem: String| Error::Startup(vec![Problem::at(path.display().to_string(), problem)]);
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        let parsed = match path.extension().and_then(|extension| extension.to_str()) {
            #[cfg(feature = "yaml")]
            Some("yaml" | "yml") => yaml::parse(&text),
            #[cfg(not(feature = "yaml"))]
            Some("yaml" | "yml") => {
                return Err(unreadable("the program is built without the feature `yaml` of serverwamp".to_owned()));
            }
            _ => toml::parse(&text),
        };
        ClientsConfig::read(parsed, Problems::in_file(path))
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

    fn read(parsed: Result<Node, Vec<node::Mistake>>, mut problems: Problems) -> Result<ClientsConfig> {
        let mut clients = BTreeMap::new();
        match parsed {
            Err(mistakes) => mistakes.into_iter().for_each(|mistake| problems.add(mistake.line, mistake.message)),
            Ok(root) => {
                if let Some(top) = problems.table(&root, "the configuration") {
                    read_clients(top, &mut problems, &mut clients);
                }
            }
        }
        problems.into_result(ClientsConfig { clients })
    }
}

fn read_clients(top: &Table, problems: &mut Problems, clients: &mut BTreeMap<String, Settings>) {
    let defaults = Given::read(top, &["clients"], problems);
    let Some(named) = top.get("clients") else {
        let given = Given::nothing(top.line).or(&defaults);
        clients.insert(ONLY.to_owned(), given.into_settings(ONLY, problems));
        return;
    };
    let Some(named) = problems.table(named, "`clients`") else { return };
    if named.entries.is_empty() {
        problems.add(named.line, "`clients`: expected at least one client, got none");
    }
    for entry in &named.entries {
        // In YAML, a client for which there is nothing to say.
        let nothing = Table { line: entry.line, entries: Vec::new() };
        let table = match &entry.node.value {
            node::Value::Nothing => Some(&nothing),
            _ => problems.table(&entry.node, &format!("client `{}`", entry.name)),
        };
        if let Some(table) = table {
            let given = Given::read(table, &[], problems).or(&defaults);
            clients.insert(entry.name.clone(), given.into_settings(&entry.name, problems));
        }
    }
}
