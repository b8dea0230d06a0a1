//! What a request asks for in other units than tokens.

use super::{Operation, Request, count};
use crate::facts::{DOCUMENTS_PER_SEARCH, Units};
use crate::json::{JsonStr, Object};

/// How long a character takes to be spoken, milliseconds: 15 a second, about 150 words a minute. Providers do not report how
/// long a speech is.
const SPOKEN_MS: u32 = 67;

/// How many bytes of a file are a millisecond of audio, for providers that do not report how long it is: 128 kbit/s, a usual
/// rate of MP3.
const HEARD_BYTES_PER_MS: u64 = 16;

impl Request<'_> {
    /// What the request will be charged for, as far as it tells. Invalid values count as absent; they are rejected
    /// elsewhere.
    pub fn units(&self) -> Units {
        match self.operation {
            Operation::Rerank => {
                let searches = self.documents().map_or(0, |all| all.len().div_ceil(DOCUMENTS_PER_SEARCH));
                Units { searches: u32::try_from(searches.max(1)).unwrap_or(u32::MAX), ..Units::default() }
            }
            Operation::Images | Operation::ImageEdits => {
                let images = self.image_count().ok().and_then(|count| u32::try_from(count).ok());
                Units { images: images.unwrap_or(1), picture: self.picture(), ..Units::default() }
            }
            Operation::Speech => {
                let characters = self.get("input").and_then(JsonStr::of).map_or(0, JsonStr::chars);
                let characters = u32::try_from(characters).unwrap_or(u32::MAX);
                let milliseconds = characters.saturating_mul(SPOKEN_MS);
                Units { characters, milliseconds, ..Units::default() }
            }
            Operation::Transcriptions | Operation::Translations => {
                let bytes = self.get("file").and_then(Object::of).and_then(|file| count(file.get("bytes")));
                let milliseconds = bytes.unwrap_or_default() / HEARD_BYTES_PER_MS;
                Units { milliseconds: u32::try_from(milliseconds).unwrap_or(u32::MAX), ..Units::default() }
            }
            Operation::Chat | Operation::Completions | Operation::Embeddings | Operation::Moderations => {
                Units::default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_a_query_over_a_hundred_documents() {
        let searches = |count: usize| {
            let body = format!(r#"{{"documents":[{}]}}"#, vec![r#""a""#; count].join(","));
            Request::parse(Operation::Rerank, body.as_bytes()).unwrap().units().searches
        };
        assert_eq!([1, 100, 101, 1000].map(searches), [1, 1, 2, 10]);
    }

    #[test]
    fn images_and_characters_are_counted_before_they_are_made() {
        let units = |operation, body: &str| Request::parse(operation, body.as_bytes()).unwrap().units();
        let images =
            units(Operation::Images, r#"{"prompt":"a cat","n":3,"size":"1024x1536","quality":"high"}"#);
        let drawn = (images.images, images.picture.width, images.picture.height);
        assert_eq!(drawn, (3, 1024, 1536));
        let speech = units(Operation::Speech, r#"{"input":"caf\u00e9 \n"}"#);
        assert_eq!((speech.characters, speech.milliseconds), (6, 402));
    }
}
