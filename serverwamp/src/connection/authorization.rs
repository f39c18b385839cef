//! Whether a session may do what it asks for: asking its realm's rules and authorizer, and keeping what they say.

mod admission;
mod inquiry;

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::admission::StartOrder;
pub(super) use self::admission::{Admission, Place};
use self::inquiry::{Failure, Guarded};
use super::{Joined, Shared};
use crate::handler::{Action, Decision, DecisionFuture, Endpoint, RpcError, Session};
use crate::log::Shown;
use crate::metrics::Counters;
use crate::routing::{Access, RealmState};
use crate::wire::{self, Uri, uris};

pub(super) use self::inquiry::Inquiry;

/// What decides about the requests of one session.
pub(super) struct Authorization {
    session: Session,
    realm: Arc<RealmState>,
    counters: Arc<Counters>,
    kept: Mutex<Kept>,
    calls: StartOrder,
}

/// Who may do what, and what an authorizer has decided for the rest of the session, or until that is replaced.
struct Kept {
    access: Arc<Access>,
    /// How often the realm's access had been replaced.
    replaced: u64,
    decisions: HashMap<(Uri, Action), Decision>,
}

impl Kept {
    fn of(realm: &RealmState) -> Kept {
        // In this order: what is replaced in between is noticed the next time.
        let replaced = realm.access_replaced();
        Kept { access: realm.access(), replaced, decisions: HashMap::new() }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) error: &'static str,
    pub(super) message: String,
}

/// What comes of asking.
pub(super) enum Asked {
    Answered(Result<Decision, Refusal>),
    /// The authorizer is to be waited for.
    Pending(Inquiry),
}

/// When a call may start.
pub(super) enum Admitted {
    AtOnce(Decision),
    Later(Admission),
}

impl Authorization {
    /// None where everything is allowed.
    pub(super) fn of(session: &Session, realm: &Arc<RealmState>, shared: &Shared) -> Option<Arc<Authorization>> {
        if realm.is_open() {
            return None;
        }
        Some(Arc::new(Authorization {
            session: session.clone(),
            realm: Arc::clone(realm),
            counters: Arc::clone(&shared.counters),
            kept: Mutex::new(Kept::of(realm)),
            calls: StartOrder::default(),
        }))
    }

    /// Asks whether the session may do something.
    pub(super) fn ask(self: &Arc<Self>, uri: &Uri, action: Action) -> Asked {
        let kept = self.kept();
        let authorities = &kept.access.authorities;
        let by_rules = authorities.by_rules(&self.session, uri, action);
        let authorizer = authorities.authorizer(self.session.authrole());
        let Some(authorizer) = authorizer.filter(|_| by_rules.is_allowed()) else {
            return Asked::Answered(self.conclude(by_rules, uri, action));
        };
        if let Some(decision) = kept.decisions.get(&(uri.clone(), action)) {
            return Asked::Answered(self.conclude(decision.or_disclosure(by_rules.disclosure()), uri, action));
        }
        let decision = authorizer.decide(self.session.clone(), uri.clone(), action);
        let access = Arc::clone(&kept.access);
        let (this, uri) = (Arc::clone(self), uri.clone());
        Asked::Pending(Box::pin(async move {
            let decision = this.wait(decision, &uri, action, &access).await?;
            // The rules may have been replaced meanwhile.
            let by_rules = this.kept().access.authorities.by_rules(&this.session, &uri, action);
            let decision = if by_rules.is_allowed() { decision } else { by_rules };
            this.conclude(decision.or_disclosure(by_rules.disclosure()), &uri, action)
        }))
    }

    /// Asks whether the session may call a procedure.
    fn ask_for_call(
        self: &Arc<Self>,
        procedure: &Uri,
        disclose_me: Option<bool>,
        serial: u64,
    ) -> Result<Admitted, Refusal> {
        let inquiry = match self.ask(procedure, Action::call(disclose_me)) {
            Asked::Answered(answer) => {
                let decision = answer?;
                if self.calls.is_empty() {
                    return Ok(Admitted::AtOnce(decision));
                }
                Box::pin(ready(Ok(decision)))
            }
            Asked::Pending(inquiry) => inquiry,
        };
        Ok(Admitted::Later(Admission::new(inquiry, self.calls.place(serial))))
    }

