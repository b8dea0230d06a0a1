//! Pictures by URL, and texts as tokens, where the provider takes neither: the key service resolves them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fake_provider::case::Wire;
use fake_provider::{Provider, Step};
use serde_json::{Value, json};
use switchboard_e2e::{Config, Pictures, Setup, Stack, golden, languages};

/// Everybody who takes bytes only, at least for `http:` URLs: the group, its model, a recorded answer, and where in the
/// request the picture must be.
const TAKERS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "nova",
        "bedrock/us.amazon.nova-pro-v1:0",
        "bedrock",
        "/messages/0/content/1/image/source/bytes",
        "/messages/0/content/1/image/format",
    ),
    (
        "claude",
        "anthropic/claude-sonnet-4-5",
        "anthropic",
        "/messages/0/content/1/source/data",
        "/messages/0/content/1/source/media_type",
    ),
    (
        "gemini",
        "gemini/gemini-2.5-flash",
        "gemini",
        "/contents/0/parts/1/inlineData/data",
        "/contents/0/parts/1/inlineData/mimeType",
    ),
    ("llava", "ollama/llava", "ollama", "/messages/0/images/0", "/model"),
    ("kimi", "moonshot/kimi-k2.6", "openai", "/messages/0/content/1/image_url/url", "/model"),
    ("gemma", "lm_studio/gemma-3", "openai", "/messages/0/content/1/image_url/url", "/model"),
];

fn stack(provider: &Provider, pictures: &Pictures) -> Stack {
    let mut config = Config::new();
    for (group, model, ..) in TAKERS {
        let base = format!("{}/scripted/{group}", provider.base());
        config = config.model(group, json!({ "model": model, "api_base": base, "api_key": "key" }));
    }
    let base = format!("{}/scripted/vectors", provider.base());
    let config = config
        .model("vectors", json!({ "model": "ollama/nomic-embed-text", "api_base": base }))
        .section("litellm_settings", json!({ "user_url_allowed_hosts": [pictures.host()] }))
        .section(
            "router_settings",
            json!({ "num_retries": 1, "disable_cooldowns": true, "fallbacks": [{ "nova": ["llava"] }] }),
        );
    Setup::new(&config).start()
}

fn look(group: &str, prompt: &str, url: &str) -> Value {
    json!({ "model": group, "messages": [{ "role": "user", "content": [
        { "type": "text", "text": prompt }, { "type": "image_url", "image_url": { "url": url } },
    ] }] })
}

fn answer_of(language: &str) -> Step {
    let answer = std::fs::read(golden().join(format!("response/{language}/text.in.json"))).unwrap();
    Step::wire(Wire::json(200, &answer))
}

#[tokio::test]
async fn providers_that_take_bytes_only_get_what_lies_at_a_url() {
    let (provider, pictures) = (Provider::start().unwrap(), Pictures::start());
    let mut stack = stack(&provider, &pictures);
    let key = stack.key().await;
    for (group, _, language, place, kind) in TAKERS {
        let case = provider.case();
        case.then(answer_of(language));
        let body = look(group, &case.prompt("What is this?"), &pictures.url("/cat.png"));
        let answer = stack.client().post("/v1/chat/completions", &body).key(&key).send().await;
        assert_eq!(answer.status, 200, "{group}: {}", answer.text());
        let sent = case.request().json();
        let data = sent.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{group}: {sent}"));
        let is_url = place.ends_with("/url");
        let data = if is_url { data.strip_prefix("data:image/png;base64,").unwrap_or("") } else { data };
        assert_eq!(BASE64_STANDARD.decode(data).unwrap(), Pictures::png(64), "{group}");
        let kind = sent.pointer(kind).and_then(Value::as_str).unwrap_or_default();
        assert!(
            kind.ends_with("png") || is_url || *group == "llava",
            "{group}: told as {kind}, by the server's wrong word"
        );
    }
    assert_eq!(pictures.asked("/cat.png"), 1, "it is kept for a while");

    // Many bytes, twice in one request, and a stream for an answer.
    let case = provider.case();
    let events = std::fs::read(golden().join("stream/bedrock/text.in.bin")).unwrap();
    case.then(Step::wire(Wire::stream("application/vnd.amazon.eventstream", [&events[..]])));
    let path = "/large.png?bytes=8000000";
    let mut body = look("nova", &case.prompt("And this?"), &pictures.url(path));
    let again = body["messages"][0]["content"][1].clone();
    body["messages"][0]["content"].as_array_mut().unwrap().push(again);
    body["stream"] = json!(true);
    let answer = stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
    assert!(answer.events().is_done(), "{}", answer.text());
    let sent = case.request().json();
    for n in [1, 2] {
        let data = sent["messages"][0]["content"][n]["image"]["source"]["bytes"].as_str().unwrap();
        assert_eq!(BASE64_STANDARD.decode(data).unwrap().len(), 8_000_000);
    }
    assert_eq!(pictures.asked(path), 1);
    stack.stop();
}

