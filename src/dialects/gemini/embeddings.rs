//! Embeddings: `batchEmbedContents` in AI Studio; `predict` on Vertex AI, or `embedContent` for its newest
//! models.

use super::super::{Outbound, Target};
use super::parts::inline;
use super::{bare, outbound};
use crate::dialect::Provider;
use crate::facts::Fault;
use crate::json::{JsonStr, Raw, Writer, fields, read};
use crate::openai::{Answer, EmbeddingWriter, ErrorBody, Memo, Request, embedded_image};

/// Vertex AI models that use `embedContent`, one text per request.
const ONE_BY_ONE: &[&str] = &["gemini-embedding-2"];

/// Vertex AI models for which `predict` accepts one text per request; others accept 250.
const PREDICTED_ALONE: &[&str] = &["gemini-embedding", MULTIMODAL];

/// The Vertex AI model that embeds texts, images and videos, in a format of its own.
const MULTIMODAL: &str = "multimodalembedding";

/// Maximum number of texts per request.
pub(super) fn most(provider: &Provider, model: &str) -> usize {
    let is_any = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
    match provider.publisher(model) {
        None => 100,
        Some(_) if is_any(ONE_BY_ONE) || is_any(PREDICTED_ALONE) => 1,
        Some(_) => 250,
    }
}

/// Maximum number of tokens per request, for `predict`.
pub(super) fn most_tokens(provider: &Provider, model: &str) -> Option<u64> {
    (provider.publisher(model).is_some() && !is_one_by_one(model)).then_some(20_000)
}

/// Translates the request.
pub(super) fn request(request: &Request<'_>, to: &Target<'_>) -> Result<Outbound, ErrorBody> {
    let is_predicted = to.publisher().is_some() && !is_one_by_one(to.model);
    let is_multimodal = to.model.starts_with(MULTIMODAL);
    let texts = if is_predicted && !is_multimodal { request.texts() } else { request.inputs() }?;
    let options = Options::of(request)?;
    let mut body = Vec::with_capacity(request.body.len() + 64 * texts.len() + 64);
    let mut w = Writer::new(&mut body);
    w.object();
    let method = if to.publisher().is_none() {
        w.key("requests").array();
        for text in texts {
            w.object().key("model").string(&format!("models/{}", bare(to.model)));
            content(&mut w, text);
            options.write(&mut w);
            w.end_object();
        }
        w.end_array();
        "batchEmbedContents"
    } else if !is_predicted {
        let [text] = texts.as_slice() else {
            return Err(ErrorBody::invalid("input", "the model accepts one text per request"));
        };
        content(&mut w, *text);
        w.key("embedContentConfig").object();
        options.write(&mut w);
        w.end_object();
        "embedContent"
    } else {
        w.key("instances").array();
        for text in texts {
            w.object();
            if is_multimodal {
                multimodal(&mut w, text);
                w.end_object();
                continue;
            }
            w.key("content").raw(text.token());
            if let Some(task) = options.task {
                w.key("task_type").raw(task.token());
            }
            if let Some(title) = options.title {
                w.key("title").raw(title.token());
            }
            w.end_object();
        }
        w.end_array();
        if let Some(dimensions) = options.dimensions {
            let name = if is_multimodal { "dimension" } else { "outputDimensionality" };
            w.key("parameters").object().key(name).number(dimensions).end_object();
        }
        "predict"
    };
    w.end_object();
    Ok(outbound(to.model, method, body))
}

fn is_one_by_one(model: &str) -> bool {
    ONE_BY_ONE.iter().any(|name| model.starts_with(name))
}

/// The member of an instance for an input: a text, an image, or a file in Google Cloud Storage.
fn multimodal(w: &mut Writer<'_>, input: JsonStr<'_>) {
    const VIDEOS: &[&str] =
        &[".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"];
    let is_video = |name: &str| VIDEOS.iter().any(|end| name.to_ascii_lowercase().ends_with(end));
    if let Some(image) = embedded_image(input) {
        w.key("image").object().key("mimeType").string(&image.media_type);
        w.key("bytesBase64Encoded").escaped(image.data).end_object();
    } else if input.inner().starts_with("gs://") {
        w.key(if is_video(input.inner()) { "video" } else { "image" });
        w.object().key("gcsUri").raw(input.token()).end_object();
    } else {
        w.key("text").raw(input.token());
    }
}

