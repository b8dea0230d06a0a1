//! What is asked of models besides texts and vectors.

use std::fmt::Write as _;
use std::rc::Rc;

use switchboard::exchange::{Admission, Call, HeadStep, Outgoing, Reply, Step};
use switchboard::limits::Habits;

use crate::attempt::{answer, value};
use crate::support::{MASTER, NOW_MS, attempt, head, keyring, post, record, table_of_operations};

fn asked(path: &str, body: &str) -> Result<Call, Reply> {
    let (mut admission, step) =
        Admission::begin(&table_of_operations(), &keyring(vec![]), &post(path, MASTER), true, NOW_MS);
    assert!(matches!(step, Step::Wait));
    assert!(matches!(admission.body_complete(), Step::Admit));
    admission.admit(body.as_bytes())
}

const DOCUMENTS: &str = r#"{"model":"rank","query":"q","documents":["a","b"]}"#;

#[test]
fn a_search_is_charged_by_the_request_where_the_answer_does_not_tell() {
    for (documents, cost) in [(2, "0.001"), (100, "0.001"), (101, "0.002")] {
        let list = vec![r#""d""#; documents].join(",");
        let call = Rc::new(
            asked("/v1/rerank", &format!(r#"{{"model":"rank","query":"q","documents":[{list}]}}"#)).unwrap(),
        );
        let mut attempt = attempt(&call, "rank-1");
        let Some(Outgoing::Send { headers, .. }) = attempt.request_kept(NOW_MS) else { panic!("not sent") };
        assert_eq!(value(&headers, ":path"), Some("/model/amazon.rerank-v1%3A0/invoke"));
        let said = r#"{"results":[{"index":1,"relevance_score":0.5}]}"#;
        let (headers, _) = answer(&mut attempt, "200", "application/json", said);
        assert_eq!(value(&headers, "x-litellm-response-cost"), Some(cost), "{documents}");
        call.settle(200, NOW_MS, |entry| assert_eq!((&*entry.mode, entry.completion_tokens), ("rerank", 0)));
    }
}

#[test]
fn a_search_reserves_its_price() {
    let key = record("sk-limited-0123456789", |json| {
        json["accounts"] = serde_json::json!([{ "id": { "kind": "key", "id": "k" }, "spend": 0, "max_budget": 5_000_000_000_000_u64 }]);
    });
    let ring = keyring(vec![key]);
    let head = post("/v1/rerank", "sk-limited-0123456789");
    let (mut admission, _) = Admission::begin(&table_of_operations(), &ring, &head, true, NOW_MS);
    admission.body_complete();
    let call = admission.admit(DOCUMENTS.as_bytes()).unwrap();
    let claim = call.claim(&Habits::default()).expect("a key with a budget");
    assert_eq!(claim.amount().money, 1_000_000_000);
}

#[test]
fn a_request_for_moderation_may_leave_out_the_model() {
    let call = asked("/v1/moderations", r#"{"input":"x"}"#).unwrap();
    assert_eq!(call.group_name(), "omni-moderation-latest");
    let refused = asked("/v1/rerank", r#"{"query":"q","documents":["d"]}"#).unwrap_err();
    assert!(String::from_utf8_lossy(&refused.body).contains("You passed in model=None"));
}

#[test]
fn a_model_with_another_mode_is_not_asked() {
    for (path, body, mode) in [
        ("/v1/rerank", r#"{"model":"gpt","query":"q","documents":["d"]}"#, "'chat'"),
        ("/v1/moderations", r#"{"model":"rank","input":"x"}"#, "'rerank'"),
    ] {
        let refused = asked(path, body).unwrap_err();
        let said = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(
            refused.status == 400 && said.contains(mode) && said.contains(r#""param":"model""#),
            "{said}"
        );
    }
}

#[test]
fn images_reserve_their_price_and_cost_what_their_tokens_cost() {
    let body = r#"{"model":"draw","prompt":"a cat","n":2,"size":"1024x1024","quality":"high"}"#;
    let call = Rc::new(asked("/v1/images/generations", body).unwrap());
    let expected = switchboard::price::cost(
        call.table.endpoint("draw-1").unwrap().deployment.price.as_ref().unwrap(),
        &switchboard::facts::Usage { units: call.units, ..Default::default() },
    );
    assert_eq!(expected, 334_000_000_000);
    let mut attempt = attempt(&call, "draw-1");
    attempt.request_kept(NOW_MS).unwrap();
    let said = r#"{"created":1,"data":[{"b64_json":"AA"},{"b64_json":"AA"}],"usage":{"input_tokens":10,"output_tokens":100}}"#;
    let (headers, body) = answer(&mut attempt, "200", "application/json", said);
    assert_eq!(value(&headers, "x-litellm-response-cost"), Some("0.00405"));
    assert_eq!(body, serde_json::from_str::<serde_json::Value>(said).unwrap());
}

#[test]
fn audio_is_passed_on_under_its_own_type_and_an_error_is_translated() {
    let body = r#"{"model":"speak","input":"Hello","voice":"alloy"}"#;
    let ask = || {
        let call = Rc::new(asked("/v1/audio/speech", body).unwrap());
        let mut attempt = attempt(&call, "speak-1");
        let Some(Outgoing::Send { headers, .. }) = attempt.request_kept(NOW_MS) else { panic!("not sent") };
        assert_eq!(value(&headers, "accept"), Some("*/*"));
        (call, attempt)
    };
    let (call, mut attempt) = ask();
    let given = head(&[(":status", "200"), ("content-type", "audio/mpeg"), ("content-length", "7")]);
    let HeadStep::Relay(headers) = attempt.response_head(given, false) else { panic!("held") };
    assert_eq!(value(&headers, "content-type"), Some("audio/mpeg"));
    assert_eq!(value(&headers, "content-length"), Some("7"));
    assert_eq!(value(&headers, "x-litellm-response-cost"), Some("0.000075"));
    assert!(
        !attempt.is_holding() && !attempt.is_streaming() && !attempt.is_opening() && !attempt.is_failed()
    );
    call.settle(200, NOW_MS, |entry| assert_eq!(entry.cost_picodollars, Some(75_000_000)));

    let (_, mut attempt) = ask();
    let said = r#"{"error":{"message":"no such voice","type":"invalid_request_error","param":"voice"}}"#;
    let (headers, body) = answer(&mut attempt, "400", "application/json", said);
    assert_eq!(value(&headers, ":status"), Some("400"));
    assert!(body.to_string().contains("no such voice"));
}

/// A form with a file and fields.
fn form(file: &str, fields: &[(&str, &str)]) -> String {
    let mut form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"{file}\"; filename=\"f\"\r\n\r\n{}\r\n",
        "x".repeat(32_000)
    );
    for (name, value) in fields {
        write!(form, "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").unwrap();
    }
    form + "--b--\r\n"
}

#[test]
fn a_form_is_sent_with_the_providers_model_and_without_what_is_for_the_gateway() {
    let fields =
        [("model", "hear"), ("num_retries", "1"), ("metadata", r#"{"tags":["t"]}"#), ("language", "en")];
    let body = form("file", &fields);
    let call = Rc::new(asked("/v1/audio/transcriptions", &body).unwrap());
    assert_eq!(call.origin.tags, ["t"]);
    let mut attempt = attempt(&call, "hear-1");
    assert!(attempt.request_kept(NOW_MS).is_none(), "the file was not kept");
    let Outgoing::Send { headers, body } = attempt.request(body.as_bytes(), NOW_MS) else {
        panic!("not sent")
    };
    assert_eq!(value(&headers, ":path"), Some("/v1/audio/transcriptions"));
    assert_eq!(value(&headers, "content-type"), Some("multipart/form-data; boundary=\"b\""));
    let expected = form("file", &[("model", "whisper-1"), ("language", "en")]);
    assert_eq!(String::from_utf8(body).unwrap(), expected.trim_end());

    let said = r#"{"text":"Hi","usage":{"type":"duration","seconds":9}}"#;
    let (headers, _) = answer(&mut attempt, "200", "application/json", said);
    assert_eq!(value(&headers, "x-litellm-response-cost"), Some("0.0009"));
}

#[test]
fn a_transcript_in_another_format_keeps_its_type_and_costs_what_the_file_is_long() {
    let body = form("file", &[("model", "hear"), ("response_format", "srt")]);
    let call = Rc::new(asked("/v1/audio/transcriptions", &body).unwrap());
    let mut attempt = attempt(&call, "hear-1");
    attempt.request_kept(NOW_MS);
    attempt.request(body.as_bytes(), NOW_MS);
    let given = head(&[(":status", "200"), ("content-type", "application/x-subrip")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let said = b"1\n00:00:00,000 --> 00:00:02,000\nHi\n";
    let (headers, body) = attempt.response_body(said).unwrap();
    assert_eq!((value(&headers, "content-type"), &*body), (Some("application/x-subrip"), &said[..]));
    // Two seconds.
    assert_eq!(value(&headers, "x-litellm-response-cost"), Some("0.0002"));
}

#[test]
fn a_form_without_a_model_gets_the_one_of_the_path() {
    let body = form("file", &[]);
    let call = Rc::new(asked("/openai/deployments/hear/audio/translations", &body).unwrap());
    let mut attempt = attempt(&call, "hear-1");
    let Outgoing::Send { body, .. } = attempt.request(body.as_bytes(), NOW_MS) else { panic!("not sent") };
    let head = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b\r\n";
    assert!(String::from_utf8(body).unwrap().starts_with(head));
}
