//! `model_list[].model_info`.

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use switchboard::hex::hex;

use super::rates::{RATES, rates};
use super::sections::{MODEL_INFO, model};
use super::table::{At, Table};

/// The team that a model belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// `team_id`
    pub id: String,
    /// `team_public_model_name`, or `model_name`: the name that the team's keys use.
    pub public_name: String,
}

impl Team {
    /// The `model_name` of its deployments. It is unique, because each team can have models of the same public name.
    pub fn model_name(&self) -> String {
        let mut digest = hex(&Sha256::digest(json!([self.id, self.public_name]).to_string()));
        digest.truncate(16);
        format!("model_name_{}_{digest}_{}", self.id, self.public_name)
    }
}

/// What it says.
#[derive(Default)]
pub(super) struct ModelInfo {
    pub(super) id: Option<At<String>>,
    pub(super) mode: Option<String>,
    pub(super) base_model: Option<String>,
    pub(super) team: Option<Team>,
    pub(super) access_groups: Vec<String>,
    pub(super) max_input_tokens: Option<u64>,
    pub(super) max_output_tokens: Option<u64>,
    pub(super) rates: [Option<f64>; RATES],
    /// What `/model/info` shows.
    pub(super) shown: Vec<(String, Json)>,
}

impl ModelInfo {
    /// Reads that of the model `name`.
    pub(super) fn read(mut table: Table<'_>, name: &str) -> Self {
        let team = team(&mut table, name);
        let shown = model::SHOWN.iter();
        let shown = shown.filter_map(|name| Some(((*name).to_owned(), table.node(name)?.value.to_json())));
        let mut shown: Vec<_> = shown.collect();
        if let Some(team) = &team {
            shown.push(("team_id".to_owned(), team.id.as_str().into()));
            shown.push(("team_public_model_name".to_owned(), team.public_name.as_str().into()));
        }
        // What LiteLLM does not know either is the operator's own.
        shown.extend(table.unknown(&MODEL_INFO));
        let groups = table.texts("access_groups").unwrap_or_default();
        let output = table.whole("max_output_tokens", model::MOST_TOKENS);
        let older = table.whole("max_tokens", model::MOST_TOKENS);
        let info = Self {
            id: table.text("id"),
            mode: table.text("mode").map(|mode| mode.value),
            base_model: table.text("base_model").map(|model| model.value),
            team,
            access_groups: groups.into_iter().map(|group| group.value).collect(),
            max_input_tokens: table.whole("max_input_tokens", model::MOST_TOKENS),
            max_output_tokens: output.or(older),
            rates: rates(&mut table),
            shown,
        };
        table.finish_open(&MODEL_INFO);
        info
    }
}

fn team(table: &mut Table<'_>, name: &str) -> Option<Team> {
    let public_name = table.text("team_public_model_name");
    let id = table.text("team_id")?;
    // The name of a model may contain one `*`, which must not be one of the id.
    if id.value.is_empty() || id.value.contains('*') {
        let message = format!("{} must not be empty or contain '*'", table.name("team_id"));
        table.report.error(id.at, message, Some("set it to the `team_id` of a team".to_owned()));
        return None;
    }
    let public_name = public_name.map_or_else(|| name.to_owned(), |public| public.value);
    Some(Team { id: id.value, public_name })
}
