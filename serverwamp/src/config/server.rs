//! What a configuration says of the server as a whole: where it listens, whom it believes, its limits.

use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::secret::secret;
use crate::app::App;
use crate::document::{Entry, Table};
use crate::limits::Limits;
#[cfg(feature = "tls")]
use crate::transport::ClientCertificates;
use crate::transport::{TlsConfig, TrustedProxies};

/// The server's part of a configuration. None of it can change while the server runs, but the certificates.
#[derive(Debug)]
pub(super) struct ServerConfiguration {
    pub(super) limits: Limits,
    pub(super) origins: Vec<String>,
    pub(super) proxies: TrustedProxies,
    pub(super) listen: Vec<Listen>,
    decoy_secret: Option<[u8; 32]>,
}

/// An address to listen on.
#[derive(Debug)]
pub(super) struct Listen {
    pub(super) address: String,
    /// Where its certificates are.
    pub(super) files: Option<TlsFiles>,
    /// What is in these files.
    pub(super) tls: Option<TlsConfig>,
}

/// The files of an address with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    /// Whose certificates clients may show, and whether they must.
    authorities: Option<(PathBuf, bool)>,
}

impl ServerConfiguration {
    pub(super) fn read<'d>(table: &'d Table<'d>) -> ServerConfiguration {
        let listed = table.tables("listen");
        let mut listen: Vec<Listen> = Vec::new();
        for table in &listed {
            let Some(one) = Listen::read(table) else { continue };
            if listen.iter().any(|other| other.address == one.address) {
                table.problem(format!("there is another `{}`", one.address));
            }
            listen.push(one);
        }
        let texts = |key| table.texts(key).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        let entry = table.entry("trusted_proxies");
        let proxies = match table.text("forwarded_field") {
            Some("Forwarded") => TrustedProxies::forwarded(texts("trusted_proxies")),
            Some("X-Forwarded-For") | None => TrustedProxies::x_forwarded_for(texts("trusted_proxies")),
            Some(other) => {
                let message = format!("expected `X-Forwarded-For` or `Forwarded`, got `{other}`");
                table.entry("forwarded_field").into_iter().for_each(|entry| entry.problem(&message));
                TrustedProxies::default()
            }
        };
        for proxy in proxies.malformed() {
            let message = format!("expected an address, a network such as 10.0.0.0/8, or `unix`, got `{proxy}`");
            entry.into_iter().for_each(|entry| entry.problem(&message));
        }
        let decoy = table.entry("decoy_secret").and_then(secret);
        ServerConfiguration {
            limits: table.limits("limits", Limits::default()).unwrap_or_default(),
            origins: texts("allowed_origins").into_iter().map(str::to_owned).collect(),
            proxies,
            listen,
            decoy_secret: decoy.map(|secret| Sha256::digest(secret.as_bytes()).0),
        }
    }

    /// An app that is so configured.
    pub(super) fn configure(&self, mut app: App) -> App {
        app = app.limits(self.limits.clone()).trusted_proxies(self.proxies.clone());
        app = self.origins.iter().fold(app, App::allow_origin);
        app = self.decoy_secret.into_iter().fold(app, App::decoy_secret);
        self.listen.iter().fold(app, |app, one| match &one.tls {
            #[cfg(feature = "tls")]
            Some(tls) => app.bind_tls(&one.address, tls.clone()),
            _ => app.bind(&one.address),
        })
    }

    /// The keys whose values differ in another configuration, though they cannot change while the server runs.
    pub(super) fn differences(&self, other: &ServerConfiguration) -> Vec<&'static str> {
        let place = |listen: &[Listen]| -> Vec<(String, bool)> {
            listen.iter().map(|one| (one.address.clone(), one.files.is_some())).collect()
        };
        [
            ("limits", self.limits != other.limits),
            ("allowed_origins", self.origins != other.origins),
            ("trusted_proxies", self.proxies != other.proxies),
            ("listen", place(&self.listen) != place(&other.listen)),
            ("decoy_secret", self.decoy_secret != other.decoy_secret),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }

    /// Uses the certificates of another configuration for the addresses that both have.
    pub(super) fn adopt_certificates(&self, other: &ServerConfiguration) {
        for one in &self.listen {
            let same = other.listen.iter().find(|same| same.address == one.address);
            if let (Some(own), Some(read)) = (&one.tls, same.and_then(|same| same.tls.as_ref())) {
                own.adopt(read);
            }
        }
    }
}

impl Listen {
    fn read<'d>(table: &'d Table<'d>) -> Option<Listen> {
        let entry = table.required("address");
        let address = entry.and_then(Entry::text);
        let given = table.entry("tls");
        let files = given.and_then(Entry::table).and_then(|table| TlsFiles::read(&table));
        table.finish();
        let (entry, address) = (entry?, address?);
        let is_unix = address.starts_with("unix:");
        if !address.contains(':') {
            entry.problem(format!("expected `host:port`, `unix:/path` or `systemd:name`, got `{address}`"));
        }
        if let (true, Some(tls)) = (is_unix, given) {
            tls.problem("unix sockets go without TLS");
        }
        let tls = given.zip(files.as_ref()).and_then(|(given, files)| files.load(given));
        Some(Listen { address: address.to_owned(), files, tls })
    }
}

impl TlsFiles {
    fn read<'d>(table: &'d Table<'d>) -> Option<TlsFiles> {
        let certificate = table.required("certificate").and_then(Entry::file);
        let key = table.required("key").and_then(Entry::file);
        let authorities = table.entry("client_authorities").and_then(Entry::file);
        let required = table.flag("client_certificates_required");
        table.finish();
        if required.is_some() && authorities.is_none() {
            table.problem("`client_certificates_required` takes `client_authorities`");
        }
        let authorities = authorities.map(|file| (file, required.unwrap_or_default()));
        Some(TlsFiles { certificate: certificate?, key: key?, authorities })
    }

    /// Reads the files.
    #[cfg(feature = "tls")]
    fn load(&self, entry: Entry<'_>) -> Option<TlsConfig> {
        let TlsFiles { certificate, key, authorities } = self;
        let mut tls = TlsConfig::from_pem_files(certificate, key);
        if let Some((file, required)) = authorities {
            tls = tls.client_certificates(match required {
                true => ClientCertificates::required_by_file(file),
                false => ClientCertificates::optional_by_file(file),
            });
        }
        let error = tls.reload().err();
        error.iter().flat_map(|error| error.problems()).for_each(|problem| entry.problem(problem));
        error.is_none().then_some(tls)
    }

    /// Says that there is nothing to read them with.
    #[cfg(not(feature = "tls"))]
    fn load(&self, entry: Entry<'_>) -> Option<TlsConfig> {
        entry.problem("TLS takes the feature `tls`, which this program was built without");
        None
    }
}
