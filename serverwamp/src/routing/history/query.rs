//! Which events of the past are asked for.

use super::super::coverage::matches;
use super::PastEvent;
use crate::handler::Session;
use crate::wire::{MatchPolicy, PublicationId, Timestamp, Uri};

/// Which events of a subscription are asked for: those that all of this allows, in the order of their publication.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The subscription's topic or pattern.
    pub(crate) pattern: Uri,
    pub(crate) policy: MatchPolicy,
    /// The latest first.
    pub(crate) reverse: bool,
    /// The most events, counted in the order that they come in.
    pub(crate) limit: Option<usize>,
    /// Of the topics of a pattern this one.
    pub(crate) topic: Option<Uri>,
    pub(crate) from_time: Option<Timestamp>,
    pub(crate) after_time: Option<Timestamp>,
    pub(crate) before_time: Option<Timestamp>,
    pub(crate) until_time: Option<Timestamp>,
    pub(crate) from_publication: Option<PublicationId>,
    pub(crate) after_publication: Option<PublicationId>,
    pub(crate) before_publication: Option<PublicationId>,
    pub(crate) until_publication: Option<PublicationId>,
}

impl Query {
    /// All events of a subscription.
    pub(crate) fn of(pattern: Uri, policy: MatchPolicy) -> Query {
        Query {
            pattern,
            policy,
            reverse: false,
            limit: None,
            topic: None,
            from_time: None,
            after_time: None,
            before_time: None,
            until_time: None,
            from_publication: None,
            after_publication: None,
            before_publication: None,
            until_publication: None,
        }
    }

    /// The publications that bound it, each with whether it is a lower bound, and whether it is itself included.
    pub(super) fn publications(&self) -> impl Iterator<Item = (PublicationId, bool, bool)> {
        let bounds = [
            (self.from_publication, true, true),
            (self.after_publication, true, false),
            (self.before_publication, false, false),
            (self.until_publication, false, true),
        ];
        bounds.into_iter().filter_map(|(id, is_lower, included)| Some((id?, is_lower, included)))
    }

    /// Whether it is for an event, as far as the event itself tells, and the asker could have had it.
    pub(super) fn wants(&self, past: &PastEvent, asker: &Session) -> bool {
        let PastEvent { time, event } = past;
        self.from_time.is_none_or(|from| *time >= from)
            && self.after_time.is_none_or(|after| *time > after)
            && self.before_time.is_none_or(|before| *time < before)
            && self.until_time.is_none_or(|until| *time <= until)
            && self.topic.as_ref().is_none_or(|topic| event.topic == *topic)
            && matches(&self.pattern, self.policy, &event.topic)
            && event.audience.allows(asker.id(), asker)
    }

    /// What is left of the events that are wanted.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}
