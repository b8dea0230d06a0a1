//! The way of a request through the groups that may serve it.

use std::rc::Rc;

use serde_json::Value;
use switchboard::exchange::{After, Call, Failed, HeadStep, Leg, Nobody, Opening, Outgoing};
use switchboard::facts::Class;
use switchboard::openai::ErrorBody;

use crate::support::{NOW_MS, attempt, call, head};

fn asking(model: &str, fields: &str) -> Rc<Call> {
    call(&format!(r#"{{"model":"{model}",{fields}"messages":[{{}}]}}"#))
}

/// Makes that many attempts at a deployment.
fn tried(call: &Rc<Call>, deployment: &str, times: usize) {
    for _ in 0..times {
        let _ = attempt(call, deployment);
    }
}

/// What is decided when an attempt has failed.
fn after(call: &Call, class: Class) -> After {
    call.fail(Failed::new(class, ErrorBody::ours("it failed")))
}

/// An attempt that is answered with that status.
fn failed(call: &Rc<Call>, deployment: &str, status: &str, message: &str) -> (String, bool) {
    let mut attempt = attempt(call, deployment);
    let body = br#"{"model":"x","messages":[{"role":"user","content":"hi"}]}"#;
    assert!(matches!(attempt.request(body, NOW_MS), Outgoing::Send { .. }));
    let given = head(&[(":status", status), ("content-type", "application/json")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let error = format!(r#"{{"error":{{"message":"{message}","type":"x","code":null}}}}"#);
    let (headers, _) = attempt.response_body(error.as_bytes()).unwrap();
    let value =
        |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.to_owned());
    (value(":status").unwrap(), value("x-switchboard-retry").is_some())
}

#[test]
fn envoy_is_told_what_its_usual_route_does_not_say() {
    let leg = |model: &str, fields: &str| {
        let call = asking(model, fields);
        let Leg { retries, max_retries, timeout_ms, .. } = call.leg();
        (retries, max_retries, timeout_ms)
    };
    assert_eq!(leg("cloud", ""), (None, None, None));
    assert_eq!(leg("cloud", r#""num_retries":4,"timeout":1.5,"#), (None, Some(4), Some(1500)));
    assert_eq!(leg("gpt", ""), (Some(2), None, None));
    // One attempt more, which leads to the fallback.
    assert_eq!(leg("claude", ""), (Some(2), Some(3), None));
    assert_eq!(leg("claude", r#""num_retries":0,"#), (Some(0), Some(1), None));
    assert_eq!(leg("claude", r#""disable_fallbacks":true,"#), (Some(2), None, None));
    assert_eq!(leg("gpt", r#""fallbacks":["claude"],"#), (Some(2), Some(3), None));
    assert_eq!(leg("cloud", r#""num_retries":1000,"#), (None, Some(6), None));
}

#[test]
fn a_group_has_all_its_retries_before_the_next_one_has_its_turn() {
    let call = asking("claude", "");
    assert_eq!(call.leg().cluster, "group:claude");
    for _ in 0..3 {
        // The third one leads to nobody, and counts against the deployment.
        assert_eq!(failed(&call, "claude-1", "503", "down"), ("503".to_owned(), true));
    }
    let nobody = Nobody::new(Rc::clone(&call));
    assert!(matches!(nobody.request(&head(&[])), Outgoing::Send { .. }));
    let status = nobody.response().iter().next().map(|(_, value)| value.to_owned());
    assert_eq!(status.as_deref(), Some("307"));
    assert!(call.departs() && call.arrive() && !call.departs());
    assert_eq!(
        call.leg(),
        Leg { cluster: "group:gpt", retries: Some(2), max_retries: Some(3), timeout_ms: None }
    );
    tried(&call, "gpt-1", 2);
    failed(&call, "gpt-1", "500", "down");
    assert!(call.arrive());
    assert_eq!(call.leg().max_retries, None, "nothing is left after the last fallback");
    tried(&call, "bearer", 2);
    assert_eq!(after(&call, Class::RateLimit), After::End);
    assert_eq!(call.journey.borrow().fallbacks(), 2);
    assert!(!call.arrive());
}

#[test]
fn the_class_of_an_error_leads_to_its_own_fallbacks_at_once() {
    let call = asking("claude", "");
    let _ = call.leg();
    assert_eq!(
        failed(&call, "claude-1", "400", "prompt is too long: 9 tokens > 8 maximum"),
        ("307".to_owned(), false)
    );
    assert!(call.arrive());
    assert_eq!(call.leg().cluster, "group:openai/*");
    assert_eq!(call.journey.borrow().wildcard(), Some("long"));

    let decided = |model: &str, fields: &str, class| {
        let call = asking(model, fields);
        let _ = call.leg();
        tried(&call, if model == "claude" { "claude-1" } else { "gpt-1" }, 1);
        after(&call, class)
    };
    assert_eq!(decided("claude", "", Class::ContentPolicyViolation), After::End, "its list is empty");
    assert_eq!(decided("gpt", "", Class::ContextWindowExceeded), After::End);
    assert_eq!(decided("gpt", r#""fallbacks":["claude"],"#, Class::ContextWindowExceeded), After::Elsewhere);
    assert_eq!(
        decided("claude", r#""content_policy_fallbacks":["gpt"],"#, Class::ContentPolicyViolation),
        After::Elsewhere
    );
    assert_eq!(decided("claude", r#""disable_fallbacks":true,"#, Class::ContextWindowExceeded), After::End);
    assert_eq!(decided("claude", "", Class::BadRequest), After::End, "it is wrong everywhere");
    assert_eq!(decided("claude", "", Class::NotFound), After::Elsewhere);
    assert_eq!(
        decided("claude", "", Class::Authentication),
        After::Again,
        "another deployment has another key"
    );
}

#[test]
fn a_retry_policy_says_how_often_by_class() {
    let body = r#"{"model":"fake","messages":[{}]}"#;
    let decided = |class, made| {
        let call = call(body);
        let _ = call.leg();
        tried(&call, "bearer", made);
        after(&call, class)
    };
    assert_eq!(decided(Class::RateLimit, 1), After::End);
    assert_eq!(decided(Class::BadRequest, 3), After::Again);
    assert_eq!(decided(Class::BadRequest, 4), After::End);
    assert_eq!(decided(Class::InternalServer, 2), After::Again);
    assert_eq!(decided(Class::InternalServer, 3), After::End);
}

#[test]
fn a_group_whose_deployments_all_cool_down_is_told_as_litellm_tells_it() {
    let call = asking("gpt", "");
    let _ = call.leg();
    let Outgoing::Reply(reply) = Nobody::new(Rc::clone(&call)).request(&head(&[])) else {
        panic!("there is no fallback")
    };
    assert_eq!(reply.status, 429);
    let error: Value = serde_json::from_slice(&reply.body).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("No deployments available for selected model, Try again in 5 seconds."),
        "{message}"
    );
    assert!(reply.headers.iter().any(|(name, value)| name == "retry-after" && &**value == "5"));
}

#[test]
fn a_request_that_is_given_up_is_answered_with_its_last_error() {
    let call = asking("gpt", "");
    let _ = call.leg();
    failed(&call, "gpt-1", "429", "slow down");
    let Outgoing::Reply(reply) = Nobody::new(Rc::clone(&call)).request(&head(&[])) else {
        panic!("there is no fallback")
    };
    assert_eq!(reply.status, 429);
    assert!(String::from_utf8(reply.body).unwrap().contains("slow down"));
}

#[test]
fn a_stream_that_begins_with_an_error_is_an_answer_with_that_error() {
    let call = asking("gpt", r#""stream":true,"#);
    let _ = call.leg();
    let mut attempt = attempt(&call, "gpt-1");
    let body = br#"{"model":"x","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    assert!(matches!(attempt.request(body, NOW_MS), Outgoing::Send { .. }));
    let given = head(&[(":status", "200"), ("content-type", "text/event-stream")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let event = b"data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n";
    assert!(matches!(attempt.open(&event[..20], false, 0), Opening::Wait));
    let Opening::Begin(headers, told) = attempt.open(event, false, 0) else { panic!("the event is whole") };
    let value = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value);
    assert_eq!(value(":status"), Some("503"));
    assert_eq!(value("content-type"), Some("application/json"));
    assert!(value("x-switchboard-retry").is_some());
    assert!(String::from_utf8(told).unwrap().contains("overloaded"));
    assert!(attempt.is_failed());
}

#[test]
fn the_chain_of_attempts_names_every_provider_and_what_it_said() {
    let call = asking("claude", "");
    let _ = call.leg();
    failed(&call, "claude-1", "529", "overloaded");
    tried(&call, "claude-1", 1);
    failed(&call, "gpt-1", "503", "down");
    assert_eq!(call.chain(), "anthropic:529>anthropic:->openai:503");
    call.told_trace(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    call.settle(503, NOW_MS + 900, |entry| {
        let attempts = &entry.detail.attempts;
        let told: Vec<_> = attempts.iter().map(|one| (&*one.deployment_id, one.status)).collect();
        assert_eq!(told, [("claude-1", 529), ("claude-1", 0), ("gpt-1", 503)]);
        let errors: Vec<_> =
            attempts.iter().map(|one| one.error.as_ref().map(|error| error.class.to_string())).collect();
        assert!(errors[0].is_some() && errors[1].is_none() && errors[2].is_some(), "{errors:?}");
        assert!(attempts.iter().all(|one| one.model.contains('/') && one.began_ms < 900), "{attempts:?}");
        assert_eq!(entry.detail.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    });
}

#[test]
fn a_single_attempt_is_not_reported_twice_and_a_trace_only_if_it_is_sampled() {
    let call = asking("claude", "");
    let _ = call.leg();
    failed(&call, "claude-1", "401", "no");
    for parent in
        [None, Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), Some("odd"), Some("")]
    {
        call.told_trace(parent);
    }
    call.settle(401, NOW_MS, |entry| {
        assert!(entry.detail.attempts.is_empty() && entry.detail.trace_id.is_empty());
    });
}

#[test]
fn a_fallback_that_is_no_model_is_refused() {
    let (mut admission, _) = switchboard::exchange::Admission::begin(
        &crate::support::table(),
        &crate::support::keyring(vec![]),
        &crate::support::post("/v1/chat/completions", crate::support::MASTER),
        true,
        NOW_MS,
    );
    admission.body_complete();
    let refused = admission.admit(br#"{"model":"gpt","fallbacks":[3],"messages":[{}]}"#).unwrap_err();
    assert_eq!(refused.status, 400);
}

/// The clusters that a request is sent to when all of them fail, each with that error.
fn way_of(call: &Rc<Call>, errors: &[(&str, &str)]) -> Vec<String> {
    let mut way = vec![call.leg().cluster.to_owned()];
    for (status, message) in errors {
        // Without retries: the last attempt of a group.
        tried(call, "gpt-1", 2);
        failed(call, "gpt-1", status, message);
        if !call.arrive() {
            break;
        }
        way.push(call.leg().cluster.to_owned());
    }
    way
}

#[test]
fn a_fallback_has_fallbacks_of_its_own_before_the_next_one_has_its_turn() {
    let down = ("503", "down");
    let all = way_of(&asking("first", ""), &[down; 9]);
    // Nobody twice: `second` would lead back to `first`.
    assert_eq!(all, ["group:first", "group:second", "group:cloud", "group:gpt"]);
    let own = way_of(&asking("first", r#""fallbacks":["cloud","second"],"#), &[down; 9]);
    assert_eq!(own, ["group:first", "group:cloud", "group:second"], "what the request says counts alone");
}

#[test]
fn each_group_on_the_way_is_left_for_its_own_reason() {
    let long = ("400", "This model's maximum context length is 8192 tokens.");
    let down = ("503", "down");
    let way = way_of(&asking("first", ""), &[down, long, down, down]);
    assert_eq!(way, ["group:first", "group:second", "group:openai/*", "group:gpt"]);
}
