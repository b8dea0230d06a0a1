//! Writes the request body.

use super::super::Target;
use super::super::claude::models::{self, Form, Model};
use super::super::claude::schema;
use super::super::claude::thinking::{self, Plan};
use super::betas::{self, Betas};
use super::tools::{JSON_TOOL, Tools};
use super::turns;
use crate::dialect::FEATURES_FIELD;
use crate::json::{JsonStr, Object, Raw, Writer};
use crate::openai::{ErrorBody, Memo, Request, ResponseFormat, STANDARD_PARAMS, is_private};

/// `OpenAI` parameters with an equivalent, or without effect on the response.
const SUPPORTED: &[&str] = &[
    "function_call",
    "functions",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "service_tier",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "web_search_options",
];

/// Replaces `OpenAI`'s `json_object`, which has no equivalent.
const JSON_NOTE: &str = "Respond with a single JSON object only: no other text and no code fence.";

/// A translated request.
pub(super) struct Written {
    pub(super) body: Vec<u8>,
    pub(super) betas: Betas,
}

/// Translates the request.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>, memo: &mut Memo) -> Result<Written, ErrorBody> {
    let model = models::find(to.model);
    check_params(request, to, model)?;
    // On cloud providers, URLs are not fetched.
    let messages =
        request.messages_inlined(if to.version_in_body().is_some() { &[] } else { &["https:"] })?;
    let format = request.response_format()?;
    let tools = Tools::of(request, to, model, format)?;
    let plan = Plan::of(request, to, model, &messages, tools.forced())?;

    let mut body = Vec::with_capacity(request.body.len() + request.body.len() / 8 + 512);
    let mut betas = Betas::default();
    let mut w = Writer::new(&mut body);
    w.object();
    match to.version_in_body() {
        Some(version) => w.key("anthropic_version").string(version),
        None => w.key("model").string(to.model),
    };
    w.key("max_tokens").number(plan.max_tokens);
    let note = matches!(format, ResponseFormat::JsonObject).then_some(JSON_NOTE);
    let leading = turns::write_system(&mut w, &messages, request.get("system"), note)?;
    turns::write_messages(&mut w, &messages, leading, model, &tools.names, &mut betas)?;
    tools.write(&mut w, &messages, model, &mut betas)?;
    plan.write(&mut w);
    for (name, value) in plan.sampling(request, to, model)? {
        w.key(name).raw(value);
    }
    write_output_config(&mut w, request, plan.effort, format, model, &mut betas)?;
    write_stop(&mut w, request)?;
    write_user(&mut w, request)?;
    write_service_tier(&mut w, request, to)?;
    if request.stream()? {
        w.key("stream").bool(true);
    }
    write_extras(&mut w, request, &mut betas);
    w.end_object();
    betas.asked(request, to);

    memo.json_tool = tools.has_json_tool().then(|| JSON_TOOL.to_owned());
    memo.renamed = tools.names.into_renamed();
    Ok(Written { body, betas })
}

fn check_params(request: &Request<'_>, to: &Target<'_>, model: &Model) -> Result<(), ErrorBody> {
    if model.thinking == Form::Never && !thinking::asks_for_nothing(request) {
        let supported: Vec<&str> =
            SUPPORTED.iter().copied().filter(|name| *name != "reasoning_effort").collect();
        return to.check_params(request, &supported);
    }
    to.check_params(request, SUPPORTED)
}

/// `output_config`: the client's own members, and those derived from other parameters.
fn write_output_config(
    w: &mut Writer<'_>,
    request: &Request<'_>,
    effort: Option<&str>,
    format: ResponseFormat<'_>,
    model: &Model,
    betas: &mut Betas,
) -> Result<(), ErrorBody> {
    let given = match request.get("output_config") {
        None => Object::default(),
        Some(raw) => {
            Object::of(raw).ok_or_else(|| ErrorBody::invalid("output_config", "expected an object"))?
        }
    };
    let effort = effort.filter(|_| given.get("effort").is_none());
    let schema = match format {
        ResponseFormat::JsonSchema { schema, .. } if model.json_schema && given.get("format").is_none() => {
            Some(schema)
        }
        _ => None,
    };
    if given.members().is_empty() && effort.is_none() && schema.is_none() {
        return Ok(());
    }
    if given.get("task_budget").is_some() {
        betas.add(betas::TASK_BUDGETS);
    }
    w.key("output_config").object();
    for member in given.members() {
        w.raw(member.key.token());
        w.bytes().push(b':');
        w.raw(member.value.get());
    }
    if let Some(effort) = effort {
        w.key("effort").string(effort);
    }
    if let Some(schema) = schema {
        w.key("format").object().key("type").string("json_schema").key("schema");
        schema::write(w, schema, "response_format.json_schema.schema")?;
        w.end_object();
    }
    w.end_object();
    Ok(())
}

