//! Builds the path of a request for the deployment's URL surface.

use std::borrow::Cow;

use super::super::Target;
use super::quirks::{Quirks, Surface};
use super::request::performed;
use super::responses::Endpoint;
use crate::config::Deployment;
use crate::openai::Operation;

/// The base or the prefix of the surfaces of Azure that have the Responses API.
const V1: &str = "/openai/v1";

/// The surface of a deployment; `None` if the vendor has only one.
fn surface(quirks: &Quirks, deployment: &Deployment) -> Option<&'static Surface> {
    let version = version(deployment);
    quirks.surfaces.iter().find(|surface| {
        (surface.versions.is_empty() || surface.versions.contains(&version))
            && deployment.api_base.contains(surface.base)
    })
}

fn version(deployment: &Deployment) -> &str {
    let option = deployment.options.iter().find(|(option, _)| option == "api_version");
    option.map_or("", |(_, value)| value.as_str())
}

/// Whether a deployment has the Responses API.
pub(super) fn has_responses(quirks: &Quirks, deployment: &Deployment) -> bool {
    let has = |surface: &Surface| surface.base == V1 || surface.prefix == V1;
    quirks.responses && surface(quirks, deployment).is_none_or(has)
}

/// The path and query of an endpoint of the Responses API, where [`has_responses`].
pub(super) fn of_responses(quirks: &Quirks, to: &Target<'_>, endpoint: Endpoint) -> Cow<'static, str> {
    let path = endpoint.path();
    match surface(quirks, to.deployment) {
        Some(surface) => Cow::Owned([surface.prefix, path, surface.query].concat()),
        None => Cow::Borrowed(path),
    }
}

/// Path and query below the deployment's base URL.
pub(super) fn of(quirks: &Quirks, operation: Operation, streams: bool, to: &Target<'_>) -> Cow<'static, str> {
    let operation = performed(quirks, operation);
    let path = quirks.endpoints.iter().find(|(there, _)| *there == operation).map_or("", |(_, path)| path);
    let version = version(to.deployment);
    let Some(surface) = surface(quirks, to.deployment) else { return Cow::Borrowed(path) };
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
