//! A realm as handlers and background tasks see it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use super::audience::Audience;
use super::call::{Call, Turns};
use super::delivery::{Delivery, FanOut, PublishError};
use super::error::RpcError;
use super::extract::{FromCall, Parameter};
use super::result::{IntoPayload, RpcResult};
use super::session::Session;
use super::subscription::Subscription;
use crate::wire::{Codec, EventDetails, MatchPolicy, Payload, PublicationId, Publish, Uri, uris};

/// A realm at work: publishes to its subscribers and ends its sessions. A cheap handle.
///
/// Take it as a parameter of a handler, from [`Session::realm_handle`], or from
/// [`AppHandle::realm`](crate::AppHandle::realm). It stands for whatever sessions are in the realm of this name when it is
/// used: with none, publishing reaches nobody. [`Realm`](crate::Realm) is the realm's configuration.
///
/// ```
/// use serverwamp::{RealmHandle, wamp};
///
/// #[wamp::rpc("weather.report")]
/// async fn report(weather: String, realm: RealmHandle) {
///     realm.publish("news.weather", weather);
/// }
/// ```
#[derive(Clone)]
pub struct RealmHandle(Arc<Inner>);

struct Inner {
    name: Box<str>,
    /// Where the handle came from a session: the realm that it is in.
    realm: Option<Weak<dyn LivingRealm>>,
    realms: Arc<dyn RealmDirectory>,
    turns: Turns,
}

/// What a call that the router makes itself comes to.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<RpcResult, RpcError>> + Send>>;

/// A realm that sessions are in, as its handles use it.
pub(crate) trait LivingRealm: fmt::Debug + Send + Sync {
    /// The one codec of all who would get an event, or CBOR where they have several; none where nobody would.
    fn codec_of(&self, topic: &Uri, audience: &Audience) -> Option<Codec>;

    /// Queues an event for all who get it.
    ///
    /// # Errors
    /// Why it was queued for nobody.
    fn publish(&self, publication: &Publication<'_>) -> Result<FanOut, PublishError>;

    /// Queues an event for one session, once for each of its subscriptions that match.
    ///
    /// # Errors
    /// Why it was not queued.
    fn send_event(&self, session: &Session, publication: &Publication<'_>) -> Result<FanOut, PublishError>;

    /// Forgets what is retained of a topic. Returns whether that was anything.
    fn clear_retained(&self, topic: &Uri) -> bool;

    /// Ends one subscription. Returns whether it was active.
    fn revoke(&self, subscription: &Subscription, reason: &Uri) -> bool;

    /// Ends all subscriptions of exactly this topic or pattern. Returns how many there were.
    fn revoke_all(&self, topic: &str, policy: MatchPolicy, reason: &Uri) -> usize;

    /// Calls a procedure on behalf of the router itself.
    fn call(self: Arc<Self>, procedure: Uri, arguments: RpcResult) -> Answering;

    /// All sessions.
    fn sessions(&self) -> Vec<Session>;

    /// How many sessions there are.
    fn session_count(&self) -> usize;
}

/// Finds the realms that sessions are in.
pub(crate) trait RealmDirectory: Send + Sync {
    fn find(&self, name: &str) -> Option<Arc<dyn LivingRealm>>;
}

/// An event as it is published, before it is encoded for its receivers.
#[derive(Debug)]
pub(crate) struct Publication<'p> {
    pub(crate) id: PublicationId,
    pub(crate) topic: &'p Uri,
    pub(crate) payload: &'p Payload,
    pub(crate) audience: &'p Audience,
    /// What EVENT tells besides the topic.
    pub(crate) details: EventDetails,
    /// Whether it is kept for those who subscribe later.
    pub(crate) retain: bool,
}

impl<'p> Publication<'p> {
    /// A publication with an id of its own.
    pub(crate) fn new(topic: &'p Uri, payload: &'p Payload, audience: &'p Audience) -> Publication<'p> {
        let id = PublicationId::from_random(rand::random());
        Publication { id, topic, payload, audience, details: EventDetails::default(), retain: false }
    }

    /// What a client publishes, for the audience that it asks for.
    pub(crate) fn by(publisher: &Session, publish: &'p Publish, audience: &'p Audience) -> Publication<'p> {
        let options = &publish.options;
        let mut publication = Publication::new(&publish.topic, &publish.payload, audience);
        publication.retain = options.retain == Some(true);
        publication.details.passthru = options.passthru.clone();
        if options.disclose_me == Some(true) {
            publication.details.publisher = Some(publisher.id());
            publication.details.publisher_authid = Some(publisher.authid().into());
            publication.details.publisher_authrole = Some(publisher.authrole().into());
        }
        publication
    }
}

impl RealmHandle {
    /// A handle to the realm of this name, whether it lives or not.
    pub(crate) fn to_name(name: &str, realms: Arc<dyn RealmDirectory>) -> RealmHandle {
        RealmHandle(Arc::new(Inner { name: name.into(), realm: None, realms, turns: Turns::default() }))
    }

