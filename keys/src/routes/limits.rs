//! Limits that are more than a number: budgets per model, several budget windows, rates per model. Invalid
//! limits, and those without effect, are rejected.

use serde_json::{Map, Value, json};

use super::account::next_reset;
use crate::clock;
use crate::error::{ApiError, check_budget};

/// Fields with an amount of money.
const AMOUNTS: [&str; 6] = [
    "max_budget",
    "soft_budget",
    "team_member_budget",
    "spend",
    "temp_budget_increase",
    "max_budget_in_team",
];

/// How limits of requests and tokens are enforced: independently, without guarantees for other keys.
const LIMIT_TYPE: &str = "best_effort_throughput";

/// Names in an entry of `model_max_budget` for the budget and its period.
const BUDGET: [&str; 2] = ["max_budget", "budget_limit"];
const DURATION: [&str; 2] = ["budget_duration", "time_period"];

/// Rejects invalid limits, and normalizes the others for storage.
pub fn check(sent: &mut Map<String, Value>) -> Result<(), ApiError> {
    for field in AMOUNTS {
        check_budget(field, sent.get(field).and_then(Value::as_f64))?;
    }
    for field in ["rpm_limit_type", "tpm_limit_type"] {
        if let Some(kind) = sent.get(field).and_then(Value::as_str).filter(|kind| *kind != LIMIT_TYPE) {
            let message = format!("{field} '{kind}' is not supported. Use '{LIMIT_TYPE}'.");
            return Err(ApiError::invalid_field(field, &message));
        }
    }
    for field in ["model_rpm_limit", "model_tpm_limit"] {
        take_out_of_metadata(field, sent)?;
        if let Some(Value::Object(limits)) = sent.get_mut(field) {
            for (model, limit) in limits {
                let count = count(limit).ok_or_else(|| {
                    let message =
                        format!("Invalid {field}: the limit of {model} must be a non-negative integer.");
                    ApiError::invalid_field(field, &message)
                })?;
                *limit = json!(count);
            }
        }
    }
    if let Some(Value::Object(models)) = sent.get("model_max_budget") {
        for (model, entry) in models {
            check_model_budget(model, entry)?;
        }
    }
    if let Some(Value::Array(windows)) = sent.get_mut("budget_limits") {
        check_windows(windows)?;
    }
    Ok(())
}

/// `LiteLLM` stores these limits in the metadata, so responses show them there and clients send them back
/// there.
fn take_out_of_metadata(field: &str, sent: &mut Map<String, Value>) -> Result<(), ApiError> {
    let Some(Value::Object(metadata)) = sent.get_mut("metadata") else { return Ok(()) };
    match metadata.remove(field) {
        None | Some(Value::Null) => Ok(()),
        Some(limits @ Value::Object(_)) => {
            sent.entry(field).or_insert(limits);
            Ok(())
        }
        Some(_) => Err(ApiError::invalid_field(
            "metadata",
            &format!("{field} must be an object that maps models to limits."),
        )),
    }
}

fn check_model_budget(model: &str, entry: &Value) -> Result<(), ApiError> {
    let wrong = |what: &str| {
        let message = format!(
            "Invalid model_max_budget: {what} for {model}. Use a format like {{\"{model}\": {{\"max_budget\": 10.0, \
             \"budget_duration\": \"1d\"}}}}."
        );
        ApiError::invalid_field("model_max_budget", &message)
    };
    let Value::Object(entry) = entry else {
        return amount(entry).map(|_| ()).ok_or_else(|| wrong("invalid max_budget"));
    };
    let field = |names: [&str; 2]| {
        names.into_iter().find_map(|name| entry.get(name).filter(|value| !value.is_null()))
    };
    let budget = field(BUDGET);
    if budget.is_some_and(|budget| amount(budget).is_none()) {
        return Err(wrong("invalid max_budget"));
    }
    if let Some(duration) = field(DURATION) {
        let next = duration.as_str().map(|text| next_reset(Some(text), clock::now()));
        if !matches!(next, Some(Ok(_))) {
            return Err(wrong("invalid budget_duration"));
        }
    }
    let mut limits = budget.is_some();
    for name in ["rpm_limit", "tpm_limit"] {
        if let Some(limit) = entry.get(name).filter(|value| !value.is_null()) {
            if limit.as_u64().is_none() {
                return Err(wrong(&format!("invalid {name}")));
            }
            limits = true;
        }
    }
    if limits { Ok(()) } else { Err(wrong("no limit")) }
}

