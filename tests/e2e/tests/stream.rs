//! `/v1/chat/completions`, streamed.

use std::time::{Duration, Instant};

use fake_provider::case::Wire;
use fake_provider::faults::CutHow;
use fake_provider::{Fault, Finish, Provider, Reply, Step, Usage};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Config, Events, MASTER_KEY, OPENAI_KEY, Setup, openai, question, world};

const MODELS: [&str; 2] = ["gpt-4o", "claude"];

fn streamed(model: &str, prompt: &str, include_usage: Option<bool>) -> Value {
    let mut body = question(model, prompt);
    body["stream"] = json!(true);
    if let Some(include_usage) = include_usage {
        body["stream_options"] = json!({ "include_usage": include_usage });
    }
    body
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        case.then(Step::reply(Reply::text("The caf\u{e9} \"du monde\"\n is \u{1f1eb}\u{1f1f7} open.")));
        let whole = world.chat(model, &case.prompt("Hello")).await.expect(200).json();
        let answer = world.stream(model, &case.prompt("Hello")).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let events = answer.events();
        assert_eq!(events.text(), whole["choices"][0]["message"]["content"], "{model}");
        assert_eq!(events.finish_reasons(), ["stop"], "{model}");
        assert!(events.is_done(), "{model}: {events:?}");
        let chunks = events.chunks();
        assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant", "{model}");
        for chunk in &chunks {
            assert_eq!(chunk["object"], "chat.completion.chunk", "{model}");
            assert_eq!(chunk["model"], model, "the client sees the name that it asked for");
            assert_eq!(chunk["id"], chunks[0]["id"], "{model}");
            assert_eq!(chunk["created"], chunks[0]["created"], "{model}");
        }
    }
}

#[tokio::test]
async fn usage_is_always_asked_for_and_shown_only_to_those_who_ask() {
    let world = world();
    for model in MODELS {
        for (asked, shown) in [(None, false), (Some(false), false), (Some(true), true)] {
            let case = world.case();
            let usage = Usage { input: 3, cached: 2, cache_write: 0, output: 6, reasoning: 0 };
            case.then(Step::reply(Reply::text("one two").usage(usage)));
            let body = streamed(model, &case.prompt("Hello"), asked);
            let events = world.post("/v1/chat/completions", &body).await.send().await.expect(200).events();
            let told = events.usage();
            assert_eq!(told.is_some(), shown, "{model} {asked:?}: {events:?}");
            if let Some(told) = told {
                assert_eq!(told["prompt_tokens"], 5, "{model}");
                assert_eq!(told["completion_tokens"], 6, "{model}");
                assert_eq!(told["prompt_tokens_details"]["cached_tokens"], 2, "{model}");
                let last = events.chunks().pop().unwrap();
                assert_eq!(last["choices"], json!([]), "usage comes in a chunk of its own, the last one");
            }
            if model == "gpt-4o" {
                assert_eq!(case.request().json()["stream_options"]["include_usage"], true);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_cut_by_the_network_anywhere_is_the_same_stream() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let reply = Reply::text("caf\u{e9} \u{1f1eb}\u{1f1f7}")
            .and_call("weather", &json!({ "city": "Z\u{fc}rich" }));
        case.then(Step::reply(reply.clone()));
        for size in [1, 2, 3, 7, 64, 1000] {
            case.then(Step::reply(reply.clone()).with(Fault::Shred { size }));
        }
        let mut body = streamed(model, &case.prompt("Hello"), Some(true));
        body["tools"] = json!([{ "type": "function", "function": { "name": "weather" } }]);
        let mut answers: Vec<Vec<Value>> = Vec::new();
        for _ in 0..7 {
            let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200);
            assert!(answer.events().is_done());
            let mut chunks = answer.events().chunks();
            for chunk in &mut chunks {
                // What differs from request to request.
                for name in ["id", "created"] {
                    chunk.as_object_mut().unwrap().remove(name);
                }
            }
            answers.push(chunks);
        }
        for answer in &answers[1..] {
            assert_eq!(*answer, answers[0], "{model}");
        }
    }
}

#[tokio::test]
async fn the_first_words_come_before_the_last_ones_are_said() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        case.then(
            Step::reply(Reply::text("first second third")).with(Fault::Stall { after: 5, ms: Some(1500) }),
        );
        let begun = Instant::now();
        let body = streamed(model, &case.prompt("Hello"), None);
        let mut answer = world.post("/v1/chat/completions", &body).await.open().await;
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("first") {
            seen.extend_from_slice(&answer.next().await.expect("the first words"));
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{model}: {:?}", begun.elapsed());
        while let Some(more) = answer.next().await {
            seen.extend_from_slice(&more);
        }
        assert!(begun.elapsed() >= Duration::from_millis(1500), "{model}: {:?}", begun.elapsed());
        let events = Events::parse(&seen);
        assert_eq!(events.text(), "first second third");
        assert!(events.is_done());
    }
}

async fn broken(model: &str, fault: Fault) -> Answer {
    let world = world();
    let case = world.case();
    case.then(Step::reply(Reply::text("one two three four five six")).with(fault));
    let answer = world.stream(model, &case.prompt("Hello")).await;
    assert_eq!(case.requests().len(), 1, "what has begun to be answered is not asked again");
    answer
}

