//! `InvokeModel` with Claude's own format, for clients of the same API: requests and responses pass nearly as they are
//! (<https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html>).
//!
//! A stream's events are in messages of an AWS event stream, each in base64 in the field `bytes`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::claude::relay;
use super::super::claude::{Surface, relayed};
use super::super::{Body, Outbound, Stream, Target};
use super::models::{self, Reasoning};
use super::{errors, fields, path_to};
use crate::config::Deployment;
use crate::facts::{Fault, Sink};
use crate::frame::Frame;
use crate::json::{JsonStr, Member, Object, Raw, Splice, Writer, fields, read};
use crate::openai::{Memo, Request};

/// The only version.
const VERSION: &str = "bedrock-2023-05-31";

/// Fields of a request that Bedrock accepts.
const FIELDS: &[&str] = &[
    "context_management",
    "max_tokens",
    "messages",
    "metadata",
    "output_config",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// What the names of members begin with that Bedrock adds to a response.
const ADDED: &str = "amazon-bedrock-";

/// Whether a deployment may serve such requests: settings of Converse have no place in them.
pub(super) fn is_deployed(deployment: &Deployment) -> bool {
    let model = &deployment.model;
    (model.contains('*') || is_claude(model))
        && !deployment.defaults.iter().any(|(name, _)| fields::is_of_converse(name))
}

/// Whether the request can be sent as it is. Bedrock neither fetches media nor runs tools, and only Converse follows a schema: a
/// translation says what becomes of those.
pub(super) fn can_relay(request: &Request<'_>, model: &str) -> bool {
    let tools: Vec<Raw<'_>> = request.get("tools").and_then(|tools| read(tools).ok()).unwrap_or_default();
    let config = request.get("output_config").and_then(Object::of).unwrap_or_default();
    let has_schema = config.get("format").is_some() || request.get("output_format").is_some();
    is_claude(model)
        && !has_schema
        && !tools.into_iter().any(is_run_by_server)
        && !request.get("messages").is_some_and(relayed::have_urls)
}

/// Whether a model speaks this format. `LiteLLM`'s prefix for Converse is respected.
fn is_claude(model: &str) -> bool {
    let row = models::find(model);
    !model.starts_with("converse/") && row.reasoning == Reasoning::Claude && row.caching
}

fn is_run_by_server(tool: Raw<'_>) -> bool {
    let kind = Object::of(tool).and_then(|tool| JsonStr::of(tool.get("type")?));
    let kind = kind.map_or("", JsonStr::inner);
    ["web_search_", "web_fetch_", "code_execution_", "mcp_toolset", "advisor_"]
        .iter()
        .any(|server| kind.starts_with(server))
}

/// Writes the provider's request.
pub(super) fn request(request: &Request<'_>, to: &Target<'_>, memo: &Memo) -> Outbound {
    let keeps_ttl = models::find(to.model).serial_tools;
    let surface = Surface::Invoke { version: VERSION, fields: FIELDS, keeps_ttl };
    let edits = relayed::write(request, to, surface, memo.counts).edits;
    let (action, body) = match (memo.counts, memo.stream) {
        (true, _) => ("count-tokens", Body::Bytes(counted(&edits.write(request.body)))),
        (_, true) => ("invoke-with-response-stream", Body::Edited(edits)),
        (_, false) => ("invoke", Body::Edited(edits)),
    };
    Outbound { path: path_to(to, action).into(), headers: Vec::new(), body }
}

/// The body of a request to count the tokens of a request.
fn counted(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 3 * 4 + 64);
    let mut w = Writer::new(&mut out);
    w.object().key("input").object().key("invokeModel").object();
    w.key("body").string(&STANDARD.encode(body)).end_object().end_object().end_object();
    out
}

/// The number in the answer.
pub(super) fn count(body: &[u8]) -> Option<u64> {
    struct Count {
        input_tokens: Option<u64>,
    }
    fields!(Count { input_tokens = "inputTokens" });
    read::<Count>(body).ok()?.input_tokens
}

/// Relays a stream, event by event.
pub(super) struct Relayed(relay::Relayed);

impl Relayed {
    pub(super) fn new(memo: &Memo) -> Self {
        Self(relay::Relayed::new(memo))
    }
}

impl Stream for Relayed {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        if frame.exception {
            let kind = core::str::from_utf8(frame.event).unwrap_or_default();
            return Err(errors::read(500, Some(kind), frame.data));
        }
        struct Chunk<'a> {
            bytes: Option<JsonStr<'a>>,
        }
        fields!(Chunk<'a> { bytes });
        if frame.event != b"chunk" {
            return Ok(());
        }
        let bytes = read::<Chunk<'_>>(frame.data).ok().and_then(|chunk| chunk.bytes?.decode());
        let event = bytes
            .and_then(|bytes| STANDARD.decode(&*bytes).ok())
            .ok_or_else(|| Fault::garbled("the provider sent a part of a stream that is not base64"))?;
        let event = without_additions(event);
        self.0.frame(Frame { event: b"", data: &event, exception: false }, out)
    }

    fn end(&mut self, out: &mut dyn Sink) {
        self.0.end(out);
    }
}

/// An event without what Bedrock adds to it.
fn without_additions(event: Vec<u8>) -> Vec<u8> {
    if memchr::memmem::find(&event, ADDED.as_bytes()).is_none() {
        return event;
    }
    let Ok(object) = Object::parse(&event) else { return event };
    let mut splice = Splice::new(&event);
    let is_added = |member: &&Member<'_>| member.name().is_some_and(|name| name.starts_with(ADDED));
    object.members().iter().filter(is_added).for_each(|member| splice.remove(member));
    splice.write()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_bedrock_adds_is_taken_from_an_event() {
        let told = |event: &str| String::from_utf8(without_additions(event.as_bytes().to_vec())).unwrap();
        let metrics = r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#;
        assert_eq!(told(metrics), r#"{"type":"message_stop"}"#);
        let text = r#"{"type":"content_block_delta","delta":{"text":"amazon-bedrock-x"}}"#;
        assert_eq!(told(text), text);
    }
}
