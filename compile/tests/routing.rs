//! What `router_settings` mean in Envoy's clusters and in the filter's document.

mod support;

use std::path::Path;

use serde_json::Value;
use support::{configuration, diagnostics, endpoints, plan, site, with};
use switchboard_compile::plan::{Balancing, Plan};

#[test]
fn weights_count_before_rpm_and_rpm_before_tpm() {
    let weighted = with(
        &[("g", "model: openai/a, weight: 3, rpm: 1"), ("g", "model: openai/b, weight: 1, rpm: 100")],
        "",
    );
    assert_eq!(endpoints(&weighted, "g"), [[("a", Some(3)), ("b", Some(1))]]);
    let requests = with(&[("g", "model: openai/a, rpm: 6, tpm: 9"), ("g", "model: openai/b, rpm: 2")], "");
    assert_eq!(endpoints(&requests, "g"), [[("a", Some(6)), ("b", Some(2))]]);
    let tokens = with(&[("g", "model: openai/a, tpm: 1000000"), ("g", "model: openai/b, tpm: 250000")], "");
    assert_eq!(endpoints(&tokens, "g"), [[("a", Some(10_000)), ("b", Some(2_500))]]);
    let equal = with(&[("g", "model: openai/a"), ("g", "model: openai/b")], "");
    assert_eq!(endpoints(&equal, "g"), [[("a", None), ("b", None)]]);
    let fractions = with(&[("g", "model: openai/a, weight: 0.9"), ("g", "model: openai/b, weight: 0.1")], "");
    assert_eq!(endpoints(&fractions, "g"), [[("a", Some(10_000)), ("b", Some(1_111))]]);
}

#[test]
fn a_deployment_without_a_share_is_only_tried_after_those_with_one() {
    let plan = with(&[("g", "model: openai/a"), ("g", "model: openai/b, weight: 1")], "");
    assert_eq!(endpoints(&plan, "g"), [[("b", Some(1))], [("a", None)]]);
    assert!(plan.document.groups[0].has_spares);
}

#[test]
fn a_group_is_told_its_fallbacks_in_their_order() {
    let models = [("a", "model: openai/a"), ("b", "model: openai/b"), ("c", "model: anthropic/c")];
    let rest = "router_settings:\n  fallbacks: [{a: [cc, b]}]\n  default_fallbacks: [a]\n  model_group_alias: {cc: c}\n";
    let plan = with(&models, rest);
    let told: Vec<_> = plan.document.groups.iter().map(|group| group.fallbacks.clone()).collect();
    // Without a list of its own a group has the default one; never itself.
    assert_eq!(told, [vec!["c", "b"], vec!["a"], vec!["a"]]);
    assert_eq!(endpoints(&plan, "a"), [[("a", None)]], "a cluster holds its own deployments only");
    assert_eq!(plan.document.settings.max_fallbacks, 5);
    let plan = with(&models, "router_settings: {fallbacks: [{a: [b, c]}], max_fallbacks: 1}\n");
    assert_eq!(plan.document.settings.max_fallbacks, 1);
}

#[test]
fn a_list_for_a_class_of_errors_anywhere_means_that_others_have_none() {
    let models = [("a", "model: openai/a"), ("b", "model: openai/b")];
    let plan =
        with(&models, "router_settings: {context_window_fallbacks: [{a: [b]}], fallbacks: [{b: [a]}]}\n");
    let windows: Vec<_> =
        plan.document.groups.iter().map(|group| group.context_window_fallbacks.clone()).collect();
    assert_eq!(windows, [Some(vec!["b".to_owned()]), Some(vec![])]);
    assert!(plan.document.groups.iter().all(|group| group.content_policy_fallbacks.is_none()));
}

#[test]
fn retries_may_differ_by_class_and_by_group() {
    let models = [("a", "model: openai/a"), ("b", "model: openai/b")];
    let rest = "router_settings:\n  retry_policy: {RateLimitErrorRetries: 7, TimeoutErrorRetries: 1}\n  \
                model_group_retry_policy: {b: {InternalServerErrorRetries: 0}}\n";
    let plan = with(&models, rest);
    let [a, b] = [0, 1].map(|i| plan.document.groups[i].retry_policy);
    assert_eq!((a.rate_limit, a.timeout, a.internal_server), (Some(7), Some(1), None));
    assert_eq!((b.rate_limit, b.internal_server), (None, Some(0)));
    assert_eq!(plan.document.settings.most_retries, 7, "there is a route for as many");
}

#[test]
fn who_has_somebody_to_stand_in_cools_down() {
    let models = [("a", "model: openai/a"), ("pair", "model: openai/b"), ("pair", "model: openai/c")];
    let cooldowns = |rest: &str| {
        let plan = with(&models, rest);
        plan.clusters
            .iter()
            .filter(|cluster| cluster.name.starts_with("group:"))
            .map(|cluster| cluster.cooldown.as_ref().map(|c| (c.failures, c.time.as_secs_f64())))
            .collect::<Vec<_>>()
    };
    assert_eq!(cooldowns(""), [None, Some((4, 5.0))]);
    assert_eq!(
        cooldowns("router_settings: {allowed_fails: 0, cooldown_time: 0.5, fallbacks: [{a: [pair]}]}\n"),
        [Some((1, 0.5)), Some((1, 0.5))]
    );
    assert_eq!(cooldowns("router_settings: {disable_cooldowns: true}\n"), [None, None]);
}

