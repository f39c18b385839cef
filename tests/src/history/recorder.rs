//! Where witnesses note what happens to them.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{Event, History, Record};

/// Takes the records of a process, in one order for all of its witnesses.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    kept: Vec<Record>,
    is_printing: bool,
}

/// Nanoseconds of a clock that does not go back within this process, and that all processes have.
fn now() -> u64 {
    static START: OnceLock<(Instant, u128)> = OnceLock::new();
    let (start, since_epoch) = START.get_or_init(|| {
        (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set").as_nanos())
    });
    u64::try_from(since_epoch + start.elapsed().as_nanos()).expect("a year before 2554")
}

impl Recorder {
    /// Prints each record as a line of JSON at once, so that it outlives the process, and keeps none.
    pub fn printing() -> Recorder {
        Recorder(Arc::new(Mutex::new(Records { kept: Vec::new(), is_printing: true })))
    }

    /// Somebody to whom things happen.
    pub fn witness(&self, name: impl Into<String>) -> Witness {
        Witness { recorder: self.clone(), name: Arc::from(name.into()) }
    }

    /// Takes over a line that another process has printed; whether it was one.
    pub fn take_line(&self, line: &str) -> bool {
        let Ok(record) = serde_json::from_str(line) else { return false };
        self.lock().kept.push(record);
        true
    }

    /// What has been noted so far.
    pub fn history(&self) -> History {
        History::of(self.lock().kept.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Records> {
        // What a test that fails leaves behind is still to be looked at.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes what happens to somebody.
#[derive(Debug, Clone)]
pub struct Witness {
    recorder: Recorder,
    name: Arc<str>,
}

impl Witness {
    /// What the records are known by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes that something has happened just now.
    pub fn note(&self, event: Event) {
        let mut records = self.recorder.lock();
        let record = Record { at: now(), by: self.name.to_string(), event };
        if records.is_printing {
            let mut line = serde_json::to_vec(&record).expect("JSON");
            line.push(b'\n');
            // In one piece: whoever kills this process gets whole lines.
            std::io::stdout().write_all(&line).expect("somebody who reads");
        } else {
            records.kept.push(record);
        }
    }
}
