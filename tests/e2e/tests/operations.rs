//! What clients ask of models besides texts and vectors: moderation, rerank, images, speech, transcripts.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fake_provider::{Case, Provider, Step};
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, openai};

use crate::sdk::run_with;

/// A stack with models that do other things than to write.
struct Operations {
    provider: Provider,
    stack: Stack,
}

fn operations() -> &'static Operations {
    static STACK: OnceLock<Operations> = OnceLock::new();
    STACK.get_or_init(|| {
        let provider = Provider::start().expect("a provider");
        let stack = Setup::new(&config(&provider.base())).start();
        Operations { provider, stack }
    })
}

fn config(base: &str) -> Config {
    let at = |model: &str, path: &str| json!({ "model": model, "api_base": format!("{base}{path}"), "api_key": "k" });
    Config::new()
        .model("gpt-4o", openai("gpt-4o", base, OPENAI_KEY))
        .model("omni-moderation-latest", openai("omni-moderation-latest", base, OPENAI_KEY))
        .model("rerank", at("cohere/rerank-v3.5", "/first"))
        .model("rerank-voyage", at("voyage/rerank-2.5", "/voyage"))
        .model("gpt-image-1", openai("gpt-image-1", base, OPENAI_KEY))
        .model_with(
            "painter",
            openai("our-own-painter", base, OPENAI_KEY),
            json!({ "mode": "image_generation", "output_cost_per_image": 0.04 }),
        )
        .model("tts-1", openai("tts-1", base, OPENAI_KEY))
        .model("whisper", openai("whisper-1", base, OPENAI_KEY))
        .model("gpt-4o-transcribe", openai("gpt-4o-transcribe", base, OPENAI_KEY))
        .section(
            "router_settings",
            json!({ "disable_cooldowns": true, "fallbacks": [{ "rerank": ["rerank-voyage"] }] }),
        )
}

impl Operations {
    fn case(&self) -> Case {
        self.provider.case()
    }

    async fn as_master(&self, path: &str) -> Value {
        self.stack.client().get(path).key(MASTER_KEY).send().await.expect(200).json()
    }
}

/// Waits until the key service has recorded what was used.
async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn documents() -> Value {
    json!(["Bananas are yellow.", "Paris is the capital of France.", "Berlin is a capital."])
}

#[tokio::test]
async fn texts_are_moderated_also_without_a_model_and_cost_nothing() {
    let this = operations();
    let key = this.stack.key().await;
    for (path, model) in [("/v1/moderations", Some("omni-moderation-latest")), ("/moderations", None)] {
        let case = this.case();
        let input = json!([case.prompt("I will hurt you"), "Have a nice day"]);
        let answer = this.stack.client().post(path, &json!({ "model": model, "input": input }));
        let answer = answer.key(&key).send().await.expect(200);
        assert_eq!(answer.header("x-litellm-response-cost"), "0");
        let answer = answer.json();
        assert_eq!(answer["model"], "omni-moderation-latest");
        assert_eq!([&answer["results"][0]["flagged"], &answer["results"][1]["flagged"]], [true, false]);
        let asked = case.request();
        assert_eq!(
            (asked.target.as_str(), &asked.json()["model"]),
            ("/v1/moderations", &json!("omni-moderation-latest"))
        );
    }
}

