//! A server's configuration as one file, which is read again while the server runs.

mod access;
mod realm;
mod secret;
mod server;
#[cfg(test)]
mod tests;
mod users;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use self::access::RealmAccess;
use self::realm::{LoadedRealm, RealmConfiguration};
use self::server::ServerConfiguration;
use crate::app::{App, AppHandle};
use crate::document::{Document, Format, Table};
use crate::error::{Error, Problem, Result};
use crate::handler::Session;
#[cfg(unix)]
use crate::log::Shown;

/// A server's configuration as a file says it, in TOML, or with the feature `yaml` in YAML if its name ends in `.yaml` or
/// `.yml`: where it listens, its limits, and its realms with their roles and users.
///
/// `examples/router/router.toml` has every key, with what it means. A program of its own functions reads the same file:
///
/// ```no_run
/// use serverwamp::{App, Configuration};
///
/// #[tokio::main]
/// async fn main() -> serverwamp::Result<()> {
///     let configuration = Configuration::from_file("router.toml")?;
///     let app = App::discover().configuration(&configuration);
///     # #[cfg(unix)]
///     tokio::spawn(configuration.reload_on_hangup()?);
///     app.await
/// }
/// ```
///
/// Clones are the same configuration: reloading one reloads all.
#[derive(Clone)]
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
pub struct Configuration(Arc<Inner>);

struct Inner {
    file: PathBuf,
    loaded: Mutex<Loaded>,
    /// The apps that are so configured.
    apps: Mutex<Vec<AppHandle>>,
}

/// What a running server has of it.
struct Loaded {
    server: ServerConfiguration,
    realms: Vec<LoadedRealm>,
}

/// The whole text, read.
struct Whole {
    server: ServerConfiguration,
    realms: Vec<RealmConfiguration>,
}

/// What a [reload](Configuration::reload) has left as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// What is different in the file, and takes a restart to hold.
    pub needs_restart: Vec<String>,
    /// How many sessions go on whose users are gone from the file, or have another role there.
    pub outdated_sessions: usize,
}

impl Configuration {
    /// Reads a file, and the files of secrets, certificates and keys that it names, relative to it.
    ///
    /// # Errors
    /// [`Error::Startup`] with every problem, each with file, line and key. What is not known is a problem.
    pub fn from_file(file: impl Into<PathBuf>) -> Result<Configuration> {
        let file = file.into();
        let Whole { server, realms } = Whole::read(&file)?;
        let realms = realms.into_iter().map(RealmConfiguration::loaded).collect();
        let loaded = Mutex::new(Loaded { server, realms });
        Ok(Configuration(Arc::new(Inner { file, loaded, apps: Mutex::default() })))
    }

    /// Reads the file again. Users, roles, permissions and certificates are as it says from now on; nothing else changes,
    /// and no session ends.
    ///
    /// What a session may do is decided anew, also where an authorizer's decision was to be cached; its role stays what it
    /// was when it joined, and so do its subscriptions and registrations. So a session whose role is gone may do nothing more;
    /// one whose user is gone, or has another role, goes on: `wamp.session.kill_by_authid` ends it. Connections keep the
    /// certificates that they began with.
    ///
    /// Blocks for as long as reading files takes.
    ///
    /// # Errors
    /// [`Error::Startup`] with every problem of the file; then all stays as it was.
    pub fn reload(&self) -> Result<Reloaded> {
        // Locked before, so that of two reloads the later one counts.
        let mut loaded = self.loaded();
        let Whole { server, realms } = Whole::read(&self.0.file)?;
        let mut needs_restart: Vec<String> =
            loaded.server.differences(&server).into_iter().map(|key| format!("`{key}`")).collect();
        loaded.server.adopt_certificates(&server);
        for gone in loaded.realms.iter().filter(|own| realms.iter().all(|read| read.fixed.name != own.fixed.name)) {
            needs_restart.push(format!("the realm `{}`, which is not in the file any more", gone.fixed.name));
        }
        let mut outdated_sessions = 0_usize;
        for RealmConfiguration { fixed, access: RealmAccess { access, users } } in realms {
            let Some(own) = loaded.realms.iter_mut().find(|own| own.fixed.name == fixed.name) else {
                needs_restart.push(format!("the realm `{}`, which is new", fixed.name));
                continue;
            };
            if own.fixed != fixed {
                needs_restart.push(format!("what the realm `{}` is, beside its access", fixed.name));
            }
            own.access.replace(access);
            own.users = users;
            outdated_sessions = outdated_sessions.saturating_add(self.outdated(own));
        }
        drop(loaded);
        Ok(Reloaded { needs_restart, outdated_sessions })
    }

