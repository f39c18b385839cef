//! Configurations in TOML.

use ::toml::de::{DeTable, DeValue};

use super::node::{Entry, Mistake, Node, Table, Value};

/// # Errors
/// What is no TOML.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::new(text);
    if errors.is_empty() {
        return Ok(Node { line: 1, value: Value::Table(read_table(table.get_ref(), 1, &lines)) });
    }
    let mistake = |error: &::toml::de::Error| Mistake {
        line: lines.at(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    };
    Err(errors.iter().map(mistake).collect())
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n').map(|(index, _)| index).collect())
    }

    fn at(&self, octet: usize) -> usize {
        self.0.partition_point(|end| *end < octet).saturating_add(1)
    }
}

fn read_table(table: &DeTable<'_>, line: usize, lines: &Lines) -> Table {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(name, value)| {
            let line = lines.at(name.span().start);
            let node = Node { line, value: read(value.get_ref(), line, lines) };
            Entry { line, name: name.get_ref().to_string(), node }
        })
        .collect();
    entries.sort_by_key(|entry| entry.line);
    Table { line, entries }
}

fn read(value: &DeValue<'_>, line: usize, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Other("a number of more than 64 bits"),
        },
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a point in time"),
        DeValue::Array(list) => {
            let node = |item: &::toml::Spanned<DeValue<'_>>| {
                let line = lines.at(item.span().start);
                Node { line, value: read(item.get_ref(), line, lines) }
            };
            Value::List(list.iter().map(node).collect())
        }
        DeValue::Table(table) => Value::Table(read_table(table, line, lines)),
    }
}
