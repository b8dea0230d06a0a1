//! What is rendered: real Envoy takes it, it holds no secret, and it is the same each time.

mod support;

use support::{assert_valid, configuration, find_envoy, passing_filter, plan, site};
use switchboard_cli::render::{Format, Place, render};
use switchboard_compile::envoy::{COMMENTS, Node, Site, for_people, most_held_bytes};

/// Everything at once: two priorities, weights, TLS and plain text, a header secret, a mock, an alias.
const FULL: &str = r"
model_list:
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: sk-inline-one, weight: 3, temperature: 0.5}
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_base: http://127.0.0.1:9000/v1
      api_key: sk-inline-two
      weight: 1
      extra_headers: {X-Api-Token: inline-header, x-team: blue}
  - model_name: claude
    litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY}
    model_info: {mode: chat, access_groups: [big], max_output_tokens: 64000}
  - model_name: openai/*
    litellm_params: {model: openai/*, aws_secret_access_key: inline-option}
  - model_name: demo
    litellm_params: {model: openai/demo, mock_response: Hello}
router_settings:
  num_retries: 1
  timeout: 30
  fallbacks: [{gpt-4o: [claude]}]
  default_fallbacks: [demo]
  model_group_alias: {gpt: gpt-4o, hidden-gpt: {model: gpt-4o, hidden: true}}
general_settings:
  master_key: sk-inline-master
environment_variables:
  SOME_VARIABLE: inline-variable
";

const SECRETS: [&str; 6] = [
    "sk-inline-one",
    "sk-inline-two",
    "inline-header",
    "inline-option",
    "sk-inline-master",
    "inline-variable",
];

#[test]
fn envoy_takes_both_forms_of_everything_at_once() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut site = site(&passing_filter(folder.path()));
    let plan = plan(FULL);
    assert_valid(&envoy, folder.path(), "up.json", &configuration(&plan, &site));
    assert_valid(&envoy, folder.path(), "people.yaml", &for_people(&plan, &site).unwrap());
    site.access_log = Some("-".to_owned());
    assert_valid(&envoy, folder.path(), "log.json", &configuration(&plan, &site));
    site.access_log = Some(folder.path().join("access.log").display().to_string());
    assert_valid(&envoy, folder.path(), "log.json", &configuration(&plan, &site));
}

#[test]
fn envoy_refuses_what_is_wrong_so_that_its_yes_means_something() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(&plan(FULL), &site(&passing_filter(folder.path())));
    let broken = text.replace("retry_host_predicate", "retry_host_predicates");
    assert_ne!(broken, text);
    assert!(!support::validate(&envoy, folder.path(), "broken.json", &broken).status.success());
}

#[test]
fn no_secret_of_the_file_is_in_what_is_rendered() {
    let plan = plan(FULL);
    let site = site("/filter.wasm".as_ref());
    for text in [configuration(&plan, &site), for_people(&plan, &site).unwrap(), format!("{plan:?}")] {
        for secret in SECRETS {
            assert!(FULL.contains(secret));
            assert!(!text.contains(secret), "{secret} is in\n{text}");
        }
    }
}

#[test]
fn the_same_file_is_rendered_the_same_each_time() {
    let site = site("/filter.wasm".as_ref());
    let first = for_people(&plan(FULL), &site).unwrap();
    assert_eq!(for_people(&plan(FULL), &site).unwrap(), first);
}

#[test]
fn yaml_for_people_says_the_same_as_the_json_for_envoy() {
    let plan = plan(FULL);
    let site = site("/filter.wasm".as_ref());
    let read = switchboard_compile::config::yaml::parse(&for_people(&plan, &site).unwrap()).unwrap();
    let pretty = serde_json::to_string_pretty(&plan.document).unwrap();
    let written = switchboard_compile::envoy::bootstrap(&plan, &site, &pretty);
    // `to_json` sorts mappings; `Value`s compare without regard to order.
    assert_eq!(read.value.to_json(), written);
}

#[test]
fn envoy_takes_the_bootstrap_that_fetches_the_rest_and_it_names_no_model() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(&passing_filter(folder.path()));
    let models = "model_list:\n- model_name: gpt\n  litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}\n";
    let text = render(&plan(models), &site, &place(), Format::Discovery).unwrap();
    assert!(
        !text.contains("gpt") && text.contains("Bearer %ENVIRONMENT(SWITCHBOARD_INTERNAL_TOKEN)%"),
        "{text}"
    );
    let read = switchboard_compile::config::yaml::parse(&text).unwrap().value.to_json();
    let node = Node::read(&read["node"]["metadata"]).unwrap();
    assert_eq!((node.site.port, node.workers), (site.port, 2));
    if let Some(envoy) = find_envoy() {
        // `--service-node` adds it.
        let named = text.replace("\nnode:\n", "\nnode:\n  id: a\n");
        assert_valid(&envoy, folder.path(), "discovery.yaml", &named);
        // By name, with several addresses.
        let site = Site { keys_host: "keys.example".to_owned(), ..site };
        let text = render(&plan(models), &site, &place(), Format::Discovery).unwrap();
        assert!(text.contains("all_addresses_in_single_endpoint: true"), "{text}");
        let named = text.replace("\nnode:\n", "\nnode:\n  id: a\n");
        assert_valid(&envoy, folder.path(), "discovery.yaml", &named);
    }
}

fn place() -> Place {
    Place {
        namespace: "default".to_owned(),
        gateway_image: "gateway".to_owned(),
        keys_image: "keys".to_owned(),
        secret: "switchboard".to_owned(),
        tls_secret: None,
        wasm_url: None,
        old_xds_names: false,
        workers: 2,
        files: Vec::new(),
    }
}

#[test]
fn every_comment_explains_a_line_that_is_there() {
    let text = for_people(&plan(FULL), &site("/filter.wasm".as_ref())).unwrap();
    let text = text.split_whitespace().filter(|word| *word != "#").collect::<Vec<_>>().join(" ");
    for (path, comment) in COMMENTS {
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(text.matches(&comment).count(), 1, "{path}: {comment}");
    }
}

#[test]
fn the_example_in_the_repository_is_what_the_shipped_config_renders() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = std::fs::read_to_string(root.join("config.yaml")).unwrap();
    let example = std::fs::read_to_string(root.join("envoy/envoy.yaml")).unwrap();
    let mut site = site(switchboard_cli::up::programs::USUAL_WASM.as_ref());
    site.ca_bundle = switchboard_cli::up::programs::USUAL_CA_BUNDLE.into();
    let mut plan = plan(&config);
    plan.document.settings.most_held_bytes = most_held_bytes(site.memory_limit, 2);
    assert_eq!(
        for_people(&plan, &site).unwrap(),
        example,
        "`switchboard render --config config.yaml --out envoy` writes it anew"
    );
}
