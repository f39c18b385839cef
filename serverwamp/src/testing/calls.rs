//! Calls of a test client.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::client::{Answer, CallError, FromPayload, Handle};
use crate::wire::{CallOptions, CancelMode, Payload, RequestId, Uri};

/// A call that is about to be made.
#[must_use = "a call is not made until it is awaited"]
#[derive(Debug)]
pub struct TestCall<T> {
    handle: Handle,
    message: Result<(Uri, Payload), CallError>,
    options: CallOptions,
    result: PhantomData<fn() -> T>,
}

impl<T> TestCall<T> {
    pub(super) fn new(handle: Handle, message: Result<(Uri, Payload), CallError>) -> TestCall<T> {
        TestCall { handle, message, options: CallOptions::default(), result: PhantomData }
    }
}

impl<T: FromPayload> TestCall<T> {
    /// Asks the dealer to end the call if a result takes longer. In whole milliseconds on the wire.
    pub fn timeout(mut self, timeout: Duration) -> TestCall<T> {
        self.options.timeout = u64::try_from(timeout.as_nanos().div_ceil(1_000_000)).ok();
        self
    }

    /// Makes the call and asks for progressive results, to be read as `P`.
    ///
    /// # Errors
    /// The call cannot be sent.
    pub async fn progress<P: FromPayload>(mut self) -> Result<RunningCall<P, T>, CallError> {
        self.options.receive_progress = Some(true);
        self.start().await
    }

    /// Makes the call without waiting for its result.
    ///
    /// # Errors
    /// The call cannot be sent.
    pub async fn start<P: FromPayload>(self) -> Result<RunningCall<P, T>, CallError> {
        let (procedure, payload) = self.message?;
        let (request, answers) = self.handle.call(procedure, self.options, payload).await?;
        Ok(RunningCall { handle: self.handle, request, answers, done: false, types: PhantomData })
    }
}

impl<T: FromPayload + 'static> IntoFuture for TestCall<T> {
    type Output = Result<T, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(async move { self.start::<()>().await?.result().await })
    }
}

/// A call that has been made. Dropping it before its result cancels it.
#[derive(Debug)]
pub struct RunningCall<P, T> {
    handle: Handle,
    request: RequestId,
    answers: mpsc::Receiver<Answer>,
    done: bool,
    types: PhantomData<fn() -> (P, T)>,
}

/// What a call yields next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next<P, T> {
    /// A progressive result.
    Progress(P),
    /// The final result.
    Result(T),
}

impl<P: FromPayload, T: FromPayload> RunningCall<P, T> {
    /// Waits for the next result. Cancel-safe.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn next(&mut self) -> Result<Next<P, T>, CallError> {
        if self.done {
            return Err(CallError::Over);
        }
        match self.answers.recv().await {
            Some(Answer::Progress(payload)) => Ok(Next::Progress(P::from_payload(&payload)?)),
            Some(Answer::Result(payload)) => {
                self.done = true;
                Ok(Next::Result(T::from_payload(&payload)?))
            }
            Some(Answer::Error(error)) => {
                self.done = true;
                Err(error)
            }
            None => {
                self.done = true;
                Err(self.handle.over().await.into())
            }
        }
    }

    /// Waits for the final result and drops progressive ones.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn result(mut self) -> Result<T, CallError> {
        loop {
            if let Next::Result(result) = self.next().await? {
                return Ok(result);
            }
        }
    }

    /// Collects all progressive results, and the final one.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn collect(mut self) -> Result<(Vec<P>, T), CallError> {
        let mut progress = Vec::new();
        loop {
            match self.next().await? {
                Next::Progress(value) => progress.push(value),
                Next::Result(result) => return Ok((progress, result)),
            }
        }
    }

    /// Gives up the call: `skip`, `kill` or `killnowait`.
    ///
    /// # Errors
    /// The mode is none of these.
    pub async fn cancel(&self, mode: &str) -> Result<(), CallError> {
        let mode = match mode {
            "skip" => CancelMode::Skip,
            "kill" => CancelMode::Kill,
            "killnowait" => CancelMode::KillNoWait,
            other => return Err(CallError::Unsendable(format!("expected skip, kill or killnowait, got {other}"))),
        };
        self.handle.cancel(self.request, mode).await;
        Ok(())
    }
}

impl<P, T> Drop for RunningCall<P, T> {
    fn drop(&mut self) {
        if !self.done {
            self.handle.try_cancel(self.request, CancelMode::KillNoWait);
        }
    }
}
