//! `switchboard doctor`: checks that a running Envoy is configured as the filter needs it. Reads only Envoy's admin port, so it
//! works wherever that port can be reached.

mod checks;
mod dump;

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::up::http::ask;
use crate::up::programs::parse_version;
pub use checks::{Calls, Finding, Seen, findings, notes};
pub use dump::Dump;
use switchboard::config::COMPRESSED_COUNTER;

/// Longer than two periods of the filter's calls to the key service.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2_500);

/// What is to be said of an Envoy.
#[derive(Debug)]
pub struct Diagnosis {
    /// Its version.
    pub version: String,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What is not wrong, and worth knowing.
    pub notes: Vec<Finding>,
}

/// Looks at an Envoy.
///
/// # Errors
/// Why the check failed.
pub async fn examine(host: &str, port: u16) -> Result<Diagnosis, String> {
    let get = async |path: &str| {
        let unreachable =
            || format!("http://{host}:{port}{path} does not answer; --admin must be Envoy's admin port");
        let (status, text) = ask(Method::GET, host, port, path).await.ok_or_else(unreachable)?;
        if status == StatusCode::OK {
            Ok(text)
        } else {
            Err(format!("http://{host}:{port}{path} returned {status}"))
        }
    };
    let parsed = |path: &str, text: &str| -> Result<Value, String> {
        serde_json::from_str(text)
            .map_err(|_| format!("http://{host}:{port}{path} is not an Envoy admin port"))
    };
    let info = parsed("/server_info", &get("/server_info").await?)?;
    let version = info["version"].as_str().unwrap_or_default().to_owned();
    let dump = Dump::parse(&parsed("/config_dump", &get("/config_dump").await?)?);
    let stats =
        format!("/stats?filter=cluster.{}.upstream_", switchboard_compile::plan::KEYS_INTERNAL_CLUSTER);
    let before = calls(&get(&stats).await?);
    tokio::time::sleep(BETWEEN_LOOKS).await;
    let after = calls(&get(&stats).await?);
    let calls = Calls {
        answered: after.answered.saturating_sub(before.answered),
        refused: after.refused.saturating_sub(before.refused),
        failed: after.failed.saturating_sub(before.failed),
    };
    let compressed = compressed(&get(&format!("/stats?filter={COMPRESSED_COUNTER}")).await?);
    let seen = Seen { version: parse_version(&format!("version: {version}")), dump, calls, compressed };
    let version = version.split('/').nth(1).unwrap_or(&version).to_owned();
    Ok(Diagnosis { version, findings: findings(&seen), notes: notes(&seen) })
}

/// `/stats` of the filter's counters of compressed responses.
fn compressed(stats: &str) -> Vec<(String, u64)> {
    let of = |line: &str| {
        let (name, count) = line.split_once(": ")?;
        let (_, provider) = name.split_once(COMPRESSED_COUNTER)?;
        let provider = provider.strip_prefix('.')?;
        // A module's counter has a label.
        let provider = provider.strip_prefix("provider.").unwrap_or(provider);
        Some((provider.to_owned(), count.parse::<u64>().ok()?))
    };
    // A module has one for each cluster.
    let mut found = BTreeMap::<String, u64>::new();
    for (provider, count) in stats.lines().filter_map(of) {
        *found.entry(provider).or_default() += count;
    }
    found.into_iter().collect()
}

/// `/stats` of the key service's cluster.
fn calls(stats: &str) -> Calls {
    let sum = |names: &[&str]| {
        let lines = stats.lines().filter_map(|line| line.split_once(": "));
        let named = lines.filter(|(name, _)| names.iter().any(|wanted| name.ends_with(wanted)));
        named.filter_map(|(_, count)| count.parse::<u64>().ok()).sum()
    };
    Calls {
        answered: sum(&["upstream_rq_2xx"]),
        refused: sum(&["upstream_rq_4xx"]),
        failed: sum(&["upstream_rq_5xx", "upstream_cx_connect_fail", "upstream_rq_timeout"]),
    }
}
