//! Requests for providers with the client's own API: what only they can read, and what only they can do.

use core::cell::{OnceCell, RefCell};
use std::rc::Rc;

use super::super::asked::Asked;
use super::super::body_budget::Hold;
use super::super::call::{Call, Progress};
use super::super::fallback::Way;
use super::super::prompt::Prompt;
use super::super::sealed::{self, Pinned};
use super::super::stored::{NativeAsk, StoredAsk};
use super::super::{Reply, access};
use super::payer::Payer;
use super::{Admission, Joining, Phase, decided_before};
use crate::inbound::Language;
use crate::json::{JsonStr, Object, Splice, Text, fields, read};
use crate::openai::{ErrorBody, Memo, Operation};
use crate::route::Route;
use crate::table::Endpoint;

impl Admission {
    /// The body with the provider's id in place of the client's, and with encrypted content as the provider knows it; `None`
    /// if it has neither. Remembers the deployment that can read it.
    pub(super) fn unsealed(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        // Other formats have no such ids, so their bodies are not read for them.
        self.language.filter(|language| language.wire().is_some())?.stateful()?;
        let Phase::Joining(joining) = &mut self.phase else { return None };
        if joining.pinned.is_some() {
            return None;
        }
        let token = joining.verdict.as_ref().and_then(Payer::token);
        let object = Object::parse(body).ok()?;
        let previous = object.get("previous_response_id").and_then(JsonStr::of);
        let id = previous.and_then(JsonStr::decode);
        let opened = id.as_deref().and_then(|id| sealed::open(&self.table, token, id));
        let mut unsealed = None;
        if let (Some((endpoint, own)), Some(previous), Some(id)) = (opened, previous, id) {
            let mut splice = Splice::new(body);
            splice.replace(previous.token(), crate::json::JsonString::new(&own).into_bytes());
            unsealed = Some(splice.write());
            joining.pinned = Some(Pinned { endpoint, previous: Some((own, id.into_owned())) });
        }
        let Some((unmarked, hashed)) = sealed::unmarked(unsealed.as_deref().unwrap_or(body)) else {
            return unsealed;
        };
        if joining.pinned.is_none()
            && let Some(endpoint) = sealed::marked_deployment(&self.table, &hashed)
        {
            joining.pinned = Some(Pinned { endpoint, previous: None });
        }
        Some(unmarked)
    }

    /// Whether a deployment of the requested model has the client's own API.
    pub(super) fn has_native(&self, body: &[u8]) -> bool {
        struct Wire<'a> {
            model: Option<Text<'a>>,
        }
        fields!(Wire<'a> { model });
        let Some(language) = self.language.filter(|language| language.wire().is_some()) else { return false };
        let Phase::Joining(joining) = &self.phase else { return false };
        let model = read::<Wire<'_>>(body).ok().and_then(|wire| wire.model);
        model.is_some_and(|model| self.is_native(language, joining, &model))
    }

    fn is_native(&self, language: &dyn Language, joining: &Joining, model: &str) -> bool {
        let key = joining.verdict.as_ref().and_then(Payer::key);
        let routed = key.map_or(model, |key| access::routed(key, model));
        let Some(route) = self.table.routes.find(routed) else { return false };
        let Some(group) = self.table.groups.get(route.group) else { return false };
        let members = self.table.members(&self.table.whole(group).name);
        members.iter().any(|endpoint| is_native(endpoint, language, route.wildcard))
    }

    /// What is read here of a request that cannot be translated, but that a provider with the client's own API may serve: the
    /// attempt at another provider reports the error. `None` if no provider of the model may.
    pub(super) fn summary(&self, joining: &Joining, body: &[u8]) -> Option<Vec<u8>> {
        let language = self.language?;
        let Some(stateful) = language.stateful() else { return language.summary(body) };
        language.wire()?;
        let is_own = joining.pinned.as_ref().is_some_and(|pinned| pinned.previous.is_some());
        let outline = stateful.outline(body, is_own)?;
        let model = Object::parse(body).ok().and_then(|object| JsonStr::of(object.get("model")?)?.decode());
        model.is_some_and(|model| self.is_native(language, joining, &model)).then_some(outline)
    }

