//! Sockets that were made before the process was, as `sd_listen_fds(3)` finds them: socket activation.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// All that was passed to this process. The environment is read once, and cleared for processes that this one starts.
static PASSED: LazyLock<Mutex<Passed>> = LazyLock::new(|| {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let sockets = ListenFd::from_env();
    let mut names: Vec<_> = names.split(':').map(str::to_owned).collect();
    names.resize(sockets.len(), String::new());
    Mutex::new(Passed { sockets, left: names.into_iter().enumerate().collect() })
});

struct Passed {
    sockets: ListenFd,
    /// Those that nobody has taken, with their names.
    left: Vec<(usize, String)>,
}

/// Whether there are sockets that nobody has taken.
pub(crate) fn any_passed() -> bool {
    !passed().left.is_empty()
}

/// Takes the sockets of this name; with an empty name, all that are left.
///
/// # Errors
/// There is none, or one is not a TCP or unix socket that listens.
pub(crate) fn take(name: &str) -> io::Result<Vec<Socket>> {
    let mut passed = passed();
    let names: Vec<&str> = passed.left.iter().map(|(_, name)| name.as_str()).collect();
    let there = if names.is_empty() { "none was passed".to_owned() } else { format!("there are {}", names.join(", ")) };
    let (taken, left) = passed.left.drain(..).partition(|(_, its_name)| name.is_empty() || its_name == name);
    passed.left = left;
    let taken: Vec<(usize, String)> = taken;
    if taken.is_empty() {
        let message = format!("no socket of this name from the service manager: {there}");
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    taken.into_iter().map(|(index, _)| passed.socket(index)).collect()
}

fn passed() -> MutexGuard<'static, Passed> {
    PASSED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Passed {
    fn socket(&mut self, index: usize) -> io::Result<Socket> {
        if let Ok(Some(listener)) = self.sockets.take_unix_listener(index) {
            listener.set_nonblocking(true)?;
            return listening(listener).map(Socket::Unix);
        }
        match self.sockets.take_tcp_listener(index)? {
            Some(listener) => {
                listener.set_nonblocking(true)?;
                listening(listener).map(Socket::Tcp)
            }
            None => Err(io::Error::new(io::ErrorKind::NotFound, "taken already")),
        }
    }
}

/// Refuses a connection in place of a socket that connections come from.
fn listening<S: AsFd>(socket: S) -> io::Result<S> {
    match socket_acceptconn(&socket)? {
        true => Ok(socket),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen: expected Accept=no")),
    }
}
