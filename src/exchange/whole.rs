//! Translates complete responses.

use crate::dialects::Dialect;
use crate::facts::Fault;
use crate::inbound::Language;
use crate::openai::{Answer, Memo};

/// Translates a complete response with status 2xx. If the client requested a stream, [`Answer::body`] are its events.
///
/// # Errors
/// The response is an error despite its status, or cannot be read.
pub fn translated(
    dialect: &dyn Dialect,
    language: &dyn Language,
    body: &[u8],
    memo: &Memo,
) -> Result<Answer, Fault> {
    if !memo.operation.generates_text() {
        return dialect.converted(body, memo);
    }
    let streamed = language.streamed();
    if memo.stream && streamed.is_none() {
        let mut events = language.events(memo);
        dialect.answer(body, memo, &mut *events)?;
        return Ok(Answer { body: events.pending().to_vec(), usage: events.used(), id: events.id().into() });
    }
    let mut whole = language.whole(memo);
    dialect.answer(body, memo, &mut *whole)?;
    let answer = whole.answer();
    Ok(match streamed.filter(|_| memo.stream) {
        Some(streamed) => Answer { body: streamed(&answer.body, memo), ..answer },
        None => answer,
    })
}
