//! Pages in browsers: preflights without a key, and an answer of every kind that the page may read.

use fake_provider::{Fault, Step};
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Client, Config, MASTER_KEY, Setup, World, openai, question, world};

const PAGE: &str = "https://app.example";

async fn preflight(client: &Client, origin: &str, path: &str) -> Answer {
    let call = client.request(Method::OPTIONS, path).header("origin", origin);
    let call = call.header("access-control-request-method", "POST");
    call.header("access-control-request-headers", "authorization,content-type,x-stainless-lang").send().await
}

#[tokio::test]
async fn a_preflight_needs_no_key_on_any_path() {
    let client = world().stack.client();
    for path in
        ["/v1/chat/completions", "/v1/models", "/key/generate", "/spend/logs", "/v1/nothing", "/metrics"]
    {
        let answer = preflight(&client, PAGE, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), PAGE, "{path}");
        assert!(answer.header("access-control-allow-methods").contains("POST"), "{path}");
        let allowed = answer.header("access-control-allow-headers");
        assert_eq!(allowed, "authorization,content-type,x-stainless-lang", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        assert_eq!(answer.header("access-control-max-age"), "600", "{path}");
    }
}

/// Answers of every kind, by what they are: (name, answer).
async fn of_every_kind(world: &World) -> Vec<(&'static str, Answer)> {
    let client = world.stack.client();
    let chat = |model: &str, prompt: &str, stream: bool| {
        let mut body = question(model, prompt);
        body["stream"] = json!(stream);
        client.post("/v1/chat/completions", &body).header("origin", PAGE)
    };
    let key = world.key().await;
    let mut all = Vec::new();
    let cases = [
        ("a whole answer", "gpt-4o", false, Step::default()),
        ("a stream", "gpt-4o", true, Step::default()),
        ("a provider's error", "gpt-4o", false, Step::default().with(Fault::status(400))),
        ("a provider's error of a stream", "gpt-4o", true, Step::default().with(Fault::status(401))),
        ("an answer of the filter's own", "demo", false, Step::default()),
        ("nobody at the provider's address", "refused", false, Step::default()),
        (
            "a request that comes back from a fallback",
            "claude-first",
            false,
            Step::default().with(Fault::status(503)),
        ),
        (
            "an error without a body",
            "gpt-4o",
            false,
            Step::default().with(Fault::Status {
                status: 400,
                message: String::new(),
                code: None,
                retry_after: None,
            }),
        ),
    ];
    for (name, model, stream, step) in cases {
        let case = world.case();
        case.then(step);
        all.push((name, chat(model, &case.prompt("Hello"), stream).key(key).send().await));
    }
    all.push(("no key", chat("gpt-4o", "Hello", false).send().await));
    all.push(("an unknown key", chat("gpt-4o", "Hello", false).key("sk-nobody-nobody-nobody").send().await));
    all.push(("no such path", client.get("/v1/nothing").header("origin", PAGE).send().await));
    all.push(("another method", client.get("/v1/embeddings").header("origin", PAGE).send().await));
    all.push(("models", client.get("/v1/models").key(key).header("origin", PAGE).send().await));
    all.push(("a probe", client.get("/health/liveliness").header("origin", PAGE).send().await));
    all.push(("the key API", client.get("/key/list").key(MASTER_KEY).header("origin", PAGE).send().await));
    all.push(("the key API's refusal", client.get("/key/list").header("origin", PAGE).send().await));
    let large = vec![b' '; 51 << 20];
    let call = client.request(Method::POST, "/v1/chat/completions").key(key).header("origin", PAGE);
    all.push(("Envoy's own reply", call.body(large).send().await));
    all
}

#[tokio::test]
async fn every_kind_of_answer_may_be_read_by_a_page() {
    for (name, answer) in of_every_kind(world()).await {
        let allowed: Vec<_> = answer.headers.get_all("access-control-allow-origin").iter().collect();
        assert_eq!(allowed, [PAGE], "{name}: {} {:#?}", answer.status, answer.headers);
    }
}

#[tokio::test]
async fn every_kind_of_answer_has_the_ids_by_which_it_is_found() {
    for (name, answer) in of_every_kind(world()).await {
        for id in ["x-request-id", "x-litellm-call-id"] {
            let values: Vec<_> = answer.headers.get_all(id).iter().collect();
            assert!(
                matches!(&values[..], [value] if value.len() >= 32),
                "{name}: {id} is {values:?}: {} {:#?}",
                answer.status,
                answer.headers
            );
        }
        assert_eq!(answer.header("x-request-id"), answer.header("x-litellm-call-id"), "{name}");
    }
}

#[tokio::test]
async fn an_answer_to_no_page_names_no_origin() {
    let answer = world().stack.client().get("/v1/models").send().await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn named_origins_may_send_cookies_and_others_may_not_call() {
    let nowhere = openai("gpt-4o", "http://127.0.0.1:1", "sk-x");
    let config = Config::new().model("gpt-4o", nowhere).section(
        "general_settings",
        json!({ "cors_allow_origins": ["https://app.example/", "https://admin.example"] }),
    );
    // What the file says counts before the variable.
    let stack = Setup::new(&config).env("LITELLM_CORS_ORIGINS", "https://elsewhere.example").start();
    let client = stack.client();
    for origin in [PAGE, "https://admin.example"] {
        let answer = preflight(&client, origin, "/v1/chat/completions").await.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
    }
    for origin in ["https://elsewhere.example", "https://app.example.evil.example"] {
        let answer = preflight(&client, origin, "/v1/chat/completions").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
        let body: Value = question("gpt-4o", "Hello");
        for path in ["/v1/chat/completions", "/v1/nothing"] {
            let answer = client.post(path, &body).key(MASTER_KEY).header("origin", origin).send().await;
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin} {path}");
        }
    }
    let body = question("gpt-4o", "Hello");
    let answer =
        client.post("/v1/chat/completions", &body).key(MASTER_KEY).header("origin", PAGE).send().await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin").as_str()), (503, PAGE));
}
