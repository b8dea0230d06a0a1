//! Finds the model that a response names, if the deployment's own name has no price: for example, an
//! operator's own deployment name or a provider's model router.

use crate::json::{Text, fields, read};

/// The model in a complete response.
pub(super) fn in_answer(body: &[u8]) -> Option<String> {
    struct Wire<'a> {
        model: Option<Text<'a>>,
    }
    fields!(Wire<'a> { model = "model" | "modelVersion" });
    read::<Wire<'_>>(body).ok()?.model.filter(|model| !model.is_empty()).map(|model| model.0.into_owned())
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
        assert_eq!(in_chunk(br#"data: {"model": "gpt-4o","choices":[]}"#), Some("gpt-4o"));
        assert_eq!(in_chunk(br#"data: {"delta":{"content":"\"model\":\"x\""}}"#), None);
        assert_eq!(in_chunk(br#"data: {"model":"gpt-"#), None, "the rest is in the next piece");
    }
}