#[tokio::test]
async fn documents_are_ranked_under_every_path_and_each_search_is_charged() {
    let this = operations();
    let key = this.stack.key().await;
    let mut spent = 0.0;
    for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
        let case = this.case();
        let body = json!({ "model": "rerank", "query": case.prompt("capital of France"), "documents": documents(), "top_n": 2 });
        let answer = this.stack.client().post(path, &body).key(&key).send().await.expect(200);
        assert_eq!(answer.header("x-litellm-response-cost"), "0.002", "{path}");
        let answer = answer.json();
        assert_eq!(answer["results"][0]["index"], 1, "{path}: {answer}");
        assert_eq!(answer["results"].as_array().map(Vec::len), Some(2), "{path}");
        assert_eq!(answer["meta"]["billed_units"]["search_units"], 1, "{path}");
        let asked = case.request();
        assert_eq!((asked.target.as_str(), asked.account.as_str()), ("/first/v2/rerank", "first"));
        assert_eq!(asked.json()["model"], "rerank-v3.5");
        spent += 0.002;
    }
    let hundreds = vec!["a document"; 101];
    let body = json!({ "model": "rerank", "query": "q", "documents": hundreds });
    let answer = this.stack.client().post("/v1/rerank", &body).key(&key).send().await.expect(200);
    assert_eq!(answer.header("x-litellm-response-cost"), "0.004", "a search has a hundred documents");
    spent += 0.004;
    let info = format!("/key/info?key={key}");
    eventually("the spend is recorded", async || {
        (this.as_master(&info).await["info"]["spend"].as_f64().unwrap() - spent).abs() < 1e-9
    })
    .await;
}

#[tokio::test]
async fn a_rerank_that_fails_is_repeated_elsewhere_in_the_other_providers_words() {
    let this = operations();
    let case = this.case();
    case.then(Step::status(500).at("first"));
    let key = this.stack.key().await;
    let body = json!({ "model": "rerank", "query": case.prompt("capital of France"), "documents": documents(), "top_n": 1, "num_retries": 0 });
    let answer = this.stack.client().post("/v1/rerank", &body).key(&key).send().await.expect(200);
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "1");
    let answer = answer.json();
    assert_eq!(
        answer["results"],
        json!([{ "index": 1, "relevance_score": answer["results"][0]["relevance_score"] }])
    );
    assert_eq!(answer["meta"]["tokens"]["input_tokens"], 15);
    let asked = case.requests().last().cloned().unwrap();
    assert_eq!((asked.target.as_str(), &asked.json()["top_k"]), ("/voyage/rerank", &json!(1)));
}

#[tokio::test]
async fn images_are_charged_by_the_piece_or_by_the_tokens_that_the_answer_reports() {
    let this = operations();
    let key = this.stack.key().await;
    // 10 tokens of the prompt at 5 dollars per million, 200 of images at 40; and two images at 4 cents.
    for (model, cost) in [("gpt-image-1", "0.00805"), ("painter", "0.08")] {
        let case = this.case();
        let prompt = case.prompt("A cat");
        let body = json!({ "model": model, "prompt": prompt, "n": 2, "size": "1024x1024" });
        let answer =
            this.stack.client().post("/v1/images/generations", &body).key(&key).send().await.expect(200);
        assert_eq!(answer.header("x-litellm-response-cost"), cost, "{model}");
        let answer = answer.json();
        assert_eq!(answer["data"].as_array().map(Vec::len), Some(2), "{answer}");
        assert_eq!(answer["data"][0]["b64_json"], STANDARD.encode(prompt));
        assert_eq!(case.request().json()["n"], 2);
    }
    let body = json!({ "model": "painter", "prompt": "A cat", "stream": true });
    let error =
        this.stack.client().post("/v1/images/generations", &body).key(&key).send().await.expect(400).error();
    assert_eq!(error["param"], "stream");
}

#[tokio::test]
async fn a_speech_is_passed_on_byte_for_byte_and_charged_by_the_character() {
    let this = operations();
    let key = this.stack.key().await;
    let case = this.case();
    let input = case.prompt("Hello \u{e9}");
    let body = json!({ "model": "tts-1", "input": input, "voice": "alloy", "response_format": "wav" });
    let answer = this.stack.client().post("/v1/audio/speech", &body).key(&key).send().await.expect(200);
    assert_eq!(answer.header("content-type"), "audio/wav");
    let said = [input.as_bytes(), &[0, 0xff]].concat().repeat(20);
    assert_eq!(answer.body, said);
    let cost: f64 = answer.header("x-litellm-response-cost").parse().unwrap();
    let characters = f64::from(u32::try_from(input.chars().count()).unwrap());
    assert!((cost - characters * 1.5e-5).abs() < 1e-12, "{cost}");
    let request = case.request();
    assert_eq!((request.target.as_str(), request.header("accept").as_str()), ("/v1/audio/speech", "*/*"));

    let case = this.case();
    case.then(Step::status(429)).then(Step::default());
    let body = json!({ "model": "tts-1", "input": case.prompt("Hello"), "voice": "alloy", "num_retries": 1 });
    let answer = this.stack.client().post("/v1/audio/speech", &body).key(&key).send().await.expect(200);
    assert_eq!((case.requests().len(), answer.header("x-litellm-attempted-retries")), (2, "1".to_owned()));

    let body = json!({ "model": "tts-1", "input": "Hello" });
    let error =
        this.stack.client().post("/v1/audio/speech", &body).key(&key).send().await.expect(400).error();
    assert_eq!(error["type"], "invalid_request_error", "the provider's words in OpenAI's form: {error}");
}

