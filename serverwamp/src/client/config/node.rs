//! A configuration as it is written, whatever the format: values with their lines.

use std::fmt;

/// A value.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// YAML's `null`, or what follows a name without a value.
    #[cfg_attr(not(feature = "yaml"), expect(dead_code, reason = "TOML has no null"))]
    Nothing,
    Bool(bool),
    Integer(i64),
    Text(String),
    List(Vec<Node>),
    Table(Table),
    /// What no option is, in words.
    Other(&'static str),
}

/// Values by name, in the order in which they are written.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) line: usize,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) node: Node,
}

/// What is wrong with a text as such.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) message: String,
}

impl Table {
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| &entry.node)
    }

    /// The line that an option is written in, or that of the table.
    pub(super) fn line_of(&self, name: &str) -> usize {
        self.entries.iter().find(|entry| entry.name == name).map_or(self.line, |entry| entry.line)
    }
}

/// What came instead of what was expected. Texts may be secrets, and are not shown.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nothing => formatter.write_str("nothing"),
            Value::Bool(value) => value.fmt(formatter),
            Value::Integer(integer) => integer.fmt(formatter),
            Value::Text(_) => formatter.write_str("a text"),
            Value::List(_) => formatter.write_str("a list"),
            Value::Table(_) => formatter.write_str("a table"),
            Value::Other(what) => formatter.write_str(what),
        }
    }
}
