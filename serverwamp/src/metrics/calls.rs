//! Calls and events, counted for each connection first: connections share counters between processors seldom.

use std::fmt;
use std::sync::Arc;

use ::metrics::{Counter, Histogram, counter, histogram};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::names::{CALL_DURATION, CALLS};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallOutcome {
    Result,
    Error,
    Canceled,
    TimedOut,
    /// By roles, rules or an authorizer.
    Refused,
}

impl CallOutcome {
    const ALL: [CallOutcome; 5] =
        [CallOutcome::Result, CallOutcome::Error, CallOutcome::Canceled, CallOutcome::TimedOut, CallOutcome::Refused];

    const fn name(self) -> &'static str {
        match self {
            CallOutcome::Result => "result",
            CallOutcome::Error => "error",
            CallOutcome::Canceled => "canceled",
            CallOutcome::TimedOut => "timeout",
            CallOutcome::Refused => "refused",
        }
    }
}

/// The metrics of one procedure's calls, asked for once, so that a call costs no look-up.
pub(crate) struct CallMetrics {
    outcomes: [Counter; 5],
    duration: Histogram,
}

impl CallMetrics {
    /// Those of a procedure with this URI or pattern; none for procedures whose URIs peers choose, which are as many as
    /// these like.
    pub(crate) fn of(procedure: Option<&str>) -> Arc<CallMetrics> {
        let outcomes = CallOutcome::ALL.map(|outcome| match procedure {
            Some(procedure) => counter!(CALLS, "procedure" => procedure.to_owned(), "outcome" => outcome.name()),
            None => counter!(CALLS, "outcome" => outcome.name()),
        });
        let duration = match procedure {
            Some(procedure) => histogram!(CALL_DURATION, "procedure" => procedure.to_owned()),
            None => histogram!(CALL_DURATION),
        };
        Arc::new(CallMetrics { outcomes, duration })
    }

    fn counter(&self, outcome: CallOutcome) -> &Counter {
        let [result, error, canceled, timeout, refused] = &self.outcomes;
        match outcome {
            CallOutcome::Result => result,
            CallOutcome::Error => error,
            CallOutcome::Canceled => canceled,
            CallOutcome::TimedOut => timeout,
            CallOutcome::Refused => refused,
        }
    }
}

impl fmt::Debug for CallMetrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CallMetrics").finish_non_exhaustive()
    }
}

/// What happened in one turn of a connection.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    calls: SmallVec<[Calls; 1]>,
    pub(super) events_delivered: u64,
}

/// Calls of one procedure that came in one turn and ended alike.
#[derive(Debug)]
struct Calls {
    metrics: Arc<CallMetrics>,
    outcome: CallOutcome,
    began: Instant,
    count: u32,
}

impl Tally {
    /// A call ended that came in the turn which began then.
    #[inline]
    pub(crate) fn call_ended(&mut self, metrics: &Arc<CallMetrics>, outcome: CallOutcome, began: Instant) {
        match self.calls.last_mut() {
            Some(last) if last.outcome == outcome && last.began == began && Arc::ptr_eq(&last.metrics, metrics) => {
                last.count = last.count.saturating_add(1);
            }
            _ => self.calls.push(Calls { metrics: Arc::clone(metrics), outcome, began, count: 1 }),
        }
    }

    /// An event was handed to the transport.
    pub(crate) fn event_delivered(&mut self) {
        self.events_delivered = self.events_delivered.saturating_add(1);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.events_delivered == 0
    }

    /// Hands the calls to the recorder. Returns how many ended in a result, and how many otherwise.
    pub(crate) fn export_calls(&mut self) -> (u64, u64) {
        if self.calls.is_empty() {
            return (0, 0);
        }
        let now = Instant::now();
        let (mut results, mut others) = (0_u64, 0_u64);
        for Calls { metrics, outcome, began, count } in self.calls.drain(..) {
            metrics.counter(outcome).increment(count.into());
            if outcome != CallOutcome::Refused {
                let seconds = now.saturating_duration_since(began).as_secs_f64();
                metrics.duration.record_many(seconds, usize::try_from(count).unwrap_or(usize::MAX));
            }
            let total = if outcome == CallOutcome::Result { &mut results } else { &mut others };
            *total = total.saturating_add(count.into());
        }
        (results, others)
    }
}