/// Each window has its own duration and budget. Clients cannot set the reset time.
fn check_windows(windows: &mut [Value]) -> Result<(), ApiError> {
    let wrong = |what: &str| {
        let message = format!(
            "Invalid budget_limits: {what}. Use a format like [{{\"budget_duration\": \"24h\", \"max_budget\": 10.0}}]."
        );
        ApiError::invalid_field("budget_limits", &message)
    };
    let mut durations: Vec<String> = Vec::new();
    for window in windows {
        let fields = window.as_object().ok_or_else(|| wrong("an entry is not an object"))?;
        let duration = fields.get("budget_duration").and_then(Value::as_str);
        let duration = duration.ok_or_else(|| wrong("an entry has no budget_duration"))?.to_owned();
        if next_reset(Some(&duration), clock::now()).is_err() {
            return Err(wrong(&format!("invalid budget_duration '{duration}'")));
        }
        if durations.contains(&duration) {
            return Err(wrong(&format!("duplicate budget_duration '{duration}'")));
        }
        let budget = fields.get("max_budget").and_then(amount);
        let budget = budget.ok_or_else(|| wrong(&format!("invalid max_budget for '{duration}'")))?;
        *window = json!({"budget_duration": duration, "max_budget": budget});
        durations.push(duration);
    }
    Ok(())
}

/// An amount of money, possibly in a string.
fn amount(value: &Value) -> Option<f64> {
    let amount = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    amount.filter(|amount| amount.is_finite() && *amount >= 0.0)
}

fn count(value: &Value) -> Option<u64> {
    let count = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    count.filter(|count| i64::try_from(*count).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checked(sent: Value) -> Result<Value, String> {
        let Value::Object(mut sent) = sent else { unreachable!() };
        check(&mut sent).map(|()| Value::Object(sent)).map_err(|error| error.message())
    }

    #[test]
    fn every_form_of_a_limit_is_taken() {
        for sent in [
            json!({"model_max_budget": {"m": 1, "n": "0.5", "o": {"budget_limit": "1e-6", "time_period": "1d"}}}),
            json!({"model_max_budget": {"m": {"rpm_limit": 1}}}),
            json!({"model_max_budget": {}, "budget_limits": [], "model_rpm_limit": null}),
        ] {
            assert_eq!(checked(sent.clone()), Ok(sent));
        }
        let windows =
            json!({"budget_limits": [{"budget_duration": "24h", "max_budget": "2", "reset_at": "never"}]});
        let kept = json!({"budget_limits": [{"budget_duration": "24h", "max_budget": 2.0}]});
        assert_eq!(checked(windows), Ok(kept));
        let kept = json!({"metadata": {"a": 1}, "model_tpm_limit": {"m": 5}});
        assert_eq!(checked(json!({"metadata": {"a": 1, "model_tpm_limit": {"m": 5}}})), Ok(kept));
        assert_eq!(checked(json!({"model_rpm_limit": {"m": "5"}})), Ok(json!({"model_rpm_limit": {"m": 5}})));
    }

    #[test]
    fn what_would_limit_nothing_is_refused() {
        for sent in [
            json!({"model_max_budget": {"m": -1}}),
            json!({"model_max_budget": {"m": "much"}}),
            json!({"model_max_budget": {"m": {}}}),
            json!({"model_max_budget": {"m": []}}),
            json!({"model_max_budget": {"m": {"max_budget": "NaN"}}}),
            json!({"model_max_budget": {"m": {"max_budget": 1, "budget_duration": "5x"}}}),
            json!({"model_max_budget": {"m": {"max_budget": 1, "budget_duration": 5}}}),
            json!({"model_max_budget": {"m": {"max_budget": 1, "tpm_limit": "many"}}}),
            json!({"budget_limits": [1]}),
            json!({"budget_limits": [{"max_budget": 1}]}),
            json!({"budget_limits": [{"budget_duration": "1d"}]}),
            json!({"budget_limits": [{"budget_duration": "", "max_budget": 1}]}),
            json!({"budget_limits": [{"budget_duration": "1d", "max_budget": 1}, {"budget_duration": "1d", "max_budget": 2}]}),
            json!({"model_rpm_limit": {"m": -1}}),
            json!({"model_tpm_limit": {"m": 1.5}}),
            json!({"metadata": {"model_rpm_limit": 1}}),
            json!({"metadata": {"model_tpm_limit": {"m": -1}}}),
            json!({"rpm_limit_type": "guaranteed_throughput"}),
            json!({"tpm_limit_type": "dynamic"}),
            json!({"spend": -1}),
            json!({"temp_budget_increase": -1}),
        ] {
            assert!(checked(sent.clone()).is_err(), "{sent}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in ".{0,9}", number in any::<f64>()) {
            for value in [json!(text), json!(number), json!([text]), json!({(text.as_str()): number})] {
                let _ = checked(json!({"model_max_budget": value, "budget_limits": [value], "model_rpm_limit": value}));
                let _ = checked(json!({"model_max_budget": {"m": value}, "budget_limits": value}));
            }
        }
    }
}
