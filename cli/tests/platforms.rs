//! What is rendered for Kubernetes, Istio and Envoy Gateway, resource by resource.

mod support;

use serde_json::Value;
use support::{assert_valid, find_envoy, passing_filter, plan, site};
use switchboard_cli::render::{Format, Place, keys_host, render};
use switchboard_compile::envoy::Site;
use switchboard_compile::plan::Plan;

const PLATFORMS: [Format; 4] =
    [Format::Kubernetes, Format::KubernetesSidecar, Format::Istio, Format::EnvoyGateway];

/// Secrets of every kind: of a provider, of a header, inline, and of the key service alone.
const FULL: &str = r"
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: sk-inline-one, extra_headers: {X-Api-Token: inline-header}}
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY}
  - model_name: gemini
    litellm_params:
      model: vertex_ai/gemini-2.5-pro
      vertex_project: p
      vertex_location: us-central1
      vertex_credentials: os.environ/GOOGLE_ACCOUNT
  - model_name: demo
    litellm_params: {model: openai/demo, mock_response: Hello}
router_settings: {fallbacks: [{gpt-4o: [claude]}]}
general_settings: {master_key: sk-inline-master}
environment_variables: {GOOGLE_ACCOUNT: inline-account}
";

const SECRETS: [&str; 4] = ["sk-inline-one", "inline-header", "sk-inline-master", "inline-account"];

fn place() -> Place {
    Place {
        namespace: "llm".to_owned(),
        gateway_image: "registry.example/gateway:1".to_owned(),
        keys_image: "registry.example/keys:1".to_owned(),
        secret: "provider-secrets".to_owned(),
        tls_secret: None,
        wasm_url: None,
        old_xds_names: false,
        workers: 2,
        files: files(FULL),
    }
}

fn files(config: &str) -> Vec<(String, String)> {
    vec![("config.yaml".to_owned(), config.to_owned())]
}

fn in_cluster() -> Site {
    let mut site = site(switchboard_cli::up::programs::USUAL_WASM.as_ref());
    "0.0.0.0".clone_into(&mut site.host);
    site.keys_host = keys_host("llm");
    site
}

fn text(plan: &Plan, format: Format) -> String {
    render(plan, &in_cluster(), &place(), format).unwrap()
}

fn resources(text: &str) -> Vec<Value> {
    let documents = text.split("\n---\n");
    documents.map(|one| switchboard_compile::config::yaml::parse(one).unwrap().value.to_json()).collect()
}

fn find<'a>(resources: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let wanted = |resource: &&Value| resource["kind"] == kind && resource["metadata"]["name"] == name;
    resources.iter().find(wanted).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The container's variables that come from the `Secret`, by name.
fn secrets_of(container: &Value) -> Vec<&str> {
    let variables = container["env"].as_array().unwrap().iter();
    let secret = |variable: &&Value| variable["valueFrom"]["secretKeyRef"]["name"] == "provider-secrets";
    variables
        .filter(secret)
        .map(|variable| {
            assert_eq!(variable["name"], variable["valueFrom"]["secretKeyRef"]["key"]);
            variable["name"].as_str().unwrap()
        })
        .collect()
}

#[test]
fn no_secret_of_the_file_is_in_any_format() {
    let plan = plan(FULL);
    for format in PLATFORMS {
        let text = text(&plan, format);
        for secret in SECRETS {
            assert!(FULL.contains(secret));
            assert!(!text.contains(secret), "{secret} is in {format:?}");
        }
    }
}

