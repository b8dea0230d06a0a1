//! Reloads `config.yaml` when it changes.
//!
//! Envoy reads its configuration from files ([`Part`]), and a change replaces them: the clusters first, because the filter
//! refers to them, and the filter last. Requests in flight keep the configuration they started with. A change that needs a
//! new process (secrets are in its environment) is rejected with the reason, and so is a file with an error: the old
//! configuration stays active.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::http::ask;
use super::say;
use crate::compile::{Origin, Plan};
use crate::envoy::Site;
use crate::envoy::discovery::{Part, resources, text};

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_millis(250);

/// Longest time that Envoy may take to accept a part.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file and what stood in it.
pub(super) struct Watched {
    path: PathBuf,
    seen: Option<Vec<u8>>,
}

impl Watched {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: fs::read(path).ok() }
    }

    /// Waits until something else stands there. It is read, and not its times, for a mounted `ConfigMap` is a link
    /// that changes its target.
    pub(super) async fn changed(&mut self) {
        loop {
            sleep(PERIOD).await;
            // While an editor replaces the file, it may be missing.
            let Ok(now) = fs::read(&self.path) else { continue };
            if self.seen.as_ref() != Some(&now) {
                self.seen = Some(now);
                return;
            }
        }
    }
}

/// The files that Envoy runs by.
pub(super) struct Files {
    folder: PathBuf,
    version: u64,
    /// What was started: its variables are Envoy's environment for as long as it runs.
    started: Plan,
    /// The resources of each part, as they are now.
    current: Vec<(Part, Vec<Value>)>,
}

impl Files {
    /// Writes all of them, for an Envoy that is to be started.
    pub(super) fn write(plan: &Plan, site: &Site, folder: &Path) -> io::Result<Self> {
        let document = serde_json::to_string(&plan.document)?;
        let mut files =
            Self { folder: folder.to_owned(), version: 0, started: plan.clone(), current: Vec::new() };
        for part in Part::ALL {
            let now = resources(part, plan, site, &document, folder);
            files.put(part, &now)?;
            files.current.push((part, now));
        }
        Ok(files)
    }

    /// Goes over to another plan.
    ///
    /// # Errors
    /// Why the old one stays.
    pub(super) async fn exchange(&mut self, mut plan: Plan, site: &Site) -> Result<(), String> {
        adopt(&self.started, &mut plan)?;
        let document = serde_json::to_string(&plan.document).map_err(|error| error.to_string())?;
        for part in Part::ALL {
            let mut next = resources(part, &plan, site, &document, &self.folder);
            let place = self.current.iter().position(|(known, _)| *known == part).unwrap_or_default();
            if part == Part::Clusters {
                keep_removed(&self.current[place].1, &mut next);
            }
            if self.current[place].1 == next {
                continue;
            }
            let before = counts(part, site).await;
            self.put(part, &next)
                .map_err(|error| format!("cannot write {}: {error}", part.path(&self.folder).display()))?;
            if let Err(reason) = accepted(part, before, site).await {
                let old = self.current[place].1.clone();
                // The next start must find what runs.
                let _ = self.put(part, &old);
                return Err(reason);
            }
            self.current[place].1 = next;
        }
        Ok(())
    }

    /// Moves a new file into the place of the old one, which is what Envoy watches for.
    fn put(&mut self, part: Part, resources: &[Value]) -> io::Result<()> {
        self.version += 1;
        let path = part.path(&self.folder);
        let beside = path.with_extension("new");
        fs::write(&beside, text(part, resources.to_vec(), self.version))?;
        fs::rename(&beside, &path)
    }
}

/// Removed clusters stay until the next change: requests in flight may still use them.
fn keep_removed(old: &[Value], new: &mut Vec<Value>) {
    const REMOVED: &str = "removed";
    let is_new = |cluster: &Value, new: &[Value]| new.iter().any(|known| known["name"] == cluster["name"]);
    for cluster in old {
        let was_removed = cluster["metadata"]["filter_metadata"].get(REMOVED).is_some();
        if !was_removed && !is_new(cluster, new) {
            let mut cluster = cluster.clone();
            cluster["metadata"]["filter_metadata"][REMOVED] = serde_json::json!({});
            new.push(cluster);
        }
    }
}

/// Fits a plan to the environment of the processes that run: secrets are found there by their values.
fn adopt(started: &Plan, plan: &mut Plan) -> Result<(), String> {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut missing = Vec::new();
    for variable in &plan.variables {
        let same = |known: &&crate::compile::Variable| match &variable.origin {
            Origin::Inline(_) => known.origin == variable.origin,
            _ => known.name == variable.name,
        };
        match started.variables.iter().find(same) {
            Some(known) => {
                renamed.insert(variable.name.clone(), known.name.clone());
            }
            None => missing.push(format!("{} ({})", variable.name, variable.purpose)),
        }
    }
    if !missing.is_empty() {
        return Err(format!(
            "Envoy was started without {}; secrets are passed in its environment, so this change needs a restart",
            missing.join(", ")
        ));
    }
    let fixed = [
        ("the master key", started.master_key == plan.master_key),
        ("environment_variables", started.environment == plan.environment),
        ("the credentials for access tokens", names(&started.token_sources) == names(&plan.token_sources)),
        (
            "key service settings (metrics, spend logs, user_url_validation, user_url_allowed_hosts)",
            started.key_service_options == plan.key_service_options,
        ),
    ];
    if let Some((what, _)) = fixed.iter().find(|(_, same)| !same) {
        return Err(format!("changing {what} needs a restart"));
    }
    for deployment in &mut plan.document.deployments {
        let names = deployment.api_key_env.iter_mut();
        let names = names.chain(deployment.secrets.iter_mut().map(|(_, name)| name));
        for name in names.chain(deployment.headers.iter_mut().filter_map(|header| header.value_env.as_mut()))
        {
            if let Some(known) = renamed.get(name) {
                name.clone_from(known);
            }
        }
    }
    // One list of variables is one VM: another would start without keys, limits and requests in flight.
    plan.variables.clone_from(&started.variables);
    Ok(())
}

fn names(variables: &[crate::compile::Variable]) -> Vec<(&str, &Origin)> {
    variables.iter().map(|variable| (variable.name.as_str(), &variable.origin)).collect()
}

/// How often Envoy has taken a part, and refused one.
async fn counts(part: Part, site: &Site) -> [u64; 2] {
    let path = format!("/stats?filter=^{}", part.statistics().replace('.', "%5C."));
    let (_, text) = ask(Method::GET, "127.0.0.1", site.admin_port, &path).await.unwrap_or_default();
    let count = |names: [&str; 2]| {
        let lines = text.lines().filter_map(|line| line.strip_prefix(part.statistics())?.split_once(": "));
        let of = lines.filter(|(name, _)| names.contains(name));
        of.filter_map(|(_, count)| count.trim().parse::<u64>().ok()).sum()
    };
    [count(["update_success", "config_reload"]), count(["update_rejected", "config_fail"])]
}

async fn accepted(part: Part, [taken, refused]: [u64; 2], site: &Site) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let [now_taken, now_refused] = counts(part, site).await;
        if now_refused > refused {
            return Err("Envoy rejected it; see its log above".to_owned());
        }
        if now_taken > taken {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("Envoy did not accept it within {} seconds", PATIENCE.as_secs()));
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Logs the outcome of a reload.
pub(super) fn log_outcome(outcome: &Result<(), String>) {
    match outcome {
        Ok(()) => say("config.yaml changed; the new configuration is active"),
        Err(reason) => say(&format!("config.yaml changed, but the old configuration stays active: {reason}")),
    }
}
