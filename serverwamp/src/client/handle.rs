//! What a client's task can be asked.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::error::{CallError, Over};
use crate::wire::{
    self, CallOptions, CancelMode, Payload, PublicationId, PublishOptions, RequestId, SubscribeOptions, SubscriptionId,
    Uri, uris,
};

/// Requests that may wait for the task.
const REQUESTS: usize = 64;
/// Progressive results that may wait for whoever called.
const ANSWERS: usize = 64;
/// Events that may wait for their subscriber.
const EVENTS: usize = 256;

/// What the task is asked to do.
pub(super) enum Request {
    Call(Box<NewCall>),
    Cancel {
        request: RequestId,
        mode: CancelMode,
    },
    Publish(Box<NewPublication>),
    Subscribe(Box<NewSubscription>),
    /// Ends the subscription for those who no longer listen.
    Unsubscribe {
        subscription: SubscriptionId,
        reply: Option<Reply<()>>,
    },
    Leave {
        reason: Uri,
    },
}

/// Where the answer to a request goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, CallError>>;

/// A call to be made, and where its id and its answers go.
pub(super) struct NewCall {
    pub(super) procedure: Uri,
    pub(super) options: CallOptions,
    pub(super) payload: Payload,
    pub(super) answers: mpsc::Sender<Answer>,
    pub(super) reply: Reply<RequestId>,
}

/// An event to be published.
pub(super) struct NewPublication {
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

/// A subscription to be made, and where its id and its events go.
pub(super) struct NewSubscription {
    pub(super) topic: Uri,
    pub(super) options: SubscribeOptions,
    pub(super) events: mpsc::Sender<Arc<wire::Event>>,
    pub(super) reply: Reply<SubscriptionId>,
}

/// What comes back for a call.
#[derive(Debug)]
pub(crate) enum Answer {
    Progress(Payload),
    Result(Payload),
    Error(CallError),
}

/// Events as they come, until the subscription ends.
pub(crate) type Events = mpsc::Receiver<Arc<wire::Event>>;

/// Asks the task. The session lasts as long as there is one of these.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    requests: mpsc::Sender<Request>,
    over: Arc<watch::Receiver<Option<Over>>>,
}

/// Asks the task as long as the session lasts.
#[derive(Debug, Clone)]
pub(crate) struct WeakHandle {
    requests: mpsc::WeakSender<Request>,
    over: Arc<watch::Receiver<Option<Over>>>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Request")
    }
}

impl Handle {
    /// A handle, and where its requests arrive.
    pub(super) fn new(over: watch::Receiver<Option<Over>>) -> (Handle, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        (Handle { requests, over: Arc::new(over) }, receiver)
    }

    /// A handle that does not keep the session.
    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle { requests: self.requests.downgrade(), over: Arc::clone(&self.over) }
    }

    /// Sends a call. Its answers end with a final one, or without if the session ends.
    pub(crate) async fn call(
        &self,
        procedure: Uri,
        options: CallOptions,
        payload: Payload,
    ) -> Result<(RequestId, mpsc::Receiver<Answer>), CallError> {
        let (answers, receiver) = mpsc::channel(ANSWERS);
        let call = |reply| Request::Call(Box::new(NewCall { procedure, options, payload, answers, reply }));
        Ok((self.ask(call).await?, receiver))
    }

    /// Gives up a call.
    pub(crate) async fn cancel(&self, request: RequestId, mode: CancelMode) {
        // A session that is over has no calls.
        let _ = self.requests.send(Request::Cancel { request, mode }).await;
    }

    /// As `cancel`, without waiting: for a call whose caller is dropped.
    pub(crate) fn try_cancel(&self, request: RequestId, mode: CancelMode) {
        let _ = self.requests.try_send(Request::Cancel { request, mode });
    }

    /// Publishes an event and does not wait for what becomes of it.
    pub(crate) async fn publish(&self, topic: Uri, options: PublishOptions, payload: Payload) -> Result<(), CallError> {
        self.ask(|reply| {
            let reply = PublicationReply::Sent(reply);
            Request::Publish(Box::new(NewPublication { topic, options, payload, reply }))
        })
        .await
    }

    /// Publishes an event and waits until that is acknowledged.
    pub(crate) async fn publish_acknowledged(
        &self,
        topic: Uri,
        options: PublishOptions,
        payload: Payload,
    ) -> Result<PublicationId, CallError> {
        let options = PublishOptions { acknowledge: Some(true), ..options };
        self.ask(|reply| {
            let reply = PublicationReply::Acknowledged(reply);
            Request::Publish(Box::new(NewPublication { topic, options, payload, reply }))
        })
        .await
    }

    /// Subscribes. The subscription is given up by dropping its events, which `unsubscribe` makes known.
    pub(crate) async fn subscribe(
        &self,
        topic: Uri,
        options: SubscribeOptions,
    ) -> Result<(SubscriptionId, Events), CallError> {
        let (events, receiver) = mpsc::channel(EVENTS);
        let subscription = |reply| Request::Subscribe(Box::new(NewSubscription { topic, options, events, reply }));
        Ok((self.ask(subscription).await?, receiver))
    }

    /// Leaves the realm and waits until the session is over.
    pub(crate) async fn leave(&self, reason: Uri) -> Over {
        // A session that is over needs no farewell.
        let _ = self.requests.send(Request::Leave { reason }).await;
        self.over().await
    }

    /// Waits for the end of the session.
    pub(crate) async fn over(&self) -> Over {
        let mut over = (*self.over).clone();
        let ended = over.wait_for(Option::is_some).await.ok().and_then(|over| over.clone());
        ended.unwrap_or(Over { reason: Uri::known(uris::TRANSPORT_LOST), message: None })
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, CallError> {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(request(reply)).await.is_ok()
            && let Ok(answer) = answer.await
        {
            return answer;
        }
        Err(self.over().await.into())
    }
}

impl WeakHandle {
    /// Ends the subscription for those who have dropped or closed their events, and waits for that.
    pub(crate) async fn unsubscribe(&self, subscription: SubscriptionId) -> Result<(), CallError> {
        match self.upgrade() {
            Some(handle) => handle.ask(|reply| Request::Unsubscribe { subscription, reply: Some(reply) }).await,
            None => Ok(()),
        }
    }

    /// As `unsubscribe`, without waiting: for a subscriber that is dropped.
    pub(crate) fn try_unsubscribe(&self, subscription: SubscriptionId) {
        if let Some(requests) = self.requests.upgrade() {
            // Where there is no room, the task notices at the next event.
            let _ = requests.try_send(Request::Unsubscribe { subscription, reply: None });
        }
    }

    fn upgrade(&self) -> Option<Handle> {
        Some(Handle { requests: self.requests.upgrade()?, over: Arc::clone(&self.over) })
    }
}
