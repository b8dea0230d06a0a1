//! Validates a JSON object against a table of fields, as leniently as pydantic and with its error messages.
//!
//! `LiteLLM`'s requests are pydantic models: `"5"` is an integer, `1` is a boolean, unknown fields are
//! ignored, and all errors are reported at once. One row per field is the whole schema of a path. There is
//! one difference: `true` is not accepted as a number, because a limit of `true` is a mistake.

use serde_json::{Map, Value, json};

use crate::error::Complaint;

/// A field of a request. Every field may be absent or `null`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Kind,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A string.
    Text,
    /// A 64-bit integer.
    Integer,
    /// A non-negative integer.
    Count,
    /// A finite number.
    Number,
    /// A boolean.
    Boolean,
    /// A list of strings.
    TextList,
    /// A list of anything.
    List,
    /// An object.
    Map,
    /// Anything; the handler checks it.
    Any,
    /// One of these strings.
    Choice(&'static [&'static str]),
}

/// The fields of the request, converted to their types or `null`; or all errors.
pub fn read(fields: &[Field], sent: Map<String, Value>) -> Result<Map<String, Value>, Vec<Complaint>> {
    let mut sent = sent;
    let mut read = Map::new();
    let mut complaints = Vec::new();
    for Field { name, kind } in fields {
        let Some(value) = sent.remove(*name) else { continue };
        if value.is_null() {
            read.insert((*name).to_owned(), value);
            continue;
        }
        match kind.read(value) {
            Ok(value) => {
                read.insert((*name).to_owned(), value);
            }
            Err(Wrong { kind, msg, item }) => {
                let mut loc = vec![json!("body"), json!(name)];
                loc.extend(item.map(Value::from));
                complaints.push(Complaint { kind, loc, msg });
            }
        }
    }
    if complaints.is_empty() { Ok(read) } else { Err(complaints) }
}

/// A required string from the result of [`read`].
pub fn required<'a>(read: &'a Map<String, Value>, name: &str) -> Result<&'a str, Complaint> {
    let complain =
        |kind, msg: &str| Complaint { kind, loc: vec![json!("body"), json!(name)], msg: msg.to_owned() };
    match read.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(complain("string_type", "Input should be a valid string")),
        None => Err(complain("missing", "Field required")),
    }
}

