//! Whatever sensible file there is, it compiles, real Envoy takes it, and its secrets stay out of it.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{assert_valid, compiled_with, configuration, find_envoy, passing_filter, site};
use switchboard_compile::config::Severity;
use switchboard_compile::envoy::for_people;

/// Names with what YAML, header values, URLs and statistics mind.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}(-[a-z0-9.]{1,5})?",
        "[a-z]{1,6}/[a-z0-9:]{1,8}",
        "[a-z]{1,4} [ -~]{1,6}[a-z]",
        "[a-zäß漢🦀]{1,5}",
        Just("openai/*".to_owned()),
        Just("*".to_owned()),
    ]
    .prop_filter("a name holds at most one * and is not empty", |name| {
        name.matches('*').count() <= 1 && !name.trim().is_empty()
    })
}

fn base() -> impl Strategy<Value = Option<String>> {
    let host = prop_oneof!["[a-z]{1,8}\\.example", Just("127.0.0.1".to_owned()), Just("[::1]".to_owned())];
    prop::option::of((prop::bool::ANY, host, prop::option::of(1_u16..), "(/[a-z0-9]{1,5}){0,2}/?").prop_map(
        |(tls, host, port, path)| {
            let scheme = if tls { "https" } else { "http" };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}://{host}{port}{path}")
        },
    ))
}

/// A secret that nothing else in the file can look like.
fn secret() -> impl Strategy<Value = String> {
    "hidden-[A-Za-z0-9_-]{8,20}"
}

fn model() -> impl Strategy<Value = Value> {
    let provider = prop_oneof![Just("openai"), Just("anthropic")];
    let number = || {
        prop::option::of(prop_oneof![
            (0_u32..1_000_000).prop_map(Value::from),
            (0.0..10.0).prop_map(Value::from)
        ])
    };
    (
        name(),
        provider,
        base(),
        secret(),
        secret(),
        (number(), number(), number()),
        prop::option::of("[ -~]{0,20}"),
        (
            prop::option::of(0.001..604_800.0),
            prop::option::of(0.001..604_800.0),
            prop::option::of(1_u32..1_000_000),
        ),
    )
        .prop_map(|(name, provider, base, key, header, (weight, rpm, tpm), mock, timeouts)| {
            let mut params = json!({
                "model": format!("{provider}/{}", if name.contains('*') { "*" } else { "model" }),
                "api_key": key,
                "extra_headers": { "x-secret-header": header },
            });
            let optional = [
                ("api_base", base.map(Value::from)),
                ("weight", weight),
                ("rpm", rpm),
                ("tpm", tpm),
                ("timeout", timeouts.0.map(Value::from)),
                ("stream_timeout", timeouts.1.map(Value::from)),
                ("max_parallel_requests", timeouts.2.map(Value::from)),
                ("mock_response", mock.map(Value::from)),
            ];
            for (key, value) in optional {
                if let Some(value) = value {
                    params[key] = value;
                }
            }
            json!({ "model_name": name, "litellm_params": params })
        })
}

