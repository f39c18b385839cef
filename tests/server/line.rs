//! What a server is reached by: plain TCP, or TLS over it. What goes over one goes over the other.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serverwamp::{App, TlsConfig};
use serverwamp_tests::certificates::{Authority, Credentials, Validity};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Makes tests of functions that take a line: one for each line.
macro_rules! over_every_line {
    ($($test:ident),* $(,)?) => {
        over_every_line! { @ plain Plain $($test)* }
        over_every_line! { @ tls Tls $($test)* }
    };
    (@ $module:ident $line:ident $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(super::Line::$line).await;
                }
            )*
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Plain,
    Tls,
}

/// A server's address, and what is spoken there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) line: Line,
}

/// A connection.
pub(super) trait Octets: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Octets for S {}

pub(super) type Stream = Box<dyn Octets>;

impl Line {
    /// An app that listens on such lines.
    pub(super) fn over(self, app: App) -> App {
        match self {
            Line::Plain => app,
            Line::Tls => app.tls(localhost().config()),
        }
    }

    /// Runs an app for as long as the test does.
    pub(super) async fn start(self, app: App) -> Place {
        Place { address: super::start(self.over(app)).await, line: self }
    }
}

impl Place {
    pub(super) async fn connect(self) -> Stream {
        let stream = tcp(self.address).await;
        match self.line {
            Line::Plain => Box::new(stream),
            Line::Tls => Box::new(localhost().client().handshake(stream).await.unwrap()),
        }
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Place {
        Place { address, line: Line::Plain }
    }
}

pub(super) async fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A server with its authority.
pub(super) struct Localhost {
    pub(super) authority: Authority,
    pub(super) server: Credentials,
}

/// Who the servers of these tests are.
pub(super) fn localhost() -> &'static Localhost {
    static LOCALHOST: OnceLock<Localhost> = OnceLock::new();
    LOCALHOST.get_or_init(|| {
        let authority = Authority::new("the authority of these tests");
        let server = authority.sign("localhost", Validity::Now);
        Localhost { authority, server }
    })
}

impl Localhost {
    pub(super) fn config(&self) -> TlsConfig {
        TlsConfig::from_pem(self.server.certificate.as_str(), self.server.key.as_str())
    }

    /// The server's side of the handshake, by other code than the server's own.
    pub(super) async fn accept(&self, stream: TcpStream) -> tokio_rustls::server::TlsStream<TcpStream> {
        let chain = vec![CertificateDer::from_pem_slice(self.server.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.server.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(chain, key).unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap()
    }

    /// A client that trusts the authority.
    pub(super) fn client(&self) -> TlsClient {
        TlsClient::trusting(&self.authority)
    }
}

/// The client's side of TLS.
#[derive(Clone)]
pub(super) struct TlsClient {
    roots: RootCertStore,
    credentials: Option<Credentials>,
    versions: Vec<&'static SupportedProtocolVersion>,
    alpn: Vec<Vec<u8>>,
}

impl TlsClient {
    pub(super) fn trusting(authority: &Authority) -> TlsClient {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        TlsClient { roots, credentials: None, versions: vec![&TLS12, &TLS13], alpn: Vec::new() }
    }

    /// Shows a certificate when it is asked for one.
    pub(super) fn with(mut self, credentials: Credentials) -> TlsClient {
        self.credentials = Some(credentials);
        self
    }

    /// Speaks this version only.
    pub(super) fn version(mut self, version: &'static SupportedProtocolVersion) -> TlsClient {
        self.versions = vec![version];
        self
    }

    pub(super) fn alpn(mut self, protocol: &str) -> TlsClient {
        self.alpn.push(protocol.as_bytes().to_vec());
        self
    }

    /// Fails as the client sees it; a server may refuse only once the client believes to be done.
    pub(super) async fn handshake<S: Octets>(self, stream: S) -> std::io::Result<tokio_rustls::client::TlsStream<S>> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(self.roots);
        let mut config = match self.credentials {
            None => config.with_no_client_auth(),
            Some(Credentials { certificate, key }) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = self.alpn;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

/// A file of a name that no other test uses.
pub(super) fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}
