//! Arguments of a call, as tools of other kinds have them. Texts are the contents of JSON strings.

use crate::json::{JsonStr, JsonString, Object, Raw, read};

/// The JSON text in a string.
fn decoded(arguments: &str) -> String {
    let token = ["\"", arguments, "\""].concat();
    let text = read::<JsonStr<'_>>(token.as_str()).ok().and_then(|token| Some(token.decode()?.into_owned()));
    text.unwrap_or_default()
}

/// Whether arguments are a complete JSON object, and nothing can follow.
pub(super) fn is_complete(arguments: &str) -> bool {
    arguments.ends_with('}') && Object::parse(decoded(arguments).as_bytes()).is_ok()
}

/// Arguments as a JSON object; `{}` if they are not one.
pub(super) fn object(arguments: &str) -> String {
    let text = decoded(arguments);
    if Object::parse(text.as_bytes()).is_ok() { text } else { "{}".to_owned() }
}

/// The input of a custom tool, as the contents of a JSON string: the member `input`, or the only member that is a text.
/// Arguments that are not a JSON object are the input themselves.
pub(super) fn input(arguments: &str) -> String {
    let text = decoded(arguments);
    let Ok(object) = Object::parse(text.as_bytes()) else { return arguments.to_owned() };
    let only = match object.members() {
        [member] => JsonStr::of(member.value),
        _ => None,
    };
    match object.get("input").and_then(JsonStr::of).or(only) {
        Some(input) => input.inner().to_owned(),
        None => arguments.to_owned(),
    }
}

/// A member of the arguments, as JSON.
pub(super) fn member(arguments: &str, name: &str) -> Option<String> {
    let text = decoded(arguments);
    Some(Object::parse(text.as_bytes()).ok()?.get(name)?.get().to_owned())
}

/// Arguments of a function in a request: a string of JSON. Some clients send the object itself.
pub(super) fn sent(arguments: Option<Raw<'_>>) -> JsonString {
    let Some(arguments) = arguments.filter(|arguments| !arguments.is_null()) else {
        return JsonString::new("{}");
    };
    match JsonStr::of(arguments) {
        Some(text) if text.is_blank() => JsonString::new("{}"),
        Some(text) => JsonString::of(text),
        None => JsonString::new(arguments.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner(text: &str) -> String {
        JsonString::new(text).as_str().inner().to_owned()
    }

    #[test]
    fn the_input_of_a_custom_tool_is_found_however_a_model_writes_it() {
        let patch = "*** Begin Patch\n\"x\"";
        let text = inner(patch);
        for arguments in [
            format!(r#"{{"input":"{text}"}}"#),
            format!(r#"{{"patch":"{text}"}}"#),
            format!(r#"{{"reason":"y","input":"{text}"}}"#),
            patch.to_owned(),
        ] {
            assert_eq!(input(&inner(&arguments)), text, "{arguments}");
        }
        assert_eq!(input(&inner(r#"{"a":"b","c":"d"}"#)), inner(r#"{"a":"b","c":"d"}"#));
    }

    #[test]
    fn arguments_are_complete_when_their_object_is() {
        assert!(is_complete(&inner(r#"{"a":"}"}"#)));
        for part in ["", "{", r#"{"a":"}"#, r#"{"a":{}"#] {
            assert!(!is_complete(&inner(part)), "{part}");
        }
    }
}
