//! Streams that fall silent after they have begun.

use fake_provider::{Fault, Provider, Reply, Step};
use serde_json::{Value, json};
use switchboard_e2e::{
    ANTHROPIC_KEY, Config, Events, MASTER_KEY, OPENAI_KEY, Setup, anthropic, openai, question,
};

const WORDS: &str = "one two three four five six";

fn with(mut params: Value, name: &str, value: Value) -> Value {
    params[name] = value;
    params
}

fn streamed(model: &str, prompt: &str) -> Value {
    with(question(model, prompt), "stream", json!(true))
}

#[tokio::test]
async fn a_client_that_waits_hears_comments_and_then_the_rest() {
    let provider = Provider::start().expect("a provider");
    let lively = |params| with(params, "keepalive_seconds", json!(1));
    let config = Config::new()
        .model("gpt", lively(openai("gpt-4o", &provider.base(), OPENAI_KEY)))
        .model("claude", lively(anthropic("claude-sonnet-4-5", &provider.base(), ANTHROPIC_KEY)))
        .model("still", openai("gpt-4o", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).start();
    let ask = async |model: &'static str| {
        let case = provider.case();
        case.then(Step::reply(Reply::text(WORDS)).with(Fault::Stall { after: 6, ms: Some(4_000) }));
        let body = streamed(model, &case.prompt("Hello"));
        let answer = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await;
        (answer.expect(200).text(), model != "still")
    };
    let (gpt, claude, still) = tokio::join!(ask("gpt"), ask("claude"), ask("still"));
    for (text, is_lively) in [gpt, claude, still] {
        assert_eq!(text.matches(": ping\n\n").count() >= 2, is_lively, "{text}");
        let events = Events::parse(text.as_bytes());
        assert_eq!(events.text(), WORDS, "nothing is lost and nothing is said twice");
        assert!(events.is_done(), "{text}");
    }
}

#[tokio::test]
async fn a_stream_may_be_silent_for_as_long_as_its_own_time_out_says() {
    let provider = Provider::start().expect("a provider");
    let hasty = with(openai("gpt-4o", &provider.base(), OPENAI_KEY), "stream_timeout", json!(1.5));
    let config = Config::new().model("hasty", hasty);
    let stack = Setup::new(&config.section("router_settings", json!({ "timeout": 60 }))).start();
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::reply(Reply::text(WORDS)).with(Fault::Stall { after: 6, ms: None }));
    let body = streamed("hasty", &case.prompt("Hello"));
    let (seen, well) = stack.client().post("/v1/chat/completions", &body).key(&key).open().await.rest().await;
    assert!(!well, "only its provider can give a stream a good end");
    let events = Events::parse(&seen);
    assert!(events.text().starts_with("one"), "{events:?}");
    let error = events.error().expect("an error event");
    assert_eq!(error["code"], "408", "{error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.starts_with("litellm.Timeout") && message.contains("1.5 seconds"), "{message}");
    assert!(case.wait_for(|requests| requests[0].aborted).await[0].aborted, "the provider is let go");
}
