//! The rules of the repository, as tests.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod dependencies;
mod security;

mod limits;

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the runtime crate by level: one uses only modules of a lower level, or its own.
const LEVELS: [(&str, u8); 21] = [
    ("error", 0),
    ("limits", 0),
    ("log", 0),
    ("metrics", 0),
    ("systemd", 0),
    ("document", 1),
    ("wire", 1),
    ("session", 2),
    ("handler", 3),
    ("routing", 4),
    ("transport", 5),
    ("connection", 6),
    ("server", 6),
    ("shutdown", 6),
    ("client", 7),
    ("app", 8),
    ("config", 8),
    ("testing", 8),
    ("__private", 8),
    ("fuzzing", 9),
    ("lib", 9),
];

/// Files of one level that use each other, each with the reason.
const WITHIN_A_LEVEL: [(&str, &str); 5] =
    [("limits", "error"), ("server", "connection"), ("shutdown", "connection"), ("testing", "app"), ("config", "app")];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../serverwamp/src")
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn module_of(path: &Path) -> String {
    let first = path.strip_prefix(source()).expect("a source").components().next().expect("a component");
    Path::new(first.as_os_str()).file_stem().expect("a name").to_string_lossy().into_owned()
}

fn level(module: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

/// The modules that a line names after `crate::`.
fn used(line: &str) -> Vec<&str> {
    line.match_indices("crate::")
        .filter(|(start, _)| {
            !line[..*start].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$')
        })
        .map(|(start, found)| {
            let rest = &line[start + found.len()..];
            &rest[..rest.find(|next: char| !next.is_alphanumeric() && next != '_').unwrap_or(rest.len())]
        })
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let mut sources = Vec::new();
    files(&source(), &mut sources);
    let mut broken = Vec::new();
    for path in sources {
        let module = module_of(&path);
        let own = level(&module).unwrap_or_else(|| panic!("{}: a module without a level", path.display()));
        if module == "lib" {
            continue;
        }
        for (number, line) in fs::read_to_string(&path).expect("a source").lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for name in used(line) {
                let Some(other) = level(name) else { continue };
                let allowed = other < own || name == module || WITHIN_A_LEVEL.contains(&(module.as_str(), name));
                if !allowed {
                    broken.push(format!("{}:{}: `{module}` uses `{name}`", path.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "modules of an equal or higher level are used:\n{}", broken.join("\n"));
}

#[test]
fn files_are_short() {
    const CEILING: usize = 600;
    let mut sources = Vec::new();
    for directory in ["../serverwamp/src", "../serverwamp-macros/src", "../tests", "../examples"] {
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory), &mut sources);
    }
    let long = sources.iter().filter_map(|path| {
        let lines = fs::read_to_string(path).expect("a source").lines().count();
        (lines > CEILING).then(|| format!("{}: {lines} lines", path.display()))
    });
    let long: Vec<String> = long.collect();
    assert!(long.is_empty(), "files over {CEILING} lines:\n{}", long.join("\n"));
}

#[test]
fn wire_and_session_take_no_clock_and_no_randomness() {
    let mut sources = Vec::new();
    for module in ["wire", "session"] {
        files(&source().join(module), &mut sources);
    }
    let mut broken = Vec::new();
    for path in sources {
        let text = fs::read_to_string(&path).expect("a source");
        for forbidden in ["Instant::now", "SystemTime::now", "rand::", "tokio::"] {
            if text.contains(forbidden) {
                broken.push(format!("{}: {forbidden}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Where the time of day is needed: it is told, and no deadline depends on it.
const TIME_OF_DAY: [&str; 5] = [
    "connection/authentication.rs",
    "routing/broker/mod.rs",
    "routing/dealer/mod.rs",
    "routing/dealer/registrations.rs",
    "routing/meta/history.rs",
];

#[test]
fn deadlines_are_those_of_the_clock_that_tests_can_move() {
    let mut sources = Vec::new();
    files(&source(), &mut sources);
    let mut broken = Vec::new();
    for path in sources {
        let within = path.strip_prefix(source()).expect("a source");
        if within.iter().any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let imports = |line: &str| line.starts_with("use std::time::") && line.contains("Instant");
        let asks_the_system = text.replace("tokio::time::Instant::now", "").contains("Instant::now");
        if text.contains("std::time::Instant::now") || text.lines().any(imports) && asks_the_system {
            broken.push(format!("{}: the system's clock", path.display()));
        }
        if text.contains("SystemTime::now") && !TIME_OF_DAY.iter().any(|file| path.ends_with(file)) {
            broken.push(format!("{}: the time of day", path.display()));
        }
    }
    assert!(broken.is_empty(), "only tokio's clock can be paused:\n{}", broken.join("\n"));
}
