//! Calls: which function of the program or which client answers them.

mod announcing;
mod callee;
mod functions;
mod inspection;
mod registrations;
mod revocation;
mod routed;
mod specificity;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use self::callee::Offer;
pub(crate) use self::callee::{Begun, Callee, Canceled};
pub(crate) use self::functions::Functions;
pub(crate) use self::registrations::Registration;
use self::registrations::{Added, Conflict, Registrations};
pub(crate) use self::routed::{RoutedCall, Unavailable};
use super::broker::Broker;
use super::coverage::is_reserved;
use super::endpoints::Endpoints;
use crate::handler::{Answer, Endpoint, Session};
use crate::limits::Limits;
use crate::metrics::CallMetrics;
use crate::wire::{Register, RegistrationId, Timestamp, Uri, uris};

/// The dealer of one realm.
///
/// WAMP: remote procedure calls, dealer, basic profile; pattern-based registrations, shared registrations, advanced
/// profile.
#[derive(Debug)]
pub(crate) struct Dealer {
    functions: Arc<Functions>,
    options: RouterOptions,
    created: Timestamp,
    /// What clients offer; none where they may not.
    registrations: Option<RwLock<Registrations>>,
}

/// How a realm is a router, where that is not as the specification has it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RouterOptions {
    /// Whether callees are asked for progressive results that cannot be told to stop.
    pub(crate) progress_without_canceling: bool,
}

/// Who answers a call.
#[derive(Debug)]
pub(crate) enum Target<'d> {
    Function(&'d Arc<Endpoint>),
    Clients(Arc<Registration>),
}

/// A client has become a callee of a procedure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registered {
    pub(crate) id: RegistrationId,
    /// Octets of what was sent because of it.
    pub(crate) octets: usize,
}

/// Why a client cannot offer a procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegisterError {
    /// The error, and for people what is wrong.
    Refused(&'static str, String),
    /// The client has as many registrations as it may.
    TooMany,
}

impl Dealer {
    pub(crate) fn new(functions: Arc<Functions>, router: Option<RouterOptions>) -> Dealer {
        let registrations = router.map(|_| RwLock::default());
        let created = Timestamp::from(SystemTime::now());
        Dealer { functions, options: router.unwrap_or_default(), created, registrations }
    }

    /// What a session is as a callee.
    pub(crate) fn callee(&self, session: &Session, limits: &Limits) -> Arc<Callee> {
        Callee::new(session, limits, self.options)
    }

    /// Whether clients may offer procedures.
    pub(crate) fn is_router(&self) -> bool {
        self.registrations.is_some()
    }