#[test]
fn envoy_gets_the_filters_secrets_and_the_key_service_its_own() {
    let plan = plan(FULL);
    let filters: Vec<&str> = plan.variables.iter().map(|variable| variable.name.as_str()).collect();
    for credential in ["ANTHROPIC_API_KEY", "GOOGLE_ACCOUNT"] {
        assert!(!filters.contains(&credential), "{filters:?}");
    }
    for format in PLATFORMS {
        let all = resources(&text(&plan, format));
        let envoy = match format {
            Format::EnvoyGateway => {
                &find(&all, "EnvoyProxy", "switchboard")["spec"]["provider"]["kubernetes"]["envoyDeployment"]
                    ["container"]
            }
            Format::KubernetesSidecar => {
                &find(&all, "Deployment", "my-application")["spec"]["template"]["spec"]["initContainers"][0]
            }
            Format::Istio => {
                &find(&all, "Deployment", "switchboard-gateway")["spec"]["template"]["spec"]["containers"][0]
            }
            _ => &find(&all, "Deployment", "switchboard")["spec"]["template"]["spec"]["containers"][0],
        };
        assert_eq!(secrets_of(envoy), filters, "{format:?}");
        let keys = &find(&all, "Deployment", "switchboard-keys")["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(
            secrets_of(keys),
            ["SWITCHBOARD_MASTER_KEY", "SWITCHBOARD_INTERNAL_TOKEN", "DATABASE_URL"]
        );
        // Its credentials are files, which may change.
        let pod = &find(&all, "Deployment", "switchboard-keys")["spec"]["template"]["spec"];
        assert_eq!(pod["volumes"][0]["secret"]["secretName"], "provider-secrets");
        let folder = keys["volumeMounts"][0]["mountPath"].as_str().unwrap();
        let arguments: Vec<&str> =
            keys["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(arguments.windows(2).any(|pair| pair == ["--secrets", folder]), "{arguments:?}");
        let environment = keys["env"].as_array().unwrap();
        if format.fetches() {
            // It contains secrets, so it is in the Secret, too.
            let file = format!("{folder}/config.yaml");
            assert!(arguments.windows(2).any(|pair| pair == ["--config", file.as_str()]), "{arguments:?}");
            assert!(environment.iter().all(|one| one["name"] != "SWITCHBOARD_CREDENTIALS"));
            continue;
        }
        let named = environment.iter().find(|one| one["name"] == "SWITCHBOARD_CREDENTIALS").unwrap();
        let named = named["value"].as_str().unwrap();
        assert!(
            named.contains("\"env\":\"GOOGLE_ACCOUNT\"") && named.contains("ANTHROPIC_API_KEY"),
            "{named}"
        );
    }
}

#[test]
fn every_container_runs_without_rights_on_a_file_system_that_it_cannot_write() {
    let plan = plan(FULL);
    for format in [Format::Kubernetes, Format::KubernetesSidecar] {
        for resource in resources(&text(&plan, format)).iter().filter(|one| one["kind"] == "Deployment") {
            let pod = &resource["spec"]["template"]["spec"];
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
            let containers =
                [&pod["containers"], &pod["initContainers"]].into_iter().filter_map(Value::as_array);
            for container in containers.flatten().filter(|container| container["name"] != "application") {
                let context = &container["securityContext"];
                assert_eq!(context["readOnlyRootFilesystem"], true, "{container}");
                assert_eq!(context["capabilities"]["drop"][0], "ALL", "{container}");
            }
        }
    }
}

#[test]
fn selectors_find_the_pods_that_they_are_for() {
    let plan = plan(FULL);
    for format in [Format::Kubernetes, Format::Istio] {
        let all = resources(&text(&plan, format));
        let pods: Vec<_> = all.iter().filter(|one| one["kind"] == "Deployment").collect();
        let matches = |labels: &Value, pod: &Value| {
            let pod = pod["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
            labels.as_object().unwrap().iter().all(|(name, value)| pod.get(name) == Some(value))
        };
        for resource in &all {
            let spec = &resource["spec"];
            let selector = match resource["kind"].as_str().unwrap() {
                "Service" | "Gateway" => &spec["selector"],
                "PodDisruptionBudget" => &spec["selector"]["matchLabels"],
                "EnvoyFilter" => &spec["workloadSelector"]["labels"],
                _ => continue,
            };
            let found = pods.iter().filter(|pod| matches(selector, pod)).count();
            assert_eq!(found, 1, "{} {}", resource["kind"], resource["metadata"]["name"]);
        }
    }
}

#[test]
fn istios_own_sidecar_does_not_stand_between_the_filter_and_the_key_service() {
    let injection = |format| {
        let all = resources(&text(&plan(FULL), format));
        let labels = |name| &find(&all, "Deployment", name)["spec"]["template"]["metadata"]["labels"];
        labels("switchboard-keys")["sidecar.istio.io/inject"].clone()
    };
    assert_eq!(injection(Format::Istio), "false");
    assert!(injection(Format::Kubernetes).is_null());
}

#[test]
fn included_files_are_beside_the_configuration() {
    let mut place = Place { files: files("include: [models.yaml]\n"), ..place() };
    place.files.push(("models.yaml".to_owned(), "model_list: []\n".to_owned()));
    let plan = plan("model_list: []\n");
    let text = render(&plan, &in_cluster(), &place, Format::Kubernetes).unwrap();
    let all = resources(&text);
    assert_eq!(
        find(&all, "ConfigMap", "switchboard-keys")["data"].as_object().map(serde_json::Map::len),
        Some(2)
    );
    place.files[1].0 = "sub/models.yaml".to_owned();
    let error = render(&plan, &in_cluster(), &place, Format::Kubernetes).unwrap_err().to_string();
    assert!(error.contains("move the file next to config.yaml"), "{error}");
}

#[test]
fn only_another_bootstrap_means_other_pods() {
    for (format, name) in [(Format::Kubernetes, "switchboard"), (Format::KubernetesSidecar, "my-application")]
    {
        let annotation = |config: &str, port| {
            let place = Place { files: files(config), ..place() };
            let site = Site { port, ..in_cluster() };
            let all = resources(&render(&plan(config), &site, &place, format).unwrap());
            let pod = &find(&all, "Deployment", name)["spec"]["template"]["metadata"]["annotations"];
            pod["switchboard/configuration"].as_str().unwrap().to_owned()
        };
        let first = annotation(FULL, 4000);
        assert_eq!(first, annotation(&FULL.replace("mock_response: Hello", "mock_response: Hi"), 4000));
        assert_ne!(first, annotation(FULL, 4100));
    }
}

#[test]
fn a_configuration_without_secrets_is_in_a_config_map_of_the_key_service() {
    let config =
        "model_list:\n  - model_name: m\n    litellm_params: {model: openai/m, api_key: os.environ/A_KEY}\n";
    let place = Place { files: files(config), ..place() };
    for format in [Format::Kubernetes, Format::KubernetesSidecar] {
        let text = render(&plan(config), &in_cluster(), &place, format).unwrap();
        assert!(text.contains("A_KEY: for model_list[0].litellm_params.api_key"), "{text}");
        let all = resources(&text);
        let data = &find(&all, "ConfigMap", "switchboard-keys")["data"];
        assert_eq!(data["config.yaml"].as_str().map(str::trim_end), Some(config.trim_end()));
        let pod = &find(&all, "Deployment", "switchboard-keys")["spec"]["template"]["spec"];
        let keys = &pod["containers"][0];
        assert_eq!(pod["volumes"][1]["configMap"]["name"], "switchboard-keys");
        let folder = keys["volumeMounts"][1]["mountPath"].as_str().unwrap();
        let file = format!("{folder}/config.yaml");
        let arguments: Vec<_> = keys["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(arguments.windows(2).any(|pair| pair == ["--config", file.as_str()]), "{arguments:?}");
        // Envoys have nothing of it.
        let bootstrap = all.iter().find(|one| one["data"]["envoy.yaml"].is_string()).unwrap();
        assert!(!bootstrap["data"]["envoy.yaml"].as_str().unwrap().contains("model_name"));
    }
}

#[test]
fn the_configuration_in_a_config_map_is_one_that_envoy_takes() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wasm = passing_filter(folder.path());
    let plan = plan(FULL);
    for (format, name) in
        [(Format::Kubernetes, "switchboard"), (Format::KubernetesSidecar, "switchboard-sidecar")]
    {
        let mut site = in_cluster();
        site.wasm.clone_from(&wasm);
        site.ca_bundle = switchboard_cli::up::programs::ca_bundle().unwrap();
        let all = resources(&render(&plan, &site, &place(), format).unwrap());
        let text = find(&all, "ConfigMap", name)["data"]["envoy.yaml"].as_str().unwrap();
        // `--service-node` adds it.
        let named = text.replace("\nnode:\n", "\nnode:\n  id: a\n");
        assert_valid(&envoy, folder.path(), "from-config-map.yaml", &named);
    }
}

#[test]
fn a_mesh_that_ends_tls_shows_the_certificate_that_it_is_told() {
    let place = Place { tls_secret: Some("certificate".to_owned()), ..place() };
    let rendered = |format| resources(&render(&plan(FULL), &in_cluster(), &place, format).unwrap());
    let istio = rendered(Format::Istio);
    let server = &find(&istio, "Gateway", "switchboard-gateway")["spec"]["servers"][0];
    assert_eq!(server["tls"]["credentialName"], "certificate");
    assert_eq!(server["port"]["protocol"], "HTTPS");
    let eg = rendered(Format::EnvoyGateway);
    let listener = &find(&eg, "Gateway", "switchboard")["spec"]["listeners"][0];
    assert_eq!(listener["tls"]["certificateRefs"][0]["name"], "certificate");
    let patches = find(&eg, "EnvoyPatchPolicy", "switchboard")["spec"]["jsonPatches"].as_array().unwrap();
    let paths = patches.iter().map(|patch| patch["operation"]["path"].as_str().unwrap());
    assert!(!paths.clone().any(|path| path.starts_with("/default_filter_chain")));
    assert!(
        paths.clone().any(|path| path.starts_with("/filter_chains/0/filters/0/typed_config/http_filters"))
    );
}

#[test]
fn envoy_gateways_resources_are_patched_by_the_names_that_its_version_gives_them() {
    let names = |tls: bool, old_xds_names| {
        let place = Place { tls_secret: tls.then(|| "certificate".to_owned()), old_xds_names, ..place() };
        let all = resources(&render(&plan(FULL), &in_cluster(), &place, Format::EnvoyGateway).unwrap());
        let patches =
            find(&all, "EnvoyPatchPolicy", "switchboard")["spec"]["jsonPatches"].as_array().unwrap();
        ["Listener", "RouteConfiguration"].map(|kind| {
            let mut names = patches
                .iter()
                .filter(|patch| patch["type"].as_str().unwrap().ends_with(&format!(".{kind}")))
                .map(|patch| patch["name"].as_str().unwrap().to_owned());
            let name = names.next().unwrap();
            assert!(names.all(|other| other == name));
            name
        })
    };
    // https://gateway.envoyproxy.io/docs/tasks/extensibility/envoy-patch-policy/#xds-name-scheme-v2
    assert_eq!(names(false, false), ["tcp-4000", "http-4000"]);
    assert_eq!(names(true, false), ["tcp-4000", "llm/switchboard/http"]);
    assert_eq!(names(false, true), ["llm/switchboard/http", "llm/switchboard/http"]);
}

#[test]
fn what_no_api_server_takes_is_refused() {
    let model = |n: usize| {
        format!(
            "  - model_name: m{n}\n    litellm_params: {{model: openai/m, mock_response: {}}}\n",
            "x".repeat(9_000)
        )
    };
    let models: String = (0..120).map(model).collect();
    let config = format!("model_list:\n{models}");
    let (plan, place) = (plan(&config), Place { files: files(&config), ..place() });
    let error = render(&plan, &in_cluster(), &place, Format::Kubernetes).unwrap_err().to_string();
    assert!(error.contains("\"ConfigMap\" \"switchboard-keys\" has "), "{error}");
}

#[test]
fn the_key_service_is_started_as_the_settings_say() {
    let plan = plan(
        "model_list: []\nlitellm_settings: {require_auth_for_metrics_endpoint: false, store_audit_logs: false, max_internal_user_budget: 5, max_end_user_budget_id: free, max_budget: 100, budget_duration: 30d}\n\
         general_settings: {maximum_spend_logs_retention_period: 30, disable_spend_logs: true,\n           maximum_audit_logs_retention_period: 90d}\n\
         environment_variables: {MAX_IMAGE_URL_DOWNLOAD_SIZE_MB: 5}\n",
    );
    let resources = resources(&text(&plan, Format::Kubernetes));
    let deployment = find(&resources, "Deployment", "switchboard-keys");
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let expected = [
        "--open-metrics",
        "--spend-log-retention",
        "30d",
        "--no-spend-log",
        "--no-audit-log",
        "--audit-log-retention",
        "90d",
        "--max-budget",
        "100",
        "--budget-duration",
        "30d",
        "--defaults",
        r#"{"max_internal_user_budget":5.0,"max_end_user_budget_id":"free"}"#,
        "--max-url-size-mb",
        "5",
    ];
    assert!(arguments.ends_with(&expected.map(Value::from)), "{arguments:?}");
}

#[test]
fn the_examples_in_the_repository_are_what_the_shipped_config_renders() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = std::fs::read_to_string(root.join("config.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.yaml"), config).unwrap();
    for name in ["kubernetes", "kubernetes-sidecar", "istio", "envoy-gateway"] {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["render", "--config", "config.yaml", "--out", "rendered", "--format", name])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let file = format!("{name}.yaml");
        let rendered = std::fs::read_to_string(folder.path().join("rendered").join(&file)).unwrap();
        let example = std::fs::read_to_string(root.join("deploy").join(&file)).unwrap();
        assert!(rendered == example, "deploy/{file} is old; `make example` writes it anew");
    }
}
