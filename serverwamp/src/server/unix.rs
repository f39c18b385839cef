//! Unix sockets: a file to connect to, made when a server starts and removed when it stops.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::listener::Accept;
use crate::transport::Peer;

/// A unix socket that listens.
pub(crate) struct UnixSocket {
    listener: UnixListener,
    /// None where it is not for us to remove.
    _file: Option<SocketFile>,
}

/// The file of a unix socket, removed when this is dropped, unless it is another's by then.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl UnixSocket {
    /// Listens on a path, which `?mode=660` may follow. A socket that nobody listens on any more makes way.
    ///
    /// # Errors
    /// What the operating system says; the path is in use by a server, or by a file that is no socket; a strange mode.
    pub(super) async fn bind(address: &str) -> io::Result<UnixSocket> {
        let (path, mode) = parse(address)?;
        // What the program makes its current directory later is of no account.
        let path = std::path::absolute(path)?;
        let listener = match UnixListener::bind(&path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(&path).await => {
                fs::remove_file(&path)?;
                UnixListener::bind(&path)
            }
            bound => bound,
        }?;
        let file = SocketFile { identity: identity(&path)?, path };
        if let Some(mode) = mode {
            fs::set_permissions(&file.path, fs::Permissions::from_mode(mode))?;
        }
        Ok(UnixSocket { listener, _file: Some(file) })
    }

    /// A socket that listens already, and goes on when we have stopped.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn passed(listener: std::os::unix::net::UnixListener) -> io::Result<UnixSocket> {
        Ok(UnixSocket { listener: UnixListener::from_std(listener)?, _file: None })
    }

    /// Where it is, if it has a path.
    pub(super) fn path(&self) -> Option<PathBuf> {
        self.listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned))
    }
}

/// Takes a path and a mode apart.
fn parse(address: &str) -> io::Result<(&Path, Option<u32>)> {
    let Some((path, query)) = address.split_once('?') else { return Ok((Path::new(address), None)) };
    let digits = query.strip_prefix("mode=").filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    match digits.and_then(|digits| u32::from_str_radix(digits, 8).ok()).filter(|&mode| mode <= 0o777) {
        Some(mode) => Ok((Path::new(path), Some(mode))),
        None => {
            let message = format!("expected ?mode= with the permissions in octal, such as ?mode=660, got ?{query}");
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }
}

/// Whether a path is a socket that a server has left behind.
async fn is_abandoned(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    is_socket && UnixStream::connect(path).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

/// What tells a file from a later one of its name.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

impl Accept for UnixSocket {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        let peer = Peer::of_unix(&stream);
        Ok((stream, peer))
    }

    fn address(&self) -> Option<SocketAddr> {
        None
    }
}
