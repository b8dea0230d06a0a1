//! Changes to the provider's request that the client or the deployment asks for: `additional_drop_params` is
//! applied before the dialect reads the request, and `allowed_openai_params`, `extra_body` and
//! `extra_headers` after it.
//!
//! These are rare. A request that uses them is parsed and written one more time.

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::Attempt;
use crate::dialects::{Allowed, Body, Dialect, Outbound};
use crate::json::{JsonStr, Member, Object, Raw, Splice, Writer, without};
use crate::openai::{ErrorBody, Operation, Request, is_admitted, is_private};
use crate::providers::{FEATURES_HEADER, OWNED_HEADERS};
use crate::table::Endpoint;

const DROPS: &str = "additional_drop_params";
const ALLOWED: &str = "allowed_openai_params";
const EXTRA_BODY: &str = "extra_body";
const EXTRA_HEADERS: &str = "extra_headers";
const NAMES: &str = "an array of parameter names";

/// Whether the request or deployment uses any of these.
pub(super) fn is_amended(request: &Request<'_>, endpoint: &Endpoint) -> bool {
    let deployment = &endpoint.deployment;
    !deployment.additional_drop_params.is_empty()
        || !deployment.allowed_openai_params.is_empty()
        || deployment.defaults.iter().any(|(name, _)| name == EXTRA_BODY)
        || [EXTRA_BODY, EXTRA_HEADERS, DROPS, ALLOWED].iter().any(|name| request.object().get(name).is_some())
}

impl Attempt {
    /// The dialect's request, with the changes applied.
    pub(super) fn ask_amended(&mut self, request: &Request<'_>) -> Result<Outbound, ErrorBody> {
        let endpoint = Rc::clone(&self.endpoint);
        let deployment = &endpoint.deployment;
        let extra = extra_body(&request.clone().with_defaults(&deployment.defaults))?;
        self.extra_headers = extra_headers(request)?;
        let asked_drops: Vec<String> = request.read(DROPS, NAMES)?.unwrap_or_default();
        if let Some(name) = asked_drops.iter().find(|name| is_admitted(name)) {
            return Err(ErrorBody::invalid(DROPS, &format!("'{name}' cannot be dropped")));
        }
        let drops: Vec<&str> =
            deployment.additional_drop_params.iter().chain(&asked_drops).map(String::as_str).collect();
        let mut allowed: Vec<String> = request.read(ALLOWED, NAMES)?.unwrap_or_default();
        allowed.extend(deployment.allowed_openai_params.iter().cloned());

        let body = dropped(request.body, &drops);
        let defaults: Vec<(String, Box<RawValue>)> =
            deployment.defaults.iter().filter(|(name, _)| !drops.contains(&name.as_str())).cloned().collect();
        let request = Request::parse(request.operation, &body)?.with_defaults(&defaults);
        let allowed = Allowed::new(allowed);
        let mut outbound = self.ask(request.clone(), Some(&allowed))?;
        let written = match outbound.body {
            Body::Bytes(written) => written,
            Body::Edited(edits) => edits.write(&body),
            other => return Ok(Outbound { body: other, ..outbound }),
        };
        let written = with_allowed(written, &request, &allowed.used());
        outbound.body = Body::Bytes(match extra {
            Some(extra) if !drops.contains(&EXTRA_BODY) => {
                let placed = placed(self.dialect, self.memo.operation, &extra, &drops);
                match &placed {
                    Some(placed) => with_extra(written, &Object::parse(placed).unwrap_or_default(), &drops),
                    None => with_extra(written, &extra, &drops),
                }
            }
            _ => written,
        });
        Ok(outbound)
    }
}

/// The body without the dropped parameters.
fn dropped<'b>(body: &'b [u8], drops: &[&str]) -> Cow<'b, [u8]> {
    drops.iter().fold(Cow::Borrowed(body), |body, path| match without(&body, path) {
        Some(rest) => Cow::Owned(rest),
        None => body,
    })
}

/// Reads and checks `extra_body`.
fn extra_body<'r>(request: &Request<'r>) -> Result<Option<Object<'r>>, ErrorBody> {
    let Some(raw) = request.get(EXTRA_BODY) else { return Ok(None) };
    let Some(extra) = Object::of(raw) else {
        return Err(ErrorBody::invalid(EXTRA_BODY, "expected an object"));
    };
    let admitted = |object: &Object<'_>| {
        let names = object.members().iter().filter_map(crate::json::Member::name);
        names.filter(|name| !is_model(name)).find(|name| is_admitted(name)).map(Cow::into_owned)
    };
    let inside = |object: &Object<'_>| object.duplicate().map(Cow::into_owned);
    let nested: Vec<Object<'_>> =
        extra.members().iter().filter_map(|member| Object::of(member.value)).collect();
    let all = || std::iter::once(&extra).chain(&nested);
    if let Some(name) = all().find_map(inside) {
        return Err(ErrorBody::invalid(EXTRA_BODY, &format!("duplicate field `{name}`")));
    }
    if let Some(name) = all().find_map(admitted) {
        let why = format!("'{name}' cannot be set in extra_body; set it at the top level of the request");
        return Err(ErrorBody::invalid(EXTRA_BODY, &why));
    }
    Ok(Some(extra))
}

