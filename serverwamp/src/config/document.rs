//! A TOML document as its tables are read: every problem is noted with file, line and key, and reading goes on.

use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Problem;
use crate::limits::{Limits, duration, octets};

/// A text, and what has been found to be wrong with it.
pub(super) struct Document<'t> {
    file: &'t str,
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

/// A value with its place.
#[derive(Clone, Copy)]
pub(super) struct Entry<'d> {
    document: &'d Document<'d>,
    table: &'d str,
    key: &'d str,
    start: usize,
    value: &'d DeValue<'d>,
}

/// A table, of which each key is asked for once.
pub(super) struct Table<'d> {
    document: &'d Document<'d>,
    path: String,
    start: usize,
    entries: &'d DeTable<'d>,
    known: RefCell<Vec<&'static str>>,
}

impl<'t> Document<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Document<'t> {
        Document { file, text, problems: RefCell::default() }
    }

    /// Parses the text. What can be read of one that is no TOML is not read.
    pub(super) fn parse(&self) -> Option<Spanned<DeTable<'t>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.note(error.span().map_or(0, |span: Range<usize>| span.start), error.message());
        }
        errors.is_empty().then_some(table)
    }

    /// All problems, in the order of the lines.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        Problem::sort(&mut problems);
        problems.dedup();
        problems
    }

    /// Notes a problem of the whole.
    pub(super) fn problem(&self, message: &str) {
        self.note(0, message);
    }

    fn note(&self, start: usize, message: &str) {
        let location = format!("{}:{}", self.file, self.line(start));
        self.problems.borrow_mut().push(Problem::at(location, message));
    }

    fn line(&self, start: usize) -> usize {
        self.text.bytes().take(start).filter(|octet| *octet == b'\n').count().saturating_add(1)
    }
}

impl<'d> Table<'d> {
    /// The whole document.
    pub(super) fn root(document: &'d Document<'d>, entries: &'d DeTable<'d>) -> Table<'d> {
        Table { document, path: String::new(), start: 0, entries, known: RefCell::default() }
    }

    /// Notes a problem of the table as a whole.
    pub(super) fn problem(&self, message: &str) {
        self.document.note(self.start, &format!("`{}`: {message}", self.path));
    }

    /// Notes every key that nobody has asked for.
    pub(super) fn finish(&self) {
        let known = self.known.borrow();
        for (key, _) in self.entries {
            if !known.contains(&key.get_ref().as_ref()) {
                let (path, expected) = (self.key(key.get_ref()), known.join(", "));
                self.document
                    .note(key.span().start, &format!("`{path}`: there is no such key; expected one of {expected}"));
            }
        }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if it is there.
    pub(super) fn entry(&'d self, key: &'static str) -> Option<Entry<'d>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        drop(known);
        let (_, value) = self.entries.iter().find(|(name, _)| name.get_ref() == key)?;
        let (document, table) = (self.document, self.path.as_str());
        Some(Entry { document, table, key, start: value.span().start, value: value.get_ref() })
    }

    /// A text that somebody else asks for.
    pub(super) fn peek(&self, key: &str) -> Option<&'d str> {
        let (_, value) = self.entries.iter().find(|(name, _)| name.get_ref() == key)?;
        value.get_ref().as_str()
    }

    /// The value of a key that has to be there.
    pub(super) fn required(&'d self, key: &'static str) -> Option<Entry<'d>> {
        let entry = self.entry(key);
        if entry.is_none() {
            self.document.note(self.start, &format!("`{}`: is missing", self.key(key)));
        }
        entry
    }

    pub(super) fn flag(&'d self, key: &'static str) -> Option<bool> {
        self.entry(key)?.flag()
    }

    pub(super) fn text(&'d self, key: &'static str) -> Option<&'d str> {
        self.entry(key)?.text()
    }

    /// All tables of an array, none where it is not there.
    pub(super) fn tables(&'d self, key: &'static str) -> Vec<Table<'d>> {
        self.entry(key).map(|entry| entry.items().into_iter().filter_map(Entry::table).collect()).unwrap_or_default()
    }

    /// All texts of an array with their places, none where it is not there.
    pub(super) fn texts(&'d self, key: &'static str) -> Vec<(Entry<'d>, &'d str)> {
        let texts =
            |entry: Entry<'d>| entry.items().into_iter().filter_map(|item| Some((item, item.text()?))).collect();
        self.entry(key).map(texts).unwrap_or_default()
    }

    /// A table of limits, of which each may be left out.
    pub(super) fn limits(&'d self, key: &'static str) -> Option<Limits> {
        let table = self.entry(key)?.table()?;
        let mut limits = Limits::default();
        for (name, value) in table.entries {
            let given = match value.get_ref() {
                DeValue::String(text) => serde_json::Value::from(text.as_ref()),
                DeValue::Boolean(flag) => serde_json::Value::from(*flag),
                DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
                    .map_or_else(|_| serde_json::Value::from(number.to_string()), serde_json::Value::from),
                DeValue::Float(number) => {
                    number.as_str().parse::<f64>().map_or(serde_json::Value::Null, serde_json::Value::from)
                }
                DeValue::Array(_) => serde_json::Value::Array(Vec::new()),
                DeValue::Table(_) => serde_json::Value::Object(serde_json::Map::new()),
                DeValue::Datetime(date) => serde_json::Value::from(date.to_string()),
            };
            if let Err(error) = limits.set(name.get_ref(), given) {
                let path = table.key(name.get_ref());
                self.document.note(name.span().start, &format!("`{path}`: {error}"));
            }
        }
        Some(limits)
    }
}

