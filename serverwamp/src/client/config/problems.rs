//! What is wrong with a configuration: all of it, with lines.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::node::{Node, Table, Value};
use crate::error::{Error, Problem, Result};
use crate::limits::duration;

/// Reads options, and collects what is wrong with them.
pub(super) struct Problems {
    place: Place,
    found: Vec<Problem>,
}

/// Where a configuration is written.
enum Place {
    Text(&'static str),
    File(PathBuf),
}

impl Problems {
    pub(super) fn in_text(what: &'static str) -> Problems {
        Problems { place: Place::Text(what), found: Vec::new() }
    }

    pub(super) fn in_file(path: &Path) -> Problems {
        Problems { place: Place::File(path.to_owned()), found: Vec::new() }
    }

    pub(super) fn add(&mut self, line: usize, message: impl Into<String>) {
        let message = message.into();
        self.found.push(match &self.place {
            Place::Text(what) => Problem::new(format!("{what}, line {line}: {message}")),
            Place::File(path) => Problem::at(format!("{}:{line}", path.display()), message),
        });
    }

    fn expected(&mut self, node: &Node, what: &str, expected: impl Display) {
        self.add(node.line, format!("{what}: expected {expected}, got {}", node.value));
    }

    /// # Errors
    /// What was found.
    pub(super) fn into_result<T>(mut self, value: T) -> Result<T> {
        match self.found.is_empty() {
            true => Ok(value),
            false => {
                // In a file by line; in a text they come in that order but for what several options say together.
                Problem::sort(&mut self.found);
                Err(Error::Startup(self.found))
            }
        }
    }

    /// Takes exception to names that there are not.
    pub(super) fn check_names(&mut self, table: &Table, known: &[&str]) {
        for entry in &table.entries {
            if !known.contains(&entry.name.as_str()) {
                let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                self.add(entry.line, format!("unknown option `{}`, expected one of {}", entry.name, known.join(", ")));
            }
        }
    }

    pub(super) fn table<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Table> {
        match &node.value {
            Value::Table(table) => Some(table),
            _ => {
                self.expected(node, what, "a table");
                None
            }
        }
    }

    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            _ => {
                self.expected(node, what, "a text");
                None
            }
        }
    }

    pub(super) fn bool(&mut self, node: &Node, what: &str) -> Option<bool> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => {
                self.expected(node, what, "true or false");
                None
            }
        }
    }

    pub(super) fn integer<T: TryFrom<i64> + PartialOrd + Display>(
        &mut self,
        node: &Node,
        what: &str,
        least: T,
        most: T,
    ) -> Option<T> {
        let integer = match node.value {
            Value::Integer(integer) => T::try_from(integer).ok(),
            _ => None,
        };
        match integer {
            Some(integer) if integer >= least && integer <= most => Some(integer),
            _ => {
                self.expected(node, what, format_args!("a number from {least} to {most}"));
                None
            }
        }
    }

    pub(super) fn duration(&mut self, node: &Node, what: &str) -> Option<Duration> {
        let read = match &node.value {
            Value::Text(text) => duration(text),
            _ => None,
        };
        if read.is_none() {
            self.expected(node, what, "a text with a number and its unit, such as \"250ms\", \"5s\", \"2m\" or \"1h\"");
        }
        read
    }

    /// One text, or a list of them.
    pub(super) fn texts<'n>(&mut self, node: &'n Node, what: &str) -> Option<Vec<&'n str>> {
        match &node.value {
            Value::List(list) if list.is_empty() => {
                self.add(node.line, format!("{what}: expected at least one, got none"));
                None
            }
            Value::List(list) => list.iter().map(|item| self.text(item, what)).collect(),
            _ => {
                self.expected(node, what, "a list of texts");
                None
            }
        }
    }

    /// A file that is named relative to that of the configuration.
    pub(super) fn path(&mut self, node: &Node, what: &str) -> Option<PathBuf> {
        let path = self.text(node, what)?;
        Some(match &self.place {
            Place::File(file) => file.parent().map_or_else(|| path.into(), |directory| directory.join(path)),
            Place::Text(_) => path.into(),
        })
    }

    /// A text, or where it is found: `{ file = "…" }`, `{ env = "…" }`. The end of a file's last line is left out.
    pub(super) fn secret(&mut self, node: &Node, what: &str) -> Option<String> {
        let table = match &node.value {
            Value::Text(text) => return Some(text.clone()),
            Value::Table(table) => table,
            _ => {
                // Not even a number is shown: it may be the secret.
                self.add(node.line, format!("{what}: expected a text, {{ file = \"…\" }} or {{ env = \"…\" }}"));
                return None;
            }
        };
        self.check_names(table, &["env", "file"]);
        match (table.get("file"), table.get("env")) {
            (Some(file), None) => {
                let path = self.path(file, what)?;
                match fs::read_to_string(&path) {
                    Ok(text) => {
                        let text = text.strip_suffix('\n').unwrap_or(&text);
                        Some(text.strip_suffix('\r').unwrap_or(text).to_owned())
                    }
                    Err(error) => {
                        self.add(file.line, format!("{what}: {}: {error}", path.display()));
                        None
                    }
                }
            }
            (None, Some(variable)) => {
                let name = self.text(variable, what)?;
                let found = std::env::var(name).ok();
                if found.is_none() {
                    self.add(variable.line, format!("{what}: there is no environment variable `{name}` with a text"));
                }
                found
            }
            _ => {
                self.add(node.line, format!("{what}: expected one of `file` and `env`"));
                None
            }
        }
    }
}
