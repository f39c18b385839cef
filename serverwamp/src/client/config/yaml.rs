//! Configurations in YAML 1.2.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use super::node::{Entry, Mistake, Node, Table, Value};

/// # Errors
/// What is no YAML, or more than one document.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| vec![Mistake { line: error.marker().line(), message: error.info().to_owned() }])?;
    match documents.as_slice() {
        [] => Ok(Node { line: 1, value: Value::Table(Table { line: 1, entries: Vec::new() }) }),
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
        YamlData::Value(Scalar::FloatingPoint(_)) => Value::Other("a number with a fraction"),
        YamlData::Value(Scalar::String(text)) => Value::Text(text.to_string()),
        YamlData::Sequence(list) => Value::List(list.iter().map(read).collect::<Result<_, _>>()?),
        YamlData::Mapping(map) => {
            let entry = |(name, value): (&MarkedYaml<'_>, &MarkedYaml<'_>)| {
                let line = name.span.start.line();
                match &name.data {
                    YamlData::Value(Scalar::String(name)) => {
                        Ok(Entry { line, name: name.to_string(), node: read(value)? })
                    }
                    _ => {
                        Err(Mistake { line, message: "expected names that are texts: put others in quotes".to_owned() })
                    }
                }
            };
            Value::Table(Table {
                line,
                entries: map.iter().map(|(name, value)| entry((name, value))).collect::<Result<_, _>>()?,
            })
        }
        YamlData::Tagged(..) => Value::Other("a value with a tag"),
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => Value::Other("something else"),
    };
    Ok(Node { line, value })
}
