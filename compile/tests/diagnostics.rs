//! What a file with mistakes is told: each with its line, and with what to do.

mod support;

use support::{compiled_with, diagnostics};
use switchboard::price_map::PriceMap;
use switchboard_compile::config::{Report, parse_with};
use switchboard_compile::plan::{Environment, compile};

/// Checks what is printed of a file, in an environment without variables.
macro_rules! told {
    ($($sentence:ident: $file:literal => $told:literal)*) => {
        $(
            #[test]
            fn $sentence() {
                assert_eq!(diagnostics($file), $told);
            }
        )*
    };
}

told! {
    a_good_file_is_told_nothing:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k}\n" => ""

    an_empty_file_has_no_models:
        "" => "config.yaml: warning: model_list is missing, so no models are available\n  \
               help: add `model_list:` with one entry per model"

    a_file_that_is_not_yaml_is_told_where_it_breaks:
        "model_list:\n- model_name: [x\n" =>
        "config.yaml:2:15: error: not valid YAML: unclosed bracket '['"

    a_file_that_is_a_list_is_told_so:
        "- a\n" => "config.yaml:1:1: error: the file must be a mapping, found a list"

    a_misspelt_provider_is_suggested:
        "model_list:\n- model_name: m\n  litellm_params:\n    model: opnai/gpt-4o\n    api_key: k\n" =>
        "config.yaml:4:12: error: unknown provider 'opnai' in model 'opnai/gpt-4o'\n  help: did you mean 'openai'?"

    a_header_that_names_no_end_user_is_a_warning:
        "model_list: []\ngeneral_settings:\n  user_header_mappings:\n  - {header_name: x-user, litellm_user_role: internal_user}\n" =>
        "config.yaml:4:46: warning: general_settings.user_header_mappings[0].litellm_user_role 'internal_user' is not supported; the mapping has no effect\n  \
         help: only customer is: the header names the end user"

    a_range_of_addresses_is_no_address:
        "model_list: []\ngeneral_settings: {allowed_ips: [10.0.0.1, 10.0.0.0/8]}\n" =>
        "config.yaml:2:44: error: general_settings.allowed_ips must be addresses such as 192.0.2.1, found '10.0.0.0/8'\n  \
         help: restrict ranges with a network policy or in Envoy"

    a_header_needs_a_name_and_a_role:
        "model_list: []\ngeneral_settings:\n  user_header_mappings:\n  - {header_name: x-user}\n" =>
        "config.yaml:4:5: error: general_settings.user_header_mappings[0] needs header_name and litellm_user_role"

    a_header_of_end_users_has_the_name_of_a_header:
        "model_list: []\ngeneral_settings: {user_header_name: 'x user'}\n" =>
        "config.yaml:2:38: error: general_settings.user_header_name is not a valid header name"

    a_misspelt_custom_provider_is_suggested:
        "model_list:\n- model_name: m\n  litellm_params: {model: m, custom_llm_provider: antropic, api_key: k}\n" =>
        "config.yaml:3:51: error: unknown provider 'antropic'\n  help: did you mean 'anthropic'?"

    a_model_without_a_provider_is_told_how_to_write_it:
        "model_list:\n- model_name: m\n  litellm_params: {model: my-model, api_key: k}\n" =>
        "config.yaml:3:27: warning: model 'my-model' does not name a provider; this entry is ignored\n  \
         help: write provider/my-model, for example openai/my-model"

    a_provider_without_a_model_is_a_warning:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/, api_key: k}\n" =>
        "config.yaml:3:27: warning: 'openai/' names a provider, but no model; this entry is ignored\n  \
         help: write openai/MODEL"

    every_provider_for_every_name_needs_a_key:
        "model_list:\n- model_name: '*'\n  litellm_params: {model: '*'}\n" =>
        "config.yaml:3:27: warning: no provider key is set in the environment; this entry is ignored\n  \
         help: set a key such as OPENAI_API_KEY to serve all models of that provider"

    a_provider_of_litellm_that_is_not_served_is_a_warning:
        "model_list:\n- model_name: m\n  litellm_params: {model: replicate/meta/llama, api_key: k}\n" =>
        "config.yaml:3:27: warning: provider 'replicate' is not supported; this entry is ignored\n  \
         help: for an OpenAI-compatible server, use openai/… with its api_base"

    a_deployment_without_an_address_is_a_warning:
        "model_list:\n- model_name: m\n  litellm_params: {model: azure/gpt, api_key: k}\n" =>
        "config.yaml:3:19: warning: model_list[0].litellm_params.api_base is missing, and azure has no default; \
         this entry is ignored\n  help: add `api_base:` with the URL of your azure server"

    what_extra_body_may_not_say_is_warned_of:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, extra_body: {n: 3, top_k: 1}}\n" =>
        "config.yaml:3:19: warning: model_list[0].litellm_params.extra_body.n has no effect\n  \
         help: move `n:` from extra_body to litellm_params"

    what_no_request_can_do_without_is_not_dropped:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, additional_drop_params: [messages]}\n" =>
        "config.yaml:3:74: warning: model_list[0].litellm_params.additional_drop_params contains 'messages', which is \
         never dropped"

    booleans_may_be_quoted:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, drop_params: 'True'}\n" => ""

    a_missing_name_and_a_missing_model_are_told_at_once:
        "model_list:\n- litellm_params: {api_key: k}\n- model_name: m\n" =>
        "config.yaml:2:3: error: model_list[0].model_name is missing\n  \
         help: add `model_name:` with the name that clients use\n\
         config.yaml:2:19: error: model_list[0].litellm_params.model is missing\n  \
         help: add `model:` with `provider/model`, for example openai/gpt-4o\n\
         config.yaml:3:3: error: model_list[1].litellm_params is missing\n  \
         help: add `litellm_params:` with at least `model: provider/model`"

    wrong_types_are_told_by_path_and_place:
        "model_list:\n- model_name: [m]\n  litellm_params: text\nrouter_settings:\n  num_retries: many\n  fallbacks: a\n" =>
        "config.yaml:2:15: error: model_list[0].model_name must be text, found a list\n\
         config.yaml:3:19: error: model_list[0].litellm_params must be a mapping, found text\n\
         config.yaml:5:16: error: router_settings.num_retries must be a number, found text\n\
         config.yaml:6:14: error: router_settings.fallbacks must be a list, found text"

    numbers_outside_their_range_are_refused:
        "model_list: []\nrouter_settings: {num_retries: 1.5, timeout: 0}\ngeneral_settings: {max_request_size_mb: 5000}\nlitellm_settings: {request_timeout: -1}\n" =>
        "config.yaml:2:32: error: router_settings.num_retries must be an integer from 0 to 100, found 1.5\n\
         config.yaml:2:46: error: router_settings.timeout must be from 0.001 to 604800 seconds\n\
         config.yaml:3:41: error: general_settings.max_request_size_mb must be above 0 and at most 1024\n\
         config.yaml:4:37: error: litellm_settings.request_timeout must not be negative, found -1"

    a_retention_is_a_number_and_a_unit:
        "model_list: []\ngeneral_settings: {maximum_spend_logs_retention_period: soon}\n" =>
        "config.yaml:2:57: error: general_settings.maximum_spend_logs_retention_period must be a duration such as 30d or 12h, found 'soon'\n  \
         help: units: s, m, h, d, w, mo"

    an_unknown_key_is_warned_of_with_the_nearest_known_one:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, api_bse: 'http://x'}\nrouter_setings: {}\n" =>
        "config.yaml:3:49: warning: unknown setting model_list[0].litellm_params.api_bse has no effect\n  \
         help: did you mean 'api_base'?\n\
         config.yaml:4:1: warning: unknown setting router_setings has no effect\n  \
         help: did you mean 'router_settings'?"

    what_litellm_knows_and_we_do_not_is_warned_of_by_its_path:
        "model_list: []\nlitellm_settings:\n  callbacks: [prometheus, langfuse]\nguardrails: []\n" =>
        "config.yaml:3:27: warning: litellm_settings.callbacks: callback 'langfuse' is not supported and has no effect\n  \
         help: use \"otel\" with a collector that exports to it\n\
         config.yaml:4:1: warning: guardrails is not supported and has no effect\n  \
         help: custom code is not supported: no guardrails, rules, hooks or prompt stores"

    what_no_provider_is_told_is_warned_of_with_what_to_do_instead:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, project: p-1}\n" =>
        "config.yaml:3:49: warning: model_list[0].litellm_params.project is not supported and has no effect\n  \
         help: set the header openai-project in extra_headers"

    traces_without_a_collector_are_warned_of:
        "model_list: []\nlitellm_settings:\n  callbacks: [otel]\n" =>
        "config.yaml:3:15: warning: tracing is disabled: the callback 'otel' needs a collector\n  \
         help: set OTEL_EXPORTER_OTLP_ENDPOINT, for example to http://127.0.0.1:4318"

    a_base_url_without_a_scheme_is_refused:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, api_base: api.x.com}\n" =>
        "config.yaml:3:59: error: model_list[0].litellm_params.api_base must start with http:// or https://\n  \
         help: expected scheme://host[:port][/prefix], for example https://api.openai.com/v1"

    a_password_in_a_base_url_is_refused_and_not_repeated:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, api_base: 'https://u:pass@x'}\n" =>
        "config.yaml:3:59: error: model_list[0].litellm_params.api_base contains a user name or password; use \
         api_key or extra_headers instead\n  help: expected scheme://host[:port][/prefix], for example https://api.openai.com/v1"

    a_variable_that_is_not_set_is_a_warning:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: os.environ/NOT_SET}\n" =>
        "config.yaml:3:46: warning: model_list[0].litellm_params.api_key refers to NOT_SET, which is not set\n  \
         help: set NOT_SET in the environment"

    a_deployment_without_a_key_is_warned_of:
        "model_list:\n- model_name: m\n  litellm_params: {model: claude-sonnet-4-5}\n" =>
        "config.yaml:3:19: warning: model_list[0] has no api_key, and ANTHROPIC_API_KEY is not set; its requests \
         will fail\n  help: set ANTHROPIC_API_KEY, or add `api_key: os.environ/NAME`"

    two_stars_in_a_name_are_not_served:
        "model_list:\n- model_name: a/*/*\n  litellm_params: {model: openai/*, api_key: k}\n" =>
        "config.yaml:2:15: warning: 'a/*/*' contains more than one *; this entry is ignored\n  help: a name may contain one *, for example openai/*"

    a_star_that_nothing_fills_is_refused:
        "model_list:\n- model_name: a\n  litellm_params: {model: openai/*, api_key: k}\n" =>
        "config.yaml:3:27: error: model 'openai/*' contains a *, but model_name does not\n  help: the text matched \
         by the * in model_name replaces it, as in `model_name: openai/*` with `model: openai/*`"

    an_id_names_one_deployment:
        "model_list:\n- &one\n  model_name: a\n  litellm_params: {model: openai/a, api_key: k}\n  model_info: {id: x}\n- *one\n" =>
        "config.yaml:6:3: error: model_list[1].model_info.id is a duplicate of 'x' in model_list[0]\n  \
         help: use a different id for each deployment"

    fallbacks_and_aliases_that_lead_nowhere_are_warned_of:
        "model_list:\n- model_name: main\n  litellm_params: {model: openai/a, api_key: k}\nrouter_settings:\n  fallbacks:\n  - main: [mian]\n  - nobody: [main]\n  model_group_alias: {x: mainn}\n" =>
        "config.yaml:6:12: warning: fallback 'mian' is not a model_name and has no effect\n  help: did you mean 'main'?\n\
         config.yaml:7:5: warning: fallback 'nobody' is not a model_name and has no effect\n\
         config.yaml:8:26: warning: alias 'x' refers to 'mainn', which is not a model_name\n  \
         help: did you mean 'main'?"

    a_strategy_of_litellm_that_is_not_supported_is_a_warning:
        "model_list: []\nrouter_settings: {routing_strategy: lar1}\n" =>
        "config.yaml:2:37: warning: routing strategy 'lar1' is not supported; using simple-shuffle"

    an_unknown_strategy_is_an_error:
        "model_list: []\nrouter_settings: {routing_strategy: simple-shufle}\n" =>
        "config.yaml:2:37: error: unknown routing strategy 'simple-shufle'\n  help: did you mean 'simple-shuffle'?"

    the_master_key_of_the_examples_is_refused:
        "model_list: []\ngeneral_settings: {master_key: sk-1234}\n" =>
        "config.yaml:2:32: error: general_settings.master_key is the key from LiteLLM's examples, which is easy to \
         guess\n  help: use `sk-` and a long random text (`openssl rand -hex 24`), or remove it: `switchboard up` then \
         generates a key"

    an_empty_master_key_is_refused:
        "model_list: []\ngeneral_settings: {master_key: ''}\n" =>
        "config.yaml:2:32: error: general_settings.master_key is empty\n  help: use `sk-` and a long random text \
         (`openssl rand -hex 24`), or remove it: `switchboard up` then generates a key"

    a_weak_master_key_can_be_insisted_on:
        "model_list: []\ngeneral_settings: {master_key: sk-1234, dangerously_permit_weak_or_unset_master_key: true}\n" => ""

    a_header_that_is_none_is_refused:
        "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k, extra_headers: {'a b': c}}\n" =>
        "config.yaml:3:65: error: model_list[0].litellm_params.extra_headers.a b is not a valid HTTP header"
}

