//! TLS beneath frames, by rustls with ring.

mod client;
mod config;
mod error;
mod pem;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;
use tokio_rustls::rustls::{CommonState, ConnectionCommon, ProtocolVersion};

use super::ByteStream;
use crate::handler::TlsInfo;

pub use client::ClientTls;
pub use config::{ClientCertificates, TlsConfig};
pub use error::TlsError;

/// An end of a TLS connection, behind its handshake.
pub(crate) struct Tls {
    /// Boxed, since it is moved into ever larger futures, each of which would keep room for it.
    stream: Box<TlsStream<TcpStream>>,
    /// What binds an authentication to the connection.
    exporter: Option<[u8; 32]>,
}

impl ByteStream for Tls {
    /// A read that found nothing has taken everything out of rustls as well, so that only the socket can have more.
    fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        self.stream.get_ref().0.poll_readable(context)
    }

    fn tls_info(&self) -> Option<TlsInfo> {
        let (_, session) = self.stream.get_ref();
        let certificates = session.peer_certificates().unwrap_or_default();
        Some(TlsInfo {
            version: match session.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "TLSv1.2",
            },
            server_name: match &*self.stream {
                TlsStream::Server(stream) => stream.get_ref().1.server_name().map(str::to_owned),
                TlsStream::Client(_) => None,
            },
            alpn: session.alpn_protocol().map(<[u8]>::to_vec),
            client_certificates: match &*self.stream {
                TlsStream::Server(_) => certificates.iter().map(|certificate| certificate.to_vec()).collect(),
                TlsStream::Client(_) => Vec::new(),
            },
            exporter: self.exporter,
        })
    }
}

/// The channel binding of RFC 9266, which TLS 1.2 has only with an extended master secret; it need not have one.
fn exporter<D>(session: &ConnectionCommon<D>, extended_master_secret: bool) -> Option<[u8; 32]> {
    let state: &CommonState = session;
    if state.protocol_version() != Some(ProtocolVersion::TLSv1_3) && !extended_master_secret {
        return None;
    }
    session.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok()
}

impl AsyncRead for Tls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Tls {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for Tls {
    /// Says `close_notify`, as far as that goes without waiting, whichever way the connection ends.
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        // A peer that cannot be told notices when the connection closes.
        let _ = Pin::new(&mut self.stream).poll_shutdown(&mut context);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::version::{TLS12, TLS13};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

    use super::*;

    fn localhost() -> CertifiedKey<KeyPair> {
        generate_simple_self_signed(["localhost".to_owned()]).unwrap()
    }

    /// What both ends of a connection export.
    async fn exported(
        tls: &TlsConfig,
        version: &'static SupportedProtocolVersion,
        certificate: CertificateDer<'static>,
    ) -> (Option<[u8; 32]>, [u8; 32]) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let client = client.with_protocol_versions(&[version]).unwrap();
        let client = TlsConnector::from(Arc::new(client.with_root_certificates(roots).with_no_client_auth()));
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let (server, client) = tokio::join!(tls.accept(accepted), client.connect(name, stream));
        let (server, client) = (server.unwrap(), client.unwrap());
        let ours = server.tls_info().unwrap().exporter;
        (ours, client.get_ref().1.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).unwrap())
    }

    #[tokio::test]
    async fn both_ends_export_the_same_once() {
        let CertifiedKey { cert, signing_key } = localhost();
        let tls = TlsConfig::from_pem(cert.pem(), signing_key.serialize_pem());
        tls.reload().unwrap();
        let mut seen = Vec::new();
        for version in [&TLS12, &TLS12, &TLS13, &TLS13] {
            let (server, client) = exported(&tls, version, cert.der().clone()).await;
            assert_eq!(server, Some(client));
            assert!(!seen.contains(&client), "it is the connection's own");
            seen.push(client);
        }
    }

    /// A configuration that a program may have made itself.
    fn of_rustls(localhost: &CertifiedKey<KeyPair>) -> ServerConfig {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_protocol_versions(&[&TLS12, &TLS13]).unwrap().with_no_client_auth();
        let key = PrivateKeyDer::from_pem_slice(localhost.signing_key.serialize_pem().as_bytes()).unwrap();
        config.with_single_cert(vec![localhost.cert.der().clone()], key).unwrap()
    }

    #[test]
    fn early_data_is_refused_whoever_allows_it() {
        let mut config = of_rustls(&localhost());
        config.max_early_data_size = 1000;
        assert_eq!(TlsConfig::from_config(config).load().unwrap().max_early_data_size, 0);
    }

    #[tokio::test]
    async fn nothing_is_exported_that_another_connection_could_share() {
        let localhost = localhost();
        let (config, certificate) = (of_rustls(&localhost), localhost.cert.der());
        for require_ems in [false, true] {
            let mut config = config.clone();
            config.require_ems = require_ems;
            let tls = TlsConfig::from_config(config);
            tls.reload().unwrap();
            assert_eq!(exported(&tls, &TLS12, certificate.clone()).await.0.is_some(), require_ems);
            assert!(exported(&tls, &TLS13, certificate.clone()).await.0.is_some());
        }
    }
}
