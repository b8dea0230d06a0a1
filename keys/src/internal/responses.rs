//! `/internal/responses/*`: the store of the Responses API.
//!
//! JSON stays the text that it is: a response may have half a surrogate pair, which is no Rust string.

mod input;

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use switchboard::key::{StoredAction, TokenHash};

use super::Call;
use crate::app::App;
use crate::clock;
use crate::error::ApiError;
use crate::store::{Chain, MOST_CHAIN_BYTES, MOST_TURNS, NewResponse, StoredResponse};

use input::{Page, ids, normal};

/// Maximum number of references in a request.
const MOST_REFERENCES: usize = 1_000;

/// A response to store.
#[derive(Debug, Deserialize)]
pub struct KeepRequest {
    /// The key; absent for the master key.
    token: Option<TokenHash>,
    /// The response that it continues.
    parent: Option<String>,
    /// `input` of the request.
    input: Box<RawValue>,
    response: Box<RawValue>,
}

/// The parts of a response that are needed here.
#[derive(Deserialize)]
struct Known<'a> {
    id: String,
    #[serde(borrow)]
    output: Vec<&'a RawValue>,
}

/// Stores a response. Returns `{"stored": true}` only if the client can continue it.
pub async fn keep(
    State(app): State<App>,
    Call(KeepRequest { token, parent, input, response }): Call<KeepRequest>,
) -> Result<Json<Value>, ApiError> {
    let known: Known<'_> =
        serde_json::from_str(response.get()).map_err(|cause| ApiError::unreadable_call(&cause))?;
    let items = normal(&input, &known.id);
    let mut all = ids(items.iter().map(String::as_str));
    all.extend(ids(known.output.iter().map(|item| item.get())));
    let new = NewResponse {
        token: owner(token),
        id: known.id.clone(),
        parent,
        input: format!("[{}]", items.join(",")),
        response: response.get().to_owned(),
        items: all,
    };
    let stored = app.store.keep_response(&new, clock::now()).await?;
    Ok(Json(json!({ "stored": stored })))
}

/// What a request refers to.
#[derive(Debug, Deserialize)]
pub struct RecallRequest {
    token: Option<TokenHash>,
    /// `previous_response_id`
    previous: Option<String>,
    /// Ids of items.
    #[serde(default)]
    items: Vec<String>,
}

