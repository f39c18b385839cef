//! Runs of handlers that harm nothing but themselves: a panic is an error of the run.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::{Sleep, sleep};
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span};

use super::reported::Reported;
use crate::handler::{Authenticator, Call, Endpoint, HandlerFuture, Outcome, Reply, RouteKind, RpcError};
use crate::log::Shown;
use crate::wire::uris;

/// Starts a handler, once it is one of those that may run at a time. All of its run is within a span of its own, if
/// anybody listens for that.
pub(super) fn begin(endpoint: &Arc<Endpoint>, call: Call) -> HandlerFuture {
    if let Some(hook) = endpoint.error_hook() {
        return Reported::begin(hook, endpoint, call, |call| begin_silently(endpoint, call));
    }
    begin_silently(endpoint, call)
}

fn begin_silently(endpoint: &Arc<Endpoint>, call: Call) -> HandlerFuture {
    // The usual case takes no more than this comparison.
    match LevelFilter::current() >= LevelFilter::DEBUG {
        true => begin_within_span(endpoint, call),
        false => begin_run(endpoint, call),
    }
}

#[cold]
fn begin_within_span(endpoint: &Arc<Endpoint>, call: Call) -> HandlerFuture {
    let span = span_of(&call);
    if span.is_disabled() {
        return begin_run(endpoint, call);
    }
    let run = span.in_scope(|| begin_run(endpoint, call));
    Box::pin(run.instrument(span))
}

fn span_of(call: &Call) -> Span {
    let (session, uri) = (call.session().span(), Shown(call.uri()));
    match call.endpoint().route().kind {
        RouteKind::Procedure => tracing::debug_span!(parent: session, "call", procedure = %uri, request = %call.id()),
        kind => tracing::debug_span!(parent: session, "run", function = kind.attribute(), uri = %uri),
    }
}

fn begin_run(endpoint: &Arc<Endpoint>, mut call: Call) -> HandlerFuture {
    let Some(permits) = endpoint.concurrency().cloned() else { return endpoint.start(call) };
    let endpoint = Arc::clone(endpoint);
    Box::pin(async move {
        call.held().permit = Some(permits.acquire_owned().await.map_err(|error| RpcError::internal(&error))?);
        endpoint.start(call).await
    })
}

/// Polls a handler.
pub(super) fn poll_handler(
    future: &mut HandlerFuture,
    context: &mut Context<'_>,
    endpoint: &Endpoint,
) -> Poll<Result<Reply, RpcError>> {
    let poll = || match future.as_mut().poll(context) {
        // What the program has put into its error is dropped here, too.
        Poll::Ready(Err(error)) => Poll::Ready(Err(error.under(endpoint.route().set_prefix).without_cause())),
        polled => polled,
    };
    catch_unwind(AssertUnwindSafe(poll)).unwrap_or_else(|panic| {
        log_panic(&*panic, &endpoint.route().title());
        Poll::Ready(Err(RpcError::default()))
    })
}

/// Drops a handler, whose guards may panic.
pub(super) fn drop_handler(future: Option<HandlerFuture>, endpoint: &Endpoint) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(future))) {
        log_panic(&*panic, &endpoint.route().title());
    }
}

#[cold]
pub(super) fn log_panic(panic: &(dyn Any + Send), function: &dyn fmt::Display) {
    tracing::error!(%function, panic = panic_text(panic), "a handler panicked");
}

/// What a function panicked with.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("of an unknown kind")
}

/// A handler's run that somebody waits for, as long as the handler's own timeout allows.
pub(crate) struct Guarded {
    endpoint: Arc<Endpoint>,
    future: Option<HandlerFuture>,
    timeout: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(crate) fn start(endpoint: &Arc<Endpoint>, call: Call) -> Guarded {
        let timeout = endpoint.timeout().map(|timeout| Box::pin(sleep(timeout)));
        Guarded { endpoint: Arc::clone(endpoint), future: Some(begin(endpoint, call)), timeout }
    }

    /// Lets the run take as long as it likes from now on.
    pub(super) fn without_timeout(&mut self) {
        self.timeout = None;
    }

    /// Runs to the end, of which only the log learns.
    pub(crate) async fn finish(self) {
        let endpoint = Arc::clone(&self.endpoint);
        let function = || endpoint.route().title();
        match self.await {
            Ok(_) => {}
            // What a client sent is no failure of ours.
            Err(error) if error.is_invalid_argument() => {
                tracing::debug!(function = function(), error = %error.summary(), "not run")
            }
            Err(error) => tracing::warn!(function = function(), error = %error.summary(), "failed"),
        }
    }
}

impl Future for Guarded {
    type Output = Result<Reply, RpcError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(future) = &mut this.future else { return Poll::Ready(Err(RpcError::default())) };
        let ended = match poll_handler(future, context, &this.endpoint) {
            Poll::Ready(ended) => ended,
            Poll::Pending => {
                let Some(timeout) = &mut this.timeout else { return Poll::Pending };
                ready!(timeout.as_mut().poll(context));
                Err(RpcError::new(uris::TIMEOUT))
            }
        };
        drop_handler(this.future.take(), &this.endpoint);
        Poll::Ready(ended)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop_handler(self.future.take(), &self.endpoint);
    }
}

/// Runs an authenticator: a panic is an error of the run.
pub(super) async fn guarded<Given: Send + 'static, Found>(
    authenticator: &Authenticator<Given, Found>,
    given: Given,
) -> Result<Option<Found>, RpcError> {
    let mut run = Run { authenticator, future: Some(authenticator.start(given)) };
    let ended = poll_fn(|context| run.poll(context)).await;
    if let Err(error) = &ended {
        tracing::debug!(function = %authenticator, error = %error.summary(), "refused a client");
    }
    ended
}

/// A run of an authenticator, whose guards may panic when it is dropped.
struct Run<'a, Given: Send + 'static, Found> {
    authenticator: &'a Authenticator<Given, Found>,
    future: Option<Outcome<Found>>,
}

impl<Given: Send + 'static, Found> Run<'_, Given, Found> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Found>, RpcError>> {
        let Some(future) = &mut self.future else { return Poll::Ready(Err(RpcError::default())) };
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| {
            log_panic(&*panic, self.authenticator);
            Poll::Ready(Err(RpcError::default()))
        })
    }
}

impl<Given: Send + 'static, Found> Drop for Run<'_, Given, Found> {
    fn drop(&mut self) {
        let future = self.future.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(future))) {
            log_panic(&*panic, self.authenticator);
        }
    }
}