/// A form with a file and fields.
fn form(file: &str, bytes: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let head = format!(
        "--gateway\r\nContent-Disposition: form-data; name=\"{file}\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n"
    );
    let mut body = [head.as_bytes(), bytes, b"\r\n"].concat();
    for (name, value) in fields {
        let part = format!("--gateway\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    [&body[..], b"--gateway--\r\n"].concat()
}

impl Operations {
    async fn send_form(&self, path: &str, key: &str, form: Vec<u8>) -> Answer {
        let call = self.stack.client().request(Method::POST, path).key(key);
        call.header("content-type", "multipart/form-data; boundary=gateway").body(form).send().await
    }
}

#[tokio::test]
async fn a_form_reaches_the_provider_with_its_file_and_the_providers_name_of_the_model() {
    let this = operations();
    let key = this.stack.key().await;
    // Every byte, and what looks like a boundary; more than any buffer has at once.
    let mut audio: Vec<u8> = (0..=255).collect::<Vec<u8>>().repeat(12_000);
    audio.extend_from_slice(b"\r\n--gatewa\r\n--");
    let length = audio.len();
    for (path, model, format, said, cost) in [
        ("/v1/audio/transcriptions", "whisper", "json", "whisper-1", "0.0009"),
        ("/audio/translations", "whisper", "verbose_json", "whisper-1", "0.00085"),
        ("/v1/audio/transcriptions", "gpt-4o-transcribe", "json", "gpt-4o-transcribe", "0.000485"),
    ] {
        let case = this.case();
        let fields = [
            ("prompt", &*case.prompt("Names")),
            ("model", model),
            ("response_format", format),
            ("num_retries", "0"),
        ];
        let answer = this.send_form(path, &key, form("file", &audio, &fields)).await.expect(200);
        assert_eq!(answer.header("x-litellm-response-cost"), cost, "{model} {format}");
        assert_eq!(answer.json()["text"], format!("{said} heard {length} bytes"));
        assert_eq!(memchr_count(&case.request().body, b"num_retries"), 0, "that is for the gateway");
    }
    let fields = [("model", "whisper"), ("response_format", "text")];
    let answer =
        this.send_form("/v1/audio/transcriptions", &key, form("file", &audio, &fields)).await.expect(200);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.text(), format!("whisper-1 heard {length} bytes\n"));
    // Three megabytes at 16 bytes a millisecond.
    assert_eq!(answer.header("x-litellm-response-cost"), "0.0192");

    let named = "/openai/deployments/whisper/audio/transcriptions?api-version=1";
    let answer = this.send_form(named, &key, form("file", b"RIFF", &[])).await.expect(200);
    assert_eq!(answer.json()["text"], "whisper-1 heard 4 bytes");
}

fn memchr_count(body: &[u8], what: &[u8]) -> usize {
    body.windows(what.len()).filter(|window| *window == what).count()
}

#[tokio::test]
async fn a_form_that_fails_is_sent_again_and_one_that_is_wrong_is_refused() {
    let this = operations();
    let key = this.stack.key().await;
    let case = this.case();
    case.then(Step::status(503)).then(Step::default());
    let fields = [("model", "whisper"), ("prompt", &*case.prompt("Hello")), ("num_retries", "1")];
    let answer =
        this.send_form("/v1/audio/transcriptions", &key, form("file", b"RIFF", &fields)).await.expect(200);
    assert_eq!((case.requests().len(), answer.json()["text"].as_str()), (2, Some("whisper-1 heard 4 bytes")));

    for (body, param) in [
        (form("file", b"RIFF", &[("model", "gpt-4o")]), "model"),
        (form("file", b"RIFF", &[("model", "whisper"), ("stream", "true")]), "stream"),
        (form("other", b"RIFF", &[("model", "whisper")]), "file"),
        (b"{\"model\":\"whisper\"}".to_vec(), "request_body"),
    ] {
        let error = this.send_form("/v1/audio/transcriptions", &key, body).await.expect(400).error();
        assert_eq!(
            (&error["type"], &error["param"]),
            (&json!("invalid_request_error"), &json!(param)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn images_are_edited_and_what_the_model_sees_is_charged() {
    let this = operations();
    let key = this.stack.key().await;
    let fields = [("model", "gpt-image-1"), ("prompt", "A hat"), ("n", "2")];
    let answer = this.send_form("/v1/images/edits", &key, form("image[]", b"PNG", &fields)).await.expect(200);
    // 10 tokens of words at 5 dollars per million, 100 of the image at 10, and 200 of the new ones at 40.
    assert_eq!(answer.header("x-litellm-response-cost"), "0.00905");
    assert_eq!(answer.json()["data"][1]["b64_json"], STANDARD.encode(b"PNG"));
}

#[tokio::test]
async fn a_model_of_another_kind_and_a_request_without_its_fields_are_refused_in_openais_words() {
    let this = operations();
    let key = this.stack.key().await;
    for (path, body, param, said) in [
        (
            "/v1/rerank",
            json!({ "model": "gpt-4o", "query": "q", "documents": ["d"] }),
            "model",
            "has the mode 'chat'",
        ),
        ("/v1/moderations", json!({ "model": "rerank", "input": "x" }), "model", "has the mode 'rerank'"),
        (
            "/v1/rerank",
            json!({ "model": "rerank", "documents": ["d"] }),
            "query",
            "Missing required parameter",
        ),
        (
            "/v1/rerank",
            json!({ "model": "rerank", "query": "q", "documents": [] }),
            "documents",
            "the array is empty",
        ),
        ("/v1/moderations", json!({ "input": 7 }), "input", "expected a string or an array"),
    ] {
        let error = this.stack.client().post(path, &body).key(&key).send().await.expect(400).error();
        assert_eq!(
            (&error["type"], &error["param"]),
            (&json!("invalid_request_error"), &json!(param)),
            "{body}"
        );
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
    }
    let case = this.case();
    case.then(Step::status(400));
    let body = json!({ "model": "rerank-voyage", "query": case.prompt("q"), "documents": ["d"] });
    let error = this.stack.client().post("/v1/rerank", &body).key(&key).send().await.expect(400).error();
    assert_eq!(error["type"], "invalid_request_error", "{error}");
}

#[tokio::test]
async fn the_spend_log_and_the_metrics_know_what_was_done() {
    let this = operations();
    let key = this.stack.key().await;
    let body = json!({ "model": "rerank", "query": "q", "documents": ["d"] });
    this.stack.client().post("/v1/rerank", &body).key(&key).send().await.expect(200);
    let body = json!({ "input": "x" });
    this.stack.client().post("/v1/moderations", &body).key(&key).send().await.expect(200);
    let logs = format!("/spend/logs?api_key={key}");
    eventually("both are logged", async || {
        let logs = this.as_master(&logs).await;
        let mut types: Vec<String> = logs
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["call_type"].as_str().unwrap_or_default().to_owned())
            .collect();
        types.sort();
        types == ["amoderation", "arerank"]
    })
    .await;
}

#[tokio::test]
async fn the_sdk_for_python_is_content_with_them() {
    let this = operations();
    let key = this.stack.key().await;
    let file = "python/operations.py";
    run_with("python3", &[], file, &this.stack.base(), &key, &this.provider.base());
}
