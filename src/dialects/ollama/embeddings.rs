//! `/api/embed`, and responses of the older `/api/embeddings`.

use super::super::Target;
use super::fault;
use crate::facts::Fault;
use crate::json::{Raw, Writer, fields, read};
use crate::openai::{Answer, EmbeddingWriter, ErrorBody, Memo, Request, count};

/// Translates the request.
pub(super) fn request(request: &Request<'_>, to: &Target<'_>) -> Result<Vec<u8>, ErrorBody> {
    let texts = request.texts()?;
    let mut body = Vec::with_capacity(request.body.len() + 64);
    let mut w = Writer::new(&mut body);
    w.object().key("model").string(to.model).key("input").array();
    for text in texts {
        w.raw(text.token());
    }
    w.end_array();
    if let Some(dimensions) = request.dimensions()? {
        w.key("dimensions").number(dimensions);
    }
    request.write_extras(&["dimensions", "encoding_format"], &mut w);
    w.end_object();
    Ok(body)
}

/// Parses the response.
pub(super) fn answer(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    struct Wire<'a> {
        embeddings: Option<Vec<Raw<'a>>>,
        embedding: Option<Raw<'a>>,
        prompt_eval_count: Option<Raw<'a>>,
        error: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { embeddings, embedding, prompt_eval_count, error });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    if let Some(error) = wire.error {
        return Err(fault(500, error));
    }
    if wire.embeddings.is_none() && wire.embedding.is_none() {
        return Err(Fault::garbled("the provider's response has no embeddings"));
    }
    let mut out = EmbeddingWriter::new(memo);
    for vector in wire.embeddings.unwrap_or_default().into_iter().chain(wire.embedding) {
        out.floats(vector)?;
    }
    Ok(out.answer(count(wire.prompt_eval_count).unwrap_or_default()))
}
