//! Answers that are streamed: what is one, how it ends, and what it costs.

use std::rc::Rc;

use switchboard::exchange::{Call, HeadStep, Headers, Opening};

use crate::attempt::{BODY, answer, send, sent, value};
use crate::support::{NOW_MS, attempt, call, head};

fn stream(chunks: &[(&str, bool)]) -> (Rc<Call>, String) {
    let (call, _, out) = streamed(Some("text/event-stream"), chunks);
    (call, out)
}

/// What the client of a stream gets: status, content type, body. `content_type` is what the provider says.
fn streamed(content_type: Option<&str>, chunks: &[(&str, bool)]) -> (Rc<Call>, String, String) {
    let body = BODY.replace("{\"model\"", "{\"stream\":true,\"model\"");
    let call = call(&body);
    let mut attempt = attempt(&call, "gpt-1");
    send(&mut attempt, &body);
    let mut pairs = vec![(":status", "200")];
    pairs.extend(content_type.map(|content_type| ("content-type", content_type)));
    assert!(matches!(attempt.response_head(head(&pairs), false), HeadStep::Hold));
    let (mut out, mut held, mut said) = (Vec::new(), Vec::new(), String::new());
    let told = |headers: &Headers| {
        let both = [":status", "content-type"].map(|name| value(headers, name).unwrap_or_default());
        both.join(" ")
    };
    for (chunk, last) in chunks {
        if attempt.is_streaming() {
            out.extend_from_slice(attempt.response_chunk(chunk.as_bytes(), *last).unwrap());
            continue;
        }
        held.extend_from_slice(chunk.as_bytes());
        if attempt.is_opening()
            && let Opening::Begin(headers, events) = attempt.open(&held, *last, 0)
        {
            said = told(&headers);
            out.extend_from_slice(&events);
        }
        if attempt.is_holding() && *last {
            let (headers, body) = attempt.response_body(&held).unwrap();
            said = told(&headers);
            out.extend_from_slice(&body);
        }
    }
    (call, said, String::from_utf8(out).unwrap())
}

const EVENT_STREAM: &str = "200 text/event-stream; charset=utf-8";

#[test]
fn a_stream_is_a_stream_whatever_its_content_type() {
    for content_type in [None, Some("application/json"), Some("text/plain"), Some("text/html")] {
        for beginning in ["", "\n", ": hello\n\n", "\u{feff}"] {
            let chunks =
                [("", false), (beginning, false), (WORD, false), (USAGE, false), ("data: [DONE]\n\n", true)];
            let (call, said, out) = streamed(content_type, &chunks);
            assert_eq!(said, EVENT_STREAM, "{content_type:?}");
            assert!(
                out.contains("some words") && out.ends_with("data: [DONE]\n\n"),
                "{content_type:?}: {out}"
            );
            assert_eq!(call.settle(200, NOW_MS, |entry| entry.completion_tokens), 4);
        }
    }
}

