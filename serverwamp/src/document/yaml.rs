//! YAML 1.2.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use zeroize::Zeroizing;

use super::node::{Member, Mistake, Node, Value};

/// # Errors
/// What is no YAML, or more than one document.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| vec![Mistake { line: error.marker().line(), message: error.info().to_owned() }])?;
    match documents.as_slice() {
        [] => Ok(Node { line: 1, value: Value::Table(Vec::new()) }),
        [document] => read(document).map_err(|mistake| vec![mistake]),
        [_, second, ..] => {
            let line = second.span.start.line();
            Err(vec![Mistake { line, message: "expected one document, got another one".to_owned() }])
        }
    }
}

fn read(yaml: &MarkedYaml<'_>) -> Result<Node, Mistake> {
    let line = yaml.span.start.line();
    let value = match &yaml.data {
        YamlData::Value(Scalar::Null) => Value::Nothing,
        YamlData::Value(Scalar::Boolean(value)) => Value::Bool(*value),
        YamlData::Value(Scalar::Integer(integer)) => Value::Integer(*integer),
        YamlData::Value(Scalar::FloatingPoint(number)) => Value::Float(number.into_inner()),
        YamlData::Value(Scalar::String(text)) => Value::Text(Zeroizing::new(text.to_string())),
        YamlData::Sequence(list) => Value::List(list.iter().map(read).collect::<Result<_, _>>()?),
        YamlData::Mapping(map) => Value::Table(map.iter().map(read_member).collect::<Result<_, _>>()?),
        YamlData::Tagged(..) => Value::Other("a value with a tag"),
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => Value::Other("something else"),
    };
    Ok(Node { line, value })
}

fn read_member((key, value): (&MarkedYaml<'_>, &MarkedYaml<'_>)) -> Result<Member, Mistake> {
    let line = key.span.start.line();
    match &key.data {
        YamlData::Value(Scalar::String(key)) => Ok(Member { line, key: key.to_string(), node: read(value)? }),
        _ => Err(Mistake { line, message: "expected keys that are strings: put others in quotes".to_owned() }),
    }
}
