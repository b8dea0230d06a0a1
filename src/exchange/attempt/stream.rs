//! Streamed responses.

use std::rc::Rc;

use super::super::headers::{Headers, answer_headers, passed_on};
use super::super::{Silence, named};
use super::{Attempt, Opening, Phase};
use crate::frame::Beginning;
use crate::inbound::Place;

impl Attempt {
    /// Handles the beginning of a stream. `held` is all bytes so far, `last` says that no more follow, and
    /// `now_ms` is Unix time in milliseconds.
    ///
    /// A response that turns out not to be a stream is held until it is complete ([`Self::is_holding`]).
    pub fn open(&mut self, held: &[u8], last: bool, now_ms: u64) -> Opening {
        let Phase::Opening { streaming, read, status, head } = &mut self.phase else { return Opening::Wait };
        if *read == 0 {
            let framing = self.dialect.framing();
            match framing.beginning(held, last) {
                Beginning::Unknown => return Opening::Wait,
                Beginning::Whole => {
                    self.phase = Phase::Whole { status: *status, head: core::mem::take(head) };
                    return Opening::Wait;
                }
                Beginning::Stream(actual) if actual != framing => streaming.reframe(actual),
                Beginning::Stream(_) => {}
            }
        }
        let chunk = held.get(*read..).unwrap_or_default();
        *read = held.len();
        let opened = streaming.open(chunk, last).map(<[u8]>::to_vec);
        self.hear_model(|| named::in_chunk(chunk));
        self.hear_citations(chunk);
        if opened.as_ref().is_ok_and(Vec::is_empty) {
            return Opening::Wait;
        }
        let Phase::Opening { status, head, streaming, .. } =
            core::mem::replace(&mut self.phase, Phase::Closed)
        else {
            return Opening::Wait;
        };
        match opened {
            Ok(events) => {
                let mut headers = Headers::for_stream(self.call.language.stream_type());
                answer_headers(&mut headers, &self.call, &self.endpoint, None);
                self.name_dropped(&mut headers);
                passed_on(&mut headers, head, self.call.started_ms);
                self.note(status);
                self.call.progress.borrow_mut().first_event_ms = Some(now_ms);
                self.phase = Phase::Streaming(streaming);
                self.take_stock();
                Opening::Begin(headers, events)
            }
            Err(fault) => {
                let (headers, body) = self.told(&fault, head);
                self.phase = Phase::Failed;
                Opening::Begin(headers, body)
            }
        }
    }

    /// Translates the next chunk of a stream, after [`Opening::Begin`], to bytes for the client.
    pub fn response_chunk(&mut self, chunk: &[u8], last: bool) -> Option<&[u8]> {
        let Phase::Streaming(streaming) = &mut self.phase else { return None };
        streaming.feed(chunk, last);
        self.hear_model(|| named::in_chunk(chunk));
        self.hear_citations(chunk);
        self.take_stock();
        let Phase::Streaming(streaming) = &self.phase else { return None };
        Some(streaming.writer().pending())
    }

    /// Records the usage of a stream so far.
    pub(super) fn take_stock(&self) {
        let Phase::Streaming(streaming) = &self.phase else { return };
        let writer = streaming.writer();
        let mut progress = self.call.progress.borrow_mut();
        if progress.answer_id.is_empty() {
            progress.answer_id = writer.id().into();
        }
        if let Some(error) = streaming.error() {
            progress.error = Some(error.clone());
        }
        progress.usage = self.billed_so_far(writer.used());
        if progress.usage.prompt > 0 {
            self.call.prompt.forget();
        }
        progress.produced = if writer.ended() && progress.usage.completion > 0 {
            0
        } else {
            writer.produced().max(self.unseen())
        };
    }

    /// Returns the idle timer of a stream; `None` if the response is not a stream.
    pub fn silence(&self) -> Option<Silence> {
        let Phase::Streaming(streaming) = &self.phase else { return None };
        let (writer, patience_ms) = (streaming.writer(), self.call.patience_ms());
        let place = Place {
            request: Rc::clone(&self.call.id),
            answer: writer.id().into(),
            model: Rc::clone(&self.memo.model),
            created: self.memo.created,
            events: writer.count(),
        };
        Some(Silence::new(patience_ms, self.call.language, place, &self.endpoint))
    }
}
