//! Certificates and keys in PEM (RFC 7468), from files or from memory.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::TlsError;

/// Where PEM comes from. What it holds may be a key: it is wiped when it is dropped, and never shown.
#[derive(Clone)]
pub(super) enum Pem {
    File(PathBuf),
    Text(Arc<Zeroizing<Vec<u8>>>),
}

impl Pem {
    pub(super) fn text(text: Vec<u8>) -> Pem {
        Pem::Text(Arc::new(Zeroizing::new(text)))
    }

    /// A certificate and those between it and the authority.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        const EXPECTED: &str = "a certificate in PEM, followed by those that lead to its authority";
        self.all_certificates(EXPECTED)
    }

    /// A private key.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        const EXPECTED: &str = "a private key in PEM: PKCS #8, PKCS #1 or SEC 1, not encrypted";
        let key = PrivateKeyDer::from_pem_slice(&self.read(EXPECTED)?);
        key.map_err(|error| self.problem(in_words(&error, "private key"), EXPECTED))
    }

    /// The certificates of authorities.
    pub(super) fn authorities(&self) -> Result<RootCertStore, TlsError> {
        const EXPECTED: &str = "the certificates in PEM of the authorities that are to be trusted";
        let mut authorities = RootCertStore::empty();
        for certificate in self.all_certificates(EXPECTED)? {
            authorities.add(certificate).map_err(|error| self.problem(error, EXPECTED))?;
        }
        Ok(authorities)
    }

    fn all_certificates(&self, expected: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let text = self.read(expected)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = certificates.and_then(|found| match found.is_empty() {
            true => Err(pem::Error::NoItemsFound),
            false => Ok(found),
        });
        certificates.map_err(|error| self.problem(in_words(&error, "certificate"), expected))
    }

    fn read(&self, expected: &str) -> Result<Arc<Zeroizing<Vec<u8>>>, TlsError> {
        match self {
            Pem::File(path) => match fs::read(path) {
                Ok(text) => Ok(Arc::new(Zeroizing::new(text))),
                Err(error) => Err(self.problem(error, expected)),
            },
            Pem::Text(text) => Ok(Arc::clone(text)),
        }
    }

    fn problem(&self, what: impl fmt::Display, expected: &str) -> TlsError {
        TlsError::new(format!("{self}: {what}; expected {expected}"))
    }
}

/// The name of the file.
impl fmt::Display for Pem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => path.display().fmt(formatter),
            Pem::Text(_) => formatter.write_str("the PEM in memory"),
        }
    }
}

/// The crate's own words show lines as lists of numbers.
fn in_words(error: &pem::Error, wanted: &str) -> String {
    match error {
        pem::Error::NoItemsFound => format!("no {wanted} found"),
        pem::Error::MissingSectionEnd { .. } => "a section has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section begins wrongly".to_owned(),
        pem::Error::Base64Decode(_) => "a section is not base64".to_owned(),
        _ => "not PEM".to_owned(),
    }
}
