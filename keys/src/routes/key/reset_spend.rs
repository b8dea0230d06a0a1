//! `POST /key/{key}/reset_spend`: reduces a key's recorded spend.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::error::{ApiError, Complaint};
use crate::fields::{Field, Kind, read};
use crate::money::Picodollars;
use crate::rights::Operation;
use crate::store::KeyRow;
use crate::token::identified;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "reset_to", kind: Kind::Number }];

/// Sets the key's spend to `reset_to`, which must not exceed the current spend.
pub async fn reset_spend(
    State(app): State<App>,
    caller: Caller,
    Path(named): Path<String>,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    caller.might(Operation::KeyResetSpend)?;
    let complain = |kind, msg: &str| {
        let loc = vec![json!("body"), json!("reset_to")];
        ApiError::invalid_body(&[Complaint { kind, loc, msg: msg.to_owned() }])
    };
    match body.get("reset_to") {
        None => return Err(complain("missing", "Field required")),
        Some(Value::Null) => return Err(complain("float_type", "Input should be a valid number")),
        Some(Value::Bool(_)) => {
            return Err(complain("value_error", "Value error, reset_to must be a number, not a boolean"));
        }
        Some(_) => {}
    }
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let reset_to = sent.get("reset_to").and_then(Value::as_f64).unwrap_or_default();
    let token = identified(&named);
    let gone = || ApiError::missing(format!("Key {token} not found."));
    let known = app.store.key(token).await?.ok_or_else(gone)?;
    caller.may_with_key(&app, Operation::KeyResetSpend, &known).await?;
    let mut previous = known.spend;
    let change = |key: &mut KeyRow| {
        previous = key.spend;
        check(reset_to, key)?;
        key.spend = Picodollars::from_usd(reset_to);
        Ok::<_, ApiError>(())
    };
    let key = app.store.update_key(token, &caller.name(), change).await?.ok_or_else(gone)?;
    app.store.lower_key_windows(key.token, key.spend).await?;
    tracing::info!(key = key.key_name, "spend reset");
    Ok(Json(json!({
        "key_hash": key.token,
        "spend": key.spend,
        "previous_spend": previous,
        "max_budget": key.max_budget,
        "budget_reset_at": key.budget_reset_at.map(clock::iso),
    })))
}

fn check(reset_to: f64, key: &KeyRow) -> Result<(), ApiError> {
    let spent = key.spend.usd();
    if reset_to < 0.0 {
        return Err(ApiError::bad_request("reset_to must be >= 0"));
    }
    if reset_to > spent {
        return Err(ApiError::bad_request(format!(
            "reset_to ({reset_to:?}) must be <= current spend ({spent:?})"
        )));
    }
    match key.max_budget {
        Some(budget) if reset_to > budget => {
            Err(ApiError::bad_request(format!("reset_to ({reset_to:?}) must be <= budget ({budget:?})")))
        }
        _ => Ok(()),
    }
}