    /// Waits for the authorizer, and keeps its decision if that is to be cached.
    async fn wait(
        &self,
        decision: DecisionFuture,
        uri: &Uri,
        action: Action,
        access: &Arc<Access>,
    ) -> Result<Decision, Refusal> {
        let limit = self.realm.limits().authorization_timeout;
        let what = || action.in_words(uri);
        let failure = match tokio::time::timeout(limit, Guarded::new(decision)).await {
            Ok(Ok(decision)) => {
                if decision.is_cached() {
                    self.keep(decision, uri, action, access);
                }
                return Ok(decision);
            }
            Ok(Err(failure)) => failure,
            Err(_) => {
                self.counters.limit("authorization_timeout");
                Failure::TimedOut
            }
        };
        tracing::error!(session = %self.session.id(), action = %Shown(what()), %failure, "the authorizer failed");
        self.counters.authorization_failed();
        let message = format!("it could not be decided whether you may {}", what());
        Err(Refusal { error: uris::AUTHORIZATION_FAILED, message })
    }

    fn keep(&self, decision: Decision, uri: &Uri, action: Action, access: &Arc<Access>) {
        let maximum = self.realm.limits().cached_decisions;
        let mut kept = self.kept();
        // What was decided by an access that is replaced holds for one request.
        if !Arc::ptr_eq(access, &kept.access) {
            return;
        }
        let decisions = &mut kept.decisions;
        if decisions.len() >= maximum {
            decisions.clear();
            self.counters.limit("cached_decisions");
        }
        if maximum > 0 {
            decisions.insert((uri.clone(), action), decision);
        }
    }

    /// What a decision comes to.
    fn conclude(&self, decision: Decision, uri: &Uri, action: Action) -> Result<Decision, Refusal> {
        if !decision.is_allowed() {
            return Err(deny(&self.session, uri, action, &self.counters));
        }
        if action.disclose_me() && decision.disclosure() == Some(false) {
            tracing::debug!(session = %self.session.id(), action = %Shown(action.in_words(uri)), "may not be disclosed");
            self.counters.denied();
            let message = format!("you may {}, but not be disclosed", action.in_words(uri));
            return Err(Refusal { error: uris::DISCLOSURE_DISALLOWED, message });
        }
        Ok(decision)
    }

    /// Who may do what as it is now, with what has been decided by that.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.replaced != self.realm.access_replaced() {
            *kept = Kept::of(&self.realm);
        }
        kept
    }
}

impl Joined {
    /// Whether a call may start. Returns what it has to wait for before that.
    pub(super) fn admit(
        &self,
        call: &wire::Call,
        endpoint: &Arc<Endpoint>,
        serial: u64,
        counters: &Counters,
    ) -> Result<Option<Admission>, Refusal> {
        let (procedure, disclose_me) = (&call.procedure, call.options.disclose_me);
        check_roles([endpoint], &self.session, procedure, Action::call(disclose_me), counters)?;
        match &self.authorization {
            Some(authorization) => match authorization.ask_for_call(procedure, disclose_me, serial)? {
                Admitted::AtOnce(_) => Ok(None),
                Admitted::Later(admission) => Ok(Some(admission)),
            },
            None => Ok(None),
        }
    }

    /// Whether a call may go to a client.
    pub(super) fn admit_routed(&self, call: &wire::Call, serial: u64) -> Result<Admitted, Refusal> {
        match &self.authorization {
            Some(authorization) => authorization.ask_for_call(&call.procedure, call.options.disclose_me, serial),
            None => Ok(Admitted::AtOnce(Decision::allow())),
        }
    }
}

/// Counts, logs and words a denial.
#[cold]
fn deny(session: &Session, uri: &Uri, action: Action, counters: &Counters) -> Refusal {
    let what = action.in_words(uri);
    tracing::debug!(session = %session.id(), authrole = %Shown(session.authrole()), action = %Shown(&what), "denied");
    counters.denied();
    Refusal { error: uris::NOT_AUTHORIZED, message: format!("you may not {what}") }
}

/// Refuses what functions that name roles are not for.
pub(super) fn check_roles<'e>(
    functions: impl IntoIterator<Item = &'e Arc<Endpoint>>,
    session: &Session,
    uri: &Uri,
    action: Action,
    counters: &Counters,
) -> Result<(), Refusal> {
    match functions.into_iter().all(|function| function.admits(session)) {
        true => Ok(()),
        false => Err(deny(session, uri, action, counters)),
    }
}

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> RpcError {
        RpcError::new(refusal.error).message(refusal.message)
    }
}
