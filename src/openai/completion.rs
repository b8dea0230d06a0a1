//! `chat.completion` (and `text_completion`) objects: the same facts as a stream's, gathered into one answer.

use super::{FinishReason, Memo, Operation, Usage};
use crate::json::{JsonStr, Writer};

/// A whole answer in the client's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The body.
    pub body: Vec<u8>,
    /// What it cost in tokens.
    pub usage: Usage,
    /// Its `id`; empty where it has none.
    pub id: Box<str>,
}

/// Gathers the facts of one answer.
pub struct CompletionWriter<'m> {
    memo: &'m Memo,
    id: Vec<u8>,
    created: u64,
    choices: Vec<Choice>,
    current: usize,
    usage: Usage,
}

#[derive(Default)]
struct Choice {
    /// Escaped text without quotes: tokens of one string, joined.
    content: Vec<u8>,
    reasoning: Vec<u8>,
    refusal: Vec<u8>,
    thinking_blocks: Vec<u8>,
    annotations: Vec<u8>,
    images: Vec<u8>,
    image_count: u64,
    signatures: Vec<u8>,
    logprobs: Vec<u8>,
    tools: Vec<u8>,
    /// The deprecated form of one call.
    function_call: Vec<u8>,
    has_content: bool,
    finish: Option<FinishReason>,
}

impl<'m> CompletionWriter<'m> {
    /// An empty answer to that request.
    pub fn new(memo: &'m Memo) -> Self {
        let choices = vec![Choice::default()];
        Self { memo, id: Vec::new(), created: memo.created, choices, current: 0, usage: Usage::default() }
    }

    /// The provider's id and time.
    pub fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.id = id.token().as_bytes().to_vec();
        }
        self.created = created.unwrap_or(self.created);
    }

    /// Turns to another of `n` choices; the first is 0.
    pub fn choice(&mut self, index: usize) {
        let index = index.min(127);
        while self.choices.len() <= index {
            self.choices.push(Choice::default());
        }
        self.current = index;
    }

    /// Words of the answer. Several texts are one content.
    pub fn text(&mut self, text: JsonStr<'_>) {
        let choice = self.at();
        choice.has_content = true;
        choice.content.extend_from_slice(text.inner().as_bytes());
    }

    /// Words of the model's reasoning.
    pub fn reasoning(&mut self, text: JsonStr<'_>) {
        self.at().reasoning.extend_from_slice(text.inner().as_bytes());
    }

    /// A block of reasoning as the provider wrote it.
    pub fn thinking_block(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        write(&mut Writer::new(&mut self.at().thinking_blocks));
    }

    /// Words of a refusal.
    pub fn refusal(&mut self, text: JsonStr<'_>) {
        self.at().refusal.extend_from_slice(text.inner().as_bytes());
    }

    /// A reference of the answer (`annotations[]`).
    pub fn annotation(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        write(&mut Writer::new(&mut self.at().annotations));
    }

    /// Whether the choice calls tools.
    pub fn has_tools(&self) -> bool {
        let has_tools = |choice: &Choice| !choice.tools.is_empty() || !choice.function_call.is_empty();
        self.choices.get(self.current).is_some_and(has_tools)
    }

    /// The signature of the thoughts behind the words so far (`provider_specific_fields`, `LiteLLM`'s extension).
    pub fn thought_signature(&mut self, signature: JsonStr<'_>) {
        Writer::new(&mut self.at().signatures).raw(signature.token());
    }

    /// A picture that the model made (`images`, `LiteLLM`'s extension). `data` is base64 as it stands in a token.
    pub fn image(&mut self, media_type: &str, data: &str) {
        let choice = self.at();
        write_image(&mut Writer::new(&mut choice.images), choice.image_count, media_type, data);
        choice.image_count += 1;
    }

    /// The probabilities of the tokens, as the inside of `logprobs`.
    pub fn logprobs(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        write(&mut Writer::new(&mut self.at().logprobs));
    }

    /// A call; its arguments are a JSON text that becomes a string.
    pub fn tool(&mut self, id: JsonStr<'_>, name: &str, arguments: &str) {
        self.signed_tool(id, name, arguments, None);
    }

    /// A call that has the signature of the thoughts before it (`provider_specific_fields`, `LiteLLM`'s extension).
    pub fn signed_tool(
        &mut self,
        id: JsonStr<'_>,
        name: &str,
        arguments: &str,
        signature: Option<JsonStr<'_>>,
    ) {
        if self.memo.function_call {
            // It knows of one call: the model calls the others again.
            let call = &mut self.at().function_call;
            if call.is_empty() {
                write_function(&mut Writer::new(call), name, arguments);
            }
            return;
        }
        let mut w = Writer::new(&mut self.at().tools);
        w.object().key("id").raw(id.token()).key("type").string("function").key("function");
        write_function(&mut w, name, arguments);
        if let Some(signature) = signature {
            w.key("provider_specific_fields").object();
            w.key("thought_signature").raw(signature.token()).end_object();
        }
        w.end_object();
    }

    /// Why the choice ended.
    pub fn finish(&mut self, reason: FinishReason) {
        self.at().finish = Some(reason);
    }

    /// What was used.
    pub fn usage(&mut self, usage: Usage) {
        self.usage = usage;
    }

    /// The body.
    pub fn answer(self) -> Answer {
        let size: usize = self.choices.iter().map(|choice| choice.content.len() + choice.tools.len()).sum();
        let mut body = Vec::with_capacity(size + 512);
        let mut w = Writer::new(&mut body);
        w.object().key("id");
        let id: Box<str> = match core::str::from_utf8(&self.id) {
            Ok(token) if !token.is_empty() => {
                w.raw(token);
                token.trim_matches('"').into()
            }
            _ => {
                let id = self.memo.answer_id();
                w.string(&id);
                id.into()
            }
        };
        let text_completion = self.memo.operation == Operation::Completions;
        w.key("object").string(if text_completion { "text_completion" } else { "chat.completion" });
        w.key("created").number(self.created).key("model").string(&self.memo.model);
        w.key("choices").array();
        for (index, choice) in self.choices.iter().enumerate() {
            w.object().key("index").number(index as u64);
            if text_completion {
                quoted(w.key("text"), &choice.content);
            } else {
                choice.message(&mut w);
            }
            match core::str::from_utf8(&choice.logprobs) {
                Ok(logprobs) if !logprobs.is_empty() && !text_completion => w.key("logprobs").raw(logprobs),
                _ => w.key("logprobs").raw("null"),
            };
            let reason = choice.finish.unwrap_or(FinishReason::Stop);
            w.key("finish_reason").string(reason.word_for(self.memo.function_call));
            w.end_object();
        }
        w.end_array().key("usage");
        self.usage.write(&mut w);
        w.end_object();
        Answer { body, usage: self.usage, id }
    }

    fn at(&mut self) -> &mut Choice {
        let at = self.current.min(self.choices.len().saturating_sub(1));
        if self.choices.is_empty() {
            self.choices.push(Choice::default());
        }
        // `choice` has made the place, so this is a look-up and no decision.
        #[expect(clippy::indexing_slicing, reason = "`at` is below the length, which is at least one")]
        &mut self.choices[at]
    }
}

