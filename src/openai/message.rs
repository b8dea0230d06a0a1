//! `messages[]`. Each level is a flat struct, because a `Raw` token cannot pass through serde's tagged and
//! untagged enums.

use std::borrow::Cow;

use super::{ErrorBody, quoted};
use crate::json::{JsonStr, Leaf, Object, Place, Raw, Slot, Text, fields, read};

/// One message. Extensions of other gateways (`reasoning_content`, `thinking_blocks`, `cache_control`) are
/// read too, because clients send back what they received.
#[derive(Debug)]
pub struct Message<'a> {
    /// `system`, `developer`, `user`, `assistant`, `tool` or `function`.
    pub role: Text<'a>,
    /// Text or content parts.
    pub content: Content<'a>,
    /// The assistant's tool calls.
    pub tool_calls: Vec<ToolCall<'a>>,
    /// The deprecated form of a single call.
    pub function_call: Option<Function<'a>>,
    /// The call that a `tool` message responds to.
    pub tool_call_id: Option<JsonStr<'a>>,
    /// Name of the speaker, or of the function that a `function` message responds to.
    pub name: Option<JsonStr<'a>>,
    /// The assistant's refusal.
    pub refusal: Option<JsonStr<'a>>,
    /// The assistant's reasoning, as text.
    pub reasoning_content: Option<JsonStr<'a>>,
    /// The assistant's reasoning with signatures, exactly as the provider wrote it (`LiteLLM`).
    pub thinking_blocks: Option<Raw<'a>>,
    /// Extensions that must be sent back, such as signatures of the assistant's text.
    pub provider_specific_fields: Option<Raw<'a>>,
    /// Prompt cache marker (Anthropic).
    pub cache_control: Option<Raw<'a>>,
}
fields!(Message<'a> {
    role, content, tool_calls, function_call, tool_call_id, name, refusal, reasoning_content,
    thinking_blocks, provider_specific_fields, cache_control; "role"
});

impl<'a> Message<'a> {
    pub(super) fn parse(at: usize, raw: Raw<'a>) -> Result<Self, ErrorBody> {
        let message: Self =
            read(raw).map_err(|error| ErrorBody::invalid(format!("messages[{at}]"), &reason(&error)))?;
        match &*message.role {
            "system" | "developer" | "user" | "assistant" | "tool" | "function" => Ok(message),
            other => Err(ErrorBody::invalid(
                format!("messages[{at}].role"),
                &format!(
                    "'{}' is not one of 'system', 'developer', 'user', 'assistant', 'tool', 'function'",
                    quoted(other)
                ),
            )),
        }
    }

    /// A user message.
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

    /// The assistant's calls, in either form.
    pub fn calls(&self) -> impl Iterator<Item = Call<'_, 'a>> {
        let modern = self.tool_calls.iter().filter_map(|call| {
            let function = call.function.as_ref()?;
            let cache_control = call.cache_control.or(function.cache_control);
            Some(Call { id: call.id, function, cache_control })
        });
        let deprecated = self.function_call.iter();
        modern.chain(deprecated.map(|function| Call {
            id: None,
            function,
            cache_control: function.cache_control,
        }))
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
    /// The text in it, skipping other parts.
    pub fn texts(&self) -> impl Iterator<Item = JsonStr<'a>> + '_ {
        let (one, parts) = match self {
            Self::None => (None, &[][..]),
            Self::Text(text) => (Some(*text), &[][..]),
            Self::Parts(parts) => (None, &parts[..]),
        };
        one.into_iter().chain(parts.iter().filter_map(|part| part.text))
    }

    /// Whether there is no content.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::None => true,
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.is_empty(),
        }
    }
}

impl<'a> Leaf<'a> for Content<'a> {
    fn set(&mut self, token: Raw<'a>) -> Result<(), Cow<'static, str>> {
        *self = match token.get().as_bytes().first() {
            Some(b'n') => Self::None,
            Some(b'[') => match read(token) {
                Ok(parts) => Self::Parts(parts),
                Err(error) => return Err(format!("content: {}", reason(&error)).into()),
            },
            _ => Self::Text(JsonStr::of(token).ok_or("content: expected a string or an array of parts")?),
        };
        Ok(())
    }
}

impl<'a> Place<'a> for Content<'a> {
    fn empty() -> Self {
        Self::None
    }

    fn slot(&mut self) -> Slot<'_, 'a> {
        Slot::Leaf(self)
    }
}