/// A list of strings from the result of [`read`]; empty if absent.
pub fn texts(read: &Map<String, Value>, name: &str) -> Vec<String> {
    let items = read.get(name).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Why a value is invalid, and the index of the list item.
struct Wrong {
    kind: &'static str,
    msg: String,
    item: Option<usize>,
}

fn wrong(kind: &'static str, msg: impl Into<String>) -> Wrong {
    Wrong { kind, msg: msg.into(), item: None }
}

impl Kind {
    fn read(self, value: Value) -> Result<Value, Wrong> {
        match self {
            Self::Text => match &value {
                Value::String(text) => indexable(text).map(|()| value),
                _ => Err(wrong("string_type", "Input should be a valid string")),
            },
            Self::Integer => integer(&value).map(Value::from),
            Self::Count => match integer(&value)? {
                count @ 0.. => Ok(count.into()),
                _ => Err(wrong("greater_than_equal", "Input should be greater than or equal to 0")),
            },
            Self::Any => Ok(value),
            Self::Number => number(&value).map(Value::from),
            Self::Boolean => boolean(&value).map(Value::from),
            Self::List => match value {
                Value::Array(_) => Ok(value),
                _ => Err(wrong("list_type", "Input should be a valid list")),
            },
            Self::TextList => {
                let Value::Array(items) = &value else {
                    return Err(wrong("list_type", "Input should be a valid list"));
                };
                for (at, item) in items.iter().enumerate() {
                    let text =
                        item.as_str().ok_or_else(|| wrong("string_type", "Input should be a valid string"));
                    text.and_then(storable).map_err(|wrong| Wrong { item: Some(at), ..wrong })?;
                }
                Ok(value)
            }
            Self::Map => match &value {
                // Some maps have model names as keys, which are stored in text columns.
                Value::Object(map) => map.keys().try_for_each(|key| indexable(key)).map(|()| value),
                _ => Err(wrong("dict_type", "Input should be a valid dictionary")),
            },
            Self::Choice(choices) => match value.as_str() {
                Some(text) if choices.contains(&text) => Ok(value),
                _ => Err(wrong("literal_error", format!("Input should be {}", alternatives(choices)))),
            },
        }
    }
}

/// Postgres cannot store a NUL in text, and no client needs one.
fn storable(text: &str) -> Result<(), Wrong> {
    if text.contains('\0') {
        return Err(wrong("value_error", "Value error, a NUL character cannot be stored"));
    }
    Ok(())
}

/// Texts become part of index entries, which Postgres limits to 2,704 bytes; a team member's contains two.
const LONGEST: usize = 255;

fn indexable(text: &str) -> Result<(), Wrong> {
    storable(text)?;
    if text.chars().nth(LONGEST).is_some() {
        return Err(wrong("string_too_long", format!("String should have at most {LONGEST} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("value_error", "Value error, a control character cannot be part of a name"));
    }
    Ok(())
}

fn integer(value: &Value) -> Result<i64, Wrong> {
    const TOO_LARGE: &str = "Unable to parse input string as an integer, exceeded maximum size";
    match value {
        Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                return Ok(integer);
            }
            match number.as_f64() {
                Some(float) if float.fract() != 0.0 => Err(wrong(
                    "int_from_float",
                    "Input should be a valid integer, got a number with a fractional part",
                )),
                Some(float) => exact(float).ok_or_else(|| wrong("int_parsing_size", TOO_LARGE)),
                None => Err(wrong("int_parsing_size", TOO_LARGE)),
            }
        }
        Value::String(text) => text.trim().parse().map_err(|_| {
            wrong("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
        }),
        _ => Err(wrong("int_type", "Input should be a valid integer")),
    }
}

/// An integer that was converted from a float without loss. Values beyond 2^53 may be inexact, so they are
/// rejected.
#[expect(clippy::cast_possible_truncation, reason = "the bound is below both types' ends")]
fn exact(float: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (float.abs() <= EXACT).then_some(float as i64)
}

fn number(value: &Value) -> Result<f64, Wrong> {
    match value {
        Value::Number(number) => {
            number.as_f64().ok_or_else(|| wrong("float_type", "Input should be a valid number"))
        }
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            Ok(_) => Err(wrong("finite_number", "Input should be a finite number")),
            Err(_) => Err(wrong(
                "float_parsing",
                "Input should be a valid number, unable to parse string as a number",
            )),
        },
        _ => Err(wrong("float_type", "Input should be a valid number")),
    }
}

fn boolean(value: &Value) -> Result<bool, Wrong> {
    const UNREADABLE: &str = "Input should be a valid boolean, unable to interpret input";
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Ok(false),
            Some(1.0) => Ok(true),
            _ => Err(wrong("bool_parsing", UNREADABLE)),
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
            _ => Err(wrong("bool_parsing", UNREADABLE)),
        },
        _ => Err(wrong("bool_type", "Input should be a valid boolean")),
    }
}

