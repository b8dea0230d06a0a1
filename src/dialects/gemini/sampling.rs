//! `generationConfig`: sampling, limits and formats.

use super::super::Target;
use super::models::Model;
use super::thinking;
use crate::json::{JsonStr, Object, Raw, Writer, read};
use crate::openai::{ErrorBody, Request, ResponseFormat};

/// Parameters that are only renamed, as pairs of the client's and the provider's name. The last ones are the
/// provider's own, in both spellings.
const RENAMED: &[(&str, &str)] = &[
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("n", "candidateCount"),
    ("seed", "seed"),
    // The names are swapped: one enables log probabilities, the other sets the number of tokens.
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
    ("media_resolution", "mediaResolution"),
    ("mediaResolution", "mediaResolution"),
    ("image_config", "imageConfig"),
    ("imageConfig", "imageConfig"),
    ("speech_config", "speechConfig"),
    ("speechConfig", "speechConfig"),
    ("audio_timestamp", "audioTimestamp"),
    ("audioTimestamp", "audioTimestamp"),
];

const PENALTIES: &[(&str, &str)] =
    &[("presence_penalty", "presencePenalty"), ("frequency_penalty", "frequencyPenalty")];

/// The field of `generationConfig` for a parameter.
pub(super) fn renamed(name: &str) -> Option<&'static str> {
    match name {
        "max_tokens" | "max_completion_tokens" => Some("maxOutputTokens"),
        "thinkingConfig" | "thinking_config" => Some("thinkingConfig"),
        _ => RENAMED.iter().chain(PENALTIES).find(|(asked, _)| *asked == name).map(|(_, renamed)| *renamed),
    }
}

/// Whether `name` is handled here, although it is not an `OpenAI` parameter.
pub(super) fn is_read(name: &str) -> bool {
    RENAMED.iter().any(|(asked, _)| *asked == name)
        || matches!(
            name,
            "generationConfig" | "generation_config" | "thinking" | "thinkingConfig" | "thinking_config"
        )
}

/// Writes `generationConfig`, unless it is empty. `resolution` is that of the images.
pub(super) fn write(
    w: &mut Writer<'_>,
    request: &Request<'_>,
    to: &Target<'_>,
    model: &Model,
    resolution: Option<&str>,
) -> Result<(), ErrorBody> {
    let before = w.bytes().len();
    w.key("generationConfig").object();
    let empty = w.bytes().len();
    let given = request.get("generationConfig").or_else(|| request.get("generation_config"));
    if let Some(given) = given {
        let given =
            Object::of(given).ok_or_else(|| ErrorBody::invalid("generationConfig", "expected an object"))?;
        for member in given.members() {
            w.raw(member.key.token());
            w.bytes().push(b':');
            w.raw(member.value.get());
        }
    }
    if let Some(most) = request.max_tokens()? {
        w.key("maxOutputTokens").number(most);
    }
    for (name, renamed) in RENAMED {
        if let Some(value) = request.get(name).filter(|value| !crate::openai::is_default(name, *value)) {
            w.key(renamed).raw(value.get());
        }
    }
    let is_own = |name: &&str| {
        given.and_then(Object::of).is_some_and(|given| given.get(name).is_some())
            || request.get(name).is_some()
    };
    if let Some(level) = resolution
        && !["mediaResolution", "media_resolution"].iter().any(is_own)
    {
        w.key("mediaResolution").string(level);
    }
    for &(name, renamed) in PENALTIES {
        let Some(value) = request.get(name).filter(|value| !crate::openai::is_default(name, *value)) else {
            continue;
        };
        if model.penalties {
            w.key(renamed).raw(value.get());
        } else {
            to.refuse_value(name, &format!("{name}={}", value.get()))?;
        }
    }
    write_stop(w, request)?;
    write_format(w, request)?;
    write_modalities(w, request)?;
    thinking::write(w, request, to, model)?;
    if w.bytes().len() == empty {
        w.bytes().truncate(before);
    } else {
        w.end_object();
    }
    Ok(())
}

/// How many stop sequences the Gemini API accepts. Vertex AI accepts 16.
const MOST_STOPS: usize = 5;

fn write_stop(w: &mut Writer<'_>, request: &Request<'_>) -> Result<(), ErrorBody> {
    let stop = request.first_stops(MOST_STOPS)?;
    if !stop.is_empty() {
        w.key("stopSequences").array();
        for sequence in stop {
            w.raw(sequence.token());
        }
        w.end_array();
    }
    Ok(())
}

/// `response_format`. The schema is JSON Schema, copied verbatim; the provider ignores unknown keywords.
fn write_format(w: &mut Writer<'_>, request: &Request<'_>) -> Result<(), ErrorBody> {
    let schema = match request.response_format()? {
        ResponseFormat::Text => return Ok(()),
        ResponseFormat::JsonObject => None,
        ResponseFormat::JsonSchema { schema, .. } => Some(schema),
    };
    w.key("responseMimeType").string("application/json");
    if let Some(schema) = schema {
        w.key("responseJsonSchema").raw(schema.get());
    }
    Ok(())
}

/// `modalities`, and the voice in `audio`.
fn write_modalities(w: &mut Writer<'_>, request: &Request<'_>) -> Result<(), ErrorBody> {
    if let Some(raw) = request.get("modalities").filter(|raw| !crate::openai::is_default("modalities", *raw))
    {
        let modalities: Vec<String> =
            read(raw).map_err(|_| ErrorBody::invalid("modalities", "expected an array of strings"))?;
        w.key("responseModalities").array();
        for modality in modalities {
            w.string(&modality.to_ascii_uppercase());
        }
        w.end_array();
    }
    if let Some(voice) = request.get("audio").and_then(voice) {
        w.key("speechConfig").object().key("voiceConfig").object().key("prebuiltVoiceConfig").object();
        w.key("voiceName").raw(voice.token()).end_object().end_object().end_object();
    }
    Ok(())
}

fn voice(audio: Raw<'_>) -> Option<JsonStr<'_>> {
    JsonStr::of(Object::of(audio)?.get("voice")?)
}
