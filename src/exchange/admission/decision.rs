//! The decision on a request whose key is known and whose body is whole.

use core::any::Any;
use core::cell::{OnceCell, RefCell};
use std::borrow::Cow;
use std::rc::Rc;
use std::string::FromUtf8Error;
use std::sync::Arc;

use super::super::body_budget::Hold;
use super::super::call::{Call, Progress};
use super::super::fallback::unserved;
use super::super::head::unauthorized;
use super::super::headers::{COUNT_HEADER, ESTIMATE};
use super::super::journey::Journey;
use super::super::path::ApiPath;
use super::super::prompt::Prompt;
use super::super::request_settings::RequestSettings;
use super::super::sealed::Pinned;
use super::super::stored::Keeping;
use super::super::{Reply, access, enforced, tagged};
use super::{Admission, Joining, decided_before};
use crate::config::Group;
use crate::inbound::Language;
use crate::json::Span;
use crate::openai::{ErrorBody, Memo, Operation, Request};
use crate::table::Endpoint;

/// An admitted request, still without its body.
pub(super) struct Decided {
    pub(super) call: Call,
    /// Positions of the body's members.
    pub(super) members: Option<Vec<Span>>,
    /// The group name for its parts; `None` if it is never split.
    pub(super) split: Option<String>,
}

