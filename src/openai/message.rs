//! `messages[]`: a flat struct a level, for `RawValue` cannot pass through serde's tagged and untagged enums.

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::ErrorBody;
use crate::json::{JsonStr, Object, Text};

/// One message. Fields that other gateways add (`reasoning_content`, `thinking_blocks`, `cache_control`) are read
/// too: clients send back what they were given.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// `system`, `developer`, `user`, `assistant`, `tool` or `function`.
    #[serde(borrow)]
    pub role: Text<'a>,
    /// Text or parts.
    #[serde(borrow, default)]
    pub content: Content<'a>,
    /// The assistant's calls.
    #[serde(borrow, default, deserialize_with = "null_as_default")]
    pub tool_calls: Vec<ToolCall<'a>>,
    /// Deprecated form of one call.
    #[serde(borrow, default)]
    pub function_call: Option<Function<'a>>,
    /// Which call a `tool` message answers.
    #[serde(borrow, default)]
    pub tool_call_id: Option<JsonStr<'a>>,
    /// Name of the speaker, or of the function that a `function` message answers.
    #[serde(borrow, default)]
    pub name: Option<JsonStr<'a>>,
    /// The assistant's refusal.
    #[serde(borrow, default)]
    pub refusal: Option<JsonStr<'a>>,
    /// The assistant's reasoning, as text.
    #[serde(borrow, default)]
    pub reasoning_content: Option<JsonStr<'a>>,
    /// The assistant's reasoning with its signatures, as the provider wrote it (`LiteLLM`).
    #[serde(borrow, default)]
    pub thinking_blocks: Option<&'a RawValue>,
    /// Extensions that must come back (signatures of the assistant's text).
    #[serde(borrow, default)]
    pub provider_specific_fields: Option<&'a RawValue>,
    /// Prompt-cache mark (Anthropic).
    #[serde(borrow, default)]
    pub cache_control: Option<&'a RawValue>,
}

impl<'a> Message<'a> {
    pub(super) fn parse(at: usize, raw: &'a RawValue) -> Result<Self, ErrorBody> {
        let message: Self = serde_json::from_str(raw.get())
            .map_err(|error| ErrorBody::invalid(format!("messages[{at}]"), &reason(&error)))?;
        match &*message.role {
            "system" | "developer" | "user" | "assistant" | "tool" | "function" => Ok(message),
            other => Err(ErrorBody::invalid(
                format!("messages[{at}].role"),
                &format!(
                    "'{other}' is not one of 'system', 'developer', 'user', 'assistant', 'tool', 'function'"
                ),
            )),
        }
    }

    /// What a user says.
    pub(super) fn user(content: Content<'a>) -> Self {
        Self {
            role: Text("user".into()),
            content,
            tool_calls: Vec::new(),
            function_call: None,
            tool_call_id: None,
            name: None,
            refusal: None,
            reasoning_content: None,
            thinking_blocks: None,
            provider_specific_fields: None,
            cache_control: None,
        }
    }

    /// The assistant's calls in either form.
    pub fn calls(&self) -> impl Iterator<Item = (Option<JsonStr<'a>>, &Function<'a>)> {
        let modern = self.tool_calls.iter().filter_map(|call| Some((call.id, call.function.as_ref()?)));
        modern.chain(self.function_call.iter().map(|function| (None, function)))
    }
}

/// `content`
#[derive(Debug, Default)]
pub enum Content<'a> {
    /// Absent or `null`.
    #[default]
    None,
    /// A string.
    Text(JsonStr<'a>),
    /// An array.
    Parts(Vec<Part<'a>>),
}

impl<'a> Content<'a> {
    /// The text in it, without what is no text.
    pub fn texts(&self) -> impl Iterator<Item = JsonStr<'a>> + '_ {
        let (one, parts) = match self {
            Self::None => (None, &[][..]),
            Self::Text(text) => (Some(*text), &[][..]),
            Self::Parts(parts) => (None, &parts[..]),
        };
        one.into_iter().chain(parts.iter().filter_map(|part| part.text))
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        match raw.get().as_bytes().first() {
            Some(b'n') => Ok(Self::None),
            Some(b'[') => serde_json::from_str(raw.get())
                .map(Self::Parts)
                .map_err(|error| de::Error::custom(format_args!("content: {}", reason(&error)))),
            _ => JsonStr::of(raw)
                .map(Self::Text)
                .ok_or_else(|| de::Error::custom("content: expected a string or an array of parts")),
        }
    }
}

/// One part of a `content` array.
#[derive(Debug, Deserialize)]
pub struct Part<'a> {
    /// `text`, `image_url`, `input_audio`, `file`, `refusal` …
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    /// `text`
    #[serde(borrow, default)]
    pub text: Option<JsonStr<'a>>,
    /// `image_url`
    #[serde(borrow, default)]
    pub image_url: Option<ImageUrl<'a>>,
    /// `input_audio`
    #[serde(borrow, default)]
    pub input_audio: Option<InputAudio<'a>>,
    /// `file`
    #[serde(borrow, default)]
    pub file: Option<File<'a>>,
    /// `refusal`
    #[serde(borrow, default)]
    pub refusal: Option<JsonStr<'a>>,
    /// Prompt-cache mark (Anthropic).
    #[serde(borrow, default)]
    pub cache_control: Option<&'a RawValue>,
    /// Where an `image` or a `document` lies: Anthropic's own parts, which `LiteLLM` lets through.
    #[serde(borrow, default)]
    pub source: Option<&'a RawValue>,
    /// Title of a `document`.
    #[serde(borrow, default)]
    pub title: Option<&'a RawValue>,
    /// What is to be known about a `document`.
    #[serde(borrow, default)]
    pub context: Option<&'a RawValue>,
    /// Whether a `document` is to be cited.
    #[serde(borrow, default)]
    pub citations: Option<&'a RawValue>,
}

