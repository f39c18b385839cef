//! A connection as it is counted while it is open.

use std::sync::Arc;

use ::metrics::{Gauge, counter, gauge};

use super::Counters;
use super::names::{CONNECTIONS, CONNECTIONS_TOTAL};

/// What the gauges say of one connection; taken back when it is dropped.
#[derive(Debug)]
pub(crate) struct Observed {
    counters: Arc<Counters>,
    open: Gauge,
    calls: usize,
    octets: usize,
}

impl Observed {
    /// A connection was opened over this transport, with this serializer.
    pub(crate) fn open(counters: Arc<Counters>, transport: &'static str, serializer: &'static str) -> Observed {
        counter!(CONNECTIONS_TOTAL, "transport" => transport, "serializer" => serializer).increment(1);
        let open = gauge!(CONNECTIONS, "transport" => transport, "serializer" => serializer);
        open.increment(1);
        Observed { counters, open, calls: 0, octets: 0 }
    }

    /// So many calls run now, and so many octets wait to be sent.
    #[inline]
    pub(crate) fn update(&mut self, calls: usize, octets: usize) {
        if calls != self.calls {
            adjust(&self.counters.calls_in_flight, self.calls, calls);
            self.calls = calls;
        }
        if octets != self.octets {
            adjust(&self.counters.queue, self.octets, octets);
            self.octets = octets;
        }
    }
}

/// Moves what one connection contributes to a gauge of all.
fn adjust(gauge: &super::counters::Level, before: usize, after: usize) {
    match after.checked_sub(before) {
        Some(more) => gauge.add(more),
        None => gauge.subtract(before.saturating_sub(after)),
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.update(0, 0);
        self.open.decrement(1);
    }
}