/// Every setting of the router, each there or not.
fn router() -> impl Strategy<Value = Value> {
    let strategies = [
        "simple-shuffle",
        "least-busy",
        "usage-based-routing",
        "usage-based-routing-v2",
        "latency-based-routing",
        "cost-based-routing",
        "lar1",
    ];
    let policy = || {
        let classes = [
            "BadRequestErrorRetries",
            "AuthenticationErrorRetries",
            "TimeoutErrorRetries",
            "RateLimitErrorRetries",
            "ContentPolicyViolationErrorRetries",
            "InternalServerErrorRetries",
        ];
        prop::collection::hash_map(prop::sample::select(classes.to_vec()), 0_u32..20, 0..6)
    };
    let allowed = || {
        let classes = ["BadRequest", "Authentication", "Timeout", "RateLimit", "InternalServer"];
        let classes = classes.map(|class| format!("{class}ErrorAllowedFails"));
        prop::collection::hash_map(prop::sample::select(classes.to_vec()), 0_u32..200, 0..5)
    };
    let some = prop::option::of::<BoxedStrategy<Value>>;
    let seconds = || (0.001..604_800.0).prop_map(Value::from).boxed();
    let settings = vec![
        ("routing_strategy", some(prop::sample::select(strategies.to_vec()).prop_map(Value::from).boxed())),
        ("num_retries", some((0_u32..=100).prop_map(Value::from).boxed())),
        ("max_fallbacks", some((0_u32..=100).prop_map(Value::from).boxed())),
        ("timeout", some(seconds())),
        ("stream_timeout", some(seconds())),
        ("cooldown_time", some(seconds())),
        ("retry_after", some((0.0..1000.0).prop_map(Value::from).boxed())),
        ("allowed_fails", some((0_u32..=1_000_000).prop_map(Value::from).boxed())),
        ("disable_cooldowns", some(any::<bool>().prop_map(Value::from).boxed())),
        ("allowed_fails_policy", some(allowed().prop_map(|policy| json!(policy)).boxed())),
        ("retry_policy", some(policy().prop_map(|policy| json!(policy)).boxed())),
        ("model_group_retry_policy", some(policy().prop_map(|policy| json!({ "group": policy })).boxed())),
    ];
    let settings = settings.into_iter().map(|(name, value)| value.prop_map(move |value| (name, value)));
    settings.collect::<Vec<_>>().prop_map(|settings| {
        json!(
            settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect::<BTreeMap<_, _>>()
        )
    })
}

fn file() -> impl Strategy<Value = Value> {
    (prop::collection::vec(model(), 0..8), secret(), router(), 0.01..64.0, any::<u64>()).prop_map(
        |(models, master_key, mut router, body, seed)| {
            let checks = seed >> 17 & 1 == 1;
            let names: Vec<_> = models.iter().map(|model| model["model_name"].clone()).collect();
            let pick = |i: u64| names.get(usize::try_from((seed >> i) % 8).unwrap()).cloned();
            if let (Some(from), Some(first), Some(second)) = (pick(0), pick(5), pick(9)) {
                let from = from.as_str().unwrap().to_owned();
                for kind in ["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"] {
                    router[kind] = json!([{ from.clone(): [first, second] }]);
                }
            }
            if let Some(group) = pick(13) {
                router["model_group_alias"] = json!({ "alias": group });
                router["default_fallbacks"] = json!([group]);
            }
            json!({
                "model_list": models,
                "router_settings": router,
                "general_settings": { "master_key": master_key, "max_request_size_mb": body,
                                      "background_health_checks": checks, "enable_health_check_routing": checks,
                                      "health_check_interval": body },
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sensible_file_compiles_and_envoy_takes_what_is_rendered(file in file()) {
        let folder = tempfile::tempdir().unwrap();
        // JSON is YAML.
        let (plan, diagnostics) = compiled_with(&file.to_string(), &[]);
        let errors: Vec<_> = diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        prop_assert!(errors.is_empty(), "{errors:?}");
        let plan = plan.unwrap();
        let site = site(&passing_filter(folder.path()));
        let up = configuration(&plan, &site);
        let people = for_people(&plan, &site).unwrap();
        for text in [&up, &people, &format!("{diagnostics:?}")] {
            prop_assert!(!text.contains("hidden-"), "{text}");
        }
        if let Some(envoy) = find_envoy() {
            assert_valid(&envoy, folder.path(), "up.json", &up);
            assert_valid(&envoy, folder.path(), "people.yaml", &people);
        }
    }

    #[test]
    fn no_text_whatever_makes_the_reader_panic(text in "[ -~\n]{0,200}") {
        let _ = compiled_with(&text, &[]);
    }

    #[test]
    fn no_nesting_whatever_makes_the_reader_panic(
        keys in prop::collection::vec(
            prop_oneof![
                Just("model_list"), Just("litellm_params"), Just("router_settings"), Just("fallbacks"),
                Just("general_settings"), Just("environment_variables"), Just("model_group_alias"), Just("extra_headers"),
            ],
            0..6,
        ),
        as_list in any::<u8>(),
        leaf in prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!("x")), Just(json!([])), Just(json!({})), Just(json!(true))],
    ) {
        let mut value = leaf;
        for (i, key) in keys.iter().enumerate() {
            value = json!({ *key: value });
            if as_list >> i & 1 == 1 {
                value = json!([value]);
            }
        }
        let _ = compiled_with(&value.to_string(), &[]);
    }
}
