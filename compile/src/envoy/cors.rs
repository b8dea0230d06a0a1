//! Cross-origin resource sharing: Envoy's own filter, before ours, so that a browser's preflight needs no key and every
//! answer says who may read it.

use serde_json::{Value, json};

use crate::plan::{ANY_ORIGIN, Cors};

/// Name of the filter, and of its policy in the routes.
const FILTER: &str = "envoy.filters.http.cors";

/// What a page may read of a response besides its body.
const EXPOSED: &str = "x-request-id, x-litellm-call-id, x-litellm-model-id, x-litellm-model-group, x-litellm-response-cost, \
     x-litellm-key-spend, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-limit-tokens, \
     x-ratelimit-remaining-tokens, retry-after";

/// The filter. What it allows is said where the routes are.
pub(super) fn filter() -> Value {
    json!({
        "name": FILTER,
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors" },
    })
}

/// `typed_per_filter_config` of the virtual host.
pub(super) fn policy(cors: &Cors) -> Value {
    let origins = cors.origins.iter().map(|origin| json!({ "exact": origin }));
    json!({ FILTER: {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": origins.collect::<Vec<_>>(),
        "allow_methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
        // Whatever the browser asks for.
        "allow_headers": "*",
        "expose_headers": EXPOSED,
        "max_age": "600",
        "allow_credentials": cors.credentials,
        // A preflight of another origin is answered here too; the browser sees that it may not go on.
        "forward_not_matching_preflights": false,
    } })
}

/// The same for replies that come when the filter has had its turn, or never gets one: an Envoy that refuses requests
/// makes no filters for them. Value of a header; empty, and so not sent, for an origin that is not allowed.
pub(super) fn allowed_origin(cors: &Cors) -> String {
    if cors.origins == [ANY_ORIGIN] {
        return "%REQ(ORIGIN)%".to_owned();
    }
    // A JSON text is a CEL text.
    let origins = Value::from(cors.origins.clone());
    format!(
        "%CEL('origin' in request.headers && request.headers['origin'] in {origins} ? \
         request.headers['origin'] : '')%"
    )
}
