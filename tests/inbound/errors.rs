//! Every provider's errors, as clients of every API get them: the envelope, the status and the class that their SDKs know.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use switchboard::facts::{Class, Fault};
use switchboard::inbound::{GENERATE, Language, MESSAGES, RESPONSES};
use switchboard::openai::ErrorBody;

use super::fixtures::{Kind, cases};
use super::{folder, golden};

/// Chat completions have theirs in `tests/golden/error/`.
const APIS: [&dyn Language; 3] = [&MESSAGES, &RESPONSES, &GENERATE];

/// Status and body, as a client gets them.
fn told(language: &dyn Language, error: &ErrorBody) -> (u16, Value) {
    let body = language.error(error, "req_fixture").unwrap_or_else(|| error.to_json());
    (language.status(error), serde_json::from_slice(&body).unwrap())
}

#[test]
fn errors_of_every_provider_are_in_the_clients_words() {
    let mut errors: BTreeMap<&str, Vec<(String, ErrorBody)>> = BTreeMap::new();
    for case in cases(Kind::Error) {
        let status = case.name.split('-').next().unwrap().parse().unwrap();
        let fault = case.dialect().error(status, &case.input, &case.memo());
        let error = fault.to_body(case.provider.name);
        errors.entry(case.provider.name).or_default().push((case.name.clone(), error));
    }
    assert!(errors.len() > 5);
    for language in APIS {
        for (provider, errors) in &errors {
            let mut file = String::from("{\n");
            for (at, (name, error)) in errors.iter().enumerate() {
                let (status, body) = told(language, error);
                assert!((400..600).contains(&status), "{name}: {status}");
                let words = body["error"]["message"].as_str().unwrap();
                assert!(words.contains("Exception - "), "{provider}/{name}: {words}");
                let comma = if at + 1 < errors.len() { "," } else { "" };
                writeln!(file, "{}: {}{comma}", json!(name), json!({"status": status, "body": body}))
                    .unwrap();
            }
            file += "}\n";
            golden(&folder(language).join(format!("error/{provider}.json")), file.as_bytes());
        }
    }
}

#[test]
fn errors_of_messages_have_the_status_and_the_type_that_clients_act_on() {
    let of_class = |class| Fault::new(class, "x").to_body("openai");
    for (error, status, kind) in [
        (of_class(Class::BadRequest), 400, "invalid_request_error"),
        (of_class(Class::Authentication), 401, "authentication_error"),
        (of_class(Class::PaymentRequired), 402, "billing_error"),
        (of_class(Class::PermissionDenied), 403, "permission_error"),
        (of_class(Class::NotFound), 404, "not_found_error"),
        (of_class(Class::Timeout), 408, "timeout_error"),
        (ErrorBody::new(409, "conflict", "x"), 409, "conflict_error"),
        (ErrorBody::new(413, "too_large", "x"), 413, "request_too_large"),
        // Claude Code takes 422 for a refused beta feature, and sends six requests.
        (of_class(Class::UnprocessableEntity), 400, "invalid_request_error"),
        (ErrorBody::new(422, "budget_exceeded", "x"), 402, "billing_error"),
        (of_class(Class::RateLimit), 429, "rate_limit_error"),
        (of_class(Class::InternalServer), 500, "api_error"),
        (of_class(Class::BadGateway), 502, "api_error"),
        (of_class(Class::ServiceUnavailable), 529, "overloaded_error"),
        (ErrorBody::new(504, "timeout", "x"), 504, "timeout_error"),
    ] {
        let (told, body) = told(&MESSAGES, &error);
        assert_eq!((told, &body["type"], &body["error"]["type"]), (status, &json!("error"), &json!(kind)));
        assert_eq!(body["request_id"], "req_fixture");
    }
}

#[test]
fn a_prompt_that_is_too_long_is_told_in_the_words_that_clients_act_on() {
    let mut count = 0;
    for case in cases(Kind::Error).into_iter().filter(|case| case.name.contains("context-window")) {
        let status = case.name.split('-').next().unwrap().parse().unwrap();
        let error = case.dialect().error(status, &case.input, &case.memo()).to_body(case.provider.name);
        // Claude Code compacts the conversation when it reads these words.
        let (status, body) = told(&MESSAGES, &error);
        let words = body["error"]["message"].as_str().unwrap();
        assert!(status == 400 && words.contains("prompt is too long"), "{}: {words}", case.path());
        // Codex does so at this code.
        let (status, body) = told(&RESPONSES, &error);
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &json!("context_length_exceeded")),
            "{}",
            case.path()
        );
        count += 1;
    }
    assert!(count > 5);
}
