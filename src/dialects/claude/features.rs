//! Features of Claude that are not yet general: a client or an operator asks for them by name.
//!
//! Their place is a header; whoever writes OpenAI's language can set it, as a header of the request or in `extra_headers`
//! (LiteLLM's and the SDKs' word), and clouds that have no such header take the names in the body.

use std::borrow::Cow;

use super::super::Target;
use crate::json::{JsonStr, Object, Raw, read};
use crate::openai::Request;
use crate::providers::{FEATURES_FIELD, FEATURES_HEADER};

/// The names that headers ask for: the client's, `extra_headers` of its body, and the deployment's.
pub(in crate::dialects) fn in_headers<'a>(request: &Request<'a>, to: &Target<'a>) -> Vec<Cow<'a, str>> {
    let mut features = Vec::new();
    add_list(&mut features, Cow::Borrowed(to.features));
    let extra = request.get("extra_headers").and_then(Object::of).unwrap_or_default();
    let is_named =
        |name: Option<Cow<'_, str>>| name.is_some_and(|name| name.eq_ignore_ascii_case(FEATURES_HEADER));
    for member in extra.members().iter().filter(|member| is_named(member.name())) {
        add_value(&mut features, member.value);
    }
    features
}

/// The names that the body asks for in the clouds' way.
pub(in crate::dialects) fn in_body<'a>(request: &Request<'a>) -> Vec<Cow<'a, str>> {
    let mut features = Vec::new();
    if let Some(value) = request.get(FEATURES_FIELD) {
        add_value(&mut features, value);
    }
    features
}

/// Adds those that are not there yet.
pub(in crate::dialects) fn merge<'a>(
    features: &mut Vec<Cow<'a, str>>,
    more: impl IntoIterator<Item = Cow<'a, str>>,
) {
    for feature in more {
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
}

/// A list in a string, or in an array of strings.
fn add_value<'a>(features: &mut Vec<Cow<'a, str>>, value: Raw<'a>) {
    let lists: Vec<JsonStr<'a>> = match JsonStr::of(value) {
        Some(list) => vec![list],
        None => read(value).unwrap_or_default(),
    };
    for list in lists.into_iter().filter_map(JsonStr::decode) {
        add_list(features, list);
    }
}

/// A list as headers have it: names with commas between. A name has no other letters, so nothing else becomes part of a
/// header here.
fn add_list<'a>(features: &mut Vec<Cow<'a, str>>, list: Cow<'a, str>) {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match list {
        Cow::Borrowed(list) => {
            let names = list.split(',').map(str::trim).filter(|name| is_name(name));
            merge(features, names.map(Cow::Borrowed));
        }
        Cow::Owned(list) => {
            let names = list.split(',').map(str::trim).filter(|name| is_name(name));
            merge(features, names.map(|name| Cow::Owned(name.to_owned())));
        }
    }
}
