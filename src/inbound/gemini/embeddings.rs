//! `embedContent` and `batchEmbedContents`: <https://ai.google.dev/api/embeddings>.

use super::proto::Fields;
use crate::json::{JsonStr, JsonString, Raw, Writer, fields, read};
use crate::openai::ErrorBody;

/// Writes the request for `/embeddings` that asks for the same.
///
/// # Errors
/// 400, with the field: content that is not text, or items that differ in more than their content.
pub(super) fn to_embeddings(body: &[u8], batch: bool) -> Result<Vec<u8>, ErrorBody> {
    let request = Fields::of_body(body)?;
    let items = if batch { request.messages("requests")? } else { vec![request] };
    let Some(first) = items.first() else {
        return Err(ErrorBody::bad_request("requests is not specified").about("requests"));
    };
    let dimensions = first.get("outputDimensionality");
    let mut out = Vec::with_capacity(body.len() + 64);
    let mut w = Writer::new(&mut out);
    w.object().key("input");
    if batch {
        w.array();
    }
    for item in &items {
        if item.get("outputDimensionality") != dimensions {
            let why = "must be the same in all requests of a batch";
            return Err(ErrorBody::invalid(item.place("outputDimensionality"), why));
        }
        write_input(&mut w, item)?;
    }
    if batch {
        w.end_array();
    }
    if let Some(dimensions) = dimensions {
        w.key("dimensions").raw(dimensions.get());
    }
    w.key("drop_params").bool(true).end_object();
    Ok(out)
}

fn write_input(w: &mut Writer<'_>, item: &Fields<'_>) -> Result<(), ErrorBody> {
    let content = item.fields("content")?;
    let Some(content) = content else {
        return Err(ErrorBody::bad_request("content is not specified").about(item.place("content")));
    };
    let mut texts: Vec<JsonStr<'_>> = Vec::new();
    for (n, part) in content.messages("parts")?.iter().enumerate() {
        let Some(text) = part.text("text")? else {
            let at = format!("{}[{n}]", content.place("parts"));
            return Err(ErrorBody::invalid(at, "expected a text; other content cannot be embedded"));
        };
        texts.push(text);
    }
    let line_break = JsonString::new("\n");
    w.joined(
        texts
            .iter()
            .enumerate()
            .flat_map(|(n, text)| (n > 0).then_some(line_break.as_str()).into_iter().chain([*text])),
    );
    Ok(())
}

/// Writes the answer of `/embeddings` in this API's form.
pub(super) fn from_embeddings(body: &[u8], batch: bool) -> Vec<u8> {
    struct Wire<'a> {
        data: Vec<Item<'a>>,
    }
    fields!(Wire<'a> { data });
    struct Item<'a> {
        embedding: Option<Raw<'a>>,
    }
    fields!(Item<'a> { embedding });
    let wire = read::<Wire<'_>>(body).ok();
    let vectors = wire.into_iter().flat_map(|wire| wire.data).filter_map(|item| item.embedding);
    let mut out = Vec::with_capacity(body.len());
    let mut w = Writer::new(&mut out);
    w.object().key(if batch { "embeddings" } else { "embedding" });
    if batch {
        w.array();
    }
    for vector in vectors.take(if batch { usize::MAX } else { 1 }) {
        w.object().key("values").raw(vector.get()).end_object();
    }
    if batch {
        w.end_array();
    }
    w.end_object();
    out
}