    /// A handle to a realm that lives now; once it does not, to the one of its name.
    pub(crate) fn to_living(name: &str, realm: Weak<dyn LivingRealm>, realms: Arc<dyn RealmDirectory>) -> RealmHandle {
        RealmHandle(Arc::new(Inner { name: name.into(), realm: Some(realm), realms, turns: Turns::default() }))
    }

    /// A handle to another realm of the same server.
    pub(crate) fn sibling(&self, name: &str) -> RealmHandle {
        RealmHandle::to_name(name, Arc::clone(&self.0.realms))
    }

    /// Calls a procedure on behalf of the router itself: nobody authorizes that. Dropped while it waits, the call is
    /// canceled.
    ///
    /// # Errors
    /// What the callee, or the dealer, answers; `wamp.error.no_such_realm` if the realm does not live.
    pub(crate) async fn call(&self, procedure: Uri, arguments: RpcResult) -> Result<RpcResult, RpcError> {
        match self.living() {
            Some(realm) => realm.call(procedure, arguments).await,
            None => Err(RpcError::new(uris::NO_SUCH_REALM).message(format!("there is no realm `{}`", self.name()))),
        }
    }

    /// The realm's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Publishes an event to everyone who is subscribed to its topic.
    ///
    /// It is queued for all of them at once; awaiting the [`Delivery`] waits for those who are slow. The payload follows
    /// the shape rule of results. Any topic may be published to: what clients may do is another matter.
    pub fn publish(&self, topic: impl AsRef<str>, payload: impl IntoPayload) -> Delivery {
        self.publish_to(Audience::everyone(), topic, payload)
    }

    /// Publishes an event to those subscribers whom an [`Audience`] allows to have it.
    pub fn publish_to(&self, audience: Audience, topic: impl AsRef<str>, payload: impl IntoPayload) -> Delivery {
        let sent = self.try_publish(&audience, topic.as_ref(), payload, false);
        Delivery::to_many(sent, &self.0.turns)
    }

    /// Publishes an event and retains it: who subscribes later with the option `get_retained` is sent the latest one.
    ///
    /// Only routers retain ([`Realm::router`](crate::Realm::router)), within [`Limits::retained_events`] and
    /// [`Limits::retained_bytes`] of all topics together. In any other realm, in one that is not configured while nobody is
    /// in it, and before the server runs, the delivery fails and nobody gets the event.
    /// Somebody else's router is asked to retain it, and does if it can.
    ///
    /// ```
    /// # fn run(realm: serverwamp::RealmHandle) {
    /// realm.publish_retained("weather.today", "rain");
    /// # }
    /// ```
    ///
    /// WAMP: event retention, advanced profile.
    ///
    /// [`Limits::retained_events`]: crate::Limits::retained_events
    /// [`Limits::retained_bytes`]: crate::Limits::retained_bytes
    pub fn publish_retained(&self, topic: impl AsRef<str>, payload: impl IntoPayload) -> Delivery {
        self.publish_retained_to(Audience::everyone(), topic, payload)
    }

    /// Publishes an event to those whom an [`Audience`] allows to have it, and retains it for such among later subscribers.
    ///
    /// It takes the place of an event that was for the same audience, one for everyone that of all others.
    pub fn publish_retained_to(
        &self,
        audience: Audience,
        topic: impl AsRef<str>,
        payload: impl IntoPayload,
    ) -> Delivery {
        let sent = self.try_publish(&audience, topic.as_ref(), payload, true);
        Delivery::to_many(sent, &self.0.turns)
    }

    /// Forgets what is retained of a topic. Returns whether that was anything: never where the realm is on somebody else's
    /// router.
    pub fn clear_retained(&self, topic: impl AsRef<str>) -> bool {
        let topic = Uri::new(topic.as_ref());
        self.living().zip(topic.ok()).is_some_and(|(realm, topic)| realm.clear_retained(&topic))
    }

