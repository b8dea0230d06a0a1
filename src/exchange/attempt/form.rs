//! Requests with files: the provider gets the client's form.

use std::borrow::Cow;

use super::{Attempt, Outgoing};
use crate::dialects::{Body, Outbound};
use crate::form::Form;
use crate::openai::Request;

impl Attempt {
    /// Writes the provider's request from the client's form.
    pub(super) fn request_form(&mut self, body: &[u8], now_ms: u64) -> Outgoing {
        let common = self.call.language.request(Cow::Borrowed(body));
        let asked = common.and_then(|common| {
            let request = Request::parse(self.memo.operation, &common.body)?;
            self.ask(request, None).map(|outbound| changed(outbound, body))
        });
        self.send(asked, now_ms, |_| Vec::new())
    }
}

/// The request with the form's bytes, and its type.
fn changed(mut outbound: Outbound, body: &[u8]) -> Outbound {
    let Body::Form(changes) = &outbound.body else { return outbound };
    let form = Form::parse(body).unwrap_or_default();
    let value = |name: &str| {
        let change = changes.iter().find(|(changed, _)| changed == name);
        change.map(|(_, value)| value.as_deref())
    };
    // A path may have named the model.
    let is_added = |name: &str| form.value(name).is_none();
    let added: Vec<(&str, &str)> =
        changes.iter().filter_map(|(name, value)| Some((&**name, value.as_deref()?))).collect();
    let added: Vec<(&str, &str)> = added.into_iter().filter(|(name, _)| is_added(name)).collect();
    let written = form.rewritten(body, &added, value);
    outbound.headers.push(("content-type", form.content_type().into()));
    outbound.body = Body::Bytes(written);
    outbound
}
