//! How a configuration is read: every problem is noted with its line and key, and reading goes on.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};

use super::node::{Member, Mistake, Node, Value};
use super::toml;
#[cfg(feature = "yaml")]
use super::yaml;
use crate::error::Problem;
use crate::limits::{Limits, duration, octets};

/// How a configuration is written.
#[derive(Clone, Copy)]
pub(crate) enum Format {
    Toml,
    #[cfg(feature = "yaml")]
    Yaml,
}

/// A text, and what has been found to be wrong with it.
pub(crate) struct Document {
    place: Place,
    /// What files that it names are relative to.
    directory: PathBuf,
    problems: RefCell<Vec<Problem>>,
}

enum Place {
    File(String),
    Text(&'static str),
}

/// A value with its place.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'d> {
    document: &'d Document,
    table: &'d str,
    key: &'d str,
    node: &'d Node,
}

/// A table, of which each key is asked for once.
pub(crate) struct Table<'d> {
    document: &'d Document,
    path: String,
    line: usize,
    members: &'d [Member],
    known: RefCell<Vec<&'static str>>,
    /// Whether its keys are names that the writer chooses.
    is_open: Cell<bool>,
}

impl Format {
    /// How a file is written, by the end of its name: in TOML, but for `.yaml` and `.yml`.
    ///
    /// # Errors
    /// The program cannot read that.
    pub(crate) fn of(file: &Path) -> Result<Format, &'static str> {
        match file.extension().and_then(|extension| extension.to_str()) {
            #[cfg(feature = "yaml")]
            Some("yaml" | "yml") => Ok(Format::Yaml),
            #[cfg(not(feature = "yaml"))]
            Some("yaml" | "yml") => Err("the program is built without the feature `yaml` of serverwamp"),
            _ => Ok(Format::Toml),
        }
    }
}

impl Document {
    /// A file, and the directory that files which it names are relative to.
    pub(crate) fn in_file(file: &str, directory: &Path) -> Document {
        Document { place: Place::File(file.to_owned()), directory: directory.to_owned(), problems: RefCell::default() }
    }

    /// A text that is in no file, by what it says.
    pub(crate) fn in_text(what: &'static str) -> Document {
        Document { place: Place::Text(what), directory: PathBuf::new(), problems: RefCell::default() }
    }

    /// Takes a text apart. What can be read of one that is malformed is not read.
    pub(crate) fn parse(&self, format: Format, text: &str) -> Option<Node> {
        let parsed = match format {
            Format::Toml => toml::parse(text),
            #[cfg(feature = "yaml")]
            Format::Yaml => yaml::parse(text),
        };
        let mistakes = match parsed {
            Ok(Node { value: Value::Table(_), .. }) => return parsed.ok(),
            Ok(Node { line, value }) => {
                vec![Mistake { line, message: format!("expected a table, got {value}") }]
            }
            Err(mistakes) => mistakes,
        };
        for Mistake { line, message } in mistakes {
            self.note(line, &message);
        }
        None
    }

    /// All problems, in the order of the lines.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        // In a text they come in that order but for what several values say together.
        Problem::sort(&mut problems);
        problems.dedup();
        problems
    }

    /// Notes a problem of the whole.
    pub(crate) fn problem(&self, message: &str) {
        self.note(1, message);
    }

    fn note(&self, line: usize, message: &str) {
        self.problems.borrow_mut().push(match &self.place {
            Place::File(file) => Problem::at(format!("{file}:{line}"), message),
            Place::Text(what) => Problem::new(format!("{what}, line {line}: {message}")),
        });
    }
}

