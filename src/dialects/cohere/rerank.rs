//! `/v2/rerank`, and `/v1/rerank` for what only the older version can do: documents that are objects, and documents in the
//! answer.

use super::super::{Body, Outbound, Target, path_below};
use crate::json::Writer;
use crate::openai::{ErrorBody, Request};

/// Parameters of the older version alone.
const OLDER: &[&str] = &["max_chunks_per_doc", "rank_fields"];

/// Translates the request.
pub(super) fn request(request: &Request<'_>, to: &Target<'_>) -> Result<Outbound, ErrorBody> {
    let documents = request.documents()?;
    let returns = request.flag("return_documents")? == Some(true);
    let is_older = returns
        || documents.iter().any(|document| document.get().starts_with('{'))
        || OLDER.iter().any(|name| request.get(name).is_some());
    let mut body = Vec::with_capacity(request.body.len() + 64);
    let mut w = Writer::new(&mut body);
    w.object().key("model").string(to.model);
    let known = if returns { &["model"][..] } else { &["model", "return_documents"] };
    request.write_own(known, &mut w);
    w.end_object();
    let version = if is_older { "/v1" } else { "/v2" };
    let base = to.deployment.api_base.as_str();
    let path = if is_older && base.ends_with("/v2") {
        "/rerank".into()
    } else {
        path_below(base, version, "/rerank")
    };
    Ok(Outbound { path, headers: Vec::new(), body: Body::Bytes(body) })
}