impl<'d> Entry<'d> {
    /// Notes a problem of the value.
    pub(super) fn problem(self, message: impl AsRef<str>) {
        let separator = if self.table.is_empty() { "" } else { "." };
        let message = format!("`{}{separator}{}`: {}", self.table, self.key, message.as_ref());
        self.document.note(self.start, &message);
    }

    fn expected(self, what: &str) {
        let got = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problem(format!("expected {what}, got {got}"));
    }

    pub(super) fn is_table(self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub(super) fn is_list(self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    pub(super) fn text(self) -> Option<&'d str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => {
                self.expected("a string");
                None
            }
        }
    }

    pub(super) fn flag(self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.expected("true or false");
                None
            }
        }
    }

    /// A whole number.
    pub(super) fn number(self) -> Option<u64> {
        let number = match self.value {
            DeValue::Integer(number) => u64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.problem("expected a whole number from 0");
        }
        number
    }

    /// A number of octets, or a text such as `1 MiB`.
    pub(super) fn octets(self) -> Option<usize> {
        match self.value {
            DeValue::Integer(_) => usize::try_from(self.number()?).ok(),
            DeValue::String(text) if octets(text).is_some() => octets(text),
            _ => {
                self.problem("expected a number of octets, such as 65536, \"64 KiB\" or \"1 MiB\"");
                None
            }
        }
    }

    /// A text such as `1.5h`.
    pub(super) fn duration(self) -> Option<Duration> {
        match self.value {
            DeValue::String(text) if duration(text).is_some() => duration(text),
            _ => {
                self.problem("expected a number with its unit, such as \"250ms\", \"5s\", \"2m\" or \"1h\"");
                None
            }
        }
    }

    /// A text that is the name of something.
    pub(super) fn named<T: DeserializeOwned>(self) -> Option<T> {
        let read: Result<T, ValueError> = T::deserialize(StrDeserializer::new(self.text()?));
        read.inspect_err(|error| self.problem(error.to_string())).ok()
    }

    pub(super) fn table(self) -> Option<Table<'d>> {
        match self.value {
            DeValue::Table(entries) => {
                let path =
                    if self.table.is_empty() { self.key.to_owned() } else { format!("{}.{}", self.table, self.key) };
                let (document, start) = (self.document, self.start);
                Some(Table { document, path, start, entries, known: RefCell::default() })
            }
            _ => {
                self.expected("a table");
                None
            }
        }
    }

    /// What an array has.
    pub(super) fn items(self) -> Vec<Entry<'d>> {
        match self.value {
            DeValue::Array(items) => {
                let item =
                    |item: &'d Spanned<DeValue<'d>>| Entry { start: item.span().start, value: item.get_ref(), ..self };
                items.iter().map(item).collect()
            }
            _ => {
                self.expected("a list");
                Vec::new()
            }
        }
    }
}
