//! Every limit is documented, counted and tested.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{files, source};

/// What `Limits` has besides limits, each with the reason.
const NO_LIMITS: [(&str, &str); 2] = [
    ("ping_interval", "a period; what bounds the peer is pong_timeout"),
    ("strict_request_ids", "a switch; past it is a violation of the protocol, which is counted as such"),
];

/// The fields of `Limits`, with their documentation.
fn limits() -> BTreeMap<String, String> {
    let text = fs::read_to_string(source().join("limits.rs")).expect("limits.rs");
    let body = text.split_once("pub struct Limits {").expect("the type").1.split_once("\n}").expect("its end").0;
    let (mut fields, mut documentation) = (BTreeMap::new(), String::new());
    for line in body.lines().map(str::trim) {
        if let Some(more) = line.strip_prefix("///") {
            documentation.push_str(more);
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            fields.insert(name.to_owned(), std::mem::take(&mut documentation));
        }
    }
    fields
}

fn texts(directory: &Path) -> String {
    let mut paths = Vec::new();
    files(directory, &mut paths);
    paths.retain(|path| !path.ends_with("limits.rs") || !path.starts_with(source()));
    paths.iter().map(|path| fs::read_to_string(path).expect("a source")).collect()
}

#[test]
fn every_limit_is_documented_counted_and_tested() {
    let tests = texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests"));
    let sources = texts(&source());
    let limits = limits();
    assert!(limits.len() > 20 && limits.contains_key("depth"), "{limits:?}");
    let mut missing = Vec::new();
    for (limit, documentation) in &limits {
        if !documentation.contains("Default") {
            missing.push(format!("{limit}: its documentation does not name the default"));
        }
        if NO_LIMITS.iter().any(|(name, _)| name == limit) {
            continue;
        }
        if !documentation.contains("Past it") {
            missing.push(format!("{limit}: its documentation does not say what happens past it"));
        }
        if !sources.contains(&format!("\"{limit}\"")) {
            missing.push(format!("{limit}: nothing counts it"));
        }
        let is_tested = tests.lines().any(|line| {
            let name = line.trim_start().trim_start_matches("async ").strip_prefix("fn ").unwrap_or_default();
            name.split('(').next().is_some_and(|name| name.contains(&format!("{limit}_limit")))
        });
        if !is_tested {
            missing.push(format!("{limit}: no test is named {limit}_limit…"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
