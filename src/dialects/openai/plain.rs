//! Recognizes complete responses that need no fix, without reading them: to read a text costs three passes over it.

use super::completion::object_name;
use super::quirks::Answers;
use crate::json::{JsonStr, Object};
use crate::openai::{Memo, Operation};

/// Whether a complete response is what an `OpenAI` client expects: one choice, a text that does not begin with reasoning,
/// and a known finish reason. Most are.
pub(super) fn is_plain(rules: Answers, object: &Object<'_>, memo: &Memo) -> bool {
    let is_named = |name: &str| object.get("object").is_some_and(|kind| kind.get().trim_matches('"') == name);
    let has_id = object.get("id").and_then(JsonStr::of).is_some();
    let Some(choices) = object.get("choices").filter(|_| has_id && is_named(object_name(memo, false))) else {
        return false;
    };
    let bytes = choices.get().as_bytes();
    let has = |key: &str| memchr::memmem::find(bytes, key.as_bytes()).is_some();
    // The value of a key that is there once.
    let only = |key: &str| {
        let at = memchr::memmem::find(bytes, key.as_bytes())?;
        let rest = bytes.get(at + key.len()..)?;
        let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        memchr::memmem::find(rest, key.as_bytes()).is_none().then_some(value)
    };
    let ends =
        |value: &[u8]| ["\"stop\"", "\"length\""].iter().any(|word| value.starts_with(word.as_bytes()));
    let speaks =
        |value: &[u8]| matches!(value, [b'"', first, ..] if !matches!(first, b'<' | b'\\' | b' ' | b'"'));
    memo.operation == Operation::Chat
        && !rules.citations
        && !["\"reasoning\"", "\"tool_calls\"", "\"type\""].into_iter().any(has)
        && only("\"finish_reason\"").is_some_and(ends)
        && only("\"message\"").is_some_and(|value| value.starts_with(b"{"))
        && only("\"content\"").is_some_and(speaks)
}

#[cfg(test)]
mod tests {
    use super::super::Quirks;
    use super::super::mend::edit;
    use super::*;
    use crate::json::Splice;

    fn memo() -> Memo {
        Memo {
            names: None,
            prompt_estimate: 0,
            operation: Operation::Chat,
            model: "m".into(),
            stream: false,
            include_usage: false,
            base64: false,
            created: 0,
            id: "id".into(),
            function_call: false,
            json_tool: None,
            renamed: Vec::new(),
            headers: Vec::new(),
            echo: None,
            wire: None,
            counts: false,
        }
    }

    /// A response with one choice, and what takes the place of parts of it.
    fn response(message: &str, reason: &str, head: &str) -> String {
        format!(
            r#"{{{head}"model":"m","choices":[{{"index":0,"message":{{"role":"assistant",{message}}},"logprobs":null,"finish_reason": {reason}}}]}}"#
        )
    }

    #[test]
    fn a_response_that_is_passed_over_needs_no_fix() {
        let head = r#""id":"x","object":"chat.completion","#;
        let messages = [
            r#""content":"Hi""#,
            r#""content": "<b>bold</b>""#,
            r#""content":"<think>Well</think>Hi""#,
            r#""content":"\u003cthink>Well</think>Hi""#,
            r#""content":" <think>Well</think>Hi""#,
            r#""content":"\n<think>Well</think>Hi""#,
            r#""content":"""#,
            r#""content":null"#,
            r#""content":[{"type":"text","text":"Hi"}]"#,
            r#""content":"Hi","reasoning":"Well""#,
            r#""content":"Hi","reasoning_content":"Well""#,
            r#""content":"Hi","tool_calls":[]"#,
            r#""content":null,"tool_calls":[{"function":{"name":"f","arguments":{}}}]"#,
        ];
        let reasons = [r#""stop""#, r#""length""#, r#""eos""#, r#""tool_calls""#, "null", r#""""#];
        let heads = [head, r#""object":"chat.completion","#, r#""id":"x","object":"text","#, r#""id":"x","#];
        let rules = Answers { mended: true, thinks: true, ..Quirks::NONE.answer };
        let mut plain = 0;
        for message in messages {
            for (reason, head) in reasons.iter().flat_map(|reason| heads.map(|head| (reason, head))) {
                let body = response(message, reason, head);
                let object = Object::parse(body.as_bytes()).unwrap();
                if !is_plain(rules, &object, &memo()) {
                    continue;
                }
                plain += 1;
                let mut splice = Splice::new(body.as_bytes());
                edit(rules, &object, &memo(), &mut splice);
                assert_eq!(String::from_utf8(splice.write()).unwrap(), body);
            }
        }
        assert!(plain > 2, "{plain}");
    }
}
