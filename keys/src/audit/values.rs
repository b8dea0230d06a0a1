//! What an entry says of an object: no secrets, and not too much.

use serde_json::{Map, Value, json};
use switchboard::key::KEY_PREFIX;
use switchboard_compile::config::is_secret_option;

/// The fields of an object, by name.
pub type Values = Map<String, Value>;

/// The largest value of a field, in bytes of JSON.
const MOST_OF_FIELD: usize = 4_096;

/// The largest entry: what one object is said to be.
const MOST_OF_ALL: usize = 32_768;

/// What stands for a secret.
const HIDDEN: &str = "[hidden]";

/// Words in the names of fields whose values are not kept.
const SECRET_WORDS: [&str; 9] = [
    "secret",
    "password",
    "passwd",
    "credential",
    "authorization",
    "api_key",
    "apikey",
    "private_key",
    "access_key",
];

/// Fields without secrets, and with a bounded size.
pub fn cleaned(fields: &Map<String, Value>) -> Values {
    let mut size = 0;
    let mut clean = Values::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let value = without_secrets(name, value);
        let length = value.to_string().len();
        let value = if length > MOST_OF_FIELD { json!(format!("[{length} bytes]")) } else { value };
        size += name.len() + length.min(MOST_OF_FIELD);
        if size > MOST_OF_ALL {
            clean.insert("...".to_owned(), json!("[more fields]"));
            break;
        }
        clean.insert(name.chars().take(255).collect(), value);
    }
    clean
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    is_secret_option(&name)
        || matches!(name.as_str(), "key" | "token" | "headers" | "cookie")
        || name.ends_with("_token") && !name.ends_with("per_token")
        || SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn without_secrets(name: &str, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        _ if is_secret(name) => json!(HIDDEN),
        Value::String(text) if text.starts_with(KEY_PREFIX) && text.len() > 12 => json!(HIDDEN),
        Value::String(_) => value.clone(),
        Value::Array(items) => items.iter().map(|item| without_secrets("", item)).collect(),
        Value::Object(fields) => {
            let clean = fields.iter().map(|(name, value)| (name.clone(), without_secrets(name, value)));
            Value::Object(clean.collect())
        }
    }
}

/// The fields that differ, before and after; `None` if there are none.
pub fn difference(before: &Values, after: &Values) -> Option<(Values, Values)> {
    let (mut old, mut new) = (Values::new(), Values::new());
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    for name in names {
        let (was, is) = (before.get(name), after.get(name));
        if was != is {
            old.insert(name.clone(), was.cloned().unwrap_or_default());
            new.insert(name.clone(), is.cloned().unwrap_or_default());
        }
    }
    (!new.is_empty()).then_some((old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(value: &Value) -> Values {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let clean = cleaned(&values(&json!({
            "api_key": "hush", "aws_secret_access_key": "hush", "input_cost_per_token": 0.5, "models": ["a"],
            "key_name": "sk-...1234",
            "metadata": {"logging": [{"langfuse_secret": "hush", "host": "h"}], "x-api-key": "hush", "note": "sk-abcdefghijklmnop"},
            "headers": {"x": "hush"}, "absent": null,
        })));
        let text = Value::Object(clean.clone()).to_string();
        assert!(!text.contains("hush") && !text.contains("abcdef"), "{text}");
        assert_eq!(clean["metadata"]["logging"][0]["host"], "h");
        assert_eq!((&clean["input_cost_per_token"], &clean["key_name"]), (&json!(0.5), &json!("sk-...1234")));
        assert!(!clean.contains_key("absent"));
    }

    #[test]
    fn large_values_are_replaced_by_their_size() {
        let clean = cleaned(&values(&json!({"metadata": {"x": "y".repeat(5_000)}, "rpm_limit": 1})));
        assert_eq!(clean["metadata"], "[5008 bytes]");
        let many: Map<String, Value> =
            (0..100).map(|n| (format!("f{n}"), json!("z".repeat(4_000)))).collect();
        assert!(Value::Object(cleaned(&many)).to_string().len() < 40_000);
    }

    #[test]
    fn a_difference_has_what_came_what_went_and_what_changed() {
        let before = values(&json!({"a": 1, "b": 2, "c": 3}));
        let after = values(&json!({"a": 1, "b": 5, "d": 4}));
        let (old, new) = difference(&before, &after).unwrap();
        assert_eq!(Value::Object(old), json!({"b": 2, "c": 3, "d": null}));
        assert_eq!(Value::Object(new), json!({"b": 5, "c": null, "d": 4}));
        assert_eq!(difference(&before, &before), None);
    }
}
