//! Calls of a client.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::error::CallError;
use super::handle::{Client, within};
use super::request::{Answer, Answers, NewCall, Request};
use super::result::FromPayload;
use super::shared::{Release, Ticket};
use crate::wire::{CallOptions, CancelMode, Payload, Uri};

/// Progressive results that may wait for whoever called.
const ANSWERS: usize = 64;
/// How much longer than the timeout is waited for a router that watches the timeout itself.
const GRACE: Duration = Duration::from_secs(1);

/// Reads progressive results and hands them on.
type TakeProgress = Box<dyn FnMut(&Payload) -> Result<(), CallError> + Send>;

/// A call that is about to be made.
#[must_use = "a call is not made until it is awaited"]
pub struct Call<T> {
    client: Client,
    message: Result<(Uri, Payload), CallError>,
    options: CallOptions,
    timeout: Option<Duration>,
    cancel_mode: CancelMode,
    progress: Option<TakeProgress>,
    result: PhantomData<fn() -> T>,
}

impl<T> Call<T> {
    pub(super) fn new(client: Client, message: Result<(Uri, Payload), CallError>) -> Call<T> {
        Call {
            client,
            message,
            options: CallOptions::default(),
            timeout: None,
            cancel_mode: CancelMode::KillNoWait,
            progress: None,
            result: PhantomData,
        }
    }

    /// The call of another message, with another type of result.
    pub(super) fn with<U>(self, message: Result<(Uri, Payload), CallError>) -> Call<U> {
        let Call { client, options, timeout, cancel_mode, progress, .. } = self;
        Call { client, message, options, timeout, cancel_mode, progress, result: PhantomData }
    }

    /// Gives up if a result takes longer, the first one or one after another: with the router's `wamp.error.timeout`, or,
    /// a little later or where the router knows no timeouts, with [`CallError::TimedOut`]. In whole milliseconds on the
    /// wire. Default: none.
    ///
    /// WAMP: call timeout, advanced profile.
    pub fn timeout(mut self, timeout: Duration) -> Call<T> {
        self.options.timeout = u64::try_from(timeout.as_nanos().div_ceil(1_000_000)).ok();
        self.timeout = Some(timeout);
        self
    }

    /// How the call is canceled if its future is dropped, or times out. Default: [`CancelMode::KillNoWait`]. A router that
    /// does not know of canceling is not asked; what it answers is dropped.
    pub fn cancel_mode(mut self, mode: CancelMode) -> Call<T> {
        self.cancel_mode = mode;
        self
    }

    /// Lets the callee know who calls, where the router allows that.
    ///
    /// WAMP: caller identification, advanced profile.
    pub fn disclose_me(mut self, disclose: bool) -> Call<T> {
        self.options.disclose_me = Some(disclose);
        self
    }
}

impl<T: FromPayload> Call<T> {
    /// Asks for progressive results, and gives each to this function while the call is awaited. One that is not of this
    /// type ends the call.
    pub fn on_progress<P: FromPayload>(mut self, mut take: impl FnMut(P) + Send + 'static) -> Call<T> {
        self.options.receive_progress = Some(true);
        self.progress = Some(Box::new(move |payload| {
            take(P::from_payload(payload)?);
            Ok(())
        }));
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
        let (answers, receiver) = mpsc::channel(ANSWERS);
        let (guard, gap) = self.send(Answers::All(answers))?.sent().await?;
        Ok(RunningCall { guard, gap, answers: receiver, types: PhantomData })
    }

    /// Sends the call, if there is room for it.
    fn send(self, answers: Answers) -> Result<Sending, CallError> {
        let (procedure, payload) = self.message?;
        let ticket = Arc::new(Ticket::default());
        let watches = || self.client.details().is_some_and(|details| details.announces("dealer", "call_timeout"));
        let gap = self.timeout.map(|timeout| if watches() { timeout.saturating_add(GRACE) } else { timeout });
        let call = NewCall { procedure, options: self.options, payload, answers, ticket: Arc::clone(&ticket) };
        let unsent = self.client.try_send(Request::Call(Box::new(call)));
        Ok(Sending { guard: Guard { client: self.client, ticket, mode: self.cancel_mode, done: false }, gap, unsent })
    }

    /// What is awaited, in place.
    pub(super) async fn result(mut self) -> Result<T, CallError> {
        match self.progress.take() {
            Some(take) => self.result_after_progress(take).await,
            None => self.only_result().await,
        }
    }

    async fn only_result(self) -> Result<T, CallError> {
        let (reply, answer) = oneshot::channel();
        let (mut guard, gap) = self.send(Answers::Last(reply))?.sent().await?;
        let answer = within(gap, answer).await?;
        guard.done = true;
        match answer {
            Ok(answer) => Ok(T::from_payload(&answer?)?),
            Err(_) => Err(guard.client.shared.over().await.into()),
        }
    }