/// `image_url`, an object or (as many clients send) the bare URL.
#[derive(Debug)]
pub struct ImageUrl<'a> {
    /// `https:` or `data:` URL.
    pub url: JsonStr<'a>,
    /// `auto`, `low` or `high`
    pub detail: Option<JsonStr<'a>>,
    /// `format` (`LiteLLM`): the media type, where the URL does not tell.
    pub format: Option<JsonStr<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ImageUrl<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            url: JsonStr<'a>,
            #[serde(borrow, default)]
            detail: Option<JsonStr<'a>>,
            #[serde(borrow, default)]
            format: Option<JsonStr<'a>>,
        }
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        if let Some(url) = JsonStr::of(raw) {
            return Ok(Self { url, detail: None, format: None });
        }
        let wire: Wire<'de> = serde_json::from_str(raw.get())
            .map_err(|error| de::Error::custom(format_args!("image_url: {}", reason(&error))))?;
        Ok(Self { url: wire.url, detail: wire.detail, format: wire.format })
    }
}

/// `input_audio`
#[derive(Debug, Deserialize)]
pub struct InputAudio<'a> {
    /// Base64.
    #[serde(borrow)]
    pub data: JsonStr<'a>,
    /// `wav` or `mp3`
    #[serde(borrow)]
    pub format: Text<'a>,
}

/// `file`
#[derive(Debug, Deserialize)]
pub struct File<'a> {
    /// A file that was uploaded before.
    #[serde(borrow, default)]
    pub file_id: Option<JsonStr<'a>>,
    /// Its name.
    #[serde(borrow, default)]
    pub filename: Option<JsonStr<'a>>,
    /// `data:` URL, or bare base64.
    #[serde(borrow, default)]
    pub file_data: Option<JsonStr<'a>>,
    /// `format` (`LiteLLM`): the media type, where the data does not tell.
    #[serde(borrow, default)]
    pub format: Option<JsonStr<'a>>,
}

/// `tool_calls[]`
#[derive(Debug, Deserialize)]
pub struct ToolCall<'a> {
    /// What the tool's answer refers to.
    #[serde(borrow, default)]
    pub id: Option<JsonStr<'a>>,
    /// The call; absent in a custom tool's.
    #[serde(borrow, default)]
    pub function: Option<Function<'a>>,
    /// Extensions that must come back (Gemini's thought signatures).
    #[serde(borrow, default)]
    pub provider_specific_fields: Option<&'a RawValue>,
}

/// A function's call.
#[derive(Debug, Deserialize)]
pub struct Function<'a> {
    /// Which function.
    #[serde(borrow, default)]
    pub name: Text<'a>,
    /// JSON inside a string; `""` stands for `{}`.
    #[serde(borrow, default)]
    pub arguments: Option<JsonStr<'a>>,
}

impl Function<'_> {
    /// The JSON object inside of `arguments`. `field` names the call in errors.
    pub fn input(&self, field: &str) -> Result<String, ErrorBody> {
        let text = self.arguments.and_then(JsonStr::decode).unwrap_or_default();
        let text = text.trim();
        if matches!(text, "" | "null") {
            return Ok("{}".to_owned());
        }
        match Object::parse(text.as_bytes()) {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(ErrorBody::invalid(
                format!("{field}.function.arguments"),
                "expected a JSON object inside the string",
            )),
        }
    }
}

fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(de: D) -> Result<T, D::Error> {
    Option::deserialize(de).map(Option::unwrap_or_default)
}

/// serde's reason without its position, which is inside a value that the client cannot count to.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}
