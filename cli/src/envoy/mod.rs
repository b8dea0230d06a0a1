//! A [`Plan`] → Envoy's configuration (API v3, Envoy 1.35 or later).

mod access_log;
mod bootstrap;
mod clusters;
mod commented;
mod cors;
pub mod discovery;
mod filter;
mod listener;
mod local_replies;
mod overload;
mod parts;
mod tracing;

use std::fmt::Write as _;
use std::path::PathBuf;

pub use bootstrap::bootstrap;
pub use commented::{COMMENTS, commented};
pub use parts::{Parts, parts};

use crate::compile::{Origin, Plan, TOKEN_SOURCES_ENV, Variable};

/// What a machine adds to a [`crate::compile::Plan`].
#[derive(Clone, Debug)]
pub struct Site {
    /// Address that clients reach.
    pub host: String,
    /// Port that clients reach.
    pub port: u16,
    /// Envoy's administration, on loopback only: it can stop the process and tells what runs.
    pub admin_port: u16,
    /// Host of the key service.
    pub keys_host: String,
    /// Public port of the key service; its internal port is the next one.
    pub keys_port: u16,
    /// The filter, as Envoy will find it.
    pub wasm: PathBuf,
    /// Certificates of the authorities to trust, as Envoy will find them.
    pub ca_bundle: PathBuf,
    /// Where to write one line of JSON for each request; `-` is standard error.
    pub access_log: Option<String>,
    /// Memory that Envoy may use, bytes; nothing where it is not known.
    pub memory_limit: Option<u64>,
}

impl Site {
    /// Where this machine reaches [`Self::host`].
    pub fn reachable_host(&self) -> String {
        match self.host.as_str() {
            "0.0.0.0" => "127.0.0.1".to_owned(),
            "::" => "::1".to_owned(),
            host => host.to_owned(),
        }
    }

    /// Internal port of the key service, which no listener leads to.
    pub fn keys_internal_port(&self) -> u16 {
        self.keys_port.saturating_add(1)
    }
}

/// Envoy's configuration for people: commented YAML that begins with what its environment must hold.
pub fn for_people(plan: &Plan, site: &Site) -> std::io::Result<String> {
    let document = serde_json::to_string_pretty(&plan.document)?;
    let mut head = String::from(
        "Envoy (1.35 or later) with Switchboard in it. Written by `switchboard render`: change config.yaml and render \
         again.\n\nEnvoy's environment must hold:\n",
    );
    // Writing to a String does not fail.
    for variable in &plan.variables {
        let _ = writeln!(head, "  {}: {}", variable.name, purpose(variable));
    }
    if !plan.token_sources.is_empty() {
        head.push_str("\nThe key service's environment must hold, besides its own:\n");
        let names: Vec<&str> = plan.token_sources.iter().map(|variable| variable.name.as_str()).collect();
        let _ = writeln!(head, "  {TOKEN_SOURCES_ENV}: {}", names.join(","));
        for variable in &plan.token_sources {
            let _ = writeln!(head, "  {}: {}", variable.name, purpose(variable));
        }
    }
    Ok(commented(&bootstrap(plan, site, &document), COMMENTS, &head))
}

/// What a variable is for, in words.
pub(crate) fn purpose(variable: &Variable) -> String {
    match variable.origin {
        Origin::Inline(_) => format!("the value of {}", variable.purpose),
        Origin::Operator => format!("for {}", variable.purpose),
        Origin::Launcher => variable.purpose.clone(),
    }
}