    async fn result_after_progress(self, mut take: TakeProgress) -> Result<T, CallError> {
        let (answers, receiver) = mpsc::channel(ANSWERS);
        let (guard, gap) = self.send(Answers::All(answers))?.sent().await?;
        let mut call = RunningCall::<(), T> { guard, gap, answers: receiver, types: PhantomData };
        loop {
            match call.answer().await? {
                Answer::Progress(payload) => take(&payload)?,
                Answer::Last(payload) => return Ok(T::from_payload(&payload?)?),
            }
        }
    }
}

impl<T: FromPayload + 'static> IntoFuture for Call<T> {
    type Output = Result<T, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> BoxFuture<'static, Self::Output> {
        // Two futures, as most calls have no use for the larger one.
        match self.progress.take() {
            Some(take) => Box::pin(self.result_after_progress(take)),
            None => Box::pin(self.only_result()),
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let procedure = self.message.as_ref().map(|(procedure, _)| procedure);
        formatter.debug_struct("Call").field("procedure", &procedure).finish_non_exhaustive()
    }
}

/// A call on its way to the client's task.
struct Sending {
    guard: Guard,
    /// How long each result may take.
    gap: Option<Duration>,
    /// What there was no room for.
    unsent: Option<Request>,
}

impl Sending {
    /// Waits for room. Returns what cancels the call, and how long each result may take.
    async fn sent(self) -> Result<(Guard, Option<Duration>), CallError> {
        if let Some(request) = self.unsent {
            // On the heap, since there is room as a rule, and every call's future would be larger for it.
            Box::pin(self.guard.client.send(request)).await?;
        }
        Ok((self.guard, self.gap))
    }
}

/// Cancels a call that has no last answer when it is dropped.
#[derive(Debug)]
struct Guard {
    client: Client,
    ticket: Arc<Ticket>,
    mode: CancelMode,
    done: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.done {
            self.ticket.abandon();
            let (ticket, mode) = (Arc::clone(&self.ticket), self.mode);
            self.client.shared.release(Release::Call { ticket, mode, abandoned: true });
        }
    }
}

/// A call that has been made. Dropping it before its result cancels it. As a `Stream`, it yields all results.
#[derive(Debug)]
pub struct RunningCall<P, T> {
    guard: Guard,
    gap: Option<Duration>,
    answers: mpsc::Receiver<Answer>,
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

impl<P, T> RunningCall<P, T> {
    async fn answer(&mut self) -> Result<Answer, CallError> {
        if self.guard.done {
            return Err(CallError::Over);
        }
        let answer = within(self.gap, self.answers.recv()).await?;
        match answer {
            Some(answer @ Answer::Progress(_)) => Ok(answer),
            Some(last) => {
                self.guard.done = true;
                Ok(last)
            }
            None => {
                self.guard.done = true;
                Err(self.without_answer().await)
            }
        }
    }

    async fn without_answer(&self) -> CallError {
        match self.guard.ticket.failure() {
            Some(failure) => failure,
            None => self.guard.client.shared.over().await.into(),
        }
    }

    /// Gives up the call, where the router knows of that; what it answers is still to come.
    ///
    /// WAMP: call canceling, advanced profile.
    pub fn cancel(&self, mode: CancelMode) {
        let ticket = Arc::clone(&self.guard.ticket);
        self.guard.client.shared.release(Release::Call { ticket, mode, abandoned: false });
    }
}

impl<P: FromPayload, T: FromPayload> RunningCall<P, T> {
    /// Waits for the next result. Cancel-safe.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn next(&mut self) -> Result<Next<P, T>, CallError> {
        let answer = self.answer().await?;
        read(answer)
    }

    /// Waits for the final result and drops progressive ones.
    ///
    /// # Errors
    /// The call failed, or the session ended.
    pub async fn result(mut self) -> Result<T, CallError> {
        loop {
            if let Answer::Last(payload) = self.answer().await? {
                return Ok(T::from_payload(&payload?)?);
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
}

fn read<P: FromPayload, T: FromPayload>(answer: Answer) -> Result<Next<P, T>, CallError> {
    match answer {
        Answer::Progress(payload) => Ok(Next::Progress(P::from_payload(&payload)?)),
        Answer::Last(payload) => Ok(Next::Result(T::from_payload(&payload?)?)),
    }
}

/// Without the call's timeout, which is watched by [`next`](RunningCall::next).
impl<P: FromPayload, T: FromPayload> Stream for RunningCall<P, T> {
    type Item = Result<Next<P, T>, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.guard.done {
            return Poll::Ready(None);
        }
        let item = match std::task::ready!(self.answers.poll_recv(context)) {
            Some(answer @ Answer::Progress(_)) => return Poll::Ready(Some(read(answer))),
            Some(last) => read(last),
            None => {
                let over = || self.guard.client.shared.is_over().map_or(CallError::NotConnected, Into::into);
                Err(self.guard.ticket.failure().unwrap_or_else(over))
            }
        };
        self.guard.done = true;
        Poll::Ready(Some(item))
    }
}
