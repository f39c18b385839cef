//! Calls that wait for the authorizer: they are asked about side by side, and started in their order.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use futures_util::future::poll_immediate;

use super::{Inquiry, Refusal};
use crate::connection::calls::detach;
use crate::connection::guarded::begin;
use crate::handler::{Call, Decision, Endpoint, HandlerFuture};

/// What a call waits for before it starts.
pub(crate) struct Admission {
    inquiry: Inquiry,
    place: Place,
    started: Arc<AtomicBool>,
}

impl Admission {
    pub(super) fn new(inquiry: Inquiry, place: Place) -> Admission {
        Admission { inquiry, place, started: Arc::default() }
    }

    /// Tells whether the call was started.
    pub(in crate::connection) fn started(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.started)
    }

    /// Waits until the call is allowed and all calls before it have been started, or never will be. Those behind it wait
    /// until its place is dropped.
    pub(in crate::connection) async fn wait(self) -> Result<(Decision, Place), Refusal> {
        let Admission { inquiry, place, .. } = self;
        let decision = inquiry.await?;
        place.reached().await;
        Ok((decision, place))
    }

    /// Starts a handler once its call is allowed and all calls before it have been started, or never will be.
    pub(in crate::connection) fn begin(self, endpoint: &Arc<Endpoint>, call: Call) -> HandlerFuture {
        let Admission { inquiry, place, started } = self;
        let endpoint = Arc::clone(endpoint);
        Box::pin(async move {
            let _ = inquiry.await?;
            place.reached().await;
            started.store(true, Ordering::Release);
            let mut handler = begin(&endpoint, call);
            let ended = poll_immediate(&mut handler).await;
            drop(place);
            match ended {
                Some(result) => result,
                None if endpoint.detached() => detach(handler).await,
                None => handler.await,
            }
        })
    }
}

/// The calls of a session that have not been started yet, by their serial numbers, each with who waits for its turn.
#[derive(Clone, Default)]
pub(super) struct StartOrder(Arc<Mutex<BTreeMap<u64, Option<Waker>>>>);

/// A call's place among them, given back when it is dropped.
pub(in crate::connection) struct Place {
    order: StartOrder,
    serial: u64,
}

impl StartOrder {
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn place(&self, serial: u64) -> Place {
        self.lock().insert(serial, None);
        Place { order: self.clone(), serial }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Option<Waker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until no call before this one is left.
    async fn reached(&self) {
        poll_fn(|context| {
            let mut waiting = self.order.lock();
            if waiting.first_key_value().is_none_or(|(first, _)| *first >= self.serial) {
                return Poll::Ready(());
            }
            waiting.insert(self.serial, Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = {
            let mut waiting = self.order.lock();
            waiting.remove(&self.serial);
            waiting.first_entry().and_then(|mut first| first.get_mut().take())
        };
        if let Some(next) = next {
            next.wake();
        }
    }
}
