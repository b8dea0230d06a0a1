//! The example vendor of `CONTRIBUTING.md`, copied verbatim, so that the example is tested.

use super::Provider;
use super::rows::row;
use crate::config::Deployment;
use crate::dialects::openai::{Answers, OpenAi, Quirks};
use crate::dialects::{Body, Dialect as _, Target};
use crate::inbound::CompletionWriter;
use crate::openai::{ErrorBody, Memo, Operation, Request};

const VENDOR: Quirks = Quirks::VENDOR;

static ACME: OpenAi =
    OpenAi(Quirks { lacks: &["seed"], answer: Answers { reasoning_apart: true, ..VENDOR.answer }, ..VENDOR });

#[rustfmt::skip]
fn acme() -> Provider {
    row("acme", &ACME, "https://api.acme.example/v1", "ACME_API_KEY")
}

const ASKED: &str = r#"{"model":"acme-1","messages":[{"role":"developer","content":"hi"}],"seed":7,"max_completion_tokens":9}"#;

fn sent(drop_params: bool) -> Result<String, ErrorBody> {
    let provider = acme();
    let deployment: Deployment = crate::json::read(
        r#"{"id":"d","group":"g","provider":"acme","model":"acme-1","api_base":"https://api.acme.example/v1"}"#,
    )
    .unwrap();
    let to = Target {
        provider: &provider,
        deployment: &deployment,
        model: "acme-1",
        drop_params,
        features: "",
        version: "",
        is_fallback: false,
        allowed: None,
        lacks_search: None,
    };
    let request = Request::parse(Operation::Chat, ASKED.as_bytes()).unwrap();
    let outbound = provider.dialect.request(&request, &to, &mut memo())?;
    assert_eq!(outbound.path, "/chat/completions");
    let Body::Edited(edits) = outbound.body else { panic!("the client's own bytes are to be sent") };
    Ok(String::from_utf8(edits.write(ASKED.as_bytes())).unwrap())
}

fn memo() -> Memo {
    Memo {
        names: None,
        prompt_estimate: 0,
        echo: None,
        wire: None,
        counts: false,
        operation: Operation::Chat,
        model: "the-model".into(),
        stream: false,
        include_usage: true,
        base64: false,
        created: 0,
        id: "".into(),
        function_call: false,
        json_tool: None,
        renamed: Vec::new(),
        headers: Vec::new(),
    }
}

#[test]
fn a_vendor_is_one_row_and_what_it_does_otherwise_is_data() {
    let refused = String::from_utf8(sent(false).unwrap_err().to_json()).unwrap();
    assert!(refused.contains("acme does not support parameters: ['seed']"), "{refused}");
    let body = sent(true).unwrap();
    assert_eq!(body, r#"{"model":"acme-1","messages":[{"role":"system","content":"hi"}],"max_tokens":9}"#);
    let answer = br#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[],
        "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":6,"completion_tokens_details":{"reasoning_tokens":3}}}"#;
    let memo = memo();
    let mut out = CompletionWriter::new(&memo);
    ACME.answer(answer, &memo, &mut out).unwrap();
    assert!(String::from_utf8(out.answer().body).unwrap().contains(r#""completion_tokens":5"#));
}

#[test]
fn the_example_in_the_manual_is_this_one() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (manual, here) = (words(include_str!("../../CONTRIBUTING.md")), words(include_str!("example.rs")));
    for (begin, end) in [("static ACME", "});"), ("row(\"acme\", &ACME", ")")] {
        let said = &manual[manual.find(begin).expect(begin)..];
        let said = &said[..said.find(end).expect(end) + end.len()];
        assert!(here.contains(said), "CONTRIBUTING.md says {said}");
    }
}
