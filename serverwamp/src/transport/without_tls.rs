//! What stands for TLS in a program that is built without it: there is no value of it, so that nothing else need ask.

use std::ffi::OsString;
use std::future::Ready;
use std::io;

use tokio::net::TcpStream;

use crate::error::Problem;

#[derive(Debug, Clone)]
pub(crate) enum TlsConfig {}

impl TlsConfig {
    /// # Errors
    /// Always: whoever asks for TLS is not to be served without.
    pub(crate) fn from_environment(_: OsString, _: OsString) -> Result<TlsConfig, Vec<Problem>> {
        let problem = "the environment asks for TLS, but the program is built without the feature `tls` of serverwamp";
        Err(vec![Problem::new(problem)])
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        match *self {}
    }

    #[cfg(feature = "config")]
    pub(crate) fn adopt(&self, _: &TlsConfig) {
        match *self {}
    }

    pub(crate) fn accept(&self, _: TcpStream) -> Ready<io::Result<TcpStream>> {
        match *self {}
    }
}

/// As for servers.
#[derive(Debug, Clone)]
pub(crate) enum ClientTls {}

impl ClientTls {
    pub(crate) async fn connect(&self, _: TcpStream, _: &str, _: Option<&[u8]>) -> io::Result<TcpStream> {
        match *self {}
    }
}