#[test]
fn a_whole_answer_to_a_request_for_a_stream_is_streamed_from_here() {
    let answer = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#;
    let (before, after) = answer.split_at(40);
    for content_type in [None, Some("application/json"), Some("text/event-stream")] {
        let (call, said, out) = streamed(content_type, &[("\n", false), (before, false), (after, true)]);
        assert_eq!(said, EVENT_STREAM, "{content_type:?}");
        assert!(out.contains(r#""delta":{"role":"assistant","content":"hi"}"#), "{out}");
        assert!(
            out.contains(r#""model":"gpt""#) && out.ends_with("data: [DONE]\n\n") && !out.contains("usage"),
            "{out}"
        );
        let entry = call.settle(200, NOW_MS, |entry| entry.clone().into_owned());
        assert_eq!((entry.prompt_tokens, entry.completion_tokens), (9, 4));
    }
}

#[test]
fn lines_of_json_in_the_place_of_events_are_a_stream_however_they_are_cut() {
    let data = |event: &str| event.trim().strip_prefix("data: ").unwrap().to_owned();
    let finish = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    for (separator, end) in [("\n", ""), ("\r\n", "\r\n"), ("\n\n", "\n[DONE]\n")] {
        let lines = [&data(WORD), finish, &data(USAGE)].join(separator) + end;
        for at in 0..=lines.len() {
            let (one, two) = lines.split_at(at);
            let (call, said, out) = streamed(Some("application/json"), &[(one, false), (two, true)]);
            assert_eq!(said, EVENT_STREAM, "cut at {at}: {out}");
            assert!(out.starts_with("data: {") && out.contains("some words"), "cut at {at}: {out}");
            assert_eq!(out.matches("data: [DONE]\n\n").count(), 1, "cut at {at}: {out}");
            assert!(out.ends_with("data: [DONE]\n\n") && !out.contains("error"), "cut at {at}: {out}");
            assert_eq!(call.settle(200, NOW_MS, |entry| entry.completion_tokens), 4, "cut at {at}");
        }
    }
    // One that breaks off is told, as every stream is.
    let (_, _, out) = streamed(Some("application/x-ndjson"), &[(&data(WORD), false), ("\n{\"id\":", true)]);
    assert!(out.contains("error") && !out.contains("[DONE]"), "{out}");
}

#[test]
fn an_error_and_a_page_in_the_place_of_a_stream_are_errors() {
    let error = r#"{"error":{"message":"slow down","code":429}}"#;
    for content_type in [None, Some("application/json"), Some("text/event-stream")] {
        let (_, said, out) = streamed(content_type, &[(error, true)]);
        assert_eq!(said, "429 application/json", "{content_type:?}");
        assert!(out.contains("OpenAIException - slow down"), "{out}");
        let (_, said, out) = streamed(content_type, &[("<html>", false), ("</html>", true)]);
        assert_eq!(said, "502 application/json", "{content_type:?}");
        assert!(out.contains("HTML"), "{out}");
    }
}

#[test]
fn a_stream_that_was_not_asked_for_is_an_error_that_says_so() {
    for content_type in ["text/event-stream", "application/json"] {
        let (headers, body) = answer(&mut sent(&call(BODY), "gpt-1"), "200", content_type, WORD);
        assert_eq!(value(&headers, ":status"), Some("502"));
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.ends_with("the provider sent a stream that was not requested"), "{message}");
    }
}

const WORD: &str = "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"some words that the model has said so far\"},\"finish_reason\":null}]}\n\n";
const USAGE: &str = "data: {\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}\n\n";

#[test]
fn usage_that_the_client_did_not_ask_for_is_counted_and_hidden() {
    let (call, out) = stream(&[(WORD, false), (USAGE, false), ("data: [DONE]\n\n", true)]);
    assert!(out.ends_with("data: [DONE]\n\n") && !out.contains("usage"), "{out}");
    let entry = call.settle(200, NOW_MS, |entry| entry.clone().into_owned());
    assert_eq!((entry.prompt_tokens, entry.completion_tokens), (9, 4));
}

#[test]
fn a_stream_that_ends_early_is_an_error_without_done_and_is_billed_for_its_words() {
    let (call, out) = stream(&[(WORD, false), ("", true)]);
    assert!(out.contains("\"error\"") && !out.contains("[DONE]"), "{out}");
    let entry = call.settle(200, NOW_MS, |entry| entry.clone().into_owned());
    assert!(entry.completion_tokens > 0 && entry.prompt_tokens > 0);
}

#[test]
fn a_stream_whose_end_is_never_seen_is_billed_for_its_words() {
    let (call, _) = stream(&[(WORD, false)]);
    assert!(call.settle(200, NOW_MS, |entry| entry.completion_tokens) > 0);
}

#[test]
fn a_stream_that_dies_is_billed_for_its_words_and_the_texts_of_its_prompt() {
    let picture = "A".repeat(1 << 20);
    let body = format!(
        r#"{{"model":"gpt","stream":true,"messages":[{{"role":"user","content":[{{"type":"text","text":"one two"}},
           {{"type":"image_url","image_url":{{"url":"data:image/png;base64,{picture}"}}}}]}}]}}"#
    );
    let call = call(&body);
    let mut attempt = attempt(&call, "gpt-1");
    send(&mut attempt, &body);
    let given = head(&[(":status", "200"), ("content-type", "text/event-stream")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    // Without null fields, as some vendors write them.
    let chunk = "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n";
    assert!(matches!(attempt.open(chunk.as_bytes(), false, NOW_MS), Opening::Begin(..)));
    for _ in 1..1_000 {
        attempt.response_chunk(chunk.as_bytes(), false);
    }
    let used = call.settle(200, NOW_MS, |entry| (entry.prompt_tokens, entry.completion_tokens));
    assert_eq!(used, (4 + 2 + 765, 1_000));
}