#[tokio::test]
async fn attempts_that_follow_use_what_the_first_has_fetched() {
    let (provider, pictures) = (Provider::start().unwrap(), Pictures::start());
    let mut stack = stack(&provider, &pictures);
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::wire(Wire::json(500, b"{\"message\":\"broken\"}")))
        .then(Step::wire(Wire::json(500, b"{\"message\":\"broken\"}")))
        .then(answer_of("ollama"));
    let path = "/dog.png?no-store";
    let body = look("nova", &case.prompt("What is this?"), &pictures.url(path));
    let answer = stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "1", "{}", answer.text());
    let requests = case.requests();
    assert_eq!(requests.len(), 3);
    let picture = BASE64_STANDARD.encode(Pictures::png(64));
    for (request, place) in requests.iter().zip([TAKERS[0].3, TAKERS[0].3, TAKERS[3].3]) {
        assert_eq!(request.json().pointer(place).and_then(Value::as_str), Some(&*picture));
    }
    assert_eq!(pictures.asked(path), 1);

    // Nothing of it is left for another request.
    let case = provider.case();
    case.then(answer_of("bedrock"));
    let body = look("nova", &case.prompt("What is this?"), &pictures.url(path));
    stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
    assert_eq!(pictures.asked(path), 2);
    stack.stop();
}

#[tokio::test]
async fn what_cannot_be_fetched_is_the_clients_error_and_no_provider_is_asked() {
    let (provider, pictures) = (Provider::start().unwrap(), Pictures::start());
    let mut stack = stack(&provider, &pictures);
    let key = stack.key().await;
    let other = Pictures::start();
    for (url, why) in [
        (pictures.url("/missing"), "status 404"),
        (other.url("/cat.png"), "user_url_allowed_hosts"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "user_url_allowed_hosts"),
        (format!("http://{}@127.0.0.1/", pictures.host()), "not supported"),
    ] {
        let case = provider.case();
        let body = look("nova", &case.prompt("What is this?"), &url);
        let answer = stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(400);
        let error = answer.error();
        assert_eq!(error["type"], "invalid_request_error", "{error}");
        assert_eq!(error["param"], "messages[0].content[1]", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&url) && message.contains(why), "{message}");
        assert!(case.requests().is_empty(), "{url}");
    }
    assert_eq!(other.asked("/cat.png"), 0);
    stack.stop();
}

#[tokio::test]
async fn private_hosts_are_not_asked_unless_a_setting_names_them() {
    let (world, pictures) = (languages(), Pictures::start());
    for group in ["bedrock", "ollama"] {
        let case = world.case();
        let body = look(group, &case.prompt("What is this?"), &pictures.url("/cat.png"));
        let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(400);
        assert!(answer.text().contains("user_url_allowed_hosts"), "{group}: {}", answer.text());
        assert!(case.requests().is_empty(), "{group}");
    }
    assert_eq!(pictures.asked("/cat.png"), 0);
}

#[tokio::test]
async fn a_url_that_the_provider_fetches_is_passed_on() {
    let world = languages();
    let url = "https://upload.example/cat.png";
    for (group, place) in [
        ("anthropic", "/messages/0/content/1/source/url"),
        ("gemini", "/contents/0/parts/1/fileData/fileUri"),
        ("openai", "/messages/0/content/1/image_url/url"),
    ] {
        let case = world.case();
        case.then(answer_of(group));
        let body = look(group, &case.prompt("What is this?"), url);
        world.post("/v1/chat/completions", &body).await.send().await.expect(200);
        assert_eq!(case.request().json().pointer(place), Some(&json!(url)), "{group}");
    }
}

