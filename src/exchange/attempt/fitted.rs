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
        self.output_limit().is_some_and(|limit| is_above(request.object(), limit))
    }

    fn output_limit(&self) -> Option<u64> {
        if !self.call.language.fits_output() {
            return None;
        }
        let group = self.call.current().and_then(|group| group.max_output_tokens);
        self.endpoint.deployment.max_output_tokens.or(group)
    }
}

/// A limit of the output, in any client's format.
const LIMITS: [&str; 4] = ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"];

/// Google's format has it inside an object.
const CONFIGS: [&str; 2] = ["generationConfig", "generation_config"];

fn exceeds(member: &Member<'_>, limit: u64) -> bool {
    LIMITS.iter().any(|name| member.is(name))
        && member.value.get().parse().is_ok_and(|asked: u64| asked > limit)
}

fn is_above(object: &Object<'_>, limit: u64) -> bool {
    let above = |object: &Object<'_>| object.members().iter().any(|member| exceeds(member, limit));
    above(object)
        || CONFIGS.iter().filter_map(|name| Object::of(object.get(name)?)).any(|config| above(&config))
}

fn lowered(body: &[u8], limit: u64) -> Option<Vec<u8>> {
    let object = Object::parse(body).ok()?;
    let mut splice = Splice::new(body);
    let mut lower = |object: &Object<'_>| {
        for member in object.members().iter().filter(|member| exceeds(member, limit)) {
            splice.replace(member.value.get(), limit.to_string().into_bytes());
        }
    };
    lower(&object);
    CONFIGS.iter().filter_map(|name| Object::of(object.get(name)?)).for_each(|config| lower(&config));
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
        let google =
            br#"{"contents":[{"maxOutputTokens":9}],"generationConfig":{"topK":3,"maxOutputTokens":9}}"#;
        let expected =
            br#"{"contents":[{"maxOutputTokens":9}],"generationConfig":{"topK":3,"maxOutputTokens":2}}"#;
        assert_eq!(lowered(google, 2).unwrap(), expected);
        assert_eq!(lowered(br#"{"max_output_tokens":9}"#, 2).unwrap(), br#"{"max_output_tokens":2}"#);
    }
}
