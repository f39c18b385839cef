//! What is promised to clients, held against histories: of steady load, of lines that break, of processes that are stopped
//! and killed, over functions that are served and over a router.
//!
//! `SERVERWAMP_SEEDS=100` records as many histories for each test instead of a few, `SERVERWAMP_SEED=7` one only, which is
//! left in a file. A number repeats what clients do and what their lines do to them, but not when.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod corruption;
mod faults;
mod planted;
#[cfg(unix)]
mod processes;
mod proxy;
mod world;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use serverwamp_tests::history::{History, Report, check};

/// The numbers to try: so many of them by default.
fn seeds(few: u64) -> Vec<u64> {
    let number = |name| env::var(name).ok().map(|text| text.parse().expect("a number"));
    match (number("SERVERWAMP_SEED"), number("SERVERWAMP_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, count) => (0..count.unwrap_or(few)).collect(),
    }
}

/// The figures of several histories.
#[derive(Default)]
struct Total {
    histories: usize,
    report: Report,
    faults: BTreeMap<&'static str, usize>,
}

impl Total {
    /// Checks a history and adds it.
    fn add(&mut self, name: &str, history: &History, faults: BTreeMap<&'static str, usize>) {
        if env::var_os("SERVERWAMP_SEED").is_some() {
            println!("{}", write(name, history));
        }
        self.report += expect_kept(name, history);
        self.histories += 1;
        for (fault, count) in faults {
            *self.faults.entry(fault).or_default() += count;
        }
    }

    fn print(&self, name: &str) {
        let (histories, report, faults) = (self.histories, &self.report, &self.faults);
        println!("{name}: {histories} histories, {} operations, {report:?}, {faults:?}", report.operations());
    }
}

/// The figures of a history that keeps every promise. One that does not is left in a file.
fn expect_kept(name: &str, history: &History) -> Report {
    check(history).unwrap_or_else(|broken| {
        let first: Vec<String> = broken.iter().take(8).map(ToString::to_string).collect();
        panic!("{name}: {} violations, in {}\n{}", broken.len(), write(name, history), first.join("\n"));
    })
}

/// Writes a history to a file, and returns its path.
fn write(name: &str, history: &History) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.history"));
    let lines = history.records.iter().map(|record| serde_json::to_string(record).expect("JSON") + "\n");
    std::fs::write(&file, lines.collect::<String>()).expect("a file");
    file.display().to_string()
}
