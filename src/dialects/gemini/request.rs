//! Writes the request body.

use super::super::Target;
use super::models::Resolution;
use super::parts::{self, Media};
use super::tools::Tools;
use super::{contents, models, sampling};
use crate::json::{Raw, Writer};
use crate::openai::{ErrorBody, Memo, Request, STANDARD_PARAMS, is_private};

/// `OpenAI` parameters with an equivalent, or without effect on the response.
const SUPPORTED: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "web_search_options",
];

/// The provider's own fields besides `contents`, as `LiteLLM`'s users write them.
const RENAMED: &[(&str, &str)] =
    &[("safety_settings", "safetySettings"), ("cached_content", "cachedContent")];

/// The provider's own name of a field.
pub(super) fn renamed(name: &str) -> &str {
    RENAMED.iter().find(|(asked, _)| *asked == name).map_or(name, |(_, renamed)| renamed)
}

/// Translates the request.
pub(super) fn write(request: &Request<'_>, to: &Target<'_>, memo: &mut Memo) -> Result<Vec<u8>, ErrorBody> {
    to.check_params(request, SUPPORTED)?;
    let model = models::find(to.model);
    let messages = request.messages_inlined(&["https:"])?;
    let tools = Tools::of(request, to, model)?;

    let mut body = Vec::with_capacity(request.body.len() + request.body.len() / 8 + 256);
    let mut w = Writer::new(&mut body);
    w.object();
    if model.system {
        contents::write_system(&mut w, &messages)?;
    }
    // On Vertex AI, parts do not support it in the API version that is used.
    let media = Media { each: model.resolution == Resolution::Part && to.publisher().is_none() };
    contents::write(&mut w, &messages, model, &tools.names, media)?;
    tools.write(&mut w)?;
    let for_all = model.resolution != Resolution::Nowhere && !media.each;
    let closest = for_all.then(|| parts::closest(messages.iter().map(|message| &message.content))).flatten();
    sampling::write(&mut w, request, to, model, closest)?;
    write_service_tier(&mut w, request, to)?;
    write_extras(&mut w, request);
    w.end_object();

    memo.renamed = tools.names.into_renamed();
    Ok(body)
}

fn write_service_tier(w: &mut Writer<'_>, request: &Request<'_>, to: &Target<'_>) -> Result<(), ErrorBody> {
    let Some(tier) = request.text("service_tier")? else { return Ok(()) };
    // Vertex AI has other tiers.
    match tier.inner() {
        "auto" => {}
        "default" if to.publisher().is_some() => {}
        "default" => {
            w.key("serviceTier").string("standard");
        }
        "flex" | "priority" if to.publisher().is_none() => {
            w.key("serviceTier").raw(tier.token());
        }
        other => return to.refuse_value("service_tier", &format!("service_tier='{other}'")),
    }
    Ok(())
}

/// Parameters that are not `OpenAI`'s are forwarded verbatim: `safetySettings`, `cachedContent`, `labels` …
fn write_extras(w: &mut Writer<'_>, request: &Request<'_>) {
    let is_ours = |name: &str| {
        // What is written from the messages must not be there a second time.
        matches!(name, "contents" | "messages" | "model" | "prompt" | "stream")
            || matches!(name, "systemInstruction" | "system_instruction")
            || sampling::is_read(name)
            || STANDARD_PARAMS.contains(&name)
            || is_private(name)
    };
    let extras: Vec<(_, Raw<'_>)> =
        request.params().filter(|(name, value)| !is_ours(name) && value.get() != "null").collect();
    for (name, value) in extras {
        w.string(renamed(&name)).bytes().push(b':');
        w.raw(value.get());
    }
}