impl<'d> Table<'d> {
    /// The whole document.
    pub(crate) fn root(document: &'d Document, root: &'d Node) -> Table<'d> {
        let members = match &root.value {
            Value::Table(members) => members.as_slice(),
            _ => &[],
        };
        Table::new(document, String::new(), root.line, members)
    }

    fn new(document: &'d Document, path: String, line: usize, members: &'d [Member]) -> Table<'d> {
        Table { document, path, line, members, known: RefCell::default(), is_open: Cell::default() }
    }

    /// Notes a problem of the table as a whole.
    pub(crate) fn problem(&self, message: impl AsRef<str>) {
        let message = message.as_ref();
        match self.path.as_str() {
            "" => self.document.note(self.line, message),
            path => self.document.note(self.line, &format!("`{path}`: {message}")),
        }
    }

    /// Notes every key that nobody has asked for.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for member in self.members.iter().filter(|member| !self.is_open.get() && !known.contains(&member.key.as_str()))
        {
            let (path, expected) = (self.key(&member.key), known.join(", "));
            self.document.note(member.line, &format!("`{path}`: there is no such key; expected one of {expected}"));
        }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn member(&self, key: &str) -> Option<&'d Member> {
        self.members.iter().find(|member| member.key == key)
    }

    /// The value of a key, if it is there.
    pub(crate) fn entry(&'d self, key: &'static str) -> Option<Entry<'d>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        drop(known);
        self.member(key).map(|member| self.entry_of(member))
    }

    fn entry_of(&'d self, member: &'d Member) -> Entry<'d> {
        Entry { document: self.document, table: &self.path, key: &member.key, node: &member.node }
    }

    /// All that the table has, by keys that the writer chooses.
    pub(crate) fn entries(&'d self) -> impl Iterator<Item = (&'d str, Entry<'d>)> {
        self.is_open.set(true);
        self.members.iter().map(|member| (member.key.as_str(), self.entry_of(member)))
    }

    /// A text that somebody else asks for.
    pub(crate) fn peek(&self, key: &str) -> Option<&'d str> {
        match &self.member(key)?.node.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The value of a key that has to be there.
    pub(crate) fn required(&'d self, key: &'static str) -> Option<Entry<'d>> {
        let entry = self.entry(key);
        if entry.is_none() {
            self.document.note(self.line, &format!("`{}`: is missing", self.key(key)));
        }
        entry
    }

    /// The value of one of two keys that say the same in two ways.
    pub(crate) fn either(&'d self, one: &'static str, other: &'static str) -> Option<Entry<'d>> {
        match (self.entry(one), self.entry(other)) {
            (Some(_), Some(entry)) => {
                entry.problem(format!("expected only one of `{one}` and `{other}`"));
                None
            }
            (one, other) => one.or(other),
        }
    }

    pub(crate) fn flag(&'d self, key: &'static str) -> Option<bool> {
        self.entry(key)?.flag()
    }

    pub(crate) fn text(&'d self, key: &'static str) -> Option<&'d str> {
        self.entry(key)?.text()
    }

    pub(crate) fn duration(&'d self, key: &'static str) -> Option<Duration> {
        self.entry(key)?.duration()
    }

    /// All tables of an array, none where it is not there.
    pub(crate) fn tables(&'d self, key: &'static str) -> Vec<Table<'d>> {
        self.entry(key).map(|entry| entry.items().into_iter().filter_map(Entry::table).collect()).unwrap_or_default()
    }

    /// All texts of an array with their places, none where it is not there.
    pub(crate) fn texts(&'d self, key: &'static str) -> Vec<(Entry<'d>, &'d str)> {
        self.entry(key).map(Entry::texts).unwrap_or_default()
    }

    /// A table of limits; those that are left out are as they are in `limits`.
    pub(crate) fn limits(&'d self, key: &'static str, mut limits: Limits) -> Option<Limits> {
        let table = self.entry(key)?.table()?;
        for member in table.members {
            if let Err(error) = limits.set(&member.key, json(&member.node.value)) {
                self.document.note(member.line, &format!("`{}`: {error}", table.key(&member.key)));
            }
        }
        Some(limits)
    }
}

/// A value as limits read it.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Nothing => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Integer(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(_) => serde_json::Value::Array(Vec::new()),
        Value::Table(_) => serde_json::Value::Object(serde_json::Map::new()),
        Value::Other(what) => (*what).into(),
    }
}

impl<'d> Entry<'d> {
    /// Notes a problem of the value.
    pub(crate) fn problem(self, message: impl AsRef<str>) {
        let message = format!("`{}`: {}", self.path(), message.as_ref());
        self.document.note(self.node.line, &message);
    }

