//! Labels of usage metrics: who pays, which model was requested, which one responded, and the outcome.

use prometheus_client::encoding::EncodeLabelSet;
use switchboard::key::{KeyRecord, TokenHash, UsageEntry};

/// The label value for everything beyond the limits.
const OTHER: &str = "other";

/// `LiteLLM`'s label value for an absent one.
const NONE: &str = "None";

/// Who pays, with `LiteLLM`'s label names.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Payer {
    pub(super) hashed_api_key: String,
    pub(super) api_key_alias: String,
    pub(super) team: String,
    pub(super) team_alias: String,
    pub(super) user: String,
}

/// The requested model and the one that responded.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Model {
    pub(super) requested_model: String,
    pub(super) model: String,
    pub(super) model_id: String,
    pub(super) api_provider: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Labels {
    #[prometheus(flatten)]
    pub(super) payer: Payer,
    #[prometheus(flatten)]
    pub(super) model: Model,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct WithStatus {
    #[prometheus(flatten)]
    pub(super) labels: Labels,
    pub(super) status_code: u16,
}

/// Attributes that all OpenTelemetry metrics have.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct GenAi {
    pub(super) gen_ai_operation_name: &'static str,
    pub(super) gen_ai_provider_name: String,
    pub(super) gen_ai_request_model: String,
    pub(super) gen_ai_response_model: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct TokenUsage {
    #[prometheus(flatten)]
    pub(super) request: GenAi,
    pub(super) gen_ai_token_type: &'static str,
}

/// `error_type` is the status of an error, and empty (absent, for Prometheus) otherwise.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct Outcome {
    #[prometheus(flatten)]
    pub(super) request: GenAi,
    pub(super) error_type: String,
}

impl Payer {
    pub(super) fn of(token: TokenHash, key: Option<&KeyRecord>) -> Self {
        let or_none = |text: Option<&String>| text.cloned().unwrap_or_else(|| NONE.to_owned());
        Self {
            hashed_api_key: token.to_string(),
            api_key_alias: or_none(key.and_then(|key| key.key_alias.as_ref())),
            team: or_none(key.and_then(|key| key.team_id.as_ref())),
            team_alias: or_none(key.and_then(|key| key.team.as_ref()?.alias.as_ref())),
            user: or_none(key.and_then(|key| key.user_id.as_ref())),
        }
    }

    fn all(label: &str) -> Self {
        let label = || label.to_owned();
        Self {
            hashed_api_key: label(),
            api_key_alias: label(),
            team: label(),
            team_alias: label(),
            user: label(),
        }
    }

    /// `LiteLLM`'s user id for the holder of the master key.
    pub(super) fn master() -> Self {
        Self { user: "default_user_id".to_owned(), ..Self::all(NONE) }
    }

    pub(super) fn other() -> Self {
        Self::all(OTHER)
    }
}

impl Model {
    pub(super) fn of(entry: &UsageEntry<'_>) -> Self {
        let (provider, model) = entry.model.split_once('/').unwrap_or((NONE, NONE));
        let model_id = if entry.deployment_id.is_empty() { NONE } else { &entry.deployment_id };
        Self {
            requested_model: entry.model_group.to_string(),
            model: model.to_owned(),
            model_id: model_id.to_owned(),
            api_provider: provider.to_owned(),
        }
    }

    pub(super) fn other() -> Self {
        let other = || OTHER.to_owned();
        Self { requested_model: other(), model: other(), model_id: other(), api_provider: other() }
    }
}