    /// All functions of the realm.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        self.functions.endpoints()
    }

    /// What counts the calls that clients answer.
    pub(crate) fn metrics(&self) -> &Arc<CallMetrics> {
        self.functions.metrics()
    }

    /// Finds who answers calls of a procedure; where there is nobody, a handler that says so. Tells how many components
    /// of clients' wildcard patterns were looked at.
    pub(crate) fn find(&self, procedure: &Uri) -> (Target<'_>, usize) {
        let function = self.functions.find(procedure);
        if Functions::is_exact(function) {
            // Nothing is better, and no client may register it.
            return (Target::Function(function), 0);
        }
        let Some(registrations) = self.read().filter(|_| !is_reserved(procedure)) else {
            return (Target::Function(function), 0);
        };
        let (registration, looked_at) = registrations.find(procedure);
        let is_better =
            |registration: &&Arc<Registration>| *registration.specificity() > self.functions.specificity(function);
        match registration.filter(is_better) {
            Some(registration) => (Target::Clients(Arc::clone(registration)), looked_at),
            None => (Target::Function(function), looked_at),
        }
    }

    /// Makes a client a callee of a procedure, and has the broker announce it.
    ///
    /// # Errors
    /// The procedure has somebody else, or the client has too many.
    pub(crate) fn register(
        &self,
        callee: &Arc<Callee>,
        register: &Register,
        broker: &Broker,
    ) -> Result<Registered, RegisterError> {
        let (procedure, options) = (&register.procedure, &register.options);
        let policy = options.match_policy.unwrap_or_default();
        let invoke = options.invoke.unwrap_or_default();
        if options.concurrency == Some(0) {
            return Err(refused(uris::INVALID_ARGUMENT, "a concurrency of 0 leaves no calls".to_owned()));
        }
        let offer = Offer {
            concurrency: options.concurrency.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
            disclose_caller: options.disclose_caller == Some(true),
            forward_timeout: options.forward_timeout == Some(true),
            ..Offer::default()
        };
        if self.functions.serve(procedure, policy) {
            return Err(refused(uris::PROCEDURE_ALREADY_EXISTS, format!("`{procedure}` ({policy}) is served here")));
        }
        let Some(mut registrations) = self.write() else {
            return Err(refused(uris::NOT_AUTHORIZED, "this realm takes no procedures from clients".to_owned()));
        };
        if !callee.has_room() {
            return Err(RegisterError::TooMany);
        }
        let mut octets = 0_usize;
        if options.force_reregister == Some(true)
            && let Some(id) = registrations.get(procedure, policy).map(|existing| existing.id())
        {
            octets = self::revocation::end(&mut registrations, id, &Uri::known(uris::UNREGISTERED), broker);
        }
        let Added { id, is_new } = registrations.add(procedure, policy, invoke, callee).map_err(|conflict| {
            let why = match conflict {
                Conflict::Taken => "has a callee".to_owned(),
                Conflict::OtherPolicy(other) => {
                    format!("has callees with the invocation policy {}, not {}", other.name(), invoke.name())
                }
            };
            refused(uris::PROCEDURE_ALREADY_EXISTS, format!("`{procedure}` ({policy}) {why}"))
        })?;
        callee.begin(id, offer);
        let created = registrations.by_id(id).filter(|_| is_new);
        octets = octets.saturating_add(announcing::registered(broker, id, callee.session_id(), created));
        Ok(Registered { id, octets })
    }

    /// Ends a client's part in a registration, which it may not have. When this returns, no invocation of it is queued
    /// for the client any more; those that were go on.
    pub(crate) fn unregister(&self, callee: &Arc<Callee>, registration: RegistrationId, broker: &Broker) -> bool {
        let Some(mut registrations) = self.write() else { return false };
        let ended = callee.end(registration);
        if let Some(is_over) = registrations.remove(registration, callee).filter(|_| ended) {
            announcing::unregistered(broker, registration, callee.session_id(), is_over);
        }
        ended
    }

    /// A client is gone: so are its registrations, and whoever waits for its answers is told.
    pub(crate) fn leave(&self, callee: &Arc<Callee>, broker: &Broker) {
        let (mut ended, callers) = callee.leave();
        ended.sort_unstable();
        if let Some(mut registrations) = self.write() {
            for registration in ended {
                if let Some(is_over) = registrations.remove(registration, callee) {
                    announcing::unregistered(broker, registration, callee.session_id(), is_over);
                }
            }
        }
        for caller in callers {
            caller.answer(Answer::Gone);
        }
    }

    fn read(&self) -> Option<RwLockReadGuard<'_, Registrations>> {
        Some(self.registrations.as_ref()?.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> Option<RwLockWriteGuard<'_, Registrations>> {
        Some(self.registrations.as_ref()?.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registration {
    /// Gives a call to the first of the callees that takes it; those in `tried` have refused already.
    ///
    /// # Errors
    /// None takes it.
    pub(crate) fn route(
        &self,
        call: &RoutedCall<'_>,
        tried: &[Arc<Callee>],
        random: impl FnOnce() -> usize,
    ) -> Result<(Arc<Callee>, Begun), Unavailable> {
        let mut unavailable = Unavailable::Gone;
        for callee in self.candidates(random) {
            if tried.iter().any(|other| Arc::ptr_eq(other, callee)) {
                continue;
            }
            match callee.invoke(self, call) {
                Ok(begun) => return Ok((Arc::clone(callee), begun)),
                Err(reason) => unavailable = unavailable.or(reason),
            }
        }
        Err(unavailable)
    }
}

fn refused(error: &'static str, message: String) -> RegisterError {
    RegisterError::Refused(error, message)
}
