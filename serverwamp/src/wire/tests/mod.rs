//! Tests of the module as a whole.

mod round_trip;
mod vectors;