    /// Reloads the configuration whenever the process is sent SIGHUP, for as long as this is awaited, and logs what comes of
    /// it. The signal is listened for from now on.
    ///
    /// # Errors
    /// The operating system does not let us.
    #[cfg(unix)]
    pub fn reload_on_hangup(&self) -> Result<impl Future<Output = ()> + Send + use<>> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangup = signal(SignalKind::hangup())?;
        let configuration = self.clone();
        Ok(async move {
            while hangup.recv().await.is_some() {
                let configuration = configuration.clone();
                // It reads files.
                let reloading = tokio::task::spawn_blocking(move || configuration.reload_and_log());
                if let Err(error) = reloading.await {
                    tracing::error!(%error, "the configuration stays as it was");
                }
            }
        })
    }

    #[cfg(unix)]
    fn reload_and_log(&self) {
        let file = self.0.file.display();
        match self.reload() {
            Ok(Reloaded { needs_restart, outdated_sessions }) => {
                tracing::info!(%file, "the configuration was reloaded");
                for what in needs_restart {
                    tracing::warn!("{} takes a restart to hold", Shown(what));
                }
                if outdated_sessions > 0 {
                    tracing::warn!(
                        sessions = outdated_sessions,
                        "sessions go on whose users are gone or have another role: wamp.session.kill_by_authid ends them"
                    );
                }
            }
            Err(Error::Startup(problems)) => {
                for problem in problems {
                    tracing::error!("{}", Shown(problem));
                }
                tracing::error!(%file, "the configuration stays as it was");
            }
            Err(error) => tracing::error!(%file, error = %Shown(error), "the configuration stays as it was"),
        }
    }

    /// How many sessions of a realm belong to users of the file who are not there any more, or have another role.
    fn outdated(&self, realm: &LoadedRealm) -> usize {
        let is_outdated = |session: &Session| {
            let is_static = session.authprovider() == "static" && session.authmethod() != "anonymous";
            is_static && !realm.users.has(session.authid(), session.authrole())
        };
        let apps = self.0.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = apps.iter().flat_map(|app| app.realm(&realm.fixed.name).all_sessions());
        sessions.filter(is_outdated).count()
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Is as a configuration says: it listens where that says, has its limits, and its realms, which are the only ones that
    /// can be joined. What is set later takes precedence, or is added.
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    pub fn configuration(self, configuration: &Configuration) -> App {
        let loaded = configuration.loaded();
        let app = loaded.server.configure(self).default_realm(false);
        let app = loaded.realms.iter().map(LoadedRealm::realm).fold(app, App::realm);
        configuration.0.apps.lock().unwrap_or_else(PoisonError::into_inner).push(app.handle());
        app
    }
}

impl Whole {
    fn read(file: &Path) -> Result<Whole> {
        let name = file.display().to_string();
        let text = fs::read_to_string(file)
            .map(Zeroizing::new)
            .map_err(|error| Error::Startup(vec![Problem::new(format!("cannot read {name}: {error}"))]))?;
        let format = Format::of(file).map_err(|problem| Error::Startup(vec![Problem::at(&name, problem)]))?;
        Whole::of(&name, format, &text, file.parent().unwrap_or(Path::new(""))).map_err(Error::Startup)
    }

    /// Reads a text; what it refers to is in this directory.
    fn of(name: &str, format: Format, text: &str, directory: &Path) -> Result<Whole, Vec<Problem>> {
        let document = Document::in_file(name, directory);
        let whole = document.parse(format, text).map(|root| {
            let root = Table::root(&document, &root);
            let server = ServerConfiguration::read(&root);
            let tables = root.tables("realms");
            if tables.is_empty() {
                document.problem("there is no realm: expected `[[realms]]`");
            }
            let names: BTreeSet<&str> = tables.iter().filter_map(|table| table.peek("name")).collect();
            let mut realms: Vec<RealmConfiguration> = Vec::new();
            for table in &tables {
                let Some(realm) = RealmConfiguration::read(table, &names) else { continue };
                if realms.iter().any(|other| other.fixed.name == realm.fixed.name) {
                    table.problem(format!("there is another realm `{}`", realm.fixed.name));
                }
                realms.push(realm);
            }
            root.finish();
            Whole { server, realms }
        });
        let problems = document.into_problems();
        whole.filter(|_| problems.is_empty()).ok_or(problems)
    }
}

/// Shows which file it is, and no secrets.
impl fmt::Debug for Configuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Configuration").field(&self.0.file).finish()
    }
}
