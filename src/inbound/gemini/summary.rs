//! A request that only a provider with the same API can serve, as admission has to know it: what it asks for is estimated
//! from its texts.

use super::Method;
use super::proto::Fields;
use crate::json::{JsonStr, Writer};

/// Writes a chat, or a request for embeddings, of the same length. `None` if the body is not JSON, or has no contents.
pub(super) fn write(body: &[u8], method: Method) -> Option<Vec<u8>> {
    let request = Fields::of_body(body).ok()?;
    let mut out = Vec::with_capacity(body.len());
    let mut w = Writer::new(&mut out);
    w.object();
    if let Method::Embed { batch } = method {
        let items = if batch { request.messages("requests").ok()? } else { vec![request] };
        w.key("input").array();
        for item in &items {
            let content = item.fields("content").ok()??;
            w.joined(texts(&content)?);
        }
        w.end_array().end_object();
        return (!items.is_empty()).then_some(out);
    }
    if matches!(method, Method::Stream(_)) {
        w.key("stream").bool(true);
    }
    let contents = request.messages("contents").ok()?;
    if contents.is_empty() {
        return None;
    }
    w.key("messages").array();
    for content in request.fields("systemInstruction").ok()?.iter().chain(&contents) {
        w.object().key("role").string("user").key("content").array();
        for part in content.messages("parts").ok()? {
            w.object();
            if let Ok(Some(text)) = part.text("text") {
                w.key("type").string("text").key("text").raw(text.token());
            } else if part.get("inlineData").or(part.get("fileData")).is_some() {
                w.key("type")
                    .string("image_url")
                    .key("image_url")
                    .object()
                    .key("url")
                    .string("")
                    .end_object();
            } else {
                let all: Vec<&str> =
                    part.object().members().iter().map(|member| member.value.get()).collect();
                w.key("type").string("text").key("text").string(&all.concat());
            }
            w.end_object();
        }
        w.end_array().end_object();
    }
    w.end_array();
    if let Some(tools) = request.get("tools") {
        w.key("tools").raw(tools.get());
    }
    if let Ok(Some(config)) = request.fields("generationConfig") {
        for (name, renamed) in [("maxOutputTokens", "max_tokens"), ("candidateCount", "n")] {
            if let Some(value) = config.get(name).filter(|value| value.get().parse::<u64>().is_ok()) {
                w.key(renamed).raw(value.get());
            }
        }
    }
    w.end_object();
    Some(out)
}

fn texts<'a>(content: &Fields<'a>) -> Option<Vec<JsonStr<'a>>> {
    let parts = content.messages("parts").ok()?;
    Some(parts.iter().filter_map(|part| part.text("text").ok()?).collect())
}
