//! Peers that mean harm, played to a server over real sockets: what each does, and what must come of it, are rows of
//! tables (`cases`). After each row a fresh session is still served, and nothing is left of those before (`world`).
// What is left of peers is read from /proc.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cases;
mod script;
mod world;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Makes a test of each table of cases.
macro_rules! play {
    ($($table:ident),* $(,)?) => {
        $(
            #[test]
            fn $table() {
                script::play(stringify!($table), &cases::$table::cases());
            }
        )*

        /// How many rows each table has.
        fn rows() -> Vec<(&'static str, usize)> {
            vec![$((stringify!($table), cases::$table::cases().len())),*]
        }
    };
}

play!(bounds, callees, encodings, floods, frames, handlers, layouts, meta, names, openings, options, silence, states);

#[test]
fn there_are_at_least_200_cases() {
    let rows = rows();
    let all: usize = rows.iter().map(|(_, rows)| rows).sum();
    println!("{all} cases: {rows:?}");
    assert!(all >= 200, "{all} cases");
}