fn content(w: &mut Writer<'_>, input: JsonStr<'_>) {
    w.key("content").object().key("parts").array();
    match embedded_image(input) {
        Some(image) => inline(w, &image.media_type, image.data),
        None => {
            w.object().key("text").raw(input.token()).end_object();
        }
    }
    w.end_array().end_object();
}

/// Parameters besides the texts.
struct Options<'a> {
    dimensions: Option<u64>,
    /// The purpose of the vectors, under the provider's name or those of other dialects.
    task: Option<JsonStr<'a>>,
    title: Option<JsonStr<'a>>,
}

impl<'a> Options<'a> {
    fn of(request: &Request<'a>) -> Result<Self, ErrorBody> {
        let first = |names: [&'static str; 3]| -> Result<Option<JsonStr<'a>>, ErrorBody> {
            for name in names {
                if let Some(text) = request.text(name)? {
                    return Ok(Some(text));
                }
            }
            Ok(None)
        };
        Ok(Self {
            dimensions: request.dimensions()?,
            task: first(["task_type", "taskType", "input_type"])?,
            title: request.text("title")?,
        })
    }

    fn write(&self, w: &mut Writer<'_>) {
        if let Some(task) = self.task {
            w.key("taskType").raw(task.token());
        }
        if let Some(title) = self.title {
            w.key("title").raw(title.token());
        }
        if let Some(dimensions) = self.dimensions {
            w.key("outputDimensionality").number(dimensions);
        }
    }
}

/// Parses the response of any of the three methods.
pub(super) fn answer(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    struct Wire<'a> {
        embeddings: Option<Vec<Vector<'a>>>,
        embedding: Option<Vector<'a>>,
        predictions: Option<Vec<Prediction<'a>>>,
        usage_metadata: Option<UsageMetadata>,
        error: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { embeddings, embedding, predictions, usage_metadata = "usageMetadata", error });
    struct Vector<'a> {
        values: Raw<'a>,
        statistics: Option<Statistics>,
    }
    fields!(Vector<'a> { values, statistics; "values" });
    /// Of a text, or of an instance of several kinds of media.
    struct Prediction<'a> {
        embeddings: Option<Vector<'a>>,
        text_embedding: Option<Raw<'a>>,
        image_embedding: Option<Raw<'a>>,
        video_embeddings: Option<Vec<Segment<'a>>>,
    }
    fields!(Prediction<'a> {
        embeddings, text_embedding = "textEmbedding", image_embedding = "imageEmbedding",
        video_embeddings = "videoEmbeddings"
    });
    /// A part of a video.
    struct Segment<'a> {
        embedding: Raw<'a>,
    }
    fields!(Segment<'a> { embedding; "embedding" });
    impl<'a> Prediction<'a> {
        fn vector(self) -> Option<Vector<'a>> {
            let segment = || Some(self.video_embeddings?.into_iter().next()?.embedding);
            let values = self.text_embedding.or(self.image_embedding).or_else(segment);
            self.embeddings.or_else(|| Some(Vector { values: values?, statistics: None }))
        }
    }
    struct Statistics {
        /// An integer, written as a float.
        token_count: f64,
    }
    fields!(Statistics { token_count });
    struct UsageMetadata {
        prompt_token_count: u64,
    }
    fields!(UsageMetadata { prompt_token_count = "promptTokenCount" });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    if let Some(error) = wire.error {
        return Err(super::fault(None, error));
    }
    let predictions = wire.predictions.into_iter().flatten().filter_map(Prediction::vector);
    let vectors: Vec<Vector<'_>> =
        wire.embeddings.into_iter().flatten().chain(wire.embedding).chain(predictions).collect();
    if vectors.is_empty() {
        return Err(Fault::garbled("the provider's response has no embeddings"));
    }
    let mut out = EmbeddingWriter::new(memo);
    let mut counted = 0.0;
    for vector in &vectors {
        out.floats(vector.values)?;
        counted += vector.statistics.as_ref().map_or(0.0, |statistics| statistics.token_count);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of floats saturates")]
    let counted = counted as u64;
    Ok(out.answer(wire.usage_metadata.map_or(counted, |usage| usage.prompt_token_count)))
}
