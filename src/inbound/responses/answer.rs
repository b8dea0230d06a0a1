//! The response object, and the frames of its events.

use std::rc::Rc;

use super::echo::Echo;
use super::error::write_failure;
use super::ids;
use super::item::Item;
use crate::facts::{FinishReason, Usage};
use crate::json::{JsonStr, Writer};
use crate::openai::{ErrorBody, Memo, bare_id};

/// What is the same in every state of a response.
pub(super) struct Head {
    pub(super) id: String,
    pub(super) created: u64,
    model: Rc<str>,
    /// The request's id in a form that fits into ids of items.
    pub(super) stem: String,
    pub(super) echo: Rc<Echo>,
}

/// How a response is.
#[derive(Clone, Copy)]
pub(super) enum State<'a> {
    InProgress,
    Completed,
    Incomplete { reason: &'static str },
    Failed(&'a ErrorBody),
}

impl Head {
    pub(super) fn new(memo: &Memo) -> Self {
        let stem = ids::stem(&memo.id);
        let id = ["resp_", &stem].concat();
        Self { id, created: memo.created, model: Rc::clone(&memo.model), stem, echo: Echo::of(memo) }
    }

    /// The provider's id and time.
    pub(super) fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>) {
        if let Some(id) =
            id.map(JsonStr::inner).filter(|id| id.starts_with("resp_") && id.len() <= ids::LONGEST)
        {
            id.clone_into(&mut self.id);
        }
        self.created = created.unwrap_or(self.created);
    }

    /// Writes the response. `usage` is of a response that has ended.
    pub(super) fn write(&self, w: &mut Writer<'_>, state: State<'_>, items: &[Item], usage: Option<&Usage>) {
        let (status, reason, error) = match state {
            State::InProgress => ("in_progress", None, None),
            State::Completed => ("completed", None, None),
            State::Incomplete { reason } => ("incomplete", Some(reason), None),
            State::Failed(error) => ("failed", None, Some(error)),
        };
        w.object().key("id").string(&self.id).key("object").string("response");
        w.key("created_at").number(self.created).key("status").string(status).key("background").bool(false);
        w.key("error");
        match error {
            Some(error) => write_failure(error, w),
            None => {
                w.raw("null");
            }
        }
        w.key("incomplete_details");
        match reason {
            Some(reason) => w.object().key("reason").string(reason).end_object(),
            None => w.raw("null"),
        };
        w.key("model").string(&self.model).key("output").array();
        for item in items {
            item.write(w, &self.echo);
        }
        w.end_array().key("previous_response_id");
        match &self.echo.previous {
            Some(previous) => w.string(previous),
            None => w.raw("null"),
        };
        w.key("store").bool(self.echo.is_stored && !matches!(state, State::Failed(_)));
        w.raw(&self.echo.members).key("usage");
        match usage {
            Some(usage) => write_usage(w, usage),
            None => {
                w.raw("null");
            }
        }
        w.end_object();
    }

    /// Writes the answer to a request for compaction alone.
    pub(super) fn write_compaction(&self, w: &mut Writer<'_>, items: &[Item], usage: &Usage) {
        w.object().key("id").string(&self.id).key("object").string("response.compaction");
        w.key("created_at").number(self.created).key("output").array();
        for item in items {
            item.write(w, &self.echo);
        }
        write_usage(w.end_array().key("usage"), usage);
        w.end_object();
    }

    /// The id of an item.
    pub(super) fn item_id(&self, prefix: &str, index: usize) -> String {
        format!("{prefix}_{}_{index}", self.stem)
    }

    /// The id of a call: the provider's if clients and other providers take it.
    pub(super) fn call_id(&self, given: JsonStr<'_>, index: usize) -> String {
        let id = given.decode().map(bare_id).unwrap_or_default();
        match &*id {
            "" => format!("call_{}_{index}", self.stem),
            id => ids::call_id(id).into_owned(),
        }
    }
}

/// How a response ends.
pub(super) fn ending(finish: Option<FinishReason>, refused: bool) -> State<'static> {
    match finish {
        Some(FinishReason::Length) => State::Incomplete { reason: "max_output_tokens" },
        Some(FinishReason::ContentFilter | FinishReason::Refusal) if !refused => {
            State::Incomplete { reason: "content_filter" }
        }
        _ => State::Completed,
    }
}

fn write_usage(w: &mut Writer<'_>, usage: &Usage) {
    w.object().key("input_tokens").number(usage.prompt).key("input_tokens_details").object();
    w.key("cached_tokens")
        .number(usage.cached)
        .key("cache_write_tokens")
        .number(usage.cache_write)
        .end_object();
    w.key("output_tokens").number(usage.completion).key("output_tokens_details").object();
    w.key("reasoning_tokens").number(usage.reasoning).end_object();
    w.key("total_tokens").number(usage.total()).end_object();
}

/// Writes an event; `write` adds to its data.
pub(super) fn write_frame(out: &mut Vec<u8>, kind: &str, number: u64, write: impl FnOnce(&mut Writer<'_>)) {
    for piece in ["event: ", kind, "\ndata: "] {
        out.extend_from_slice(piece.as_bytes());
    }
    let start = out.len();
    let mut w = Writer::new(out);
    w.object().key("type").string(kind).key("sequence_number").number(number);
    write(&mut w);
    w.end_object();
    // What the client or the model wrote as JSON may have line breaks between its tokens, which would end the event's data.
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if out.get(start..).is_some_and(|data| memchr::memchr2(b'\n', b'\r', data).is_some()) {
        let data: Vec<u8> = out.drain(start..).filter(|byte| !is_break(byte)).collect();
        out.extend_from_slice(&data);
    }
    out.extend_from_slice(b"\n\n");
}
