//! Envoy's own replies in the language of every other error: `{"error": {"message", "type", "param", "code"}}`.
//!
//! Envoy writes `upstream connect error or disconnect/reset before headers…` as plain text, which the SDKs
//! cannot read. Statuses and types are `LiteLLM`'s, except for a provider that is not reachable, which is 503 here
//! and 500 there. Replies of the filter are complete already: they alone have no `response_code_details` (the Rust
//! SDK passes none), and no mapper here matches them.
//!
//! The filter rewrites these replies for clients whose API has errors of another form. Envoy refuses requests without
//! calling the filter only when it is short of memory; that reply is here in the words of each API.

use serde_json::{Value, json};

use super::{Site, cors};
use crate::plan::Plan;

/// One kind of reply.
struct Reply {
    /// Which replies it is.
    when: When,
    /// Status that the client sees.
    status: u16,
    /// `type` of the error, or its `status` in Google's form.
    kind: &'static str,
    /// `message` of the error.
    message: String,
    /// `retry-after`, seconds.
    retry_after: Option<u32>,
    /// Whose form the body has.
    form: Form,
}

/// The form of an error.
#[derive(Clone, Copy)]
enum Form {
    /// `OpenAI`'s.
    OpenAi,
    /// That of the Messages API: <https://platform.claude.com/docs/en/api/errors>.
    Messages,
    /// Google's: <https://cloud.google.com/apis/design/errors>.
    Google,
}

/// Replies for lack of memory. No filter sees them.
const IS_OVERLOAD: &str = "response.code_details in ['overload', 'overload_error_send_local_reply']";

/// Paths of the Messages API.
const IS_MESSAGES: &str = "request.url_path.matches('^(/anthropic)?/v1/messages(/count_tokens)?$')";

/// Paths of Google's API.
const IS_GOOGLE: &str = "request.url_path.matches('^(/gemini)?/v1(beta|alpha)?/models/.*:[A-Za-z]+$')";

/// Why a request is refused when memory is short.
const NO_MEMORY: &str = "The gateway is low on memory (--memory-limit) and does not accept requests for a moment. Try again later.";

/// How Envoy identifies a reply.
enum When {
    /// One of these response flags.
    Flags(&'static [&'static str]),
    /// A condition in CEL, for what has no flag.
    Cel(&'static str),
    /// Two of them.
    Both(&'static str, &'static str),
}

/// Replies of the native filter.
const NATIVE: &str = "response.code_details == 'switchboard'";
/// See [`NATIVE`].
const NATIVE_TO_BROWSERS: &str = "response.code_details == 'switchboard' && 'origin' in request.headers";

/// `local_reply_config` of the connection manager.
pub(super) fn local_reply_config(plan: &Plan, site: &Site) -> Value {
    let origin = json!({
        "header": { "key": "access-control-allow-origin", "value": cors::allowed_origin(&plan.cors) },
        "append_action": "ADD_IF_ABSENT",
    });
    // A reply of the filter after the answer's headers passes no other filter.
    let own = json!({
        "filter": cel("'origin' in request.headers"),
        "headers_to_add": [origin],
    });
    // Those of the native filter have details, because Envoy would invent some.
    let natives = site.module.as_ref().map(|_| {
        [
            json!({ "filter": cel(NATIVE_TO_BROWSERS), "headers_to_add": [origin] }),
            json!({ "filter": cel(NATIVE) }),
        ]
    });
    let replies = replies(plan.timeout.as_secs_f64());
    let replies = replies.into_iter().map(|reply| mapper(&reply, &origin)).chain([own]);
    json!({ "mappers": natives.into_iter().flatten().chain(replies).collect::<Vec<_>>() })
}

