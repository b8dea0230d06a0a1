//! Builds a complete message from facts.

use super::answer::{bare_token, carried, message_id, stop_reason, unsigned, write_stop, write_usage};
use super::names::asked;
use super::searches::Searched;
use crate::facts::{Citation, FinishReason, Logprob, Relay, Search, Sink, Thinking, Usage, Wire};
use crate::inbound::Whole;
use crate::inbound::output::Relayed;
use crate::json::{JsonStr, JsonString, Object, Writer};
use crate::openai::{Answer, Memo};

/// Collects the facts of a response.
pub(super) struct MessageWriter<'m> {
    memo: &'m Memo,
    id: String,
    blocks: Vec<Block>,
    /// Facts of choices other than the first are ignored.
    is_other_choice: bool,
    /// The model's refusal, as the contents of a JSON string.
    refusal: String,
    finish: Option<FinishReason>,
    usage: Usage,
    /// A provider's own message.
    relayed: Relayed,
}

/// A content block. Texts are the contents of JSON strings.
enum Block {
    Text { text: String, citations: Vec<u8> },
    Thinking { text: String, signature: JsonString },
    Redacted { data: JsonString },
    Call { id: JsonString, name: String, input: String },
    Search(Searched),
}

impl<'m> MessageWriter<'m> {
    pub(super) fn new(memo: &'m Memo) -> Self {
        Self {
            memo,
            id: message_id(None, memo),
            blocks: Vec::new(),
            is_other_choice: false,
            refusal: String::new(),
            finish: None,
            usage: Usage::default(),
            relayed: Relayed::default(),
        }
    }

    fn push(&mut self, block: Block) {
        if !self.is_other_choice {
            self.blocks.push(block);
        }
    }
}

