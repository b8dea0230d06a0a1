//! Estimates the length of a request's prompt from its text. Images and files, whose token counts do not
//! depend on their size in bytes, count a flat figure each.

use super::embedding::image_url;
use super::{Operation, Request, embedded_image};
use crate::json::{JsonStr, Raw, Text, fields, read};
use crate::tokens::Sampled;

/// Overhead of a message in tokens: its role and its end.
const MESSAGE: u64 = 4;

/// An image of 1024 by 1024 pixels with gpt-4o; other models use 250 to 1,600 tokens.
const PICTURE: u64 = 765;

/// The same with `detail: low`.
const SMALL_PICTURE: u64 = 85;

/// Half a minute of speech.
const AUDIO: u64 = 1_000;

/// Two pages of a PDF at Claude.
const FILE: u64 = 3_000;

struct Message<'a> {
    content: Option<Raw<'a>>,
    reasoning_content: Option<Raw<'a>>,
    tool_calls: Option<Raw<'a>>,
    function_call: Option<Raw<'a>>,
}
fields!(Message<'a> { content, reasoning_content, tool_calls, function_call });

struct Part<'a> {
    kind: Text<'a>,
    text: Option<JsonStr<'a>>,
    refusal: Option<JsonStr<'a>>,
    image_url: Option<Raw<'a>>,
    // Anthropic's blocks, which admission reads untranslated.
    thinking: Option<JsonStr<'a>>,
    input: Option<Raw<'a>>,
    content: Option<Raw<'a>>,
}
fields!(Part<'a> { kind = "type", text, refusal, image_url, thinking, input, content });

/// Results of tools contain blocks, and one of those may be a result again only in an invalid request.
const DEPTH: usize = 2;

impl Request<'_> {
    /// Estimated number of prompt tokens. Invalid parts count as 0; they are rejected elsewhere.
    pub fn prompt_tokens(&self) -> u64 {
        let mut sum = Sampled::default();
        match self.operation {
            Operation::Chat => {
                let messages: Vec<Raw<'_>> =
                    self.get("messages").and_then(|raw| read(raw).ok()).unwrap_or_default();
                messages.into_iter().filter_map(|raw| read(raw).ok()).for_each(|m| message(&m, &mut sum));
                // Anthropic's clients send it apart.
                self.get("system").into_iter().for_each(|raw| parts(raw, DEPTH, &mut sum));
                for name in ["tools", "functions", "response_format"] {
                    self.get(name).into_iter().for_each(|raw| sum.add(raw.get()));
                }
            }
            Operation::Completions
            | Operation::Images
            | Operation::ImageEdits
            | Operation::Transcriptions
            | Operation::Translations => {
                self.get("prompt").into_iter().for_each(|raw| input(raw, &mut sum));
            }
            Operation::Embeddings | Operation::Moderations | Operation::Speech => {
                self.get("input").into_iter().for_each(|raw| input(raw, &mut sum));
            }
            Operation::Rerank => {
                for name in ["query", "documents"] {
                    self.get(name).into_iter().for_each(|raw| sum.add(raw.get()));
                }
            }
        }
        sum.count().max(1)
    }
}

fn message(message: &Message<'_>, sum: &mut Sampled) {
    sum.add_flat(MESSAGE);
    for raw in [message.reasoning_content, message.tool_calls, message.function_call].into_iter().flatten() {
        sum.add(raw.get());
    }
    message.content.into_iter().for_each(|content| parts(content, DEPTH, sum));
}

/// A text, or an array of parts.
fn parts(content: Raw<'_>, depth: usize, sum: &mut Sampled) {
    if let Some(text) = JsonStr::of(content) {
        return sum.add(text.inner());
    }
    for part in read::<Vec<Part<'_>>>(content).unwrap_or_default() {
        match (part.text.or(part.refusal).or(part.thinking), &*part.kind) {
            (Some(text), _) => sum.add(text.inner()),
            (None, "image_url" | "image" | "input_image") => {
                let is_small = part.image_url.is_some_and(|image| detail(image).as_deref() == Some("low"));
                sum.add_flat(if is_small { SMALL_PICTURE } else { PICTURE });
            }
            (None, "input_audio") => sum.add_flat(AUDIO),
            (None, "file" | "document" | "input_file") => sum.add_flat(FILE),
            (None, _) if part.input.is_some() || part.content.is_some() => {
                part.input.into_iter().for_each(|input| sum.add(input.get()));
                if let Some(content) = part.content.filter(|_| depth > 0) {
                    parts(content, depth - 1, sum);
                }
            }
            // Reasoning that is encrypted, or names.
            (None, "redacted_thinking" | "tool_reference" | "thinking") => {}
            (None, _) => sum.add_flat(FILE),
        }
    }
}

