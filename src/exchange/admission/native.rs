//! Requests for providers with the client's own API: what only they can read, and what only they can do.

use core::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use super::super::body_budget::Hold;
use super::super::call::{Call, Progress};
use super::super::journey::Journey;
use super::super::prompt::Prompt;
use super::super::request_settings::RequestSettings;
use super::super::sealed::{self, Opener, Pinned};
use super::super::stored::{NativeRequest, StoredRequest};
use super::super::{Reply, access};
use super::payer::Payer;
use super::{Admission, Joining, Phase, decided_before};
use crate::facts::{Units, Wire};
use crate::inbound::Language;
use crate::json::{JsonStr, Object, Splice, Text, fields, read};
use crate::key::TokenHash;
use crate::openai::{ErrorBody, Memo, Operation};
use crate::route::Route;
use crate::table::Endpoint;

impl Admission {
    /// The body with the provider's ids and encrypted content in place of the client's; `None` if it has none. Remembers the
    /// deployment that they are of.
    ///
    /// # Errors
    /// It names an item that the client may not have.
    pub(super) fn unsealed(&mut self, body: &[u8]) -> Result<Option<Vec<u8>>, ErrorBody> {
        // Other formats have no such ids, so their bodies are not read for them.
        let Some(language) = self.language.filter(|language| language.wire().is_some()) else {
            return Ok(None);
        };
        let (Some(stateful), Phase::Joining(joining)) = (language.stateful(), &self.phase) else {
            return Ok(None);
        };
        let Ok(object) = Object::parse(body) else { return Ok(None) };
        if joining.pinned.is_some() {
            return Ok(None);
        }
        let token = joining.verdict.as_ref().and_then(Payer::token);
        let previous = object.get("previous_response_id").and_then(JsonStr::of);
        let id = previous.and_then(JsonStr::decode);
        let previous_of = id.as_deref().and_then(|id| sealed::open(&self.table, token, id));
        let continues = previous_of.is_some();
        let model = object.get("model").and_then(JsonStr::of).and_then(JsonStr::decode);
        let group = model.as_deref().and_then(|model| self.native_group(language, joining, model));
        let mut opener = Opener {
            table: &self.table,
            token,
            group: group.unwrap_or_default(),
            pinned: previous_of.as_ref().map(|(endpoint, _)| Rc::clone(endpoint)),
            is_required: continues,
        };
        let renamed = previous_of.zip(previous).map(|((_, own), previous)| {
            let mut splice = Splice::new(body);
            splice.replace(previous.token(), crate::json::JsonString::new(&own).into_bytes());
            splice.write()
        });
        let unsealed = match group {
            Some(_) => stateful.opened(renamed.as_deref().unwrap_or(body), &mut opener)?,
            None => None,
        };
        let Opener { pinned, is_required, .. } = opener;
        if let Phase::Joining(joining) = &mut self.phase {
            joining.pinned = pinned.map(|endpoint| Pinned { endpoint, continues, is_required });
        }
        Ok(unsealed.or(renamed))
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
        self.native_group(language, joining, model).is_some()
    }

    /// The model's group, if a deployment of it has the client's own API.
    fn native_group(&self, language: &dyn Language, joining: &Joining, model: &str) -> Option<&str> {
        let key = joining.verdict.as_ref().and_then(Payer::key);
        let routed = key.map_or(model, |key| access::routed(key, model));
        let route = access::find(&self.table, key.map(Arc::as_ref), routed)?;
        let group = self.table.whole(self.table.groups.get(route.group)?);
        let members = self.table.members(&group.name);
        members.iter().any(|endpoint| is_native(endpoint, language, route.wildcard)).then_some(&*group.name)
    }

    /// What is read here of a request that cannot be translated, but that a provider with the client's own API may serve: the
    /// attempt at another provider reports the error. `None` if no provider of the model may.
    pub(super) fn summary(&self, joining: &Joining, body: &[u8]) -> Option<Vec<u8>> {
        let language = self.language?;
        let Some(stateful) = language.stateful() else { return language.summary(body) };
        language.wire()?;
        let is_own = joining.pinned.as_ref().is_some_and(|pinned| pinned.continues);
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
            if !pinned.is_required {
                // The reasoning is lost.
                return Ok(route);
            }
            if !pinned.continues {
                return Err(ErrorBody::invalid("input", why));
            }
            Err(ErrorBody::invalid("previous_response_id", why).coded("previous_response_not_found"))
        };
        if deployment.group != group {
            return refused("the response was created with another model");
        }
        if self.table.members(group).len() <= 1 {
            return Ok(route);
        }
        let team_id = self.table.groups.get(route.group).and_then(|group| group.team_id.as_deref());
        let own = self.table.routes.find_in(team_id, &deployment.id).filter(|own| {
            let part = self.table.groups.get(own.group);
            part.is_some_and(|part| part.name == deployment.id && part.part_of.as_deref() == Some(group))
        });
        own.map_or_else(|| refused("the deployment that keeps the response cannot be addressed"), Ok)
    }

    /// The call for a response that a provider keeps.
    pub(super) fn decide_stored(&self, joining: &mut Joining, ask: &StoredRequest) -> Result<Call, Reply> {
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
        let pinned = Pinned { endpoint: Rc::clone(&endpoint), continues: true, is_required: true };
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
            names: None,
            prompt_estimate: 0,
        };
        Ok(Call {
            group: route,
            model: None,
            journey: RefCell::new(Journey::new(route, None)),
            key: payer.key().cloned(),
            payers: Vec::new(),
            key_spend: joining.spend,
            asked: RequestSettings { disable_fallbacks: true, ..RequestSettings::default() },
            origin: joining.origin.clone(),
            page: joining.page.take(),
            memo,
            language,
            id: Rc::clone(&joining.call_id),
            path: core::mem::take(&mut joining.path),
            keeping: None,
            pinned: Some(pinned),
            native: Some(NativeRequest {
                id,
                action: ask.action,
                query: self.unsealed_query(&joining.query, payer.token()),
            }),
            prompt: Prompt::default(),
            most_completion: Some(0),
            units: Units::default(),
            resolved: RefCell::default(),
            kept: RefCell::default(),
            hold: Hold::default(),
            started_ms: self.started_ms,
            progress: RefCell::new(Progress::default()),
            entered: OnceCell::new(),
            parts: RefCell::default(),
            part_of: None,
            table: Rc::clone(&self.table),
        })
    }
}

impl Admission {
    /// A query in which the client's ids are the provider's.
    fn unsealed_query(&self, query: &str, token: Option<TokenHash>) -> String {
        let own = |pair: &str| {
            let (_, own) = sealed::open(&self.table, token, pair.strip_prefix("after=")?)?;
            Some(["after=", &own].concat())
        };
        let pairs = query.split('&').map(|pair| own(pair).unwrap_or_else(|| pair.to_owned()));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Whether a deployment has the client's own API.
fn is_native(endpoint: &Endpoint, language: &dyn Language, wildcard: Option<&str>) -> bool {
    let dialect = endpoint.provider.dialect_of(&endpoint.model(wildcard));
    dialect.wire().is_some()
        && dialect.wire() == language.wire().map(Wire::api)
        && dialect.has_wire(&endpoint.deployment)
}
