//! Subscriptions and publications of a test client.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::future::BoxFuture;

use crate::client::{CallError, Event, Events, Handle, WeakHandle};
use crate::wire::{
    Audience, MatchPolicy, Payload, PublicationId, PublishOptions, SessionId, SubscribeOptions, SubscriptionId, Uri,
};

/// A subscription that is about to be made.
#[must_use = "a subscription is not made until it is awaited"]
#[derive(Debug)]
pub struct TestSubscribe {
    handle: Handle,
    topic: String,
    policy: MatchPolicy,
}

impl TestSubscribe {
    pub(super) fn new(handle: Handle, topic: String) -> TestSubscribe {
        TestSubscribe { handle, topic, policy: MatchPolicy::Exact }
    }

    /// Subscribes to every topic that begins with this text.
    ///
    /// WAMP: pattern-based subscription, advanced profile.
    pub fn prefix(mut self) -> TestSubscribe {
        self.policy = MatchPolicy::Prefix;
        self
    }

    /// Subscribes to every topic that has the same components, where an empty one here stands for any.
    ///
    /// WAMP: pattern-based subscription, advanced profile.
    pub fn wildcard(mut self) -> TestSubscribe {
        self.policy = MatchPolicy::Wildcard;
        self
    }

    async fn send(self) -> Result<TestSubscription, CallError> {
        let topic = Uri::pattern(&self.topic, self.policy)?;
        let match_policy = (self.policy != MatchPolicy::Exact).then_some(self.policy);
        let options = SubscribeOptions { match_policy, ..SubscribeOptions::default() };
        let (id, events) = self.handle.subscribe(topic.clone(), options).await?;
        Ok(TestSubscription { handle: self.handle.downgrade(), id, topic, events })
    }
}

impl IntoFuture for TestSubscribe {
    type Output = Result<TestSubscription, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(self.send())
    }
}

/// A subscription: its events, by [`next`](TestSubscription::next) or as a `Stream`.
///
/// Events that nobody takes wait, 256 of them; then the whole client stops reading until there is room, its calls and
/// its other subscriptions included. Dropping the last subscription of a client to a topic unsubscribes from it.
#[derive(Debug)]
pub struct TestSubscription {
    handle: WeakHandle,
    id: SubscriptionId,
    topic: Uri,
    events: Events,
}

impl TestSubscription {
    /// The subscription's id, the same for all subscriptions of a client to one topic.
    pub fn id(&self) -> SubscriptionId {
        self.id
    }

    /// The topic or the pattern that was subscribed to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Waits for the next event; none once the subscription or the session is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        Some(Event::new(self.topic.clone(), event))
    }

    /// Ends the subscription. Events that were not taken are dropped.
    ///
    /// # Errors
    /// The other side knows of no such subscription, or the session ended.
    pub async fn unsubscribe(mut self) -> Result<(), CallError> {
        self.events.close();
        self.handle.unsubscribe(self.id).await
    }
}

impl Stream for TestSubscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let event = self.events.poll_recv(context);
        event.map(|event| event.map(|event| Event::new(self.topic.clone(), event)))
    }
}

impl Drop for TestSubscription {
    fn drop(&mut self) {
        self.events.close();
        self.handle.try_unsubscribe(self.id);
    }
}

/// An event that is about to be published. Awaiting it comes to `T`.
#[must_use = "an event is not published until it is awaited"]
#[derive(Debug)]
pub struct TestPublish<T> {
    handle: Handle,
    message: Result<(Uri, Payload), CallError>,
    options: PublishOptions,
    audience: Audience,
    result: PhantomData<fn() -> T>,
}

impl TestPublish<()> {
    pub(super) fn new(handle: Handle, message: Result<(Uri, Payload), CallError>) -> TestPublish<()> {
        let (options, audience) = (PublishOptions::default(), Audience::default());
        TestPublish { handle, message, options, audience, result: PhantomData }
    }

    /// Asks for an answer: the publication's id, or why the event was not published.
    pub fn acknowledge(self) -> TestPublish<PublicationId> {
        let TestPublish { handle, message, options, audience, .. } = self;
        TestPublish { handle, message, options, audience, result: PhantomData }
    }
}

impl<T> TestPublish<T> {
    /// Whether this client gets no event of its own publication: none by default.
    ///
    /// WAMP: publisher exclusion, advanced profile.
    pub fn exclude_me(mut self, exclude: bool) -> TestPublish<T> {
        self.options.exclude_me = Some(exclude);
        self
    }

    /// Whether subscribers are told who publishes.
    ///
    /// WAMP: publisher identification, advanced profile.
    pub fn disclose_me(mut self, disclose: bool) -> TestPublish<T> {
        self.options.disclose_me = Some(disclose);
        self
    }

    /// Sessions that do not get the event.
    ///
    /// WAMP, here and for the following lists: subscriber black- and whitelisting, advanced profile.
    pub fn exclude(mut self, sessions: impl IntoIterator<Item = SessionId>) -> TestPublish<T> {
        self.audience.exclude = Some(sessions.into_iter().collect());
        self
    }

    /// Authentication ids whose sessions do not get the event.
    pub fn exclude_authid<S: Into<Box<str>>>(mut self, authids: impl IntoIterator<Item = S>) -> TestPublish<T> {
        self.audience.exclude_authid = Some(texts(authids));
        self
    }

    /// Roles whose sessions do not get the event.
    pub fn exclude_authrole<S: Into<Box<str>>>(mut self, authroles: impl IntoIterator<Item = S>) -> TestPublish<T> {
        self.audience.exclude_authrole = Some(texts(authroles));
        self
    }

    /// The only sessions that get the event: nobody does if there are none.
    pub fn eligible(mut self, sessions: impl IntoIterator<Item = SessionId>) -> TestPublish<T> {
        self.audience.eligible = Some(sessions.into_iter().collect());
        self
    }

    /// The only authentication ids whose sessions get the event.
    pub fn eligible_authid<S: Into<Box<str>>>(mut self, authids: impl IntoIterator<Item = S>) -> TestPublish<T> {
        self.audience.eligible_authid = Some(texts(authids));
        self
    }

    /// The only roles whose sessions get the event.
    pub fn eligible_authrole<S: Into<Box<str>>>(mut self, authroles: impl IntoIterator<Item = S>) -> TestPublish<T> {
        self.audience.eligible_authrole = Some(texts(authroles));
        self
    }

    fn parts(self) -> Result<(Handle, Uri, PublishOptions, Payload), CallError> {
        let (topic, payload) = self.message?;
        Ok((self.handle, topic, PublishOptions { audience: self.audience.into(), ..self.options }, payload))
    }
}

fn texts<S: Into<Box<str>>>(texts: impl IntoIterator<Item = S>) -> Box<[Box<str>]> {
    texts.into_iter().map(Into::into).collect()
}

impl IntoFuture for TestPublish<()> {
    type Output = Result<(), CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(async move {
            let (handle, topic, options, payload) = self.parts()?;
            handle.publish(topic, options, payload).await
        })
    }
}

impl IntoFuture for TestPublish<PublicationId> {
    type Output = Result<PublicationId, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(async move {
            let (handle, topic, options, payload) = self.parts()?;
            handle.publish_acknowledged(topic, options, payload).await
        })
    }
}
