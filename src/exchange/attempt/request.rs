//! Writes the provider's request, including all its headers.

use core::cell::Cell;
use std::borrow::Cow;
use std::rc::Rc;

use crate::auth::{self, Absent};
use crate::config::SearchSize;
use crate::dialects::{Allowed, Body, Mocked, Outbound, Target};
use crate::facts::{Class, Fault, Usage, Wire};
use crate::json::Edits;
use crate::openai::{ErrorBody, Operation, Request, Resolved, service_tier, web_search};
use crate::providers::FEATURES_HEADER;

use super::super::Reply;
use super::super::headers::{Headers, answer_headers};
use super::super::journey::Failed;
use super::amended::is_amended;
use super::{Attempt, Outgoing, Phase};

impl Attempt {
    /// Writes the provider's request from the body that admission kept, if this is the first attempt.
    /// Otherwise returns `None`, and the body must be read from Envoy. `now_ms` is Unix time in milliseconds.
    pub fn request_kept(&mut self, now_ms: u64) -> Option<Outgoing> {
        let kept = self.call.kept.take()?;
        let language = self.call.language;
        if self.memo.operation.is_form() {
            // The files in it were not kept.
            return None;
        }
        if self.memo.counts {
            if language.is_read_as_it_is() {
                return Some(self.request_count(kept.text().as_bytes(), now_ms));
            }
            self.call.prompt.note(&kept.request(self.memo.operation)?);
            return None;
        }
        if language.is_read_as_it_is() {
            self.memo.wire = self.shared_wire(&kept.request(self.memo.operation)?);
            if self.memo.wire.is_none() {
                return Some(self.translated(Cow::Owned(kept.into_text().into_bytes()), now_ms));
            }
        } else if self.may_relay() || kept.is_summary() {
            // What was kept is a translation, which tells the length of the prompt. Only the client's own request says
            // whether that will be needed.
            self.call.prompt.note(&kept.request(self.memo.operation)?);
            return None;
        }
        let request = kept.request(self.memo.operation)?;
        if self.exceeds_output(&request) {
            return Some(self.request_common(Cow::Owned(kept.into_text().into_bytes()), now_ms));
        }
        if is_amended(&request, &self.endpoint) {
            let asked = self.ask_amended(&request);
            return Some(self.send(asked, now_ms, |_| Vec::new()));
        }
        let asked = self.ask(request, None);
        Some(self.send(asked, now_ms, |edits| kept.edited(edits)))
    }

    /// Writes the provider's request from the client's body. `now_ms` is Unix time in milliseconds.
    pub fn request(&mut self, body: &[u8], now_ms: u64) -> Outgoing {
        if self.memo.counts {
            return self.request_count(body, now_ms);
        }
        if self.memo.operation.is_form() {
            return self.request_form(body, now_ms);
        }
        if let Some(outgoing) = self.request_native(now_ms) {
            return outgoing;
        }
        if self.may_relay()
            && let Ok(request) = Request::parse(self.memo.operation, body)
        {
            self.memo.wire = self.shared_wire(&request);
            if self.memo.wire.is_some() {
                let body = self.readable(Cow::Borrowed(body));
                let is_same = matches!(body, Cow::Borrowed(_));
                if !is_same || self.exceeds_output(&request) || is_amended(&request, &self.endpoint) {
                    return self.request_common(body, now_ms);
                }
                // Nearly every request: it is parsed once.
                let asked = self.ask(request, None);
                return self.send(asked, now_ms, |edits| edits.write(&body));
            }
        }
        self.translated(Cow::Borrowed(body), now_ms)
    }

    /// Whether the length of the prompt may be needed after the body is gone.
    fn is_noted(&self) -> bool {
        self.memo.stream || matches!(self.memo.operation, Operation::Embeddings | Operation::Speech)
    }

    /// Whether the client's format is also this provider's.
    fn may_relay(&self) -> bool {
        let wire = self.call.language.wire();
        wire.is_some()
            && wire.map(Wire::api) == self.dialect.wire()
            && self.dialect.has_wire(&self.endpoint.deployment)
    }

    /// The format in which the client's request is sent as it is; `None` if it must be translated.
    pub(super) fn shared_wire(&self, request: &Request<'_>) -> Option<Wire> {
        let (provider, model) = (self.endpoint.provider, self.call.model_of(&self.endpoint));
        self.call
            .language
            .wire()
            .filter(|_| self.may_relay() && self.dialect.can_relay(request, provider, &model))
    }

    /// Writes the provider's request from the client's body, by way of its common form.
    fn translated(&mut self, body: Cow<'_, [u8]>, now_ms: u64) -> Outgoing {
        match self.call.language.request(body) {
            Ok(common) => {
                if self.memo.echo.is_none() {
                    self.memo.echo = common.echo;
                }
                self.request_common(common.body, now_ms)
            }
            Err(error) => self.sent(Err(error)),
        }
    }

