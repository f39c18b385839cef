//! Where an app listens, and where with TLS.

use std::env;
use std::ffi::OsString;

use crate::error::{Error, Problem, Result};
use crate::server::{AnyListener, OwnListener};
use crate::transport::TlsConfig;

const ADDRESS: &str = "127.0.0.1:8080";

/// The address of all sockets that a service manager has passed and no other address names.
const SYSTEMD: &str = "systemd:";

/// The environment's certificate and key, for programs that configure no TLS.
const TLS_CERT: &str = "WAMP_TLS_CERT";
const TLS_KEY: &str = "WAMP_TLS_KEY";

/// The addresses that an app listens on.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub(super) addresses: Vec<Address>,
    /// For the ports that have none of their own.
    pub(super) tls: Option<TlsConfig>,
    /// Those that the program has made itself.
    pub(super) own: Vec<OwnListener>,
}

/// An address to listen on.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) address: String,
    pub(super) tls: Option<TlsConfig>,
}

impl Listeners {
    /// Whether the program has said nothing of where to listen, and how.
    #[cfg(feature = "tower")]
    pub(super) fn is_default(&self) -> bool {
        self.addresses.is_empty() && self.tls.is_none() && self.own.is_empty()
    }

    /// The addresses, with certificates and keys read; what the program does not say is as the environment says, or the
    /// default.
    ///
    /// # Errors
    /// Something is wrong with certificates or keys, or a unix socket is to speak TLS; all problems are listed.
    pub(super) fn prepare(self) -> Result<(Vec<Address>, Vec<OwnListener>), Vec<Problem>> {
        let Listeners { mut addresses, mut tls, own } = self;
        if tls.is_none() && addresses.iter().all(|address| address.tls.is_none()) {
            let files = tls_files(env::var_os(TLS_CERT), env::var_os(TLS_KEY))?;
            tls = files.map(|(certificate, key)| TlsConfig::from_environment(certificate, key)).transpose()?;
        }
        if addresses.is_empty() && own.is_empty() {
            let address = env::var("WAMP_ADDR").unwrap_or_else(|_| default_address().to_owned());
            addresses.push(Address { address, tls: None });
        }
        // What others name is not for the address that takes all that is left.
        addresses.sort_by_key(|address| address.address == SYSTEMD);
        let mut problems = Vec::new();
        for address in &mut addresses {
            if !address.is_unix_socket() {
                address.tls = address.tls.take().or_else(|| tls.clone());
            } else if address.tls.is_some() {
                let address = &address.address;
                problems.push(Problem::new(format!("TLS: expected a port, got {address}: unix sockets go without")));
                continue;
            }
            problems.extend(address.tls.iter().flat_map(TlsConfig::problems));
        }
        match problems.is_empty() {
            true => Ok((addresses, own)),
            false => Err(problems),
        }
    }
}

/// Where to listen if nobody says it.
fn default_address() -> &'static str {
    #[cfg(unix)]
    if crate::systemd::any_passed() {
        return SYSTEMD;
    }
    ADDRESS
}

/// The files that the environment names: both or none.
fn tls_files(
    certificate: Option<OsString>,
    key: Option<OsString>,
) -> Result<Option<(OsString, OsString)>, Vec<Problem>> {
    let lonely = |one: &str, other: &str| {
        let message = format!("{one} is set and {other} is not: expected the files of a certificate and of its key");
        Err(vec![Problem::new(message)])
    };
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        (Some(_), None) => lonely(TLS_CERT, TLS_KEY),
        (None, Some(_)) => lonely(TLS_KEY, TLS_CERT),
    }
}

impl Address {
    /// Listens; several sockets may be passed under one name.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(super) async fn listen(self) -> Result<Vec<AnyListener>> {
        let bound = AnyListener::bind(&self.address, self.tls).await;
        bound.map_err(|source| Error::Bind { address: self.address, source })
    }

    /// Whether no network is there to be kept out of what is said.
    fn is_unix_socket(&self) -> bool {
        self.address.starts_with("unix:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_both_files_or_none() {
        let file = |name: &str| Some(OsString::from(name));
        assert_eq!(tls_files(None, None), Ok(None));
        assert_eq!(tls_files(file("c"), file("k")), Ok(Some(("c".into(), "k".into()))));
        for (certificate, key, missing) in [(file("c"), None, TLS_KEY), (None, file("k"), TLS_CERT)] {
            let problems = tls_files(certificate, key).unwrap_err();
            assert!(problems[0].message.contains(&format!("{missing} is not")), "{problems:?}");
        }
    }
}
