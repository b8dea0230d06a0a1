//! A deployment as pages show it.

use std::collections::HashMap;

use jiff::SignedDuration;

use super::super::form::segment;
use super::super::show::{count, duration, usd};
use crate::app::App;
use crate::clock;
use crate::control::Deployed;
use crate::credentials::{Standing, Status};
use crate::envoys::Figures;
use crate::error::ApiError;
use crate::store::{By, Histogram, Outcomes, Scope, Unit, UsageQuery, hour_of};

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
    /// Durations of its requests in this and the last hour: half of them and 95% were not longer.
    pub(super) latency: Option<(String, String)>,
    pub(super) state: Option<State>,
}

/// All deployments.
pub(super) struct All {
    pub(super) deployments: Vec<Deployment>,
    /// Whether the states are known.
    pub(super) has_states: bool,
    /// Why they are not, although they should be.
    pub(super) problem: Option<String>,
}

/// What Envoys say about a deployment.
pub(super) struct State {
    /// `ejected`, `partly ejected`, `unhealthy` or `in use`
    pub(super) name: &'static str,
    /// Its class in the style sheet.
    pub(super) class: &'static str,
    /// Attempts since Envoy has the deployment.
    pub(super) attempts: String,
    pub(super) errors: String,
}

impl State {
    fn of(figures: Figures) -> Self {
        let (name, class) = match figures {
            Figures { endpoints, ejected, .. } if ejected > 0 && ejected >= endpoints => {
                ("ejected", "blocked")
            }
            Figures { ejected, .. } if ejected > 0 => ("partly ejected", "near"),
            Figures { unhealthy, .. } if unhealthy > 0 => ("unhealthy", "blocked"),
            _ => ("in use", "active"),
        };
        let shown = |number: u64| count(i64::try_from(number).unwrap_or(i64::MAX));
        Self { name, class, attempts: shown(figures.requests), errors: shown(figures.errors) }
    }

    pub(super) fn is_ejected(&self) -> bool {
        self.name.ends_with("ejected")
    }
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
pub(super) async fn all(app: &App) -> Result<All, ApiError> {
    let credentials: HashMap<_, _> =
        app.credentials.statuses().into_iter().map(|status| (status.name.clone(), status)).collect();
    let since = clock::now().checked_sub(RECENT).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let outcomes = app.store.recent_outcomes(since).await?;
    let outcomes: HashMap<_, _> =
        outcomes.into_iter().map(|outcomes| (outcomes.deployment_id.clone(), outcomes)).collect();
    let now = hour_of(clock::now());
    let query = UsageQuery::new(Scope::All, Unit::Hour, now - 1, now + 1).by(&[By::Deployment]);
    let mut latency: HashMap<_, _> = app
        .store
        .usage_latency(&query)
        .await?
        .into_iter()
        .filter_map(|((_, of), [durations, _])| Some((of.into_iter().next()?, durations)))
        .collect();
    let (hosts, problem) = match app.envoys.hosts().await {
        None => (None, None),
        Some(Ok(hosts)) => (Some(hosts), None),
        Some(Err(why)) => (None, Some(why)),
    };
    let mut deployments: Vec<_> = app
        .control
        .deployments()
        .into_iter()
        .map(|deployed| {
            let state = hosts.as_ref().and_then(|hosts| hosts.of(&deployed)).map(State::of);
            let durations = latency.remove(&deployed.id);
            Deployment {
                state,
                latency: durations.as_ref().and_then(percentiles),
                ..view(deployed, &credentials, &outcomes)
            }
        })
        .collect();
    deployments.sort_by(|a, b| a.group.cmp(&b.group));
    Ok(All { deployments, has_states: hosts.is_some(), problem })
}

#[expect(clippy::cast_possible_truncation, reason = "shown to people")]
fn percentiles(durations: &Histogram) -> Option<(String, String)> {
    let part = |share| Some(duration(durations.percentile(share)?.round() as i64));
    Some((part(0.5)?, part(0.95)?))
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
        latency: None,
        state: None,
        group: deployed.group,
        id: deployed.id,
        credential,
    }
}
