//! What the handles of a client share with its task.

use std::any::Any;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use tokio::sync::{broadcast, watch};

use super::error::{CallError, Over};
use super::state::{Details, State};
use crate::connection::panic_text;
use crate::handler::{Cause, ErrorHook, Failure, FailureKind, Place};
use crate::wire::{CancelMode, Codec, RequestId};

/// Changes of the state that a reader may be behind.
const CHANGES: usize = 64;

/// What tells subscriptions and registrations of a client apart, from one session to the next.
pub(super) type Key = u64;

/// What the handles of a client share with its task.
#[derive(Debug)]
pub(crate) struct Shared {
    state: watch::Sender<State>,
    changes: broadcast::Sender<State>,
    session: watch::Sender<Option<Arc<Details>>>,
    /// Why the client is over for good.
    over: watch::Sender<Option<Over>>,
    /// What was dropped, for the task to make known: no more than there was to drop.
    released: Mutex<Vec<Release>>,
    task: AtomicWaker,
    keys: AtomicU64,
    error_hook: OnceLock<ErrorHook>,
}

/// Something that nobody wants any more.
#[derive(Debug)]
pub(super) enum Release {
    /// A call is to be canceled; its answer is of no interest where it is abandoned.
    Call {
        ticket: Arc<Ticket>,
        mode: CancelMode,
        abandoned: bool,
    },
    Subscription(Key),
    Registration(Key),
}

/// What a caller and the task know of a call.
#[derive(Debug, Default)]
pub(super) struct Ticket {
    /// 0 as long as the call is not sent.
    request: AtomicU64,
    abandoned: AtomicBool,
    failure: OnceLock<CallError>,
}

impl Ticket {
    pub(super) fn set_request(&self, request: RequestId) {
        self.request.store(request.get(), Ordering::Release);
    }

    pub(super) fn request(&self) -> Option<RequestId> {
        RequestId::new(self.request.load(Ordering::Acquire))
    }

    /// A call that is not sent yet need not be.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Why there is no answer, for who finds no more answers.
    pub(super) fn fail(&self, error: CallError) {
        // The first cause counts.
        let _ = self.failure.set(error);
    }

    pub(super) fn failure(&self) -> Option<CallError> {
        self.failure.get().cloned()
    }
}

thread_local! {
    /// The client whose handlers are being polled on this thread, by the address of what it shares.
    static POLLED: Cell<usize> = const { Cell::new(0) };
}

impl Shared {
    pub(super) fn new() -> Shared {
        Shared {
            state: watch::Sender::new(State::Connecting),
            changes: broadcast::Sender::new(CHANGES),
            session: watch::Sender::new(None),
            over: watch::Sender::new(None),
            released: Mutex::default(),
            task: AtomicWaker::new(),
            keys: AtomicU64::new(0),
            error_hook: OnceLock::new(),
        }
    }

    /// Whom failures of the program's functions are told from now on.
    pub(super) fn report_to(&self, hook: Option<&ErrorHook>) {
        if let Some(hook) = hook {
            // There is one task, and it says so once.
            let _ = self.error_hook.set(hook.clone());
        }
    }

    pub(super) fn error_hook(&self) -> Option<&ErrorHook> {
        self.error_hook.get()
    }

    /// Tells of a panic of a function that has no annotation.
    #[cold]
    pub(super) fn report_panic(&self, function: String, uri: Option<String>, panic: &(dyn Any + Send)) {
        let Some(hook) = self.error_hook() else { return };
        let session = self.session();
        let place = Place {
            function,
            location: None,
            uri,
            realm: session.as_ref().map(|session| session.realm().to_owned()).unwrap_or_default(),
            session: session.map(|session| session.session()),
            caller: None,
        };
        hook.report(Failure { place, cause: Cause::new(FailureKind::Panic, panic_text(panic)) });
    }

    pub(super) fn next_key(&self) -> Key {
        self.keys.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) fn changes(&self) -> broadcast::Receiver<State> {
        self.changes.subscribe()
    }

    pub(super) fn enter(&self, state: State) {
        if self.state.send_replace(state) != state {
            // Nobody may want to know.
            let _ = self.changes.send(state);
        }
    }

    pub(super) fn session(&self) -> Option<Arc<Details>> {
        self.session.borrow().clone()
    }

    pub(super) fn set_session(&self, details: Option<Arc<Details>>) {
        self.session.send_replace(details);
    }

    /// How payloads are best encoded: in another session they are transcoded.
    pub(super) fn codec(&self) -> Codec {
        self.session.borrow().as_ref().map_or(Codec::Cbor, |session| session.codec)
    }

    /// The client is over for good.
    pub(super) fn end(&self, over: Over) {
        self.over.send_replace(Some(over));
        self.enter(State::Closed);
    }

    /// Waits until the client is over for good.
    pub(super) async fn over(&self) -> Over {
        let mut over = self.over.subscribe();
        let ended = over.wait_for(Option::is_some).await.ok().and_then(|over| over.clone());
        ended.unwrap_or_else(Over::lost)
    }

    pub(super) fn is_over(&self) -> Option<Over> {
        self.over.borrow().clone()
    }

    /// Tells the task that something was dropped, without waiting.
    pub(super) fn release(&self, release: Release) {
        self.released.lock().unwrap_or_else(PoisonError::into_inner).push(release);
        self.task.wake();
    }

    /// Looks at it again in a later turn.
    pub(super) fn release_later(&self, release: Release) {
        self.released.lock().unwrap_or_else(PoisonError::into_inner).push(release);
    }

    pub(super) fn take_released(&self) -> Vec<Release> {
        std::mem::take(&mut *self.released.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Names the task to wake.
    pub(super) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Polls handlers of this client.
    pub(super) fn polling<T>(self: &Arc<Self>, poll: impl FnOnce() -> T) -> T {
        struct Restore(usize);
        impl Drop for Restore {
            fn drop(&mut self) {
                POLLED.set(self.0);
            }
        }
        let _restore = Restore(POLLED.replace(Arc::as_ptr(self).addr()));
        poll()
    }

    /// Whether a handler of this client is what runs right now.
    pub(super) fn is_polling(self: &Arc<Self>) -> bool {
        POLLED.get() == Arc::as_ptr(self).addr()
    }
}
