//! What Envoy does by the rendered configuration, seen with filters of a few lines in the place of ours.

mod support;

use std::sync::mpsc;

use serde_json::{Value, json};
use support::envoy::{Running, answering_filter, free_ports, serve};
use support::{find_envoy, passing_filter, plan};

/// One group `g` at `base`, without retries and with a short time-out.
fn group_at(base: &str, rest: &str) -> String {
    format!(
        "model_list:\n- model_name: g\n  litellm_params: {{model: openai/m, api_base: '{base}'}}\n\
         router_settings: {{num_retries: 0, timeout: 0.5{rest}}}\n"
    )
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// `x-switchboard-cluster` as our filter would set it.
const TO_GROUP: (&str, &str) = ("x-switchboard-cluster", "group:g");

#[track_caller]
fn assert_error(answer: &support::envoy::Answer, status: u16, kind: &str, message: &str) {
    assert_eq!((answer.status, answer.content_type.as_str()), (status, "application/json"), "{answer:?}");
    let body: Value = serde_json::from_str(&answer.body).expect("the body is JSON");
    let expected =
        json!({"error": {"message": message, "type": kind, "param": null, "code": status.to_string()}});
    assert_eq!(body, expected);
}

#[test]
fn envoys_own_replies_are_errors_that_the_sdks_can_read() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wasm = passing_filter(folder.path());
    let refused = Running::start(
        &envoy,
        folder.path(),
        &plan(&group_at(&format!("http://127.0.0.1:{}", free_ports(1)), "")),
        &wasm,
    );
    let unavailable = "litellm.ServiceUnavailableError: ServiceUnavailableError: ";
    let answer = refused.get("/v1/chat/completions", &[TO_GROUP]);
    assert_error(&answer, 503, "internal_server_error", &format!("{unavailable}Connection error."));
    let answer = refused.get("/v1/chat/completions", &[("x-switchboard-cluster", "group:nobody")]);
    assert_error(&answer, 404, "not_found_error", "Not Found");
    let answer = refused.get("/v1/chat/completions", &[]);
    assert_error(&answer, 404, "not_found_error", "Not Found");
    let answer = refused.get("/", &[("x-long", &"a".repeat(100_000))]);
    assert_error(&answer, 431, "invalid_request_error", "The request's headers are too large.");
    // The key service is not there.
    let answer = refused.get("/key/info", &[]);
    assert_error(&answer, 503, "internal_server_error", &format!("{unavailable}Connection error."));
    drop(refused);

    let silent = serve(|_| None);
    let silent = Running::start(
        &envoy,
        folder.path(),
        &plan(&group_at(&format!("http://127.0.0.1:{silent}"), "")),
        &wasm,
    );
    let answer = silent.get("/v1/chat/completions", &[TO_GROUP]);
    let message = "litellm.Timeout: APITimeoutError - Request timed out. - timeout value=0.5";
    assert_error(&answer, 408, "invalid_request_error", message);
    drop(silent);

    let closing = serve(|_| Some(String::new()));
    let closing = Running::start(
        &envoy,
        folder.path(),
        &plan(&group_at(&format!("http://127.0.0.1:{closing}"), "")),
        &wasm,
    );
    let answer = closing.get("/v1/chat/completions", &[TO_GROUP]);
    let message = format!("{unavailable}the provider closed the connection before its answer.");
    assert_error(&answer, 503, "internal_server_error", &message);
}

#[test]
fn the_filters_own_replies_pass_as_they_are() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    for status in [400, 404, 408, 413, 500, 503] {
        let wasm = answering_filter(folder.path(), status);
        let running = Running::start(&envoy, folder.path(), &plan("model_list: []\n"), &wasm);
        let answer = running.get("/v1/models", &[]);
        assert_eq!((answer.status, answer.body.as_str()), (status, "own words"));
    }
}

#[test]
fn a_client_steers_no_retry_and_a_provider_learns_nothing_of_the_client() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (sender, heads) = mpsc::channel();
    let provider = serve(move |head| {
        sender.send(head.to_owned()).unwrap();
        Some(OK.replace("200 OK", "503 Busy"))
    });
    let plan = plan(&group_at(&format!("http://127.0.0.1:{provider}"), ""));
    let running = Running::start(&envoy, folder.path(), &plan, &passing_filter(folder.path()));
    let steering = [
        TO_GROUP,
        ("x-envoy-max-retries", "3"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-request-id", "mine"),
    ];
    let answer = running.get("/v1/chat/completions", &steering);
    assert_eq!((answer.status, answer.body.as_str()), (503, "ok"));
    let head = heads.try_iter().collect::<Vec<_>>();
    assert_eq!(head.len(), 1, "one attempt, as configured: {head:?}");
    assert!(head[0].contains(&format!("host: 127.0.0.1:{provider}\r\n")), "{head:?}");
    for name in ["x-envoy", "x-forwarded", "x-request-id", "203.0.113.9"] {
        assert!(!head[0].contains(name), "{name} in {head:?}");
    }
}

#[test]
fn a_marked_answer_and_a_connection_that_fails_are_tried_at_another_deployment() {
    let Some(envoy) = find_envoy() else { return };
    let folder = tempfile::tempdir().unwrap();
    let good = serve(|_| Some(OK.to_owned()));
    for failure in [
        "HTTP/1.1 503 Busy\r\nx-switchboard-retry: 1\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbad",
        "HTTP/1.1 400 Bad\r\nx-switchboard-retry: 1\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbad",
        "",
    ] {
        let bad = serve(move |_| Some(failure.to_owned()));
        let entry = |port: u16| {
            format!(
                "- model_name: g\n  litellm_params: {{model: openai/m, api_base: 'http://127.0.0.1:{port}'}}\n"
            )
        };
        let file = format!("model_list:\n{}{}", entry(bad), entry(good));
        let running = Running::start(&envoy, folder.path(), &plan(&file), &passing_filter(folder.path()));
        for _ in 0..5 {
            let answer = running.get("/v1/chat/completions", &[TO_GROUP, ("x-switchboard-max-retries", "1")]);
            assert_eq!((answer.status, answer.body.as_str()), (200, "ok"), "{failure}");
        }
    }
    // What the filter does not mark is not tried again.
    let bad = serve(|_| Some(OK.replace("200 OK", "503 Busy")));
    let file = group_at(&format!("http://127.0.0.1:{bad}"), "");
    let running = Running::start(&envoy, folder.path(), &plan(&file), &passing_filter(folder.path()));
    let answer = running.get("/v1/chat/completions", &[TO_GROUP, ("x-switchboard-max-retries", "5")]);
    assert_eq!(answer.status, 503);
}