/// `stop_sequences`. The provider rejects blank ones, which have no effect.
fn write_stop(w: &mut Writer<'_>, request: &Request<'_>) -> Result<(), ErrorBody> {
    let stop: Vec<JsonStr<'_>> = request.stop()?.into_iter().filter(|stop| !stop.is_blank()).collect();
    if stop.is_empty() {
        if let Some(own) = request.get("stop_sequences") {
            w.key("stop_sequences").raw(own.get());
        }
        return Ok(());
    }
    w.key("stop_sequences").array();
    for sequence in stop {
        w.raw(sequence.token());
    }
    w.end_array();
    Ok(())
}

/// `metadata.user_id`, the only member that is accepted.
fn write_user(w: &mut Writer<'_>, request: &Request<'_>) -> Result<(), ErrorBody> {
    let own = request
        .get("metadata")
        .and_then(Object::of)
        .and_then(|metadata| metadata.get("user_id"))
        .and_then(JsonStr::of);
    let user = match own {
        Some(own) => Some(own),
        None => match request.text("user")? {
            Some(user) => Some(user),
            None => request.text("safety_identifier")?,
        },
    };
    let user = user.filter(|user| !user.is_blank());
    if let Some(user) = user.filter(|user| !user.decode().is_some_and(|user| is_personal(&user))) {
        w.key("metadata").object().key("user_id").raw(user.token()).end_object();
    }
    Ok(())
}

/// Whether a user id looks like an e-mail address or a phone number. The provider asks not to send those, and
/// `LiteLLM` drops them.
fn is_personal(user: &str) -> bool {
    let email = user.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !user.chars().any(char::is_whitespace)
    });
    let telephone = user.len() >= 7
        && user.strip_prefix('+').unwrap_or(user).chars().all(|c| c.is_ascii_digit() || " ()-".contains(c));
    email || telephone
}

fn write_service_tier(w: &mut Writer<'_>, request: &Request<'_>, to: &Target<'_>) -> Result<(), ErrorBody> {
    let Some(tier) = request.text("service_tier")? else { return Ok(()) };
    match tier.inner() {
        // Clouds that serve these models have other tiers.
        "auto" | "default" if to.version_in_body().is_some() => return Ok(()),
        other if to.version_in_body().is_some() => {
            return to.refuse_value("service_tier", &format!("service_tier='{other}'"));
        }
        "auto" => w.key("service_tier").string("auto"),
        "default" | "standard_only" => w.key("service_tier").string("standard_only"),
        other => return to.refuse_value("service_tier", &format!("service_tier='{other}'")),
    };
    Ok(())
}

/// Parameters that are not `OpenAI`'s are forwarded verbatim: `cache_control`, `container`, `mcp_servers` …
fn write_extras(w: &mut Writer<'_>, request: &Request<'_>, betas: &mut Betas) {
    let is_ours = |name: &str| {
        matches!(
            name,
            FEATURES_FIELD
                | "messages"
                | "model"
                | "output_config"
                | "prompt"
                | "stop_sequences"
                | "stream"
                | "system"
                | "thinking"
                | "top_k"
        ) || STANDARD_PARAMS.contains(&name)
            || is_private(name)
    };
    let extras: Vec<(_, Raw<'_>)> =
        request.params().filter(|(name, value)| !is_ours(name) && value.get() != "null").collect();
    for (name, value) in extras {
        betas.param(&name, value);
        w.string(&name).bytes().push(b':');
        w.raw(value.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_that_tells_who_it_is_is_held_back() {
        assert!(is_personal("jane.doe+x@example.com"));
        assert!(is_personal("+1 (555) 123-4567"));
        assert!(!is_personal("user-1234567"));
        assert!(!is_personal("123456"));
        assert!(!is_personal("@handle"));
    }
}
