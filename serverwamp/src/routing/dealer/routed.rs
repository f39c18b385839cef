//! A call on its way to a callee: what the callee is told of it, and why it may get there or not.

use super::callee::{CalleeFeatures, Offer};
use super::registrations::Registration;
use crate::handler::Session;
use crate::wire::{self, EncodeError, InvocationDetails, MatchPolicy};

/// A call that a callee is to be found for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoutedCall<'c> {
    pub(crate) caller: &'c Session,
    pub(crate) message: &'c wire::Call,
    /// Tells calls of one request id apart.
    pub(crate) serial: u64,
    /// Whether the caller is disclosed, if rules or an authorizer have decided about that.
    pub(crate) disclosed: Option<bool>,
}

/// Why a callee does not get a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It does not offer the procedure any more.
    Gone,
    /// It has enough to do; the name of the limit that says so, if it is one of ours.
    Busy(Option<&'static str>),
    /// It has not announced a feature that the call takes.
    Lacks(&'static str),
    /// The call is larger than so many octets, which are what it takes.
    TooLarge(usize),
    /// Its codec cannot hold the arguments.
    Unencodable(EncodeError),
}

impl Unavailable {
    /// The reason that the caller is told of two: the one that is left when everything else is right.
    pub(super) fn or(self, other: Unavailable) -> Unavailable {
        let rank = |reason: &Unavailable| match reason {
            Unavailable::Gone => 0,
            Unavailable::Lacks(_) => 1,
            Unavailable::Unencodable(_) => 2,
            Unavailable::TooLarge(_) => 3,
            Unavailable::Busy(_) => 4,
        };
        if rank(&self) >= rank(&other) { self } else { other }
    }
}

/// What INVOCATION tells; none where it tells nothing.
///
/// WAMP: caller identification, progressive call results and invocations, call timeout, pattern-based registration and
/// payload passthru mode, advanced profile.
pub(super) fn invocation_details(
    registration: &Registration,
    call: &RoutedCall<'_>,
    features: CalleeFeatures,
    offer: Offer,
) -> Option<InvocationDetails> {
    let options = &call.message.options;
    let is_disclosed = match call.disclosed {
        Some(disclosed) => disclosed,
        None => offer.disclose_caller || options.disclose_me == Some(true),
    };
    let is_pattern = registration.match_policy() != MatchPolicy::Exact;
    // Most calls have no options.
    if options.raw().octets() == 0 && !is_disclosed && !is_pattern {
        return None;
    }
    let caller = call.caller;
    let details = InvocationDetails {
        timeout: options.timeout.filter(|timeout| *timeout > 0 && offer.forward_timeout && features.timeout),
        receive_progress: options.receive_progress.filter(|wanted| *wanted && features.progressive_results),
        progress: options.progress.filter(|progress| *progress),
        caller: is_disclosed.then(|| caller.id()),
        caller_authid: is_disclosed.then(|| caller.authid().into()),
        caller_authrole: is_disclosed.then(|| caller.authrole().into()),
        procedure: is_pattern.then(|| call.message.procedure.clone()),
        transaction_hash: options.transaction_hash.clone(),
        passthru: options.passthru.clone(),
        ..InvocationDetails::default()
    };
    (details != InvocationDetails::default()).then_some(details)
}
