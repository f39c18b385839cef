//! A history in memory.

use std::collections::VecDeque;

use super::{Bounds, PastEvent, Query, QueryError};
use crate::handler::Session;
use crate::wire::{PublicationId, Timestamp};

/// The latest events, as far as the bounds allow.
#[derive(Debug)]
pub(super) struct Memory {
    bounds: Bounds,
    /// In the order of publication, each with what it takes.
    events: VecDeque<(PastEvent, usize)>,
    octets: usize,
}

impl Memory {
    pub(super) fn new(bounds: Bounds) -> Memory {
        Memory { bounds, events: VecDeque::new(), octets: 0 }
    }

    pub(super) fn append(&mut self, past: PastEvent, octets: usize) {
        self.expire(past.time);
        if octets > self.bounds.octets || self.bounds.events == 0 {
            return;
        }
        while self.events.len() >= self.bounds.events || self.octets.saturating_add(octets) > self.bounds.octets {
            self.forget_oldest();
        }
        self.octets = self.octets.saturating_add(octets);
        self.events.push_back((past, octets));
    }

    pub(super) fn query(
        &mut self,
        query: &Query,
        asker: &Session,
        now: Timestamp,
    ) -> Result<Vec<PastEvent>, QueryError> {
        self.expire(now);
        let (mut first, mut end) = (0, self.events.len());
        for (id, is_lower, included) in query.publications() {
            let place = self.place(id).ok_or(QueryError::UnknownPublication(id))?;
            match is_lower {
                true => first = first.max(place.saturating_add(usize::from(!included))),
                false => end = end.min(place.saturating_add(usize::from(included))),
            }
        }
        let within = self.events.range(first.min(end)..end).map(|(past, _)| past);
        let wanted = within.filter(|past| query.wants(past, asker)).cloned();
        Ok(match query.reverse {
            true => wanted.rev().take(query.limit()).collect(),
            false => wanted.take(query.limit()).collect(),
        })
    }

    fn place(&self, id: PublicationId) -> Option<usize> {
        self.events.iter().position(|(past, _)| past.event.id == id)
    }

    /// Forgets what is too old. Should the clock have been set back, what came before is kept longer.
    fn expire(&mut self, now: Timestamp) {
        let Some(cutoff) = self.bounds.cutoff(now) else { return };
        while self.events.front().is_some_and(|(past, _)| past.time < cutoff) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, octets)) = self.events.pop_front() {
            self.octets = self.octets.saturating_sub(octets);
        }
    }
}
