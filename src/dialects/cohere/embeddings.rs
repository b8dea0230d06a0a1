//! `/v2/embed`.

use super::super::Target;
use crate::facts::Fault;
use crate::json::{JsonStr, Raw, Writer, fields, read};
use crate::openai::{Answer, EmbeddingWriter, ErrorBody, Memo, Request, count, embedded_image};

/// Parameters that are renamed or handled separately.
const KNOWN: &[&str] =
    &["dimensions", "embedding_types", "encoding_format", "input_type", "output_dimension"];

/// Translates the request.
pub(super) fn request(request: &Request<'_>, to: &Target<'_>, memo: &Memo) -> Result<Vec<u8>, ErrorBody> {
    let inputs = request.inputs()?;
    let mut body = Vec::with_capacity(request.body.len() + 128);
    let mut w = Writer::new(&mut body);
    w.object().key("model").string(to.model);
    let images = inputs.iter().filter(|input| embedded_image(**input).is_some()).count();
    let is_image = (images, inputs.len()) == (1, 1);
    match images {
        0 => list("texts", &inputs, &mut w),
        // Models before version 4 accept only this.
        1 if is_image => list("images", &inputs, &mut w),
        _ => {
            w.key("inputs").array();
            for input in &inputs {
                w.object().key("content").array().object();
                match embedded_image(*input) {
                    Some(_) => w.key("type").string("image_url").key("image_url").object().key("url"),
                    None => w.key("type").string("text").key("text"),
                };
                w.raw(input.token());
                if embedded_image(*input).is_some() {
                    w.end_object();
                }
                w.end_object().end_array().end_object();
            }
            w.end_array();
        }
    }
    w.key("input_type");
    match request.text("input_type")? {
        Some(own) => w.raw(own.token()),
        None if is_image => w.string("image"),
        // Required; this is LiteLLM's default.
        None => w.string("search_document"),
    };
    w.key("embedding_types").array().string(if memo.base64 { "base64" } else { "float" }).end_array();
    if let Some(dimensions) = request.dimensions()? {
        w.key("output_dimension").number(dimensions);
    } else if let Some(own) = request.get("output_dimension") {
        w.key("output_dimension").raw(own.get());
    }
    request.write_extras(KNOWN, &mut w);
    w.end_object();
    Ok(body)
}

fn list(name: &str, inputs: &[JsonStr<'_>], w: &mut Writer<'_>) {
    w.key(name).array();
    for input in inputs {
        w.raw(input.token());
    }
    w.end_array();
}

/// Parses the response.
pub(super) fn answer(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    struct Wire<'a> {
        embeddings: Embeddings<'a>,
        meta: Option<Meta<'a>>,
    }
    fields!(Wire<'a> { embeddings, meta; "embeddings" });
    struct Embeddings<'a> {
        float: Option<Vec<Raw<'a>>>,
        base64: Option<Vec<JsonStr<'a>>>,
    }
    fields!(Embeddings<'a> { float, base64 });
    struct Meta<'a> {
        billed_units: Option<Units<'a>>,
    }
    fields!(Meta<'a> { billed_units });
    struct Units<'a> {
        input_tokens: Option<Raw<'a>>,
    }
    fields!(Units<'a> { input_tokens });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    let mut out = EmbeddingWriter::new(memo);
    match (wire.embeddings.base64.filter(|_| memo.base64), wire.embeddings.float) {
        (Some(packed), _) => packed.into_iter().for_each(|vector| out.packed(vector)),
        (None, Some(vectors)) => vectors.into_iter().try_for_each(|vector| out.floats(vector))?,
        (None, None) => return Err(Fault::garbled("the provider's response has no embeddings")),
    }
    let units = wire.meta.and_then(|meta| meta.billed_units);
    Ok(out.answer(units.and_then(|units| count(units.input_tokens)).unwrap_or_default()))
}
