//! What a config.yaml means, field by field, in the filter's document and in Envoy's clusters.

mod support;

use support::{compiled_with, plan, with};
use switchboard_cli::compile::{Address, Origin, Plan, Target};
use switchboard_cli::config::Severity;

#[test]
fn a_provider_is_read_from_the_prefix_or_told_by_the_models_family() {
    let plan = with(
        &[
            ("a", "model: openai/gpt-4o"),
            ("b", "model: gpt-4o-mini"),
            ("c", "model: claude-sonnet-4-5"),
            ("d", "model: openai/org/name"),
            ("e", "model: my-model, custom_llm_provider: openai"),
            ("f", "model: openai/my-model, custom_llm_provider: openai"),
        ],
        "",
    );
    let read: Vec<_> =
        plan.document.deployments.iter().map(|d| (d.provider.as_str(), d.model.as_str())).collect();
    let expected = [
        ("openai", "gpt-4o"),
        ("openai", "gpt-4o-mini"),
        ("anthropic", "claude-sonnet-4-5"),
        ("openai", "org/name"),
        ("openai", "my-model"),
        ("openai", "my-model"),
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_provider_brings_its_address_and_the_variable_of_its_key() {
    let plan =
        with(&[("a", "model: openai/m"), ("b", "model: anthropic/m, api_base: 'http://localhost:9/x/'")], "");
    let [a, b] = &plan.document.deployments[..] else { panic!("two deployments") };
    assert_eq!(
        (a.api_base.as_str(), a.api_key_env.as_deref()),
        ("https://api.openai.com/v1", Some("OPENAI_API_KEY"))
    );
    assert_eq!(
        (b.api_base.as_str(), b.api_key_env.as_deref()),
        ("http://localhost:9/x", Some("ANTHROPIC_API_KEY"))
    );
    let target = |i: usize| &plan.clusters[i].priorities[0][0].target;
    let remote = |host: &str, port, tls| Target::Remote(Address { host: host.to_owned(), port, tls });
    assert_eq!(*target(0), remote("api.openai.com", 443, true));
    assert_eq!(*target(1), remote("localhost", 9, false));
}

#[test]
fn a_mock_is_never_called_and_needs_no_key() {
    let (plan, diagnostics) = compiled_with(
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, mock_response: Hi}\n",
        &[],
    );
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let plan = plan.unwrap();
    assert_eq!(plan.document.deployments[0].mock_response.as_deref(), Some("Hi"));
    assert_eq!(plan.document.deployments[0].api_key_env, None);
    assert_eq!(plan.clusters[0].priorities[0][0].target, Target::Itself);
}

#[test]
fn an_inline_secret_goes_to_a_variable_of_its_own() {
    let plan =
        with(&[("a", "model: openai/m, api_key: sk-inline, extra_headers: {X-Token: t, X-Team: blue}")], "");
    let deployment = &plan.document.deployments[0];
    let variable = deployment.api_key_env.as_deref().unwrap();
    let find = |name: &str| plan.variables.iter().find(|variable| variable.name == name).unwrap();
    assert!(variable.starts_with("SWITCHBOARD_SECRET_") && variable.ends_with("_API_KEY"), "{variable}");
    let Origin::Inline(secret) = &find(variable).origin else { panic!("the value is in the file") };
    assert_eq!(secret.reveal(), "sk-inline");
    let [token, team] = &deployment.headers[..] else { panic!("two headers") };
    assert_eq!((token.name.as_str(), token.value.as_deref()), ("x-token", None));
    let Origin::Inline(secret) = &find(token.value_env.as_deref().unwrap()).origin else { panic!("inline") };
    assert_eq!(secret.reveal(), "t");
    assert_eq!((team.name.as_str(), team.value.as_deref()), ("x-team", Some("blue")));
}

#[test]
fn a_further_credential_goes_to_the_environment_and_an_option_does_not() {
    let plan = with(
        &[(
            "a",
            "model: openai/m, aws_secret_access_key: s3, aws_region_name: eu-west-1, api_version: 2024-10-21",
        )],
        "",
    );
    let deployment = &plan.document.deployments[0];
    let expected = [("api_version", "2024-10-21"), ("aws_region_name", "eu-west-1")];
    assert_eq!(deployment.options, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let [(name, variable)] = &deployment.secrets[..] else { panic!("one secret") };
    assert_eq!(name, "aws_secret_access_key");
    assert!(plan.variables.iter().any(|known| known.name == *variable));
}

#[test]
fn a_server_of_ones_own_needs_no_key_and_is_found_by_its_variable() {
    const ADDRESS: (&str, &str) = ("HOSTED_VLLM_API_BASE", "http://localhost:8000/v1");
    let config = "model_list:\n- model_name: m\n  litellm_params: {model: hosted_vllm/m}\n";
    let (plan, diagnostics) = compiled_with(config, &[ADDRESS]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let deployment = &plan.unwrap().document.deployments[0];
    assert_eq!(deployment.api_base, "http://localhost:8000/v1");
    assert_eq!(deployment.api_key_env, None);
    let (plan, _) = compiled_with(config, &[ADDRESS, ("HOSTED_VLLM_API_KEY", "k")]);
    assert_eq!(plan.unwrap().document.deployments[0].api_key_env.as_deref(), Some("HOSTED_VLLM_API_KEY"));
    let (_, diagnostics) = compiled_with(config, &[]);
    assert!(diagnostics[0].severity == Severity::Warning, "{diagnostics:?}");
    assert!(diagnostics[0].message.contains("has no default"), "{diagnostics:?}");
}

#[test]
fn azure_gets_its_version_its_base_model_and_a_token_in_the_place_of_a_key() {
    let entry = |params: &str| {
        format!(
            "model_list:\n- model_name: m\n  litellm_params: {{model: azure/blue, api_base: 'https://r.openai.azure.com'{params}}}\n  \
             model_info: {{base_model: azure/gpt-5.4}}\n"
        )
    };
    let deployment = |params: &str, variables| {
        let (plan, diagnostics) = compiled_with(&entry(params), variables);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        plan.unwrap().document.deployments.remove(0)
    };
    let option = |deployment: &switchboard::config::Deployment, name: &str| {
        deployment.options.iter().find(|(option, _)| option == name).map(|(_, value)| value.clone())
    };
    let usual = deployment("", &[("AZURE_API_KEY", "k")]);
    assert_eq!(option(&usual, "api_version").as_deref(), Some("2025-02-01-preview"));
    assert_eq!(option(&usual, "base_model").as_deref(), Some("gpt-5.4"));
    assert_eq!(usual.api_key_env.as_deref(), Some("AZURE_API_KEY"));
    let dated =
        deployment(", azure_ad_token: os.environ/TOKEN", &[("AZURE_API_VERSION", "v1"), ("TOKEN", "t")]);
    assert_eq!(option(&dated, "api_version").as_deref(), Some("v1"));
    assert_eq!(dated.api_key_env, None);
    assert_eq!(dated.secrets, [("azure_ad_token".to_owned(), "TOKEN".to_owned())]);
}

#[test]
fn another_variable_has_the_key_where_the_usual_one_is_not_set() {
    let config = "model_list:\n- model_name: m\n  litellm_params: {model: together_ai/m}\n";
    let (plan, diagnostics) = compiled_with(config, &[("TOGETHERAI_API_KEY", "k")]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    assert_eq!(plan.unwrap().document.deployments[0].api_key_env.as_deref(), Some("TOGETHERAI_API_KEY"));
}

#[test]
fn an_address_is_filled_in_with_the_options_that_it_names() {
    let entry = |params: &str| {
        format!(
            "model_list:\n- model_name: m\n  litellm_params: {{model: bedrock/amazon.nova-pro-v1:0{params}}}\n"
        )
    };
    let address = |params: &str, variables| {
        let (plan, diagnostics) = compiled_with(&entry(params), variables);
        plan.and_then(|plan| Some(plan.document.deployments.first()?.api_base.clone()))
            .ok_or(format!("{diagnostics:?}"))
    };
    let usual = Ok("https://bedrock-runtime.eu-west-1.amazonaws.com".to_owned());
    assert_eq!(address(", aws_region_name: eu-west-1", &[]), usual);
    assert_eq!(address("", &[("AWS_REGION", "eu-west-1")]), usual);
    let private = Ok("https://vpce.example.com".to_owned());
    assert_eq!(address(", aws_bedrock_runtime_endpoint: 'https://vpce.example.com'", &[]), private);
    let missing = address("", &[]).unwrap_err();
    assert!(missing.contains("aws_region_name") && missing.contains("AWS_REGION_NAME"), "{missing}");
}

#[test]
fn credentials_that_sign_come_from_the_entry_or_all_from_the_environment() {
    let deployment = |params: &str| {
        let params = format!("model: bedrock/x, aws_region_name: us-east-1{params}");
        with(&[("m", &params)], "").document.deployments.remove(0)
    };
    let usual = [
        ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
        ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
        ("aws_session_token", "AWS_SESSION_TOKEN"),
    ];
    let from_environment = deployment("");
    assert_eq!(from_environment.api_key_env.as_deref(), Some("AWS_BEARER_TOKEN_BEDROCK"));
    assert_eq!(
        from_environment.secrets,
        usual.map(|(name, variable)| (name.to_owned(), variable.to_owned()))
    );
    // A session token of the environment belongs to other keys than the entry's.
    let own = deployment(", aws_access_key_id: os.environ/MY_ID, aws_secret_access_key: os.environ/MY_KEY");
    assert_eq!(own.api_key_env, None);
    let expected = [("aws_access_key_id", "MY_ID"), ("aws_secret_access_key", "MY_KEY")];
    assert_eq!(own.secrets, expected.map(|(name, variable)| (name.to_owned(), variable.to_owned())));
    let bearer = deployment(", api_key: os.environ/MY_BEARER");
    assert_eq!((bearer.api_key_env.as_deref(), bearer.secrets.len()), (Some("MY_BEARER"), 0));
}

#[test]
fn a_missing_credential_is_told_once_for_all_its_kinds() {
    const ENTRY: &str =
        "model_list:\n- model_name: m\n  litellm_params: {model: bedrock/x, aws_region_name: us-east-1}\n";
    let warnings = |variables| format!("{:?}", compiled_with(ENTRY, variables).1);
    assert!(warnings(&[]).contains("AWS_BEARER_TOKEN_BEDROCK is not set, nor is AWS_ACCESS_KEY_ID"));
    assert_eq!(warnings(&[("AWS_ACCESS_KEY_ID", "x")]), "[]");
    assert_eq!(warnings(&[("AWS_BEARER_TOKEN_BEDROCK", "x")]), "[]");
}

#[test]
fn what_access_tokens_are_fetched_with_goes_to_the_key_service_and_not_to_the_filter() {
    let plan = with(
        &[
            (
                "a",
                "model: vertex_ai/gemini-2.5-pro, vertex_project: p, vertex_credentials: '{\"type\": \"hush\"}'",
            ),
            ("b", "model: vertex_ai/claude-opus-4-6, vertex_project: p, vertex_location: global"),
            ("c", "model: vertex_ai/gemini-2.5-pro, vertex_project: p, api_key: a-token"),
        ],
        "",
    );
    let [inline, usual, own] = plan.document.deployments.as_slice() else { panic!("three deployments") };
    let named: Vec<&str> = plan.token_sources.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(usual.access_token.as_deref(), Some("GOOGLE_APPLICATION_CREDENTIALS"));
    assert_eq!(named, ["GOOGLE_APPLICATION_CREDENTIALS", inline.access_token.as_deref().unwrap()]);
    assert!(matches!(plan.token_sources[1].origin, Origin::Inline(_)));
    assert!((inline.secrets.is_empty(), inline.api_key_env.is_none()) == (true, true));
    assert!(plan.variables.iter().all(|variable| !named.contains(&variable.name.as_str())));
    assert_eq!((&own.access_token, own.api_key_env.is_some()), (&None, true));
    assert_eq!(usual.api_base, "https://aiplatform.googleapis.com/v1/projects/p/locations/global");
    assert!(!serde_json::to_string(&plan.document).unwrap().contains("hush"));
}

#[test]
fn parameters_of_a_request_are_defaults() {
    let plan = with(&[("a", "model: openai/m, temperature: 0.5, max_tokens: 10, stop: [a, b]")], "");
    let mut defaults: Vec<_> = plan.document.deployments[0]
        .defaults
        .iter()
        .map(|(name, value)| (name.as_str(), value.get()))
        .collect();
    defaults.sort_unstable();
    assert_eq!(defaults, [("max_tokens", "10"), ("stop", r#"["a","b"]"#), ("temperature", "0.5")]);
}

#[test]
fn prices_and_facts_may_stand_in_either_section() {
    let plan = plan(
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, input_cost_per_token: 1e-6}\n  model_info: \
         {input_cost_per_token: 9, output_cost_per_token: '2e-6', max_tokens: 100, max_input_tokens: 1000, mode: chat, \
         access_groups: [g]}\n",
    );
    let price = plan.document.deployments[0].price.as_ref().unwrap();
    assert!(
        (price.input_cost_per_token - 1e-6).abs() < 1e-12
            && (price.output_cost_per_token - 2e-6).abs() < 1e-12
    );
    let group = &plan.document.groups[0];
    assert_eq!((group.max_input_tokens, group.max_output_tokens), (Some(1000), Some(100)));
    assert_eq!((group.mode.as_deref(), &group.access_groups[..]), (Some("chat"), &["g".to_owned()][..]));
}

#[test]
fn aliases_keep_whether_they_are_hidden() {
    let plan = with(
        &[("a", "model: openai/a")],
        "router_settings: {model_group_alias: {x: a, y: {model: a, hidden: true}}}\n",
    );
    let read: Vec<_> = plan
        .document
        .aliases
        .iter()
        .map(|alias| (alias.name.as_str(), alias.group.as_str(), alias.hidden))
        .collect();
    assert_eq!(read, [("x", "a", false), ("y", "a", true)]);
}

#[test]
fn ids_are_given_or_stable_and_tell_deployments_apart() {
    let twice = [("a", "model: openai/a, api_key: sk-1"), ("a", "model: openai/a, api_key: sk-2")];
    let ids = |plan: &Plan| plan.document.deployments.iter().map(|d| d.id.clone()).collect::<Vec<_>>();
    let first = ids(&with(&twice, ""));
    assert_ne!(first[0], first[1]);
    assert_eq!(ids(&with(&twice, "")), first);
    // A new key is the same deployment: the id is shown to clients and must not depend on a secret.
    assert_eq!(ids(&with(&[("a", "model: openai/a, api_key: sk-3")], ""))[0], first[0]);
    assert_ne!(ids(&with(&[("a", "model: openai/a, api_key: sk-1, temperature: 1")], ""))[0], first[0]);
    assert_ne!(ids(&with(&[("b", "model: openai/a, api_key: sk-1")], ""))[0], first[0]);
    let given =
        plan("model_list:\n- model_name: a\n  litellm_params: {model: openai/a}\n  model_info: {id: 7}\n");
    assert_eq!(ids(&given), ["7"]);
}

#[test]
fn references_are_resolved_where_the_value_is_no_secret() {
    let file = "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_base: os.environ/BASE, api_key: \
                os.environ/KEY}\nenvironment_variables: {BASE: 'http://10.0.0.1:8000', KEY: os.environ/OTHER}\n";
    let (plan, diagnostics) = compiled_with(file, &[("OTHER", "sk-other"), ("BASE", "http://process")]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let plan = plan.unwrap();
    assert_eq!(plan.document.deployments[0].api_base, "http://10.0.0.1:8000");
    assert_eq!(plan.document.deployments[0].api_key_env.as_deref(), Some("KEY"));
    let environment: Vec<_> =
        plan.environment.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
    assert_eq!(environment, [("BASE", "http://10.0.0.1:8000"), ("KEY", "sk-other")]);
}

#[test]
fn a_deployment_whose_address_is_not_known_is_not_called_at_the_vendors_own() {
    let file = "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_base: os.environ/BASE, api_key: k}\n";
    let (plan, diagnostics) = compiled_with(file, &[]);
    assert!(diagnostics[0].to_string().contains("refers to BASE, which is not set"));
    let plan = plan.unwrap();
    assert_eq!(plan.document.groups.len(), 1);
    assert!(plan.clusters[0].priorities.is_empty());
}

#[test]
fn the_master_key_is_the_files_or_the_environments() {
    let key = |file: &str| {
        let (plan, _) = compiled_with(file, &[("LITELLM_MASTER_KEY", "sk-environment"), ("OWN", "sk-own")]);
        plan.unwrap().master_key.map(|key| key.reveal().to_owned())
    };
    assert_eq!(key("model_list: []\n").as_deref(), Some("sk-environment"));
    assert_eq!(key("general_settings: {master_key: sk-file}\n").as_deref(), Some("sk-file"));
    assert_eq!(key("general_settings: {master_key: os.environ/OWN}\n").as_deref(), Some("sk-own"));
    assert_eq!(key("general_settings: {master_key: os.environ/NOT_SET}\n"), None);
}

#[test]
fn the_database_is_told_to_the_key_service_alone_and_the_grace_to_the_filter() {
    let plan = with(
        &[("a", "model: openai/m, api_key: k")],
        "general_settings: {database_url: 'postgres://me:secret-word@db/keys', user_api_key_cache_ttl: 60}\n",
    );
    assert_eq!(
        plan.database_url.as_ref().map(switchboard_cli::config::Secret::reveal),
        Some("postgres://me:secret-word@db/keys")
    );
    assert_eq!(plan.document.keys.grace_s, 60);
    assert!(plan.variables.iter().all(|variable| !format!("{variable:?}").contains("DATABASE")));
    assert!(!serde_json::to_string(&plan.document).expect("JSON").contains("secret-word"));
    let plan = with(&[], "");
    assert_eq!((plan.database_url, plan.document.keys.grace_s), (None, 300));
}

#[test]
fn a_model_without_a_price_of_its_own_has_the_built_in_one() {
    let plan = plan(
        "model_list:\n\
         - {model_name: a, litellm_params: {model: openai/gpt-4o}}\n\
         - {model_name: b, litellm_params: {model: openai/behind-a-name, api_key: k}, model_info: {base_model: azure/gpt-4o}}\n\
         - {model_name: c, litellm_params: {model: openai/gpt-4o, input_cost_per_token: 1}}\n\
         - {model_name: d, litellm_params: {model: openai/nobody-knows}}\n\
         - {model_name: e, litellm_params: {model: anthropic/claude-sonnet-4-5}}\n",
    );
    let input = |at: usize| {
        plan.document.deployments[at].price.as_ref().map(|price| price.input_cost_per_token.to_string())
    };
    let read: Vec<_> = (0..5).map(input).collect();
    let wanted = [Some("0.0000025"), Some("0.0000025"), Some("1"), None, Some("0.000003")];
    assert_eq!(read, wanted.map(|price| price.map(str::to_owned)));
    let claude = plan.document.deployments[4].price.as_ref().unwrap();
    assert_eq!(claude.tiers[0].above_tokens, 200_000);
}

#[test]
fn an_account_in_the_entry_stands_in_the_address() {
    let plan = with(&[("m", "model: cloudflare/m, api_key: k, account_id: acme")], "");
    let base = &plan.document.deployments[0].api_base;
    assert_eq!(base, "https://api.cloudflare.com/client/v4/accounts/acme/ai/v1");
}

#[test]
fn deployments_that_tell_no_model_bring_the_prices_of_those_that_they_may_serve() {
    let listed = |params: &str| {
        let plan =
            plan(&format!("model_list:\n- {{model_name: 'm*', litellm_params: {{{params}, api_key: k}}}}\n"));
        let names: Vec<_> = plan.document.prices.iter().map(|listed| listed.model.clone()).collect();
        assert!(names.is_sorted() && plan.document.deployments[0].price.is_none());
        (names, plan.unpriced.len())
    };
    let has = |names: &[String], name: &str| names.iter().any(|listed| listed == name);
    let (names, unpriced) = listed("model: openai/*");
    assert!(has(&names, "gpt-4o") && !has(&names, "claude-sonnet-4-5") && unpriced == 0, "{names:?}");
    let (names, unpriced) = listed("model: anthropic/*");
    assert!(!has(&names, "gpt-4o") && has(&names, "claude-sonnet-4-5") && unpriced == 0, "{names:?}");
    let (names, unpriced) = listed("model: azure/ours, api_base: 'https://r.example', api_version: v1");
    assert!(has(&names, "gpt-4o") && unpriced == 1, "an answer may name it; {names:?}");
    assert_eq!(
        plan("model_list:\n- {model_name: m, litellm_params: {model: openai/gpt-4o}}\n").document.prices,
        []
    );
}
