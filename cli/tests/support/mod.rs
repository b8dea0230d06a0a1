//! What the launcher's tests share.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

pub mod envoy;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use switchboard::price_map::PriceMap;
use switchboard_cli::compile::{Endpoint, Environment, Plan, compile};
use switchboard_cli::config::{Diagnostic, Report, parse};
use switchboard_cli::envoy::{Site, bootstrap};

/// Compiles `text` as `config.yaml`, in an environment that holds only `variables`.
pub fn compiled_with(text: &str, variables: &'static [(&str, &str)]) -> (Option<Plan>, Vec<Diagnostic>) {
    let report = Report::new("config.yaml");
    let plan = parse(text, &report).map(|config| {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        compile(&config, &Environment::new(&config.environment, lookup), &PriceMap::built_in(), &report)
    });
    (plan, report.into_diagnostics())
}

/// Compiles `text`, which must have no error, where the usual keys are set.
pub fn plan(text: &str) -> Plan {
    let (plan, diagnostics) =
        compiled_with(text, &[("OPENAI_API_KEY", "sk-openai"), ("ANTHROPIC_API_KEY", "sk-anthropic")]);
    let errors: Vec<_> =
        diagnostics.iter().filter(|d| d.severity == switchboard_cli::config::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    plan.expect("a file without errors compiles")
}

/// An entry of `model_list`.
pub fn model(name: &str, params: &str) -> String {
    format!("- model_name: '{name}'\n  litellm_params: {{{params}}}\n")
}

/// Compiles models, each with its name and its parameters, and the sections beside them.
pub fn with(models: &[(&str, &str)], rest: &str) -> Plan {
    let models: String = models.iter().map(|(name, params)| model(name, params)).collect();
    plan(&format!("model_list:\n{models}{rest}"))
}

/// (deployment's model, weight) of each endpoint, by priority.
pub fn endpoints<'a>(plan: &'a Plan, group: &str) -> Vec<Vec<(&'a str, Option<u32>)>> {
    let model = |id: &str| {
        let found = plan.document.deployments.iter().find(|deployment| deployment.id == id);
        found.expect("an endpoint names a deployment").model.as_str()
    };
    let cluster = &plan.document.groups.iter().find(|known| known.name == group).expect("the group").cluster;
    let cluster = plan.clusters.iter().find(|known| known.name == *cluster).expect("the cluster");
    let priority = |endpoints: &Vec<Endpoint>| {
        endpoints.iter().map(|endpoint| (model(&endpoint.deployment), endpoint.weight)).collect()
    };
    cluster.priorities.iter().map(priority).collect()
}

/// Every diagnostic of `text` as it is printed, in an empty environment.
pub fn diagnostics(text: &str) -> String {
    let (_, diagnostics) = compiled_with(text, &[]);
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A site of which nothing is in use.
pub fn site(wasm: &Path) -> Site {
    Site {
        host: "127.0.0.1".to_owned(),
        port: 4000,
        tls: false,
        admin_port: 9901,
        keys_host: "127.0.0.1".to_owned(),
        keys_port: 4001,
        wasm: wasm.to_owned(),
        module: None,
        ca_bundle: switchboard_cli::up::programs::ca_bundle().expect("this machine trusts somebody"),
        access_log: None,
        memory_limit: Some(1 << 30),
    }
}

/// The configuration that `up` gives to Envoy.
pub fn configuration(plan: &Plan, site: &Site) -> String {
    let document = serde_json::to_string(&plan.document).expect("a document is JSON");
    bootstrap(plan, site, &document).to_string()
}

/// The Envoy of this machine, or nothing and a loud word.
pub fn find_envoy() -> Option<PathBuf> {
    match switchboard_cli::up::programs::envoy(None) {
        Ok(path) => Some(path),
        Err(problem) if std::env::var_os("CI").is_some() => panic!("CI needs an Envoy: {problem}"),
        Err(problem) => {
            eprintln!("SKIPPED, not proven: {problem}");
            None
        }
    }
}

/// What `envoy --mode validate` says of `text`, written to `folder` under `name`.
pub fn validate(envoy: &Path, folder: &Path, name: &str, text: &str) -> Output {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    let arguments = ["--mode", "validate", "--log-level", "warning", "--config-path"];
    Command::new(envoy).args(arguments).arg(&path).output().expect("Envoy starts")
}

/// Panics with Envoy's words when it does not take `text`.
pub fn assert_valid(envoy: &Path, folder: &Path, name: &str, text: &str) {
    let output = validate(envoy, folder, name, text);
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// A filter that lets everything pass, for what is to be seen of Envoy alone.
pub fn passing_filter(folder: &Path) -> PathBuf {
    filter(folder, "passing.wasm", PASSING_FILTER)
}

/// Writes the module `text` to `folder`.
pub fn filter(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, wat::parse_str(text).expect("the module is well written")).unwrap();
    path
}

/// The smallest module that Envoy takes for a filter: it accepts its configuration and continues always.
const PASSING_FILTER: &str = r#"(module
    (memory (export "memory") 1)
    (global $end (mut i32) (i32.const 1024))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "_initialize"))
    (func (export "malloc") (param i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $end))
        (global.set $end (i32.add (global.get $end) (local.get 0)))
        (local.get $at))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $end))
        (global.set $end (i32.add (global.get $end) (local.get 0)))
        (local.get $at))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1)))"#;
