//! What is told of requests: the access log, spans, metrics; and that they tell the same as the database.

use std::time::{Duration, Instant};

use fake_provider::{Provider, Reply, Step, Usage};
use serde_json::{Value, json};
use switchboard_e2e::{
    ANTHROPIC_KEY, Client, Collector, Config, MASTER_KEY, OPENAI_KEY, Setup, Span, Stack, anthropic, openai,
    question,
};

/// The lines of the access log that tell of a model.
fn lines(stack: &Stack) -> Vec<Value> {
    let log = stack.log();
    let lines = log.lines().filter_map(|line| line.split_once("envoy: {"));
    let lines = lines.filter_map(|(_, line)| serde_json::from_str(&format!("{{{line}")).ok());
    lines.filter(|line: &Value| !line["llm"].is_null()).collect()
}

/// The metrics, once they hold that line's beginning.
async fn metrics(stack: &Stack, awaited: &str) -> String {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let text = stack.client().get("/metrics").key(MASTER_KEY).send().await.expect(200).text();
        if text.contains(awaited) {
            return text;
        }
        assert!(Instant::now() < patience, "{awaited} is not in\n{text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The value of the only line of a metric whose labels hold all of these.
fn value(metrics: &str, name: &str, labels: &[&str]) -> f64 {
    let lines: Vec<&str> = metrics
        .lines()
        .filter(|line| line.split_once('{').is_some_and(|(found, _)| found == name))
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .collect();
    assert_eq!(lines.len(), 1, "{name} {labels:?} in\n{metrics}");
    lines[0].rsplit_once(' ').and_then(|(_, value)| value.parse().ok()).expect("a number")
}

fn priced() -> Value {
    json!({ "id": "gpt-4o-at-home", "input_cost_per_token": 0.000_002_5, "output_cost_per_token": 0.000_01 })
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one request, seen from five sides")]
async fn the_log_the_spans_the_metrics_and_the_database_tell_the_same_of_a_request() {
    let (provider, collector) = (Provider::start().expect("a provider"), Collector::start().await);
    let config = Config::new()
        .model("claude", anthropic("claude-sonnet-4-5", &provider.base(), ANTHROPIC_KEY))
        .model_with("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY), priced())
        .section("router_settings", json!({ "num_retries": 1, "fallbacks": [{ "claude": ["gpt-4o"] }] }))
        .section("litellm_settings", json!({ "callbacks": ["otel", "prometheus"] }));
    let stack = Setup::new(&config)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=secret-of-the-collector")
        .access_log()
        .metrics()
        .start();
    let team = json!({ "team_id": "red", "team_alias": "The Reds" });
    stack.client().post("/team/new", &team).key(MASTER_KEY).send().await.expect(200);
    let made = stack.generate_key(json!({ "key_alias": "alice", "user_id": "u-1", "team_id": "red" })).await;
    let key = made["key"].as_str().expect("a key");

    let case = provider.case();
    let usage = Usage { input: 1_000, cached: 200, cache_write: 0, output: 42, reasoning: 0 };
    case.then(Step::status(529).at("anthropic"));
    case.then(Step::reply(Reply::text("Hello to you, too").usage(usage)).at("openai"));
    let mut body = question("claude", &case.prompt("Hello"));
    body["stream"] = json!(true);
    body["num_retries"] = json!(0);
    body["stream_options"] = json!({ "include_usage": true });
    let call = stack.client().post("/v1/chat/completions?api-version=sk-in-the-query", &body).key(key);
    let answer = call.send().await.expect(200);
    let told = answer.events().usage().expect("a count");
    assert_eq!((told["prompt_tokens"].as_u64(), told["completion_tokens"].as_u64()), (Some(1_200), Some(42)));
    // 1,200 prompt tokens at 2.5 and 42 others at 10 dollars a million.
    let cost = 0.003_42;

    // The database.
    let text = metrics(&stack, "litellm_spend_metric_total").await;
    let logs = stack.client().get("/spend/logs").key(MASTER_KEY).send().await.expect(200).json();
    let rows = logs.as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{logs}");
    let spend = rows[0]["spend"].as_f64().expect("money");
    assert!((spend - cost).abs() < 1e-12, "{logs}");

    // The metrics.
    let labels = [
        r#"api_key_alias="alice""#,
        r#"team="red""#,
        r#"team_alias="The Reds""#,
        r#"user="u-1""#,
        r#"requested_model="claude""#,
        r#"model="gpt-4o""#,
        r#"model_id="gpt-4o-at-home""#,
        r#"api_provider="openai""#,
    ];
    assert!((value(&text, "litellm_spend_metric_total", &labels) - spend).abs() < 1e-12);
    // The port that has nothing else says the same, and asks for no key.
    let port = Client::new(format!("http://127.0.0.1:{}", stack.metrics.expect("a port")));
    let alone = port.get("/metrics").send().await.expect(200).text();
    assert!((value(&alone, "litellm_spend_metric_total", &labels) - spend).abs() < 1e-12);
    for path in ["/internal/sync", "/internal/verify", "/key/generate"] {
        port.post(path, &json!({})).key(MASTER_KEY).send().await.expect(404);
    }
    for (name, count) in [
        ("litellm_proxy_total_requests_metric_total", 1.0),
        ("litellm_requests_metric_total", 1.0),
        ("litellm_input_tokens_metric_total", 1_200.0),
        ("litellm_output_tokens_metric_total", 42.0),
        ("litellm_total_tokens_metric_total", 1_242.0),
        ("litellm_input_cached_tokens_metric_total", 200.0),
    ] {
        assert!((value(&text, name, &labels) - count).abs() < 1e-9, "{name}");
    }
    let gen_ai = [
        r#"gen_ai_operation_name="chat""#,
        r#"gen_ai_provider_name="openai""#,
        r#"gen_ai_request_model="claude""#,
        r#"gen_ai_response_model="gpt-4o""#,
    ];
    let of_type = |kind: &'static str| [&gen_ai[..], &[kind]].concat();
    let sum = |name: &str, labels: &[&str]| value(&text, name, labels);
    assert!(
        (sum("gen_ai_client_token_usage_sum", &of_type(r#"gen_ai_token_type="input""#)) - 1_200.0).abs()
            < 1e-9
    );
    assert!(
        (sum("gen_ai_client_token_usage_sum", &of_type(r#"gen_ai_token_type="output""#)) - 42.0).abs() < 1e-9
    );
    let duration = sum("gen_ai_server_request_duration_seconds_sum", &gen_ai);
    let first = sum("gen_ai_server_time_to_first_token_seconds_sum", &gen_ai);
    let each = sum("gen_ai_server_time_per_output_token_seconds_sum", &gen_ai);
    assert!((each - (duration - first) / 41.0).abs() < 1e-9, "{each} {duration} {first}");
    assert!(!text.contains(key) && !text.contains(MASTER_KEY));

    // The access log.
    stack.wait_for_log(r#""key_alias":"alice""#, 1).await;
    let lines = lines(&stack);
    assert_eq!(lines.len(), 1, "a request has one line, whatever it took: {lines:?}");
    let (line, llm) = (&lines[0], &lines[0]["llm"]);
    assert_eq!(line["path"], "/v1/chat/completions");
    let expected = json!({
        "attempts": "anthropic:529>openai:200",
        "provider": "openai",
        "model": "gpt-4o",
        "requested_model": "claude",
        "model_group": "claude",
        "operation": "chat",
        "deployment": "gpt-4o-at-home",
        "call_id": answer.header("x-litellm-call-id"),
        "status": 200,
        "prompt_tokens": 1_200,
        "completion_tokens": 42,
        "cached_tokens": 200,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
        "cost": cost,
        "key_alias": "alice",
        "user": "u-1",
        "team": "red",
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&llm[name], value, "{name} in {llm}");
    }
    let milliseconds = |name: &str| llm[name].as_f64().expect("a time") / 1e3;
    assert!((milliseconds("duration_ms") - duration).abs() < 1e-9);
    assert!((milliseconds("time_to_first_token_ms") - first).abs() < 1e-9);

    // The spans. (What comes of an internal redirect has none: Envoy decides about tracing once for a request.)
    let case = provider.case();
    case.then(Step::status(529)).then(Step::reply(Reply::text("Hello again").usage(usage)));
    let body = question("gpt-4o", &case.prompt("Hello"));
    stack.client().post("/v1/chat/completions?key=sk-in-the-query", &body).key(key).send().await.expect(200);
    stack.wait_for_log("openai:529>openai:200", 1).await;
    let line = self::lines(&stack).pop().expect("a line");
    let llm = &line["llm"];
    let spans = spans_of(&collector, line["trace_id"].as_str().expect("a trace")).await;
    let (own, attempts): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|span| span.parent_id.is_empty());
    assert_eq!((own.len(), attempts.len()), (1, 2), "a request, and its attempts: {spans:#?}");
    assert!(attempts.iter().all(|span| span.parent_id == own[0].span_id), "{spans:#?}");
    // The console's page of the request has the same.
    let path = format!("/spend/logs?request_id={}", llm["call_id"].as_str().expect("a call"));
    let logged = loop {
        let rows = stack.client().get(&path).key(MASTER_KEY).send().await.expect(200).json();
        match rows.get(0) {
            Some(row) => break row["metadata"].clone(),
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    assert_eq!(logged["trace_id"], line["trace_id"]);
    let told: Vec<_> =
        logged["attempts"].as_array().expect("a list").iter().map(|one| &one["status"]).collect();
    assert_eq!(told, [529, 200], "{logged}");
    let ended = own[0];
    assert_eq!(ended.attributes["http.url"], "/v1/chat/completions");
    assert_eq!(ended.attributes["http.status_code"], "200");
    for (name, field) in [
        ("gen_ai.operation.name", "operation"),
        ("gen_ai.provider.name", "provider"),
        ("gen_ai.request.model", "requested_model"),
        ("gen_ai.response.model", "model"),
        ("gen_ai.usage.input_tokens", "prompt_tokens"),
        ("gen_ai.usage.output_tokens", "completion_tokens"),
        ("gen_ai.usage.cache_read.input_tokens", "cached_tokens"),
        ("switchboard.attempts", "attempts"),
        ("switchboard.call_id", "call_id"),
        ("switchboard.deployment", "deployment"),
        ("switchboard.cost_usd", "cost"),
        ("switchboard.key_alias", "key_alias"),
    ] {
        let told = llm[field].as_str().map_or_else(|| llm[field].to_string(), str::to_owned);
        let same = ended.attributes[name] == told
            || ended.attributes[name].parse::<f64>().ok() == llm[field].as_f64();
        assert!(same, "{name}: {} is not {told}", ended.attributes[name]);
    }
    assert!(collector.headers().iter().all(|headers| headers["x-tenant"] == "secret-of-the-collector"));
    let dump = stack.admin().get("/config_dump").send().await.expect(200).text();
    assert!(dump.contains("x-tenant") && !dump.contains("secret-of-the-collector"));
    let all = format!("{:?}", collector.spans());
    for secret in [key, MASTER_KEY, "sk-in-the-query", "/key/generate", "switchboard-onward", "Hello"] {
        assert!(!all.contains(secret), "{secret} is in a span");
    }
}

/// The spans of a trace, once its first is there: that of the request ends last.
async fn spans_of(collector: &Collector, trace: &str) -> Vec<Span> {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let spans: Vec<Span> = collector.spans().into_iter().filter(|span| span.trace_id == trace).collect();
        if spans.iter().any(|span| span.parent_id.is_empty()) && spans.len() >= 3 {
            return spans;
        }
        assert!(Instant::now() < patience, "no whole trace {trace} in {:#?}", collector.spans());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
