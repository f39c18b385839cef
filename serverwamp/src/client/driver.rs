//! The task that owns a client's transport.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, OptionFuture};
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};

use super::credentials::{Challenge, Credentials};
use super::error::{CallError, Over};
use super::handle::{Answer, Handle, NewCall, NewPublication, NewSubscription, PublicationReply, Reply, Request};
use super::login::{Answered, Answering, Login, Refusal};
use crate::session::{ClientSession, Notification};
use crate::transport::{Close, Memory, Received, Transport};
use crate::wire::{self, Codec, Payload, PublicationId, RequestId, ScanLimits, SubscriptionId, Uri, uris};

const AGENT: &str = concat!("serverwamp/", env!("CARGO_PKG_VERSION"));

/// A session that was welcomed.
pub(crate) struct Connected {
    pub(crate) handle: Handle,
    pub(crate) welcome: Box<wire::Welcome>,
}

/// Joins a realm over a transport. Joins no realm, and closes the connection, if it is dropped before it is done.
///
/// # Errors
/// Why the other side did not welcome the session, or this one could not prove who it is.
pub(crate) async fn connect(
    transport: Memory,
    codec: Codec,
    scan: ScanLimits,
    realm: Uri,
    credentials: &Credentials,
) -> Result<Connected, CallError> {
    let mut login = Login::new(credentials, &[])?;
    let (over, ended) = watch::channel(None);
    let (handle, requests) = Handle::new(ended);
    let mut driver = Driver {
        transport,
        session: ClientSession::join(codec, scan, realm, AGENT, login.offer())?,
        requests,
        pending: HashMap::new(),
        subscribers: HashMap::new(),
        waiting: FuturesUnordered::new(),
        leaving: false,
    };
    let welcome = driver.join(&mut login).await?;
    tokio::spawn(async move {
        let reason = driver.run().await;
        // Nobody may be left to tell.
        let _ = over.send(Some(reason));
    });
    Ok(Connected { handle, welcome })
}

struct Driver {
    transport: Memory,
    session: ClientSession,
    requests: mpsc::Receiver<Request>,
    /// Who waits for the answer to a request.
    pending: HashMap<RequestId, Pending>,
    /// Who gets the events of a subscription.
    subscribers: HashMap<SubscriptionId, Vec<mpsc::Sender<Arc<wire::Event>>>>,
    /// What somebody is slow to take; nothing is read from the transport meanwhile.
    waiting: FuturesUnordered<BoxFuture<'static, ()>>,
    leaving: bool,
}

enum Pending {
    Call(mpsc::Sender<Answer>),
    Publication(Reply<PublicationId>),
    Subscription(mpsc::Sender<Arc<wire::Event>>, Reply<SubscriptionId>),
    Unsubscription(Reply<()>),
}

impl Driver {
    /// Answers challenges until the session is welcomed. The connection is looked after meanwhile: the other side may
    /// not wait for long.
    async fn join(&mut self, login: &mut Login) -> Result<Box<wire::Welcome>, Over> {
        let mut answering: Option<Answering> = None;
        let mut cause = None;
        loop {
            match self.session.poll_notification() {
                Some(Notification::Challenge { method, extra }) => {
                    answering = Some(login.answer(Challenge { method: method.into(), extra }));
                }
                Some(Notification::Welcome(welcome)) => return Ok(welcome),
                Some(Notification::Ended { reason, message }) => {
                    self.close().await;
                    return Err(Over { reason, message: cause.or(message) });
                }
                Some(_) => {}
                None => tokio::select! {
                    Some(answered) = OptionFuture::from(answering.as_mut()) => {
                        answering = None;
                        cause = self.answer(answered);
                    }
                    () = self.step() => {}
                },
            }
        }
    }

    /// Sends the answer to a challenge, or gives up. Returns what only this side is told about why.
    fn answer(&mut self, answered: Answered) -> Option<String> {
        let sent = answered.and_then(|(answer, proof)| {
            self.session.authenticate(answer, proof).map_err(|error| Refusal::unsendable(&error))
        });
        let refusal = sent.err()?;
        self.session.cannot_authenticate(&refusal.message);
        refusal.cause.map(|cause| format!("{}: {cause}", refusal.message))
    }

    async fn run(mut self) -> Over {
        loop {
            while self.waiting.is_empty() {
                let Some(notification) = self.session.poll_notification() else { break };
                if let Notification::Ended { reason, message } = notification {
                    self.close().await;
                    return Over { reason, message };
                }
                self.pass_on(notification);
            }
            self.step().await;
        }
    }

    /// Sends what there is to send, then waits for one thing to happen.
    async fn step(&mut self) {
        if self.send_all().await.is_none() {
            self.session.handle_disconnect();
            if self.waiting.is_empty() {
                return;
            }
        }
        tokio::select! {
            Some(()) = self.waiting.next() => {}
            received = self.transport.receive(), if self.waiting.is_empty() => self.receive(received),
            request = self.requests.recv(), if !self.leaving => self.request(request),
        }
    }

    async fn close(&mut self) {
        self.send_all().await;
        self.transport.close(Close::Normal);
        // The connection is over in any case.
        let _ = self.transport.flush().await;
    }

