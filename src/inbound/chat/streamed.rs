//! Converts a complete response to a stream, for a client that requested a stream from a provider that did
//! not stream.

use crate::json::{Object, Raw, Splice, Writer, read};
use crate::openai::{Memo, Operation};

/// The events of a response in the client's format. An invalid response becomes a stream without choices.
pub(super) fn streamed(answer: &[u8], memo: &Memo) -> Vec<u8> {
    let object = Object::parse(answer).unwrap_or_default();
    let mut head = b"data: ".to_vec();
    let mut w = Writer::new(&mut head);
    w.object().key("object").string(match memo.operation {
        Operation::Completions => "text_completion",
        _ => "chat.completion.chunk",
    });
    for member in object.members() {
        if !["object", "choices", "usage"].iter().any(|name| member.is(name)) {
            w.string(&member.name().unwrap_or_default()).bytes().push(b':');
            w.raw(member.value.get());
        }
    }
    let mut out = Vec::with_capacity(answer.len() + 2 * head.len() + 128);
    let mut chunk = |choices: &str, usage: &str| {
        out.extend_from_slice(&head);
        let mut w = Writer::new(&mut out);
        w.key("choices").raw(choices);
        if memo.include_usage {
            // As `OpenAI` does: `null` before the last chunk.
            w.key("usage").raw(usage);
        }
        w.end_object();
        out.extend_from_slice(b"\n\n");
    };
    let choices: Vec<Object<'_>> = object.get("choices").and_then(|raw| read(raw).ok()).unwrap_or_default();
    for (at, choice) in choices.iter().enumerate() {
        let index = choice.get("index").map_or_else(|| at.to_string(), |index| index.get().to_owned());
        let member = |name: &str| choice.get(name).map_or("null", Raw::get);
        if memo.operation == Operation::Completions {
            let (text, logprobs, reason) = (member("text"), member("logprobs"), member("finish_reason"));
            let text = if text == "null" { r#""""# } else { text };
            chunk(
                &format!(
                    r#"[{{"index":{index},"text":{text},"logprobs":{logprobs},"finish_reason":{reason}}}]"#
                ),
                "null",
            );
            continue;
        }
        let (delta, logprobs, reason) =
            (delta(choice.get("message")), member("logprobs"), member("finish_reason"));
        chunk(
            &format!(r#"[{{"index":{index},"delta":{delta},"logprobs":{logprobs},"finish_reason":null}}]"#),
            "null",
        );
        chunk(
            &format!(r#"[{{"index":{index},"delta":{{}},"logprobs":null,"finish_reason":{reason}}}]"#),
            "null",
        );
    }
    if let Some(usage) = object.get("usage").filter(|_| memo.include_usage) {
        chunk("[]", usage.get());
    }
    out.extend_from_slice(b"data: [DONE]\n\n");
    out
}

/// A message as a single delta. The official SDKs merge the lists of a stream by the index of each item.
fn delta(message: Option<Raw<'_>>) -> String {
    let Some(raw) = message else { return "{}".to_owned() };
    let mut splice = Splice::new(raw.get().as_bytes());
    let lists = Object::of(raw).unwrap_or_default();
    for list in lists.members().iter().filter(|member| member.value.get().starts_with('[')) {
        let items: Vec<Raw<'_>> = read(list.value).unwrap_or_default();
        for (at, item) in items.into_iter().enumerate() {
            if Object::of(item).is_some_and(|item| item.get("index").is_none()) {
                splice.append_to(item.get(), format!(r#""index":{at}"#).into_bytes());
            }
        }
    }
    String::from_utf8(splice.write()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memo(operation: Operation, include_usage: bool) -> Memo {
        Memo {
            names: None,
            prompt_estimate: 0,
            echo: None,
            wire: None,
            counts: false,
            operation,
            model: "m".into(),
            stream: true,
            include_usage,
            base64: false,
            created: 7,
            id: "id".into(),
            json_tool: None,
            renamed: Vec::new(),
            function_call: false,
            headers: Vec::new(),
        }
    }

    #[test]
    fn an_answer_becomes_its_delta_its_end_and_its_usage() {
        let answer = br#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"total_tokens":3}}"#;
        let events = String::from_utf8(streamed(answer, &memo(Operation::Chat, true))).unwrap();
        let head = r#"data: {"object":"chat.completion.chunk","id":"c","created":1,"model":"m","choices":"#;
        let expected = [
            r#"[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"index":0}]},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            r#"[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null}"#,
            r#"[],"usage":{"total_tokens":3}}"#,
        ];
        let expected = expected.map(|chunk| format!("{head}{chunk}\n\n")).concat();
        assert_eq!(events, format!("{expected}data: [DONE]\n\n"));
    }

    #[test]
    fn a_prompts_answer_stays_a_text_and_usage_is_shown_to_those_who_ask() {
        let answer =
            br#"{"id":"c","choices":[{"text":"hi","finish_reason":"stop"}],"usage":{"total_tokens":3}}"#;
        let events = String::from_utf8(streamed(answer, &memo(Operation::Completions, false))).unwrap();
        assert_eq!(
            events,
            "data: {\"object\":\"text_completion\",\"id\":\"c\",\"choices\":[{\"index\":0,\"text\":\"hi\",\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
        );
    }
}
