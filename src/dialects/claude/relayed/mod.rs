//! Writes requests of clients of Anthropic's API to providers with the same API. The client's bytes are kept, because
//! signatures and the prompt cache depend on them, except for:
//!
//! * the model's name, and fields of the gateway itself
//! * beta features that the surface lacks, with their fields
//! * reasoning that the model did not sign, which the provider would reject
//! * parameters that the deployment's model is known to reject

mod cache_marks;
mod gates;
mod turns;

use std::borrow::Cow;

use super::super::Target;
use super::betas::{self, Place};
use super::surface::Surface;
use super::{features, models};
use crate::dialect::{FEATURES_FIELD, VERSION_FIELD};
use crate::json::{Edits, JsonStr, JsonString, Member, Object, Raw, Splice, Writer, read};
use crate::openai::{Request, STANDARD_PARAMS, is_private};
use gates::{Fate, Gates};
pub(in crate::dialects) use turns::have_urls;
use turns::{Found, Rules};

/// A written request.
pub(in crate::dialects) struct Written {
    pub(in crate::dialects) edits: Edits,
    /// The beta features to request.
    pub(in crate::dialects) betas: Vec<String>,
}

/// The version that other surfaces know by names of their own.
const FIRST_VERSION: &str = "2023-06-01";

/// Writes the request.
///
/// `counts`: it asks only for the number of tokens. Vertex AI then has the model's name in the body, too.
pub(in crate::dialects) fn write(
    request: &Request<'_>,
    to: &Target<'_>,
    surface: Surface,
    counts: bool,
) -> Written {
    let mut asked: Vec<Cow<'_, str>> = Vec::new();
    let named = features::in_headers(request, to).into_iter().chain(features::in_body(request));
    features::merge(&mut asked, named);
    let cuts = betas::cuts(surface, &asked);
    let mut betas: Vec<Cow<'_, str>> = Vec::new();
    features::merge(&mut betas, asked.iter().filter_map(|beta| betas::on(surface, beta)).map(Cow::Borrowed));
    let names_model = match surface {
        Surface::Own => true,
        Surface::Vertex { .. } => counts,
        Surface::Invoke { .. } => false,
    };
    let work =
        Work { request, to, surface, names_model, cuts, betas: &betas, splice: Splice::new(request.body) };
    let edits = work.edits(counts);
    Written { edits, betas: betas.into_iter().map(Cow::into_owned).collect() }
}

/// A request that is being edited. Each member is either removed, replaced or edited inside.
struct Work<'w, 'a> {
    request: &'w Request<'a>,
    to: &'w Target<'w>,
    surface: Surface,
    names_model: bool,
    cuts: Vec<Place>,
    betas: &'w [Cow<'w, str>],
    splice: Splice<'a>,
}

