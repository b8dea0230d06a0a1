//! What the key service sees to be wrong, in plain words. `switchboard doctor` also asks Envoy.

use std::fmt::Write as _;

use super::super::gateway::is_https;
use super::super::visit::Visit;
use crate::control::Standing;
use crate::credentials::Standing as Credential;

/// Something to do, or that all is well.
pub(super) struct Finding {
    /// `ok`, `near` (look at it) or `over` (something does not work).
    pub(super) state: &'static str,
    pub(super) what: String,
    pub(super) advice: String,
}

/// Names in one sentence.
const MOST_NAMES: usize = 10;

fn finding(state: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { state, what: what.into(), advice: advice.into() }
}

/// The first names, and how many more there are.
fn names(names: &[String]) -> String {
    let mut text = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = names.len().checked_sub(MOST_NAMES) {
        // Writing to a String does not fail.
        let _ = write!(text, " and {more} more");
    }
    text
}

/// All findings, the worst first.
pub(super) async fn of(visit: &Visit) -> Vec<Finding> {
    let mut found = Vec::new();
    let app = &visit.app;
    configuration(visit, &mut found);
    let statuses = app.credentials.statuses();
    for status in
        statuses.iter().filter(|status| matches!(status.state, Credential::Missing | Credential::Stale))
    {
        let problem = status.problem.as_deref().unwrap_or("its value is empty");
        if status.state == Credential::Missing {
            let advice = "Requests for models with it get an error. Set the variable or file that it is read from; no restart is needed for files of --secrets.";
            found.push(finding(
                "over",
                format!("The credential {} is missing: {problem}.", status.name),
                advice,
            ));
        } else {
            let advice = "Requests go on with the old value until it expires.";
            found.push(finding(
                "near",
                format!("The credential {} cannot be renewed: {problem}.", status.name),
                advice,
            ));
        }
    }
    if !statuses.is_empty() && statuses.iter().all(|status| status.state == Credential::Ok) {
        found.push(finding("ok", "All credentials of providers are there.", ""));
    }
    let deployments = app.control.deployments();
    let unpriced: Vec<_> = deployments
        .iter()
        .filter(|deployment| {
            deployment.price.is_none() && !deployment.is_mock && !deployment.model.contains('*')
        })
        .map(|deployment| deployment.group.clone())
        .collect();
    if !unpriced.is_empty() {
        let advice = "Their spend is not counted, and budgets do not limit them. Set input_cost_per_token and output_cost_per_token, or model_info.base_model.";
        found.push(finding("near", format!("Models without a price: {}.", names(&unpriced)), advice));
    }
    match app.store.stored_models().await {
        Ok((_, rows)) => {
            let rejected: Vec<_> =
                rows.into_iter().filter(|row| row.rejected.is_some()).map(|row| row.name).collect();
            if !rejected.is_empty() {
                let advice = "The page of each model has Envoy's reason. Change or delete it.";
                found.push(finding(
                    "over",
                    format!("Envoy rejects models of the database: {}.", names(&rejected)),
                    advice,
                ));
            }
        }
        Err(cause) => tracing::warn!(%cause, "the models of the database cannot be read"),
    }
    if !is_https(&visit.headers) {
        let advice = "Keys and prompts can be read on the way. Use TLS at Envoy or at a proxy in front of it, which passes x-forwarded-proto: https.";
        found.push(finding("near", "This page came over plain HTTP.", advice));
    }
    if app.open_metrics {
        found.push(finding("near", "/metrics needs no key.", "It names keys, teams and what they spend. Remove require_auth_for_metrics_endpoint: false unless only Prometheus can reach it."));
    }
    if !app.audit_log {
        found.push(finding(
            "near",
            "Changes are not recorded in the audit log.",
            "Remove store_audit_logs: false.",
        ));
    }
    if !app.spend_log {
        found.push(finding(
            "near",
            "Requests are not logged one by one.",
            "Spend and budgets are exact, but /spend/logs is empty (disable_spend_logs).",
        ));
    }
    let rank = |finding: &Finding| ["over", "near", "ok"].iter().position(|state| *state == finding.state);
    found.sort_by_key(rank);
    found
}

fn configuration(visit: &Visit, found: &mut Vec<Finding>) {
    let control = &visit.app.control;
    match control.standing() {
        None => found.push(finding(
            "ok",
            "This key service does not have config.yaml, so it does not know the models.",
            "Run switchboard doctor where Envoy runs.",
        )),
        Some(Standing::Invalid) => {
            let why = control.problem().unwrap_or_default();
            let advice = "Envoys go on with the last valid one. Run switchboard check, and correct the file; it is read again at once.";
            found.push(finding("over", format!("config.yaml is not used: {why}."), advice));
        }
        Some(Standing::Rejected) => {
            let advice = "It goes on with the one before. The key service's log has Envoy's reason.";
            found.push(finding("over", "An Envoy has rejected the latest configuration.", advice));
        }
        Some(Standing::Active) => found.push(finding("ok", "The latest config.yaml is in use.", "")),
    }
    if control.is_used() {
        match control.envoys() {
            0 => found.push(finding(
                "near",
                "No Envoy fetches its configuration from this key service.",
                "With several replicas, Envoys may be connected to another one. Otherwise start Envoy, or check the address of the key service in its bootstrap.",
            )),
            1 => found.push(finding("ok", "1 Envoy fetches its configuration here.", "")),
            many => found.push(finding("ok", format!("{many} Envoys fetch their configuration here."), "")),
        }
    }
}