#[tokio::test]
async fn a_stream_that_ends_early_ends_in_an_error_and_not_in_done() {
    for model in MODELS {
        for how in [CutHow::Clean, CutHow::HalfEvent] {
            let events = broken(model, Fault::Cut { after: 6, how }).await.expect(200).events();
            let said = events.text();
            assert!(said.starts_with("one") && !said.contains("six"), "{model} {how:?}: {said}");
            let error = events.error().unwrap_or_else(|| panic!("{model} {how:?}: {events:?}"));
            assert_eq!(error["type"], "internal_server_error", "{model} {how:?}");
            assert!(matches!(error["code"].as_str(), Some("500" | "502")), "{model} {how:?}: {error}");
            assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{model} {how:?}");
            assert!(
                !events.0.iter().any(|data| data == "[DONE]"),
                "{model} {how:?}: nothing was done: {events:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_is_an_error_event() {
    for model in MODELS {
        let events = broken(model, Fault::ErrorInside { after: 6, status: 529 }).await.expect(200).events();
        assert!(events.text().starts_with("one"), "{model}: {events:?}");
        let error = events.error().unwrap_or_else(|| panic!("{model}: {events:?}"));
        assert!(error["message"].to_string().contains("out of sorts"), "{model}: {error}");
        assert!(error["code"].is_string() && error["type"].is_string(), "{model}: {error}");
    }
}

#[tokio::test]
async fn a_stream_whose_connection_is_reset_does_not_look_complete() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let fault = Fault::Cut { after: 6, how: CutHow::Reset };
        case.then(Step::reply(Reply::text("one two three four five six")).with(fault));
        let body = streamed(model, &case.prompt("Hello"), None);
        let answer = world.post("/v1/chat/completions", &body).await.try_send().await;
        // Envoy passes a reset on as a reset; where it does not, the stream has to say so.
        if let Ok(answer) = answer {
            assert!(answer.events().error().is_some(), "{model}: {}", answer.text());
            assert!(!answer.text().contains("[DONE]"), "{model}");
        }
        assert_eq!(case.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_provider() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        case.then(Step::reply(Reply::text("one")).with(Fault::Endless { ms: 20 }));
        let body = streamed(model, &case.prompt("Hello"), None);
        let mut answer = world.post("/v1/chat/completions", &body).await.open().await;
        assert_eq!(answer.status, 200);
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("more") {
            seen.extend_from_slice(&answer.next().await.expect("an endless stream"));
        }
        drop(answer);
        let requests = case.wait_for(|requests| requests[0].aborted).await;
        assert!(requests[0].aborted, "{model}: the provider is still talking");
    }
}

#[tokio::test]
async fn a_mock_can_stream() {
    let events = world().stream("demo", "Hello").await.expect(200).events();
    assert_eq!(events.text(), "Hello from the demo model.");
    assert!(events.is_done());
}

#[tokio::test]
async fn completions_can_be_streamed() {
    let world = world();
    let case = world.case();
    let body = json!({ "model": "instruct", "prompt": case.prompt("Once"), "stream": true });
    let events = world.post("/v1/completions", &body).await.send().await.expect(200).events();
    let chunks = events.chunks();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str()).collect();
    assert_eq!(text, format!("You said: {}", case.prompt("Once")));
    assert!(chunks.iter().all(|chunk| chunk["object"] == "text_completion" && chunk["model"] == "instruct"));
    assert!(events.is_done());
}

#[tokio::test]
async fn a_long_stream_loses_nothing() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let text = (0..5000).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        case.then(Step::reply(Reply::text(text.clone()).finish(Finish::Length)));
        let events = world.stream(model, &case.prompt("Count")).await.expect(200).events();
        assert_eq!(events.text(), text, "{model}");
        assert_eq!(events.finish_reasons(), ["length"], "{model}");
        assert!(events.is_done(), "{model}");
    }
}

#[tokio::test]
async fn lines_of_json_in_the_place_of_events_are_a_stream() {
    let provider = Provider::start().expect("a provider");
    let base = format!("{}/scripted/lines", provider.base());
    let stack = Setup::new(&Config::new().model("lines", openai("m", &base, OPENAI_KEY))).start();
    let chunk = |choice: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]});
        format!("{chunk}\n")
    };
    let said = |word: &str| chunk(json!({"index": 0, "delta": {"content": word}, "finish_reason": null}));
    let end = chunk(json!({"index": 0, "delta": {}, "finish_reason": "stop"}));
    let lines = [said("one"), said(" two"), said(" three"), end];
    for content_type in ["application/json", "application/x-ndjson", "text/event-stream"] {
        let ask = async |pieces: &[&[u8]]| {
            let case = provider.case();
            case.then(Step::wire(Wire::stream(content_type, pieces.iter().copied())));
            let body = streamed("lines", &case.prompt("Hello"), None);
            stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await
        };
        let pieces: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let events = ask(&pieces).await.expect(200).events();
        assert!(events.is_done() && events.text() == "one two three", "{content_type}: {events:?}");
        // One that ends before its answer does.
        let events = ask(&pieces[..2]).await.expect(200).events();
        assert!(!events.is_done() && events.error().is_some(), "{content_type}: {events:?}");
    }
}