    async fn send_all(&mut self) -> Option<()> {
        self.session.drain_output(|message| self.transport.send(message));
        self.transport.flush().await.ok()
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Frame(message) => self.session.handle_message(message),
            Received::Control => {}
            Received::Invalid(_) | Received::Closed => self.session.handle_disconnect(),
        }
    }

    /// Tells whoever wants to know. Who has lost interest meanwhile need not be told.
    fn pass_on(&mut self, notification: Notification) {
        match notification {
            Notification::Challenge { .. } | Notification::Welcome(_) | Notification::Ended { .. } => {}
            Notification::Result { request, progress: true, payload } => {
                if let Some(Pending::Call(answers)) = self.pending.get(&request) {
                    let answers = answers.clone();
                    self.deliver(answers, Answer::Progress(payload));
                }
            }
            Notification::Result { request, progress: false, payload } => {
                if let Some(Pending::Call(answers)) = self.pending.remove(&request) {
                    self.deliver(answers, Answer::Result(payload));
                }
            }
            Notification::Error { request, error, payload } => self.fail(request, &error, &payload),
            Notification::Published { request, publication } => {
                if let Some(Pending::Publication(reply)) = self.pending.remove(&request) {
                    let _ = reply.send(Ok(publication));
                }
            }
            Notification::Subscribed { request, subscription } => {
                if let Some(Pending::Subscription(events, reply)) = self.pending.remove(&request) {
                    self.subscribers.entry(subscription).or_default().push(events);
                    if reply.send(Ok(subscription)).is_err() {
                        self.release(subscription);
                    }
                }
            }
            Notification::Event(event) => self.deliver_event(event),
            Notification::Unsubscribed { request } => {
                if let Some(Pending::Unsubscription(reply)) = self.pending.remove(&request) {
                    let _ = reply.send(Ok(()));
                }
            }
            Notification::Revoked { subscription } => drop(self.subscribers.remove(&subscription)),
        }
    }

    fn fail(&mut self, request: RequestId, error: &Uri, payload: &Payload) {
        let error = CallError::remote(error, payload);
        match self.pending.remove(&request) {
            Some(Pending::Call(answers)) => self.deliver(answers, Answer::Error(error)),
            Some(Pending::Publication(reply)) => drop(reply.send(Err(error))),
            Some(Pending::Subscription(_, reply)) => drop(reply.send(Err(error))),
            Some(Pending::Unsubscription(reply)) => drop(reply.send(Err(error))),
            None => {}
        }
    }

    /// Gives an event to every subscriber.
    fn deliver_event(&mut self, event: Box<wire::Event>) {
        let subscription = event.subscription;
        let event = Arc::<wire::Event>::from(event);
        let subscribers = self.subscribers.get(&subscription).cloned().unwrap_or_default();
        for events in subscribers {
            self.deliver(events, Arc::clone(&event));
        }
        self.release(subscription);
    }

    /// Gives something to who waits for it, later if there is no room now.
    fn deliver<T: Send + 'static>(&mut self, queue: mpsc::Sender<T>, item: T) {
        if let Err(mpsc::error::TrySendError::Full(item)) = queue.try_send(item) {
            self.waiting.push(Box::pin(async move {
                let _ = queue.send(item).await;
            }));
        }
    }

    /// Ends a subscription for those who no longer listen.
    fn release(&mut self, subscription: SubscriptionId) -> Option<RequestId> {
        let subscribers = self.subscribers.get_mut(&subscription)?;
        let gone = subscribers.extract_if(.., |events| events.is_closed()).count();
        if subscribers.is_empty() {
            self.subscribers.remove(&subscription);
        }
        (0..gone).filter_map(|_| self.session.unsubscribe(subscription)).last()
    }

    fn request(&mut self, request: Option<Request>) {
        match request {
            Some(Request::Call(call)) => self.call(*call),
            Some(Request::Cancel { request, mode }) => self.session.cancel(request, mode),
            Some(Request::Publish(publication)) => self.publish(*publication),
            Some(Request::Subscribe(subscription)) => self.subscribe(*subscription),
            Some(Request::Unsubscribe { subscription, reply }) => {
                match (self.release(subscription), reply) {
                    (Some(request), Some(reply)) => drop(self.pending.insert(request, Pending::Unsubscription(reply))),
                    // It goes on for others, or has ended.
                    (None, Some(reply)) => drop(reply.send(Ok(()))),
                    (_, None) => {}
                }
            }
            Some(Request::Leave { reason }) => self.leave(reason),
            None => self.leave(Uri::known(uris::CLOSE_NORMAL)),
        }
    }

    fn call(&mut self, call: NewCall) {
        match self.session.call(call.procedure, call.options, call.payload) {
            Ok(request) => {
                self.pending.insert(request, Pending::Call(call.answers));
                // A caller that was dropped meanwhile is noticed when it is answered.
                let _ = call.reply.send(Ok(request));
            }
            Err(error) => drop(call.reply.send(Err(error.into()))),
        }
    }

    fn publish(&mut self, publication: NewPublication) {
        let request = self.session.publish(publication.topic, publication.options, publication.payload);
        match (request, publication.reply) {
            (Ok(request), PublicationReply::Acknowledged(reply)) => {
                self.pending.insert(request, Pending::Publication(reply));
            }
            (Ok(_), PublicationReply::Sent(reply)) => drop(reply.send(Ok(()))),
            (Err(error), PublicationReply::Acknowledged(reply)) => drop(reply.send(Err(error.into()))),
            (Err(error), PublicationReply::Sent(reply)) => drop(reply.send(Err(error.into()))),
        }
    }

    fn subscribe(&mut self, subscription: NewSubscription) {
        match self.session.subscribe(subscription.topic, subscription.options) {
            Ok(request) => {
                self.pending.insert(request, Pending::Subscription(subscription.events, subscription.reply));
            }
            Err(error) => drop(subscription.reply.send(Err(error.into()))),
        }
    }

    /// Says GOODBYE. What nobody has taken is dropped: the answer must be read.
    fn leave(&mut self, reason: Uri) {
        self.leaving = true;
        self.waiting.clear();
        self.session.goodbye(reason, None);
    }
}
