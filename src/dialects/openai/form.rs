//! Requests with files, which are forms: the client's own is sent, with the provider's name of the model.

use super::super::{Body, Outbound, Target};
use super::path;
use super::quirks::Quirks;
use crate::facts::{Units, Usage};
use crate::json::{JsonStr, Object, Raw, fields, read};
use crate::openai::{Request, count, is_private};

/// Translates the request: `request` has the fields of the form.
pub(super) fn request(quirks: &Quirks, request: &Request<'_>, to: &Target<'_>) -> Outbound {
    let mut changes = vec![("model".into(), Some(to.model.to_owned()))];
    for (name, _) in request.params() {
        if is_private(&name) || name == "metadata" {
            changes.push((name.into_owned().into(), None));
        }
    }
    let path = path::of(quirks, request.operation, false, to);
    Outbound { path, headers: Vec::new(), body: Body::Form(changes) }
}

/// Reads the usage of a transcript: tokens, or how long the audio is.
pub(super) fn usage(object: &Object<'_>) -> Usage {
    #[derive(Default)]
    struct Wire<'a> {
        input_tokens: Option<Raw<'a>>,
        output_tokens: Option<Raw<'a>>,
        input_token_details: Option<Details<'a>>,
        seconds: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { input_tokens, output_tokens, input_token_details, seconds });
    struct Details<'a> {
        audio_tokens: Option<Raw<'a>>,
    }
    fields!(Details<'a> { audio_tokens });
    let wire: Wire<'_> = object.get("usage").and_then(|usage| read(usage).ok()).unwrap_or_default();
    let heard = wire.input_token_details.and_then(|details| count(details.audio_tokens));
    let seconds = wire.seconds.or_else(|| object.get("duration"));
    Usage {
        prompt: count(wire.input_tokens).unwrap_or_default(),
        completion: count(wire.output_tokens).unwrap_or_default(),
        audio_heard: heard.unwrap_or_default(),
        units: Units { milliseconds: seconds.map_or(0, milliseconds), ..Units::default() },
        ..Usage::default()
    }
}

/// A number of seconds, which some versions write as a text.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range first")]
fn milliseconds(seconds: Raw<'_>) -> u32 {
    let text = JsonStr::of(seconds).map_or(seconds.get(), JsonStr::inner);
    text.parse::<f64>().map_or(0, |seconds| (seconds * 1000.0).round().clamp(0.0, 4e9) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Usage {
        usage(&Object::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn audio_is_counted_in_tokens_or_in_seconds() {
        let tokens = of(
            r#"{"text":"Hi","usage":{"type":"tokens","input_tokens":14,"output_tokens":45,"input_token_details":{"text_tokens":4,"audio_tokens":10}}}"#,
        );
        assert_eq!((tokens.prompt, tokens.completion, tokens.audio_heard), (14, 45, 10));
        for (body, milliseconds) in [
            (r#"{"text":"Hi","usage":{"type":"duration","seconds":9}}"#, 9_000),
            (r#"{"text":"Hi","duration":8.47}"#, 8_470),
            (r#"{"text":"Hi","duration":"8.47"}"#, 8_470),
            (r#"{"text":"Hi"}"#, 0),
            (r#"{"duration":-1}"#, 0),
        ] {
            assert_eq!(of(body).units.milliseconds, milliseconds, "{body}");
        }
    }
}
