//! The model behind every dialect: what it is asked and what it says, in no dialect's words.
//!
//! Unscripted it is deterministic: it calls the tool that it is made or free to call, tells a tool's result back,
//! and otherwise repeats the prompt. Scripted in rounds it is an agent's model: it calls tools that the client runs, and
//! at last says something.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a dialect read out of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// Model asked for.
    pub model: String,
    /// The client wants a stream.
    pub stream: bool,
    /// The client wants usage in the stream (always true where the language always tells).
    pub include_usage: bool,
    /// Text of the last user turn.
    pub user: String,
    /// Texts of the tool results that the last turn holds.
    pub tool_results: Vec<String>,
    /// For each turn of the model that called tools, the texts of their results.
    pub rounds: Vec<Vec<String>>,
    /// The model thinks, if it has thoughts.
    pub thinks: bool,
    /// Thoughts are not shown.
    pub hides_thoughts: bool,
    /// Tools that may be called: name and JSON schema of the arguments.
    pub tools: Vec<(String, Value)>,
    /// The answer has to be a call: of this tool, or of any where the name is empty.
    pub forced: Option<String>,
}

/// What the model says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reply {
    /// What it thinks before, if it thinks at all.
    pub reasoning: Option<String>,
    /// Text, if any.
    pub text: Option<String>,
    /// Calls, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub finish: Finish,
    /// What it used.
    pub usage: Usage,
}

/// A call of one of the client's tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Identifies the call. Where it is empty the dialect makes one up in its own form.
    #[serde(default)]
    pub id: String,
    /// Tool.
    pub name: String,
    /// Arguments as JSON text.
    pub arguments: String,
}

/// Why the model stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// A natural end.
    #[default]
    End,
    /// The limit of tokens.
    Length,
    /// It waits for tools.
    Tools,
    /// It will not say it.
    Refusal,
}

/// Tokens. `input` is without the cached ones, as Anthropic counts; dialects with another basis add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Usage {
    /// Prompt, neither read from a cache nor written to one.
    pub input: u64,
    /// Prompt, read from a cache.
    pub cached: u64,
    /// Prompt, written to a cache.
    pub cache_write: u64,
    /// Completion, reasoning included.
    pub output: u64,
    /// Part of `output` that was reasoning.
    pub reasoning: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input: 11, cached: 0, cache_write: 0, output: 7, reasoning: 0 }
    }
}

impl Prompt {
    /// The identifier of a call of the answer that has none: another one in each round, as with real models.
    pub fn call_id(&self, prefix: &str, index: usize, call: &ToolCall) -> String {
        if call.id.is_empty() {
            format!("{prefix}{}{index}abcdefghij", self.rounds.len())
        } else {
            call.id.clone()
        }
    }
}

impl Reply {
    /// Says that.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// Calls that tool.
    pub fn call(name: &str, arguments: &Value) -> Self {
        Self::default().and_call(name, arguments)
    }

    /// Calls one more tool.
    #[must_use]
    pub fn and_call(mut self, name: &str, arguments: &Value) -> Self {
        let call = ToolCall { id: String::new(), name: name.to_owned(), arguments: arguments.to_string() };
        self.tool_calls.push(call);
        self.finish = Finish::Tools;
        self
    }

    /// Stops for that reason.
    #[must_use]
    pub fn finish(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }

    /// Used that much.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }
}

/// What the unscripted model says to that.
pub fn reply(prompt: &Prompt) -> Reply {
    if !prompt.tool_results.is_empty() {
        return Reply::text(format!("The tool says: {}", prompt.tool_results.join(", ")));
    }
    let wanted = match prompt.forced.as_deref() {
        Some(name) if !name.is_empty() => prompt.tools.iter().find(|(tool, _)| tool == name),
        _ => prompt.tools.first(),
    };
    match wanted {
        Some((name, schema)) => Reply::call(name, &sample(schema)),
        None => Reply::text(format!("You said: {}", prompt.user)),
    }
}

/// What the model says in the round that the conversation has come to; the last one stays. `{results}` in a text
/// becomes the results of the tools that were called last.
pub fn in_round(rounds: &[Reply], prompt: &Prompt) -> Reply {
    let Some(reply) = rounds.get(prompt.rounds.len()).or(rounds.last()) else { return reply(prompt) };
    let offered = |name: &str| prompt.tools.iter().any(|(tool, _)| tool == name);
    if let Some(call) = reply.tool_calls.iter().find(|call| !offered(&call.name)) {
        let names: Vec<&str> = prompt.tools.iter().map(|(name, _)| name.as_str()).collect();
        return Reply::text(format!("I cannot call {}: only {}.", call.name, names.join(", ")));
    }
    let results = prompt.rounds.last().map(|results| results.join("\n")).unwrap_or_default();
    let text = reply.text.as_ref().map(|text| text.replace("{results}", &results));
    Reply { text, ..reply.clone() }
}

/// The smallest value that a schema allows, so far as such schemas are written for tools.
fn sample(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            Value::Object(fields.map(|(name, field)| (name.clone(), sample(field))).collect::<Map<_, _>>())
        }
        Some("array") => json!([sample(&schema["items"])]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        _ => json!("Paris"),
    }
}

/// A vector that depends on the text and on nothing else. Its numbers are exact in 32 bits and short in decimal, so
/// that every encoding of it can be compared.
pub fn embedding(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let mut vector = Vec::with_capacity(dimensions);
    for _ in 0..dimensions {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let eighth = i16::try_from(state >> 28).unwrap_or_default() - 8;
        vector.push(f32::from(eighth) / 8.0);
    }
    vector
}
