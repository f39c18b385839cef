//! Progressive results from within a handler.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use super::call::{Call, ProgressSink, Turns};
use super::error::RpcError;
use super::extract::{FromCall, Parameter, Requirement};
use super::result::IntoPayload;
use super::route::RouteKind;

/// Sends progressive results of a call, to callers that asked for them.
///
/// ```
/// use serverwamp::{Progress, wamp};
///
/// #[wamp::rpc("countdown")]
/// async fn countdown(from: u32, progress: Progress<u32>) -> &'static str {
///     for left in (1..=from).rev() {
///         if progress.send(left).await.is_err() {
///             break;
///         }
///     }
///     "liftoff"
/// }
/// ```
///
/// WAMP: progressive call results, advanced profile.
#[derive(Debug)]
pub struct Progress<T> {
    sink: ProgressSink,
    turns: Turns,
    item: PhantomData<fn(T)>,
}

/// Why a progressive result was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressError {
    /// The call is over, or its session gone.
    CallEnded,
    /// The value holds what the caller's codec cannot.
    Unencodable(String),
}

impl<T: IntoPayload> Progress<T> {
    /// Sends a progressive result, waiting while the caller is slow to take what was sent before.
    ///
    /// Does nothing if the caller did not ask for progress. Cancel-safe: dropped while it waits, nothing was sent.
    ///
    /// # Errors
    /// The call is over, or the value cannot be encoded.
    pub async fn send(&self, value: T) -> Result<(), ProgressError> {
        self.turns.take().await;
        if !self.sink.is_wanted() {
            return Ok(());
        }
        let payload =
            value.into_payload(self.sink.codec()).map_err(|error| ProgressError::Unencodable(error.to_string()))?;
        self.sink.send(payload).await.map_err(|_| ProgressError::CallEnded)
    }
}

impl<T> Progress<T> {
    pub(super) fn of(call: &Call) -> Progress<T> {
        Progress { sink: call.progress_sink(), turns: Turns::default(), item: PhantomData }
    }

    /// Whether the caller asked for progressive results.
    pub fn is_wanted(&self) -> bool {
        self.sink.is_wanted()
    }
}

impl<T> Clone for Progress<T> {
    fn clone(&self) -> Progress<T> {
        Progress { sink: self.sink.clone(), turns: Turns::default(), item: PhantomData }
    }
}

impl<'c, T> FromCall<'c> for Progress<T> {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Progress<T>, RpcError> {
        Ok(Progress::of(call))
    }

    fn requires() -> Vec<Requirement> {
        vec![Requirement::call_state(), Requirement::function("Progress", &[RouteKind::Procedure])]
    }
}

impl fmt::Display for ProgressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProgressError::CallEnded => formatter.write_str("the call is over"),
            ProgressError::Unencodable(message) => write!(formatter, "the value cannot be encoded: {message}"),
        }
    }
}

impl Error for ProgressError {}
