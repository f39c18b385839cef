//! What a server's TLS is made of, and how that is read again while it runs.

use std::ffi::OsString;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{Error, ServerConfig};

use super::pem::Pem;
use super::{Tls, TlsError, exporter};
use crate::error::Problem;

/// TLS for the addresses of a server: its certificate, and whether clients show theirs. TLS 1.2 and 1.3 only.
///
/// Files are read when the server starts, which fails with every problem of theirs, and again at
/// [`reload`](TlsConfig::reload). Clones are the same configuration: reloading one reloads all.
///
/// ```no_run
/// use serverwamp::TlsConfig;
/// use tokio::signal::unix::{SignalKind, signal};
///
/// #[tokio::main]
/// async fn main() -> serverwamp::Result<()> {
///     let tls = TlsConfig::from_pem_files("certificate.pem", "key.pem");
///     let app = serverwamp::serve().bind("0.0.0.0:8443").tls(tls.clone());
///     let mut hangup = signal(SignalKind::hangup())?;
///     tokio::spawn(async move {
///         while hangup.recv().await.is_some() {
///             if let Err(error) = tls.reload() {
///                 eprintln!("the certificate stays as it was: {error}");
///             }
///         }
///     });
///     app.await
/// }
/// ```
///
/// Clients of TLS 1.2 need an extended master secret (RFC 7627), which everything has had since about 2016; without it
/// nothing can be bound to the connection. ALPN: `http/1.1`, for clients that offer any.
#[derive(Clone)]
pub struct TlsConfig {
    source: Source,
    clients: Option<ClientCertificates>,
    /// What new connections get; none before the first time it is loaded.
    current: Arc<RwLock<Option<Arc<ServerConfig>>>>,
}

#[derive(Clone)]
enum Source {
    Pem { certificate: Pem, key: Pem },
    Rustls(Arc<ServerConfig>),
}

impl TlsConfig {
    /// The server's certificate, followed by those that lead to its authority, and its private key, each in a file.
    ///
    /// PEM; the key in PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub fn from_pem_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsConfig {
        TlsConfig::new(Source::Pem { certificate: Pem::File(certificate.into()), key: Pem::File(key.into()) })
    }

    /// As [`from_pem_files`](TlsConfig::from_pem_files), from memory.
    pub fn from_pem(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> TlsConfig {
        TlsConfig::new(Source::Pem { certificate: Pem::text(certificate.into()), key: Pem::text(key.into()) })
    }

    /// A configuration of rustls itself, for what there is no method for here, such as several certificates by name, or
    /// revoked ones of clients. It is used as it is, but that early data, which anybody could send again, is refused.
    ///
    /// Over TLS 1.2 there is no `tls-exporter` channel binding unless it has `require_ems`.
    pub fn from_config(config: impl Into<Arc<ServerConfig>>) -> TlsConfig {
        let mut config = config.into();
        if config.max_early_data_size > 0 {
            Arc::make_mut(&mut config).max_early_data_size = 0;
        }
        TlsConfig::new(Source::Rustls(config))
    }

    fn new(source: Source) -> TlsConfig {
        TlsConfig { source, clients: None, current: Arc::default() }
    }

    /// Asks clients for certificates, which handlers find in [`TransportInfo::tls`](crate::TransportInfo::tls). Default:
    /// clients are not asked. Not for [`from_config`](TlsConfig::from_config), which has its own.
    pub fn client_certificates(self, clients: ClientCertificates) -> TlsConfig {
        TlsConfig { clients: Some(clients), ..TlsConfig::new(self.source) }
    }

    /// Reads the files again, for connections to come. Those that there are go on as they are, with the certificates that
    /// they began with.
    ///
    /// Blocks for as long as reading the files takes.
    ///
    /// # Errors
    /// Something is wrong with the files; what was read before stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = self.load()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
        Ok(())
    }

    /// Uses what another configuration has read, for connections to come.
    #[cfg(feature = "config")]
    pub(crate) fn adopt(&self, other: &TlsConfig) {
        let read = other.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
    }

    /// The files that the environment names.
    pub(crate) fn from_environment(certificate: OsString, key: OsString) -> Result<TlsConfig, Vec<Problem>> {
        Ok(TlsConfig::from_pem_files(certificate, key))
    }

    /// Reads the files. Returns what is wrong with them.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let problems = self.reload().err();
        problems.iter().flat_map(TlsError::problems).map(|problem| Problem::new(format!("TLS: {problem}"))).collect()
    }

    pub(super) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let (certificate, key) = match (&self.source, &self.clients) {
            (Source::Pem { certificate, key }, _) => (certificate, key),
            (Source::Rustls(config), None) => return Ok(Arc::clone(config)),
            (Source::Rustls(_), Some(_)) => {
                let problem = "client certificates beside a configuration of rustls; expected a verifier in that one";
                return Err(TlsError::new(problem));
            }
        };
        let provider = Arc::new(ring::default_provider());
        let chain = certificate.certificates();
        let private = key.key();
        let verifier = self.clients.as_ref().map(|clients| {
            let authorities = clients.authorities.authorities()?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), Arc::clone(&provider));
            let verifier = if clients.required { verifier } else { verifier.allow_unauthenticated() };
            verifier.build().map_err(|error| TlsError::new(format!("{}: {error}", clients.authorities)))
        });
        let ((chain, private), verifier) = both(both(chain, private), verifier.transpose())?;
        let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13, &TLS12]);
        let config = config.map_err(|error| TlsError::new(error.to_string()))?;
        let config = match verifier {
            Some(verifier) => config.with_client_cert_verifier(verifier),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_single_cert(chain, private).map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                TlsError::new(format!("{key}: another key than that of the certificate in {certificate}"))
            }
            error => TlsError::new(format!("{certificate} with {key}: {error}")),
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.require_ems = true;
        Ok(Arc::new(config))
    }

    /// The server's end of the handshake, with the certificates of now.
    ///
    /// # Errors
    /// The client does not speak TLS, or breaks it off, or has no certificate that is accepted.
    pub(crate) fn accept(&self, stream: TcpStream) -> impl Future<Output = io::Result<Tls>> + Send + use<> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            let config = current.ok_or_else(|| io::Error::other("no certificate has been loaded"))?;
            let extended_master_secret = config.require_ems;
            let stream = Box::pin(TlsAcceptor::from(config).accept(stream)).await?;
            let exporter = exporter(stream.get_ref().1, extended_master_secret);
            Ok(Tls { stream: Box::new(stream.into()), exporter })
        }
    }
}

