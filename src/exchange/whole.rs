//! A whole answer on its way to the client.

use crate::dialects::Dialect;
use crate::facts::Fault;
use crate::inbound::Language;
use crate::openai::{Answer, Memo, Operation};

/// Translates a whole answer with status 2xx. A client that asked for a stream gets one ([`Answer::body`] are its events).
///
/// # Errors
/// The answer is an error all the same, or cannot be read.
pub fn translated(
    dialect: &dyn Dialect,
    language: &dyn Language,
    body: &[u8],
    memo: &Memo,
) -> Result<Answer, Fault> {
    if memo.operation == Operation::Embeddings {
        return dialect.embeddings(body, memo);
    }
    let mut whole = language.whole(memo);
    dialect.answer(body, memo, &mut *whole)?;
    let answer = whole.answer();
    if !memo.stream {
        return Ok(answer);
    }
    if let Some(events) = language.streamed(&answer.body, memo) {
        return Ok(Answer { body: events, ..answer });
    }
    let mut events = language.events(memo);
    dialect.answer(body, memo, &mut *events)?;
    Ok(Answer { body: events.pending().to_vec(), ..answer })
}
