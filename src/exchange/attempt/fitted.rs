//! `max_tokens` of clients that ask every model for as much as their own can generate: providers reject a value above the
//! model's limit.

use std::borrow::Cow;

use super::Attempt;
use crate::json::{Member, Object, Splice};
use crate::openai::Request;

impl Attempt {
    /// The body, with `max_tokens` lowered to the deployment's limit if the client's language asks for that.
    pub(super) fn fitted<'b>(&self, body: Cow<'b, [u8]>) -> Cow<'b, [u8]> {
        let Some(limit) = self.output_limit() else { return body };
        match lowered(&body, limit) {
            Some(lowered) => Cow::Owned(lowered),
            None => body,
        }
    }

    /// Whether [`Self::fitted`] would change the body of this request.
    pub(super) fn exceeds_output(&self, request: &Request<'_>) -> bool {
        self.output_limit().is_some_and(|limit| request.object().members().iter().any(|m| exceeds(m, limit)))
    }

    fn output_limit(&self) -> Option<u64> {
        if !self.call.language.fits_output() {
            return None;
        }
        let group = self.call.current().and_then(|group| group.max_output_tokens);
        self.endpoint.deployment.max_output_tokens.or(group)
    }
}

fn exceeds(member: &Member<'_>, limit: u64) -> bool {
    (member.is("max_tokens") || member.is("max_completion_tokens"))
        && member.value.get().parse().is_ok_and(|asked: u64| asked > limit)
}

fn lowered(body: &[u8], limit: u64) -> Option<Vec<u8>> {
    let object = Object::parse(body).ok()?;
    let mut splice = Splice::new(body);
    for member in object.members().iter().filter(|member| exceeds(member, limit)) {
        splice.replace(member.value.get(), limit.to_string().into_bytes());
    }
    (!splice.is_empty()).then(|| splice.write())
}

#[cfg(test)]
mod tests {
    use super::lowered;

    #[test]
    fn only_what_is_above_the_limit_is_lowered() {
        let body = br#"{"model":"m","max_tokens":32000,"messages":[]}"#;
        assert_eq!(lowered(body, 16384).unwrap(), br#"{"model":"m","max_tokens":16384,"messages":[]}"#);
        assert_eq!(lowered(body, 32000), None);
        assert_eq!(lowered(br#"{"max_tokens":"32000"}"#, 1), None);
    }
}
