//! Writes requests of clients of Google's API: the client's bytes, without the gateway's fields, and with the deployment's
//! defaults.

use super::super::{Body, Outbound, Target};
use super::sampling::renamed;
use super::{bare, outbound};
use crate::dialect::Provider;
use crate::json::{Edits, Member, Object, Raw, Splice, Writer, read};
use crate::openai::{FOREIGN_SIGNATURES, Operation, Request, STANDARD_PARAMS, is_private};

/// Whether the provider can serve the request as it is. Vertex AI embeds with another method, and no model accepts the
/// reasoning of another family.
pub(super) fn is_ours(request: &Request<'_>, provider: &Provider, model: &str) -> bool {
    let is_served = request.operation != Operation::Embeddings || provider.publisher(model).is_none();
    let holds = |signature: &&str| memchr::memmem::find(request.body, signature.as_bytes()).is_some();
    is_served && !FOREIGN_SIGNATURES.iter().any(holds)
}

/// The request.
pub(super) fn request(request: &Request<'_>, to: &Target<'_>, stream: bool) -> Outbound {
    let (method, edits) = if request.operation == Operation::Embeddings {
        embedding(request, to)
    } else {
        // Without `alt=sse` the stream is a JSON array.
        let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        (method, generation(request))
    };
    Outbound { body: Body::Edited(edits), ..outbound(to.model, method, Vec::new()) }
}

/// The same contents, to be counted. Gemini's own API takes a whole request inside the body; Vertex AI has no such field, but
/// takes the request's members.
pub(super) fn count(request: &Request<'_>, to: &Target<'_>) -> Outbound {
    let body = request.object();
    let whole = body
        .members()
        .iter()
        .find(|member| is_named(member, "generateContentRequest", "generate_content_request"));
    let whole = whole.and_then(|member| Some((member.value, Object::of(member.value)?)));
    let (source, object) = match &whole {
        Some((raw, object)) if to.publisher().is_some() => (raw.get().as_bytes(), object),
        _ => (request.body, body),
    };
    let mut splice = Splice::new(source);
    object.members().iter().filter(|member| is_gateways(member)).for_each(|member| splice.remove(member));
    if let Some((raw, object)) = whole.as_ref().filter(|_| to.publisher().is_none()) {
        name_model(object, Some(*raw), &format!("\"models/{}\"", bare(to.model)), &mut splice);
    }
    Outbound { body: Body::Bytes(splice.write()), ..outbound(to.model, "countTokens", Vec::new()) }
}

fn generation(request: &Request<'_>) -> Edits {
    let mut splice = Splice::new(request.body);
    let mut config = None;
    for member in request.object().members() {
        if is_gateways(member) {
            splice.remove(member);
        } else if is_named(member, "generationConfig", "generation_config") {
            config = Object::of(member.value).map(|object| (member.value, object));
        }
    }
    let (mut own, mut sampling) = (Vec::new(), Vec::new());
    let mut named: Vec<String> = Vec::new();
    let mut configure = |name: &str, value: Raw<'_>| {
        let is_given = config.as_ref().is_some_and(|(_, config)| has(config, name));
        if !is_given && !named.iter().any(|known| known == name) {
            named.push(name.to_owned());
            add(&mut sampling, name, value);
        }
    };
    for (name, value) in request.missing_defaults().filter(|(name, _)| !is_private(name)) {
        match (name, renamed(name)) {
            (_, Some(theirs)) => configure(theirs, value),
            ("generationConfig" | "generation_config", _) => {
                let members = Object::of(value).unwrap_or_default();
                for member in members.members() {
                    configure(&member.name().unwrap_or_default(), member.value);
                }
            }
            ("thinking", _) => {}
            _ if STANDARD_PARAMS.contains(&name) || has(request.object(), name) => {}
            _ => add(&mut own, super::request::renamed(name), value),
        }
    }
    match config {
        _ if sampling.is_empty() => {}
        Some((raw, _)) => splice.append_to(raw.get(), sampling),
        None => {
            Writer::new(&mut own).key("generationConfig").object().bytes().extend_from_slice(&sampling);
            own.push(b'}');
        }
    }
    if !own.is_empty() {
        splice.append(own);
    }
    splice.edits()
}

/// Each text names the model.
fn embedding(request: &Request<'_>, to: &Target<'_>) -> (&'static str, Edits) {
    let mut splice = Splice::new(request.body);
    let model = format!("\"models/{}\"", bare(to.model));
    for member in
        request.object().members().iter().filter(|member| is_gateways(member) && !member.is("model"))
    {
        splice.remove(member);
    }
    let Some(requests) = request.get("requests") else {
        name_model(request.object(), None, &model, &mut splice);
        return ("embedContent", splice.edits());
    };
    for raw in read::<Vec<Raw<'_>>>(requests).unwrap_or_default() {
        if let Some(one) = Object::of(raw) {
            name_model(&one, Some(raw), &model, &mut splice);
        }
    }
    ("batchEmbedContents", splice.edits())
}

/// Sets `model` in an object: in that place, or at the top.
fn name_model(object: &Object<'_>, place: Option<Raw<'_>>, model: &str, splice: &mut Splice<'_>) {
    let added = || format!("\"model\":{model}").into_bytes();
    match (object.get("model"), place) {
        (Some(given), _) => splice.replace(given.get(), model.as_bytes().to_vec()),
        (None, Some(place)) => splice.append_to(place.get(), added()),
        (None, None) => splice.append(added()),
    }
}

/// The path names the model.
fn is_gateways(member: &Member<'_>) -> bool {
    member.name().is_some_and(|name| name == "model" || is_private(&name))
}

fn is_named(member: &Member<'_>, name: &str, other: &str) -> bool {
    member.is(name) || member.is(other)
}

/// Whether an object has a field, in either spelling.
fn has(object: &Object<'_>, name: &str) -> bool {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    object.members().iter().filter_map(Member::name).any(|member| plain(&member) == plain(name))
}

fn add(out: &mut Vec<u8>, name: &str, value: Raw<'_>) {
    Writer::new(out).key(name).raw(value.get());
}