    /// Ends everybody's subscription to exactly this topic or pattern. Returns how many there were.
    ///
    /// It is as if each had unsubscribed; clients that announce `subscription_revocation` are told why. A reason that is no
    /// URI becomes `wamp.close.normal`. They may subscribe again: what they may do is another matter. On somebody else's
    /// router no subscription is ended.
    ///
    /// WAMP: subscription revocation, advanced profile.
    pub fn revoke(&self, topic: impl AsRef<str>, match_policy: MatchPolicy, reason: impl AsRef<str>) -> usize {
        let reason = Uri::new(reason.as_ref()).unwrap_or_else(|_| Uri::known(uris::CLOSE_NORMAL));
        self.living().map_or(0, |realm| realm.revoke_all(topic.as_ref(), match_policy, &reason))
    }

    /// Ends one subscription. Returns whether it was active.
    pub(super) fn revoke_one(&self, subscription: &Subscription, reason: &str) -> bool {
        let reason = Uri::new(reason).unwrap_or_else(|_| Uri::known(uris::CLOSE_NORMAL));
        self.living().is_some_and(|realm| realm.revoke(subscription, &reason))
    }

    /// Ends all sessions with GOODBYE and the reason `wamp.close.close_realm`.
    ///
    /// New sessions may join at any time.
    pub fn close(&self) {
        self.close_with(uris::CLOSE_REALM, "");
    }

    /// Ends all sessions with GOODBYE. What has been sent before goes first.
    ///
    /// A reason that is no URI becomes `wamp.close.normal`.
    pub fn close_with(&self, reason: impl AsRef<str>, message: impl AsRef<str>) {
        let sessions = self.living().map(|realm| realm.sessions()).unwrap_or_default();
        sessions.iter().for_each(|session| session.close(reason.as_ref(), message.as_ref()));
    }

    /// How many sessions are in the realm.
    pub fn sessions(&self) -> usize {
        self.living().map_or(0, |realm| realm.session_count())
    }

    /// All sessions that are in the realm.
    #[cfg(feature = "config")]
    pub(crate) fn all_sessions(&self) -> Vec<Session> {
        self.living().map(|realm| realm.sessions()).unwrap_or_default()
    }

    /// Sends an event to one session, for each of its subscriptions that match.
    pub(super) fn send_event(&self, session: &Session, topic: &str, payload: impl IntoPayload) -> Delivery {
        Delivery::to_one(self.try_send_event(session, topic, payload), &self.0.turns)
    }

    fn try_publish(
        &self,
        audience: &Audience,
        topic: &str,
        payload: impl IntoPayload,
        retain: bool,
    ) -> Result<FanOut, PublishError> {
        let topic = checked(topic)?;
        let realm = match self.living() {
            Some(realm) => realm,
            None if retain => return Err(PublishError::NotRetained),
            None => return Ok(FanOut::default()),
        };
        // CBOR holds what is kept for nobody knows whom.
        let codec = realm.codec_of(&topic, audience).or(retain.then_some(Codec::Cbor));
        let Some(codec) = codec else { return Ok(FanOut::default()) };
        let payload = payload.into_payload(codec)?;
        realm.publish(&Publication { retain, ..Publication::new(&topic, &payload, audience) })
    }

    fn try_send_event(
        &self,
        session: &Session,
        topic: &str,
        payload: impl IntoPayload,
    ) -> Result<FanOut, PublishError> {
        let topic = checked(topic)?;
        let Some(realm) = self.living().filter(|_| !session.has_ended()) else { return Err(PublishError::Closed) };
        let payload = payload.into_payload(session.codec())?;
        realm.send_event(session, &Publication::new(&topic, &payload, &Audience::everyone()))
    }

    fn living(&self) -> Option<Arc<dyn LivingRealm>> {
        self.0.realm.as_ref().and_then(Weak::upgrade).or_else(|| self.0.realms.find(&self.0.name))
    }
}

fn checked(topic: &str) -> Result<Uri, PublishError> {
    Uri::new(topic).map_err(|error| PublishError::InvalidTopic(error.to_string()))
}

impl fmt::Debug for RealmHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RealmHandle").field(&self.0.name).finish()
    }
}

impl<'c> FromCall<'c> for RealmHandle {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<RealmHandle, RpcError> {
        Ok(call.session().realm_handle().clone())
    }
}
