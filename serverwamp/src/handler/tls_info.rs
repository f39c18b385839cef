//! What handlers and authenticators can know of a connection's TLS.

use std::fmt;

use super::session::TransportInfo;
use crate::session::{ChannelBinding, ChannelBindingType};

/// What a connection's TLS handshake said.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The name that the client wanted to reach (SNI); clients that connect to an IP address send none.
    pub server_name: Option<String>,
    /// The protocol that was agreed upon (ALPN), if the client offered any.
    pub alpn: Option<Vec<u8>>,
    /// The client's certificate, then those that lead to its authority, in DER (X.509); empty if the client showed none.
    pub client_certificates: Vec<Vec<u8>>,
    /// Keying material by which both ends know that nobody sits between them.
    pub(crate) exporter: Option<[u8; 32]>,
}

impl TlsInfo {
    /// The client's own certificate, in DER (X.509). It has been verified, and the client has its key.
    pub fn client_certificate(&self) -> Option<&[u8]> {
        self.client_certificates.first().map(Vec::as_slice)
    }
}

impl TransportInfo {
    /// What an authentication can be bound to; nothing without TLS.
    pub(crate) fn channel_bindings(&self) -> Vec<ChannelBinding> {
        let exporter = self.tls.iter().filter_map(|tls| tls.exporter);
        exporter.map(|data| ChannelBinding { kind: ChannelBindingType::Exporter, data: data.to_vec() }).collect()
    }
}

/// Shows how many certificates there are, and no keying material.
impl fmt::Debug for TlsInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("TlsInfo");
        shown.field("version", &self.version).field("server_name", &self.server_name);
        shown.field("alpn", &self.alpn.as_ref().map(|name| name.escape_ascii().to_string()));
        shown.field("client_certificates", &self.client_certificates.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(exporter: Option<[u8; 32]>) -> TlsInfo {
        let client_certificates = vec![vec![1], vec![2]];
        TlsInfo {
            version: "TLSv1.3",
            server_name: None,
            alpn: Some(b"http/1.1".to_vec()),
            client_certificates,
            exporter,
        }
    }

    #[test]
    fn an_authentication_is_bound_to_what_was_exported() {
        let bindings = |tls| TransportInfo { tls, ..TransportInfo::default() }.channel_bindings();
        let exported = ChannelBinding { kind: ChannelBindingType::Exporter, data: vec![7; 32] };
        assert_eq!(bindings(Some(info(Some([7; 32])))), [exported]);
        assert_eq!(bindings(Some(info(None))), []);
        assert_eq!(bindings(None), []);
    }

    #[test]
    fn tls_keeps_others_from_reading_along() {
        let peer = Some(([192, 0, 2, 1], 80).into());
        for tls in [None, Some(info(None))] {
            let expected = tls.is_some();
            assert_eq!(TransportInfo { peer, tls, ..TransportInfo::default() }.is_confidential(), expected);
        }
    }

    #[test]
    fn the_first_certificate_is_the_clients_own() {
        assert_eq!(info(None).client_certificate(), Some(&[1][..]));
        assert_eq!(TlsInfo { client_certificates: Vec::new(), ..info(None) }.client_certificate(), None);
    }

    #[test]
    fn keying_material_is_not_shown() {
        let shown = format!("{:?}", info(Some([231; 32])));
        assert!(shown.contains("http/1.1") && !shown.contains("231"), "{shown}");
    }
}
