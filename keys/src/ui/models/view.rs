//! A deployment as pages show it.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::super::form::segment;
use super::super::show::{count, usd};
use crate::app::App;
use crate::clock;
use crate::control::Deployed;
use crate::credentials::{Standing, Status};
use crate::error::ApiError;
use crate::store::Outcomes;

/// How far back requests are counted.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

/// A share of failed requests from which a deployment is marked.
const MANY: f64 = 0.2;

/// A deployment.
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) href: String,
    pub(super) group: String,
    /// `provider/model`
    pub(super) model: String,
    pub(super) address: String,
    pub(super) is_stored: bool,
    /// US dollars per million tokens, input and output.
    pub(super) price: Option<(String, String)>,
    pub(super) is_mock: bool,
    pub(super) credential: Option<Credential>,
    pub(super) health: Health,
}

/// The state of a credential.
#[derive(Clone)]
pub(super) struct Credential {
    pub(super) name: String,
    /// `ok`, `stale`, `pending` or `missing`
    pub(super) state: &'static str,
    pub(super) problem: Option<String>,
}

/// How recent requests ended.
pub(super) struct Health {
    pub(super) requests: String,
    pub(super) failed: String,
    /// `ok`, `near`, `over`, or nothing without requests.
    pub(super) state: &'static str,
}

impl Health {
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    fn of(outcomes: Option<&Outcomes>) -> Self {
        let (requests, failed, unavailable) =
            outcomes.map_or((0, 0, 0), |outcomes| (outcomes.requests, outcomes.failed, outcomes.unavailable));
        let state = match unavailable as f64 / requests as f64 {
            _ if requests == 0 => "",
            share if share >= MANY => "over",
            share if share > 0.0 => "near",
            _ => "ok",
        };
        Self { requests: count(requests), failed: count(failed), state }
    }
}

/// All deployments, in the order of their groups.
pub(super) async fn all(app: &App) -> Result<Vec<Deployment>, ApiError> {
    let credentials: HashMap<_, _> =
        app.credentials.statuses().into_iter().map(|status| (status.name.clone(), status)).collect();
    let since = clock::now().checked_sub(RECENT).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let outcomes = app.store.recent_outcomes(since).await?;
    let outcomes: HashMap<_, _> =
        outcomes.into_iter().map(|outcomes| (outcomes.deployment_id.clone(), outcomes)).collect();
    let mut all: Vec<_> = app
        .control
        .deployments()
        .into_iter()
        .map(|deployed| view(deployed, &credentials, &outcomes))
        .collect();
    all.sort_by(|a, b| a.group.cmp(&b.group));
    Ok(all)
}

fn view(
    deployed: Deployed,
    credentials: &HashMap<String, Status>,
    outcomes: &HashMap<String, Outcomes>,
) -> Deployment {
    let per_million = |rate: f64| usd(rate * 1e6);
    let price = deployed.price.as_ref();
    let credential = deployed.credential.as_ref().map(|name| {
        let status = credentials.get(name);
        let state = status.map_or(Standing::Pending, |status| status.state);
        Credential {
            name: name.clone(),
            state: state.name(),
            problem: status.and_then(|status| status.problem.clone()),
        }
    });
    Deployment {
        href: format!("/ui/models/{}", segment(&deployed.id)),
        price: price
            .map(|price| (per_million(price.input_cost_per_token), per_million(price.output_cost_per_token))),
        health: Health::of(outcomes.get(&deployed.id)),
        model: format!("{}/{}", deployed.provider, deployed.model),
        address: deployed.api_base,
        is_stored: deployed.is_stored,
        is_mock: deployed.is_mock,
        group: deployed.group,
        id: deployed.id,
        credential,
    }
}
