//! How sessions begin and end: the functions that run for it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::authentication::authenticate;
use super::authorization::Authorization;
use super::guarded::{Guarded, panic_text};
use super::{Connection, Joined, Shared};
use crate::handler::{
    Announcement, Call, Claims, Endpoint, EventDetails, Lingering, Principal, RpcError, Session, SessionDetails,
    Subscription,
};
use crate::log::Shown;
use crate::routing::{Left, RealmState};
use crate::session::{Answer, AuthenticationMethod, Ending, Welcome};
use crate::transport::Transport;
use crate::wire::{Hello, PublicationId, Publish, SessionId, Uri, uris};

/// A client that has said HELLO, while functions decide whether it may join.
pub(super) struct Joining {
    pub(super) session: Session,
    realm: Arc<RealmState>,
    decision: Pin<Box<dyn Future<Output = Result<(), RpcError>> + Send>>,
}

impl<T: Transport> Connection<T> {
    /// A client wants to join a realm.
    pub(super) fn join(&mut self, hello: &Hello, context: &mut Context<'_>, now: Instant) {
        let Some(realm) = self.shared.realms.join(&hello.realm) else {
            tracing::info!(realm = %Shown(&hello.realm), peer = ?self.info.peer, "refused: there is no such realm");
            let message = format!("there is no realm `{}`", hello.realm);
            self.session.abort(&Uri::known(uris::NO_SUCH_REALM), Some(&message));
            return;
        };
        // A client that comes and goes must not pile up the functions that run for its going.
        if self.calls.lingering() >= realm.limits().calls_in_flight {
            self.shared.counters.limit("calls_in_flight");
            let message = "functions of earlier sessions still run";
            self.session.abort(&Uri::known(uris::LIMIT_EXCEEDED), Some(message));
            return;
        }
        let id = SessionId::from_random(rand::random());
        let details = SessionDetails { realm: realm.name().clone(), announcement: Announcement::of(hello) };
        let (info, claims, codec) = (Arc::clone(&self.info), Claims::of(hello), self.session.codec());
        let (handle, outbound_bytes) = (realm.handle().clone(), realm.limits().outbound_bytes);
        let session = Session::new(id, details, claims, info, codec, handle, outbound_bytes);
        let span = session.span().clone();
        self.span = Some(span.clone());
        span.in_scope(|| self.begin_joining(session, realm, context, now));
    }

    fn begin_joining(&mut self, session: Session, realm: Arc<RealmState>, context: &mut Context<'_>, now: Instant) {
        let access = realm.access();
        let authenticators = &access.authenticators;
        if realm.dealer().endpoints().join.is_empty()
            && let (true, Some(role)) = (authenticators.are_none(), authenticators.anonymous_role())
        {
            // Nobody has had the session before.
            let _ = session.settle_as(Principal::anonymous(role));
            self.shared.counters.authentication(AuthenticationMethod::Anonymous.name(), true);
            return self.enter(session, realm, now);
        }
        let decision = Box::pin(decide(session.clone(), Arc::clone(&realm), Arc::clone(&self.shared)));
        self.joining = Some(Joining { session, realm, decision });
        self.poll_joining(context, now);
    }

    /// A client has answered a challenge.
    pub(super) fn authenticate(&mut self, answer: Answer, context: &mut Context<'_>, now: Instant) {
        let Some(joining) = &self.joining else { return };
        joining.session.answer(answer);
        self.poll_joining(context, now);
    }

