//! What the tests of the compiler share.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::path::Path;

use switchboard::price_map::PriceMap;
use switchboard_compile::config::{Diagnostic, Report, parse};
use switchboard_compile::envoy::{Site, bootstrap};
use switchboard_compile::plan::{Endpoint, Environment, Plan, compile};

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
        diagnostics.iter().filter(|d| d.severity == switchboard_compile::config::Severity::Error).collect();
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
        ca_bundle: "/etc/ssl/certs/ca-certificates.crt".into(),
        access_log: None,
        memory_limit: Some(1 << 30),
    }
}

/// The configuration that `up` gives to Envoy.
pub fn configuration(plan: &Plan, site: &Site) -> String {
    let document = serde_json::to_string(&plan.document).expect("a document is JSON");
    bootstrap(plan, site, &document).to_string()
}