/// Returns `{"input": […], "items": {…}}`: the items of the conversation, oldest first, and those that are referred to, by
/// their ids. Or a `Problem`.
pub async fn recall(
    State(app): State<App>,
    Call(RecallRequest { token, previous, items }): Call<RecallRequest>,
) -> Result<Response, ApiError> {
    let (token, now) = (owner(token), clock::now());
    let mut input = Vec::new();
    if let Some(id) = &previous {
        match app.store.response_chain(&token, id, now).await? {
            Chain::Whole(chain) => input.extend(chain.iter().flat_map(inside)),
            Chain::Missing => return Ok(Problem::no_previous(id)),
            Chain::TooLong => return Ok(Problem::too_long(id)),
        }
    }
    if items.len() > MOST_REFERENCES {
        return Ok(Problem::references());
    }
    let found = app.store.responses_with_items(&token, &items, now).await?;
    let mut referred = String::new();
    for id in &items {
        let item = found.iter().filter(|(item, _)| item == id).find_map(|(_, stored)| item_of(stored, id));
        let Some(item) = item else { return Ok(Problem::no_item(id)) };
        if !referred.is_empty() {
            referred.push(',');
        }
        // Writing to a `String` cannot fail.
        let _ = write!(referred, "{}:{item}", json!(id));
    }
    Ok(json_text(format!(r#"{{"input":[{}],"items":{{{referred}}}}}"#, input.join(","))))
}

/// What a client asks of a stored response.
#[derive(Debug, Deserialize)]
pub struct StoredRequest {
    token: Option<TokenHash>,
    id: String,
    action: StoredAction,
    /// The client's query.
    #[serde(default)]
    query: String,
}

/// Returns `{"body": …}`, the body of the response to the client, or a `Problem`.
pub async fn stored(
    State(app): State<App>,
    Call(StoredRequest { token, id, action, query }): Call<StoredRequest>,
) -> Result<Response, ApiError> {
    let token = owner(token);
    if action == StoredAction::Delete {
        return Ok(if app.store.delete_response(&token, &id).await? {
            json_text(json!({"body": {"id": id, "object": "response", "deleted": true}}).to_string())
        } else {
            Problem::no_response(&id)
        });
    }
    let Some(stored) = app.store.stored_response(&token, &id, clock::now()).await? else {
        return Ok(Problem::no_response(&id));
    };
    Ok(match action {
        StoredAction::Cancel => Problem::not_in_background(),
        StoredAction::InputItems => match Page::parse(&query) {
            Ok(page) => json_text(format!(r#"{{"body":{}}}"#, page.of(&stored.input))),
            Err((param, expected)) => Problem::parameter(param, expected),
        },
        StoredAction::Get | StoredAction::Delete => {
            let streams = form_urlencoded::parse(query.as_bytes())
                .any(|(name, value)| name == "stream" && value == "true");
            if streams {
                Problem::parameter("stream", "stored responses cannot be streamed again")
            } else {
                json_text(format!(r#"{{"body":{}}}"#, stored.response))
            }
        }
    })
}

fn owner(token: Option<TokenHash>) -> String {
    token.map(|token| token.to_string()).unwrap_or_default()
}

/// The items of a response's turn.
fn inside(stored: &StoredResponse) -> Vec<String> {
    let input: Vec<&RawValue> = serde_json::from_str(&stored.input).unwrap_or_default();
    let output = serde_json::from_str::<Known<'_>>(&stored.response).map(|known| known.output);
    input.into_iter().chain(output.unwrap_or_default()).map(|item| item.get().to_owned()).collect()
}

fn item_of(stored: &StoredResponse, id: &str) -> Option<String> {
    inside(stored).into_iter().find(|item| ids([item.as_str()]).iter().any(|own| own == id))
}

fn json_text(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// An error of the client: `{"problem": {"status", "message", "param"}}`.
#[derive(Serialize)]
struct Problem {
    status: u16,
    message: String,
    param: Option<&'static str>,
}

impl Problem {
    fn told(status: u16, param: Option<&'static str>, message: String) -> Response {
        Json(json!({ "problem": Self { status, message, param } })).into_response()
    }

    fn no_response(id: &str) -> Response {
        Self::told(404, None, format!("Response with id '{}' not found.", shown(id)))
    }

    fn no_previous(id: &str) -> Response {
        let message = format!("Previous response with id '{}' not found.", shown(id));
        Self::told(400, Some("previous_response_id"), message)
    }

    fn too_long(id: &str) -> Response {
        let message = format!(
            "The conversation of response '{}' is longer than {MOST_TURNS} responses or {} MiB. Send the items that \
             matter in `input` instead.",
            shown(id),
            MOST_CHAIN_BYTES >> 20
        );
        Self::told(413, Some("previous_response_id"), message)
    }

    fn no_item(id: &str) -> Response {
        Self::told(400, Some("input"), format!("Item with id '{}' not found.", shown(id)))
    }

    fn references() -> Response {
        Self::told(400, Some("input"), format!("More than {MOST_REFERENCES} items of type `item_reference`."))
    }

    fn not_in_background() -> Response {
        let message = "Only responses that were created with `background: true` can be cancelled.";
        Self::told(400, None, message.to_owned())
    }

    fn parameter(param: &'static str, expected: &str) -> Response {
        Self::told(400, Some(param), format!("Invalid value for '{param}': {expected}"))
    }
}

/// An id as an error repeats it.
fn shown(id: &str) -> String {
    id.chars().take(100).collect()
}
