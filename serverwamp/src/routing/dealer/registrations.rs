//! The procedures that clients offer, and which of them a URI is for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use super::callee::Callee;
use super::functions::FIRST_OF_FUNCTIONS;
use super::specificity::{Specificity, ends_with_a_component};
use crate::routing::matching::UriTable;
use crate::wire::{InvokePolicy, MatchPolicy, RegistrationId, SessionId, Timestamp, Uri};

/// A procedure, or pattern of procedures, that clients offer. What is changed is made anew, so that calls that are on
/// their way see one state.
#[derive(Debug)]
pub(crate) struct Registration {
    id: RegistrationId,
    procedure: Uri,
    match_policy: MatchPolicy,
    invoke: InvokePolicy,
    created: Timestamp,
    specificity: Specificity,
    /// In the order in which they came.
    callees: Vec<Arc<Callee>>,
    /// Counts calls, for callees that take turns.
    turns: Arc<AtomicUsize>,
}

/// All registrations of a realm.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    table: UriTable<Arc<Registration>>,
    by_id: FxHashMap<RegistrationId, (Uri, MatchPolicy)>,
    /// Ids are counted.
    last: u64,
}

/// A client's part in a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) id: RegistrationId,
    /// Whether the registration began with it.
    pub(super) is_new: bool,
}

/// Why a callee cannot join a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    /// The procedure has a callee, or this one has registered it already.
    Taken,
    /// Its callees are chosen by another policy.
    OtherPolicy(InvokePolicy),
}

impl Registration {
    pub(crate) fn id(&self) -> RegistrationId {
        self.id
    }

    pub(crate) fn match_policy(&self) -> MatchPolicy {
        self.match_policy
    }

    pub(super) fn procedure(&self) -> &Uri {
        &self.procedure
    }

    pub(super) fn invoke(&self) -> InvokePolicy {
        self.invoke
    }

    pub(super) fn created(&self) -> Timestamp {
        self.created
    }

    /// The sessions that are its callees, in the order in which they came.
    pub(super) fn sessions(&self) -> impl ExactSizeIterator<Item = SessionId> {
        self.callees.iter().map(|callee| callee.session_id())
    }

    /// A session as a callee of it.
    pub(super) fn callee_of(&self, session: SessionId) -> Option<&Arc<Callee>> {
        self.callees.iter().find(|callee| callee.session_id() == session)
    }

    pub(super) fn specificity(&self) -> &Specificity {
        &self.specificity
    }

    /// Whether a call may have another callee than the first one that it is given to.
    pub(crate) fn is_shared(&self) -> bool {
        self.callees.len() > 1
    }

    /// The callees in the order in which they are asked to take a call.
    ///
    /// WAMP: shared registration, advanced profile.
    pub(super) fn candidates(&self, random: impl FnOnce() -> usize) -> impl Iterator<Item = &Arc<Callee>> {
        let count = self.callees.len();
        let (first, step) = match self.invoke {
            InvokePolicy::Single | InvokePolicy::First => (0, 1),
            InvokePolicy::Last => (count.saturating_sub(1), count.saturating_sub(1)),
            InvokePolicy::RoundRobin => (self.turns.fetch_add(1, Ordering::Relaxed), 1),
            InvokePolicy::Random => (if count > 1 { random() } else { 0 }, 1),
        };
        // One step less than all is one step back.
        let place = move |turn: usize| first.wrapping_add(turn.wrapping_mul(step)).checked_rem(count);
        (0..count).filter_map(move |turn| self.callees.get(place(turn)?))
    }
}

impl Registrations {
    /// The best match for a procedure, and how many components of wildcard patterns were looked at to find it.
    ///
    /// WAMP: pattern-based registrations, advanced profile.
    pub(super) fn find(&self, procedure: &str) -> (Option<&Arc<Registration>>, usize) {
        if let Some(exact) = self.table.get(procedure, MatchPolicy::Exact) {
            return (Some(exact), 0);
        }
        let mut best: Option<&Arc<Registration>> = None;
        let looked_at = self.table.for_each_match(procedure, |registration| {
            let matches = registration.match_policy != MatchPolicy::Prefix
                || ends_with_a_component(&registration.procedure, procedure);
            if matches && best.is_none_or(|best| best.specificity < registration.specificity) {
                best = Some(registration);
            }
        });
        (best, looked_at)
    }

