//! JSON of protocol buffers: a field has two spellings, `camelCase` and `snake_case`, and `null` counts as absent
//! (<https://protobuf.dev/programming-guides/json/>). Bytes are base64 in either alphabet, with or without padding.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::json::{JsonStr, Object, Raw, read};
use crate::openai::ErrorBody;

/// An object, and its place in the request for errors.
pub(super) struct Fields<'a> {
    object: Object<'a>,
    at: String,
}

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(super) fn of(raw: Raw<'a>, at: impl Into<String>) -> Result<Self, ErrorBody> {
        let at = at.into();
        match Object::of(raw) {
            Some(object) => Ok(Self { object, at }),
            None => Err(ErrorBody::invalid(at, "expected an object")),
        }
    }

    /// Reads a whole body.
    pub(super) fn of_body(body: &'a [u8]) -> Result<Self, ErrorBody> {
        let object = Object::parse(body).map_err(|error| {
            ErrorBody::bad_request(format!("Invalid JSON payload: {error}")).about("request_body")
        })?;
        if let Some(name) = object.duplicate() {
            return Err(ErrorBody::bad_request(format!("Invalid JSON payload: duplicate field `{name}`"))
                .about("request_body"));
        }
        Ok(Self { object, at: String::new() })
    }

    /// The members, in their own spelling.
    pub(super) fn object(&self) -> &Object<'a> {
        &self.object
    }

    /// The place of a field.
    pub(super) fn place(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { [&self.at, ".", name].concat() }
    }

    /// A field. `name` is in `camelCase`.
    pub(super) fn get(&self, name: &str) -> Option<Raw<'a>> {
        self.object.get(name).or_else(|| self.object.get(&snake_case(name)?))
    }

    /// A string.
    pub(super) fn text(&self, name: &str) -> Result<Option<JsonStr<'a>>, ErrorBody> {
        let Some(raw) = self.get(name) else { return Ok(None) };
        let text =
            JsonStr::of(raw).ok_or_else(|| ErrorBody::invalid(self.place(name), "expected a string"))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// An enum's value in lower case; empty if absent.
    pub(super) fn word(&self, name: &str) -> Result<String, ErrorBody> {
        let word = self.text(name)?.and_then(JsonStr::decode).unwrap_or_default();
        Ok(word.to_ascii_lowercase())
    }

    /// Whether a flag is set.
    pub(super) fn is(&self, name: &str) -> bool {
        self.get(name).is_some_and(|raw| raw.get() == "true")
    }

    /// A message.
    pub(super) fn fields(&self, name: &str) -> Result<Option<Self>, ErrorBody> {
        self.get(name).map(|raw| Self::of(raw, self.place(name))).transpose()
    }

    /// The items of a list; empty if absent.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Raw<'a>>, ErrorBody> {
        let Some(raw) = self.get(name) else { return Ok(Vec::new()) };
        read(raw).map_err(|_| ErrorBody::invalid(self.place(name), "expected an array"))
    }

    /// The messages of a list. A single one may stand without the array.
    pub(super) fn messages(&self, name: &str) -> Result<Vec<Self>, ErrorBody> {
        if let Some(one) = self.get(name).filter(|raw| raw.get().starts_with('{')) {
            return Ok(vec![Self::of(one, self.place(name))?]);
        }
        let items = self.list(name)?.into_iter().enumerate();
        items.map(|(n, item)| Self::of(item, format!("{}[{n}]", self.place(name)))).collect()
    }
}

/// The other spelling of a field; `None` if there is none.
fn snake_case(name: &str) -> Option<String> {
    if !name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    Some(snake)
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Base64, the inside of a JSON string, in the standard alphabet and with padding: what other providers expect. Google's
/// SDK for Python writes the other alphabet.
pub(super) fn standard_base64(data: &str) -> Cow<'_, str> {
    let is_url_safe = data.contains(['-', '_']);
    let missing = if data.contains('\\') { 0 } else { (4 - data.len() % 4) % 4 };
    if !is_url_safe && missing == 0 {
        return Cow::Borrowed(data);
    }
    let mut standard = data.replace('-', "+").replace('_', "/");
    standard.extend(std::iter::repeat_n('=', missing));
    Cow::Owned(standard)
}

/// Encodes bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Decodes bytes.
pub(super) fn decode(data: &str) -> Option<Vec<u8>> {
    BASE64.decode(&*standard_base64(data)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_two_spellings() {
        assert_eq!(snake_case("systemInstruction").as_deref(), Some("system_instruction"));
        assert_eq!(snake_case("contents"), None);
        let fields = Fields::of_body(br#"{"top_p":1,"topK":null}"#).unwrap();
        assert_eq!(fields.get("topP").map(Raw::get), Some("1"));
        assert!(fields.get("topK").is_none());
    }

    #[test]
    fn base64_is_read_in_either_alphabet_and_passed_on_in_the_standard_one() {
        for (given, standard) in [("-_-_", "+/+/"), ("QQ", "QQ=="), ("QUI", "QUI="), ("QUJD", "QUJD")] {
            assert_eq!(standard_base64(given), standard);
        }
        assert_eq!(standard_base64(r"AA\/B"), r"AA\/B");
        assert_eq!(decode("QQ").as_deref(), Some(&b"A"[..]));
        assert_eq!(decode(&encode(b"\xff\xfe")).as_deref(), Some(&b"\xff\xfe"[..]));
        assert_eq!(decode("!"), None);
    }
}
