//! Whether a history keeps the promises.

mod calls;
mod publications;
mod replies;
mod subscribers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::{Event, History, Promise, Record, Report, Violation};

/// Compares a history with the promises.
///
/// # Errors
/// What is broken; one cause may show in several places.
pub fn check(history: &History) -> Result<Report, Vec<Violation>> {
    let notes = Notes::of(history);
    let mut broken = Broken::default();
    calls::check(&notes, &mut broken);
    replies::check(&notes, &mut broken);
    subscribers::check(&notes, &mut broken);
    if broken.0.is_empty() { Ok(count(history)) } else { Err(broken.0) }
}

/// A place in a history: what comes first is smaller.
type Place = usize;

/// A history by witness.
struct Notes<'h> {
    all: &'h [Record],
    by: BTreeMap<&'h str, Vec<(Place, &'h Event)>>,
    /// Where a server was told to stop.
    stopping: Vec<Place>,
}

impl<'h> Notes<'h> {
    fn of(history: &'h History) -> Notes<'h> {
        let mut by: BTreeMap<&str, Vec<(Place, &Event)>> = BTreeMap::new();
        for (place, record) in history.records.iter().enumerate() {
            by.entry(&record.by).or_default().push((place, &record.event));
        }
        let stopping = (0..).zip(&history.records).filter(|(_, record)| record.event == Event::Stopping);
        let stopping = stopping.map(|(place, _)| place).collect();
        Notes { all: &history.records, by, stopping }
    }
}

/// What was found so far.
#[derive(Default)]
struct Broken(Vec<Violation>);

impl Broken {
    fn add(&mut self, promise: Promise, to: &str, text: impl Into<String>) {
        self.0.push(Violation { promise, to: to.to_owned(), text: text.into() });
    }
}

fn count(history: &History) -> Report {
    let mut report = Report::default();
    for record in &history.records {
        let counted = match &record.event {
            Event::Joined => &mut report.sessions,
            Event::Interrupted | Event::Lost => &mut report.lost,
            Event::Goodbye { .. } => &mut report.goodbyes,
            Event::Stopping | Event::Killed => &mut report.stops,
            Event::Call { .. } => &mut report.calls,
            Event::Result { .. } => &mut report.results,
            Event::Error { .. } => &mut report.errors,
            Event::Progress { .. } => &mut report.parts,
            Event::Started { .. } => &mut report.runs,
            Event::Publish { .. } => &mut report.publications,
            Event::Published { .. } => &mut report.acknowledged,
            Event::Event { .. } => &mut report.events,
            Event::Garbled => &mut report.garbled,
            _ => continue,
        };
        *counted += 1;
    }
    report
}