#[test]
fn time_outs_of_deployments_are_their_groups_the_longest_counts() {
    let models = [
        ("a", "model: openai/a, timeout: 3, stream_timeout: 1.5"),
        ("b", "model: openai/b, timeout: 3"),
        ("b", "model: openai/c"),
        ("c", "model: openai/d"),
    ];
    let times = |rest: &str| {
        let plan = with(&models, rest);
        let whole = plan.document.groups.iter().filter(|group| group.part_of.is_none());
        whole.map(|group| (group.timeout_ms, group.stream_timeout_ms)).collect::<Vec<_>>()
    };
    assert_eq!(times(""), [(Some(3000), Some(1500)), (Some(600_000), None), (None, None)]);
    assert_eq!(
        times("router_settings: {timeout: 20, stream_timeout: 5}\n"),
        [(Some(3000), Some(1500)), (Some(20_000), Some(5000)), (None, Some(5000))]
    );
}

#[test]
fn deployments_that_keep_responses_are_addressed_alone_where_they_are_not() {
    let azure = "model: azure/a, api_base: \"https://a.openai.azure.com\", api_version";
    let (kept, dated) = (format!("{azure}: v1"), format!("{azure}: 2024-10-21"));
    let models = [
        ("one", "model: openai/a"),
        ("pair", "model: openai/b, timeout: 3, max_parallel_requests: 5"),
        ("pair", kept.as_str()),
        ("pair", dated.as_str()),
        ("pair", "model: anthropic/c"),
        ("pair", "model: openai/d, api_base: \"http://vllm:8000/v1\""),
        ("wild-*", "model: openai/*"),
        ("wild-*", "model: openai/e-*"),
    ];
    let plan =
        with(&models, "router_settings: {model_group_retry_policy: {pair: {RateLimitErrorRetries: 4}}}\n");
    let parts: Vec<_> = plan.document.groups.iter().filter(|group| group.part_of.is_some()).collect();
    let [openai, azure] = parts[..] else { panic!("{parts:?}") };
    assert_eq!(endpoints(&plan, &openai.name), [[("b", None)]]);
    assert_eq!(endpoints(&plan, &azure.name), [[("a", None)]]);
    for part in parts {
        assert_eq!(part.part_of.as_deref(), Some("pair"));
        assert_eq!(part.retry_policy.rate_limit, Some(4), "as in its group");
        let cluster = plan.clusters.iter().find(|cluster| cluster.name == part.cluster).expect("a cluster");
        assert!(cluster.cooldown.is_none(), "nothing else has its responses");
    }
    assert_eq!((openai.timeout_ms, azure.timeout_ms), (Some(3000), None));
}

#[test]
fn router_settings_win_over_litellm_settings() {
    let models = [("a", "model: openai/a"), ("b", "model: openai/b")];
    let lower = "litellm_settings: {num_retries: 5, request_timeout: 7, fallbacks: [{a: [b]}], drop_params: true, \
         budget_exceeded_status_code: 429}\n";
    let plan = with(&models, lower);
    assert_eq!((plan.num_retries, plan.timeout.as_secs(), plan.document.settings.num_retries), (5, 7, 5));
    assert!(plan.document.settings.drop_params);
    assert_eq!(plan.document.settings.budget_exceeded_status_code, Some(429));
    assert_eq!(plan.document.groups[0].fallbacks, ["b"]);
    let plan =
        with(&models, &format!("{lower}router_settings: {{num_retries: 1, timeout: 3, fallbacks: []}}\n"));
    assert_eq!((plan.num_retries, plan.timeout.as_secs()), (1, 3));
    assert!(plan.document.groups[0].fallbacks.is_empty());
    let plan = with(&models, "");
    assert_eq!((plan.num_retries, plan.timeout.as_secs(), plan.body_limit), (2, 600, 50 << 20));
}

#[test]
fn strategies_are_envoys_nearest_policy() {
    let models = [("a", "model: openai/a, rpm: 6"), ("a", "model: openai/b, rpm: 2")];
    for (strategy, balancing, weights) in [
        ("simple-shuffle", Balancing::RoundRobin, [Some(6), Some(2)]),
        ("least-busy", Balancing::LeastRequest, [None, None]),
        ("latency-based-routing", Balancing::LeastRequest, [None, None]),
        ("usage-based-routing", Balancing::LeastRequest, [Some(6), Some(2)]),
        ("usage-based-routing-v2", Balancing::LeastRequest, [Some(6), Some(2)]),
    ] {
        let plan = with(&models, &format!("router_settings: {{routing_strategy: {strategy}}}\n"));
        assert_eq!(plan.clusters[0].balancing, balancing, "{strategy}");
        assert_eq!(endpoints(&plan, "a"), [[("a", weights[0]), ("b", weights[1])]], "{strategy}");
    }
}

