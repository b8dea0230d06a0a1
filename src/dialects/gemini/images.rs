//! `/images/generations`: `predict` for Imagen (<https://ai.google.dev/gemini-api/docs/imagen>), `generateContent` for Gemini.

use super::super::{Outbound, Target};
use super::grounding::Grounded;
use super::outbound;
use super::usage::Counters;
use crate::facts::{Class, Fault};
use crate::json::{JsonStr, Raw, Writer, fields, read};
use crate::openai::{Answer, ErrorBody, ImageWriter, Memo, Request};

/// Ratios that the models draw.
const RATIOS: [(&str, f32); 5] =
    [("1:1", 1.0), ("3:4", 0.75), ("4:3", 4.0 / 3.0), ("9:16", 9.0 / 16.0), ("16:9", 16.0 / 9.0)];

/// Parameters of `OpenAI`'s that the models do not have.
const LACKED: [&str; 6] =
    ["background", "moderation", "output_compression", "output_format", "quality", "style"];

/// Parameters that are handled here.
const KNOWN: [&str; 5] = ["model", "n", "prompt", "response_format", "size"];

/// Translates the request.
pub(super) fn request(request: &Request<'_>, to: &Target<'_>) -> Result<Outbound, ErrorBody> {
    let (prompt, count) = (request.image_prompt()?, request.image_count()?);
    for name in LACKED.into_iter().filter(|name| request.get(name).is_some()) {
        to.refuse_value(name, name)?;
    }
    if request.text("response_format")?.is_some_and(|format| format.inner() == "url") {
        to.refuse_value("response_format", "response_format='url'")?;
    }
    let ratio = request.nearest_ratio(&RATIOS);
    let mut body = Vec::with_capacity(request.body.len() + 128);
    let mut w = Writer::new(&mut body);
    w.object();
    let own = [&LACKED[..], &KNOWN[..]].concat();
    if is_imagen(to.base_model()) {
        w.key("instances").array().object().key("prompt").raw(prompt.token()).end_object().end_array();
        w.key("parameters").object().key("sampleCount").number(count);
        if let Some(ratio) = ratio.filter(|_| request.get("aspectRatio").is_none()) {
            w.key("aspectRatio").string(ratio);
        }
        request.write_own(&own, &mut w);
        w.end_object().end_object();
        return Ok(outbound(to.model, "predict", body));
    }
    if count > 1 {
        to.refuse_value("n", "n above 1")?;
    }
    w.key("contents").array().object().key("role").string("user").key("parts").array();
    w.object().key("text").raw(prompt.token()).end_object().end_array().end_object().end_array();
    w.key("generationConfig").object().key("responseModalities").array().string("TEXT").string("IMAGE");
    w.end_array();
    if let Some(ratio) = ratio {
        w.key("imageConfig").object().key("aspectRatio").string(ratio).end_object();
    }
    w.end_object().end_object();
    Ok(outbound(to.model, "generateContent", body))
}

fn is_imagen(model: &str) -> bool {
    model.contains("imagen") || model.contains("imagegeneration")
}

/// Translates a response of either method.
pub(super) fn answer(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    struct Wire<'a> {
        predictions: Option<Vec<Prediction<'a>>>,
        candidates: Option<Vec<Candidate<'a>>>,
        usage: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { predictions, candidates, usage = "usageMetadata" });
    struct Prediction<'a> {
        data: Option<JsonStr<'a>>,
        filtered: Option<JsonStr<'a>>,
    }
    fields!(Prediction<'a> { data = "bytesBase64Encoded", filtered = "raiFilteredReason" });
    struct Candidate<'a> {
        content: Option<Content<'a>>,
    }
    fields!(Candidate<'a> { content });
    struct Content<'a> {
        parts: Option<Vec<Part<'a>>>,
    }
    fields!(Content<'a> { parts });
    struct Part<'a> {
        inline: Option<Inline<'a>>,
    }
    fields!(Part<'a> { inline = "inlineData" });
    struct Inline<'a> {
        data: JsonStr<'a>,
    }
    fields!(Inline<'a> { data; "data" });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    let mut out = ImageWriter::new(memo);
    let mut reason = None;
    for prediction in wire.predictions.unwrap_or_default() {
        prediction.data.into_iter().for_each(|data| out.image(data.inner()));
        reason = reason.or(prediction.filtered);
    }
    for candidate in wire.candidates.unwrap_or_default() {
        let parts = candidate.content.and_then(|content| content.parts).unwrap_or_default();
        parts.into_iter().filter_map(|part| part.inline).for_each(|inline| out.image(inline.data.inner()));
    }
    if out.count() == 0 {
        let why = reason.and_then(JsonStr::decode);
        return Err(Fault::new(
            Class::ContentPolicyViolation,
            why.unwrap_or("the provider returned no image: the prompt or the image was filtered".into()),
        ));
    }
    let mut counters = Counters::default();
    wire.usage.into_iter().for_each(|usage| counters.hear(usage));
    Ok(out.answer(counters.usage(Grounded::default())))
}