/// Reads and checks `extra_headers`.
fn extra_headers(request: &Request<'_>) -> Result<Vec<(String, String)>, ErrorBody> {
    let Some(raw) = request.object().get(EXTRA_HEADERS) else { return Ok(Vec::new()) };
    let Some(object) = Object::of(raw) else {
        return Err(ErrorBody::invalid(EXTRA_HEADERS, "expected an object of header names and values"));
    };
    let mut headers = Vec::new();
    for member in object.members() {
        let name = member.name().unwrap_or_default().to_ascii_lowercase();
        let is_token = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if !is_token {
            return Err(ErrorBody::invalid(EXTRA_HEADERS, "invalid HTTP header name"));
        }
        if is_ours(&name) {
            return Err(ErrorBody::invalid(
                EXTRA_HEADERS,
                &format!("the header '{name}' is set by the gateway and cannot be overridden"),
            ));
        }
        let value = match JsonStr::of(member.value) {
            Some(text) => text.decode().unwrap_or_default().into_owned(),
            None => member.value.get().to_owned(),
        };
        if value.is_empty() || value.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(ErrorBody::invalid(EXTRA_HEADERS, &format!("invalid value for the header '{name}'")));
        }
        headers.push((name, value));
    }
    Ok(headers)
}

/// Headers for sending, signing and billing, which cannot be overridden.
fn is_ours(name: &str) -> bool {
    const FAMILIES: &[&str] = &["x-amz-", "x-envoy-", "x-forwarded-", "x-litellm-", "x-switchboard-"];
    OWNED_HEADERS.iter().any(|owned| *owned == name && name != FEATURES_HEADER)
        || FAMILIES.iter().any(|family| name.starts_with(family))
        || matches!(
            name,
            "accept"
                | "accept-encoding"
                | "connection"
                | "content-encoding"
                | "content-length"
                | "content-type"
                | "cookie"
                | "expect"
                | "host"
                | "keep-alive"
                | "proxy-authorization"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
        )
}

/// Adds parameters that the dialect left out to the provider's body, verbatim.
fn with_allowed(written: Vec<u8>, request: &Request<'_>, names: &[String]) -> Vec<u8> {
    if names.is_empty() {
        return written;
    }
    let Ok(object) = Object::parse(&written) else { return written };
    let mut added = Vec::new();
    let mut w = Writer::new(&mut added);
    for name in names.iter().filter(|name| object.get(name).is_none()) {
        if let Some(value) = request.get(name) {
            add(&mut w, name, value);
        }
    }
    let mut splice = Splice::new(&written);
    if !added.is_empty() {
        splice.append(added);
    }
    splice.write()
}

/// `extra_body` with its fields at the place where the provider's request has them; `None` if all of them stay at the
/// top level.
fn placed(
    dialect: &dyn Dialect,
    operation: Operation,
    extra: &Object<'_>,
    drops: &[&str],
) -> Option<Vec<u8>> {
    let place = |name: &str| dialect.extra_in(operation, name);
    let names = || extra.members().iter().filter_map(Member::name);
    let object = names().find_map(|name| place(&name))?;
    let is_left_out = |name: &str| is_model(name) || is_private(name) || drops.contains(&name);
    let (own, others): (Vec<&Member<'_>>, Vec<&Member<'_>>) =
        extra.members().iter().partition(|member| member.name().is_some_and(|name| place(&name).is_some()));
    let mut body = Vec::new();
    let mut w = Writer::new(&mut body);
    w.object();
    for member in others.iter().filter(|member| !member.is(object)) {
        add(&mut w, &member.name().unwrap_or_default(), member.value);
    }
    let given = extra.get(object).and_then(Object::of).unwrap_or_default();
    w.key(object).object();
    for member in given.members() {
        add(&mut w, &member.name().unwrap_or_default(), member.value);
    }
    for member in own {
        let name = member.name().unwrap_or_default();
        if !is_left_out(&name) && given.get(&name).is_none() {
            add(&mut w, &name, member.value);
        }
    }
    w.end_object().end_object();
    Some(body)
}

/// Merges `extra_body` into the provider's body, one level deep: nested objects (`generationConfig`,
/// `options`) also hold values from the admitted request, which stay.
fn with_extra(written: Vec<u8>, extra: &Object<'_>, drops: &[&str]) -> Vec<u8> {
    let Ok(object) = Object::parse(&written) else { return written };
    let mut splice = Splice::new(&written);
    let mut added = Vec::new();
    let mut w = Writer::new(&mut added);
    for member in extra.members() {
        let name = member.name().unwrap_or_default();
        if is_model(&name) || is_private(&name) || drops.iter().any(|drop| *drop == name) {
            continue;
        }
        let Some(there) = object.members().iter().find(|there| there.is(&name)) else {
            add(&mut w, &name, member.value);
            continue;
        };
        match (Object::of(there.value), Object::of(member.value)) {
            (Some(old), Some(new)) => over(there.value, &old, &new, &mut splice),
            _ => splice.replace(there.value.get(), member.value.get().as_bytes().to_vec()),
        }
    }
    if !added.is_empty() {
        splice.append(added);
    }
    splice.write()
}

/// Merges one object's members into another.
fn over(place: Raw<'_>, old: &Object<'_>, new: &Object<'_>, splice: &mut Splice<'_>) {
    let mut added = Vec::new();
    let mut w = Writer::new(&mut added);
    for member in new.members() {
        let name = member.name().unwrap_or_default();
        match old.members().iter().find(|there| there.is(&name)) {
            Some(there) => splice.replace(there.value.get(), member.value.get().as_bytes().to_vec()),
            None => add(&mut w, &name, member.value),
        }
    }
    if !added.is_empty() {
        splice.append_to(place.get(), added);
    }
}

/// Whether some server reads this field as the model.
fn is_model(name: &str) -> bool {
    name.eq_ignore_ascii_case("model")
}

fn add(w: &mut Writer<'_>, name: &str, value: Raw<'_>) {
    w.string(name).bytes().push(b':');
    w.raw(value.get());
}