/// The cluster of the first group, as Envoy gets it.
fn cluster(plan: &Plan) -> Value {
    let mut all: Value = serde_json::from_str(&configuration(plan, &site(Path::new("x.wasm")))).unwrap();
    all["static_resources"]["clusters"][0].take()
}

#[test]
fn the_cheapest_deployments_are_asked_first_and_those_of_an_unknown_price_last() {
    let models = [
        ("g", "model: openai/dear, input_cost_per_token: 3e-6, output_cost_per_token: 9e-6"),
        ("g", "model: openai/unknown"),
        ("g", "model: openai/cheap, input_cost_per_token: 2e-6, output_cost_per_token: 3e-6"),
        ("g", "model: openai/as-cheap, input_cost_per_token: 1e-6, output_cost_per_token: 4e-6, weight: 7"),
    ];
    let plan = with(&models, "router_settings: {routing_strategy: cost-based-routing}\n");
    let asked = endpoints(&plan, "g");
    assert_eq!(asked[0], [("cheap", None), ("as-cheap", None)], "weights are not what counts");
    assert_eq!(asked[1], [("dear", None), ("unknown", None)]);
    assert!(plan.document.groups[0].has_spares);
    let alike = with(&models[1..2], "router_settings: {routing_strategy: cost-based-routing}\n");
    assert_eq!(endpoints(&alike, "g"), [[("unknown", None)]]);
}

#[test]
fn failures_may_be_allowed_by_class() {
    let pair = [("g", "model: openai/a"), ("g", "model: openai/b")];
    let rest = |settings: &str| {
        let plan = with(&pair, &format!("router_settings: {{{settings}}}\n"));
        plan.clusters[0].cooldown.clone().unwrap()
    };
    let usual = rest("allowed_fails: 7");
    assert_eq!(
        (usual.failures, usual.unanswered, &usual.statuses[..]),
        (8, None, &[429..=429, 500..=599][..])
    );
    let policy = rest(
        "allowed_fails: 7, allowed_fails_policy: {AuthenticationErrorAllowedFails: 0, TimeoutErrorAllowedFails: 2, \
         RateLimitErrorAllowedFails: 1000}",
    );
    assert_eq!((policy.failures, policy.unanswered), (1, Some(3)));
    assert_eq!(policy.statuses, [401..=401, 403..=403, 500..=599], "a thousand is never");
    assert_eq!(
        rest("allowed_fails: 5000").statuses,
        [429..=429, 500..=599],
        "who says nothing else means it"
    );
    let told = diagnostics(
        "model_list: []\nrouter_settings: {allowed_fails_policy: {ContentPolicyViolationErrorAllowedFails: 1}}\n",
    );
    assert!(told.contains("ContentPolicyViolationErrorAllowedFails is not supported"), "{told}");
}

#[test]
fn envoy_is_told_which_failures_count_and_for_what() {
    let pair = [("g", "model: openai/a"), ("g", "model: openai/b")];
    let rest = "router_settings: {allowed_fails_policy: {TimeoutErrorAllowedFails: 1, BadRequestErrorAllowedFails: 4}}\n";
    let cluster = cluster(&with(&pair, rest));
    let detection = &cluster["outlier_detection"];
    assert_eq!(detection["consecutive_5xx"], 4, "the smallest number: what 429 and 5xx are usually allowed");
    assert_eq!(detection["consecutive_local_origin_failure"], 2);
    assert_eq!(detection["split_external_local_origin_errors"], true);
    let options = &cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
    let rules = options["outlier_detection"]["error_matcher"]["or_match"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 5, "400, 404, 422, 429, 500 and above: {rules:?}");
}

#[test]
fn deployments_are_checked_where_that_is_to_count() {
    let file = |settings: &str| {
        format!(
            "model_list:\n- {{model_name: g, litellm_params: {{model: openai/a}}}}\ngeneral_settings: {{{settings}}}\n"
        )
    };
    let checks = |settings: &str| cluster(&plan(&file(settings)));
    let checked =
        checks("background_health_checks: true, enable_health_check_routing: true, health_check_interval: 7");
    assert_eq!(checked["health_checks"][0]["interval"], "7s");
    let endpoint = |priority: usize| {
        checked["load_assignment"]["endpoints"][priority]["lb_endpoints"][0]["endpoint"]["health_check_config"].clone()
    };
    assert_eq!((endpoint(0), &endpoint(1)["disable_active_health_check"]), (Value::Null, &Value::Bool(true)));
    let usual = checks("background_health_checks: true, enable_health_check_routing: true");
    assert_eq!(usual["health_checks"][0]["interval"], "300s");
    assert_eq!(checks("background_health_checks: true")["health_checks"], Value::Null);
    let told = diagnostics(&file("background_health_checks: true"));
    assert!(told.contains("only have an effect together"), "{told}");
}