/// Both, or all that is wrong with either.
pub(super) fn both<A, B>(one: Result<A, TlsError>, other: Result<B, TlsError>) -> Result<(A, B), TlsError> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(one), Err(other)) => Err(one.and(other)),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Shows where certificates come from, and nothing of them.
impl fmt::Debug for TlsConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("TlsConfig");
        if let Source::Pem { certificate, key } = &self.source {
            shown.field("certificate", &format_args!("{certificate}")).field("key", &format_args!("{key}"));
        }
        shown.field("client_certificates", &self.clients).finish_non_exhaustive()
    }
}

/// Whether clients must show certificates, and who has to have signed them.
///
/// Who a client is follows from its certificate only if the program says so: see
/// [`TlsInfo::client_certificate`](crate::TlsInfo::client_certificate).
#[derive(Clone)]
pub struct ClientCertificates {
    authorities: Pem,
    required: bool,
}

impl ClientCertificates {
    /// No client without a certificate that one of these authorities (in PEM) has signed.
    pub fn required(authorities: impl Into<Vec<u8>>) -> ClientCertificates {
        ClientCertificates { authorities: Pem::text(authorities.into()), required: true }
    }

    /// As [`required`](ClientCertificates::required), from a file that is read again at [`TlsConfig::reload`].
    pub fn required_by_file(authorities: impl Into<PathBuf>) -> ClientCertificates {
        ClientCertificates { authorities: Pem::File(authorities.into()), required: true }
    }

    /// Clients may do without a certificate; one that they show must be signed by one of these authorities (in PEM).
    pub fn optional(authorities: impl Into<Vec<u8>>) -> ClientCertificates {
        ClientCertificates { required: false, ..ClientCertificates::required(authorities) }
    }

    /// As [`optional`](ClientCertificates::optional), from a file that is read again at [`TlsConfig::reload`].
    pub fn optional_by_file(authorities: impl Into<PathBuf>) -> ClientCertificates {
        ClientCertificates { required: false, ..ClientCertificates::required_by_file(authorities) }
    }
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientCertificates");
        shown.field("authorities", &format_args!("{}", self.authorities)).field("required", &self.required).finish()
    }
}
