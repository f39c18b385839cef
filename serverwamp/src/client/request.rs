//! What a client's task can be asked, and what it keeps from one session to the next.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::error::CallError;
use super::shared::{Key, Ticket};
use crate::handler::Endpoint;
use crate::wire::{
    self, CallOptions, Payload, PublicationId, PublishOptions, RegisterOptions, RegistrationId, SubscribeOptions,
    SubscriptionId, Uri,
};

/// What the task is asked to do.
pub(crate) enum Request {
    Call(Box<NewCall>),
    Publish(Box<NewPublication>),
    Subscribe {
        key: Key,
        subscriber: Box<Subscriber>,
        reply: Reply<SubscriptionId>,
    },
    Unsubscribe {
        key: Key,
        reply: Reply<()>,
    },
    Register {
        key: Key,
        offer: Box<Offer>,
        reply: Reply<RegistrationId>,
    },
    Unregister {
        key: Key,
        reply: Reply<()>,
    },
    /// Subscribes again, in a new session.
    Resubscribe {
        key: Key,
        reply: Reply<SubscriptionId>,
    },
    /// Registers again, in a new session.
    Reregister {
        key: Key,
        reply: Reply<RegistrationId>,
    },
    /// Says GOODBYE.
    Leave {
        reason: Uri,
        message: Option<String>,
    },
    /// Closes the connection without a word.
    Disconnect,
    /// Withdraws everything, lets handlers end for a while, then says GOODBYE.
    Stop,
}

/// Where the answer to a request goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, CallError>>;

/// A call to be made, and where its answers go.
pub(crate) struct NewCall {
    pub(super) procedure: Uri,
    pub(super) options: CallOptions,
    pub(super) payload: Payload,
    pub(super) answers: Answers,
    pub(super) ticket: Arc<Ticket>,
}

/// Where the answers to a call go.
pub(super) enum Answers {
    /// Only the last one is wanted.
    Last(Reply<Payload>),
    All(mpsc::Sender<Answer>),
}

/// What comes back for a call.
#[derive(Debug)]
pub(super) enum Answer {
    Progress(Payload),
    Last(Result<Payload, CallError>),
}

/// An event to be published.
pub(crate) struct NewPublication {
    pub(super) topic: Uri,
    pub(super) options: PublishOptions,
    pub(super) payload: Payload,
    pub(super) reply: PublicationReply,
}

/// When a publication is answered.
pub(super) enum PublicationReply {
    Sent(Reply<()>),
    Acknowledged(Reply<PublicationId>),
}

/// Somebody who wants the events of a topic, in each session.
pub(crate) struct Subscriber {
    pub(super) topic: Uri,
    pub(super) options: SubscribeOptions,
    pub(super) sink: Sink,
    pub(super) id: Id,
}

/// Where the events of a subscription go.
pub(super) enum Sink {
    Events(mpsc::Sender<Arc<wire::Event>>),
    Function(Arc<Endpoint>),
}

impl Sink {
    /// The program's function that events go to.
    pub(super) fn function(&self) -> Option<&Arc<Endpoint>> {
        match self {
            Sink::Events(_) => None,
            Sink::Function(endpoint) => Some(endpoint),
        }
    }
}

/// A procedure that is offered in each session.
pub(crate) struct Offer {
    pub(super) procedure: Uri,
    pub(super) options: RegisterOptions,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) id: Id,
    /// It is offered no more.
    pub(super) ended: CancellationToken,
}

/// The router's id of something, which changes from session to session; 0 where there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Id(Arc<AtomicU64>);

impl Id {
    pub(super) fn set(&self, id: u64) {
        self.0.store(id, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a client wants of its router in each session, in the order in which it was first asked for.
#[derive(Default)]
pub(crate) struct Interests {
    pub(super) subscribers: BTreeMap<Key, Subscriber>,
    pub(super) offers: BTreeMap<Key, Offer>,
}

impl Interests {
    /// The router's ids were those of a session that is over.
    pub(super) fn forget_ids(&self) {
        self.subscribers.values().for_each(|subscriber| subscriber.id.set(0));
        self.offers.values().for_each(|offer| offer.id.set(0));
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Request")
    }
}