impl<'a> Work<'_, 'a> {
    fn edits(mut self, counts: bool) -> Edits {
        let request = self.request;
        let model = models::find(self.to.base_model());
        let rules = Rules {
            system_turns: model.system_turns || model.name.is_empty(),
            thoughts: !self.to.is_fallback,
            cuts: &self.cuts,
        };
        let found = match request.get("messages") {
            Some(messages) => turns::edit(messages, &rules, &mut self.splice),
            None => Found::default(),
        };
        let gates = Gates::new(model, request, found.effort, found.unexplained_calls);
        let mut has = Has::default();
        for member in request.object().members() {
            self.member(member, &gates, &found, &mut has);
        }
        let mut added = Vec::new();
        let mut w = Writer::new(&mut added);
        if self.names_model && !has.model {
            w.key("model").string(self.to.model);
        }
        match self.surface {
            Surface::Own => {}
            Surface::Vertex { version } => {
                let given =
                    Some(self.to.version).filter(|given| !given.is_empty() && *given != FIRST_VERSION);
                w.key(VERSION_FIELD).string(given.unwrap_or(version));
            }
            Surface::Invoke { version, .. } => {
                w.key(VERSION_FIELD).string(version);
                if !self.betas.is_empty() {
                    w.key(FEATURES_FIELD).array();
                    self.betas.iter().for_each(|beta| {
                        w.string(beta);
                    });
                    w.end_array();
                }
                // What is counted is a whole request.
                if counts && request.get("max_tokens").is_none() {
                    w.key("max_tokens").number(1);
                }
            }
        }
        if let Some(effort) = found.effort.filter(|effort| !has.output_config && gates.is_accepted(*effort)) {
            w.key("output_config").object().key("effort").raw(effort.token()).end_object();
        }
        let is_known = |name: &str| is_ours(name) && self.has_field(name);
        for (name, value) in request.missing_defaults().filter(|(name, _)| is_known(name)) {
            w.key(name).raw(value.get());
        }
        if !added.is_empty() {
            self.splice.append(added);
        }
        self.splice.edits()
    }

    fn member(&mut self, member: &Member<'a>, gates: &Gates<'a>, found: &Found<'a>, has: &mut Has) {
        let name = member.name().unwrap_or_default();
        let value = member.value;
        match &*name {
            "model" if self.names_model => {
                has.model = true;
                self.splice.replace(value.get(), JsonString::new(self.to.model).into_bytes());
            }
            "model" | FEATURES_FIELD | VERSION_FIELD => self.splice.remove(member),
            // Clouds have other tiers.
            "service_tier" if self.surface != Surface::Own => self.splice.remove(member),
            name if self.is_cut(name) || is_gateways(name, value) => self.splice.remove(member),
            name if !self.has_field(name) => self.splice.remove(member),
            "context_management" if matches!(self.surface, Surface::Invoke { .. }) => {
                self.compactions(member);
            }
            "thinking" => gates.thinking(value).apply(member, &mut self.splice),
            "temperature" | "top_p" | "top_k" if gates.rejects_sampling(&name, self.request) => {
                self.splice.remove(member);
            }
            "tool_choice" => gates.tool_choice(value, &mut self.splice),
            "output_config" => {
                has.output_config = true;
                self.output_config(member, gates, found.effort);
            }
            "tools" => self.tools(value),
            "system" => {
                let blocks: Vec<Raw<'_>> = read(value).unwrap_or_default();
                cache_marks::cut(&blocks, &self.cuts, &mut self.splice);
            }
            "cache_control" => cache_marks::in_mark(Some(value), &self.cuts, &mut self.splice),
            _ => {}
        }
    }

    /// Whether the surface accepts the field in a request.
    fn has_field(&self, name: &str) -> bool {
        match self.surface {
            Surface::Own | Surface::Vertex { .. } => true,
            Surface::Invoke { fields, .. } => fields.contains(&name),
        }
    }

    /// Keeps only the edits of the context that this surface has.
    fn compactions(&mut self, member: &Member<'a>) {
        let edits = Object::of(member.value).and_then(|object| object.get("edits"));
        let edits: Vec<Raw<'a>> = edits.and_then(|edits| read(edits).ok()).unwrap_or_default();
        let is_kept = |edit: &Raw<'a>| {
            let kind = Object::of(*edit).and_then(|edit| JsonStr::of(edit.get("type")?));
            kind.is_some_and(|kind| kind.inner() == "compact_20260112")
        };
        if !edits.iter().any(is_kept) {
            return self.splice.remove(member);
        }
        edits.iter().filter(|edit| !is_kept(edit)).for_each(|edit| self.splice.remove_item(edit.get()));
    }

    fn is_cut(&self, name: &str) -> bool {
        self.cuts.iter().any(|place| matches!(place, Place::Request(cut) if *cut == name))
    }

    fn output_config(&mut self, member: &Member<'a>, gates: &Gates<'a>, latest: Option<JsonStr<'a>>) {
        let latest = latest.filter(|latest| gates.is_accepted(*latest));
        let Some(config) = Object::of(member.value) else {
            if let Some(effort) = latest.filter(|_| member.value.is_null()) {
                let config = [br#"{"effort":"#, effort.token().as_bytes(), b"}"].concat();
                self.splice.replace(member.value.get(), config);
            }
            return;
        };
        let is_cut = |member: &Member<'_>| {
            self.cuts.iter().any(|place| matches!(place, Place::OutputConfig(name) if member.is(name)))
        };
        let fate = |member: &Member<'a>| match latest.filter(|_| member.is("effort")) {
            _ if is_cut(member) => Fate::Remove,
            Some(latest) => Fate::Replace(latest.token().as_bytes().to_vec()),
            _ if member.is("effort") => gates.effort(member.value),
            _ => Fate::Keep,
        };
        let fates: Vec<(&Member<'a>, Fate)> =
            config.members().iter().map(|member| (member, fate(member))).collect();
        let added = latest.filter(|_| config.get("effort").is_none());
        if added.is_none() && !fates.is_empty() && fates.iter().all(|(_, fate)| *fate == Fate::Remove) {
            return self.splice.remove(member);
        }
        for (member, fate) in fates {
            fate.apply(member, &mut self.splice);
        }
        if let Some(effort) = added {
            self.splice.append_to(member.value.get(), [br#""effort":"#, effort.token().as_bytes()].concat());
        }
    }

    fn tools(&mut self, tools: Raw<'a>) {
        if !self
            .cuts
            .iter()
            .any(|place| matches!(place, Place::Tool(_) | Place::ToolType(_) | Place::CacheControl(_)))
        {
            return;
        }
        for raw in read::<Vec<Raw<'a>>>(tools).unwrap_or_default() {
            let tool = Object::of(raw).unwrap_or_default();
            let kind = tool.get("type").and_then(JsonStr::of).map_or("", JsonStr::inner);
            if self
                .cuts
                .iter()
                .any(|place| matches!(place, Place::ToolType(prefix) if kind.starts_with(prefix)))
            {
                self.splice.remove_item(raw.get());
                continue;
            }
            for member in tool.members() {
                if self.cuts.iter().any(|place| matches!(place, Place::Tool(name) if member.is(name))) {
                    self.splice.remove(member);
                }
            }
            cache_marks::in_mark(tool.get("cache_control"), &self.cuts, &mut self.splice);
        }
    }
}

/// Members that the request has.
#[derive(Default)]
struct Has {
    model: bool,
    output_config: bool,
}

/// Whether a member is for the gateway. `fallbacks` is also a list of models in Anthropic's API, but not of their names.
fn is_gateways(name: &str, value: Raw<'_>) -> bool {
    match name {
        "fallbacks" => read::<Vec<Raw<'_>>>(value)
            .is_ok_and(|models| models.iter().all(|model| JsonStr::of(*model).is_some())),
        _ => is_private(name),
    }
}

/// Whether a deployment's default is a parameter of this API.
fn is_ours(name: &str) -> bool {
    matches!(name, "max_tokens" | "temperature" | "top_p")
        || !STANDARD_PARAMS.contains(&name) && !is_private(name) && name != FEATURES_FIELD
}