    pub(crate) fn key(self) -> &'d str {
        self.key
    }

    fn path(self) -> String {
        if self.table.is_empty() { self.key.to_owned() } else { format!("{}.{}", self.table, self.key) }
    }

    /// Notes that the value is no such thing.
    pub(crate) fn expected(self, what: impl Display) {
        self.problem(format!("expected {what}, got {}", self.node.value));
    }

    /// As [`expected`](Entry::expected), where the value may be a secret.
    pub(super) fn expected_in_secret(self, what: &str) {
        self.problem(format!("expected {what}, got {}", self.node.value.kind()));
    }

    pub(crate) fn is_table(self) -> bool {
        matches!(self.node.value, Value::Table(_))
    }

    pub(crate) fn is_list(self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// True or false, if that is what it is.
    pub(crate) fn as_flag(self) -> Option<bool> {
        match self.node.value {
            Value::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    pub(super) fn as_text(self) -> Option<&'d str> {
        match &self.node.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    pub(crate) fn text(self) -> Option<&'d str> {
        let text = self.as_text();
        if text.is_none() {
            self.expected("a string");
        }
        text
    }

    pub(crate) fn flag(self) -> Option<bool> {
        let flag = self.as_flag();
        if flag.is_none() {
            self.expected("true or false");
        }
        flag
    }

    /// A whole number.
    pub(crate) fn number(self) -> Option<u64> {
        let number = match self.node.value {
            Value::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        };
        if number.is_none() {
            self.expected("a whole number from 0");
        }
        number
    }

    /// A whole number within these.
    pub(crate) fn number_within<T: TryFrom<i64> + PartialOrd + Display>(self, least: T, most: T) -> Option<T> {
        let number = match self.node.value {
            Value::Integer(number) => T::try_from(number).ok(),
            _ => None,
        };
        let number = number.filter(|number| *number >= least && *number <= most);
        if number.is_none() {
            self.expected(format_args!("a whole number from {least} to {most}"));
        }
        number
    }

    /// A number of octets, or a text such as `1 MiB`.
    pub(crate) fn octets(self) -> Option<usize> {
        let read = match &self.node.value {
            Value::Integer(number) => usize::try_from(*number).ok(),
            Value::Text(text) => octets(text),
            _ => None,
        };
        if read.is_none() {
            self.expected("a number of octets, such as 65536, \"64 KiB\" or \"1 MiB\"");
        }
        read
    }

    /// A text such as `1.5h`.
    pub(crate) fn duration(self) -> Option<Duration> {
        let read = self.as_text().and_then(duration);
        if read.is_none() {
            self.expected("a number with its unit, such as \"250ms\", \"5s\", \"2m\" or \"1h\"");
        }
        read
    }

    /// A text that is the name of something.
    pub(crate) fn named<T: DeserializeOwned>(self) -> Option<T> {
        let read: Result<T, ValueError> = T::deserialize(StrDeserializer::new(self.text()?));
        read.inspect_err(|error| self.problem(error.to_string())).ok()
    }

    /// A file, found from the directory of the configuration.
    pub(crate) fn file(self) -> Option<PathBuf> {
        self.text().map(|file| self.document.directory.join(file))
    }

    /// A table; one that has nothing may be left out in YAML.
    pub(crate) fn table(self) -> Option<Table<'d>> {
        let members = match &self.node.value {
            Value::Table(members) => members.as_slice(),
            Value::Nothing => &[],
            _ => {
                self.expected("a table");
                return None;
            }
        };
        Some(Table::new(self.document, self.path(), self.node.line, members))
    }

    /// What a list has.
    pub(crate) fn items(self) -> Vec<Entry<'d>> {
        match &self.node.value {
            Value::List(items) => items.iter().map(|node| Entry { node, ..self }).collect(),
            _ => {
                self.expected("a list");
                Vec::new()
            }
        }
    }

    /// All texts of a list, with their places.
    pub(crate) fn texts(self) -> Vec<(Entry<'d>, &'d str)> {
        self.items().into_iter().filter_map(|item| Some((item, item.text()?))).collect()
    }
}
