//! What is promised to those who run calls: each once, in the order of its caller, to an end.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Broken, Event, Notes, Place, Promise};

/// What is known of a call from all witnesses.
#[derive(Default)]
struct Run<'h> {
    /// Who called, in which of its sessions, and where.
    made: Option<((&'h str, usize), Place)>,
    started: usize,
    ended: usize,
    has_result: bool,
    /// Whoever ran it was killed.
    is_cut_off: bool,
}

pub(super) fn check(notes: &Notes, broken: &mut Broken) {
    let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
    let mut sessions: HashMap<&str, usize> = HashMap::new();
    for (place, record) in notes.all.iter().enumerate() {
        match record.event {
            Event::Joined | Event::Interrupted => *sessions.entry(&record.by).or_default() += 1,
            Event::Call { call, .. } => {
                let session = sessions.get(record.by.as_str()).copied().unwrap_or_default();
                runs.entry(call).or_default().made = Some(((&record.by, session), place));
            }
            Event::Result { call, .. } => runs.entry(call).or_default().has_result = true,
            Event::Ended { call } => runs.entry(call).or_default().ended += 1,
            Event::Started { call } => runs.entry(call).or_default().started += 1,
            _ => {}
        }
    }
    for events in notes.by.values() {
        if events.iter().any(|(_, event)| **event == Event::Killed) {
            for (_, event) in events {
                if let Event::Started { call } = event {
                    runs.entry(*call).or_default().is_cut_off = true;
                }
            }
        }
    }
    for (call, run) in &runs {
        let Some(((caller, _), _)) = run.made else {
            broken.add(Promise::Authentic, "nobody", format!("call {call} was never made"));
            continue;
        };
        if run.started > 1 || run.has_result && run.started == 0 {
            broken.add(Promise::OneRun, caller, format!("call {call} has run {} times", run.started));
        }
        if run.ended < run.started.min(1) && !run.is_cut_off {
            broken.add(Promise::RunEnds, caller, format!("the handler of call {call} is still there"));
        }
    }
    for (witness, events) in &notes.by {
        in_order(witness, events, &runs, broken);
    }
}

/// Whether one who runs calls started those of each caller's session in their order.
fn in_order(witness: &str, events: &[(Place, &Event)], runs: &BTreeMap<u64, Run>, broken: &mut Broken) {
    let mut last: HashMap<(&str, usize), (Place, u64)> = HashMap::new();
    let mut seen = HashSet::new();
    for (_, event) in events {
        let Event::Started { call } = event else { continue };
        let Some((caller, made)) = runs.get(call).and_then(|run| run.made) else { continue };
        // One that runs twice is told of elsewhere.
        if !seen.insert(*call) {
            continue;
        }
        match last.get(&caller) {
            Some((before, other)) if *before > made => {
                broken.add(Promise::StartedInOrder, caller.0, format!("{witness} started call {call} after {other}"));
            }
            _ => drop(last.insert(caller, (made, *call))),
        }
    }
}