/// `'a', 'b' or 'c'`.
fn alternatives(choices: &[&str]) -> String {
    let quoted: Vec<_> = choices.iter().map(|choice| format!("'{choice}'")).collect();
    match quoted.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        all => all.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(kind: Kind, value: Value) -> Result<Value, &'static str> {
        kind.read(value).map_err(|wrong| wrong.kind)
    }

    #[test]
    fn integers_are_read_from_what_pydantic_reads_them_from() {
        for (value, integer) in [(json!(5), 5), (json!(5.0), 5), (json!("5"), 5), (json!(" -7 "), -7)] {
            assert_eq!(reading(Kind::Integer, value), Ok(json!(integer)));
        }
        // The next larger float has a fraction.
        let float = serde_json::from_str("2225410772435121.0").unwrap();
        assert_eq!(reading(Kind::Integer, float), Ok(json!(2_225_410_772_435_121_i64)));
        for (value, kind) in [
            (json!(1.5), "int_from_float"),
            (json!("five"), "int_parsing"),
            (json!([]), "int_type"),
            (json!(true), "int_type"),
            (json!(u64::MAX), "int_parsing_size"),
            (json!(1e300), "int_parsing_size"),
        ] {
            assert_eq!(reading(Kind::Integer, value), Err(kind));
        }
    }

    #[test]
    fn numbers_are_finite() {
        assert_eq!(reading(Kind::Number, json!("1e-6")), Ok(json!(1e-6)));
        assert_eq!(reading(Kind::Number, json!(10)), Ok(json!(10.0)));
        assert_eq!(reading(Kind::Number, json!("inf")), Err("finite_number"));
        assert_eq!(reading(Kind::Number, json!("much")), Err("float_parsing"));
        assert_eq!(reading(Kind::Number, json!({})), Err("float_type"));
        assert_eq!(reading(Kind::Number, json!(false)), Err("float_type"));
    }

    #[test]
    fn a_text_fits_into_an_index() {
        assert_eq!(reading(Kind::Text, json!("ä".repeat(255))), Ok(json!("ä".repeat(255))));
        assert_eq!(reading(Kind::Text, json!("a".repeat(256))), Err("string_too_long"));
        assert_eq!(reading(Kind::Map, json!({("a".repeat(256)): 1})), Err("string_too_long"));
        for text in ["a\0", "a\n", "\u{7f}"] {
            assert_eq!(reading(Kind::Text, json!(text)), Err("value_error"), "{text:?}");
        }
    }

    #[test]
    fn truth_has_many_spellings() {
        for (value, truth) in
            [(json!("Yes"), true), (json!("off"), false), (json!(1), true), (json!(0.0), false)]
        {
            assert_eq!(reading(Kind::Boolean, value), Ok(json!(truth)));
        }
        assert_eq!(reading(Kind::Boolean, json!(2)), Err("bool_parsing"));
        assert_eq!(reading(Kind::Boolean, json!([])), Err("bool_type"));
    }

    #[test]
    fn every_complaint_is_made_at_once_in_the_order_of_the_fields() {
        let fields = [
            Field { name: "models", kind: Kind::TextList },
            Field { name: "metadata", kind: Kind::Map },
            Field { name: "key_type", kind: Kind::Choice(&["default", "llm_api", "read_only"]) },
            Field { name: "fine", kind: Kind::Text },
        ];
        let Value::Object(sent) =
            json!({"metadata": "x", "models": ["a", 1], "key_type": "boss", "fine": "yes", "unheard": 1})
        else {
            unreachable!()
        };
        let complaint = |kind, loc: Value, msg: &str| Complaint {
            kind,
            loc: loc.as_array().unwrap().clone(),
            msg: msg.to_owned(),
        };
        assert_eq!(
            read(&fields, sent).unwrap_err(),
            [
                complaint("string_type", json!(["body", "models", 1]), "Input should be a valid string"),
                complaint("dict_type", json!(["body", "metadata"]), "Input should be a valid dictionary"),
                complaint(
                    "literal_error",
                    json!(["body", "key_type"]),
                    "Input should be 'default', 'llm_api' or 'read_only'"
                ),
            ]
        );
    }

    #[test]
    fn unknown_fields_are_ignored_and_null_is_kept() {
        let fields = [Field { name: "a", kind: Kind::Integer }, Field { name: "b", kind: Kind::Integer }];
        let Value::Object(sent) = json!({"a": null, "c": 1}) else { unreachable!() };
        assert_eq!(Value::Object(read(&fields, sent).unwrap()), json!({"a": null}));
    }
}
