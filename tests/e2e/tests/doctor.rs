//! `switchboard doctor`: nothing is found in a right set-up, and each planted fault is, with what to do about it.

use std::time::Duration;

use fake_provider::{Fault, Provider, Step};
use serde_json::json;
use switchboard_e2e::{
    Child, Config, MASTER_KEY, OPENAI_KEY, Rendered, free_port, launcher, openai, question,
};

/// What it says, and its exit status.
fn doctor(admin: u16) -> (String, Option<i32>) {
    let arguments = ["doctor".to_owned(), "--admin".to_owned(), format!("127.0.0.1:{admin}")];
    let mut child = Child::start(&launcher(), &arguments, &[]);
    let status = child.wait(Duration::from_secs(20));
    (format!("{}{}", child.stdout.text(), child.stderr.text()), status.code())
}

fn config(provider: &Provider) -> Config {
    let reference = |model: &str| openai(model, &provider.base(), "os.environ/PROVIDER_KEY");
    Config::new()
        .model("one", reference("gpt-4o"))
        .model("two", reference("gpt-4o-mini"))
        .model("three", json!({ "model": "openai/demo", "mock_response": "Hello." }))
}

/// Starts Envoy with a configuration in which these texts took the places of others, and asks the doctor. A text is
/// sought after the first place of its anchor; `a…b` is all from `a` until `b`.
async fn examined(faults: &[(&str, &str, &str)]) -> (String, Option<i32>) {
    examined_on("wasm", faults).await
}

/// The same, with the filter of that host.
async fn examined_on(host: &str, faults: &[(&str, &str, &str)]) -> (String, Option<i32>) {
    let provider = Provider::start().expect("a provider");
    let change = |mut text: String| {
        for (anchor, from, to) in faults {
            let at = text.find(anchor).unwrap_or_else(|| panic!("{anchor:?} is not in\n{text}"));
            let (from, until) = from.split_once('…').unwrap_or((from, ""));
            let found = text[at..].find(from).map(|found| at + found);
            let found = found.unwrap_or_else(|| panic!("no {from:?} after {anchor:?} in\n{text}"));
            let after = found + from.len();
            let end = text[after..].find(until).map(|end| after + end).expect("an end of it");
            text.replace_range(found..end, to);
        }
        text
    };
    let running = Rendered::start_on(host, &config(&provider), &[("PROVIDER_KEY", OPENAI_KEY)], change).await;
    doctor(running.admin)
}

