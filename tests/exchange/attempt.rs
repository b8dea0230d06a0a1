//! One attempt there and back; and above all, that nothing of one attempt reaches the next.

use std::rc::Rc;

use serde_json::Value;
use switchboard::exchange::{Attempt, Call, HeadStep, Headers, Outgoing};
use switchboard::key::{Credential, CredentialRequest, HandedOut};
use switchboard::openai::ErrorBody;
use switchboard::secret::Secret;

use crate::support::{NOW_MS, attempt, call, head};

const CLAUDE: &str = r#"{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"hi"}],
    "stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;

pub(crate) const BODY: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"hi"}]}"#;

pub(crate) fn send(attempt: &mut Attempt, body: &str) -> (Headers, Vec<u8>) {
    match attempt.request(body.as_bytes(), NOW_MS) {
        Outgoing::Send { headers, body } => (headers, body),
        Outgoing::Reply(reply) => {
            panic!("answered {}: {}", reply.status, String::from_utf8_lossy(&reply.body))
        }
        Outgoing::Resolve { path, .. } => panic!("asks {path}"),
    }
}

pub(crate) fn value<'h>(headers: &'h Headers, name: &str) -> Option<&'h str> {
    headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value)
}

/// Gives a held answer and reads the client's.
pub(crate) fn answer(
    attempt: &mut Attempt,
    status: &str,
    content_type: &str,
    body: &str,
) -> (Headers, Value) {
    let given = head(&[(":status", status), ("content-type", content_type), ("retry-after", "7")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let (headers, body) = attempt.response_body(body.as_bytes()).unwrap();
    assert_eq!(value(&headers, "content-length"), Some(body.len().to_string().as_str()));
    (headers, serde_json::from_slice(&body).unwrap())
}

pub(crate) fn sent(call: &Rc<Call>, deployment: &str) -> Attempt {
    let mut attempt = attempt(call, deployment);
    send(&mut attempt, BODY);
    attempt
}

#[test]
fn a_request_carries_what_its_deployment_owns_and_nothing_of_the_client() {
    let (headers, body) = send(&mut attempt(&call(BODY), "gpt-1"), BODY);
    let all: Vec<_> = headers.iter().collect();
    assert_eq!(
        all,
        [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "api.one"),
            (":path", "/v1/chat/completions"),
            ("content-type", "application/json"),
            ("content-length", body.len().to_string().as_str()),
            ("accept-encoding", "identity"),
            ("user-agent", concat!("Switchboard/", env!("CARGO_PKG_VERSION"))),
            ("accept", "application/json"),
            ("x-team", "blue"),
            ("authorization", "Bearer secret-key_one"),
        ]
    );
    assert_eq!(String::from_utf8(body).unwrap(), BODY.replace("\"gpt\"", "\"gpt-4o-mini\""));
}

#[test]
fn an_attempt_after_another_writes_what_it_would_have_written_alone() {
    for (first, second) in [("claude-1", "gpt-1"), ("gpt-1", "claude-1"), ("gpt-1", "gpt-2")] {
        let call = call(BODY);
        send(&mut attempt(&call, first), BODY);
        let later = send(&mut attempt(&call, second), BODY);
        let alone = send(&mut attempt(&self::call(BODY), second), BODY);
        assert_eq!(
            later.0.iter().collect::<Vec<_>>(),
            alone.0.iter().collect::<Vec<_>>(),
            "{first} → {second}"
        );
        assert_eq!(later.1, alone.1, "{first} → {second}");
    }
}

#[test]
fn the_first_attempt_writes_from_the_body_that_admission_read_and_later_ones_from_envoys() {
    for body in [BODY.to_owned(), BODY.replace("hi", &"h".repeat(200_000))] {
        let call = call(&body);
        let Some(Outgoing::Send { headers, body: kept }) = attempt(&call, "gpt-1").request_kept(0) else {
            panic!("the first attempt has the body");
        };
        assert!(attempt(&call, "gpt-1").request_kept(0).is_none());
        let (read_headers, read) = send(&mut attempt(&self::call(&body), "gpt-1"), &body);
        assert_eq!(headers.iter().collect::<Vec<_>>(), read_headers.iter().collect::<Vec<_>>());
        assert_eq!(String::from_utf8(kept), String::from_utf8(read));
    }
}

#[test]
fn a_large_body_does_not_stay_in_the_vm_while_its_request_waits_for_room() {
    let call = call(BODY);
    call.wait();
    assert!(attempt(&call, "gpt-1").request_kept(0).is_some());
    let call = self::call(&BODY.replace("hi", &"h".repeat(20_000)));
    call.wait();
    assert!(attempt(&call, "gpt-1").request_kept(0).is_none());
}

#[test]
fn the_wildcard_is_filled_in() {
    let body = BODY.replace("gpt", "openai/gpt-9");
    let (_, sent) = send(&mut attempt(&call(&body), "wild"), &body);
    assert!(String::from_utf8(sent).unwrap().contains(r#""model":"gpt-9""#));
}

#[test]
fn an_answer_comes_back_under_the_clients_model_name_and_is_paid_for() {
    let call = call(BODY);
    let mut attempt = sent(&call, "gpt-1");
    let upstream = r#"{"id":"c","model":"gpt-4o-mini-2024","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}"#;
    let (headers, body) = answer(&mut attempt, "200", "application/json", upstream);
    assert_eq!(body["model"], "gpt");
    assert_eq!(value(&headers, "x-litellm-model-id"), Some("gpt-1"));
    assert_eq!(value(&headers, "x-litellm-model-name"), Some("openai/gpt-4o-mini"));
    assert_eq!(value(&headers, "x-litellm-call-id"), Some("call-1"));
    assert_eq!(value(&headers, "x-litellm-response-cost"), Some("0.002"));
    let entry = call.settle(200, NOW_MS + 250, |entry| entry.clone().into_owned());
    assert_eq!((entry.prompt_tokens, entry.completion_tokens), (1000, 500));
    assert_eq!(entry.cost_picodollars, Some(2_000_000_000));
    assert_eq!((&*entry.deployment_id, entry.duration_ms), ("gpt-1", 250));
}

#[test]
fn a_providers_error_becomes_litellms_and_keeps_its_retry_after() {
    let mut attempt = sent(&call(BODY), "gpt-1");
    let (headers, body) = answer(
        &mut attempt,
        "429",
        "application/json",
        r#"{"error":{"message":"slow down","type":"requests","param":null,"code":null}}"#,
    );
    assert_eq!(value(&headers, ":status"), Some("429"));
    assert_eq!(value(&headers, "retry-after"), Some("7"));
    assert_eq!(
        body["error"]["message"],
        "litellm.RateLimitError: RateLimitError: OpenAIException - slow down"
    );
    assert_eq!(body["error"]["type"], "throttling_error");
    assert_eq!(body["error"]["code"], "429");
}

#[test]
fn html_and_half_a_json_are_a_bad_gateway_whatever_their_status() {
    for (content_type, body) in [("text/html", "<html>hello</html>"), ("application/json", "{\"id\":")] {
        let (headers, body) = answer(&mut sent(&call(BODY), "gpt-1"), "200", content_type, body);
        assert_eq!(value(&headers, ":status"), Some("502"));
        assert_eq!(body["error"]["type"], "internal_server_error");
    }
}

#[test]
fn an_error_inside_a_200_is_an_error() {
    let (headers, body) = answer(
        &mut sent(&call(BODY), "gpt-1"),
        "200",
        "application/json",
        r#"{"error":{"message":"no","code":429}}"#,
    );
    assert_eq!(value(&headers, ":status"), Some("429"));
    assert!(body["error"]["message"].as_str().unwrap().ends_with("OpenAIException - no"));
}

#[test]
fn an_answer_without_a_body_still_becomes_an_error_body() {
    let call = call(BODY);
    let mut attempt = sent(&call, "gpt-1");
    let HeadStep::Bare(headers) = attempt.response_head(head(&[(":status", "503")]), true) else {
        panic!("a bare answer is not held")
    };
    assert_eq!(value(&headers, ":status"), Some("503"));
    let body = call.journey.borrow_mut().take_bare().unwrap();
    assert_eq!((body.status, &*body.kind), (503, "internal_server_error"));
}

#[test]
fn a_bad_account_of_one_deployment_leads_to_another_deployment_and_to_no_retry_at_the_same_one() {
    let marked = |status: &str, body: &str, deployment: &str| {
        let call = call(body);
        let mut attempt = attempt(&call, deployment);
        send(&mut attempt, body);
        let (headers, _) =
            answer(&mut attempt, status, "application/json", r#"{"error":{"message":"bad account"}}"#);
        assert_eq!(value(&headers, ":status"), Some(status));
        (value(&headers, "x-switchboard-retry").map(str::to_owned), call.journey.borrow().is_marked())
    };
    for (status, class) in
        [("401", "AuthenticationError"), ("402", "APIError"), ("403", "PermissionDeniedError")]
    {
        assert_eq!(marked(status, BODY, "gpt-1"), (Some(class.into()), true));
        assert_eq!(marked(status, &BODY.replace("gpt", "openai/x"), "wild"), (None, false));
    }
}

/// What an attempt without its credential sends, and what comes of any answer to it: the headers for Envoy, and the error
/// that the client is told if no other attempt follows.
fn without_credential(call: &Rc<Call>, deployment: &str, body: &str) -> (Headers, ErrorBody) {
    let mut attempt = attempt(call, deployment);
    let (asked, sent) = send(&mut attempt, body);
    let asked: Vec<_> = asked.iter().filter(|(name, _)| *name != ":authority").collect();
    let nothing = [(":method", "HEAD"), (":scheme", "https"), (":path", "/"), ("content-length", "0")];
    assert_eq!((asked, sent), (nothing.to_vec(), vec![]), "nothing of the request is sent");
    let HeadStep::Bare(headers) = attempt.response_head(head(&[(":status", "404")]), true) else {
        panic!("an answer without a body")
    };
    assert!(value(&headers, "content-length").is_none());
    (headers, call.journey.borrow_mut().take_bare().unwrap())
}

#[test]
fn a_deployment_without_its_credential_is_the_operators_fault_and_others_are_asked() {
    let body = BODY.replace("gpt", "claude");
    let call = call(&body);
    let (headers, error) = without_credential(&call, "keyless", &body);
    assert_eq!(error.status, 503);
    assert!(error.message.contains("no credential for deployment 'keyless': NOT_SET not set"), "{error:?}");
    // No cooldown counts it, and Envoy asks the group's other deployment.
    assert_eq!(value(&headers, ":status"), Some("424"));
    assert_eq!(value(&headers, "x-switchboard-retry"), Some("AuthenticationError"));
    assert_eq!(call.settle(503, NOW_MS, |entry| entry.status), 503);

    let (_, body) = answer(&mut sent(&call, "claude-1"), "200", "application/json", CLAUDE);
    assert_eq!(body["choices"][0]["message"]["content"], "hi");
}

#[test]
fn a_lone_deployment_without_its_credential_falls_back_at_once() {
    let body = BODY.replace("gpt", "lonely");
    let call = call(&body);
    let (headers, _) = without_credential(&call, "lonely-1", &body);
    assert_eq!(value(&headers, ":status"), Some("307"));
    assert!(call.departs());
    assert!(call.arrive());
    assert_eq!(call.current().unwrap().name, "gpt");
}

#[test]
fn aws_credentials_sign_what_is_sent_and_an_api_key_goes_before_them() {
    let body = BODY.replace("gpt", "fake");
    let (headers, sent) = send(&mut attempt(&call(&body), "signed"), &body);
    let sent: String = String::from_utf8(sent).unwrap();
    let value = |name: &str| value(&headers, name).unwrap_or_default();
    assert_eq!(value(":path"), "/model/us.amazon.nova-pro-v1%3A0/converse");
    assert_eq!(value("x-amz-date"), "20231114T221320Z");
    assert_eq!(value("x-amz-security-token"), "secret-key_three");
    let authorization = value("authorization");
    let start = "AWS4-HMAC-SHA256 Credential=secret-key_one/20231114/us-east-1/bedrock/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
    // As botocore signs this path, these headers and this body.
    let signature = "67c00a74eff67ff5d69ca3e17397d80e561524ed1695a25cb5482e4dddb3ae8f";
    assert_eq!(authorization, format!("{start}{signature}"), "{sent}");

    let (headers, _) = send(&mut attempt(&call(&body), "bearer"), &body);
    let names: Vec<&str> = headers.iter().map(|(name, _)| name).collect();
    assert!(headers.iter().any(|pair| pair == ("authorization", "Bearer secret-key_one")));
    assert!(!names.iter().any(|name| name.starts_with("x-amz-")), "{names:?}");
}

#[test]
fn half_a_pair_of_aws_credentials_is_none() {
    let body = BODY.replace("gpt", "fake");
    let (_, error) = without_credential(&call(&body), "unsigned", &body);
    assert_eq!(error.status, 503);
    assert!(error.message.contains("NOT_SET, NOT_SET_EITHER not set"), "{error:?}");
}

#[test]
fn a_key_has_a_header_of_its_own_a_token_is_a_bearers_and_an_open_server_gets_neither() {
    let body = BODY.replace("gpt", "fake");
    let sent = |deployment: &str| {
        let (headers, _) = send(&mut attempt(&call(&body), deployment), &body);
        let one = |name: &str| {
            headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.to_owned())
        };
        [one(":path"), one("api-key"), one("authorization")]
    };
    let is = |text: &str| Some(text.to_owned());
    let dated = "/openai/deployments/blue/chat/completions?api-version=2024-10-21";
    assert_eq!(sent("azure"), [is(dated), is("secret-key_one"), None]);
    assert_eq!(sent("entra"), [is("/openai/v1/chat/completions"), None, is("Bearer secret-key_two")]);
    assert_eq!(sent("open"), [is("/v1/chat/completions"), None, None]);
}

#[test]
fn a_mock_answers_and_streams_without_a_provider() {
    let body = BODY.replace("gpt", "fake");
    let Outgoing::Reply(reply) = attempt(&call(&body), "mock").request(body.as_bytes(), NOW_MS) else {
        panic!("a mock calls nobody")
    };
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello there");

    let body = body.replace("{\"model\"", "{\"stream\":true,\"model\"");
    let Outgoing::Reply(reply) = attempt(&call(&body), "mock").request(body.as_bytes(), NOW_MS) else {
        panic!("a mock calls nobody")
    };
    let text = String::from_utf8(reply.body).unwrap();
    assert!(text.contains("\"Hello \"") && text.ends_with("data: [DONE]\n\n"), "{text}");
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_in_milliseconds_whatever_its_form() {
    for (name, text, seconds, ms) in [
        ("retry-after", "1.5", Some("2"), Some("1500")),
        ("retry-after-ms", "250", Some("1"), Some("250")),
        ("retry-after", "Tue, 14 Nov 2023 22:13:50 GMT", Some("30"), None),
        ("retry-after", "soon", None, None),
    ] {
        let mut attempt = sent(&call(BODY), "gpt-1");
        let given = head(&[(":status", "429"), ("date", "Tue, 14 Nov 2023 22:13:20 GMT"), (name, text)]);
        assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
        let (headers, _) = attempt.response_body(b"{}").unwrap();
        assert_eq!(value(&headers, "retry-after"), seconds, "{name}: {text}");
        assert_eq!(value(&headers, "retry-after-ms"), ms, "{name}: {text}");
        assert_eq!(value(&headers, &format!("llm_provider-{name}")), Some(text));
    }
}

fn hand_out(call: &Call, revision: u64, value: &str, expires_at: Option<u64>) -> HandedOut {
    let value = Some(Secret::new(value));
    let token =
        Credential { name: "ACCOUNT".into(), value, is_token: true, expires_at, ..Credential::default() };
    let handed_out = HandedOut { revision, credentials: vec![token] };
    call.table.credentials.shared().learn(handed_out.clone());
    handed_out
}

#[test]
fn a_credential_is_presented_until_it_expires_and_the_publisher_stands_in_the_path() {
    let body = r#"{"model":"cloud","messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let call = call(body);
    hand_out(&call, 1, "fetched", Some(NOW_MS / 1_000));
    let (headers, error) = without_credential(&call, "cloud-1", body);
    assert_eq!(error.status, 503);
    assert!(error.message.contains("ACCOUNT: it has expired"), "{error:?}");
    // No cooldown counts it, and a retry here would fail as well.
    assert_eq!((value(&headers, ":status"), value(&headers, "x-switchboard-retry")), (Some("424"), None));
    hand_out(&call, 2, "fetched", Some(NOW_MS / 1_000 + 60));
    let (headers, _) = send(&mut attempt(&call, "cloud-1"), body);
    assert_eq!(value(&headers, "authorization"), Some("Bearer fetched"));
    assert_eq!(
        value(&headers, ":path"),
        Some("/v1/projects/p/locations/l/publishers/anthropic/models/claude-opus-4-6:streamRawPredict")
    );
}

#[test]
fn a_credential_that_was_never_handed_out_is_asked_for_once() {
    let body = r#"{"model":"cloud","messages":[{"role":"user","content":"hi"}]}"#;
    let call = call(body);
    let mut attempt = attempt(&call, "cloud-1");
    let Outgoing::Resolve { path, body: question } = attempt.request(body.as_bytes(), NOW_MS) else {
        panic!("the key service is asked")
    };
    let asked: CredentialRequest = serde_json::from_slice(&question).unwrap();
    let expected = CredentialRequest { name: "ACCOUNT".to_owned(), revision: 0, rejected: false };
    assert_eq!((path, asked), ("/internal/credential", expected));
    let answer = r#"{"revision":5,"credentials":[{"name":"ACCOUNT","value":"t","is_token":true}]}"#;
    attempt.resolved(Some(answer.into()));
    let (headers, _) = send(&mut attempt, body);
    assert_eq!(value(&headers, "authorization"), Some("Bearer t"));
    assert_eq!(call.table.credentials.shared().revision(), 5);

    let call = self::call(body);
    let mut attempt = self::attempt(&call, "cloud-1");
    attempt.request(body.as_bytes(), NOW_MS);
    attempt.resolved(None);
    let Outgoing::Send { headers, .. } = attempt.request(body.as_bytes(), NOW_MS) else { panic!("sent") };
    assert_eq!(value(&headers, "content-length"), Some("0"), "nothing of the request is sent");
}

#[test]
fn a_rejected_credential_is_asked_about_and_with_a_newer_one_the_same_deployment_is_asked_again() {
    let body = r#"{"model":"cloud","messages":[{"role":"user","content":"hi"}]}"#;
    let answered = |attempt: &mut Attempt, status: &str| {
        let step = attempt.response_head(head(&[(":status", status)]), false);
        assert!(matches!(step, HeadStep::Hold));
        attempt.doubt(br#"{"error":{"message":"no"}}"#)
    };
    let told = |attempt: &mut Attempt| {
        let (headers, _) = attempt.response_body(br#"{"error":{"message":"no"}}"#).unwrap();
        let text = |name: &str| value(&headers, name).map(str::to_owned);
        (text(":status"), text("x-switchboard-retry"))
    };
    let call = call(body);
    hand_out(&call, 1, "old", None);
    for status in ["500", "403", "429"] {
        let mut attempt = attempt(&call, "cloud-1");
        send(&mut attempt, body);
        assert!(answered(&mut attempt, status).is_none(), "{status}");
    }
    let mut rejected = attempt(&call, "cloud-1");
    let mut unsure = attempt(&call, "cloud-1");
    send(&mut rejected, body);
    send(&mut unsure, body);
    let (_, question) = answered(&mut rejected, "401").unwrap();
    let asked: CredentialRequest = serde_json::from_slice(&question).unwrap();
    assert_eq!((asked.rejected, asked.revision), (true, 1));
    // No newer one: the error is the provider's, and the key service is left alone for a while.
    rejected.resolved(Some(serde_json::to_vec(&hand_out(&call, 1, "old", None)).unwrap()));
    assert_eq!(told(&mut rejected).0.as_deref(), Some("401"));
    assert!(answered(&mut unsure, "401").is_none());

    let call = self::call(body);
    hand_out(&call, 1, "old", None);
    let mut rejected = attempt(&call, "cloud-1");
    let mut late = attempt(&call, "cloud-1");
    send(&mut rejected, body);
    send(&mut late, body);
    assert!(answered(&mut rejected, "401").is_some());
    let newer = hand_out(&self::call(body), 2, "new", None);
    rejected.resolved(Some(serde_json::to_vec(&newer).unwrap()));
    // No cooldown counts it.
    let again = (Some("424".to_owned()), Some("ServiceUnavailableError".to_owned()));
    assert_eq!(told(&mut rejected), again);
    // Others need not ask.
    assert!(answered(&mut late, "401").is_none());
    assert_eq!(told(&mut late), again);
    let (headers, _) = send(&mut attempt(&call, "cloud-1"), body);
    assert_eq!(value(&headers, "authorization"), Some("Bearer new"));
}
