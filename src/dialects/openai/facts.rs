//! Reports a response as facts, for a client whose format is not the provider's.
//!
//! The input was already fixed by `mend`: it is what a client of `OpenAI` would receive, whatever the vendor
//! sent.

use super::completion::{finish_reason, texts};
use crate::facts::{Citation, Sink, Thinking};
use crate::json::{JsonStr, JsonString, Object, Raw, Text, fields, read};
use crate::openai::{DataUrl, arguments_text, read_logprobs};

struct Choice<'a> {
    index: usize,
    message: Option<Message<'a>>,
    text: Option<JsonStr<'a>>,
    logprobs: Option<Logprobs<'a>>,
    finish_reason: Option<Text<'a>>,
}
fields!(Choice<'a> { index, message = "message" | "delta", text, logprobs, finish_reason });

struct Message<'a> {
    content: Option<Raw<'a>>,
    reasoning_content: Option<JsonStr<'a>>,
    refusal: Option<JsonStr<'a>>,
    thinking_blocks: Option<Vec<Block<'a>>>,
    annotations: Option<Vec<Annotation<'a>>>,
    images: Option<Vec<Image<'a>>>,
    tool_calls: Option<Vec<Call<'a>>>,
    function_call: Option<Function<'a>>,
    provider_specific_fields: Option<Signatures<'a>>,
}
fields!(Message<'a> {
    content, reasoning_content, refusal, thinking_blocks, annotations, images, tool_calls, function_call, provider_specific_fields
});

struct Block<'a> {
    thinking: Option<JsonStr<'a>>,
    signature: Option<JsonStr<'a>>,
    data: Option<JsonStr<'a>>,
}
fields!(Block<'a> { thinking, signature, data });

struct Annotation<'a> {
    url_citation: Option<UrlCitation<'a>>,
}
fields!(Annotation<'a> { url_citation });

struct UrlCitation<'a> {
    start_index: u64,
    end_index: u64,
    title: Option<JsonStr<'a>>,
    url: Option<JsonStr<'a>>,
}
fields!(UrlCitation<'a> { start_index, end_index, title, url });

struct Image<'a> {
    image_url: Option<ImageUrl<'a>>,
}
fields!(Image<'a> { image_url });

struct ImageUrl<'a> {
    url: Option<JsonStr<'a>>,
}
fields!(ImageUrl<'a> { url });

struct Call<'a> {
    index: usize,
    id: Option<JsonStr<'a>>,
    function: Option<Function<'a>>,
    provider_specific_fields: Option<Signatures<'a>>,
}
fields!(Call<'a> { index, id, function, provider_specific_fields });

struct Function<'a> {
    name: Option<Text<'a>>,
    arguments: Option<Raw<'a>>,
}
fields!(Function<'a> { name, arguments });

struct Signatures<'a> {
    thought_signature: Option<JsonStr<'a>>,
    thought_signatures: Option<Vec<JsonStr<'a>>>,
}
fields!(Signatures<'a> { thought_signature, thought_signatures });

struct Logprobs<'a> {
    content: Option<Vec<Raw<'a>>>,
}
fields!(Logprobs<'a> { content });

/// Reports a response: complete, or chunk by chunk.
#[derive(Default)]
pub(super) struct Facts {
    begun: bool,
    /// Open calls: the choice, the provider's index and the sink's.
    calls: Vec<(usize, usize, u32)>,
}

impl Facts {
    /// Reports the contents of a response or a chunk, except its usage.
    pub(super) fn report(&mut self, data: &[u8], out: &mut dyn Sink) {
        let object = Object::parse(data).unwrap_or_default();
        let choices: Vec<Choice<'_>> =
            object.get("choices").and_then(|choices| read(choices).ok()).unwrap_or_default();
        if !self.begun && !choices.is_empty() {
            self.begun = true;
            let id = object.get("id").and_then(JsonStr::of);
            out.begin(id, object.get("created").and_then(|created| created.get().parse().ok()));
        }
        for choice in &choices {
            out.choice(choice.index);
            if let Some(message) = &choice.message {
                self.message(choice.index, message, out);
            }
            if let Some(text) = choice.text {
                out.text(text);
            }
            if let Some(tokens) = choice.logprobs.as_ref().and_then(|logprobs| logprobs.content.as_ref()) {
                out.logprobs(&read_logprobs(tokens));
            }
            if let Some(reason) = choice.finish_reason.as_deref().filter(|reason| !reason.is_empty()) {
                out.finish(finish_reason(reason, false));
            }
        }
    }

    fn message(&mut self, choice: usize, message: &Message<'_>, out: &mut dyn Sink) {
        if let Some(reasoning) = message.reasoning_content {
            out.reasoning(reasoning);
        }
        for block in message.thinking_blocks.iter().flatten() {
            match (block.signature, block.data) {
                (Some(signature), _) => {
                    let text = block.thinking.unwrap_or(JsonStr::EMPTY).inner();
                    out.thinking(Thinking::Signed { text, signature });
                }
                (None, Some(data)) => out.thinking(Thinking::Redacted { data }),
                (None, None) => {}
            }
        }
        for text in texts(message.content) {
            out.text(text);
        }
        if let Some(refusal) = message.refusal {
            out.refusal(refusal);
        }
        for cited in
            message.annotations.iter().flatten().filter_map(|annotation| annotation.url_citation.as_ref())
        {
            let (start, end) = (cited.start_index, cited.end_index);
            if let Some(url) = cited.url {
                out.citation(Citation { start, end, title: cited.title.unwrap_or(JsonStr::EMPTY), url });
            }
        }
        for url in message.images.iter().flatten().filter_map(|image| image.image_url.as_ref()?.url) {
            if let Some(image) = DataUrl::parse(url) {
                out.image(&image.media_type, image.data);
            }
        }
        let signatures = message.provider_specific_fields.iter();
        for signature in signatures.flat_map(|fields| fields.thought_signatures.iter().flatten()) {
            out.thought_signature(*signature);
        }
        for call in message.tool_calls.iter().flatten() {
            let Some(function) = &call.function else { continue };
            let signature =
                call.provider_specific_fields.as_ref().and_then(|fields| fields.thought_signature);
            let id = call.id.unwrap_or(JsonStr::EMPTY);
            self.call(choice, call.index, id, function, signature, out);
        }
        if let Some(function) = &message.function_call {
            self.call(choice, 0, JsonStr::EMPTY, function, None, out);
        }
    }

    fn call(
        &mut self,
        choice: usize,
        given: usize,
        id: JsonStr<'_>,
        function: &Function<'_>,
        signature: Option<JsonStr<'_>>,
        out: &mut dyn Sink,
    ) {
        let known = self.calls.iter().rev().find(|(at, index, _)| (*at, *index) == (choice, given));
        let begins = function.name.as_deref().is_some_and(|name| !name.is_empty());
        let index = match known {
            Some((.., index)) if !begins => *index,
            _ => {
                let index = out.call(id, function.name.as_deref().unwrap_or_default(), signature);
                self.calls.push((choice, given, index));
                index
            }
        };
        match function.arguments.map(|arguments| (arguments, JsonStr::of(arguments))) {
            None => {}
            Some((_, Some(fragment))) => out.arguments(index, fragment),
            Some((object, None)) => {
                let text = JsonString::new(&arguments_text(Some(object)));
                out.arguments(index, text.as_str());
            }
        }
    }
}
