//! What is wrong with a request, and what it asks.

use serde_json::{Value, json};

use super::super::{Refusal, unknown};
use super::answer::generation;
use crate::model::Prompt;
use crate::state;

const FIELDS: &[&str] = &[
    "cachedContent",
    "contents",
    "generationConfig",
    "safetySettings",
    "serviceTier",
    "store",
    "systemInstruction",
    "toolConfig",
    "tools",
];

const GENERATION: &[&str] = &[
    "candidateCount",
    "frequencyPenalty",
    "imageConfig",
    "logprobs",
    "maxOutputTokens",
    "mediaResolution",
    "presencePenalty",
    "responseJsonSchema",
    "responseLogprobs",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "speechConfig",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
];

const PARTS: &[&str] = &[
    "codeExecutionResult",
    "executableCode",
    "fileData",
    "functionCall",
    "functionResponse",
    "inlineData",
    "text",
];

/// What a `Schema` has; a `parametersJsonSchema` may have anything.
const SCHEMA: &[&str] = &[
    "anyOf",
    "default",
    "description",
    "enum",
    "example",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "propertyOrdering",
    "required",
    "title",
    "type",
];

/// Asks the validator of signatures to look away.
const SKIP: [&str; 2] = ["skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="];

pub(super) fn read(body: &Value, model: &str) -> Result<Prompt, Refusal> {
    check_fields(body, "", FIELDS)?;
    let config = &body["generationConfig"];
    check_fields(config, " at 'generation_config'", GENERATION)?;
    let thinking = &config["thinkingConfig"];
    if !thinking["thinkingBudget"].is_null() && !thinking["thinkingLevel"].is_null() {
        return Err(Refusal::bad("You can only set only one of thinking budget and thinking level."));
    }
    if config["maxOutputTokens"].as_i64().is_some_and(|tokens| tokens < 1) {
        return Err(Refusal::bad("max_output_tokens must be positive."));
    }
    let mut prompt = Prompt {
        model: model.to_owned(),
        include_usage: true,
        thinks: thinking["includeThoughts"] == true,
        ..Prompt::default()
    };
    read_contents(body, &mut prompt)?;
    read_tools(body, &mut prompt)?;
    Ok(prompt)
}

fn check_fields(value: &Value, at: &str, known: &[&str]) -> Result<(), Refusal> {
    match unknown(value, known) {
        Some(name) => Err(Refusal::bad(format!(
            "Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field."
        ))),
        None => Ok(()),
    }
}