#[test]
fn the_master_key_of_the_examples_is_refused_from_the_environment_too() {
    let (_, diagnostics) = compiled_with("model_list: []\n", &[("LITELLM_MASTER_KEY", "sk-1234")]);
    assert!(diagnostics[0].to_string().starts_with("config.yaml: error: LITELLM_MASTER_KEY is the key from"));
}

#[test]
fn no_diagnostic_repeats_a_secret() {
    let file = "model_list:\n- model_name: m\n  litellm_params: {model: opnai/m, api_key: sk-secret-1, weight: sk-secret-2}\n\
                general_settings: {master_key: [sk-secret-3], master_kye: sk-secret-4}\n";
    let told = diagnostics(file);
    assert!(told.lines().count() >= 4, "{told}");
    assert!(!told.contains("secret"), "{told}");
}

/// Every diagnostic of a file and those that it may include.
fn told_of(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let report = Report::new("etc/config.yaml");
    let find = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let text = find("config.yaml").unwrap();
    let mut read = |path: &str| find(path).ok_or_else(|| "No such file".to_owned());
    let config = parse_with(&text, &report, &mut read).unwrap();
    let names = config.models.into_iter().map(|model| model.name.value).collect();
    (names, report.into_diagnostics().iter().map(ToString::to_string).collect())
}

