//! A session's authentication.

use std::sync::{Arc, OnceLock};

use super::authenticated::{Authenticated, Principal, random_authid};
use super::claims::Claims;
use super::exchange::Exchange;
use super::identity::Identity;
use crate::handler::{RpcError, Session};
use crate::session::Answer;
use crate::wire::{Dict, RawDict, uris};

/// How far a session's authentication has come.
#[derive(Default)]
pub(in crate::handler) struct Authentication {
    claims: Claims,
    principal: OnceLock<Principal>,
    exchange: Exchange,
}

impl Authentication {
    /// A client that claims this.
    pub(in crate::handler) fn new(claims: Claims) -> Authentication {
        Authentication { claims, ..Authentication::default() }
    }

    /// Who the client is, once that is known.
    pub(in crate::handler) fn principal(&self) -> Option<&Principal> {
        self.principal.get()
    }

    /// No more challenges.
    pub(in crate::handler) fn end(&self) {
        self.exchange.end();
    }
}

impl Session {
    /// What the client claims of itself in HELLO, proved or not.
    pub fn claims(&self) -> &Claims {
        &self.authentication().claims
    }

    /// Who the client is, if an authenticator found an identity of this type.
    pub fn identity<T: Send + Sync + 'static>(&self) -> Option<Identity<T>> {
        let identity = Arc::clone(self.principal()?.identity.as_ref()?);
        identity.downcast().ok().map(Identity)
    }

    /// Sends CHALLENGE to a client that has not joined yet, and waits for its answer: for an
    /// [authentication handler](crate::Realm::authentication_handler), which may do so several times.
    ///
    /// A client is challenged ten times at most, and has to be in within
    /// [`welcome_timeout`](crate::Limits::welcome_timeout). Not cancel-safe: an answer that nobody waits for is dropped.
    ///
    /// WAMP: CHALLENGE and AUTHENTICATE, advanced profile.
    ///
    /// # Errors
    /// `wamp.error.authentication_failed`: the client has joined, is gone, or has not answered an earlier challenge.
    pub async fn challenge(&self, method: impl Into<String>, extra: Dict) -> Result<Answer, RpcError> {
        let failed = || RpcError::new(uris::AUTHENTICATION_FAILED).message("the client cannot be challenged now");
        let extra = RawDict::encode(self.codec(), &extra).map_err(|error| RpcError::internal(&error))?;
        let answer = self.authentication().exchange.want(method.into(), extra).map_err(|_| failed())?;
        self.outbox().wake();
        answer.await.map_err(|_| failed())
    }

    /// Settles who the client is: for an [authentication handler](crate::Realm::authentication_handler). The client is
    /// welcomed when the handler has returned.
    ///
    /// The first time counts; it has no effect on a session that has joined. If the client cannot be told of it, as
    /// `authextra` has something that its serializer cannot hold, it is logged, and the client refused.
    pub fn mark_authenticated(&self, authenticated: Authenticated) {
        let method = self.authentication().exchange.method();
        // The cause is in the log already.
        let _ = self.settle(authenticated, method.as_deref().unwrap_or("custom"), random_authid, Dict::new());
    }

    /// Settles who the client is, with what its method says where the authenticator has not said otherwise.
    pub(crate) fn settle(
        &self,
        authenticated: Authenticated,
        method: &str,
        authid: impl FnOnce() -> String,
        authextra: Dict,
    ) -> Result<(), RpcError> {
        self.settle_as(authenticated.into_principal(self.codec(), method, authid, authextra)?)
    }

    /// Settles who the client is. The first time counts.
    ///
    /// # Errors
    /// It has been settled: nobody is let in as somebody else than was found out last.
    pub(crate) fn settle_as(&self, principal: Principal) -> Result<(), RpcError> {
        let failed =
            |_| RpcError::new(uris::AUTHENTICATION_FAILED).message("somebody else has settled who the client is");
        self.authentication().principal.set(principal).map_err(failed)
    }

    /// A challenge that is to be sent.
    pub(crate) fn take_challenge(&self) -> Option<(String, RawDict)> {
        self.authentication().exchange.take()
    }

    /// The client has answered a challenge.
    pub(crate) fn answer(&self, answer: Answer) {
        self.authentication().exchange.answer(answer);
    }

    /// The client has joined: it is not challenged any more.
    pub(crate) fn end_authentication(&self) {
        self.authentication().end();
    }

    /// Who the client is, once that is known.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.authentication().principal()
    }
}