    /// Writes the provider's request from the client's, or from its common form.
    pub(super) fn request_common(&mut self, body: Cow<'_, [u8]>, now_ms: u64) -> Outgoing {
        let body = self.fitted(body);
        let asked = Request::parse(self.memo.operation, &body).and_then(|request| {
            if is_amended(&request, &self.endpoint) {
                self.ask_amended(&request)
            } else {
                self.ask(request, None)
            }
        });
        self.send(asked, now_ms, |edits| match body {
            Cow::Owned(body) => edits.apply(body),
            Cow::Borrowed(body) => edits.write(body),
        })
    }

    pub(super) fn send(
        &mut self,
        asked: Result<Outbound, ErrorBody>,
        now_ms: u64,
        edited: impl FnOnce(Edits) -> Vec<u8>,
    ) -> Outgoing {
        self.begin(now_ms);
        let written = asked.map(|outbound| {
            let body = match outbound.body {
                Body::Bytes(body) => body,
                Body::Edited(edits) => edited(edits),
                // The caller has written it.
                Body::Form(_) => Vec::new(),
                Body::Converted(answer) => {
                    let answer = self.call.language.embeddings(answer);
                    return Outgoing::Reply(self.local(200, answer.body, answer.usage));
                }
                Body::Mock(mock) => return Outgoing::Reply(self.mocked(&mock)),
                Body::Raised(fault) => {
                    self.phase = Phase::Raised(fault);
                    return Outgoing::Send { headers: Headers::for_ourselves("http"), body: Vec::new() };
                }
            };
            self.write(&outbound.path, &outbound.headers, body)
        });
        self.sent(written)
    }

    pub(super) fn sent(&mut self, written: Result<Outgoing, ErrorBody>) -> Outgoing {
        match written {
            Ok(Outgoing::Send { headers, body }) => {
                if !matches!(self.phase, Phase::Raised(_) | Phase::Absent(_)) {
                    self.phase = Phase::Sent;
                }
                Outgoing::Send { headers, body }
            }
            // The request is written again.
            Ok(Outgoing::Resolve { path, body }) => Outgoing::Resolve { path, body },
            Ok(reply) => {
                self.phase = Phase::Closed;
                reply
            }
            Err(error) => {
                if let Some(wanted) = self.wanted.take() {
                    return self.resolve(&wanted);
                }
                self.phase = Phase::Closed;
                self.call.progress.borrow_mut().error = Some(error.told());
                let status = self.call.language.status(&error);
                Outgoing::Reply(self.local(status, self.error_json(&error), Usage::default()))
            }
        }
    }

    /// The dialect's request.
    pub(super) fn ask(
        &mut self,
        request: Request<'_>,
        allowed: Option<&Allowed>,
    ) -> Result<Outbound, ErrorBody> {
        let endpoint = Rc::clone(&self.endpoint);
        let (deployment, provider) = (&endpoint.deployment, endpoint.provider);
        let model = self.call.model_of(&endpoint);
        let drop_params = request.flag("drop_params")?.or(deployment.drop_params);
        let features = self.features();
        let call = Rc::clone(&self.call);
        let lacks_search = Cell::new(false);
        let target = Target {
            provider,
            deployment,
            model: &model,
            drop_params: drop_params.unwrap_or(self.call.table.settings.drop_params),
            features: &features,
            version: call.asked.version.as_deref().unwrap_or_default(),
            is_fallback: call.journey.borrow().fallbacks() > 0,
            allowed,
            lacks_search: Some(&lacks_search),
        };
        let operation = self.memo.operation;
        if !self.dialect.supports(operation) {
            return Err(ErrorBody::bad_request(format!(
                "{}: provider '{}' of model {} does not support this endpoint",
                operation.route(),
                provider.name,
                self.memo.model
            ))
            .about("model"));
        }
        let is_common = self.memo.wire.is_none() || self.call.language.is_read_as_it_is();
        if is_common && !self.memo.counts && self.is_noted() {
            self.call.prompt.note(&request);
        }
        let request = if allowed.is_some() { request } else { request.with_defaults(&deployment.defaults) };
        self.tier = service_tier(request.get("service_tier"));
        self.search = web_search(request.get("web_search_options"))
            // Models that always search have it in their names: `gpt-4o-search-preview`, `gpt-5-search-api`.
            .or_else(|| memchr::memmem::find(model.as_bytes(), b"-search").map(|_| SearchSize::default()));
        let answers = call.resolved.borrow();
        let resolved = Resolved::read(&answers);
        let request = request.with_resolved(&resolved);
        self.in_background =
            self.memo.wire.is_some() && request.get("background").is_some_and(|raw| raw.get() == "true");
        let asked = match self.memo.wire {
            Some(_) => {
                self.name_kept();
                self.dialect.relayed(&request, &target, &mut self.memo)
            }
            None => self.dialect.request(&request, &target, &mut self.memo),
        };
        self.wanted = resolved.wanted();
        self.lacks_search = lacks_search.get();
        asked
    }

