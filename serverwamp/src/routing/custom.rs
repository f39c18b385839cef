//! Handlers that take the place of a realm's annotated functions.

use std::sync::Arc;

use super::endpoints::Endpoints;
use super::realm::Realm;
use crate::handler::{Call, CustomHandler, ErrorHook, IntoPayload, Request, Route, RouteKind, Subscription, WampError};

/// What a realm is given in place of annotated functions.
#[derive(Debug, Clone, Default)]
pub(super) struct CustomHandlers {
    calls: Option<CustomHandler>,
    subscriptions: Option<CustomHandler>,
}

impl CustomHandlers {
    pub(super) fn iter(&self) -> impl Iterator<Item = &CustomHandler> {
        self.calls.iter().chain(&self.subscriptions)
    }

    /// The handler that takes the place of functions of this kind.
    pub(super) fn instead_of(&self, kind: RouteKind) -> Option<&CustomHandler> {
        match kind {
            RouteKind::Procedure => self.calls.as_ref(),
            RouteKind::Subscribe | RouteKind::Unsubscribe => self.subscriptions.as_ref(),
            RouteKind::Event | RouteKind::Join | RouteKind::Leave => None,
        }
    }

    /// Puts the handlers where those are that a realm runs.
    pub(super) fn install(&self, endpoints: &mut Endpoints, hook: Option<&ErrorHook>) {
        let endpoint = |handler: &CustomHandler| Arc::new(handler.endpoint().reporting_to(hook.cloned()));
        endpoints.call_handler = self.calls.as_ref().map(endpoint);
        endpoints.subscription_handler = self.subscriptions.as_ref().map(endpoint);
    }
}

impl Realm {
    /// Gives every CALL of the realm, whatever its URI (`wamp.…` included), to this function, which answers it: the way to
    /// build a proxy, or a router of one's own.
    ///
    /// The [`Call`] has the raw request, the session, and progressive results. Canceling, timeouts, limits, panics and
    /// shutdown are as for procedures, and there is one final reply per call. The function keeps what it needs: values
    /// given to `inject` are for annotated functions.
    ///
    /// The realm serves no `rpc` functions then. Those of the app are for its other realms; one that names this realm, or
    /// that this realm lists, fails the start-up. A handler given later replaces an earlier one.
    ///
    /// ```
    /// use serverwamp::{App, Call, Realm, RpcError, RpcResult};
    ///
    /// async fn echo(call: Call) -> Result<RpcResult, RpcError> {
    ///     let request = call.request();
    ///     if request.uri().as_str() != "echo" {
    ///         return Err(RpcError::new("wamp.error.no_such_procedure"));
    ///     }
    ///     Ok(request.args().iter().fold(RpcResult::new(), RpcResult::arg))
    /// }
    ///
    /// let app = App::new().realm(Realm::new("echoes").call_handler(echo));
    /// # let _ = app;
    /// ```
    #[must_use]
    #[track_caller]
    pub fn call_handler<F, R, E>(mut self, handler: impl Fn(Call) -> F + Send + Sync + 'static) -> Realm
    where
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoPayload,
        E: WampError,
    {
        self.custom.calls = Some(CustomHandler::of_calls(handler));
        self
    }

    /// Lets this function decide about every SUBSCRIBE of the realm, in place of subscribe functions and of
    /// [`topics`](Realm::topics): to any topic or pattern, those of the protocol (`wamp.…`) included, which it should
    /// refuse unless they are for the client.
    ///
    /// Its error refuses. What it sends to the [`Subscription`] meanwhile follows SUBSCRIBED. It may keep the subscription,
    /// or start a task with [`Session::spawn`](crate::Session::spawn) that sends until
    /// [`closed`](Subscription::closed). A session that has the subscription already gets its id again, unasked. Until the
    /// function has decided, the session's other requests about topics wait. Who may publish is as without it.
    ///
    /// The realm serves no `subscribe` and `unsubscribe` functions then. Those of the app are for its other realms; one
    /// that names this realm, or that this realm lists, fails the start-up. A handler given later replaces an earlier one.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use serverwamp::{App, Realm, Request, RpcError, Subscription};
    ///
    /// async fn clock(subscription: Subscription, _: Request) -> Result<(), RpcError> {
    ///     if subscription.topic() != "clock.seconds" {
    ///         return Err(RpcError::not_authorized("there is a clock, and nothing else"));
    ///     }
    ///     subscription.session().clone().spawn(async move {
    ///         for second in 1.. {
    ///             tokio::time::sleep(Duration::from_secs(1)).await;
    ///             if subscription.send(second).await.is_err() {
    ///                 break;
    ///             }
    ///         }
    ///     });
    ///     Ok(())
    /// }
    ///
    /// let app = App::new().realm(Realm::new("clocks").subscription_handler(clock));
    /// # let _ = app;
    /// ```
    #[must_use]
    #[track_caller]
    pub fn subscription_handler<F, E>(
        mut self,
        handler: impl Fn(Subscription, Request) -> F + Send + Sync + 'static,
    ) -> Realm
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: WampError,
    {
        self.custom.subscriptions = Some(CustomHandler::of_subscriptions(handler));
        self
    }

    /// Whether a function of the app is served here: it may be for other realms, and a handler may take its place.
    pub(crate) fn serves(&self, route: &Route) -> bool {
        self.is_for(route) && self.custom.instead_of(route.kind).is_none()
    }

    /// The realm's own handlers, and what decides about requests, as the log lists them.
    pub(crate) fn handler_listings(&self) -> impl Iterator<Item = String> {
        let place = self.in_words();
        let custom = self.custom.iter().map(|handler| format!("{}  {}", handler.name(), handler.location()));
        let deciding = self.authenticators().listings().chain(self.authorities.listings());
        custom.chain(deciding).map(move |listing| format!("{listing}{place}"))
    }
}