fn parts(content: &Value) -> &[Value] {
    content["parts"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn has(content: &Value, kind: &str) -> usize {
    parts(content).iter().filter(|part| !part[kind].is_null()).count()
}

fn read_contents(body: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    let contents = body["contents"].as_array().filter(|contents| !contents.is_empty());
    let contents = contents.ok_or_else(|| Refusal::bad("contents is not specified"))?;
    for (index, content) in contents.iter().enumerate() {
        check_content(content, index)?;
    }
    let contents = &joined(contents);
    let mut before: Option<&Value> = None;
    for content in contents {
        let calls = before
            .map_or(0, |before| if before["role"] == "model" { has(before, "functionCall") } else { 0 });
        let results = has(content, "functionResponse");
        if results != calls {
            return Err(Refusal::bad(
                "Please ensure that the number of function response parts is equal to the number of function call \
                 parts of the function call turn.",
            ));
        }
        if content["role"] == "model" && has(content, "functionCall") > 0 {
            if !before.is_some_and(|before| before["role"] == "user") {
                return Err(Refusal::bad(
                    "Please ensure that function call turn comes immediately after a user turn or after a function \
                     response turn.",
                ));
            }
            prompt.rounds.push(Vec::new());
        }
        let texts: Vec<&str> = parts(content).iter().filter_map(|part| part["text"].as_str()).collect();
        if content["role"] == "user" {
            let told =
                parts(content).iter().filter(|part| !part["functionResponse"].is_null()).map(result_text);
            prompt.tool_results = told.collect();
            if let Some(round) = prompt.rounds.last_mut().filter(|_| results > 0) {
                round.clone_from(&prompt.tool_results);
            }
            if !texts.is_empty() {
                prompt.user = texts.join(" ");
            }
        }
        before = Some(content);
    }
    if before.is_some_and(|last| has(last, "functionCall") > 0) {
        return Err(Refusal::bad(
            "Please ensure that the function call turn is followed by a function response turn.",
        ));
    }
    if generation(&prompt.model) >= 3 { check_signatures(contents) } else { Ok(()) }
}

/// Contents of the model that follow each other are one turn: clients that stream keep each event as a content.
fn joined(contents: &[Value]) -> Vec<Value> {
    let is_model = |content: &Value| content["role"] == "model";
    let join = |run: &[Value]| {
        let parts: Vec<&Value> = run.iter().flat_map(parts).collect();
        json!({ "role": run[0]["role"], "parts": parts })
    };
    contents.chunk_by(|a, b| is_model(a) && is_model(b)).map(join).collect()
}

fn check_content(content: &Value, index: usize) -> Result<(), Refusal> {
    check_fields(content, &format!(" at 'contents[{index}]'"), &["parts", "role"])?;
    if !matches!(content["role"].as_str(), Some("user" | "model")) {
        return Err(Refusal::bad("Please use a valid role: user, model."));
    }
    if parts(content).is_empty() {
        return Err(Refusal::bad(format!("contents.parts must not be empty at contents[{index}]")));
    }
    for (position, part) in parts(content).iter().enumerate() {
        let data = PARTS.iter().filter(|kind| !part[**kind].is_null()).count();
        if data != 1 {
            return Err(Refusal::bad(format!(
                "contents[{index}].parts[{position}].data: required oneof field 'data' must have one initialized field"
            )));
        }
        let other = ["mediaResolution", "thought", "thoughtSignature", "videoMetadata"];
        let known: Vec<&str> = PARTS.iter().copied().chain(other).collect();
        check_fields(part, &format!(" at 'contents[{index}].parts[{position}]'"), &known)?;
    }
    Ok(())
}

/// Each step of the current turn must come back with the signature of its first call.
fn check_signatures(contents: &[Value]) -> Result<(), Refusal> {
    let begins = |content: &Value| content["role"] == "user" && has(content, "functionResponse") == 0;
    let turn = contents.iter().rposition(begins).unwrap_or(0);
    for (index, content) in contents.iter().enumerate().skip(turn) {
        let Some(part) = parts(content).iter().find(|part| !part["functionCall"].is_null()) else { continue };
        let call = &part["functionCall"];
        let name = call["name"].as_str().unwrap_or_default();
        match part["thoughtSignature"].as_str() {
            Some(signature) if SKIP.contains(&signature) => {}
            Some(signature) if signature == state::of_call(name, &call["args"]) => {}
            Some(_) => return Err(Refusal::bad("Corrupted thought signature.")),
            None => {
                return Err(Refusal::bad(format!(
                    "Function call `{name}` in the {index}. content block is missing a `thought_signature`."
                )));
            }
        }
    }
    Ok(())
}

fn result_text(part: &Value) -> String {
    let response = &part["functionResponse"]["response"];
    let told = ["output", "content", "result", "error"].iter().find_map(|name| response[*name].as_str());
    told.map_or_else(|| response.to_string(), str::to_owned)
}

fn read_tools(body: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    for tool in body["tools"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let known = ["codeExecution", "functionDeclarations", "googleMaps", "googleSearch", "urlContext"];
        check_fields(tool, " at 'tools[0]'", &known)?;
        for (index, function) in tool["functionDeclarations"].as_array().into_iter().flatten().enumerate() {
            let at = format!("tools[0].function_declarations[{index}]");
            let known = [
                "behavior",
                "description",
                "name",
                "parameters",
                "parametersJsonSchema",
                "response",
                "responseJsonSchema",
            ];
            check_fields(function, &format!(" at '{at}'"), &known)?;
            let name = function["name"].as_str().unwrap_or_default();
            let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
            if !begins || name.len() > 128 || !name.bytes().all(is_of_a_name) {
                return Err(Refusal::bad(format!("Invalid function name {name:?} at '{at}.name'.")));
            }
            if !function["parameters"].is_null() {
                check_schema(&function["parameters"], &format!("{at}.parameters"))?;
            }
            let schema = ["parametersJsonSchema", "parameters"].iter().find_map(|kind| function.get(kind));
            prompt.tools.push((name.to_owned(), schema.cloned().unwrap_or_default()));
        }
    }
    let config = &body["toolConfig"]["functionCallingConfig"];
    match config["mode"].as_str() {
        None | Some("AUTO" | "VALIDATED") => {}
        Some("NONE") => prompt.tools.clear(),
        Some("ANY") => {
            let name = config["allowedFunctionNames"][0].as_str().unwrap_or_default();
            prompt.forced = Some(name.to_owned());
        }
        Some(other) => return Err(Refusal::bad(format!("Invalid value at 'tool_config.mode': {other:?}"))),
    }
    Ok(())
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-')
}

fn check_schema(schema: &Value, at: &str) -> Result<(), Refusal> {
    check_fields(schema, &format!(" at '{at}'"), SCHEMA)?;
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        check_schema(property, &format!("{at}.properties[{name}]"))?;
    }
    if !schema["items"].is_null() {
        check_schema(&schema["items"], &format!("{at}.items"))?;
    }
    schema["anyOf"]
        .as_array()
        .into_iter()
        .flatten()
        .try_for_each(|of| check_schema(of, &format!("{at}.any_of")))
}
