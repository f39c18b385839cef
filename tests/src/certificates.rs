//! Certificates and keys, made as they are needed.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Somebody who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, in PEM.
#[derive(Clone)]
pub struct Credentials {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// When a certificate may be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now, and for the time of a test.
    Now,
    /// For a year that is over.
    Expired,
}

impl Authority {
    /// An authority that has signed its own certificate.
    pub fn new(name: &str) -> Authority {
        let mut parameters = parameters(name, Validity::Now);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Authority(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// The authority's own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `localhost` and `127.0.0.1`, as servers show it and as clients do.
    pub fn sign(&self, name: &str, validity: Validity) -> Credentials {
        let mut parameters = parameters(name, validity);
        // Newer Pythons insist on it.
        parameters.use_authority_key_identifier_extension = true;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        Credentials { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn parameters(name: &str, validity: Validity) -> CertificateParams {
    let mut parameters = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    if validity == Validity::Expired {
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2021, 1, 1);
    }
    parameters
}