    /// All ids, each with the match policy of its registration, in no order.
    pub(super) fn ids(&self) -> impl Iterator<Item = (RegistrationId, MatchPolicy)> {
        self.by_id.iter().map(|(id, (_, policy))| (*id, *policy))
    }

    /// The registration of this id.
    pub(super) fn by_id(&self, id: RegistrationId) -> Option<&Arc<Registration>> {
        let (procedure, policy) = self.by_id.get(&id)?;
        self.get(procedure, *policy)
    }

    /// The registration of exactly this procedure or pattern.
    pub(super) fn get(&self, procedure: &str, policy: MatchPolicy) -> Option<&Arc<Registration>> {
        self.table.get(procedure, policy)
    }

    /// Makes a client a callee of a procedure or pattern.
    ///
    /// # Errors
    /// There is a registration that it cannot join.
    pub(super) fn add(
        &mut self,
        procedure: &Uri,
        policy: MatchPolicy,
        invoke: InvokePolicy,
        callee: &Arc<Callee>,
    ) -> Result<Added, Conflict> {
        let mut is_new = false;
        let registration = match self.get(procedure, policy) {
            Some(existing) if existing.invoke != invoke => return Err(Conflict::OtherPolicy(existing.invoke)),
            Some(existing) if invoke == InvokePolicy::Single || existing.has(callee) => return Err(Conflict::Taken),
            Some(existing) => {
                let callees = existing.callees.iter().chain([callee]).cloned().collect();
                existing.with(callees)
            }
            None => {
                let next = Some(self.last.saturating_add(1)).filter(|next| *next < FIRST_OF_FUNCTIONS);
                let id = next.and_then(RegistrationId::new).ok_or(Conflict::Taken)?;
                self.last = id.get();
                is_new = true;
                self.by_id.insert(id, (procedure.clone(), policy));
                Registration {
                    id,
                    procedure: procedure.clone(),
                    match_policy: policy,
                    invoke,
                    created: Timestamp::from(SystemTime::now()),
                    specificity: Specificity::of(procedure, policy),
                    callees: vec![Arc::clone(callee)],
                    turns: Arc::default(),
                }
            }
        };
        let id = registration.id;
        self.table.insert(procedure, policy, Arc::new(registration));
        Ok(Added { id, is_new })
    }

    /// Ends a callee's part in a registration. Tells whether the registration is over with that; none if the callee had no
    /// part in it.
    pub(super) fn remove(&mut self, id: RegistrationId, callee: &Arc<Callee>) -> Option<bool> {
        let (procedure, policy) = self.by_id.get(&id).cloned()?;
        let existing = self.get(&procedure, policy).filter(|existing| existing.has(callee))?;
        let is_other = |other: &&Arc<Callee>| !Arc::ptr_eq(other, callee);
        let callees: Vec<Arc<Callee>> = existing.callees.iter().filter(is_other).cloned().collect();
        let is_over = callees.is_empty();
        if is_over {
            self.end(id);
        } else {
            let registration = Arc::new(existing.with(callees));
            self.table.insert(&procedure, policy, registration);
        }
        Some(is_over)
    }

    /// Ends a registration. Returns those who were its callees.
    pub(super) fn end(&mut self, id: RegistrationId) -> Vec<Arc<Callee>> {
        let Some((procedure, policy)) = self.by_id.remove(&id) else { return Vec::new() };
        let ended = self.table.remove(&procedure, policy);
        ended.map(|ended| ended.callees.clone()).unwrap_or_default()
    }
}

impl Registration {
    fn has(&self, callee: &Arc<Callee>) -> bool {
        self.callees.iter().any(|other| Arc::ptr_eq(other, callee))
    }

    fn with(&self, callees: Vec<Arc<Callee>>) -> Registration {
        Registration {
            id: self.id,
            procedure: self.procedure.clone(),
            match_policy: self.match_policy,
            invoke: self.invoke,
            created: self.created,
            specificity: self.specificity.clone(),
            callees,
            turns: Arc::clone(&self.turns),
        }
    }
}
