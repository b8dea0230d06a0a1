//! `switchboard doctor`: checks that a running Envoy is configured as the filter needs it. Reads only Envoy's admin port, so it
//! works wherever that port can be reached.

mod checks;
mod dump;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::up::http::ask;
use crate::up::programs::parse_version;
pub use checks::{Calls, Finding, Seen, findings};
pub use dump::Dump;

/// Longer than two periods of the filter's calls to the key service.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2_500);

/// Looks at an Envoy.
///
/// # Errors
/// Why the check failed.
pub async fn examine(host: &str, port: u16) -> Result<(String, Vec<Finding>), String> {
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
    let stats = format!("/stats?filter=cluster.{}.upstream_", crate::compile::KEYS_INTERNAL_CLUSTER);
    let before = calls(&get(&stats).await?);
    tokio::time::sleep(BETWEEN_LOOKS).await;
    let after = calls(&get(&stats).await?);
    let calls = Calls {
        answered: after.answered.saturating_sub(before.answered),
        refused: after.refused.saturating_sub(before.refused),
        failed: after.failed.saturating_sub(before.failed),
    };
    let seen = Seen { version: parse_version(&format!("version: {version}")), dump, calls };
    let number = version.split('/').nth(1).unwrap_or(&version).to_owned();
    Ok((number, findings(&seen)))
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
