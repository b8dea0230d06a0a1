//! `/images/generations` through `InvokeModel`: Amazon's format (Titan, Nova Canvas), and Stability's.

use super::super::Target;
use crate::config::{Picture, Quality};
use crate::facts::{Class, Fault, Usage};
use crate::json::{JsonStr, Writer, fields, read};
use crate::openai::{Answer, ErrorBody, ImageWriter, Memo, Request};

/// Ratios that Stability's models draw.
const RATIOS: [(&str, f32); 9] = [
    ("1:1", 1.0),
    ("5:4", 1.25),
    ("4:5", 0.8),
    ("3:2", 1.5),
    ("2:3", 2.0 / 3.0),
    ("16:9", 16.0 / 9.0),
    ("9:16", 9.0 / 16.0),
    ("21:9", 21.0 / 9.0),
    ("9:21", 9.0 / 21.0),
];

/// Parts of the ids of Amazon's models.
const AMAZONS: [&str; 2] = ["titan-image", "nova-canvas"];

/// Translates the request.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>) -> Result<Vec<u8>, ErrorBody> {
    let (prompt, count) = (request.image_prompt()?, request.image_count()?);
    if request.text("response_format")?.is_some_and(|format| format.inner() == "url") {
        to.refuse_value("response_format", "response_format='url'")?;
    }
    let is_amazons = AMAZONS.iter().any(|name| to.base_model().contains(name));
    let mut body = Vec::with_capacity(request.body.len() + 128);
    let mut w = Writer::new(&mut body);
    w.object();
    if is_amazons {
        let Picture { width, height, quality } = request.picture();
        w.key("taskType").string("TEXT_IMAGE").key("textToImageParams").object();
        w.key("text").raw(prompt.token()).end_object();
        w.key("imageGenerationConfig").object().key("numberOfImages").number(count);
        if width > 0 {
            w.key("width").number(width.into()).key("height").number(height.into());
        }
        if matches!(quality, Quality::Hd | Quality::High) {
            w.key("quality").string("premium");
        }
        write_extras(&mut w, request);
        w.end_object();
    } else {
        if count > 1 {
            to.refuse_value("n", "n above 1")?;
        }
        w.key("prompt").raw(prompt.token());
        if let Some(ratio) = request.nearest_ratio(&RATIOS).filter(|_| request.get("aspect_ratio").is_none())
        {
            w.key("aspect_ratio").string(ratio);
        }
        write_extras(&mut w, request);
    }
    w.end_object();
    Ok(body)
}

/// Parameters of the models' own are forwarded verbatim: `seed`, `cfgScale`, `negative_prompt` …
fn write_extras(w: &mut Writer<'_>, request: &Request<'_>) {
    const OPENAIS: [&str; 10] = [
        "background",
        "model",
        "moderation",
        "n",
        "output_compression",
        "prompt",
        "quality",
        "response_format",
        "size",
        "style",
    ];
    request.write_own(&OPENAIS, w);
}

/// Translates a response in either format.
pub(super) fn translate(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    struct Wire<'a> {
        images: Option<Vec<JsonStr<'a>>>,
        error: Option<JsonStr<'a>>,
        finish_reasons: Option<Vec<Option<JsonStr<'a>>>>,
    }
    fields!(Wire<'a> { images, error, finish_reasons });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    // Why an image was held back.
    let held_back = wire.finish_reasons.unwrap_or_default().into_iter().flatten().next().or(wire.error);
    let images = wire.images.unwrap_or_default();
    if let Some(why) = held_back.filter(|_| images.iter().all(|image| image.is_empty())) {
        return Err(Fault::new(Class::ContentPolicyViolation, why.decode().unwrap_or_default()));
    }
    if images.is_empty() {
        return Err(Fault::unreadable(502, body));
    }
    let mut out = ImageWriter::new(memo);
    for image in images.iter().filter(|image| !image.is_empty()) {
        out.image(image.inner());
    }
    Ok(out.answer(Usage::default()))
}
