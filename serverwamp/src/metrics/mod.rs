//! What a server counts: one set of counters for the program itself and for whoever collects metrics.
//!
//! Everything is counted here, and here only. [`Statistics`] is what the program reads; the `metrics` facade takes the same
//! counts to the recorder that the program has installed, if it has.

mod calls;
mod counters;
mod names;
mod observed;

pub(crate) use calls::{CallMetrics, CallOutcome, Tally};
pub(crate) use counters::Counters;
pub use counters::Statistics;
pub(crate) use observed::Observed;