impl Choice {
    fn message(&self, w: &mut Writer<'_>) {
        w.key("message").object().key("role").string("assistant");
        if self.has_content {
            quoted(w.key("content"), &self.content);
        } else {
            w.key("content").raw("null");
        }
        if self.refusal.is_empty() {
            w.key("refusal").raw("null");
        } else {
            quoted(w.key("refusal"), &self.refusal);
        }
        if !self.reasoning.is_empty() {
            quoted(w.key("reasoning_content"), &self.reasoning);
        }
        for (name, items) in [
            ("thinking_blocks", &self.thinking_blocks),
            ("annotations", &self.annotations),
            ("images", &self.images),
            ("tool_calls", &self.tools),
        ] {
            if !items.is_empty() {
                w.key(name).array();
                w.bytes().extend_from_slice(items);
                w.end_array();
            }
        }
        if let Ok(call) = core::str::from_utf8(&self.function_call)
            && !call.is_empty()
        {
            w.key("function_call").raw(call);
        }
        if !self.signatures.is_empty() {
            w.key("provider_specific_fields").object().key("thought_signatures").array();
            w.bytes().extend_from_slice(&self.signatures);
            w.end_array().end_object();
        }
        w.end_object();
    }
}

/// What is called, and with what.
fn write_function(w: &mut Writer<'_>, name: &str, arguments: &str) {
    w.object().key("name").string(name).key("arguments").string(arguments).end_object();
}

/// One of `images`.
pub(super) fn write_image(w: &mut Writer<'_>, index: u64, media_type: &str, data: &str) {
    w.object().key("type").string("image_url").key("index").number(index).key("image_url").object();
    w.key("url").escaped(&format!("data:{media_type};base64,{data}")).end_object().end_object();
}

/// Text that was escaped where it came from.
fn quoted(w: &mut Writer<'_>, escaped: &[u8]) {
    let out = w.bytes();
    out.push(b'"');
    out.extend_from_slice(escaped);
    out.push(b'"');
}
