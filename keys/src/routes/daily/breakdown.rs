//! The usage of a day, in parts, with the names that `LiteLLM` gives them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::store::Sums;
use crate::usage::{Key, bare, provider};

/// The sums as `LiteLLM` shows them.
pub(super) fn metrics(sums: &Sums) -> Value {
    json!({
        "spend": sums.usd(),
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "cache_read_input_tokens": sums.cached_tokens,
        "cache_creation_input_tokens": sums.cache_write_tokens,
        "total_tokens": sums.total_tokens(),
        "successful_requests": sums.successes,
        "failed_requests": sums.failures(),
        "api_requests": sums.requests,
        "total_response_time_ms": sums.duration_ms,
        "timed_requests": sums.timed_requests,
    })
}

/// The path of a kind of call.
fn endpoint(mode: &str) -> String {
    match mode {
        "chat" => "/chat/completions".to_owned(),
        "completion" => "/completions".to_owned(),
        "embedding" => "/embeddings".to_owned(),
        other => format!("/{other}"),
    }
}

/// A part, and its keys.
#[derive(Default)]
struct Part {
    sums: Sums,
    metadata: Map<String, Value>,
    keys: BTreeMap<String, (Sums, Value)>,
}

impl Part {
    fn show(self) -> Value {
        let keys: Map<String, Value> = self
            .keys
            .into_iter()
            .map(|(token, (sums, metadata))| {
                (token, json!({ "metrics": metrics(&sums), "metadata": metadata }))
            })
            .collect();
        json!({ "metrics": metrics(&self.sums), "metadata": self.metadata, "api_key_breakdown": keys })
    }
}

/// All parts of a day.
#[derive(Default)]
pub(super) struct Breakdown {
    models: BTreeMap<String, Part>,
    model_groups: BTreeMap<String, Part>,
    providers: BTreeMap<String, Part>,
    endpoints: BTreeMap<String, Part>,
    entities: BTreeMap<String, Part>,
    keys: BTreeMap<String, (Sums, Value)>,
}

impl Breakdown {
    /// The parts of a request for this model. A rejected request has neither a model nor a provider.
    fn parts(&mut self, group: &str, model: &str, mode: &str) -> [Option<&mut Part>; 4] {
        let named = |parts: &'_ mut BTreeMap<String, Part>, name: &str| -> Option<()> {
            (!name.is_empty()).then(|| _ = parts.entry(name.to_owned()).or_default())
        };
        let (model, provider, endpoint) = (bare(model), provider(model), endpoint(mode));
        let _ = named(&mut self.models, model);
        let _ = named(&mut self.model_groups, group);
        let _ = named(&mut self.providers, provider);
        let _ = named(&mut self.endpoints, &endpoint);
        [
            self.models.get_mut(model),
            self.model_groups.get_mut(group),
            self.providers.get_mut(provider),
            self.endpoints.get_mut(&endpoint),
        ]
    }

    pub(super) fn add_model(&mut self, group: &str, model: &str, mode: &str, sums: &Sums) {
        for part in self.parts(group, model, mode).into_iter().flatten() {
            part.sums.add(sums);
        }
    }

    /// Adds a key's usage of a model, whose sum has been added already.
    pub(super) fn add_key(
        &mut self,
        token: &str,
        key: Option<&Key>,
        [group, model, mode]: [&str; 3],
        entity: &str,
        sums: &Sums,
    ) {
        let metadata = json!({
            "key_alias": key.and_then(|key| key.alias.as_ref()),
            "team_id": key.and_then(|key| key.team_id.as_ref()),
            "user_id": key.and_then(|key| key.user_id.as_ref()),
            "key_exists": key.is_some(),
        });
        let add = |keys: &mut BTreeMap<String, (Sums, Value)>| {
            let (sum, _) =
                keys.entry(token.to_owned()).or_insert_with(|| (Sums::default(), metadata.clone()));
            sum.add(sums);
        };
        for part in self.parts(group, model, mode).into_iter().flatten() {
            add(&mut part.keys);
        }
        if !entity.is_empty() {
            add(&mut self.entities.entry(entity.to_owned()).or_default().keys);
        }
        add(&mut self.keys);
    }

    /// Adds the usage of a user, a team, a tag or an organization, with its alias and the name of that field.
    pub(super) fn add_entity(&mut self, name: &str, (field, alias): (&str, Option<&String>), sums: &Sums) {
        let part = self.entities.entry(name.to_owned()).or_default();
        part.sums.add(sums);
        if let Some(alias) = alias {
            part.metadata.insert(field.to_owned(), json!(alias));
        }
    }

    pub(super) fn show(self) -> Value {
        let show = |parts: BTreeMap<String, Part>| -> Map<String, Value> {
            parts.into_iter().map(|(name, part)| (name, part.show())).collect()
        };
        let keys: Map<String, Value> = self
            .keys
            .into_iter()
            .map(|(token, (sums, metadata))| {
                (token, json!({ "metrics": metrics(&sums), "metadata": metadata }))
            })
            .collect();
        json!({
            "mcp_servers": {},
            "models": show(self.models),
            "model_groups": show(self.model_groups),
            "providers": show(self.providers),
            "endpoints": show(self.endpoints),
            "api_keys": keys,
            "entities": show(self.entities),
        })
    }
}
