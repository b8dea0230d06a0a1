//! Finds the model that a response names, if the deployment's own name has no price: for example, an
//! operator's own deployment name or a provider's model router.

use crate::json::{Text, fields, read};

/// The model in a complete response.
pub(super) fn in_answer(body: &[u8]) -> Option<String> {
    struct Wire<'a> {
        model: Option<Text<'a>>,
    }
    fields!(Wire<'a> { model = "model" | "modelVersion" });
    if let Some(model) = outside(body).into_iter().find_map(in_chunk).filter(|model| !model.contains('\\')) {
        return Some(model.to_owned());
    }
    read::<Wire<'_>>(body).ok()?.model.filter(|model| !model.is_empty()).map(|model| model.0.into_owned())
}

/// The members before the first nested value of an object, and those after the last: nearly every response names its model
/// there, and the long text between need not be read.
fn outside(body: &[u8]) -> [&[u8]; 2] {
    let inside =
        body.trim_ascii().strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or_default();
    let before = memchr::memchr2(b'{', b'[', inside).and_then(|end| inside.get(..end));
    let after = memchr::memrchr2(b'}', b']', inside).and_then(|end| inside.get(end..));
    [before.unwrap_or(inside), after.unwrap_or_default()]
}

/// The model in a piece of a stream, if the piece contains the whole name. Inside the model's text the quotes
/// would be escaped, so this cannot match there.
pub(super) fn in_chunk(chunk: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(chunk).ok()?;
    ["\"model\":", "\"modelVersion\":"].iter().find_map(|key| {
        let (_, rest) = text.split_once(key)?;
        let (name, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        (!name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_languages_name_of_its_model_is_found() {
        assert_eq!(in_answer(br#"{"id":"x","model":"gpt-4o"}"#).as_deref(), Some("gpt-4o"));
        assert_eq!(in_answer(br#"{"modelVersion":"gemini-2.5-pro"}"#).as_deref(), Some("gemini-2.5-pro"));
        assert_eq!(in_answer(br#"{"model":""}"#), None);
        let last = br#"{"a":[{"model":"no"}],"u":{"modelVersion":"no"},"modelVersion":"yes","id":"}"}"#;
        assert_eq!(in_answer(last).as_deref(), Some("yes"));
        assert_eq!(in_answer(br#"{"a":{"model":"no"},"b":{"model":"no"}}"#), None);
        assert_eq!(in_answer(br#"{"a":{"b":1},"model":"meta\/x","c":{}}"#).as_deref(), Some("meta/x"));
        assert_eq!(in_answer(br#"{"text":"{","model":"yes","c":{}}"#).as_deref(), Some("yes"));
        assert_eq!(in_chunk(br#"data: {"model": "gpt-4o","choices":[]}"#), Some("gpt-4o"));
        assert_eq!(in_chunk(br#"data: {"delta":{"content":"\"model\":\"x\""}}"#), None);
        assert_eq!(in_chunk(br#"data: {"model":"gpt-"#), None, "the rest is in the next piece");
    }
}
