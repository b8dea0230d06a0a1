//! `/embeddings`: reads the input texts and writes the vectors.

use core::fmt;

use super::request::excerpt;
use super::{Answer, DataUrl, ErrorBody, Memo, Request};
use crate::facts::{Fault, Usage};
use crate::json::{JsonStr, Object, Raw, Writer, read};
use base64::Engine as _;
use serde::de::{Deserializer as _, SeqAccess, Visitor};

impl<'a> Request<'a> {
    /// Reads `input` for a provider that accepts only text, as [`Self::inputs`].
    ///
    /// # Errors
    /// As there, and an image.
    pub fn texts(&self) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        let refused =
            || Err(ErrorBody::invalid("input", "the model's provider accepts only text, not images"));
        let items = self.get("input").and_then(|raw| read::<Vec<Raw<'a>>>(raw).ok()).unwrap_or_default();
        if items.iter().any(|item| image_url(*item).is_some()) {
            return refused();
        }
        let texts = self.inputs()?;
        if texts.iter().any(|text| embedded_image(*text).is_some()) {
            return refused();
        }
        Ok(texts)
    }

    /// Reads `input`, a string or an array of strings, for a provider that accepts text and possibly images
    /// ([`embedded_image`]). Token arrays use `OpenAI`'s encodings and are decoded if the request can be resolved
    /// ([`Self::with_resolved`]).
    ///
    /// # Errors
    /// Tokens that cannot be decoded, an empty array, or a missing input.
    pub fn inputs(&self) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        let Some(raw) = self.get("input") else {
            return Err(ErrorBody::missing(self.operation.route(), "input"));
        };
        if let Some(text) = JsonStr::of(raw) {
            return Ok(vec![text]);
        }
        let refused = |why: &str| Err(ErrorBody::invalid("input", why));
        let Ok(items) = read::<Vec<Raw<'a>>>(raw) else {
            let given = excerpt(raw.get());
            return refused(&format!("expected a string or an array of strings, but got {given}"));
        };
        if items.iter().any(|item| image_url(*item).is_some()) {
            return self.with_images(&items);
        }
        let texts: Vec<JsonStr<'a>> = items.iter().filter_map(|item| JsonStr::of(*item)).collect();
        match items.first().map(|item| item.get().as_bytes().first()) {
            None => refused("the array is empty"),
            Some(Some(b'0'..=b'9' | b'[')) => match self.resolved {
                Some(resolved) => resolved.texts(raw),
                None => refused("the model's provider accepts only text, not token arrays"),
            },
            _ if texts.len() < items.len() => refused("expected an array of strings only"),
            _ => Ok(texts),
        }
    }

    /// Texts, and images as objects, whose URLs are fetched like those in chats.
    fn with_images(&self, items: &[Raw<'a>]) -> Result<Vec<JsonStr<'a>>, ErrorBody> {
        let mut inputs = Vec::with_capacity(items.len());
        let mut remote = Vec::new();
        for item in items {
            let Some(input) = JsonStr::of(*item).or_else(|| image_url(*item)) else {
                return Err(ErrorBody::invalid("input", "expected strings, or objects with an `image_url`"));
            };
            let is_remote = JsonStr::of(*item).is_none() && !input.inner().starts_with("data:");
            remote.extend(is_remote.then_some(inputs.len()));
            inputs.push(input);
        }
        if remote.is_empty() {
            return Ok(inputs);
        }
        let Some(resolved) = self.resolved else { return Ok(inputs) };
        resolved.images(&mut inputs, &remote)?;
        Ok(inputs)
    }

    /// `dimensions`
    pub fn dimensions(&self) -> Result<Option<u64>, ErrorBody> {
        self.read("dimensions", "an integer")
    }
}

/// The URL in an input that is an object: `{"type": "image_url", "image_url": {"url": …}}` as in chats, or `{"image": …}`.
pub(super) fn image_url(item: Raw<'_>) -> Option<JsonStr<'_>> {
    let object = Object::of(item)?;
    let value = object.get("image_url").or_else(|| object.get("image"))?;
    JsonStr::of(value).or_else(|| JsonStr::of(Object::of(value)?.get("url")?))
}

/// The image that an input is: a `data:` URL, as in requests to `LiteLLM`.
pub fn embedded_image(input: JsonStr<'_>) -> Option<DataUrl<'_>> {
    DataUrl::parse(input).filter(|url| url.media_type.starts_with("image/"))
}

/// Writes a response to `/embeddings`, vector by vector, in the order of the input.
pub struct EmbeddingWriter<'m> {
    memo: &'m Memo,
    body: Vec<u8>,
    count: u64,
}

impl<'m> EmbeddingWriter<'m> {
    /// Creates a writer for the response to the request described by `memo`.
    pub fn new(memo: &'m Memo) -> Self {
        let mut body = Vec::with_capacity(1024);
        Writer::new(&mut body).object().key("object").string("list").key("data").array();
        Self { memo, body, count: 0 }
    }

    /// Adds the next vector, given as an array of numbers. It is converted to base64 if the client requested
    /// that.
    ///
    /// # Errors
    /// It is not an array of numbers.
    pub fn floats(&mut self, vector: Raw<'_>) -> Result<(), Fault> {
        if self.memo.base64 {
            let packed = pack(vector)?;
            self.vector(|w| {
                w.string(&packed);
            });
        } else {
            self.vector(|w| {
                w.raw(vector.get());
            });
        }
        Ok(())
    }

    /// Adds the next vector, already in the base64 form that the client requested.
    pub fn packed(&mut self, vector: JsonStr<'_>) {
        self.vector(|w| {
            w.raw(vector.token());
        });
    }

    /// Writes the response body. `prompt` is the number of tokens in the input.
    pub fn answer(mut self, prompt: u64) -> Answer {
        Writer::new(&mut self.body).end_array().key("model").string(&self.memo.model);
        self.body.extend_from_slice(usage(prompt).as_bytes());
        Answer { body: self.body, usage: Usage { prompt, ..Usage::default() }, id: Box::default() }
    }

    /// Inserts a token count into a response that this writer wrote without one. Other responses stay
    /// unchanged.
    pub fn recount(answer: &mut Answer, prompt: u64) {
        answer.usage.prompt = prompt;
        if answer.body.ends_with(usage(0).as_bytes()) {
            answer.body.truncate(answer.body.len() - usage(0).len());
            answer.body.extend_from_slice(usage(prompt).as_bytes());
        }
    }

    fn vector(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        let mut w = Writer::new(&mut self.body);
        w.object().key("object").string("embedding").key("index").number(self.count).key("embedding");
        write(&mut w);
        w.end_object();
        self.count += 1;
    }
}

/// Writes the end of a response.
fn usage(prompt: u64) -> String {
    format!(r#","usage":{{"prompt_tokens":{prompt},"total_tokens":{prompt}}}}}"#)
}

/// Converts an array of numbers to `OpenAI`'s base64 form: consecutive little-endian IEEE 754
/// single-precision values.
///
/// # Errors
/// It is not an array of numbers.
pub fn pack(vector: Raw<'_>) -> Result<String, Fault> {
    struct Packed;

    impl<'de> Visitor<'de> for Packed {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of numbers")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Vec<u8>, A::Error> {
            let mut bytes = Vec::with_capacity(4096);
            while let Some(number) = numbers.next_element::<f32>()? {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            Ok(bytes)
        }
    }

    let bytes = serde_json::Deserializer::from_str(vector.get()).deserialize_seq(Packed);
    bytes.map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes)).map_err(|_| {
        Fault::garbled("the provider's response has an embedding that is not an array of numbers")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::openai::Operation;

    fn texts(input: &str) -> Result<Vec<String>, ErrorBody> {
        let body = format!(r#"{{"input":{input}}}"#);
        let request = Request::parse(Operation::Embeddings, body.as_bytes()).unwrap();
        Ok(request.texts()?.iter().map(|text| text.token().to_owned()).collect())
    }

    #[test]
    fn one_text_and_several_are_read_as_the_tokens_that_they_are() {
        assert_eq!(texts(r#""a\n""#).unwrap(), [r#""a\n""#]);
        assert_eq!(texts(r#"["a", "b"]"#).unwrap(), [r#""a""#, r#""b""#]);
    }

    #[test]
    fn tokens_and_what_is_no_text_are_refused_with_the_reason() {
        for (input, why) in [
            ("[1, 2]", "not token arrays"),
            ("[[1],[2]]", "not token arrays"),
            ("[]", "empty"),
            ("7", "expected a string"),
            (r#"["a",1]"#, "strings only"),
            (r#"[{"text":"a"}]"#, "strings only"),
        ] {
            let refused = texts(input).unwrap_err();
            assert!(refused.message.contains(why), "{input}: {}", refused.message);
            assert_eq!((refused.status, refused.param.as_deref()), (400, Some("input")));
        }
    }

    #[test]
    fn an_image_is_no_text() {
        let image = r#"["a","data:image\/png;base64,AAAA"]"#;
        assert!(texts(image).unwrap_err().message.contains("not images"));
        let body = format!(r#"{{"input":{image}}}"#);
        let request = Request::parse(Operation::Embeddings, body.as_bytes()).unwrap();
        let inputs = request.inputs().unwrap();
        let images: Vec<bool> = inputs.iter().map(|input| embedded_image(*input).is_some()).collect();
        assert_eq!(images, [false, true]);
        assert_eq!(texts(r#""data:text/plain;base64,AAAA""#).unwrap().len(), 1);
    }

    #[test]
    fn the_published_vector_is_packed_as_the_official_package_unpacks_it() {
        let vector = Raw::parse("[0.5,-1.0, 0.25]").unwrap();
        assert_eq!(pack(vector).unwrap(), "AAAAPwAAgL8AAIA+");
        assert!(pack(Raw::parse("[null]").unwrap()).is_err());
        assert!(pack(Raw::parse("{}").unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn every_vector_survives_its_packing(vector in proptest::collection::vec(-1e9_f32..1e9, 0..40)) {
            let json = serde_json::to_string(&vector).unwrap();
            let raw = Raw::parse(&json).unwrap();
            let bytes = base64::engine::general_purpose::STANDARD.decode(pack(raw).unwrap()).unwrap();
            let unpacked: Vec<f32> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
            prop_assert_eq!(unpacked, vector);
        }
    }
}
