//! Names of fields: the API takes `camelCase` and `snake_case`, as every API in Protobuf's JSON does.

use serde_json::Value;

/// The same request with its fields' names in camel case. What the client defines itself stays as it is.
pub(super) fn in_camel_case(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let name = camel(name);
                let value = match &*name {
                    "args" | "response" | "parametersJsonSchema" | "responseJsonSchema" => value.clone(),
                    "properties" => properties(value),
                    _ => in_camel_case(value),
                };
                (name, value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => items.iter().map(in_camel_case).collect(),
        other => other.clone(),
    }
}

fn properties(value: &Value) -> Value {
    let Some(properties) = value.as_object() else { return value.clone() };
    Value::Object(properties.iter().map(|(name, schema)| (name.clone(), in_camel_case(schema))).collect())
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let begins = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &begins.into_iter().chain(letters).collect::<String>()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_renamed_and_what_the_client_defines_is_not() {
        let request = json!({ "system_instruction": { "parts": [{ "function_call": { "args": { "a_b": 1 } } }] },
            "tools": [{ "function_declarations": [{ "parameters": { "any_of": [], "properties": { "a_b": { "max_items": 1 } } },
            "parameters_json_schema": { "a_b": 1 } }] }] });
        let expected = json!({ "systemInstruction": { "parts": [{ "functionCall": { "args": { "a_b": 1 } } }] },
            "tools": [{ "functionDeclarations": [{ "parameters": { "anyOf": [], "properties": { "a_b": { "maxItems": 1 } } },
            "parametersJsonSchema": { "a_b": 1 } }] }] });
        assert_eq!(in_camel_case(&request), expected);
    }
}
