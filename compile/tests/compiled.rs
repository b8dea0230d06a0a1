//! What a config.yaml means, field by field, in the filter's document and in Envoy's clusters.

mod support;

use support::{compiled_with, plan, with};
use switchboard_compile::config::{Setting, Severity};
use switchboard_compile::plan::{Address, Origin, Plan, Target, by_reference};

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
        (a.api_base.as_str(), a.credential.as_deref()),
        ("https://api.openai.com/v1", Some("OPENAI_API_KEY"))
    );
    assert_eq!(
        (b.api_base.as_str(), b.credential.as_deref()),
        ("http://localhost:9/x", Some("ANTHROPIC_API_KEY"))
    );
    let target = |i: usize| &plan.clusters[i].priorities[0][0].target;
    let remote = |host: &str, port, tls| Target::Remote(Address { host: host.to_owned(), port, tls });
    assert_eq!(*target(0), remote("api.openai.com", 443, true));
    assert_eq!(*target(1), remote("localhost", 9, false));
}

#[test]
fn mappings_of_headers_to_end_users_take_precedence_over_a_single_one() {
    let headers = |settings: &str| {
        plan(&format!("model_list: []\ngeneral_settings: {{{settings}}}\n")).document.settings.user_headers
    };
    let mapped = "user_header_mappings: [{header_name: X-A, litellm_user_role: customer}, {header_name: x-b, litellm_user_role: Customer}]";
    assert_eq!(headers(&format!("{mapped}, user_header_name: x-c")), ["x-a", "x-b"]);
    assert_eq!(headers("user_header_name: X-C"), ["x-c"]);
    assert!(headers("").is_empty());
}

#[test]
fn what_requests_must_have_and_where_they_may_come_from_is_the_filters() {
    let plan = plan(
        "model_list: []\ngeneral_settings: {allowed_ips: ['::1', 192.0.2.1], enforced_params: [user], enforce_user_param: true}\n",
    );
    let settings = plan.document.settings;
    assert_eq!(
        (settings.allowed_ips, settings.enforced_params),
        (vec!["::1".to_owned(), "192.0.2.1".to_owned()], vec!["user".to_owned()])
    );
    assert!(settings.enforce_user_param);
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
    assert_eq!(plan.document.deployments[0].credential, None);
    assert_eq!(plan.clusters[0].priorities[0][0].target, Target::Itself);
}

/// What the key service makes a credential from, as text: `kind: setting=$VARIABLE, setting=value`.
fn made_from(plan: &Plan, name: Option<&str>) -> String {
    let known = plan.credentials.iter().find(|known| Some(known.name.as_str()) == name).unwrap();
    let setting = |(name, setting): &(String, Setting)| match setting {
        Setting::Environment(variable) => format!("{name}=${variable}"),
        Setting::Literal(value) => format!("{name}={}", value.reveal()),
    };
    let settings: Vec<String> = known.settings.iter().map(setting).collect();
    format!("{}: {}", known.kind.name(), settings.join(", "))
}

#[test]
fn an_inline_secret_is_named_in_the_document_and_stays_with_the_key_service() {
    let plan = with(
        &[("a", "model: openai/m, api_key: sk-inline, extra_headers: {X-Token: hush, X-Team: blue}")],
        "",
    );
    let deployment = &plan.document.deployments[0];
    let name = deployment.credential.as_deref();
    assert!(name.unwrap().starts_with("SWITCHBOARD_SECRET_"), "{name:?}");
    assert_eq!(made_from(&plan, name), "key: api_key=sk-inline");
    let [token, team] = &deployment.headers[..] else { panic!("two headers") };
    assert_eq!((token.name.as_str(), token.value.as_deref()), ("x-token", None));
    assert_eq!(made_from(&plan, token.credential.as_deref()), "key: api_key=hush");
    assert_eq!((team.name.as_str(), team.value.as_deref()), ("x-team", Some("blue")));
    // Envoy has neither.
    let names: Vec<_> = plan.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["SWITCHBOARD_INTERNAL_TOKEN", "SWITCHBOARD_MASTER_KEY"]);
    let (text, variables) = by_reference(&plan.credentials);
    assert!(!text.contains("sk-inline") && !text.contains("hush"), "{text}");
    assert!(variables.iter().all(|variable| matches!(variable.origin, Origin::Inline(_))));
    assert!(!serde_json::to_string(&plan.document).unwrap().contains("sk-inline"));
}

#[test]
fn equal_credentials_are_one_and_different_ones_never_share_a_name() {
    let plan = with(
        &[
            ("a", "model: openai/m, api_key: os.environ/KEY"),
            ("b", "model: anthropic/m, api_key: os.environ/KEY"),
            ("c", "model: openai/m, api_key: sk-one"),
            ("d", "model: openai/n, api_key: sk-one"),
            ("e", "model: bedrock/x, aws_region_name: us-east-1"),
            ("f", "model: bedrock/x, aws_region_name: eu-west-1"),
        ],
        "",
    );
    let names: Vec<_> = plan.document.deployments.iter().map(|of| of.credential.clone().unwrap()).collect();
    assert_eq!((names[0].as_str(), &names[2], names[4].as_str()), ("KEY", &names[3], "AWS"));
    assert_eq!(names[0], names[1]);
    assert_ne!(names[4], names[5], "each has its own region");
    assert_eq!(plan.credentials.len(), 4);
}

