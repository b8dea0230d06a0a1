//! YAML text → a tree whose every node knows its place in the file.
//!
//! The tree is untyped on purpose: a typed reader stops at the first mistake with its own words, while an
//! operator wants all mistakes at once, in the terms of this file (see [`super::table`]).

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Spanned, UserMessageFormatter};

/// A place in a file; lines and columns count from one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Number of the file; 0 is `config.yaml`, others are included.
    pub file: u16,
    /// Line.
    pub line: u64,
    /// Column, in characters.
    pub column: u64,
}

/// A YAML node and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the node begins; an alias stands where it is used, not where its anchor is.
    pub at: Location,
    /// What it holds.
    pub value: Value,
}

/// What a node holds, after YAML's own rules for plain scalars.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `false`, and YAML 1.1's `yes`, `no`, `on`, `off`, which `LiteLLM`'s reader knows too.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in file order, merge keys (`<<`) applied.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it stands.
    pub at: Location,
    /// Its text.
    pub name: String,
}

/// Reads one YAML document of an included file.
pub(super) fn parse_file(text: &str, file: u16) -> Result<Node, (Location, String)> {
    let located = |at: Location| Location { file, ..at };
    let mut root = parse(text).map_err(|(at, message)| (located(at), message))?;
    root.move_to(file);
    Ok(root)
}

/// Reads one YAML document.
pub fn parse(text: &str) -> Result<Node, (Location, String)> {
    // A snippet of the source would print the lines around a mistake, and with them the secrets there.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options).map(Node::from).map_err(|error| {
        let at = error.location().map(Location::from).unwrap_or_default();
        // The caller adds the location, in the same form for all errors.
        let message = error.render_with_formatter(&UserMessageFormatter);
        let own_prefix = format!("line {} column {}: ", at.line, at.column);
        let own_suffix = format!(" at line {}, column {}", at.line, at.column);
        let message = message.trim_start_matches("error: ").trim_start_matches(&own_prefix);
        (at, message.trim_end_matches(&own_suffix).to_owned())
    })
}

impl Node {
    /// Sets the file of all places.
    fn move_to(&mut self, file: u16) {
        self.at.file = file;
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.move_to(file)),
            Value::Map(entries) => entries.iter_mut().for_each(|(key, node)| {
                key.at.file = file;
                node.move_to(file);
            }),
            _ => {}
        }
    }
}

impl Value {
    /// What an operator would call this kind of value.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// The same value as JSON, mappings in the order of their keys, so that equal values are equal text.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => i64::try_from(*value)
                .map(serde_json::Value::from)
                .or_else(|_| u64::try_from(*value).map(serde_json::Value::from))
                .unwrap_or_else(|_| value.to_string().into()),
            Self::Float(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::List(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
                entries.into_iter().map(|(key, node)| (key.name.clone(), node.value.to_json())).collect()
            }
        }
    }
}

impl From<serde_saphyr::Location> for Location {
    fn from(at: serde_saphyr::Location) -> Self {
        Self { file: 0, line: at.line(), column: at.column() }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { at: spanned.referenced.into(), value: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<Spanned<Value>>()? {
            items.push(item.into());
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Spanned<Value>>()? {
            entries.push((Key { at: key.referenced.into(), name: key.value }, value.into()));
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(node: &Node) -> &[(Key, Node)] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("expected a mapping, found {}", other.kind()),
        }
    }

    #[test]
    fn every_node_knows_its_line_and_column() {
        let node = parse("a: 1\nb:\n  - x\n  - {c: yes}\n").unwrap();
        let (key, value) = &map(&node)[1];
        assert_eq!((key.at, key.name.as_str()), (Location { file: 0, line: 2, column: 1 }, "b"));
        let Value::List(items) = &value.value else { panic!("b is a list") };
        assert_eq!(items[0].at, Location { file: 0, line: 3, column: 5 });
        assert!(matches!(map(&items[1])[0].1.value, Value::Bool(true)));
    }

    #[test]
    fn anchors_and_merge_keys_are_applied() {
        let node = parse("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n").unwrap();
        assert_eq!(map(&node)[1].1.value.to_json(), serde_json::json!({"x": 1, "y": 3}));
    }

    #[test]
    fn a_mistake_is_told_without_the_lines_around_it() {
        let (at, message) = parse("api_key: sk-very-secret\na: 1\na: 2\n").unwrap_err();
        assert_eq!(at, Location { file: 0, line: 3, column: 1 });
        assert_eq!(message, "duplicate mapping key `a` is not allowed here");
        assert!(!message.contains("secret"), "{message}");
    }

    #[test]
    fn an_empty_file_is_nothing() {
        assert!(matches!(parse("# only a comment\n").unwrap().value, Value::Null));
    }
}
