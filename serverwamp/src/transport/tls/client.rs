//! What a client's TLS is made of.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::config::both;
use super::pem::Pem;
use super::{Tls, TlsError, exporter};

/// TLS for a client: whom it trusts, and the certificate that it shows. TLS 1.2 and 1.3 only.
///
/// Without further ado, it trusts the authorities that the operating system trusts, and shows no certificate.
///
/// ```no_run
/// use serverwamp::{Client, ClientTls};
///
/// # async fn connects() -> Result<(), serverwamp::ConnectError> {
/// let tls = ClientTls::new().authority_file("our-authority.pem").certificate_files("me.pem", "my-key.pem");
/// let client = Client::connect("wss://router.example.com/ws").tls(tls).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ClientTls {
    source: Source,
}

#[derive(Clone)]
enum Source {
    Pem { authorities: Vec<Pem>, certificate: Option<(Pem, Pem)> },
    Rustls(Arc<ClientConfig>),
}

impl Default for Source {
    fn default() -> Source {
        Source::Pem { authorities: Vec::new(), certificate: None }
    }
}

impl ClientTls {
    /// The operating system's authorities, and no certificate.
    pub fn new() -> ClientTls {
        ClientTls::default()
    }

    /// A configuration of rustls itself, used as it is.
    ///
    /// Over TLS 1.2 there is no `tls-exporter` channel binding unless it has `require_ems`.
    pub fn from_config(config: impl Into<Arc<ClientConfig>>) -> ClientTls {
        ClientTls { source: Source::Rustls(config.into()) }
    }

    /// Trusts these authorities (in PEM), in place of those of the operating system; repeatable.
    #[must_use]
    pub fn authority(self, authorities: impl Into<Vec<u8>>) -> ClientTls {
        self.trust(Pem::text(authorities.into()))
    }

    /// As [`authority`](ClientTls::authority), from a file that is read at each connection.
    #[must_use]
    pub fn authority_file(self, authorities: impl Into<PathBuf>) -> ClientTls {
        self.trust(Pem::File(authorities.into()))
    }

    /// Shows this certificate, followed by those that lead to its authority, and has this key to it; both in PEM.
    #[must_use]
    pub fn certificate(self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> ClientTls {
        self.show(Pem::text(certificate.into()), Pem::text(key.into()))
    }

    /// As [`certificate`](ClientTls::certificate), from files that are read at each connection.
    #[must_use]
    pub fn certificate_files(self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> ClientTls {
        self.show(Pem::File(certificate.into()), Pem::File(key.into()))
    }

    fn trust(mut self, pem: Pem) -> ClientTls {
        if let Source::Pem { authorities, .. } = &mut self.source {
            authorities.push(pem);
        }
        self
    }

    fn show(mut self, certificate: Pem, key: Pem) -> ClientTls {
        if let Source::Pem { certificate: shown, .. } = &mut self.source {
            *shown = Some((certificate, key));
        }
        self
    }

    /// Reads the files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn load(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let (authorities, certificate) = match &self.source {
            Source::Pem { authorities, certificate } => (authorities, certificate),
            Source::Rustls(config) => return Ok(Arc::clone(config)),
        };
        let shown = certificate.as_ref().map(|(certificate, key)| both(certificate.certificates(), key.key()));
        let (roots, shown) = both(roots(authorities), shown.transpose())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| TlsError::new(error.to_string()))?
            .with_root_certificates(roots);
        let mut config = match shown {
            Some((chain, key)) => {
                config.with_client_auth_cert(chain, key).map_err(|error| TlsError::new(error.to_string()))?
            }
            None => config.with_no_client_auth(),
        };
        config.require_ems = true;
        Ok(Arc::new(config))
    }

    /// The client's end of the handshake with the server of this name; WebSockets say that they begin with HTTP.
    ///
    /// # Errors
    /// The server is not to be trusted, or speaks no TLS.
    pub(crate) async fn connect(&self, stream: TcpStream, host: &str, alpn: Option<&[u8]>) -> io::Result<Tls> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut config = self.load().map_err(io::Error::other)?;
        if let Some(alpn) = alpn.filter(|_| config.alpn_protocols.is_empty()) {
            Arc::make_mut(&mut config).alpn_protocols = vec![alpn.to_vec()];
        }
        let extended_master_secret = config.require_ems;
        let stream = Box::pin(TlsConnector::from(config).connect(name, stream)).await?;
        let exporter = exporter(stream.get_ref().1, extended_master_secret);
        Ok(Tls { stream: Box::new(stream.into()), exporter })
    }
}

/// Those who are trusted: the given ones, or else those of the operating system.
fn roots(authorities: &[Pem]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.extend(authority.authorities()?.roots);
    }
    if authorities.is_empty() {
        let found = rustls_native_certs::load_native_certs();
        let (_, unusable) = roots.add_parsable_certificates(found.certs);
        for error in &found.errors {
            tracing::warn!(%error, "an authority of the operating system cannot be read");
        }
        tracing::debug!(authorities = roots.len(), unusable, "trusting those of the operating system");
        if roots.is_empty() {
            return Err(TlsError::new(
                "the operating system names no authority to trust: name one with ClientTls::authority",
            ));
        }
    }
    Ok(roots)
}

/// Shows where certificates come from, and nothing of them.
impl fmt::Debug for ClientTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("ClientTls");
        if let Source::Pem { authorities, certificate } = &self.source {
            let names = |pem: &Pem| pem.to_string();
            shown.field("authorities", &authorities.iter().map(names).collect::<Vec<_>>());
            shown.field("certificate", &certificate.as_ref().map(|(certificate, _)| names(certificate)));
        }
        shown.finish_non_exhaustive()
    }
}