    /// Goes on with what decides whether a client may join.
    pub(super) fn poll_joining(&mut self, context: &mut Context<'_>, now: Instant) {
        let Some(joining) = &mut self.joining else { return };
        joining.session.outbox().register(context.waker());
        // The program's own values are dropped in it, besides the functions that are guarded.
        let polled = catch_unwind(AssertUnwindSafe(|| joining.decision.as_mut().poll(context)));
        let polled = polled.unwrap_or_else(|panic| {
            tracing::error!(session = %joining.session.id(), panic = panic_text(&*panic), "a login panicked");
            Poll::Ready(Err(RpcError::new(uris::AUTHENTICATION_FAILED)))
        });
        if let Some((method, extra)) = joining.session.take_challenge() {
            self.session.challenge(&method, extra);
        }
        let Poll::Ready(decision) = polled else { return };
        if let Err(error) = &decision {
            tracing::info!(
                session = %joining.session.id(),
                realm = %Shown(joining.session.realm()),
                peer = ?self.info.peer,
                reason = %Shown(error.uri()),
                "refused"
            );
            // A function that refuses may have said how.
            self.fetch_farewell(now);
        }
        match decision {
            Ok(()) if self.session.is_challenging() => {
                let message = "a challenge has not been answered";
                self.session.abort(&Uri::known(uris::AUTHENTICATION_FAILED), Some(message));
            }
            Ok(()) => {
                if let Some(Joining { session, realm, .. }) = self.joining.take() {
                    self.enter(session, realm, now);
                }
            }
            Err(error) if error.uri() == uris::PROTOCOL_VIOLATION => {
                self.session.handle_violation(error.text().unwrap_or_default());
            }
            Err(error) => {
                let reason = Uri::new(error.uri()).unwrap_or_else(|_| Uri::known(uris::RUNTIME_ERROR));
                self.session.abort(&reason, error.text());
            }
        }
    }

    /// Lets a client in.
    fn enter(&mut self, session: Session, realm: Arc<RealmState>, now: Instant) {
        session.end_authentication();
        self.session.welcome(Welcome {
            session: session.id(),
            realm: realm.name().clone(),
            authid: session.authid().to_owned(),
            authrole: session.authrole().to_owned(),
            authmethod: session.authmethod().to_owned(),
            authprovider: session.authprovider().to_owned(),
            authextra: session.principal().and_then(|principal| principal.authextra.clone()),
            is_router: realm.is_router(),
            meta_api: realm.has_meta_api(),
            reflection: realm.has_reflection(),
            event_history: realm.keeps_history(),
        });
        realm.enter(&session);
        session.record_principal();
        tracing::debug!(
            session = %session.id(),
            realm = %Shown(realm.name()),
            peer = ?self.info.peer,
            authid = %Shown(session.authid()),
            authrole = %Shown(session.authrole()),
            "joined"
        );
        self.shared.counters.joined();
        let authorization = Authorization::of(&session, &realm, &self.shared);
        self.joined = Some(Joined { session, realm, authorization, callee: None });
        self.apply_limits(now);
        // A client that is to go does nothing before, however much it has sent already.
        self.fetch_farewell(now);
    }

    /// Drops all that belongs to a session that is over, or that never began.
    pub(super) fn leave(&mut self, ending: Ending, context: &mut Context<'_>) {
        if let Some(joining) = self.joining.take() {
            joining.end(&self.shared, self.calls.linger(&self.shared.detached));
        }
        if let Some(joined) = self.joined.take() {
            // Functions that decide about subscriptions end before those that run for the end.
            self.topics = None;
            self.calls.drop_all(context, &mut self.tally);
            self.routed.drop_all();
            tracing::debug!(session = %joined.session.id(), peer = ?self.info.peer, %ending, "left");
            joined.end(&self.shared, self.calls.linger(&self.shared.detached));
        }
        self.span = Some(Span::none());
    }

    /// Ends the session, where a function or task asked for it.
    pub(super) fn fetch_farewell(&mut self, now: Instant) {
        use crate::handler::Farewell;
        let joining = self.joining.as_ref().map(|joining| &joining.session);
        let Some(session) = self.joined.as_ref().map(|joined| &joined.session).or(joining) else { return };
        let outbox = session.outbox();
        if !outbox.is_waiting() {
            return;
        }
        match outbox.take_farewell() {
            Some(Farewell::Goodbye { reason, message }) => {
                self.session.goodbye(&reason, message.as_deref(), now.into_std());
            }
            Some(Farewell::Abort { reason, message }) => self.session.abort(&reason, message.as_deref()),
            None => {}
        }
    }
}

impl Joining {
    /// The client does not join after all.
    pub(super) fn end(self, shared: &Shared, lingering: Lingering) {
        let Joining { session, realm, decision } = self;
        drop(decision);
        session.end();
        let functions =
            realm.dealer().endpoints().leave.iter().filter(|endpoint| endpoint.route().before_authentication);
        run(shared, &session, functions.map(|endpoint| for_session(endpoint, &session)).collect(), lingering);
    }
}

