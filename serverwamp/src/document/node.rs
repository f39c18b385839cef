//! What is written, whatever the format.

use std::fmt;

use zeroize::Zeroizing;

/// A value.
pub(crate) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    /// YAML's `null`, or what follows a key without a value.
    #[cfg_attr(not(feature = "yaml"), expect(dead_code, reason = "TOML has no null"))]
    Nothing,
    Bool(bool),
    Integer(i64),
    Float(f64),
    /// It may be a secret.
    Text(Zeroizing<String>),
    List(Vec<Node>),
    Table(Vec<Member>),
    /// What nothing is, in words.
    Other(&'static str),
}

/// A value of a table, with its key.
pub(super) struct Member {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) node: Node,
}

/// What is wrong with a text as such.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) line: usize,
    pub(super) message: String,
}

impl Value {
    /// What it is, without what it says.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Nothing => "nothing",
            Value::Bool(_) => "true or false",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(what) => what,
        }
    }
}

/// What came instead of what was expected.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => value.fmt(formatter),
            Value::Integer(value) => value.fmt(formatter),
            Value::Float(value) => value.fmt(formatter),
            other => formatter.write_str(other.kind()),
        }
    }
}
