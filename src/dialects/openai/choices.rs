//! The state of a stream's choices, as far as editing the next chunk depends on it.

use super::completion::finish_reason;
use super::thinking::{Thoughts, quoted};
use crate::json::{Raw, Writer};
use crate::openai::{Memo, Operation, finish_word};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Choices(Vec<Choice>);

/// One choice.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) thoughts: Thoughts,
    /// Number of calls.
    pub(super) calls: usize,
    /// The open calls by the vendor's index, the most recent one last.
    open: Vec<Open>,
}

/// A call that may continue.
#[derive(Debug)]
struct Open {
    given: usize,
    index: usize,
    id: String,
}

impl Choices {
    /// Whether the text of the first choice no longer needs to be inspected. `next` is its next piece.
    pub(super) fn only_speak(&mut self, next: &str) -> bool {
        self.at(0).is_none_or(|choice| choice.thoughts.are_over(next))
    }

    /// Whether the text may still contain thoughts.
    pub(super) fn may_think(&self) -> bool {
        self.0.is_empty() || self.0.iter().any(|choice| !choice.thoughts.are_passed())
    }

    /// The choices of a final chunk, for a vendor that sends no finish reason.
    pub(super) fn ending(&mut self, memo: &Memo) -> String {
        if memo.operation != Operation::Chat {
            return r#"[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]"#.to_owned();
        }
        let Some(choice) = self.at(0) else { return "[]".to_owned() };
        let reason = finish_word(finish_reason("stop", choice.calls > 0), false);
        let ended = choice.thoughts.end();
        let mut delta = Vec::new();
        let mut w = Writer::new(&mut delta);
        w.object();
        for (name, inner) in [("reasoning_content", ended.reasoning), ("content", ended.text)] {
            if !inner.is_empty() {
                w.key(name).raw(&String::from_utf8_lossy(&quoted(&inner)));
            }
        }
        w.end_object();
        let delta = String::from_utf8(delta).unwrap_or_default();
        format!(r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":"{reason}"}}]"#)
    }

    /// A choice by its index.
    pub(super) fn at(&mut self, index: usize) -> Option<&mut Choice> {
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Choice::default);
        }
        self.0.get_mut(index)
    }
}

impl Choice {
    /// The client's index for a call or a fragment of one. `id` is set where a call starts.
    ///
    /// Some vendors give every call the index 0, but a new id.
    pub(super) fn place(&mut self, given: Option<usize>, begins: bool, id: Option<&str>) -> usize {
        let last = self.open.iter().rev().find(|open| given.is_none_or(|given| open.given == given));
        let index = match last {
            Some(open) if given.is_some() && id.is_none_or(|id| open.id.is_empty() || open.id == id) => {
                return open.index;
            }
            Some(open) if given.is_none() && !begins => return open.index,
            Some(_) => self.calls,
            None => {
                given.filter(|given| self.open.iter().all(|open| open.index != *given)).unwrap_or(self.calls)
            }
        };
        self.calls = self.calls.max(index.saturating_add(1));
        let id = id.unwrap_or_default().to_owned();
        self.open.push(Open { given: given.unwrap_or(index), index, id });
        index
    }
}

/// The text of a chunk that contains only text of the first choice, as most do, and needs no further
/// inspection.
pub(super) fn plain_text(choices: Raw<'_>) -> Option<&str> {
    let rest = choices.get().strip_prefix(r#"[{"index":0,"delta":{"#)?;
    let rest = rest.strip_prefix(r#""role":"assistant","#).unwrap_or(rest);
    let text = rest.strip_prefix(r#""content":""#)?;
    let bytes = text.as_bytes();
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', bytes.get(end..)?)?;
        if bytes.get(end) == Some(&b'"') {
            break;
        }
        end += 2;
    }
    let mut tail = text.get(end + 1..)?.strip_prefix('}')?;
    for null in [r#","logprobs":null"#, r#","finish_reason":null"#, r#","stop_reason":null"#] {
        tail = tail.strip_prefix(null).unwrap_or(tail);
    }
    if tail == "}]" { text.get(..end) } else { None }
}