#[tokio::test]
async fn tokens_reach_a_provider_that_takes_text_only_as_the_text_that_they_stand_for() {
    let (provider, pictures) = (Provider::start().unwrap(), Pictures::start());
    let mut stack = stack(&provider, &pictures);
    let key = stack.key().await;
    // `[case N]`, as LangChain sends it: tiktoken's cl100k_base, the encoding for names that it does not know.
    let case = provider.case();
    case.then(Step::wire(Wire::json(
        200,
        br#"{"model":"m","embeddings":[[0.5],[0.25]],"prompt_eval_count":4}"#,
    )));
    let name = case.prompt("");
    let number: Vec<u32> = name.bytes().map(token_of_byte).collect();
    let body = json!({ "model": "vectors", "input": [number, [15339, 1917]] });
    let answer = stack.client().post("/v1/embeddings", &body).key(&key).send().await.expect(200).json();
    assert_eq!(answer["data"][1]["embedding"], json!([0.25]), "{answer}");
    assert_eq!(case.request().json()["input"], json!([name, "hello world"]));

    let body = json!({ "model": "vectors", "input": [4_000_000_000_u32] });
    let error = stack.client().post("/v1/embeddings", &body).key(&key).send().await.expect(400).error();
    assert_eq!(error["param"], "input");
    assert!(error["message"].as_str().unwrap().contains("check_embedding_ctx_length=False"), "{error}");
    stack.stop();
}

/// `cl100k_base` has a token for each byte: first the printable ones of ASCII, from `!`.
fn token_of_byte(byte: u8) -> u32 {
    match byte {
        b' ' => 220,
        byte => u32::from(byte) - 33,
    }
}

#[tokio::test]
async fn pictures_by_url_are_embedded_and_chats_become_prompts() {
    let (provider, pictures) = (Provider::start().unwrap(), Pictures::start());
    let base = |account: &str| format!("{}/scripted/{account}", provider.base());
    let config = Config::new()
        .model("vectors", json!({ "model": "gemini/gemini-embedding-2", "api_base": base("a"), "api_key": "key" }))
        .model(
            "instruct",
            json!({ "model": "text-completion-openai/gpt-3.5-turbo-instruct", "api_base": base("b"), "api_key": "key" }),
        )
        .section("litellm_settings", json!({ "user_url_allowed_hosts": [pictures.host()] }));
    let mut stack = Setup::new(&config).start();
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::wire(Wire::json(200, br#"{"embeddings":[{"values":[1,2]},{"values":[3,4]}]}"#)));
    let image = json!({ "type": "image_url", "image_url": { "url": pictures.url("/cat.png") } });
    let body = json!({ "model": "vectors", "input": [case.prompt("A cat"), image] });
    let answer = stack.client().post("/v1/embeddings", &body).key(&key).send().await.expect(200).json();
    assert_eq!(answer["data"][1]["embedding"], json!([3, 4]));
    let sent = case.request().json();
    let data = sent["requests"][1]["content"]["parts"][0]["inlineData"]["data"].as_str().unwrap();
    assert_eq!(BASE64_STANDARD.decode(data).unwrap(), Pictures::png(64));

    for stream in [false, true] {
        let case = provider.case();
        let wire = if stream {
            let events = std::fs::read(golden().join("stream/text-completion-openai/chat.in.sse")).unwrap();
            Wire::stream("text/event-stream", [&events[..]])
        } else {
            Wire::json(
                200,
                &std::fs::read(golden().join("response/text-completion-openai/chat.in.json")).unwrap(),
            )
        };
        case.then(Step::wire(wire));
        let messages = json!([{ "role": "system", "content": "Be brief." }, { "role": "user", "content": case.prompt("Hi") }]);
        let body = json!({ "model": "instruct", "messages": messages, "stream": stream });
        let answer = stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
        assert!(answer.text().contains("chat.completion"), "{}", answer.text());
        assert!(case.request().target.ends_with("/completions"));
        assert!(case.request().json()["prompt"].as_str().unwrap().starts_with("Be brief. "));
    }
    let services = stack.client().request(http::Method::GET, "/health/services?service=prometheus").key(&key);
    assert_eq!(services.send().await.expect(200).json()["status"], "success");
    stack.stop();
}
