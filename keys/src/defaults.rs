//! Values of fields that requests do not set, and the largest values of fields of keys (`litellm_settings`).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::duration::Duration;
use crate::error::ApiError;
use crate::store::CustomerDefault;

/// The settings, under `LiteLLM`'s names.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    default_key_generate_params: Map<String, Value>,
    upperbound_key_generate_params: Bounds,
    default_team_params: Map<String, Value>,
    default_internal_user_params: Map<String, Value>,
    max_internal_user_budget: Option<f64>,
    internal_user_budget_duration: Option<String>,
    max_end_user_budget: Option<f64>,
    max_end_user_budget_id: Option<String>,
}

/// The largest values of a key's fields.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Bounds {
    max_budget: Option<f64>,
    budget_duration: Option<String>,
    duration: Option<String>,
    tpm_limit: Option<u64>,
    rpm_limit: Option<u64>,
    max_parallel_requests: Option<u64>,
}

impl Defaults {
    /// Reads what the launcher writes.
    ///
    /// # Errors
    /// It is not an object of these settings, or a duration is invalid.
    pub fn parse(text: &str) -> Result<Self, String> {
        let defaults: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let of_map =
            |map: &Map<String, Value>, name| map.get(name).and_then(Value::as_str).map(str::to_owned);
        let bounds = &defaults.upperbound_key_generate_params;
        let durations = [
            of_map(&defaults.default_key_generate_params, "duration"),
            of_map(&defaults.default_key_generate_params, "budget_duration"),
            of_map(&defaults.default_team_params, "budget_duration"),
            of_map(&defaults.default_internal_user_params, "budget_duration"),
            defaults.internal_user_budget_duration.clone(),
            bounds.duration.clone(),
            bounds.budget_duration.clone(),
        ];
        for text in durations.into_iter().flatten() {
            Duration::parse(&text).map_err(|_| format!("'{text}' is not a duration such as 30d"))?;
        }
        Ok(defaults)
    }

    /// The budget of customers that have none.
    pub fn of_customers(&self) -> CustomerDefault {
        CustomerDefault {
            max_budget: self.max_end_user_budget,
            budget_id: self.max_end_user_budget_id.clone(),
        }
    }

    /// Completes a request for a new key.
    pub fn complete_key(&self, sent: &mut Map<String, Value>) {
        complete(sent, &self.default_key_generate_params);
    }

    /// Completes a request for a new team.
    pub fn complete_team(&self, sent: &mut Map<String, Value>) {
        complete(sent, &self.default_team_params);
    }

    /// Completes a request for a new user.
    pub fn complete_user(&self, sent: &mut Map<String, Value>) {
        let role =
            |sent: &Map<String, Value>| sent.get("user_role").and_then(Value::as_str).map(str::to_owned);
        if matches!(role(sent).as_deref(), Some("proxy_admin" | "proxy_admin_viewer")) {
            return;
        }
        complete(sent, &self.default_internal_user_params);
        // A user without a role is an internal user.
        if matches!(role(sent).as_deref(), None | Some("internal_user")) {
            let mut more = Map::new();
            more.extend(self.max_internal_user_budget.map(|budget| ("max_budget".to_owned(), json!(budget))));
            let period = self.internal_user_budget_duration.as_ref();
            more.extend(period.map(|period| ("budget_duration".to_owned(), json!(period))));
            complete(sent, &more);
        }
    }

    /// Rejects a request for a key, or for a change of it, with values beyond the largest. A new key without a value has the largest,
    /// and so has a key whose value is removed.
    pub fn bound_key(&self, sent: &mut Map<String, Value>, is_new: bool) -> Result<(), ApiError> {
        let bounds = &self.upperbound_key_generate_params;
        let now = clock::now();
        let count = |most: Option<u64>| most.map(Value::from);
        for (field, most) in [
            ("max_budget", bounds.max_budget.map(Value::from)),
            ("tpm_limit", count(bounds.tpm_limit)),
            ("rpm_limit", count(bounds.rpm_limit)),
            ("max_parallel_requests", count(bounds.max_parallel_requests)),
            ("budget_duration", bounds.budget_duration.clone().map(Value::from)),
            ("duration", bounds.duration.clone().map(Value::from)),
        ] {
            let Some(most) = most else { continue };
            match sent.get(field) {
                None if !is_new => {}
                None | Some(Value::Null) => _ = sent.insert(field.to_owned(), most),
                Some(wanted) if exceeds(wanted, &most, now) => {
                    let plain =
                        |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    return Err(ApiError::bad_request(format!(
                        "{field} is over max limit set in config - user_value={}; max_value={}",
                        plain(wanted),
                        plain(&most),
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// Adds the fields that a request does not set. Empty models and metadata count as not set.
fn complete(sent: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    for (name, value) in defaults {
        let is_set = match sent.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
            Some(_) => true,
        };
        if !is_set {
            sent.insert(name.clone(), value.clone());
        }
    }
}

/// Whether a number or a duration is larger. A duration of -1 never ends; other invalid ones are rejected elsewhere.
fn exceeds(wanted: &Value, most: &Value, now: Timestamp) -> bool {
    match (wanted, most) {
        (Value::String(wanted), Value::String(most)) => {
            let end = |text: &str| Duration::parse(text).and_then(|duration| duration.after(now)).ok();
            wanted == "-1" || end(wanted).zip(end(most)).is_some_and(|(wanted, most)| wanted > most)
        }
        _ => match (wanted.as_u64(), most.as_u64()) {
            (Some(wanted), Some(most)) => wanted > most,
            _ => wanted.as_f64().zip(most.as_f64()).is_some_and(|(wanted, most)| wanted > most),
        },
    }
}
