//! What ARCHITECTURE.md and deny.toml say of dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use toml::Table;

/// What is published.
const CRATES: [&str; 2] = ["serverwamp", "serverwamp-macros"];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).expect("a file of the repository")
}

fn read_toml(path: &str) -> Table {
    read(path).parse().expect("TOML")
}

/// What the crates depend on directly, on any platform and with any feature.
fn dependencies() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in CRATES {
        let manifest = read_toml(&format!("{name}/Cargo.toml"));
        let platforms = manifest.get("target").and_then(|platforms| platforms.as_table());
        let platforms = platforms.into_iter().flatten().filter_map(|(_, platform)| platform.get("dependencies"));
        for dependencies in manifest.get("dependencies").into_iter().chain(platforms) {
            found.extend(dependencies.as_table().expect("a table").keys().cloned());
        }
    }
    found.retain(|dependency| !CRATES.contains(&dependency.as_str()));
    found
}

#[test]
fn every_dependency_has_its_reason() {
    let text = read("ARCHITECTURE.md");
    let (_, section) = text.split_once("\n## Dependencies\n").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut named = BTreeSet::new();
    for row in section.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (names, reason) = row.split_once(" | ").expect("names and a reason");
        assert!(reason.len() > 10, "{row}");
        for name in names.split(", ") {
            let is_new = named.insert(name.trim_matches('`').to_owned());
            assert!(is_new, "{name} has two rows");
        }
    }
    assert_eq!(named, dependencies(), "the table of ARCHITECTURE.md, and what Cargo.toml has");
}

/// A package that a program gets with the crates.
struct Package {
    name: String,
    license: String,
    source: Option<String>,
}

/// All that a program may get with the crates.
fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--all-features", "--locked"];
    let output = Command::new(cargo).args(arguments).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let packages = list(&metadata["packages"]);
    let is_ours = |package: &&Value| CRATES.contains(&text(&package["name"]).as_str());
    let mut open: Vec<String> = packages.iter().filter(is_ours).map(|package| text(&package["id"])).collect();
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        for dependency in list(&nodes[&id]["deps"]) {
            if list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev") {
                open.extend(Some(text(&dependency["pkg"])).filter(|package| !found.contains(package)));
            }
        }
        found.insert(id);
    }
    let found = packages.iter().filter(|package| found.contains(&text(&package["id"])));
    let package = |package: &Value| Package {
        name: text(&package["name"]),
        license: text(&package["license"]),
        source: package["source"].as_str().map(str::to_owned),
    };
    found.map(package).collect()
}

/// Whether an SPDX expression can be met by licences of a list. Exceptions allow more than the licence does.
fn is_met(expression: &str, allowed: &[String]) -> bool {
    // Crates of old write a slash instead of OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    fn alternatives<'w>(words: &mut std::iter::Peekable<impl Iterator<Item = &'w str>>, allowed: &[String]) -> bool {
        let (mut any, mut all) = (false, true);
        loop {
            all &= match words.next() {
                Some("(") => {
                    let inner = alternatives(words, allowed);
                    assert_eq!(words.next(), Some(")"), "an expression");
                    inner
                }
                Some(license) => allowed.iter().any(|allowed| allowed == license),
                None => false,
            };
            if words.next_if_eq(&"WITH").is_some() {
                words.next();
            }
            if words.next_if_eq(&"AND").is_some() {
                continue;
            }
            any |= std::mem::replace(&mut all, true);
            if words.next_if_eq(&"OR").is_none() {
                return any;
            }
        }
    }
    let is_met = alternatives(&mut words, allowed);
    assert_eq!(words.next(), None, "{expression}");
    is_met
}

#[test]
fn every_package_may_be_used_and_comes_from_where_all_do() {
    let policy = read_toml("deny.toml");
    let allowed = policy["licenses"]["allow"].as_array().expect("a list");
    let allowed: Vec<String> = allowed.iter().map(|license| license.as_str().expect("a name").to_owned()).collect();
    let packages = packages();
    assert!(packages.len() > 100, "{}", packages.len());
    let mut refused = Vec::new();
    // Where syn comes from, which is the registry.
    let syn = packages.iter().find(|package| package.name == "syn").expect("syn");
    let registry = syn.source.as_deref().filter(|source| source.starts_with("registry+")).expect("a registry");
    for Package { name, license, source } in &packages {
        if !is_met(license, &allowed) {
            refused.push(format!("{name}: {license:?}"));
        }
        let is_ours = CRATES.contains(&name.as_str());
        if source.as_deref() != (!is_ours).then_some(registry) {
            refused.push(format!("{name}: from {source:?}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn expressions_of_licences() {
    let allowed = ["MIT", "Apache-2.0", "ISC"].map(str::to_owned);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("MIT AND ISC OR GPL-3.0", true),
        ("GPL-3.0 AND MIT OR GPL-2.0", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
        ("(GPL-3.0 OR Apache-2.0) AND ISC", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-3.0 WITH LLVM-exception OR GPL-2.0", false),
    ] {
        assert_eq!(is_met(expression, &allowed), expected, "{expression}");
    }
}
