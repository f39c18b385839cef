//! TOML.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue, Error};
use zeroize::Zeroizing;

use super::node::{Member, Mistake, Node, Value};

/// # Errors
/// What is no TOML.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines::new(text);
    if errors.is_empty() {
        return Ok(Node { line: 1, value: Value::Table(read_table(table.get_ref(), &lines)) });
    }
    let mistake = |error: &Error| Mistake {
        line: lines.at(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    };
    Err(errors.iter().map(mistake).collect())
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, octet)| *octet == b'\n').map(|(index, _)| index).collect())
    }

    fn at(&self, octet: usize) -> usize {
        self.0.partition_point(|end| *end < octet).saturating_add(1)
    }
}

/// The members in the order of their lines, which is not that of the parser.
fn read_table(table: &DeTable<'_>, lines: &Lines) -> Vec<Member> {
    let member = |(key, value): (&Spanned<_>, &_)| Member {
        line: lines.at(key.span().start),
        key: String::from(std::borrow::Cow::clone(key.get_ref())),
        node: read(value, lines),
    };
    let mut members: Vec<_> = table.iter().map(member).collect();
    members.sort_by_key(|member| member.line);
    members
}

fn read(value: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let line = lines.at(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(Zeroizing::new(text.to_string())),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(integer) => match i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Other("a number of more than 64 bits"),
        },
        DeValue::Float(number) => {
            number.as_str().replace('_', "").parse().map_or(Value::Other("a number"), Value::Float)
        }
        DeValue::Datetime(_) => Value::Other("a point in time"),
        DeValue::Array(list) => Value::List(list.iter().map(|item| read(item, lines)).collect()),
        DeValue::Table(table) => Value::Table(read_table(table, lines)),
    };
    Node { line, value }
}
