//! `/images/generations`: reads what is to be drawn, and writes generated images.

use super::{Answer, ErrorBody, Memo, Request, count};
use crate::config::{Picture, Quality};
use crate::facts::{Units, Usage};
use crate::json::{JsonStr, Object, Raw, Writer, fields, read};

impl<'a> Request<'a> {
    /// `prompt` of an image, as a JSON token.
    ///
    /// # Errors
    /// It is missing, or no text.
    pub fn image_prompt(&self) -> Result<JsonStr<'a>, ErrorBody> {
        self.text("prompt")?.ok_or_else(|| ErrorBody::missing(self.operation.route(), "prompt"))
    }

    /// `n`, the number of images.
    ///
    /// # Errors
    /// It is not a number.
    pub fn image_count(&self) -> Result<u64, ErrorBody> {
        Ok(self.read("n", "a positive integer")?.unwrap_or(1))
    }

    /// `size` and `quality`, as far as they are known.
    pub fn picture(&self) -> Picture {
        let text = |name: &str| self.get(name).and_then(JsonStr::of).map(JsonStr::inner);
        let quality = text("quality").and_then(Quality::named).unwrap_or_default();
        Picture { quality, ..text("size").and_then(Picture::sized).unwrap_or_default() }
    }

    /// `size` as one of these ratios of width and height, the nearest one; `None` if the provider chooses.
    pub fn nearest_ratio<'r>(&self, ratios: &[(&'r str, f32)]) -> Option<&'r str> {
        let Picture { width, height, .. } = self.picture();
        if width == 0 || height == 0 {
            return None;
        }
        let asked = f32::from(width) / f32::from(height);
        // Twice as wide is as far from a square as twice as high.
        let distance = |(_, ratio): &&(&str, f32)| (asked / ratio).ln().abs();
        ratios.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).map(|(name, _)| *name)
    }
}

/// Writes a response with images of a provider that has another format.
pub struct ImageWriter {
    body: Vec<u8>,
    images: u32,
}

impl ImageWriter {
    /// Creates a writer for the response to the request described by `memo`.
    pub fn new(memo: &Memo) -> Self {
        let mut body = Vec::new();
        Writer::new(&mut body).object().key("created").number(memo.created).key("data").array();
        Self { body, images: 0 }
    }

    /// Adds an image: base64 as the contents of a JSON string.
    pub fn image(&mut self, data: &str) {
        Writer::new(&mut self.body).object().key("b64_json").escaped(data).end_object();
        self.images += 1;
    }

    /// How many images were added.
    pub fn count(&self) -> u32 {
        self.images
    }

    /// Writes the response body, with the usage if the provider counts tokens.
    pub fn answer(mut self, usage: Usage) -> Answer {
        let mut w = Writer::new(&mut self.body);
        w.end_array();
        if usage.total() > 0 {
            w.key("usage").object().key("input_tokens").number(usage.prompt);
            w.key("output_tokens").number(usage.completion).key("total_tokens").number(usage.total());
            w.key("input_tokens_details").object().key("text_tokens").number(usage.prompt);
            w.key("image_tokens").number(0).end_object().end_object();
        }
        w.end_object();
        let units = Units { images: self.images, ..Units::default() };
        Answer { body: self.body, usage: Usage { units, ..usage }, id: Box::default() }
    }
}

impl Usage {
    /// Reads the usage of a response with images: the number of images, and their tokens where a model counts them.
    pub fn of_images(object: &Object<'_>) -> Self {
        #[derive(Default)]
        struct Wire<'a> {
            input_tokens: Option<Raw<'a>>,
            output_tokens: Option<Raw<'a>>,
            input_tokens_details: Option<Details<'a>>,
            output_tokens_details: Option<Details<'a>>,
        }
        fields!(Wire<'a> { input_tokens, output_tokens, input_tokens_details, output_tokens_details });
        struct Details<'a> {
            text_tokens: Option<Raw<'a>>,
            image_tokens: Option<Raw<'a>>,
        }
        fields!(Details<'a> { text_tokens, image_tokens });
        let wire: Wire<'_> = object.get("usage").and_then(|usage| read(usage).ok()).unwrap_or_default();
        let images: Vec<Raw<'_>> = object.get("data").and_then(|data| read(data).ok()).unwrap_or_default();
        let completion = count(wire.output_tokens).unwrap_or_default();
        let seen = wire.input_tokens_details.and_then(|details| count(details.image_tokens));
        let words = wire.output_tokens_details.and_then(|details| count(details.text_tokens));
        Self {
            prompt: count(wire.input_tokens).unwrap_or_default(),
            completion,
            images_said: completion.saturating_sub(words.unwrap_or_default()),
            units: Units {
                images: u32::try_from(images.len()).unwrap_or(u32::MAX),
                image_tokens: seen.and_then(|seen| u32::try_from(seen).ok()).unwrap_or_default(),
                ..Units::default()
            },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::Operation;

    #[test]
    fn a_size_is_the_nearest_ratio_that_the_provider_has() {
        let ratios = [("1:1", 1.0), ("4:3", 4.0 / 3.0), ("9:16", 9.0 / 16.0), ("16:9", 16.0 / 9.0)];
        for (size, ratio) in [
            ("1024x1024", Some("1:1")),
            ("1536x1024", Some("4:3")),
            ("1792x1024", Some("16:9")),
            ("1024x1792", Some("9:16")),
            ("auto", None),
        ] {
            let body = format!(r#"{{"prompt":"a cat","size":"{size}"}}"#);
            let request = Request::parse(Operation::Images, body.as_bytes()).unwrap();
            assert_eq!(request.nearest_ratio(&ratios), ratio, "{size}");
        }
    }

    #[test]
    fn images_are_counted_and_their_tokens_are_not_words() {
        let body = br#"{"data":[{"b64_json":"AA"},{"b64_json":"AA"}],
            "usage":{"input_tokens":9,"output_tokens":100,"output_tokens_details":{"text_tokens":30,"image_tokens":70}}}"#;
        let usage = Usage::of_images(&Object::parse(body).unwrap());
        assert_eq!((usage.units.images, usage.prompt, usage.completion, usage.images_said), (2, 9, 100, 70));
    }
}