    /// The route to a pinned deployment of a group.
    ///
    /// # Errors
    /// It belongs to another model, or cannot be addressed.
    pub(super) fn pinned_route<'m>(
        &'m self,
        pinned: &'m Pinned,
        route: Route<'m>,
        group: &str,
    ) -> Result<Route<'m>, ErrorBody> {
        let deployment = &pinned.endpoint.deployment;
        let refused = |why: &str| {
            if pinned.previous.is_none() {
                // The reasoning is lost, and the provider says so if it minds.
                return Ok(route);
            }
            Err(ErrorBody::invalid("previous_response_id", why).coded("previous_response_not_found"))
        };
        if deployment.group != group {
            return refused("the response was created with another model");
        }
        if self.table.members(group).len() <= 1 {
            return Ok(route);
        }
        let own = self.table.routes.find(&deployment.id).filter(|own| {
            let part = self.table.groups.get(own.group);
            part.is_some_and(|part| part.name == deployment.id && part.part_of.as_deref() == Some(group))
        });
        own.map_or_else(|| refused("the deployment that keeps the response cannot be addressed"), Ok)
    }

    /// The call for a response that a provider keeps.
    pub(super) fn decide_stored(&self, joining: &mut Joining, ask: &StoredAsk) -> Result<Call, Reply> {
        let Some(payer) = &joining.verdict else { return Err(decided_before()) };
        let (Some(language), Some((endpoint, id))) =
            (self.language, sealed::open(&self.table, payer.token(), &ask.id))
        else {
            return Err(Reply::not_stored(&ask.id));
        };
        let group = endpoint.deployment.group.as_str();
        let Some(at) = self.table.groups.iter().position(|known| known.name == group) else {
            return Err(Reply::not_stored(&ask.id));
        };
        let pinned = Pinned { endpoint: Rc::clone(&endpoint), previous: Some((id.clone(), ask.id.clone())) };
        let route = self.pinned_route(&pinned, Route { group: at, wildcard: None }, group)?.group;
        let streams = joining.query.split('&').any(|pair| pair == "stream=true");
        let memo = Memo {
            operation: Operation::Chat,
            stream: streams,
            include_usage: false,
            base64: false,
            created: self.started_ms / 1000,
            id: Rc::clone(&joining.call_id),
            function_call: false,
            json_tool: None,
            renamed: Vec::new(),
            headers: Vec::new(),
            wire: language.wire(),
            counts: false,
            echo: None,
            model: group.into(),
            prompt_estimate: 0,
        };
        Ok(Call {
            group: route,
            model: None,
            way: RefCell::new(Way::new(route, None)),
            key: payer.key().cloned(),
            key_spend: joining.spend,
            asked: Asked { disable_fallbacks: true, ..Asked::default() },
            origin: joining.origin.clone(),
            page: joining.page.take(),
            memo,
            language,
            id: Rc::clone(&joining.call_id),
            path: core::mem::take(&mut joining.path),
            keeping: None,
            pinned: Some(pinned),
            native: Some(NativeAsk { id, action: ask.action, query: joining.query.clone() }),
            prompt: Prompt::default(),
            most_completion: Some(0),
            resolved: RefCell::default(),
            kept: RefCell::default(),
            hold: Hold::default(),
            started_ms: self.started_ms,
            progress: RefCell::new(Progress::default()),
            entered: OnceCell::new(),
            parts: RefCell::default(),
            is_part: false,
            table: Rc::clone(&self.table),
        })
    }
}

/// Whether a deployment has the client's own API.
fn is_native(endpoint: &Endpoint, language: &dyn Language, wildcard: Option<&str>) -> bool {
    let dialect = endpoint.provider.dialect_of(&endpoint.model(wildcard));
    dialect.wire().is_some() && dialect.wire() == language.wire() && dialect.has_wire(&endpoint.deployment)
}
