//! The table of registrations, and callees without a connection.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::registrations::Registrations;
use super::specificity::Specificity;
use super::*;
use crate::handler::{
    Announcement, Claims, Command, Principal, RealmDirectory, RealmHandle, SessionDetails, TransportInfo,
};
use crate::routing::pattern::Wildcard;
use crate::wire::{Codec, InvokePolicy, MatchPolicy, SessionId};

struct Nowhere;

impl RealmDirectory for Nowhere {
    fn find(&self, _: &str) -> Option<Arc<dyn crate::handler::LivingRealm>> {
        None
    }
}

fn callee(id: u64) -> Arc<Callee> {
    let details = SessionDetails { realm: Uri::new("realm1").unwrap(), announcement: Announcement::default() };
    let realm = RealmHandle::to_name("realm1", Arc::new(Nowhere));
    let limits = Limits::default();
    let (number, claims) = (SessionId::new(id).unwrap(), Claims::default());
    let transport = Arc::new(TransportInfo::default());
    let session = Session::new(number, details, claims, transport, Codec::Json, realm, limits.outbound_bytes);
    session.settle_as(Principal::anonymous("role")).unwrap();
    Callee::new(&session, &limits, RouterOptions::default())
}

fn add(registrations: &mut Registrations, procedure: &str, policy: MatchPolicy) -> Option<RegistrationId> {
    let uri = Uri::pattern(procedure, policy).unwrap();
    registrations.add(&uri, policy, InvokePolicy::Single, &callee(1)).ok().map(|added| added.id)
}

/// The order of the specification: the first of two wins.
#[test]
fn the_better_match_is_the_greater() {
    let order = [
        ("a.b", MatchPolicy::Exact),
        ("a.b.c", MatchPolicy::Prefix),
        ("a.b", MatchPolicy::Prefix),
        ("", MatchPolicy::Prefix),
        ("a.b..d", MatchPolicy::Wildcard),
        ("a..c.d", MatchPolicy::Wildcard),
        ("a..c.", MatchPolicy::Wildcard),
        ("a...d", MatchPolicy::Wildcard),
        (".b.c.d", MatchPolicy::Wildcard),
        ("...", MatchPolicy::Wildcard),
    ];
    for pair in order.windows(2) {
        let [one, other] = [pair[0], pair[1]].map(|(procedure, policy)| Specificity::of(procedure, policy));
        assert!(one > other, "{pair:?}");
    }
}

fn pattern() -> impl Strategy<Value = (String, MatchPolicy)> {
    let exact = "[ab]{1,2}(\\.[ab]{1,2}){0,3}".prop_map(|procedure| (procedure, MatchPolicy::Exact));
    let prefix = "([ab]{1,2}(\\.[ab]{1,2}){0,3}\\.?)?".prop_map(|procedure| (procedure, MatchPolicy::Prefix));
    let wildcard = "[ab]{0,2}(\\.[ab]{0,2}){0,3}".prop_map(|procedure| (procedure, MatchPolicy::Wildcard));
    prop_oneof![exact, prefix, wildcard]
}

/// What matching means, in so many words.
fn matches((pattern, policy): &(String, MatchPolicy), procedure: &str) -> bool {
    match policy {
        MatchPolicy::Exact => pattern == procedure,
        MatchPolicy::Prefix => {
            let components: Vec<&str> = pattern.trim_end_matches('.').split('.').collect();
            let given: Vec<&str> = procedure.split('.').collect();
            let is_within =
                given.starts_with(&components) && (!pattern.ends_with('.') || given.len() > components.len());
            pattern.is_empty() || is_within
        }
        MatchPolicy::Wildcard => Wildcard::new(pattern).matches(procedure),
    }
}

