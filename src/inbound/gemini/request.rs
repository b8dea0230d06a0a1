//! A `GenerateContentRequest` as a chat request.

use super::proto::Fields;
use super::{contents, schema, tools};
use crate::json::{JsonStr, Writer};
use crate::openai::ErrorBody;

/// Fields of `generationConfig` that are only renamed. The last ones are for models that generate images and speech.
const RENAMED: &[(&str, &str)] = &[
    ("temperature", "temperature"),
    ("topP", "top_p"),
    ("topK", "top_k"),
    ("maxOutputTokens", "max_tokens"),
    ("candidateCount", "n"),
    ("seed", "seed"),
    ("presencePenalty", "presence_penalty"),
    ("frequencyPenalty", "frequency_penalty"),
    // The names are swapped: one enables log probabilities, the other sets the number of tokens.
    ("responseLogprobs", "logprobs"),
    ("logprobs", "top_logprobs"),
    ("speechConfig", "speechConfig"),
    ("imageConfig", "imageConfig"),
];

/// Writes the chat request that asks for the same. The path says the model, and whether to stream.
///
/// Clients send `topK`, thinking and safety settings to every model, so what a provider lacks is left out (`drop_params`).
///
/// # Errors
/// 400, with the field: what only Google's API can serve, or what is not in this API's form.
pub(super) fn to_chat(body: &[u8], stream: bool) -> Result<Vec<u8>, ErrorBody> {
    let request = Fields::of_body(body)?;
    write(&request, body.len(), stream)
}

/// The chat request of a request to count tokens, which holds `contents` alone or a whole request.
pub(super) fn to_counted_chat(body: &[u8]) -> Result<Vec<u8>, ErrorBody> {
    let request = Fields::of_body(body)?;
    match request.fields("generateContentRequest")? {
        Some(whole) => write(&whole, body.len(), false),
        None => write(&request, body.len(), false),
    }
}

fn write(request: &Fields<'_>, length: usize, stream: bool) -> Result<Vec<u8>, ErrorBody> {
    if request.get("cachedContent").is_some() {
        return Err(ErrorBody::invalid(
            "cachedContent",
            "not supported by this gateway; send the content itself, providers cache it implicitly",
        ));
    }
    let config = request.fields("generationConfig")?;
    let mut out = Vec::with_capacity(length + length / 8 + 256);
    let mut w = Writer::new(&mut out);
    w.object();
    if stream {
        w.key("stream").bool(true);
    }
    let resolution = config.as_ref().map(|config| config.word("mediaResolution")).transpose()?;
    let detail = match resolution.as_deref() {
        Some("media_resolution_low") => Some("low"),
        Some("media_resolution_high") => Some("high"),
        _ => None,
    };
    w.key("messages").array();
    contents::write_system(&mut w, request)?;
    contents::write(&mut w, request, detail)?;
    w.end_array();
    tools::write(&mut w, request)?;
    if let Some(config) = &config {
        write_config(&mut w, config)?;
    }
    w.key("drop_params").bool(true).end_object();
    Ok(out)
}

fn write_config(w: &mut Writer<'_>, config: &Fields<'_>) -> Result<(), ErrorBody> {
    for (name, renamed) in RENAMED {
        if let Some(value) = config.get(name) {
            // Google's SDK for Python has a `topK` that is not an integer.
            let value = if *name == "topK" { value.get().trim_end_matches(".0") } else { value.get() };
            w.key(renamed).raw(value);
        }
    }
    let stop: Vec<JsonStr<'_>> = config.list("stopSequences")?.into_iter().filter_map(JsonStr::of).collect();
    if stop.iter().any(|sequence| !sequence.is_empty()) {
        w.key("stop").array();
        for sequence in stop.iter().filter(|sequence| !sequence.is_empty()) {
            w.raw(sequence.token());
        }
        w.end_array();
    }
    let modalities = config.list("responseModalities")?;
    if !modalities.is_empty() {
        w.key("modalities").array();
        for modality in modalities.into_iter().filter_map(JsonStr::of) {
            w.string(&modality.inner().to_ascii_lowercase());
        }
        w.end_array();
    }
    write_format(w, config)?;
    if let Some(effort) = effort(config)? {
        w.key("reasoning_effort").string(&effort);
    }
    Ok(())
}

/// `response_format`
fn write_format(w: &mut Writer<'_>, config: &Fields<'_>) -> Result<(), ErrorBody> {
    let media_type = config.text("responseMimeType")?.map_or("", JsonStr::inner).replace("\\/", "/");
    let json_schema = config.get("responseJsonSchema");
    let own_schema = config.get("responseSchema").filter(|_| json_schema.is_none());
    if !matches!(&*media_type, "" | "application/json") {
        return Ok(());
    }
    if json_schema.is_none() && own_schema.is_none() {
        if !media_type.is_empty() {
            w.key("response_format").object().key("type").string("json_object").end_object();
        }
        return Ok(());
    }
    w.key("response_format").object().key("type").string("json_schema").key("json_schema").object();
    w.key("name").string("response").key("schema");
    if let Some(schema) = json_schema {
        w.raw(schema.get());
    }
    if let Some(schema) = own_schema {
        schema::write(w, schema);
    }
    w.end_object().end_object();
    Ok(())
}

/// `reasoning_effort`: the level, or what the budget amounts to (`LiteLLM`'s steps).
fn effort(config: &Fields<'_>) -> Result<Option<String>, ErrorBody> {
    let Some(thinking) = config.fields("thinkingConfig")? else { return Ok(None) };
    let level = thinking.word("thinkingLevel")?;
    if matches!(&*level, "minimal" | "low" | "medium" | "high") {
        return Ok(Some(level));
    }
    let budget = thinking.get("thinkingBudget").and_then(|budget| budget.get().parse::<i64>().ok());
    Ok(budget
        .and_then(|budget| match budget {
            0 => Some("none"),
            4096.. => Some("high"),
            2048.. => Some("medium"),
            1.. => Some("low"),
            // The model decides.
            _ => None,
        })
        .map(str::to_owned))
}
