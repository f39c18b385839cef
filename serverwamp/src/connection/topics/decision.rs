//! The subscribe functions of one request, one after the other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::super::guarded::Guarded;
use crate::handler::{Call, Endpoint, RpcError, Subscription};
use crate::wire::{RequestId, Subscribe};

/// A request that functions decide about: all of them, the most specific first, and the first refusal counts.
pub(super) struct Decision {
    request: RequestId,
    subscription: Subscription,
    /// Whether the subscriber wants what is retained.
    get_retained: bool,
    /// Those that are still to be asked, the next one last.
    calls: Vec<(Arc<Endpoint>, Call)>,
    running: Option<Guarded>,
    /// Those that agreed and have events to send. They wait for the others.
    streams: Vec<EventStream>,
}

/// What came of it.
pub(super) struct Decided {
    pub(super) request: RequestId,
    pub(super) subscription: Subscription,
    pub(super) get_retained: bool,
    pub(super) result: Result<(), RpcError>,
    pub(super) streams: Vec<EventStream>,
}

/// A function that sends events to the subscriber.
pub(super) struct EventStream {
    subscription: Subscription,
    /// None once it was stopped.
    run: Option<Guarded>,
}

impl Decision {
    pub(super) fn new(subscribe: &Subscribe, subscription: Subscription, functions: Vec<Arc<Endpoint>>) -> Decision {
        let session = subscription.session();
        let call = |endpoint: Arc<Endpoint>| {
            let (session, subscription) = (session.clone(), subscription.clone());
            let call = Call::for_subscription(Arc::clone(&endpoint), session, subscription, Some(subscribe));
            (endpoint, call)
        };
        let calls = functions.into_iter().rev().map(call).collect();
        let get_retained = subscribe.options.get_retained == Some(true);
        Decision { request: subscribe.request, subscription, get_retained, calls, running: None, streams: Vec::new() }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Decided> {
        loop {
            if let Some(running) = &mut self.running {
                match Pin::new(running).poll(context) {
                    Poll::Ready(Ok(_)) => self.running = None,
                    Poll::Ready(Err(error)) => return Poll::Ready(self.end(Err(error))),
                    Poll::Pending if self.subscription.take_acceptance() => {
                        if let Some(mut run) = self.running.take() {
                            run.without_timeout();
                            let subscription = self.subscription.clone();
                            self.streams.push(EventStream { subscription, run: Some(run) });
                        }
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            match self.calls.pop() {
                Some((endpoint, call)) => self.running = Some(Guarded::start(&endpoint, call)),
                None => return Poll::Ready(self.end(Ok(()))),
            }
        }
    }

    fn end(&mut self, result: Result<(), RpcError>) -> Decided {
        self.running = None;
        let streams = std::mem::take(&mut self.streams);
        let (request, subscription, get_retained) = (self.request, self.subscription.clone(), self.get_retained);
        Decided { request, subscription, get_retained, result, streams }
    }
}

impl EventStream {
    /// Drops what sends events, if it is for this subscription, which is over. That it is over has woken whoever polls
    /// this, who then forgets it.
    pub(super) fn stop(&mut self, subscription: &Subscription) {
        if self.subscription == *subscription {
            self.run = None;
        }
    }
}

impl Future for EventStream {
    /// Why the events of a subscription cannot go on, if so.
    type Output = Option<(Subscription, RpcError)>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(run) = &mut self.run else { return Poll::Ready(None) };
        let failure = ready!(Pin::new(run).poll(context)).err();
        Poll::Ready(failure.map(|error| (self.subscription.clone(), error)))
    }
}
