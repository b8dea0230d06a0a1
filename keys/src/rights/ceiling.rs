//! A key cannot exceed the key that created it: fields that a request does not set are copied from the
//! creator, and those that it sets must be within the creator's.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::store::{KeyRow, Kind, budget_windows, model_budgets, model_limits};

/// Names in `models` that stand for all models.
const ALL_MODELS: [&str; 3] = ["*", "all-proxy-models", "all-team-models"];

/// A name in `models` that permits none.
const NO_MODELS: &str = "no-default-models";

/// The fields of a key that a request affects.
#[derive(Clone, Copy, Debug)]
pub enum Touched<'a> {
    /// All of them: the key is new.
    All,
    /// Only those that were sent.
    Sent(&'a Map<String, Value>),
}

impl Touched<'_> {
    fn any(self, fields: &[&str]) -> bool {
        match self {
            Self::All => true,
            Self::Sent(sent) => fields.iter().any(|field| sent.contains_key(*field)),
        }
    }
}

/// The maximum that a caller may give to a key.
#[derive(Debug)]
pub struct Ceiling {
    maker: KeyRow,
    /// Other lists of models that restrict the key; empty ones permit all.
    lists: Vec<Vec<String>>,
}

impl Ceiling {
    /// The ceiling of a caller for a key in this team; `None` for a proxy administrator.
    pub async fn of(app: &App, caller: &Caller, team_id: Option<&str>) -> Result<Option<Self>, ApiError> {
        let Caller::Key { key, .. } = caller else { return Ok(None) };
        if caller.is_admin() {
            return Ok(None);
        }
        let holder = match (team_id, key.user_id.as_deref()) {
            (Some(team), _) => app.store.account(Kind::Team, team).await?,
            (None, Some(user)) => app.store.account(Kind::User, user).await?,
            (None, None) => None,
        };
        let lists = [Some(key.strings("models")), holder.map(|holder| holder.strings("models"))];
        Ok(Some(Self { maker: (**key).clone(), lists: lists.into_iter().flatten().collect() }))
    }

    /// Completes the key, or rejects it.
    pub fn hold(&self, key: &mut KeyRow, touched: Touched<'_>) -> Result<(), ApiError> {
        if touched.any(&["max_budget", "budget_duration", "budget_id"]) {
            self.hold_budget(key)?;
        }
        for field in ["tpm_limit", "rpm_limit", "max_parallel_requests"] {
            if touched.any(&[field]) {
                self.hold_count(key, field)?;
            }
        }
        for field in ["model_rpm_limit", "model_tpm_limit"] {
            if touched.any(&[field, "metadata"]) {
                self.hold_model_counts(key, field)?;
            }
        }
        if touched.any(&["model_max_budget"]) {
            self.hold_model_budgets(key)?;
        }
        if touched.any(&["budget_limits"]) {
            self.hold_windows(key)?;
        }
        if touched.any(&["models"]) {
            self.hold_models(key)?;
        }
        if touched.any(&["aliases"]) {
            self.hold_aliases(key)?;
        }
        if touched.any(&["allowed_routes", "key_type"]) {
            self.hold_routes(key)?;
        }
        if touched.any(&["duration"]) {
            self.hold_life(key)?;
        }
        Ok(())
    }

    fn hold_budget(&self, key: &mut KeyRow) -> Result<(), ApiError> {
        let maker = &self.maker;
        if let Some(most) = maker.max_budget {
            match key.max_budget {
                Some(wanted) if wanted > most => {
                    return Err(beyond("max_budget", &format!("{wanted:?}"), &format!("{most:?}")));
                }
                Some(_) => {}
                None => {
                    key.max_budget = Some(most);
                    if key.budget_duration.is_none() {
                        key.budget_duration.clone_from(&maker.budget_duration);
                        key.budget_reset_at = maker.budget_reset_at;
                    }
                }
            }
            // A budget that is reset more often is larger.
            if let Some(wanted) = &key.budget_duration
                && maker.budget_duration.as_ref() != Some(wanted)
            {
                let own = maker.budget_duration.as_deref().unwrap_or("None");
                return Err(beyond("budget_duration", wanted, own));
            }
        }
        match (&maker.budget_id, &key.budget_id) {
            (Some(own), None) => key.budget_id = Some(own.clone()),
            (Some(own), Some(wanted)) if own != wanted => return Err(beyond("budget_id", wanted, own)),
            _ => {}
        }
        Ok(())
    }

    fn hold_count(&self, key: &mut KeyRow, field: &str) -> Result<(), ApiError> {
        let Some(most) = self.maker.settings.get(field).and_then(Value::as_u64) else { return Ok(()) };
        match key.settings.get(field).and_then(Value::as_u64) {
            Some(wanted) if wanted > most => Err(beyond(field, &wanted.to_string(), &most.to_string())),
            Some(_) => Ok(()),
            None => {
                key.settings.insert(field.to_owned(), json!(most));
                Ok(())
            }
        }
    }

    fn hold_model_counts(&self, key: &mut KeyRow, field: &str) -> Result<(), ApiError> {
        let own = model_limits(&self.maker.settings, field);
        if own.is_empty() {
            return Ok(());
        }
        let mut limits = model_limits(&key.settings, field);
        for (model, most) in own {
            match limits.get(&model).and_then(Value::as_u64) {
                Some(wanted) if most.as_u64().is_some_and(|most| wanted > most) => {
                    return Err(beyond(
                        &format!("{field} of {model}"),
                        &wanted.to_string(),
                        &most.to_string(),
                    ));
                }
                Some(_) => {}
                None => _ = limits.insert(model, most),
            }
        }
        key.settings.insert(field.to_owned(), Value::Object(limits));
        Ok(())
    }

