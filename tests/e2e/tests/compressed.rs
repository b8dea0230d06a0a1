//! Content codings: of answers that nobody asked to be compressed, and of requests.

use fake_provider::{Fault, Reply, Step};
use serde_json::json;
use switchboard_e2e::{Answer, question, world};

const CODINGS: [&str; 5] = ["gzip", "deflate", "raw deflate", "br", "zstd"];

async fn ask(model: &str, stream: bool, step: Step) -> Answer {
    let world = world();
    let case = world.case();
    case.then(step);
    let mut body = question(model, &case.prompt("Hello"));
    body["stream"] = json!(stream);
    // The client's own wish is not passed on, for the filter has to read the answer.
    let call = world.post("/v1/chat/completions", &body).await;
    let answer = call.header("accept-encoding", "gzip, br").send().await;
    let accepted = case.requests()[0].header("accept-encoding");
    assert_eq!(accepted, "identity", "{model}");
    assert_eq!(answer.header("content-encoding"), "", "{model} stream={stream}");
    answer
}

#[tokio::test]
async fn a_compressed_answer_is_the_same_as_any_other() {
    for model in ["gpt-4o", "claude"] {
        for coding in CODINGS {
            let step = || Step::default().with(Fault::compressed(coding));
            let said = |text: &str| text.starts_with("You said: Hello");
            let whole = ask(model, false, step()).await.expect(200).json();
            let content = whole["choices"][0]["message"]["content"].as_str();
            assert!(content.is_some_and(said), "{model} {coding}: {whole}");
            let events = ask(model, true, step()).await.expect(200).events();
            assert!(said(&events.text()), "{model} {coding}: {}", events.text());
            assert!(events.error().is_none(), "{model} {coding}");
        }
    }
}

#[tokio::test]
async fn a_compressed_error_keeps_its_status_and_its_words() {
    for model in ["gpt-4o", "claude"] {
        for coding in CODINGS {
            for stream in [false, true] {
                let refusal = Fault::status(400);
                let plain =
                    ask(model, stream, Step::default().with(refusal.clone())).await.expect(400).error();
                let step = Step::default().with(refusal).with(Fault::compressed(coding));
                assert_eq!(ask(model, stream, step).await.expect(400).error(), plain, "{model} {coding}");
            }
        }
    }
}

#[tokio::test]
async fn a_coding_that_nobody_knows_is_named() {
    for stream in [false, true] {
        let answer = ask("gpt-4o", stream, Step::default().with(Fault::compressed("x-secret"))).await;
        let error = answer.expect(502).error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("compressed with x-secret and cannot be decompressed"), "{message}");
    }
}

#[tokio::test]
async fn an_answer_that_is_large_decompressed_passes_up_to_a_limit_and_is_then_an_error() {
    // Of a megabyte each: a stream has an event for every word.
    let words = |mib: usize| vec!["w".repeat(1 << 20); mib].join(" ");
    for stream in [false, true] {
        let step = |mib| Step::reply(Reply::text(words(mib))).with(Fault::compressed("gzip"));
        let answer = ask("gpt-4o", stream, step(4)).await.expect(200);
        assert!(answer.body.len() > 4 << 20, "stream={stream}: {} bytes", answer.body.len());
        let error = ask("gpt-4o", stream, step(40)).await.expect(502).error();
        assert!(
            error["message"].as_str().unwrap().contains("larger than 32 MiB"),
            "stream={stream}: {error}"
        );
    }
}

#[tokio::test]
async fn a_compressed_request_is_refused_and_told_what_would_be_accepted() {
    let world = world();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let call = world.post("/v1/chat/completions", &json!({})).await.header("content-encoding", coding);
        let answer = call.body(&b"\x1f\x8b\x08\x00"[..]).send().await.expect(415);
        assert_eq!(answer.header("accept-encoding"), "identity");
        let error = answer.error();
        assert!(error["message"].as_str().unwrap().contains(coding), "{error}");
    }
    let body = question("demo", "Hello");
    let plain = world.post("/v1/chat/completions", &body).await.header("content-encoding", "identity");
    plain.send().await.expect(200);
    // Who has no key learns that first.
    let call = world.stack.client().post("/v1/chat/completions", &body).header("content-encoding", "gzip");
    call.send().await.expect(401);
}
