//! Runs whose failures the program wants to be told of.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::guarded::{log_panic, panic_text};
use crate::handler::{
    Call, Caller, Cause, Endpoint, ErrorHook, Failure, FailureKind, HandlerFuture, Place, Reply, RouteKind, RpcError,
    Session,
};
use crate::wire::{Codec, Uri};

/// A run of a handler that reports how it fails. The end that others see is the same.
pub(super) struct Reported {
    run: Option<HandlerFuture>,
    hook: ErrorHook,
    endpoint: Arc<Endpoint>,
    session: Session,
    uri: Uri,
    codec: Codec,
    /// As far as a router tells; none where it is the session.
    disclosed: Option<Option<Caller>>,
}

impl Reported {
    pub(super) fn begin(
        hook: &ErrorHook,
        endpoint: &Arc<Endpoint>,
        call: Call,
        begin: impl FnOnce(Call) -> HandlerFuture,
    ) -> HandlerFuture {
        let (hook, endpoint, session) = (hook.clone(), Arc::clone(endpoint), call.session().clone());
        let (uri, codec, disclosed) = (call.uri().clone(), call.codec(), call.disclosed().cloned());
        let mut reported = Reported { run: None, hook, endpoint, session, uri, codec, disclosed };
        match catch_unwind(AssertUnwindSafe(|| begin(call))) {
            Ok(run) => reported.run = Some(run),
            Err(panic) => {
                reported.report_panic(&*panic);
                resume_unwind(panic);
            }
        }
        Box::pin(reported)
    }

    /// What of an error the caller is not told, if there is anything.
    fn cause_of(&self, error: &RpcError) -> Option<Arc<Cause>> {
        if let Some(cause) = error.cause() {
            return Some(Arc::clone(cause));
        }
        let kind = self.endpoint.route().kind;
        if matches!(kind, RouteKind::Event | RouteKind::Unsubscribe | RouteKind::Leave) {
            // Nobody is told, but of arguments that a client has sent.
            return (!error.is_invalid_argument()).then(|| Cause::new(FailureKind::Error, error));
        }
        error.encoding_problem(self.codec).map(|problem| Cause::new(FailureKind::Unencodable, problem))
    }

    #[cold]
    fn report(&self, cause: Arc<Cause>) {
        let route = self.endpoint.route();
        let is_of_session = matches!(route.kind, RouteKind::Join | RouteKind::Leave);
        let is_annotated = route.uri.is_some() || !route.manual;
        let caller = match &self.disclosed {
            Some(disclosed) => disclosed.clone(),
            None => Some(Caller::of(&self.session)),
        };
        self.hook.report(Failure {
            cause,
            place: Place {
                function: self.endpoint.title_for(&self.uri),
                location: is_annotated.then(|| route.location()),
                uri: (!is_of_session).then(|| self.uri.to_string()),
                realm: self.session.realm().to_owned(),
                session: Some(self.session.id()),
                caller,
            },
        });
    }

    #[cold]
    fn report_panic(&self, panic: &(dyn Any + Send)) {
        self.report(Cause::new(FailureKind::Panic, panic_text(panic)));
    }
}

impl Future for Reported {
    type Output = Result<Reply, RpcError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(run) = &mut self.run else { return Poll::Ready(Err(RpcError::default())) };
        match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
            Ok(Poll::Ready(Err(error))) => {
                // It is encoded as it is sent.
                let error = error.under(self.endpoint.route().set_prefix);
                if let Some(cause) = self.cause_of(&error) {
                    self.report(cause);
                }
                Poll::Ready(Err(error))
            }
            Ok(polled) => polled,
            Err(panic) => {
                self.report_panic(&*panic);
                resume_unwind(panic)
            }
        }
    }
}

impl Drop for Reported {
    fn drop(&mut self) {
        let run = self.run.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(run))) {
            log_panic(&*panic, &self.endpoint.route().title());
            self.report_panic(&*panic);
        }
    }
}
