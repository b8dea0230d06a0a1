//! A whole `GenerateContentResponse`: facts, gathered into candidates.

use super::answer::{Call, Ending, response_id, write_end, write_image, write_text};
use super::signature::Carried;
use crate::facts::{Citation, FinishReason, Logprob, Relay, Search, Sink, Thinking, Usage, Wire};
use crate::inbound::Whole;
use crate::inbound::output::Relayed;
use crate::json::{JsonStr, JsonString, Writer};
use crate::openai::{Answer, Memo};

/// The most candidates that a request may ask for.
const MOST: usize = 128;

/// Gathers one answer.
pub(super) struct ContentWriter<'m> {
    memo: &'m Memo,
    id: String,
    candidates: Vec<Candidate>,
    current: usize,
    usage: Usage,
    /// A provider's own response.
    relayed: Relayed,
}

#[derive(Default)]
struct Candidate {
    parts: Vec<Part>,
    /// Reasoning that must come back with the next call.
    carried: Carried,
    ending: Ending,
}

/// Texts are the insides of JSON strings.
enum Part {
    Text { text: String, thought: bool, signature: Option<JsonString> },
    Image { media_type: String, data: String },
    Call(Call),
}

impl<'m> ContentWriter<'m> {
    pub(super) fn new(memo: &'m Memo) -> Self {
        Self {
            memo,
            id: response_id(None, memo),
            candidates: vec![Candidate::default()],
            current: 0,
            usage: Usage::default(),
            relayed: Relayed::default(),
        }
    }

    fn candidate(&mut self) -> Option<&mut Candidate> {
        self.candidates.get_mut(self.current)
    }

    fn say(&mut self, text: JsonStr<'_>, is_thought: bool) {
        let Some(candidate) = self.candidate().filter(|_| !text.is_empty()) else { return };
        match candidate.parts.last_mut() {
            Some(Part::Text { text: so_far, thought, signature: None }) if *thought == is_thought => {
                so_far.push_str(text.inner());
            }
            _ => {
                let text = text.inner().to_owned();
                candidate.parts.push(Part::Text { text, thought: is_thought, signature: None });
            }
        }
    }
}

impl Sink for ContentWriter<'_> {
    fn begin(&mut self, id: Option<JsonStr<'_>>, _: Option<u64>) {
        self.id = response_id(id, self.memo);
    }

    fn choice(&mut self, index: usize) {
        self.current = index.min(MOST - 1);
        if self.candidates.len() <= self.current {
            self.candidates.resize_with(self.current + 1, Candidate::default);
        }
    }

    fn text(&mut self, text: JsonStr<'_>) {
        self.say(text, false);
    }

    fn reasoning(&mut self, text: JsonStr<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.carried.add_text(text.inner());
        }
        self.say(text, true);
    }

    fn thinking(&mut self, block: Thinking<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.carried.add_block(block);
        }
    }

    fn thought_signature(&mut self, token: JsonStr<'_>) {
        let Some(candidate) = self.candidate() else { return };
        match candidate.parts.last_mut() {
            Some(Part::Text { thought: false, signature: signature @ None, .. }) => {
                *signature = Some(JsonString::of(token));
            }
            _ => candidate.parts.push(Part::Text {
                text: String::new(),
                thought: false,
                signature: Some(JsonString::of(token)),
            }),
        }
    }

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        let Some(candidate) = self.candidate() else { return u32::MAX };
        let call = Call::new(id, name, signature, &mut candidate.carried);
        candidate.parts.push(Part::Call(call));
        u32::try_from(candidate.parts.len() - 1).unwrap_or(u32::MAX)
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        let part = self.candidate().and_then(|candidate| candidate.parts.get_mut(index as usize));
        if let Some(Part::Call(call)) = part {
            call.arguments.push_str(fragment.inner());
        }
    }

    fn citation(&mut self, citation: Citation<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.ending.cite(citation);
        }
    }

    fn searched(&mut self, search: Search<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.ending.searched(search);
        }
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        if let Some(candidate) = self.candidate().filter(|_| !text.is_empty()) {
            candidate.ending.refuse();
            self.say(text, false);
        }
    }

    fn image(&mut self, media_type: &str, data: &str) {
        if let Some(candidate) = self.candidate() {
            let (media_type, data) = (media_type.to_owned(), data.to_owned());
            candidate.parts.push(Part::Image { media_type, data });
        }
    }

    fn logprobs(&mut self, tokens: &[Logprob<'_>]) {
        if let Some(candidate) = self.candidate() {
            candidate.ending.logprobs(tokens);
        }
    }

    fn finish(&mut self, reason: FinishReason) {
        if let Some(candidate) = self.candidate() {
            candidate.ending.finish(reason);
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.usage = usage;
    }

    fn done(&mut self) {}

    fn relay(&mut self, wire: Wire) -> Option<&mut dyn Relay> {
        if wire == Wire::Contents { Some(&mut self.relayed) } else { None }
    }
}

impl Whole for ContentWriter<'_> {
    fn answer(mut self: Box<Self>) -> Answer {
        let Relayed { id, body: relayed } = core::mem::take(&mut self.relayed);
        if let Some(body) = relayed {
            let id = if id.is_empty() { self.id } else { id };
            return Answer { body, usage: self.usage, id: id.into() };
        }
        let mut body = Vec::with_capacity(1024);
        let mut w = Writer::new(&mut body);
        w.object().key("candidates").array();
        for (index, candidate) in self.candidates.iter().enumerate() {
            w.object().key("content").object().key("parts").array();
            for part in &candidate.parts {
                match part {
                    Part::Text { text, thought, signature } => {
                        write_text(&mut w, text, *thought, signature.as_ref().map(JsonString::as_str));
                    }
                    Part::Image { media_type, data } => write_image(&mut w, media_type, data),
                    Part::Call(call) => call.write(&mut w),
                }
            }
            w.end_array().key("role").string("model").end_object();
            candidate.ending.write(&mut w);
            w.key("index").number(index as u64).end_object();
        }
        w.end_array();
        write_end(&mut w, Some(&self.usage), self.memo, &self.id);
        w.end_object();
        Answer { body, usage: self.usage, id: self.id.into() }
    }
}
