//! `POST /key/bulk_update`: updates several keys independently.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::schema;
use super::update::update_one;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::error::{ApiError, Complaint};
use crate::fields::{Field, Kind};
use crate::rights::Allowed;
use crate::routes::schema::read;
use crate::token::identified;

/// Fields of the body: a list of objects, each with the fields of `/key/update`.
pub const FIELDS: [Field; 1] = [Field { name: "keys", kind: Kind::List }];

/// Maximum number of keys per call.
const MOST: usize = 500;

/// Updates every key that can be updated, and reports why the others could not.
pub async fn bulk_update(
    State(app): State<App>,
    _: Allowed,
    caller: Caller,
    Object(mut body): Object,
) -> Result<Json<Value>, ApiError> {
    let items = items(body.remove("keys"))?;
    if items.is_empty() {
        return Err(ApiError::bad_request("No keys provided for update"));
    }
    if items.len() > MOST {
        let count = items.len();
        return Err(ApiError::bad_request(format!(
            "Maximum {MOST} keys can be updated at once. Found {count} keys."
        )));
    }
    let total = items.len();
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for item in items {
        let named = item.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
        let outcome = match read(&schema::UPDATE, item) {
            Ok(sent) => update_one(&app, &caller, sent).await,
            Err(error) => Err(error),
        };
        let now = clock::now();
        match outcome {
            Ok((_, key)) => done.push(json!({"key": named, "key_info": schema::info(&key, now)})),
            Err(error) => {
                let key = app.store.key(identified(&named)).await?;
                let info = key.map(|key| schema::info(&key, now));
                failed.push(json!({"key": named, "key_info": info, "failed_reason": error.message()}));
            }
        }
    }
    Ok(Json(json!({"total_requested": total, "successful_updates": done, "failed_updates": failed})))
}

fn items(keys: Option<Value>) -> Result<Vec<Map<String, Value>>, ApiError> {
    let complain = |kind, loc: Vec<Value>, msg: &str| {
        ApiError::invalid_body(&[Complaint { kind, loc, msg: msg.to_owned() }])
    };
    let at = || vec![json!("body"), json!("keys")];
    let items = match keys {
        Some(Value::Array(items)) => items,
        Some(_) => return Err(complain("list_type", at(), "Input should be a valid list")),
        None => return Err(complain("missing", at(), "Field required")),
    };
    let mut read = Vec::new();
    for (number, item) in items.into_iter().enumerate() {
        let mut loc = at();
        loc.push(json!(number));
        let Value::Object(item) = item else {
            return Err(complain("dict_type", loc, "Input should be a valid dictionary"));
        };
        if !item.get("key").is_some_and(Value::is_string) {
            loc.push(json!("key"));
            return Err(complain("missing", loc, "Field required"));
        }
        read.push(item);
    }
    Ok(read)
}