const MODEL: &str = "model_list: [{model_name: one, litellm_params: {model: openai/m, api_key: k}}]\n";

#[test]
fn lists_of_included_files_are_appended_and_other_settings_replace_those_before() {
    let main = format!("include: [a.yaml, sub/b.yaml]\nrouter_settings: {{num_retries: 1}}\n{MODEL}");
    let a = format!("{}include: [c.yaml]\n", MODEL.replace("one", "two"));
    let b = "router_settings: {num_retries: 2}\n";
    let c = MODEL.replace("one", "three");
    let (names, told) = told_of(&[("config.yaml", &main), ("a.yaml", &a), ("sub/b.yaml", b), ("c.yaml", &c)]);
    assert_eq!(names, ["one", "two", "three"]);
    assert_eq!(
        told,
        [
            "etc/sub/b.yaml:1:1: warning: router_settings replaces that of the file which includes this one\n  \
          help: keep it in one of the files"
        ]
    );
}

#[test]
fn a_mistake_in_an_included_file_is_told_with_its_file_and_line() {
    let main = "include: [a.yaml]\n";
    let a = format!("# models\n{}", MODEL.replace("openai", "opnai"));
    let report = Report::new("etc/config.yaml");
    let mut read = |_: &str| Ok(a.clone());
    let config = parse_with(main, &report, &mut read).unwrap();
    let environment = Environment::new(&config.environment, |_| None);
    compile(&config, &environment, &PriceMap::built_in(), &report);
    let told = report.into_diagnostics().remove(0).to_string();
    assert!(told.starts_with("etc/a.yaml:2:56: error: unknown provider 'opnai'"), "{told}");
}

