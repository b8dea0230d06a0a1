//! `/embeddings` through `InvokeModel`, whose format depends on the model's maker.

use super::super::Target;
use super::INPUT_TOKENS;
use super::models::{self, Form};
use crate::facts::Fault;
use crate::json::{JsonStr, Raw, Writer, fields, read};
use crate::openai::{Answer, EmbeddingWriter, ErrorBody, Memo, Request, embedded_image, is_private};

/// Translates the request.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>) -> Result<Vec<u8>, ErrorBody> {
    let Some(model) = models::find_embedding(to.model) else {
        return Err(ErrorBody::invalid(
            "model",
            &format!("'{}' is not a supported embedding model", to.model),
        ));
    };
    let texts = if model.form == Form::Text { request.texts() } else { request.inputs() }?;
    if texts.len() > model.most {
        let most = if model.most == 1 { "one text".to_owned() } else { format!("{} texts", model.most) };
        return Err(ErrorBody::invalid(
            "input",
            &format!("the model's provider accepts {most} per request, but the array has {}", texts.len()),
        ));
    }
    let mut dimensions = request.dimensions()?;
    if dimensions.is_some() && model.dimensions.is_empty() {
        to.refuse_value("dimensions", "dimensions")?;
        dimensions = None;
    }
    let text = texts.first().copied().unwrap_or(JsonStr::EMPTY);
    let image = texts.iter().find_map(|text| embedded_image(*text));
    if image.is_some() && texts.len() > 1 {
        return Err(ErrorBody::invalid("input", "the model's provider accepts one image per request"));
    }
    let mut body = Vec::with_capacity(request.body.len() + 128);
    let mut w = Writer::new(&mut body);
    w.object();
    match model.form {
        Form::Text => {
            w.key("inputText").raw(text.token());
            if let Some(dimensions) = dimensions {
                w.key(model.dimensions).number(dimensions);
            }
        }
        Form::TextWithConfig => {
            match &image {
                Some(image) => w.key("inputImage").escaped(image.data),
                None => w.key("inputText").raw(text.token()),
            };
            if let Some(dimensions) = dimensions {
                w.key("embeddingConfig").object().key(model.dimensions).number(dimensions).end_object();
            }
        }
        Form::Texts => {
            w.key(if image.is_some() { "images" } else { "texts" }).array();
            for text in &texts {
                w.raw(text.token());
            }
            w.end_array();
            if request.get("input_type").is_none() {
                // The newer model, which has dimensions, has no type for images.
                let is_typed = image.is_some() && model.dimensions.is_empty();
                w.key("input_type").string(if is_typed { "image" } else { "search_document" });
            }
            if let Some(dimensions) = dimensions {
                w.key(model.dimensions).number(dimensions).key("embedding_types").array().string("float");
                w.end_array();
            }
        }
        Form::Task => {
            w.key("schemaVersion")
                .string("nova-multimodal-embed-v1")
                .key("taskType")
                .string("SINGLE_EMBEDDING");
            w.key("singleEmbeddingParams").object();
            w.key("embeddingPurpose");
            match request.text("embeddingPurpose")? {
                Some(purpose) => w.raw(purpose.token()),
                None => w.string("GENERIC_INDEX"),
            };
            if let Some(dimensions) = dimensions {
                w.key(model.dimensions).number(dimensions);
            }
            if let Some(image) = &image {
                let format = image.media_type.strip_prefix("image/").unwrap_or_default();
                w.key("image").object().key("format").string(format).key("source").object();
                w.key("bytes").escaped(image.data).end_object().end_object();
            } else {
                w.key("text").object().key("truncationMode").string("END").key("value").raw(text.token());
                w.end_object();
            }
            w.end_object();
        }
    }
    if model.form != Form::Task {
        write_extras(&mut w, request);
    }
    w.end_object();
    Ok(body)
}

/// Parameters that are not `OpenAI`'s are forwarded verbatim: `normalize`, `input_type`, `truncate` …
fn write_extras(w: &mut Writer<'_>, request: &Request<'_>) {
    let is_ours = |name: &str| {
        matches!(name, "dimensions" | "encoding_format" | "input" | "model" | "user") || is_private(name)
    };
    for (name, value) in request.params() {
        if !is_ours(&name) && value.get() != "null" {
            w.string(&name).bytes().push(b':');
            w.raw(value.get());
        }
    }
}

/// Translates a response in any of the formats, which are distinguished by their members.
pub(super) fn translate(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    struct Wire<'a> {
        embedding: Option<Raw<'a>>,
        embeddings: Option<Raw<'a>>,
        input_text_token_count: Option<u64>,
    }
    fields!(Wire<'a> { embedding, embeddings, input_text_token_count = "inputTextTokenCount" });
    struct ByType<'a> {
        float: Vec<Raw<'a>>,
    }
    fields!(ByType<'a> { float; "float" });
    struct Item<'a> {
        embedding: Raw<'a>,
    }
    fields!(Item<'a> { embedding; "embedding" });
    fn vectors<'a>(wire: &Wire<'a>) -> Option<Vec<Raw<'a>>> {
        if let Some(vector) = wire.embedding {
            return Some(vec![vector]);
        }
        let embeddings = wire.embeddings?.get();
        if let Ok(by_type) = read::<ByType<'a>>(embeddings) {
            return Some(by_type.float);
        }
        if let Ok(items) = read::<Vec<Item<'a>>>(embeddings) {
            return Some(items.into_iter().map(|item| item.embedding).collect());
        }
        read(embeddings).ok()
    }
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    let vectors = vectors(&wire).ok_or_else(|| Fault::garbled("the provider's response has no embedding"))?;
    let mut out = EmbeddingWriter::new(memo);
    for vector in vectors {
        out.floats(vector)?;
    }
    let counted = memo.header(INPUT_TOKENS).and_then(|count| count.parse().ok());
    Ok(out.answer(wire.input_text_token_count.or(counted).unwrap_or_default()))
}
