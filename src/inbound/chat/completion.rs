//! Builds `chat.completion` and `text_completion` objects from the same facts as a stream.

use super::parts::{write_citation, write_image, write_logprobs, write_thinking, write_tokens};
use crate::facts::{Citation, FinishReason, Logprob, Relay, Sink, Thinking, Usage, Wire};
use crate::inbound::Whole;
use crate::inbound::output::Relayed;
use crate::json::{JsonStr, Writer};
use crate::openai::{Answer, Memo, Operation, finish_word};

/// Collects the facts of one response.
pub struct CompletionWriter<'m> {
    memo: &'m Memo,
    id: Vec<u8>,
    created: u64,
    choices: Vec<Choice>,
    current: usize,
    usage: Usage,
    /// A provider's own response.
    relayed: Relayed,
}

#[derive(Default)]
struct Choice {
    /// JSON-escaped text without quotes: the tokens of one string, joined.
    content: String,
    reasoning: String,
    refusal: String,
    thinking_blocks: Vec<u8>,
    annotations: Vec<u8>,
    images: Vec<u8>,
    image_count: u64,
    signatures: Vec<u8>,
    logprobs: Option<Vec<u8>>,
    calls: Vec<Call>,
    has_content: bool,
    finish: Option<FinishReason>,
}

struct Call {
    /// JSON token.
    id: String,
    name: String,
    /// JSON-escaped text without quotes.
    arguments: String,
    /// JSON token.
    signature: Option<String>,
}

impl<'m> CompletionWriter<'m> {
    /// Creates a writer for the response to the request described by `memo`.
    pub fn new(memo: &'m Memo) -> Self {
        Self {
            memo,
            id: Vec::new(),
            created: memo.created,
            choices: vec![Choice::default()],
            current: 0,
            usage: Usage::default(),
            relayed: Relayed::default(),
        }
    }

    /// Writes the response body.
    pub fn answer(self) -> Answer {
        if let Relayed { id, body: Some(body) } = self.relayed {
            return Answer { body, usage: self.usage, id: id.into() };
        }
        let size: usize = self.choices.iter().map(Choice::len).sum();
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
                w.key("text").escaped(&choice.content);
            } else {
                choice.message(&mut w, self.memo.function_call);
            }
            w.key("logprobs");
            match &choice.logprobs {
                Some(tokens) if !text_completion => write_logprobs(&mut w, |w| {
                    w.bytes().extend_from_slice(tokens);
                }),
                _ => {
                    w.raw("null");
                }
            }
            let reason = choice.finish.unwrap_or(FinishReason::Stop);
            w.key("finish_reason").string(finish_word(reason, self.memo.function_call));
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
        // `choice` has inserted the entry, so this lookup succeeds.
        #[expect(clippy::indexing_slicing, reason = "`at` is below the length, which is at least one")]
        &mut self.choices[at]
    }
}

impl Whole for CompletionWriter<'_> {
    fn answer(self: Box<Self>) -> Answer {
        Self::answer(*self)
    }
}

impl Sink for CompletionWriter<'_> {
    fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>) {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.id = id.token().as_bytes().to_vec();
        }
        self.created = created.unwrap_or(self.created);
    }

    fn choice(&mut self, index: usize) {
        let index = index.min(127);
        while self.choices.len() <= index {
            self.choices.push(Choice::default());
        }
        self.current = index;
    }

    fn text(&mut self, text: JsonStr<'_>) {
        let choice = self.at();
        choice.has_content = true;
        choice.content.push_str(text.inner());
    }

    fn reasoning(&mut self, text: JsonStr<'_>) {
        self.at().reasoning.push_str(text.inner());
    }

    fn thinking(&mut self, block: Thinking<'_>) {
        write_thinking(&mut Writer::new(&mut self.at().thinking_blocks), block);
    }

    fn thought_signature(&mut self, signature: JsonStr<'_>) {
        Writer::new(&mut self.at().signatures).raw(signature.token());
    }

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        let calls = &mut self.at().calls;
        calls.push(Call {
            id: id.token().to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
            signature: signature.map(|signature| signature.token().to_owned()),
        });
        u32::try_from(calls.len()).unwrap_or(u32::MAX) - 1
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        if let Some(call) = self.at().calls.get_mut(index as usize) {
            call.arguments.push_str(fragment.inner());
        }
    }

    fn citation(&mut self, citation: Citation<'_>) {
        write_citation(&mut Writer::new(&mut self.at().annotations), citation);
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        self.at().refusal.push_str(text.inner());
    }

    fn image(&mut self, media_type: &str, data: &str) {
        let choice = self.at();
        write_image(&mut Writer::new(&mut choice.images), choice.image_count, media_type, data);
        choice.image_count += 1;
    }

    fn logprobs(&mut self, tokens: &[Logprob<'_>]) {
        let logprobs = self.at().logprobs.get_or_insert_default();
        write_tokens(&mut Writer::new(logprobs), tokens);
    }

    fn finish(&mut self, reason: FinishReason) {
        self.at().finish = Some(reason);
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = usage;
    }

    fn done(&mut self) {}

    fn relay(&mut self, wire: Wire) -> Option<&mut dyn Relay> {
        let own = match self.memo.operation {
            Operation::Completions => Wire::Completions,
            _ => Wire::ChatCompletions,
        };
        if wire == own { Some(&mut self.relayed) } else { None }
    }
}

impl Choice {
    fn len(&self) -> usize {
        let calls: usize = self.calls.iter().map(|call| call.arguments.len() + 128).sum();
        self.content.len() + self.reasoning.len() + calls
    }

    fn message(&self, w: &mut Writer<'_>, knows_function_call: bool) {
        w.key("message").object().key("role").string("assistant");
        if self.has_content {
            w.key("content").escaped(&self.content);
        } else {
            w.key("content").raw("null");
        }
        if self.refusal.is_empty() {
            w.key("refusal").raw("null");
        } else {
            w.key("refusal").escaped(&self.refusal);
        }
        if !self.reasoning.is_empty() {
            w.key("reasoning_content").escaped(&self.reasoning);
        }
        for (name, items) in [
            ("thinking_blocks", &self.thinking_blocks),
            ("annotations", &self.annotations),
            ("images", &self.images),
        ] {
            if !items.is_empty() {
                w.key(name).array();
                w.bytes().extend_from_slice(items);
                w.end_array();
            }
        }
        // A client that uses `functions` supports one call per response. The model repeats the others in
        // later turns.
        match self.calls.first() {
            None => {}
            Some(call) if knows_function_call => call.function(w.key("function_call")),
            Some(_) => {
                w.key("tool_calls").array();
                for call in &self.calls {
                    call.write(w);
                }
                w.end_array();
            }
        }
        if !self.signatures.is_empty() {
            w.key("provider_specific_fields").object().key("thought_signatures").array();
            w.bytes().extend_from_slice(&self.signatures);
            w.end_array().end_object();
        }
        w.end_object();
    }
}

impl Call {
    fn write(&self, w: &mut Writer<'_>) {
        w.object().key("id").raw(&self.id).key("type").string("function");
        self.function(w.key("function"));
        if let Some(signature) = &self.signature {
            w.key("provider_specific_fields").object();
            w.key("thought_signature").raw(signature).end_object();
        }
        w.end_object();
    }

    /// Writes the name and arguments of a call.
    fn function(&self, w: &mut Writer<'_>) {
        w.object().key("name").string(&self.name);
        w.key("arguments").escaped(&self.arguments);
        w.end_object();
    }
}