    /// Features that the client's and the operator's headers request by name, for dialects that support it.
    fn features(&self) -> String {
        if !self.dialect.names_features() {
            return String::new();
        }
        let given = self.endpoint.headers.iter().filter(|(name, _)| name == FEATURES_HEADER);
        let given = given.filter_map(|(_, value)| self.call.table.header(value, self.now_ms));
        let given: Vec<Cow<'_, str>> = given.collect();
        let lists: Vec<&str> =
            self.call.asked.features.as_deref().into_iter().chain(given.iter().map(AsRef::as_ref)).collect();
        lists.join(",")
    }

    /// Assembles the request. `path` and `own` headers come from the dialect.
    pub(super) fn write(
        &mut self,
        path: &str,
        own: &[(&'static str, Cow<'static, str>)],
        body: Vec<u8>,
    ) -> Outgoing {
        let (endpoint, provider) = (&self.endpoint, self.endpoint.provider);
        let model = self.call.model_of(endpoint);
        let path = provider.path_of(&model, path);
        let mut headers = {
            let path = [&*endpoint.base_path, &*path].concat();
            Headers::for_request(endpoint.scheme, Rc::clone(&endpoint.authority), path, body.len())
        };
        let stream = self.dialect.framing().media_type();
        let whole = if self.memo.operation.is_binary() { "*/*" } else { "application/json" };
        headers.set("accept", if self.memo.stream { stream } else { whole });
        for (name, value) in provider.headers_of(&model) {
            headers.set(*name, *value);
        }
        for (name, value) in own {
            headers.set(*name, value.clone());
        }
        for (name, value) in &self.extra_headers {
            if name == FEATURES_HEADER && self.dialect.names_features() {
                continue;
            }
            let listed = own.iter().find(|(own, _)| own == name);
            let joined = listed.map(|(_, own)| format!("{own},{value}"));
            headers.set(name.clone(), joined.unwrap_or_else(|| value.clone()));
        }
        for (name, value) in &endpoint.headers {
            if name == FEATURES_HEADER && self.dialect.names_features() {
                continue;
            }
            let Some(value) = self.call.table.header(value, self.now_ms) else { continue };
            // If the dialect and the operator both set a header, the values form a list (RFC 9110, section
            // 5.3).
            let listed = own.iter().find(|(own, _)| own == name);
            let joined = listed.map(|(_, own)| format!("{own},{value}"));
            headers.set(name.clone(), joined.unwrap_or_else(|| value.into_owned()));
        }
        match auth::present(endpoint, &self.call.table, &mut headers, &body, self.now_ms) {
            Ok(used) => {
                self.used = used;
                Outgoing::Send { headers, body }
            }
            Err(Absent { unknown: Some(name), .. }) if !self.has_asked => self.ask_for(name, false),
            Err(absent) => {
                let headers = Headers::for_any_answer(endpoint.scheme, Rc::clone(&endpoint.authority));
                // The error to report if no other deployment serves the request.
                let error = Fault::new(Class::ServiceUnavailable, &*absent.message).to_body(provider.name);
                self.call.journey.borrow_mut().lack(Failed::new(absent.class, error));
                self.phase = Phase::Absent(absent);
                Outgoing::Send { headers, body: Vec::new() }
            }
        }
    }

    /// A mock response.
    fn mocked(&self, mock: &Mocked) -> Reply {
        let (language, memo) = (self.call.language, &self.memo);
        let body = if memo.stream {
            let mut events = language.events(memo);
            mock.report(true, &mut *events);
            events.pending().to_vec()
        } else {
            let mut whole = language.whole(memo);
            mock.report(false, &mut *whole);
            whole.answer().body
        };
        // No model has written it, so it is not stored.
        let body = self.kept(body, None);
        self.local(200, body, mock.usage)
    }

    /// A response from the gateway itself, without a provider.
    pub(super) fn local(&self, status: u16, body: Vec<u8>, usage: Usage) -> Reply {
        let sse = self.memo.stream && status == 200;
        let content_type = if sse { self.call.language.stream_type() } else { "application/json" };
        let mut headers = Headers::default();
        headers.set("content-type", content_type);
        answer_headers(&mut headers, &self.call, &self.endpoint, (!sse).then_some(&usage));
        self.note(status);
        self.call.progress.borrow_mut().usage = usage;
        Reply { status, headers: headers.into_pairs(), body, error: None }
    }
}
