//! `/rerank` through `InvokeModel`: Cohere's request and answer, for Amazon's and Cohere's models.

use super::super::Target;
use super::models;
use crate::json::{JsonStr, Writer};
use crate::openai::{ErrorBody, Request};

/// Translates the request.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>) -> Result<Vec<u8>, ErrorBody> {
    for name in ["max_chunks_per_doc", "rank_fields"] {
        if request.get(name).is_some() {
            to.refuse_value(name, name)?;
        }
    }
    if request.flag("return_documents")? == Some(true) {
        to.refuse_value("return_documents", "return_documents")?;
    }
    let mut body = Vec::with_capacity(request.body.len() + 64);
    let mut w = Writer::new(&mut body);
    w.object().key("query").raw(request.text("query")?.unwrap_or(JsonStr::EMPTY).token());
    w.key("documents").array();
    for document in request.document_texts()? {
        w.raw(document.token());
    }
    w.end_array();
    if let Some(count) = request.read::<u64>("top_n", "an integer")? {
        w.key("top_n").number(count);
    }
    if models::is_versioned(to.base_model()) {
        w.key("api_version").number(2);
        if let Some(count) = request.read::<u64>("max_tokens_per_doc", "an integer")? {
            w.key("max_tokens_per_doc").number(count);
        }
    }
    w.end_object();
    Ok(body)
}
