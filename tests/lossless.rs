//! `OpenAI` to `OpenAI`: nothing but the named tokens is touched, in either direction.

mod fixtures;

use proptest::prelude::*;
use switchboard::config::Deployment;
use switchboard::dialects::Dialect as _;
use switchboard::dialects::{Body, OPENAI, Target};
use switchboard::exchange::{Streaming, translated};
use switchboard::inbound::CHAT;
use switchboard::openai::{Memo, Operation, Request};
use switchboard::providers::find;

/// A JSON value with whatever white space, escapes and numbers a client may write.
fn value() -> impl Strategy<Value = String> {
    let space = "[ \n\r\t]{0,2}";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?[1-9][0-9]{0,30}",
        "0\\.[0-9]{1,20}0",
        "[1-9][eE][+-]?[0-9]{1,3}",
        string(),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            (proptest::collection::vec((space, inner.clone()), 0..4), space).prop_map(|(items, end)| {
                let items: Vec<String> = items.into_iter().map(|(space, item)| space + &item).collect();
                format!("[{}{end}]", items.join(","))
            }),
            (proptest::collection::btree_map(string(), (space, inner), 0..4), space).prop_map(
                |(members, end)| {
                    let members: Vec<String> = members
                        .into_iter()
                        .map(|(key, (space, value))| format!("{key}{space}:{value}"))
                        .collect();
                    format!("{{{}{end}}}", members.join(","))
                }
            ),
        ]
    })
}

fn string() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            "[a-zA-Z0-9 é😀/]",
            Just(r#"\""#.to_owned()),
            Just(r"\\".to_owned()),
            Just(r"\/".to_owned()),
            Just(r"\n".to_owned()),
            Just(r"\u00e9".to_owned()),
            Just(r"\ud83d".to_owned()),
        ],
        0..6,
    )
    .prop_map(|letters| format!("\"{}\"", letters.concat()))
}

/// Members with names of nobody's, before or after the model.
fn members() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_map("x_[a-z]{1,3}", ("[ \n]{0,2}", value()), 0..4).prop_map(|members| {
        members
            .into_iter()
            .map(|(key, (space, value))| format!("{space}\"{key}\"{space}:{space}{value}"))
            .collect()
    })
}

/// An object with the model's token in it.
fn object(before: &[String], model: &str, after: &[String]) -> String {
    let mut all = before.to_vec();
    all.push(format!("\"model\" : {model}"));
    // A name may stand once.
    all.extend(after.iter().map(|member| member.replacen("\"x_", "\"y_", 1)));
    format!(" {{{} }}\n", all.join(","))
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

fn sent(body: &str) -> String {
    let deployment: Deployment = switchboard::json::read(
        r#"{"id":"d","group":"g","provider":"openai","model":"gpt-\"4\"","api_base":"https://example.com"}"#,
    )
    .unwrap();
    let to = Target {
        provider: find("openai").unwrap(),
        deployment: &deployment,
        model: &deployment.model,
        drop_params: false,
        features: "",
        version: "",
        is_fallback: false,
        allowed: None,
        lacks_search: None,
    };
    let request = Request::parse(Operation::Chat, body.as_bytes()).unwrap();
    let outbound = OPENAI.request(&request, &to, &mut memo()).unwrap();
    let Body::Edited(edits) = outbound.body else { panic!("the client's own bytes are to be sent") };
    String::from_utf8(edits.write(body.as_bytes())).unwrap()
}

proptest! {
    #[test]
    fn a_request_changes_in_its_model_only(before in members(), asked in string(), after in members()) {
        // A parameter that is null is left out (golden `nulls-and-empty-lists-are-left-out`).
        prop_assume!(before.iter().chain(&after).all(|member| !member.ends_with("null")));
        let body = object(&before, &asked, &after);
        prop_assert_eq!(sent(&body), object(&before, r#""gpt-\"4\"""#, &after));
    }

    #[test]
    fn an_answer_changes_in_its_model_only(before in members(), said in string(), after in members()) {
        let body = object(&before, &said, &after);
        let answer = translated(&OPENAI, &CHAT, body.as_bytes(), &memo()).unwrap();
        prop_assert_eq!(String::from_utf8(answer.body).unwrap(), object(&before, "\"the-model\"", &after));
    }

    #[test]
    fn a_chunk_changes_in_its_model_only(before in members(), said in string(), after in members()) {
        // A line feed or carriage return ends an event's line.
        let line = |model: &str| object(&before, model, &after).replace(['\n', '\r'], " ").trim().to_owned();
        let stream = format!("data: {}\n\ndata: [DONE]\n\n", line(&said));
        let mut streaming = Streaming::new(&OPENAI, &CHAT, &memo(), "openai");
        let out = streaming.feed(stream.as_bytes(), true).to_vec();
        let expected = format!("data: {}\n\ndata: [DONE]\n\n", line("\"the-model\""));
        prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn a_member_of_the_gateway_goes_and_its_neighbours_stay() {
    assert_eq!(
        sent(r#"{"a":[1, 2], "num_retries":2 ,"model":"m", "metadata":{"x":1}, "b":1.0, "timeout" : 3}"#),
        r#"{"a":[1, 2], "model":"gpt-\"4\"", "b":1.0}"#
    );
}