/// The doctor's complaints, one for each of these, and no other.
fn assert_found((told, status): &(String, Option<i32>), expected: &[&str]) {
    assert_eq!(*status, Some(1), "{told}");
    let complaints: Vec<&str> = told.lines().filter(|line| line.starts_with("problem: ")).collect();
    for words in expected {
        assert_eq!(complaints.iter().filter(|line| line.contains(words)).count(), 1, "{words:?} in\n{told}");
    }
    assert_eq!(complaints.len(), expected.len(), "{told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("  help: ")).count(), expected.len(), "{told}");
}

const LISTENER: &str = "root_id: downstream";
const FIRST: &str = "name: \"group:one\"";
const SECOND: &str = "name: \"group:two\"";

#[tokio::test]
async fn nothing_is_found_in_a_right_set_up() {
    for host in ["wasm", "native"] {
        let (told, status) = examined_on(host, &[]).await;
        assert_eq!(status, Some(0), "{host}: {told}");
        assert!(told.contains("1.40") && told.contains("no problems found"), "{host}: {told}");
    }
}

#[tokio::test]
async fn faults_of_the_module_in_both_roles_are_found() {
    let told = examined_on(
        "native",
        &[
            (
                "filter_name: downstream",
                "per_connection_buffer_limit_bytes: 52428800",
                "per_connection_buffer_limit_bytes: 1048576",
            ),
            (FIRST, "do_not_close: true", "do_not_close: false"),
            (
                SECOND,
                "- name: envoy.filters.http.dynamic_modules…- name: envoy.filters.http.upstream_codec",
                "",
            ),
        ],
    )
    .await;
    assert_found(
        &told,
        &[
            "has a smaller buffer than the listener",
            "\"group:one\" lacks do_not_close",
            "\"group:two\" lacks the filter with root_id \"upstream\"",
        ],
    );
}

#[tokio::test]
async fn a_cluster_whose_filter_is_of_the_other_form_is_found() {
    let module = r#"- name: envoy.filters.http.dynamic_modules
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter
            dynamic_module_config: { name: switchboard_module, do_not_close: true }
            filter_name: upstream
        "#;
    let wasm = "- name: envoy.filters.http.wasm…- name: envoy.filters.http.upstream_codec";
    let told = examined(&[(SECOND, wasm, module)]).await;
    assert_found(&told, &["\"group:two\" and the listener's filter are not of the same form"]);
}

#[tokio::test]
async fn faults_of_the_filter_in_both_roles_are_found() {
    let flag = "allow_on_headers_stop_iteration: true";
    let told = examined(&[
        (LISTENER, flag, "allow_on_headers_stop_iteration: false"),
        (FIRST, flag, "allow_on_headers_stop_iteration: false"),
        (FIRST, "failure_policy: FAIL_RELOAD", "failure_policy: FAIL_OPEN"),
        (SECOND, "failure_policy: FAIL_RELOAD", "failure_policy: FAIL_CLOSED"),
        (SECOND, "vm_id: switchboard", "vm_id: another"),
    ])
    .await;
    assert_found(
        &told,
        &[
            "the listener's filter lacks allow_on_headers_stop_iteration",
            "\"group:one\" lacks allow_on_headers_stop_iteration",
            "\"group:one\" has the failure policy FAIL_OPEN",
            "\"group:two\" has the failure policy FAIL_CLOSED",
            "\"group:two\" runs in a different VM",
        ],
    );
}

#[tokio::test]
async fn faults_around_the_filter_are_found() {
    let limit = "per_connection_buffer_limit_bytes: 52428800";
    let told = examined(&[
        ("listeners:", limit, "per_connection_buffer_limit_bytes: 1048576"),
        ("retriable_headers", "x-switchboard-retry", "x-another-header"),
        (FIRST, "- name: envoy.filters.http.wasm…- name: envoy.filters.http.upstream_codec", ""),
        (SECOND, "name: \"group:two\"", "name: \"group:tow\""),
        ("name: switchboard-keys-internal", "127.0.0.1", "127.0.0.99"),
    ])
    .await;
    assert_found(
        &told,
        &[
            "the listener accepts bodies up to 1 MiB only",
            "a route does not retry what the filter marks",
            "\"group:one\" lacks the filter with root_id \"upstream\"",
            "the model \"two\" has no cluster",
            "the key service does not answer",
        ],
    );
}

#[tokio::test]
async fn a_provider_that_compresses_is_named_in_a_note() {
    let provider = Provider::start().expect("a provider");
    let environment = [("PROVIDER_KEY", OPENAI_KEY)];
    for host in ["wasm", "native"] {
        let running = Rendered::start_on(host, &config(&provider), &environment, |text| text).await;
        for (model, stream) in [("one", false), ("two", true), ("one", true)] {
            let case = provider.case();
            case.then(Step::default().with(Fault::compressed("gzip")));
            let mut body = question(model, &case.prompt("Hello"));
            body["stream"] = json!(stream);
            running.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await.expect(200);
        }
        let (told, status) = doctor(running.admin);
        assert_eq!(status, Some(0), "{told}");
        assert!(told.contains("no problems found"), "{told}");
        assert!(told.contains("note: openai compressed 3 responses"), "{told}");
    }
}

#[tokio::test]
async fn an_envoy_that_cannot_be_asked_is_told_apart_from_one_that_is_wrong() {
    let (told, status) = doctor(free_port());
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("does not answer"), "{told}");
}
