//! What SECURITY.md says of the limits.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).expect("a file of the repository")
}

/// The limits with their documentation, in one line each.
fn limits() -> Vec<(String, String)> {
    let source = read("serverwamp/src/limits.rs");
    let (_, fields) = source.split_once("pub struct Limits {").expect("the limits");
    let (fields, _) = fields.split_once("\n}").expect("their end");
    let mut documentation = Vec::new();
    let mut limits = Vec::new();
    for line in fields.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            documentation.push(text.trim());
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            limits.push((name.to_owned(), documentation.join(" ")));
            documentation.clear();
        }
    }
    limits
}

#[test]
fn every_limit_is_in_the_table_with_its_default() {
    let text = read("SECURITY.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows: Vec<(&str, &str)> =
        rows.map(|(name, rest)| (name, rest.split(" | ").next().unwrap_or_default())).collect();
    let limits = limits();
    assert!(limits.len() > 20, "{limits:?}");
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, limits.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    for ((name, documentation), (_, default)) in limits.iter().zip(rows) {
        let (_, said) = documentation.split_once("Default").unwrap_or_else(|| panic!("{name} has no default"));
        let said = said.trim_start_matches(':').trim_start();
        assert!(said.starts_with(default), "{name}: {default} in SECURITY.md, {said}");
    }
}
