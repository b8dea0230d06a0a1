//! Responses of providers with the client's own API: their ids are valid for the provider's account, which clients share.

use super::super::headers::Headers;
use super::super::sealed::{marked, replaced, seal};
use super::{Attempt, Outgoing, Phase};
use crate::dialects::Target;
use crate::facts::Wire;
use crate::openai::Request;

impl Attempt {
    /// Whether responses have ids that must be sealed.
    pub(super) fn is_sealed(&self) -> bool {
        self.memo.wire == Some(Wire::Responses)
    }

    /// The client's id for a provider's.
    pub(super) fn shown_id(&self, id: &str) -> String {
        if !self.is_sealed() || id.is_empty() {
            return id.to_owned();
        }
        let token = self.call.key.as_ref().map(|key| key.token);
        seal(&self.call.table, token, &self.endpoint.deployment.id, id)
    }

    /// Bytes of a response with this id, as the client gets them.
    pub(super) fn sealed(&self, bytes: &[u8], id: &str) -> Vec<u8> {
        let shown = self.shown_id(id);
        let previous = self.call.pinned.as_ref().and_then(|pinned| pinned.previous.as_ref());
        let previous = previous.map_or(("", ""), |(own, shown)| (own.as_str(), shown.as_str()));
        let sealed = replaced(bytes, &[(id, &shown), previous]);
        let deployment = &self.endpoint.deployment;
        let is_alone = self.call.table.members(&deployment.group).len() <= 1;
        if is_alone { sealed } else { marked(&sealed, &deployment.id) }
    }

    /// Removes the headers that tell about a translation.
    pub(super) fn untranslated(&self, headers: &mut Headers) {
        if self.is_sealed() {
            for (name, _) in self.call.language.headers(&self.call.memo) {
                headers.remove(name);
            }
        }
    }

    /// The request for a response that the provider keeps, if that is what the client asks for.
    pub(super) fn request_native(&mut self, now_ms: u64) -> Option<Outgoing> {
        let call = std::rc::Rc::clone(&self.call);
        let ask = call.native.as_ref()?;
        self.now_ms = now_ms;
        let endpoint = std::rc::Rc::clone(&self.endpoint);
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