impl Admission {
    /// The call, without its body.
    pub(super) fn decide(
        &self,
        joining: &mut Joining,
        body: &Result<String, FromUtf8Error>,
        echo: Option<Rc<dyn Any>>,
    ) -> Result<Decided, Reply> {
        let asked = core::mem::replace(&mut joining.asked, Ok(RequestSettings::default()))?;
        let keeping = joining
            .recall
            .take()
            .and_then(|recall| Some(Keeping { parent: recall.previous, input: recall.input? }));
        let pinned = joining.pinned.take();
        let Joining { ask, verdict: Some(payer), .. } = &*joining else { return Err(decided_before()) };
        let (language, model, counts) = match ask {
            ApiPath::Model { language, model } => (*language, model.as_deref(), false),
            ApiPath::CountTokens { language, model } => (*language, model.as_deref(), true),
            _ => return Err(decided_before()),
        };
        let (operation, is_part) = (language.operation(), payer.whole().is_some());
        let request = match body {
            Ok(text) => Request::parse_text(operation, text),
            Err(error) => Request::parse(operation, error.as_bytes()),
        }?;
        for name in ["api_base", "base_url"] {
            if request.object().get(name).is_some() {
                return Err(unauthorized(format!(
                    "Authentication Error, Rejected Request: {name} is not allowed in request body."
                ))
                .into());
            }
        }
        let in_body = request.model()?.map(|model| model.0);
        let default = || operation.default_model().map(Cow::Borrowed);
        let Some(model) = model.map(Cow::Borrowed).or(in_body).or_else(default) else {
            return Err(no_deployment("None").into());
        };
        let key = payer.key().map(Arc::clone);
        let key = key.as_ref();
        let routed = key.map_or(&*model, |key| access::routed(key, &model));
        let route = access::find(&self.table, key.map(Arc::as_ref), routed);
        let found = route.and_then(|route| self.table.groups.get(route.group));
        let group = found.map(|group| self.table.whole(group));
        if let Some(key) = key {
            access::check_model(key, &model, group, route.and_then(|route| route.wildcard))?;
        }
        let (Some(route), Some(group)) = (route, group) else {
            return Err(self.unknown_model(operation, &model).into());
        };
        language.check(&request)?;
        check_mode(operation, group, &model)?;
        if counts && !self.is_counted(language, &group.name) {
            let body = language.count(request.prompt_tokens());
            return Err(Reply::json(200, body).with(COUNT_HEADER, ESTIMATE));
        }
        // Another API's fields may have the names of these settings.
        let mut asked = if language.is_read_as_it_is() { asked } else { asked.or_body(&request)? };
        let (whole, wildcard, found_at) = (group, route.wildcard, route.group);
        let route = match &pinned {
            Some(pinned) => self.pinned_route(pinned, route, &group.name)?,
            None => route,
        };
        let origin = joining.origin.clone().or_body(&request);
        let serving = if pinned.is_some() {
            Some(route.group)
        } else {
            let tags = || tagged::tags(key.map(Arc::as_ref), payer.whole(), &origin);
            self.table.serving(route.group, tags, self.started_ms)
        };
        // No other deployment knows the response.
        asked.disable_fallbacks |= pinned.as_ref().is_some_and(|pinned| pinned.is_required);
        if let Some(error) = unserved(group, &model)
            && group.fallbacks.is_empty()
            && asked.fallbacks.is_none()
        {
            return Err(error.into());
        }
        let fits = |at: &usize| self.table.groups.get(*at).is_some_and(|group| !group.fits_nobody());
        let may_fall_back = !group.fallbacks.is_empty() || asked.fallbacks.is_some();
        let Some(serving) = serving.filter(|at| may_fall_back || fits(at)) else {
            let tags = tagged::tags(key.map(Arc::as_ref), payer.whole(), &origin);
            return Err(tagged::refused(&model, &tags).into());
        };
        // A fallback to an unknown model is skipped when it is needed.
        for model in asked.models() {
            let Some(key) = key else { break };
            let route = access::find(&self.table, Some(key), model);
            let group = route.and_then(|route| self.table.groups.get(route.group));
            let group = group.map(|group| self.table.whole(group));
            access::check_fallback(key, model, group, route.and_then(|route| route.wildcard))?;
        }
        if let Some(Pinned { is_required: false, .. }) = &pinned
            && route.group != found_at
        {
            asked.stand_in(group);
        }
        let memo = Memo {
            operation,
            stream: operation.generates_text() && request.stream()?,
            include_usage: request.include_usage()?,
            base64: request.get("encoding_format").is_some_and(|format| format.get() == r#""base64""#),
            created: self.started_ms / 1000,
            id: Rc::clone(&joining.call_id),
            function_call: request.asks_with_functions(),
            json_tool: None,
            renamed: Vec::new(),
            headers: Vec::new(),
            wire: None,
            counts,
            echo,
            model: (*model).into(),
            names: None,
            prompt_estimate: if language.shows_estimate() { request.prompt_tokens() } else { 0 },
        };
        let members = body.as_ref().ok().and_then(|text| request.object().spans(text));
        // The call needs the name from the body, which moves into the call.
        let split =
            (operation == Operation::Embeddings && !is_part).then(|| match (&whole.team_id, wildcard) {
                // A part has no team.
                (Some(_), Some(rest)) => whole.name.replacen('*', rest, 1),
                (Some(_), None) => whole.name.clone(),
                (None, _) => routed.to_owned(),
            });
        let (most_completion, units) = (most_completion(operation, &request), request.units());
        request.flag("drop_params")?;
        if !is_part && !counts {
            let settings = &self.table.settings;
            let of_key = key.iter().flat_map(|key| &key.enforced_params);
            enforced::check_params(&request, settings.enforced_params.iter().chain(of_key))?;
            if settings.enforce_user_param {
                enforced::check_user(&origin)?;
            }
        }
        let part_of = payer.whole().cloned();
        let call = Call {
            group: serving,
            model: wildcard.map(|rest| whole.public_name().replacen('*', rest, 1)),
            journey: RefCell::new(Journey::new(serving, route.wildcard.map(str::to_owned))),
            key: key.map(Arc::clone),
            payers: Vec::new(),
            key_spend: joining.spend,
            asked,
            origin,
            page: joining.page.take(),
            memo,
            language,
            id: Rc::clone(&joining.call_id),
            path: core::mem::take(&mut joining.path),
            keeping,
            pinned,
            native: None,
            prompt: Prompt::default(),
            most_completion,
            units,
            resolved: RefCell::default(),
            kept: RefCell::default(),
            hold: Hold::default(),
            started_ms: self.started_ms,
            progress: RefCell::new(Progress::default()),
            entered: OnceCell::new(),
            parts: RefCell::default(),
            part_of,
            table: Rc::clone(&self.table),
        };
        Ok(Decided { call, members, split })
    }

    /// Whether a provider of this group counts the tokens of requests in this language.
    fn is_counted(&self, language: &dyn Language, group: &str) -> bool {
        let counts = |endpoint: &Rc<Endpoint>| {
            let dialect = endpoint.provider.dialect_of(&endpoint.deployment.model);
            dialect.counts_tokens()
                && dialect.wire() == language.wire()
                && dialect.has_wire(&endpoint.deployment)
        };
        language.wire().is_some() && self.table.members(group).iter().any(counts)
    }

    fn unknown_model(&self, operation: Operation, model: &str) -> ErrorBody {
        if self.table.groups.iter().any(|group| group.name.contains('*')) {
            return no_deployment(model);
        }
        ErrorBody::bad_request(format!(
            "{}: Invalid model name passed in model={model}. Call `/v1/models` to view available models for your key.",
            operation.route()
        ))
    }
}

/// The longest response that the request allows, over all choices. Invalid values are rejected later, with a
/// better message.
fn most_completion(operation: Operation, request: &Request<'_>) -> Option<u64> {
    if !operation.generates_text() {
        return Some(0);
    }
    let choices = request.read("n", "an integer").ok().flatten().unwrap_or(1_u64);
    Some(request.max_tokens().ok().flatten()?.saturating_mul(choices.max(1)))
}

/// Rejects a request for something that the model does not do, where its `mode` tells it.
fn check_mode(operation: Operation, group: &Group, model: &str) -> Result<(), ErrorBody> {
    let Some(mode) = group.mode.as_deref().filter(|mode| !operation.suits(mode)) else { return Ok(()) };
    Err(ErrorBody::bad_request(format!(
        "{}: model={model} has the mode '{mode}' and does not serve this endpoint. Use a model with the mode '{}' (`model_info.mode`).",
        operation.route(),
        operation.mode(),
    ))
    .about("model"))
}

fn no_deployment(model: &str) -> ErrorBody {
    ErrorBody::bad_request(format!(
        "litellm.BadRequestError: You passed in model={model}. There are no healthy deployments for this model"
    ))
}
