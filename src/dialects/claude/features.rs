//! Beta features of Claude, which clients and operators request by name.
//!
//! They are named in a header. Clients of OpenAI's API can set it as a header of the request or in
//! `extra_headers` (as in LiteLLM and the SDKs). Clouds without such a header read the names from the body.

use std::borrow::Cow;

use super::super::Target;
use crate::dialect::{FEATURES_FIELD, FEATURES_HEADER};
use crate::json::{JsonStr, Object, Raw, read};
use crate::openai::Request;

/// The names in headers: the client's, `extra_headers` in its body, and the deployment's.
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

/// The names in the body, as clouds expect them.
pub(in crate::dialects) fn in_body<'a>(request: &Request<'a>) -> Vec<Cow<'a, str>> {
    let mut features = Vec::new();
    if let Some(value) = request.get(FEATURES_FIELD) {
        add_value(&mut features, value);
    }
    features
}

/// Adds the names that are not in the list yet.
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

/// Adds a list in a string, or in an array of strings.
fn add_value<'a>(features: &mut Vec<Cow<'a, str>>, value: Raw<'a>) {
    let lists: Vec<JsonStr<'a>> = match JsonStr::of(value) {
        Some(list) => vec![list],
        None => read(value).unwrap_or_default(),
    };
    for list in lists.into_iter().filter_map(JsonStr::decode) {
        add_list(features, list);
    }
}

/// Adds a header's list of names, separated by commas. Names with other characters are dropped, so that
/// nothing else can be injected into a header.
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
