//! A whole answer on its way to the client.

use crate::dialects::Dialect;
use crate::facts::Fault;
use crate::openai::{Answer, CompletionWriter, Memo, Operation};

/// Translates a whole answer with status 2xx.
///
/// # Errors
/// The answer is an error all the same, or cannot be read.
pub fn translated(dialect: &dyn Dialect, body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    if memo.operation == Operation::Embeddings {
        return dialect.embeddings(body, memo);
    }
    let mut out = CompletionWriter::new(memo);
    dialect.answer(body, memo, &mut out)?;
    Ok(out.answer())
}