proptest! {
    #[test]
    fn what_is_found_is_the_best_match(
        changes in prop::collection::vec((pattern(), prop::bool::weighted(0.7)), 0..40),
        procedures in prop::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,3}", 1..20),
    ) {
        let mut registrations = Registrations::default();
        let mut present = BTreeMap::new();
        for ((procedure, policy), added) in changes {
            let known = (procedure.clone(), policy);
            if added {
                let id = add(&mut registrations, &procedure, policy);
                prop_assert_eq!(id.is_none(), present.contains_key(&known));
                present.entry(known).or_insert_with(|| id.unwrap());
            } else if let Some(id) = present.remove(&known) {
                prop_assert_eq!(registrations.end(id).len(), 1);
            }
        }
        for procedure in procedures {
            let found = registrations.find(&procedure).0.map(|found| found.id());
            let matching = present.iter().filter(|(pattern, _)| matches(pattern, &procedure));
            let rank = |((pattern, policy), _): &(&(String, MatchPolicy), _)| Specificity::of(pattern, *policy);
            let expected = matching.max_by_key(rank).map(|(_, id)| *id);
            prop_assert_eq!(found, expected, "{}", procedure);
        }
    }
}

fn order(invoke: InvokePolicy, callees: usize, random: usize) -> Vec<u64> {
    let mut registrations = Registrations::default();
    let procedure = Uri::new("p").unwrap();
    let all: Vec<Arc<Callee>> = (1..=callees as u64).map(callee).collect();
    for callee in &all {
        registrations.add(&procedure, MatchPolicy::Exact, invoke, callee).unwrap();
    }
    let registration = registrations.find("p").0.unwrap();
    let asked = registration.candidates(|| random);
    asked.map(|asked| 1 + all.iter().position(|callee| Arc::ptr_eq(callee, asked)).unwrap() as u64).collect()
}

#[test]
fn everybody_is_asked_once() {
    for (invoke, random, expected) in [
        (InvokePolicy::First, 0, vec![1, 2, 3, 4]),
        (InvokePolicy::Last, 0, vec![4, 3, 2, 1]),
        (InvokePolicy::RoundRobin, 0, vec![1, 2, 3, 4]),
        (InvokePolicy::Random, 6, vec![3, 4, 1, 2]),
        (InvokePolicy::Random, usize::MAX - 3, vec![1, 2, 3, 4]),
    ] {
        assert_eq!(order(invoke, 4, random), expected, "{}", invoke.name());
        assert_eq!(order(invoke, 1, random), [1], "{}", invoke.name());
    }
    assert_eq!(order(InvokePolicy::Single, 1, 0), [1]);
}

#[test]
fn who_is_gone_takes_nothing() {
    let mut registrations = Registrations::default();
    let (procedure, callee) = (Uri::new("p").unwrap(), callee(1));
    let id = registrations.add(&procedure, MatchPolicy::Exact, InvokePolicy::Single, &callee).unwrap().id;
    callee.begin(id, Offer::default());
    let registration = Arc::clone(registrations.find("p").0.unwrap());
    let message = crate::wire::Call {
        request: crate::wire::RequestId::FIRST,
        options: Default::default(),
        procedure,
        payload: crate::wire::Payload::empty(Codec::Json),
        slots: Default::default(),
    };
    let caller = self::callee(2);
    let call = RoutedCall { caller: caller.session(), message: &message, serial: 1, disclosed: None };
    let (_, begun) = registration.route(&call, &[], || 0).unwrap();
    assert_eq!(begun.request.get(), 1);
    assert_eq!(registration.route(&call, &[Arc::clone(&callee)], || 0).unwrap_err(), Unavailable::Gone);
    assert!(callee.end(id) && !callee.end(id));
    assert_eq!(registration.route(&call, &[], || 0).unwrap_err(), Unavailable::Gone, "it was unregistered");
    callee.begin(id, Offer::default());
    let (ended, callers) = callee.leave();
    assert_eq!((ended, callers.len()), (vec![id], 1));
    assert_eq!(registration.route(&call, &[], || 0).unwrap_err(), Unavailable::Gone, "its session is over");
    callers.into_iter().for_each(|caller| caller.answer(Answer::Gone));
    let waiting = caller.session().outbox().take().unwrap();
    assert!(matches!(waiting[..], [Command::Answer { serial: 1, answer: Answer::Gone, .. }]));
}