impl Sink for MessageWriter<'_> {
    fn begin(&mut self, id: Option<JsonStr<'_>>, _: Option<u64>) {
        self.id = message_id(id, self.memo);
    }

    fn choice(&mut self, index: usize) {
        self.is_other_choice = index > 0;
    }

    fn text(&mut self, text: JsonStr<'_>) {
        if text.is_empty() || self.is_other_choice {
            return;
        }
        match self.blocks.last_mut() {
            Some(Block::Text { text: so_far, .. }) => so_far.push_str(text.inner()),
            _ => self.push(Block::Text { text: text.inner().to_owned(), citations: Vec::new() }),
        }
    }

    fn reasoning(&mut self, text: JsonStr<'_>) {
        if text.is_empty() || self.is_other_choice {
            return;
        }
        match self.blocks.last_mut() {
            Some(Block::Thinking { text: so_far, signature }) if signature.as_str().is_empty() => {
                so_far.push_str(text.inner());
            }
            _ => self.push(Block::Thinking {
                text: text.inner().to_owned(),
                signature: JsonString::of(JsonStr::EMPTY),
            }),
        }
    }

    fn thinking(&mut self, block: Thinking<'_>) {
        match (block, self.blocks.last_mut()) {
            (Thinking::Signed { signature, .. }, Some(Block::Thinking { signature: own, .. }))
                if own.as_str().is_empty() =>
            {
                *own = JsonString::of(signature);
            }
            (Thinking::Signed { text, signature }, _) => {
                let (text, signature) = (text.to_owned(), JsonString::of(signature));
                self.push(Block::Thinking { text, signature });
            }
            (Thinking::Redacted { data }, _) => self.push(Block::Redacted { data: JsonString::of(data) }),
        }
    }

    fn thought_signature(&mut self, _: JsonStr<'_>) {}

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        let id = bare_token(id);
        if let Some(state) = signature.map(|signature| carried(id.as_str(), signature)) {
            match self.blocks.last_mut() {
                Some(Block::Thinking { signature, .. }) if signature.as_str().is_empty() => {
                    *signature = state;
                }
                _ => self.push(Block::Thinking { text: String::new(), signature: state }),
            }
        }
        let index = self.blocks.len();
        self.push(Block::Call { id, name: asked(self.memo, name).to_owned(), input: String::new() });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        if let Some(Block::Call { input, .. }) = self.blocks.get_mut(index as usize) {
            input.push_str(fragment.inner());
        }
    }

    fn citation(&mut self, citation: Citation<'_>) {
        let text = self.blocks.iter_mut().rev().find_map(|block| match block {
            Block::Text { citations, .. } => Some(citations),
            _ => None,
        });
        if let Some(citations) = text {
            write_citation(&mut Writer::new(citations), citation);
        }
    }

    fn searched(&mut self, search: Search<'_>) {
        let before = self.blocks.iter().map(|block| match block {
            Block::Search(searched) => searched.len(),
            _ => 0,
        });
        let searched = Searched::new(&search, &self.id, before.sum());
        self.push(Block::Search(searched));
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        self.refusal.push_str(text.inner());
    }

    fn image(&mut self, _: &str, _: &str) {}

    fn logprobs(&mut self, _: &[Logprob<'_>]) {}

    fn finish(&mut self, reason: FinishReason) {
        if !self.is_other_choice {
            self.finish = self.finish.or(Some(reason));
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = usage;
    }

    fn done(&mut self) {}

    fn relay(&mut self, wire: Wire) -> Option<&mut dyn Relay> {
        if wire == Wire::Messages { Some(&mut self.relayed) } else { None }
    }
}

impl Whole for MessageWriter<'_> {
    fn answer(mut self: Box<Self>) -> Answer {
        let Relayed { id, body: relayed } = core::mem::take(&mut self.relayed);
        if let Some(body) = relayed {
            let id = if id.is_empty() { self.id } else { id };
            return Answer { body, usage: self.usage, id: id.into() };
        }
        let mut body = Vec::with_capacity(1024);
        let mut w = Writer::new(&mut body);
        w.object().key("id").string(&self.id).key("type").string("message").key("role").string("assistant");
        w.key("model").string(&self.memo.model).key("content").array();
        for block in &self.blocks {
            block.write(&mut w);
        }
        if !self.refusal.is_empty() {
            w.object().key("type").string("text").key("text").escaped(&self.refusal).end_object();
        }
        w.end_array();
        let calls = self.blocks.iter().any(|block| matches!(block, Block::Call { .. }));
        let reason = stop_reason(self.finish, calls, !self.refusal.is_empty());
        write_stop(&mut w, reason, &self.refusal);
        write_usage(w.key("usage"), &self.usage);
        w.end_object();
        Answer { body, usage: self.usage, id: self.id.into() }
    }
}

impl Block {
    fn write(&self, w: &mut Writer<'_>) {
        if let Self::Search(searched) = self {
            for at in 0..searched.len() {
                searched.write_call(at, false, w.object());
                searched.write_result(at, w.end_object().object());
                w.end_object();
            }
            return;
        }
        w.object();
        match self {
            Self::Search(_) => {}
            Self::Text { text, citations } => {
                w.key("type").string("text").key("text").escaped(text);
                if !citations.is_empty() {
                    w.key("citations").array().bytes().extend_from_slice(citations);
                    w.end_array();
                }
            }
            Self::Thinking { text, signature } => {
                w.key("type").string("thinking").key("thinking").escaped(text);
                w.key("signature");
                if signature.as_str().is_empty() {
                    w.raw(unsigned().as_str().token());
                } else {
                    w.raw(signature.as_str().token());
                }
            }
            Self::Redacted { data } => {
                w.key("type").string("redacted_thinking").key("data").raw(data.as_str().token());
            }
            Self::Call { id, name, input } => {
                w.key("type").string("tool_use").key("id").raw(id.as_str().token());
                w.key("name").string(name).key("input").raw(&object(input));
            }
        }
        w.end_object();
    }
}

/// A call's input. Arguments that are not a JSON object are wrapped in one, so that the client can tell the
/// model.
fn object(arguments: &str) -> String {
    let token = ["\"", arguments, "\""].concat();
    let text: JsonStr<'_> = crate::json::read(token.as_str()).unwrap_or(JsonStr::EMPTY);
    let text = text.decode().unwrap_or_default();
    match text.trim() {
        "" | "null" => "{}".to_owned(),
        text if Object::parse(text.as_bytes()).is_ok() => text.to_owned(),
        _ => [r#"{"invalid_arguments":"#, &token, "}"].concat(),
    }
}

/// Writes a source of the text like a result of Claude's own search.
pub(super) fn write_citation(w: &mut Writer<'_>, citation: Citation<'_>) {
    w.object().key("type").string("web_search_result_location").key("url").raw(citation.url.token());
    w.key("title").raw(citation.title.token()).key("cited_text").string("");
    w.key("encrypted_index").string("").end_object();
}