#[test]
fn what_cannot_be_included_is_told_where_it_is_named() {
    for (main, a, expected) in [
        ("include: [gone.yaml]\n", "", "etc/config.yaml:1:11: error: cannot include gone.yaml: No such file"),
        (
            "include: a.yaml\n",
            "",
            "etc/config.yaml:1:10: error: include must be a list of file paths, found text",
        ),
        (
            "include: [7]\n",
            "",
            "etc/config.yaml:1:11: error: include must be a list of file paths, found a number",
        ),
        ("include: [a.yaml]\n", "- 1\n", "etc/a.yaml:1:1: error: the file must be a mapping, found a list"),
        ("include: [a.yaml]\n", "\na: [\n", "etc/a.yaml:2:4: error: not valid YAML"),
        ("include: [a.yaml]\n", "include: [a.yaml]\n", "etc/a.yaml:1:11: error: a.yaml is included twice"),
    ] {
        let main = format!("{main}{MODEL}");
        let (_, told) = told_of(&[("config.yaml", &main), ("a.yaml", a)]);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
    }
}

#[test]
fn what_only_a_key_service_elsewhere_reads_is_not_missing() {
    let text = "\
model_list:
  - {model_name: a, litellm_params: {model: openai/a}}
  - {model_name: b, litellm_params: {model: openai/b, api_key: os.environ/B_KEY, api_base: os.environ/B_BASE}}
  - {model_name: c, litellm_params: {model: azure/c, api_key: C}}
general_settings: {database_url: os.environ/B_DATABASE, master_key: os.environ/B_MASTER}
";
    let told = |is_elsewhere: bool| {
        let report = Report::new("config.yaml");
        let config = parse_with(text, &report, &mut |_| Err(String::new())).unwrap();
        let environment = Environment::new(&config.environment, |_| None);
        let environment = if is_elsewhere { environment.without_key_service() } else { environment };
        compile(&config, &environment, &PriceMap::built_in(), &report);
        let told: Vec<String> = report.into_diagnostics().iter().map(ToString::to_string).collect();
        told.join("\n")
    };
    for name in ["OPENAI_API_KEY", "azure has no default", "B_KEY", "B_BASE", "B_DATABASE", "B_MASTER"] {
        assert!(told(false).contains(name), "{name}: {}", told(false));
        assert_eq!(told(true).contains(name), name == "B_MASTER", "{name}: {}", told(true));
    }
}