fn detail(image: Raw<'_>) -> Option<Text<'_>> {
    struct Image<'a> {
        detail: Option<Text<'a>>,
    }
    fields!(Image<'a> { detail });
    read::<Image<'_>>(image).ok()?.detail
}

/// Estimated number of tokens of an input to embed.
pub fn input_tokens(raw: Raw<'_>) -> u64 {
    let mut sum = Sampled::default();
    match JsonStr::of(raw) {
        None if image_url(raw).is_some() => sum.add_flat(PICTURE),
        None => sum.add_flat(memchr::memchr_iter(b',', raw.get().as_bytes()).count() as u64 + 1),
        Some(_) => input(raw, &mut sum),
    }
    sum.count()
}

/// A text, an array of tokens, or an array of either.
fn input(raw: Raw<'_>, sum: &mut Sampled) {
    let text = |text: JsonStr<'_>, sum: &mut Sampled| match embedded_image(text) {
        Some(_) => sum.add_flat(PICTURE),
        None => sum.add(text.inner()),
    };
    if let Some(one) = JsonStr::of(raw) {
        return text(one, sum);
    }
    for item in read::<Vec<Raw<'_>>>(raw).unwrap_or_default() {
        match JsonStr::of(item) {
            Some(one) => text(one, sum),
            None if image_url(item).is_some() => sum.add_flat(PICTURE),
            None => sum.add_flat(memchr::memchr_iter(b',', item.get().as_bytes()).count() as u64 + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(operation: Operation, body: &str) -> u64 {
        Request::parse(operation, body.as_bytes()).unwrap().prompt_tokens()
    }

    #[test]
    fn a_picture_of_any_size_counts_the_same_and_the_text_beside_it_counts() {
        let of = |url: &str, detail: &str| {
            tokens(
                Operation::Chat,
                &format!(
                    r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"What is this?"}},
                       {{"type":"image_url","image_url":{{"url":"{url}","detail":"{detail}"}}}}]}}]}}"#
                ),
            )
        };
        let large = format!("data:image/png;base64,{}", "A".repeat(8 << 20));
        assert_eq!(of(&large, "high"), of("https://a/b.png", "auto"));
        assert_eq!(of(&large, "high") - of(&large, "low"), PICTURE - SMALL_PICTURE);
        assert_eq!(of(&large, "low"), MESSAGE + SMALL_PICTURE + 4);
    }

    #[test]
    fn blocks_of_anthropics_clients_count_with_what_is_in_them() {
        let of = |body: &str| tokens(Operation::Chat, body);
        let none = of(r#"{"messages":[{"role":"user","content":""}]}"#);
        let words = r#"{"type":"text","text":"one two three"}"#;
        for (content, more) in [
            (words.to_owned(), 3),
            (format!(r#"{{"type":"tool_result","tool_use_id":"t","content":[{words}]}}"#), 3),
            (r#"{"type":"tool_result","tool_use_id":"t","content":"one two three"}"#.to_owned(), 3),
            (r#"{"type":"thinking","thinking":"one two three","signature":"c2ln"}"#.to_owned(), 3),
            (r#"{"type":"redacted_thinking","data":"c2lnc2lnc2ln"}"#.to_owned(), 0),
            (r#"{"type":"image","source":{"type":"base64","data":"AAAA"}}"#.to_owned(), PICTURE),
        ] {
            let body = format!(r#"{{"messages":[{{"role":"user","content":[{content}]}}]}}"#);
            assert_eq!(of(&body) - none, more, "{content}");
        }
        let call = r#"{"type":"tool_use","id":"t","name":"f","input":{"city":"Paris"}}"#;
        let call = of(&format!(r#"{{"messages":[{{"role":"assistant","content":[{call}]}}]}}"#)) - none;
        assert!((1..20).contains(&call), "{call}");
        for system in [r#""one two three""#, &format!("[{words}]")] {
            let body = format!(r#"{{"system":{system},"messages":[{{"role":"user","content":""}}]}}"#);
            assert_eq!(of(&body) - none, 3, "{system}");
        }
    }

    #[test]
    fn texts_and_tokens_to_embed_are_counted() {
        let input = |input: &str| tokens(Operation::Embeddings, &format!(r#"{{"input":{input}}}"#));
        assert_eq!(input(r#""one two three""#), 3);
        assert_eq!(input(r#"["one two","three"]"#), 3);
        assert_eq!(input("[1,2,3,4]"), 4);
        assert_eq!(input("[[1,2],[3]]"), 3);
        let image = format!(r#"["one two","data:image/png;base64,{}"]"#, "A".repeat(1 << 20));
        assert_eq!(input(&image), 2 + PICTURE);
        assert_eq!(tokens(Operation::Completions, r#"{"prompt":"one two"}"#), 2);
    }
}
