//! Builds the path of a request for the deployment's URL surface.

use std::borrow::Cow;

use super::super::Target;
use super::quirks::Quirks;
use super::request::has;
use crate::openai::Operation;

/// Path and query below the deployment's base URL.
pub(super) fn of(quirks: &Quirks, operation: Operation, streams: bool, to: &Target<'_>) -> Cow<'static, str> {
    let operation = if has(quirks, operation) { operation } else { Operation::Chat };
    let path = quirks.endpoints.iter().find(|(there, _)| *there == operation).map_or("", |(_, path)| path);
    let base = &to.deployment.api_base;
    let version = to.option("api_version").unwrap_or_default();
    let surface = quirks.surfaces.iter().find(|surface| {
        (surface.versions.is_empty() || surface.versions.contains(&version)) && base.contains(surface.base)
    });
    let Some(surface) = surface else { return Cow::Borrowed(path) };
    let mut filled = String::with_capacity(96);
    for template in [surface.prefix, path, surface.query] {
        fill(template, version, to.model, streams, &mut filled);
    }
    Cow::Owned(filled)
}

fn fill(template: &str, version: &str, model: &str, streams: bool, out: &mut String) {
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        out.push_str(before);
        match name {
            "model" => encode(model, out),
            "endpoint" => encode(model.rsplit('/').next().unwrap_or(model), out),
            "method" => out.push_str(if streams { "streamRawPredict" } else { "rawPredict" }),
            _ => encode(version, out),
        }
        rest = after;
    }
    out.push_str(rest);
}

/// Percent-encodes all but unreserved characters (RFC 3986, section 2.3); an `@` before a version may stay in
/// a path.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(half.into(), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
}
