//! Subscriptions of a client.

use std::future::{Future, IntoFuture};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::error::CallError;
use super::event::Event;
use super::handle::{Client, WeakClient};
use super::request::{Id, Request, Sink, Subscriber};
use super::shared::{Key, Release};
use crate::log::Shown;
use crate::wire::{self, MatchPolicy, SubscribeOptions, SubscriptionId, Uri};

/// Events that may wait for their subscriber.
const EVENTS: usize = 256;

/// A subscription that is about to be made.
#[must_use = "a subscription is not made until it is awaited"]
#[derive(Debug)]
pub struct Subscribe {
    client: Client,
    topic: String,
    options: SubscribeOptions,
}

impl Subscribe {
    pub(super) fn new(client: Client, topic: String) -> Subscribe {
        Subscribe { client, topic, options: SubscribeOptions::default() }
    }

    /// Subscribes to every topic that begins with this text.
    ///
    /// WAMP: pattern-based subscription, advanced profile.
    pub fn prefix(self) -> Subscribe {
        self.matching(MatchPolicy::Prefix)
    }

    /// Subscribes to every topic that has the same components, where an empty one here stands for any.
    ///
    /// WAMP: pattern-based subscription, advanced profile.
    pub fn wildcard(self) -> Subscribe {
        self.matching(MatchPolicy::Wildcard)
    }

    /// Subscribes to the topics that match in this way. Default: exactly.
    pub fn matching(mut self, policy: MatchPolicy) -> Subscribe {
        self.options.match_policy = Some(policy).filter(|policy| *policy != MatchPolicy::Exact);
        self
    }

    /// Asks for the event that the router has kept, if it has one; in each session anew.
    ///
    /// WAMP: event retention, advanced profile.
    pub fn get_retained(mut self, retained: bool) -> Subscribe {
        self.options.get_retained = Some(retained);
        self
    }

    /// Subscribes with a function that runs for each event, one after the other; a panic in it is logged, and the next
    /// event comes all the same. Dropping what is returned ends the subscription.
    ///
    /// ```
    /// # use serverwamp::{CallError, Client};
    /// # async fn subscribes(client: Client) -> Result<(), CallError> {
    /// let listener = client
    ///     .subscribe("news.sport")
    ///     .each(|event| async move { println!("{:?}", event.args()) })
    ///     .await?;
    /// listener.keep(); // as long as the client lasts
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The router refuses, or there is no session.
    pub async fn each<F>(self, function: impl Fn(Event) -> F + Send + Sync + 'static) -> Result<Listener, CallError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut subscription = self.send().await?;
        let ended = CancellationToken::new();
        let end = ended.clone();
        let task = tokio::spawn(async move {
            let run = async {
                while let Some(event) = subscription.next().await {
                    let topic = event.topic().to_owned();
                    // The function is called within the future: there its panics are caught.
                    let running = AssertUnwindSafe(async { function(event).await }).catch_unwind();
                    if let Err(panic) = running.await {
                        tracing::error!(topic = %Shown(&topic), "a function for events panicked");
                        let function = format!("function for events of `{topic}`");
                        subscription.client.shared.report_panic(function, Some(topic), &*panic);
                    }
                }
            };
            end.run_until_cancelled(run).await;
            subscription.unsubscribe().await
        });
        Ok(Listener { ended, task: AbortOnDropHandle::new(task) })
    }

    async fn send(self) -> Result<Subscription, CallError> {
        let topic = Uri::pattern(&self.topic, self.options.match_policy.unwrap_or_default())?;
        let (events, receiver) = mpsc::channel(EVENTS);
        let (key, id) = (self.client.shared.next_key(), Id::default());
        let sink = Sink::Events(events);
        let subscriber = Box::new(Subscriber { topic: topic.clone(), options: self.options, sink, id: id.clone() });
        let first = self.client.ask(|reply| Request::Subscribe { key, subscriber, reply }).await?;
        Ok(Subscription { client: self.client.downgrade(), key, first, id, topic, events: receiver })
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(self.send())
    }
}

/// A subscription: its events, by [`next`](Subscription::next) or as a `Stream`.
///
/// Events that nobody takes wait, 256 of them; then the whole client stops reading until there is room, its calls and
/// its other subscriptions included: take events elsewhere than where you wait for the results of calls. Dropping the last
/// subscription of a client to a topic unsubscribes from it.
///
/// It goes on from one session to the next; what was published in between is missed. It ends where the router ends it, and
/// with the client.
#[derive(Debug)]
pub struct Subscription {
    client: WeakClient,
    key: Key,
    first: SubscriptionId,
    id: Id,
    topic: Uri,
    events: mpsc::Receiver<Arc<wire::Event>>,
}

impl Subscription {
    /// The subscription's id in the session of now, the same for all subscriptions of a client to one topic; without a
    /// session the first one that it had.
    pub fn id(&self) -> SubscriptionId {
        SubscriptionId::new(self.id.get()).unwrap_or(self.first)
    }

    /// The topic or the pattern that was subscribed to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Waits for the next event; none once the subscription or the client is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        Some(Event::new(self.topic.clone(), event))
    }

    /// Ends the subscription. Events that were not taken are dropped.
    ///
    /// # Errors
    /// The router knows of no such subscription.
    pub async fn unsubscribe(mut self) -> Result<(), CallError> {
        self.events.close();
        while self.events.try_recv().is_ok() {}
        let key = self.key;
        self.client.ask(|reply| Request::Unsubscribe { key, reply }).await
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let event = self.events.poll_recv(context);
        event.map(|event| event.map(|event| Event::new(self.topic.clone(), event)))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.client.shared.release(Release::Subscription(self.key));
    }
}

/// A subscription with a function; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "dropping a listener ends its subscription"]
pub struct Listener {
    ended: CancellationToken,
    task: AbortOnDropHandle<Result<(), CallError>>,
}

impl Listener {
    /// Ends the subscription. A function that runs is dropped.
    ///
    /// # Errors
    /// The router knows of no such subscription.
    pub async fn unsubscribe(self) -> Result<(), CallError> {
        self.ended.cancel();
        self.task.await.unwrap_or(Ok(()))
    }

    /// Lets the subscription go on as long as the client lasts.
    pub fn keep(self) {
        drop(self.task.detach());
    }
}
