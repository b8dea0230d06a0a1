//! AWS Bedrock: Converse and `ConverseStream` for chats, `InvokeModel` for embeddings, rerank, images and for clients of Claude's own API
//! (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>).
//!
//! One dialect for the models of many makers; a table lists their differences (`models.rs`). Each aspect that
//! differs from `OpenAI`'s API in more than names has its own file.

mod answer;
mod blocks;
mod embeddings;
mod errors;
mod features;
mod fields;
mod images;
mod invoke;
mod models;
mod request;
mod rerank;
mod stream;
mod tools;
mod turns;
mod usage;

use super::{Body, Dialect, Outbound, Stream, Target, claude, reranked};
use crate::config::Deployment;
use crate::dialect::Provider;
use crate::facts::{Fault, FinishReason, Sink, Wire};
use crate::frame::Framing;
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request};
use crate::uri;

/// The dialect of `bedrock-runtime.<region>.amazonaws.com`.
pub static BEDROCK: Bedrock = Bedrock;

/// See the module documentation.
pub struct Bedrock;

/// The response's id, which is not in the body.
const REQUEST_ID: &str = "x-amzn-requestid";
/// The exception's name, with or without a URL after a colon.
const ERROR_TYPE: &str = "x-amzn-errortype";
/// Tokens of an embedding's input, for responses without a count in the body.
const INPUT_TOKENS: &str = "x-amzn-bedrock-input-token-count";

impl Dialect for Bedrock {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn supports(&self, operation: Operation) -> bool {
        operation.generates_text()
            || matches!(operation, Operation::Embeddings | Operation::Rerank | Operation::Images)
    }

    fn framing(&self) -> Framing {
        Framing::EventStream
    }

    fn answer_headers(&self) -> &'static [&'static str] {
        &[REQUEST_ID, ERROR_TYPE, INPUT_TOKENS]
    }

    fn names_features(&self) -> bool {
        true
    }

    fn extra_in(&self, operation: Operation, member: &str) -> Option<&'static str> {
        // Converse rejects unknown fields. Others use the model's own request format.
        (operation.generates_text() && !fields::is_of_converse(member)).then_some(fields::MODELS_OWN)
    }

    fn most_inputs(&self, _: &Provider, model: &str) -> Option<usize> {
        Some(models::find_embedding(model)?.most)
    }

    fn embeds_images_alone(&self) -> bool {
        true
    }

    fn request(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        let (body, action) = match request.operation {
            Operation::Embeddings => (embeddings::write(request, to)?, "invoke"),
            Operation::Rerank => (rerank::write(request, to)?, "invoke"),
            Operation::Images => (images::write(request, to)?, "invoke"),
            _ if memo.stream => (request::write(request, to, memo)?, "converse-stream"),
            _ => (request::write(request, to, memo)?, "converse"),
        };
        Ok(Outbound { path: path_to(to, action).into(), headers: Vec::new(), body: Body::Bytes(body) })
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Messages)
    }

    fn has_wire(&self, deployment: &Deployment) -> bool {
        invoke::is_deployed(deployment)
    }

    fn can_relay(&self, request: &Request<'_>, _: &Provider, model: &str) -> bool {
        invoke::can_relay(request, model)
    }

    fn relayed(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        Ok(invoke::request(request, to, memo))
    }

    fn counts_tokens(&self) -> bool {
        true
    }

    fn count(&self, body: &[u8]) -> Option<u64> {
        invoke::count(body)
    }

    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
        if memo.wire.is_some() {
            if memo.stream {
                return Err(Fault::garbled("the provider did not send a stream"));
            }
            return claude::relay::answer(body, memo, out);
        }
        answer::read_answer(body, memo, out)
    }

    fn converted(&self, body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
        match memo.operation {
            Operation::Rerank => reranked::answer(body),
            Operation::Images => images::translate(body, memo),
            _ => embeddings::translate(body, memo),
        }
    }

    fn error(&self, status: u16, body: &[u8], memo: &Memo) -> Fault {
        errors::read(status, memo.header(ERROR_TYPE), body)
    }

    fn stream(&self, memo: &Memo) -> Box<dyn Stream> {
        match memo.wire {
            Some(_) => Box::new(invoke::Relayed::new(memo)),
            None => Box::new(stream::Translation::new(memo)),
        }
    }
}

/// The path of an action on the model.
fn path_to(to: &Target<'_>, action: &str) -> String {
    // `model_id` (`LiteLLM`): the ARN to call, if the model's name only says what kind of model it is.
    let id = to.option("model_id").unwrap_or_else(|| id(to.model));
    let id = if action == "count-tokens" { models::without_region(id) } else { id };
    let mut path = "/model/".to_owned();
    // An id is a single path segment: colons and slashes of an ARN are escaped.
    uri::encode(id, b"", &mut path);
    path.push('/');
    path.push_str(action);
    path
}

/// The model without `LiteLLM`'s route prefixes.
fn id(model: &str) -> &str {
    ["converse/", "invoke/"].iter().find_map(|route| model.strip_prefix(route)).unwrap_or(model)
}

/// Maps `stopReason`. `by_client_tool`: there is a call for the client to run, other than the tool in place
/// of `response_format`.
fn finish_reason(stop_reason: &str, by_client_tool: bool) -> FinishReason {
    match stop_reason {
        "tool_use" if by_client_tool => FinishReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        // Also `malformed_model_output` and `malformed_tool_use`, which have no OpenAI equivalent.
        _ => FinishReason::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Deployment;
    use crate::providers;

    fn path(model: &str, stream: bool, options: &str) -> String {
        let json = format!(
            r#"{{"id":"d","group":"g","provider":"bedrock","model":"x","api_base":"https://h","options":{options}}}"#
        );
        let deployment: Deployment = crate::json::read(&*json).unwrap();
        let provider = providers::find("bedrock").unwrap();
        let to = Target {
            provider,
            deployment: &deployment,
            model,
            drop_params: false,
            features: "",
            version: "",
            is_fallback: false,
            allowed: None,
            lacks_search: None,
        };
        let body = br#"{"messages":[{"role":"user","content":"hi"}]}"#;
        let request = Request::parse(Operation::Chat, body).unwrap();
        let mut memo = Memo {
            names: None,
            prompt_estimate: 0,
            echo: None,
            wire: None,
            counts: false,
            operation: Operation::Chat,
            model: "m".into(),
            stream,
            include_usage: false,
            base64: false,
            created: 0,
            id: "id".into(),
            function_call: false,
            json_tool: None,
            renamed: Vec::new(),
            headers: Vec::new(),
        };
        BEDROCK.request(&request, &to, &mut memo).unwrap().path.into_owned()
    }

    #[test]
    fn a_model_is_one_segment_of_the_path_whatever_its_id() {
        assert_eq!(
            path("anthropic.claude-3-haiku-20240307-v1:0", false, "[]"),
            "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
        );
        assert_eq!(
            path("converse/arn:aws:bedrock:us-east-1:1:inference-profile/us.x", true, "[]"),
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse-stream"
        );
        assert_eq!(path("../a?b#c", false, "[]"), "/model/..%2Fa%3Fb%23c/converse");
        let arn = r#"[["model_id","arn:aws:bedrock:us-east-1:1:provisioned-model/y"]]"#;
        assert_eq!(
            path("anthropic.claude-v2", false, arn),
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprovisioned-model%2Fy/converse"
        );
    }
}