/// One part of a `content` array.
#[derive(Debug)]
pub struct Part<'a> {
    /// `text`, `image_url`, `input_audio`, `file`, `refusal` …
    pub kind: Text<'a>,
    /// `text`
    pub text: Option<JsonStr<'a>>,
    /// `image_url`
    pub image_url: Option<ImageUrl<'a>>,
    /// `input_audio`
    pub input_audio: Option<InputAudio<'a>>,
    /// `file`
    pub file: Option<File<'a>>,
    /// `refusal`
    pub refusal: Option<JsonStr<'a>>,
    /// Prompt cache marker (Anthropic).
    pub cache_control: Option<Raw<'a>>,
    /// Source of an `image` or a `document`: Anthropic's own parts, which `LiteLLM` passes through.
    pub source: Option<Raw<'a>>,
    /// Title of a `document`.
    pub title: Option<Raw<'a>>,
    /// Context for a `document`.
    pub context: Option<Raw<'a>>,
    /// Citation settings of a `document`.
    pub citations: Option<Raw<'a>>,
}
fields!(Part<'a> {
    kind = "type", text, image_url, input_audio, file, refusal, cache_control, source, title, context,
    citations; "type"
});

/// `image_url`, an object or (as many clients send) the bare URL.
#[derive(Debug)]
pub struct ImageUrl<'a> {
    /// `https:` or `data:` URL.
    pub url: JsonStr<'a>,
    /// `auto`, `low` or `high`
    pub detail: Option<JsonStr<'a>>,
    /// `format` (`LiteLLM`): the media type, if the URL does not say it.
    pub format: Option<JsonStr<'a>>,
}

impl<'a> Leaf<'a> for ImageUrl<'a> {
    fn set(&mut self, token: Raw<'a>) -> Result<(), Cow<'static, str>> {
        struct Wire<'a> {
            url: JsonStr<'a>,
            detail: Option<JsonStr<'a>>,
            format: Option<JsonStr<'a>>,
        }
        fields!(Wire<'a> { url, detail, format; "url" });
        let wire = match JsonStr::of(token) {
            Some(url) => Wire { url, detail: None, format: None },
            None => read(token).map_err(|error| format!("image_url: {}", reason(&error)))?,
        };
        *self = Self { url: wire.url, detail: wire.detail, format: wire.format };
        Ok(())
    }
}

impl<'a> Place<'a> for ImageUrl<'a> {
    fn empty() -> Self {
        Self { url: JsonStr::EMPTY, detail: None, format: None }
    }

    fn slot(&mut self) -> Slot<'_, 'a> {
        Slot::Leaf(self)
    }
}

/// `input_audio`
#[derive(Debug)]
pub struct InputAudio<'a> {
    /// Base64.
    pub data: JsonStr<'a>,
    /// `wav` or `mp3`
    pub format: Text<'a>,
}
fields!(InputAudio<'a> { data, format; "data", "format" });

/// `file`
#[derive(Debug)]
pub struct File<'a> {
    /// Id of an uploaded file.
    pub file_id: Option<JsonStr<'a>>,
    /// Its name.
    pub filename: Option<JsonStr<'a>>,
    /// `data:` URL, or bare base64.
    pub file_data: Option<JsonStr<'a>>,
    /// `format` (`LiteLLM`): the media type, if the data does not say it.
    pub format: Option<JsonStr<'a>>,
}
fields!(File<'a> { file_id, filename, file_data, format });

/// `tool_calls[]`
#[derive(Debug)]
pub struct ToolCall<'a> {
    /// The id that the tool's result refers to.
    pub id: Option<JsonStr<'a>>,
    /// The call; absent in a custom tool call.
    pub function: Option<Function<'a>>,
    /// Extensions that must be sent back (Gemini's thought signatures).
    pub provider_specific_fields: Option<Raw<'a>>,
    /// Prompt cache marker (Anthropic); it can also be in `function`.
    pub cache_control: Option<Raw<'a>>,
}
fields!(ToolCall<'a> { id, function, provider_specific_fields, cache_control });

/// One of the assistant's calls, in either form.
#[derive(Clone, Copy, Debug)]
pub struct Call<'m, 'a> {
    /// The id that the tool's result refers to; the deprecated form has none.
    pub id: Option<JsonStr<'a>>,
    /// The call.
    pub function: &'m Function<'a>,
    /// Prompt cache marker.
    pub cache_control: Option<Raw<'a>>,
}

/// A function call.
#[derive(Debug)]
pub struct Function<'a> {
    /// Name of the function.
    pub name: Text<'a>,
    /// JSON inside a string; `""` means `{}`.
    pub arguments: Option<JsonStr<'a>>,
    /// Prompt cache marker (Anthropic).
    pub cache_control: Option<Raw<'a>>,
}
fields!(Function<'a> { name, arguments, cache_control });

impl Function<'_> {
    /// The JSON object in `arguments`. `field` names the call in errors.
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

/// serde's message without its position, which is inside a string value and would mislead the client.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}