    fn hold_model_budgets(&self, key: &mut KeyRow) -> Result<(), ApiError> {
        let own = self.maker.settings.get("model_max_budget").and_then(Value::as_object).cloned();
        let most = model_budgets(&self.maker.settings);
        let wanted = model_budgets(&key.settings);
        let mut kept =
            key.settings.get("model_max_budget").and_then(Value::as_object).cloned().unwrap_or_default();
        for budget in most {
            let model = &budget.model;
            let Some(wanted) = wanted.iter().find(|wanted| wanted.model == *model) else {
                if let Some(entry) = own.as_ref().and_then(|own| own.get(model)) {
                    kept.insert(model.clone(), entry.clone());
                }
                continue;
            };
            let is_more = |wanted: Option<f64>, most: Option<f64>| {
                most.is_some_and(|most| wanted.is_none_or(|wanted| wanted > most))
            };
            let is_more_often = |wanted: Option<u64>, most: Option<u64>| {
                most.is_some_and(|most| wanted.is_none_or(|wanted| wanted > most))
            };
            let starts_more_often =
                wanted.budget_duration.is_some() && wanted.budget_duration != budget.budget_duration;
            if is_more(wanted.max_budget, budget.max_budget)
                || is_more_often(wanted.rpm_limit, budget.rpm_limit)
                || is_more_often(wanted.tpm_limit, budget.tpm_limit)
                || budget.max_budget.is_some() && starts_more_often
            {
                let entry = |settings: &Map<String, Value>| {
                    settings
                        .get("model_max_budget")
                        .and_then(|all| all.get(model))
                        .cloned()
                        .unwrap_or_default()
                };
                let (wanted, most) = (entry(&key.settings), entry(&self.maker.settings));
                return Err(beyond(
                    &format!("model_max_budget of {model}"),
                    &wanted.to_string(),
                    &most.to_string(),
                ));
            }
        }
        if !kept.is_empty() {
            key.settings.insert("model_max_budget".to_owned(), Value::Object(kept));
        }
        Ok(())
    }

    fn hold_windows(&self, key: &mut KeyRow) -> Result<(), ApiError> {
        let mut windows = budget_windows(&key.settings);
        for (duration, most) in budget_windows(&self.maker.settings) {
            match windows.iter().find(|(other, _)| *other == duration) {
                Some((_, wanted)) if *wanted > most => {
                    return Err(beyond(
                        &format!("budget_limits of {duration}"),
                        &format!("{wanted:?}"),
                        &format!("{most:?}"),
                    ));
                }
                Some(_) => {}
                None => windows.push((duration, most)),
            }
        }
        if !windows.is_empty() {
            let entries = windows
                .into_iter()
                .map(|(duration, most)| json!({"budget_duration": duration, "max_budget": most}));
            key.settings.insert("budget_limits".to_owned(), entries.collect());
        }
        Ok(())
    }

    fn hold_models(&self, key: &mut KeyRow) -> Result<(), ApiError> {
        let own = self.maker.strings("models");
        if own.is_empty() {
            return Ok(());
        }
        let wanted = key.strings("models");
        if wanted.is_empty() {
            key.settings.insert("models".to_owned(), json!(own));
            return Ok(());
        }
        match wanted.iter().find(|model| *model != NO_MODELS && !covers(&own, model)) {
            Some(model) => Err(beyond("models", model, &own.join(", "))),
            None => Ok(()),
        }
    }

    /// An alias could bypass a list of models that contains the alias.
    fn hold_aliases(&self, key: &KeyRow) -> Result<(), ApiError> {
        let aliases = key.settings.get("aliases").and_then(Value::as_object);
        for target in aliases.into_iter().flatten().filter_map(|(_, target)| target.as_str()) {
            if let Some(list) = self.lists.iter().find(|list| !list.is_empty() && !covers(list, target)) {
                return Err(beyond("aliases", target, &list.join(", ")));
            }
        }
        Ok(())
    }

    fn hold_routes(&self, key: &mut KeyRow) -> Result<(), ApiError> {
        let own = self.maker.strings("allowed_routes");
        if own.is_empty() {
            return Ok(());
        }
        let wanted = key.strings("allowed_routes");
        if wanted.is_empty() {
            key.settings.insert("allowed_routes".to_owned(), json!(own));
            return Ok(());
        }
        match wanted.iter().find(|route| !own.contains(route)) {
            Some(route) => Err(beyond("allowed_routes", route, &own.join(", "))),
            None => Ok(()),
        }
    }

    fn hold_life(&self, key: &mut KeyRow) -> Result<(), ApiError> {
        let Some(end) = self.maker.expires_at else { return Ok(()) };
        match key.expires_at {
            Some(wanted) if wanted > end => Err(beyond("expires", &clock::iso(wanted), &clock::iso(end))),
            Some(_) => Ok(()),
            None => {
                key.expires_at = Some(end);
                Ok(())
            }
        }
    }
}

/// Whether a list of models permits one, which may itself be a pattern.
fn covers(models: &[String], model: &str) -> bool {
    models.iter().any(|own| {
        own == model
            || ALL_MODELS.contains(&own.as_str())
            || own.strip_suffix('*').is_some_and(|prefix| model.starts_with(prefix))
    })
}

fn beyond(field: &str, wanted: &str, own: &str) -> ApiError {
    ApiError::bad_request(format!("{field} ({wanted}) cannot exceed the caller's own {field} ({own})."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_names_and_narrower_patterns() {
        let own = ["openai/*".to_owned(), "m".to_owned()];
        for (model, covered) in
            [("openai/a", true), ("openai/a*", true), ("m", true), ("m2", false), ("*", false)]
        {
            assert_eq!(covers(&own, model), covered, "{model}");
        }
        assert!(covers(&["*".to_owned()], "all-proxy-models"));
    }
}
