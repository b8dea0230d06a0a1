//! A chat's answer as facts, where the client asked for `/completions` and the vendor has only chats.

use super::super::Stream;
use super::error::read_error;
use super::mend::{finish_reason, texts};
use crate::frame::Frame;
use crate::json::{JsonStr, Object, Raw, Text, fields, read};
use crate::openai::{Answer, ChunkWriter, CompletionWriter, Fault, Memo, Usage};

struct Choice<'a> {
    index: usize,
    message: Option<Message<'a>>,
    finish_reason: Option<Text<'a>>,
}
fields!(Choice<'a> { index, message = "message" | "delta", finish_reason });

struct Message<'a> {
    content: Option<Raw<'a>>,
}
fields!(Message<'a> { content });

/// Translates a whole answer.
pub(super) fn answer(object: &Object<'_>, memo: &Memo) -> Result<Answer, Fault> {
    let mut out = CompletionWriter::new(memo);
    let id = object.get("id").and_then(JsonStr::of);
    out.begin(id, object.get("created").and_then(|created| created.get().parse().ok()));
    for choice in choices(object.get("choices"))? {
        out.choice(choice.index);
        for text in texts(choice.message.and_then(|message| message.content)) {
            out.text(text);
        }
        out.finish(finish_reason(choice.finish_reason.as_deref().unwrap_or("stop"), false));
    }
    out.usage(object.get("usage").and_then(Usage::parse).unwrap_or_default());
    Ok(out.answer())
}

/// Translates a stream.
#[derive(Default)]
pub(super) struct Facts {
    finished: bool,
}

impl Stream for Facts {
    fn frame(&mut self, frame: Frame<'_>, out: &mut ChunkWriter) -> Result<(), Fault> {
        if frame.data == b"[DONE]" {
            if !self.finished {
                out.finish(finish_reason("stop", false));
            }
            out.done();
            return Ok(());
        }
        let object = Object::parse(frame.data)
            .map_err(|_| Fault::garbled("the provider sent a stream event that is not a chunk"))?;
        if let Some(error) = object.get("error") {
            return Err(read_error(500, error));
        }
        if let Some(usage) = object.get("usage").and_then(Usage::parse) {
            out.usage(usage);
        }
        let choices = choices(object.get("choices"))?;
        if choices.is_empty() {
            return Ok(());
        }
        let id = object.get("id").and_then(JsonStr::of);
        out.begin(id, object.get("created").and_then(|created| created.get().parse().ok()));
        for choice in choices {
            out.choice(choice.index);
            for text in texts(choice.message.and_then(|message| message.content)) {
                out.text(text);
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finished = true;
                out.finish(finish_reason(&reason, false));
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut ChunkWriter) {
        if self.finished {
            out.done();
        }
    }
}

fn choices(raw: Option<Raw<'_>>) -> Result<Vec<Choice<'_>>, Fault> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    read(raw).map_err(|_| Fault::garbled("the provider's answer has choices that cannot be read"))
}
