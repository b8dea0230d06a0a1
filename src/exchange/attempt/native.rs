//! Responses of providers with the client's own API: their ids are valid for the provider's account, which clients share.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::headers::Headers;
use super::super::sealed::Names;
use super::{Attempt, Outgoing, Phase};
use crate::dialects::Target;
use crate::facts::{Usage, Wire};
use crate::inbound::DROPPED_TOOLS;
use crate::openai::Request;

/// The length of an output that nobody here will see, tokens, unless the request allows less: that of a response in
/// the background, whose usage the provider reports after the request has ended.
const UNSEEN: u64 = 4_096;

impl Attempt {
    /// The usage of a complete response.
    pub(super) fn billed(&self, usage: Usage) -> Usage {
        let usage = self.billed_so_far(usage);
        if usage.total() > 0 || !self.in_background {
            return usage;
        }
        Usage { prompt: self.call.prompt_tokens(), completion: self.unseen(), ..usage }
    }

    /// Usage as the provider reports it. A stored response was paid for when it was created.
    pub(super) fn billed_so_far(&self, usage: Usage) -> Usage {
        if self.call.native.is_some() { Usage::default() } else { self.served(usage) }
    }

    /// Estimated tokens of an output that the provider will generate after the request has ended; 0 if there is none.
    pub(super) fn unseen(&self) -> u64 {
        if !self.in_background {
            return 0;
        }
        self.call.most_completion.map_or(UNSEEN, |most| most.min(UNSEEN))
    }

    /// Whether responses have ids that must be sealed.
    pub(super) fn is_sealed(&self) -> bool {
        self.memo.wire.map(Wire::api) == Some(Wire::Responses)
    }

    /// Gives the response the client's names for what the provider keeps, if it keeps any.
    pub(super) fn name_kept(&mut self) {
        if self.is_sealed() {
            let token = self.call.key.as_ref().map(|key| key.token);
            self.memo.names = Some(Rc::new(Names::new(&self.call.table, token, &self.endpoint)));
        }
    }

    /// The client's request without what only another deployment can read.
    pub(super) fn readable<'b>(&self, body: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        let pinned = self.call.pinned.as_ref();
        let is_elsewhere =
            pinned.is_some_and(|pinned| pinned.endpoint.deployment.id != self.endpoint.deployment.id);
        if !self.is_sealed() || !is_elsewhere && self.call.journey.borrow().fallbacks() == 0 {
            return body;
        }
        let forgotten = self.call.language.stateful().and_then(|language| language.forgotten(&body));
        forgotten.map_or(body, Cow::Owned)
    }

    /// Corrects the header that names dropped tools: a request that was relayed kept all of them, and a provider may have no search.
    pub(super) fn name_dropped(&self, headers: &mut Headers) {
        if self.is_sealed() {
            headers.remove(DROPPED_TOOLS);
        }
        if self.lacks_search {
            let others = headers.get(DROPPED_TOOLS).map(|others| [others, ", "].concat()).unwrap_or_default();
            headers.set(DROPPED_TOOLS, others + "web_search");
        }
    }

    /// The request for a response that the provider keeps, if that is what the client asks for.
    pub(super) fn request_native(&mut self, now_ms: u64) -> Option<Outgoing> {
        let call = Rc::clone(&self.call);
        let ask = call.native.as_ref()?;
        self.begin(now_ms);
        self.name_kept();
        let endpoint = Rc::clone(&self.endpoint);
        let model = call.model_of(&endpoint);
        let target = Target {
            provider: endpoint.provider,
            deployment: &endpoint.deployment,
            model: &model,
            drop_params: true,
            features: "",
            version: "",
            is_fallback: false,
            allowed: None,
            lacks_search: None,
        };
        let written = Request::parse(self.memo.operation, b"{}")
            .and_then(|request| self.dialect.relayed(&request, &target, &mut self.memo));
        let written = written.map(|outbound| {
            let outgoing = self.write(&ask.path(&outbound.path), &outbound.headers, Vec::new());
            match outgoing {
                Outgoing::Send { mut headers, body } if !matches!(self.phase, Phase::Absent(_)) => {
                    headers.set(":method", ask.method());
                    headers.remove("content-type");
                    if ask.method() != "POST" {
                        headers.remove("content-length");
                    }
                    Outgoing::Send { headers, body }
                }
                other => other,
            }
        });
        Some(self.sent(written))
    }
}
