//! Failures of the program's functions, and the function of the program that is told of them.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::oneshot;

use super::request::Caller;
use crate::log::Shown;
use crate::wire::SessionId;

/// Failures that may wait for the hook; further ones go to the log alone.
const QUEUE: usize = 256;
/// How long the end of a server or client waits for the hook to be told of what has failed.
const FLUSH: Duration = Duration::from_secs(1);

/// A failure of one of the program's functions, for [`App::on_error`](crate::App::on_error),
/// [`Component::on_error`](crate::Component::on_error) and [`Connect::on_error`](crate::client::Connect::on_error).
///
/// It is displayed as a line for people.
#[derive(Debug)]
pub struct Failure {
    pub(crate) place: Place,
    pub(crate) cause: Arc<Cause>,
}

/// What has gone wrong in a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// It returned an error that callers are not told: one without a URI, or any error of a function that nobody waits for.
    Error,
    /// It panicked.
    Panic,
    /// What it returned or sent cannot be encoded.
    Unencodable,
}

/// Which function failed, and what it ran for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) function: String,
    pub(crate) location: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) realm: String,
    pub(crate) session: Option<SessionId>,
    pub(crate) caller: Option<Caller>,
}

/// Why a function failed.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) kind: FailureKind,
    pub(crate) text: String,
    pub(crate) error: Option<Box<dyn Error + Send + Sync>>,
}

impl Cause {
    pub(crate) fn new(kind: FailureKind, text: impl fmt::Display) -> Arc<Cause> {
        Arc::new(Cause { kind, text: text.to_string(), error: None })
    }
}

impl Failure {
    /// What has gone wrong.
    pub fn kind(&self) -> FailureKind {
        self.cause.kind
    }

    /// What the error or the panic says. Clients are never told.
    pub fn message(&self) -> &str {
        &self.cause.text
    }

    /// The standard error that the function returned, to be downcast or asked for its source; none for anything else.
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.cause.error.as_deref()
    }

    /// The function: its kind, and its URI or name, such as ``procedure `math.add` ``.
    pub fn function(&self) -> &str {
        &self.place.function
    }

    /// Where an annotated function stands, as `file:line`.
    pub fn location(&self) -> Option<&str> {
        self.place.location.as_deref()
    }

    /// The procedure that was called, or the topic; none for functions of sessions and callbacks of clients.
    pub fn uri(&self) -> Option<&str> {
        self.place.uri.as_deref()
    }

    /// The realm that it happened in.
    pub fn realm(&self) -> &str {
        &self.place.realm
    }

    /// The session that the function ran in: the client's where this process serves it, else the program's own.
    pub fn session(&self) -> Option<SessionId> {
        self.place.session
    }

    /// Who called or published, or subscribes, joins or leaves: always, where this process serves the function; else where
    /// the router tells.
    pub fn caller(&self) -> Option<&Caller> {
        self.place.caller.as_ref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind() {
            FailureKind::Error => "failed",
            FailureKind::Panic => "panicked",
            FailureKind::Unencodable => "gave what cannot be encoded",
        };
        write!(formatter, "{} {what}: {}", Shown(self.function()), Shown(self.message()))
    }
}

/// The program's function for failures.
///
/// It runs on a thread of its own, which begins with the first failure: whatever it does, nobody waits for it.
#[derive(Clone)]
pub(crate) struct ErrorHook(Arc<Hook>);

struct Hook {
    function: Arc<dyn Fn(&Failure) + Send + Sync>,
    queue: OnceLock<Option<SyncSender<Report>>>,
}

enum Report {
    Failure(Failure),
    /// Everything before it has been reported.
    Flush(oneshot::Sender<()>),
}

impl ErrorHook {
    pub(crate) fn new(function: impl Fn(&Failure) + Send + Sync + 'static) -> ErrorHook {
        ErrorHook(Arc::new(Hook { function: Arc::new(function), queue: OnceLock::new() }))
    }

    /// Tells the program, without waiting.
    pub(crate) fn report(&self, failure: Failure) {
        let queue = self.0.queue.get_or_init(|| begin(Arc::clone(&self.0.function)));
        let Some(queue) = queue else { return };
        if let Err(TrySendError::Full(_)) = queue.try_send(Report::Failure(failure)) {
            tracing::warn!("a failure is not reported: {QUEUE} others wait for the error hook");
        }
    }

    /// Waits until the program has been told, for a second at most.
    pub(crate) async fn flush(&self) {
        let Some(Some(queue)) = self.0.queue.get() else { return };
        let (told, done) = oneshot::channel();
        if queue.try_send(Report::Flush(told)).is_ok() {
            // What takes longer is not waited for.
            let _ = tokio::time::timeout(FLUSH, done).await;
        }
    }
}

fn begin(function: Arc<dyn Fn(&Failure) + Send + Sync>) -> Option<SyncSender<Report>> {
    let (queue, reports) = sync_channel(QUEUE);
    let thread = std::thread::Builder::new().name("wamp-error-hook".to_owned());
    match thread.spawn(move || run(&*function, &reports)) {
        Ok(_) => Some(queue),
        Err(error) => {
            tracing::error!(%error, "there is no thread for the error hook: failures are not reported");
            None
        }
    }
}

/// Until the last handle to the hook is dropped.
fn run(function: &(dyn Fn(&Failure) + Send + Sync), reports: &Receiver<Report>) {
    while let Ok(report) = reports.recv() {
        match report {
            Report::Flush(told) => drop(told.send(())),
            Report::Failure(failure) => {
                // Dropping what the program has put into its error may panic as well.
                let told = catch_unwind(AssertUnwindSafe(move || function(&failure)));
                if told.is_err() {
                    tracing::error!("the error hook panicked");
                }
            }
        }
    }
}

impl fmt::Debug for ErrorHook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ErrorHook")
    }
}