/// The first that matches counts.
fn replies(timeout: f64) -> Vec<Reply> {
    let reply = |when, status, kind, message: &str| Reply {
        when,
        status,
        kind,
        message: message.to_owned(),
        retry_after: None,
        form: Form::OpenAi,
    };
    let overload = |when, status, kind, form| Reply {
        when,
        status,
        kind,
        message: NO_MEMORY.to_owned(),
        retry_after: Some(1),
        form,
    };
    vec![
        reply(
            When::Cel("response.code_details == 'request_payload_too_large'"),
            413,
            "invalid_request_error",
            "Request body is larger than general_settings.max_request_size_mb allows.",
        ),
        reply(
            When::Cel("response.code_details == 'response_payload_too_large'"),
            502,
            "internal_server_error",
            "litellm.BadGatewayError: BadGatewayError: the provider's response is larger than the gateway accepts.",
        ),
        // The filter's own reply to a timeout that is not the route's: it has the same flag, but another time.
        reply(
            When::Cel("response.code == 408 && 'x-litellm-timeout' in response.headers"),
            408,
            "invalid_request_error",
            "litellm.Timeout: APITimeoutError - Request timed out. - timeout value=%RESP(X-LITELLM-TIMEOUT)%",
        ),
        Reply {
            when: When::Flags(&["UT", "SI"]),
            status: 408,
            kind: "invalid_request_error",
            message: format!(
                "litellm.Timeout: APITimeoutError - Request timed out. - timeout value={timeout:?}"
            ),
            retry_after: None,
            form: Form::OpenAi,
        },
        reply(
            When::Flags(&["UH"]),
            503,
            "internal_server_error",
            "litellm.ServiceUnavailableError: ServiceUnavailableError: no deployment of this model is reachable.",
        ),
        reply(
            When::Flags(&["UF"]),
            503,
            "internal_server_error",
            "litellm.ServiceUnavailableError: ServiceUnavailableError: Connection error.",
        ),
        reply(
            When::Flags(&["UC", "UR", "LR", "UPE"]),
            503,
            "internal_server_error",
            "litellm.ServiceUnavailableError: ServiceUnavailableError: the provider closed the connection \
             before its answer.",
        ),
        overload(When::Both(IS_OVERLOAD, IS_MESSAGES), 529, "overloaded_error", Form::Messages),
        overload(When::Both(IS_OVERLOAD, IS_GOOGLE), 503, "UNAVAILABLE", Form::Google),
        overload(When::Cel(IS_OVERLOAD), 503, "service_unavailable_error", Form::OpenAi),
        reply(
            When::Flags(&["UO", "OM"]),
            503,
            "internal_server_error",
            "litellm.ServiceUnavailableError: ServiceUnavailableError: the gateway is at its limit of connections.",
        ),
        // Clients of the Responses API try WebSockets first; this status makes them use HTTP at once.
        reply(
            When::Cel("response.code_details == 'upgrade_failed'"),
            426,
            "invalid_request_error",
            "Upgrade Required: WebSockets are not supported. Use HTTP.",
        ),
        reply(When::Flags(&["NR", "NC"]), 404, "not_found_error", "Not Found"),
        reply(
            When::Cel("response.code == 501 && response.code_details.startsWith('http1.')"),
            501,
            "invalid_request_error",
            "Unsupported transfer-encoding: send the body chunked, or with a content-length.",
        ),
        reply(
            When::Cel("response.code_details.startsWith('wasm_fail')"),
            500,
            "internal_server_error",
            "Internal error in the gateway. Try again.",
        ),
        reply(
            When::Cel("response.code == 431"),
            431,
            "invalid_request_error",
            "The request's headers are too large.",
        ),
        reply(
            When::Cel("response.code == 408 && response.code_details != ''"),
            408,
            "invalid_request_error",
            "The request did not arrive in time.",
        ),
        reply(
            When::Cel("response.code >= 500 && response.code_details != ''"),
            503,
            "internal_server_error",
            "litellm.ServiceUnavailableError: ServiceUnavailableError: %RESPONSE_CODE_DETAILS%",
        ),
        reply(
            When::Cel("response.code >= 400 && response.code_details != ''"),
            400,
            "invalid_request_error",
            "The request is not valid HTTP: %RESPONSE_CODE_DETAILS%",
        ),
    ]
}

fn mapper(reply: &Reply, origin: &Value) -> Value {
    let filter = match &reply.when {
        When::Flags(flags) => json!({ "response_flag_filter": { "flags": flags } }),
        When::Cel(expression) => cel(expression),
        When::Both(one, other) => cel(&format!("{one} && {other}")),
    };
    let retry_after = reply.retry_after.map(|seconds| {
        json!({ "header": { "key": "retry-after", "value": seconds.to_string() }, "append_action": "ADD_IF_ABSENT" })
    });
    let headers = [call_id(), origin.clone()].into_iter().chain(retry_after);
    json!({
        "filter": filter,
        "status_code": reply.status,
        "headers_to_add": headers.collect::<Vec<_>>(),
        "body_format_override": {
            "content_type": "application/json",
            // Not text: Envoy escapes what it puts in for a command.
            "json_format": body(reply),
        },
    })
}

fn body(reply: &Reply) -> Value {
    let Reply { status, kind, message, .. } = reply;
    match reply.form {
        Form::OpenAi => {
            json!({ "error": { "message": message, "type": kind, "param": null, "code": status.to_string() } })
        }
        Form::Messages => json!({
            "type": "error",
            "error": { "type": kind, "message": message },
            "request_id": "%REQ(X-LITELLM-CALL-ID?X-REQUEST-ID)%",
        }),
        Form::Google => json!({ "error": { "code": status, "message": message, "status": kind } }),
    }
}

fn cel(expression: &str) -> Value {
    json!({ "extension_filter": {
        "name": "envoy.access_loggers.extension_filters.cel",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
            "expression": expression,
        },
    } })
}

/// The header by which a response of the key service, or of Envoy itself, is found in logs.
pub(super) fn call_id() -> Value {
    json!({
        "header": { "key": "x-litellm-call-id", "value": "%REQ(X-LITELLM-CALL-ID?X-REQUEST-ID)%" },
        "append_action": "ADD_IF_ABSENT",
    })
}