#[test]
fn without_a_key_service_the_credentials_are_in_envoys_environment() {
    let mut plan = with(
        &[
            ("a", "model: openai/m, api_key: sk-inline, extra_headers: {X-Token: os.environ/TOKEN}"),
            ("b", "model: bedrock/x, aws_region_name: us-east-1"),
            ("c", "model: vertex_ai/gemini-2.5-pro, vertex_project: p"),
        ],
        "",
    );
    plan.read_credentials_from_environment(&|_| false);
    let [a, b, c] = plan.document.deployments.as_slice() else { panic!("three deployments") };
    assert!(a.credential.is_none() && a.api_key_env.as_deref().unwrap().starts_with("SWITCHBOARD_SECRET_"));
    assert_eq!((a.headers[0].value_env.as_deref(), &a.headers[0].credential), (Some("TOKEN"), &None));
    assert_eq!(b.api_key_env.as_deref(), Some("AWS_BEARER_TOKEN_BEDROCK"));
    assert_eq!(b.secrets[1], ("aws_secret_access_key".to_owned(), "AWS_SECRET_ACCESS_KEY".to_owned()));
    assert_eq!(c.credential.as_deref(), Some("GOOGLE_APPLICATION_CREDENTIALS"), "nobody else fetches tokens");
    let names: Vec<_> = plan.variables.iter().map(|variable| variable.name.as_str()).collect();
    for name in
        ["TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_BEARER_TOKEN_BEDROCK", a.api_key_env.as_deref().unwrap()]
    {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert_eq!(plan.credentials.len(), 1);
}

#[test]
fn a_named_credential_fills_in_what_its_entries_do_not_say() {
    let list = "
credential_list:
  - credential_name: shared
    credential_values: {api_key: os.environ/SHARED, api_base: 'https://one.example/v1', organization: org}
    credential_info: {description: ours}
";
    let plan = with(
        &[
            ("a", "model: openai/m, litellm_credential_name: shared"),
            ("b", "model: openai/m, litellm_credential_name: shared, api_base: 'https://two.example'"),
        ],
        list,
    );
    let [a, b] = plan.document.deployments.as_slice() else { panic!("two deployments") };
    assert_eq!((a.credential.as_deref(), a.api_base.as_str()), (Some("SHARED"), "https://one.example/v1"));
    assert_eq!((b.credential.as_deref(), b.api_base.as_str()), (Some("SHARED"), "https://two.example"));
    let wrong = format!(
        "{list}model_list:\n- model_name: m\n  litellm_params: {{model: openai/m, litellm_credential_name: shard}}\n"
    );
    let (_, diagnostics) = compiled_with(&wrong, &[]);
    let told = diagnostics.iter().find(|told| told.severity == Severity::Error).unwrap().to_string();
    assert!(told.contains("'shard', which is not in credential_list"), "{told}");
    assert!(told.contains("did you mean 'shared'?"), "{told}");
}

#[test]
fn a_server_of_ones_own_needs_no_key_and_is_found_by_its_variable() {
    const ADDRESS: (&str, &str) = ("HOSTED_VLLM_API_BASE", "http://localhost:8000/v1");
    let config = "model_list:\n- model_name: m\n  litellm_params: {model: hosted_vllm/m}\n";
    let (plan, diagnostics) = compiled_with(config, &[ADDRESS]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let deployment = &plan.unwrap().document.deployments[0];
    assert_eq!(deployment.api_base, "http://localhost:8000/v1");
    assert_eq!(deployment.credential, None);
    let (plan, _) = compiled_with(config, &[ADDRESS, ("HOSTED_VLLM_API_KEY", "k")]);
    assert_eq!(plan.unwrap().document.deployments[0].credential.as_deref(), Some("HOSTED_VLLM_API_KEY"));
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
        let plan = plan.unwrap();
        let deployment = plan.document.deployments[0].clone();
        let made_from = made_from(&plan, deployment.credential.as_deref());
        (deployment, made_from)
    };
    let option = |deployment: &switchboard::config::Deployment, name: &str| {
        deployment.options.iter().find(|(option, _)| option == name).map(|(_, value)| value.clone())
    };
    let (usual, made_from_key) = deployment("", &[("AZURE_API_KEY", "k")]);
    assert_eq!(option(&usual, "api_version").as_deref(), Some("2025-02-01-preview"));
    assert_eq!(option(&usual, "base_model").as_deref(), Some("gpt-5.4"));
    assert_eq!(usual.credential.as_deref(), Some("AZURE_API_KEY"));
    assert!(made_from_key.starts_with("azure: api_key=$AZURE_API_KEY, "), "{made_from_key}");
    assert!(made_from_key.contains("client_secret=$AZURE_CLIENT_SECRET"), "{made_from_key}");
    let (dated, made_from_token) =
        deployment(", azure_ad_token: os.environ/TOKEN", &[("AZURE_API_VERSION", "v1"), ("TOKEN", "t")]);
    assert_eq!(option(&dated, "api_version").as_deref(), Some("v1"));
    assert_eq!(
        made_from_token,
        "azure: azure_ad_token=$TOKEN, tenant_id=$AZURE_TENANT_ID, client_id=$AZURE_CLIENT_ID, azure_scope=$AZURE_SCOPE"
    );
    let (_, application) = deployment(
        ", tenant_id: t, client_id: c, client_secret: os.environ/SECRET",
        &[("AZURE_API_KEY", "not this one"), ("SECRET", "s")],
    );
    assert!(
        application.starts_with("azure: tenant_id=t, client_id=c, client_secret=$SECRET"),
        "{application}"
    );
    assert!(!application.contains("AZURE_API_KEY") && !application.contains("machine"), "{application}");
    let (_, key) = deployment(", api_key: os.environ/MINE", &[("MINE", "k")]);
    assert_eq!(key, "key: api_key=$MINE");
}

#[test]
fn another_variable_has_the_key_where_the_usual_one_is_not_set() {
    let config = "model_list:\n- model_name: m\n  litellm_params: {model: together_ai/m}\n";
    let (plan, diagnostics) = compiled_with(config, &[("TOGETHERAI_API_KEY", "k")]);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let plan = plan.unwrap();
    let name = plan.document.deployments[0].credential.as_deref();
    assert_eq!(
        made_from(&plan, name),
        "key: api_key=$TOGETHER_API_KEY, api_key=$TOGETHER_AI_API_KEY, api_key=$TOGETHERAI_API_KEY, api_key=$TOGETHER_AI_TOKEN"
    );
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
    let credential = |params: &str| {
        let params = format!("model: bedrock/x, aws_region_name: us-east-1{params}");
        let plan = with(&[("m", &params)], "");
        made_from(&plan, plan.document.deployments[0].credential.as_deref())
    };
    const USUAL: &str = "aws_access_key_id=$AWS_ACCESS_KEY_ID, aws_secret_access_key=$AWS_SECRET_ACCESS_KEY, \
                         aws_session_token=$AWS_SESSION_TOKEN";
    const REGION: &str = "aws_region_name=us-east-1";
    assert_eq!(credential(""), format!("aws: api_key=$AWS_BEARER_TOKEN_BEDROCK, {USUAL}, {REGION}"));
    // A session token of the environment belongs to other keys than the entry's.
    assert_eq!(
        credential(", aws_access_key_id: os.environ/MY_ID, aws_secret_access_key: os.environ/MY_KEY"),
        format!("aws: aws_access_key_id=$MY_ID, aws_secret_access_key=$MY_KEY, {REGION}")
    );
    assert_eq!(credential(", api_key: os.environ/MY_BEARER"), format!("aws: api_key=$MY_BEARER, {REGION}"));
    // The environment's keys assume the role.
    assert_eq!(
        credential(", aws_role_name: r, aws_session_name: s"),
        format!("aws: aws_role_name=r, aws_session_name=s, {USUAL}, {REGION}")
    );
    assert_eq!(credential(", aws_profile_name: p"), format!("aws: aws_profile_name=p, {REGION}"));
}

#[test]
fn aws_may_have_credentials_that_no_variable_tells_of() {
    const ENTRY: &str =
        "model_list:\n- model_name: m\n  litellm_params: {model: bedrock/x, aws_region_name: us-east-1}\n";
    let warnings = |variables| format!("{:?}", compiled_with(ENTRY, variables).1);
    assert_eq!(warnings(&[]), "[]");
}

#[test]
fn accounts_of_google_go_to_the_key_service_and_not_to_the_filter() {
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
    assert_eq!(
        made_from(&plan, inline.credential.as_deref()),
        r#"google: vertex_credentials={"type": "hush"}"#
    );
    assert_eq!(usual.credential.as_deref(), Some("GOOGLE_APPLICATION_CREDENTIALS"));
    assert_eq!(made_from(&plan, own.credential.as_deref()), "key: api_key=a-token");
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
    assert_eq!(plan.document.deployments[0].credential.as_deref(), Some("KEY"));
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
        plan.database_url.as_ref().map(switchboard_compile::config::Secret::reveal),
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

#[test]
fn without_a_key_service_the_usual_variable_that_is_set_is_read() {
    for (set, expected) in [("CO_API_KEY", "CO_API_KEY"), ("", "COHERE_API_KEY")] {
        let mut plan = with(&[("a", "model: cohere/command-r")], "");
        plan.read_credentials_from_environment(&|name| name == set);
        assert_eq!(plan.document.deployments[0].api_key_env.as_deref(), Some(expected));
    }
}
