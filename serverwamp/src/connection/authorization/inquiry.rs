//! A question that an authorizer has not answered yet.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Refusal;
use crate::connection::guarded::panic_text;
use crate::handler::{Decision, DecisionFuture, RpcError};

/// Comes to what the request comes to.
pub(in crate::connection) type Inquiry = Pin<Box<dyn Future<Output = Result<Decision, Refusal>> + Send>>;

/// Why an authorizer has not decided.
pub(super) enum Failure {
    Error(RpcError),
    Panicked(Box<dyn Any + Send>),
    TimedOut,
}

/// An authorizer's run that harms nothing but itself.
pub(super) struct Guarded(Option<DecisionFuture>);

impl Guarded {
    pub(super) fn new(decision: DecisionFuture) -> Guarded {
        Guarded(Some(decision))
    }

    /// Drops the run, whose guards may panic.
    fn end(&mut self) -> Result<(), Failure> {
        let future = self.0.take();
        catch_unwind(AssertUnwindSafe(|| drop(future))).map_err(Failure::Panicked)
    }
}

impl Future for Guarded {
    type Output = Result<Decision, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = &mut self.0 else { return Poll::Ready(Err(Failure::Error(RpcError::default()))) };
        let polled = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => ready!(poll).map_err(Failure::Error),
            Err(panic) => Err(Failure::Panicked(panic)),
        };
        Poll::Ready(self.end().and(polled))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Err(failure) = self.end() {
            tracing::error!(%failure, "an authorizer that was not waited for failed");
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => error.summary().fmt(formatter),
            Failure::Panicked(panic) => write!(formatter, "panicked: {}", panic_text(&**panic)),
            Failure::TimedOut => formatter.write_str("took too long"),
        }
    }
}
