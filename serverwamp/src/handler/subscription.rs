//! A session's subscription, as handlers see it.

use std::fmt;
use std::future::{IntoFuture, Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use super::result::IntoPayload;
use super::session::Session;
use crate::wire::{MatchPolicy, SubscriptionId, Uri};

/// A session's subscription. A cheap handle: clones are the same subscription.
#[derive(Clone)]
pub struct Subscription(Arc<Inner>);

struct Inner {
    session: Session,
    topic: Uri,
    match_policy: MatchPolicy,
    decided: AtomicBool,
    closed: CancellationToken,
}

#[cfg_attr(not(test), expect(dead_code, reason = "no connection accepts subscriptions yet"))]
impl Subscription {
    pub(crate) fn new(session: Session, topic: Uri, match_policy: MatchPolicy) -> Subscription {
        let (decided, closed) = (AtomicBool::new(false), CancellationToken::new());
        Subscription(Arc::new(Inner { session, topic, match_policy, decided, closed }))
    }

    /// Whether a subscribe function called [`accept_now`](Self::accept_now) since this was last asked.
    pub(crate) fn take_acceptance(&self) -> bool {
        self.0.decided.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn close(&self) {
        self.0.closed.cancel();
    }
}

impl Subscription {
    /// The topic, or the pattern of topics.
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// How the topics of events are compared with this one.
    pub fn match_policy(&self) -> MatchPolicy {
        self.0.match_policy
    }

    /// The session that subscribes.
    pub fn session(&self) -> &Session {
        &self.0.session
    }

    /// The subscription's id, once it is accepted.
    pub fn id(&self) -> Option<SubscriptionId> {
        None
    }

    /// Sends an event to this subscriber only.
    pub fn send(&self, _payload: impl IntoPayload) -> Delivery {
        Delivery(if self.is_closed() { Err(PublishError::Closed) } else { Ok(()) })
    }

    /// Whether the subscription has ended.
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_cancelled()
    }

    /// Waits until the subscription has ended. Cancel-safe.
    pub async fn closed(&self) {
        self.0.closed.cancelled().await;
    }

    /// The topic as a URI.
    pub(crate) fn topic_uri(&self) -> &Uri {
        &self.0.topic
    }

    /// A subscribe function that returned a stream has decided: it accepts, and its future goes on.
    pub(crate) fn accept_now(&self) {
        self.0.decided.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subscription").field("topic", &self.0.topic).finish_non_exhaustive()
    }
}

/// An event on its way.
#[derive(Debug)]
pub struct Delivery(Result<(), PublishError>);

impl IntoFuture for Delivery {
    type Output = Result<(), PublishError>;
    type IntoFuture = Ready<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        ready(self.0)
    }
}

/// Why an event was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublishError {
    /// The subscription or its session has ended.
    Closed,
}

impl fmt::Display for PublishError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the subscription has ended")
    }
}

impl std::error::Error for PublishError {}