impl Joined {
    /// Ends the session and all its subscriptions, then runs the functions that are for that.
    pub(super) fn end(self, shared: &Shared, lingering: Lingering) {
        let Joined { session, realm, callee, .. } = self;
        if let Some(callee) = callee {
            realm.dealer().leave(&callee, realm.broker());
        }
        let Left { subscriptions, testaments } = realm.leave(&session);
        session.end();
        let subscriptions = subscriptions.iter().flat_map(|subscription| at_end_of(&realm, subscription));
        let testaments = testaments.iter().flat_map(|(publish, id)| at_event(&realm, &session, publish, *id));
        let leave = realm.dealer().endpoints().leave.iter().map(|endpoint| for_session(endpoint, &session));
        run(shared, &session, subscriptions.chain(testaments).chain(leave).collect(), lingering);
        shared.counters.left();
    }
}

/// A function and what it is to run for.
pub(super) type Run = (Arc<Endpoint>, Call);

/// The functions that are for the end of a subscription.
pub(super) fn at_end_of(realm: &RealmState, subscription: &Subscription) -> Vec<Run> {
    let functions = realm.dealer().endpoints().unsubscribe.covering(subscription.topic(), subscription.match_policy());
    let run = |endpoint: Arc<Endpoint>| {
        let session = subscription.session().clone();
        let call = Call::for_subscription(Arc::clone(&endpoint), session, subscription.clone(), None);
        (endpoint, call)
    };
    functions.into_iter().map(run).collect()
}

/// The functions that are for an event which a session that is over has left.
fn at_event(realm: &RealmState, session: &Session, publish: &Publish, id: PublicationId) -> Vec<Run> {
    let mut event = EventDetails::new(id, publish.topic.clone());
    if publish.options.disclose_me == Some(true) {
        event = event.published_by(session);
    }
    let functions = realm.dealer().endpoints().events.matching(&publish.topic);
    let run = |endpoint: &Arc<Endpoint>| {
        let call = Call::for_event(Arc::clone(endpoint), session.clone(), publish, event.clone());
        (Arc::clone(endpoint), call)
    };
    functions.map(run).collect()
}

/// Runs functions one after the other, whatever becomes of the connection. The shutdown waits for them.
pub(super) fn spawn(shared: &Shared, runs: Vec<Run>, then: impl FnOnce() + Send + 'static) {
    // A connection that is dropped with its runtime has nowhere left to run anything.
    let Ok(runtime) = Handle::try_current() else { return then() };
    runtime.spawn(shared.detached.track_future(async move {
        for (endpoint, call) in runs {
            let span = call.session().span().clone();
            // It is started within the span as well.
            async { Guarded::start(&endpoint, call).finish().await }.instrument(span).await;
        }
        then();
    }));
}

fn run(shared: &Shared, session: &Session, runs: Vec<Run>, lingering: Lingering) {
    if runs.is_empty() {
        return forget(session);
    }
    let session = session.clone();
    spawn(shared, runs, move || {
        forget(&session);
        drop(lingering);
    });
}

/// Drops what is kept with a session, which may panic.
fn forget(session: &Session) {
    if catch_unwind(AssertUnwindSafe(|| session.forget())).is_err() {
        tracing::error!(session = %session.id(), "a value that was kept with a session panicked when it was dropped");
    }
}

fn for_session(endpoint: &Arc<Endpoint>, session: &Session) -> Run {
    (Arc::clone(endpoint), Call::for_session(Arc::clone(endpoint), session.clone()))
}

/// Asks one function after the other, and in between who the client is; the first that refuses decides.
async fn decide(session: Session, realm: Arc<RealmState>, shared: Arc<Shared>) -> Result<(), RpcError> {
    let is_early = |endpoint: &&Arc<Endpoint>| endpoint.route().before_authentication;
    let functions = &realm.dealer().endpoints().join;
    for endpoint in functions.iter().filter(is_early) {
        ask(endpoint, &session).await?;
    }
    let access = realm.access();
    authenticate(&session, &access.authenticators, &shared).await?;
    for endpoint in functions.iter().filter(|endpoint| !is_early(endpoint)) {
        ask(endpoint, &session).await?;
    }
    Ok(())
}

async fn ask(endpoint: &Arc<Endpoint>, session: &Session) -> Result<(), RpcError> {
    let call = Call::for_session(Arc::clone(endpoint), session.clone());
    Guarded::start(endpoint, call).await.map(|_| ())
}
