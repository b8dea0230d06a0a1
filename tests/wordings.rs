//! Errors as vendors word them, and the class that each must have: `tests/fixtures/wordings.json`.

mod fixtures;

use serde_json::Value;
use switchboard::facts::Fault;
use switchboard::openai::{Memo, Operation};
use switchboard::providers::find;
use switchboard::wordings::{Said, WORDINGS};

fn errors() -> Vec<Value> {
    serde_json::from_str(include_str!("fixtures/wordings.json")).unwrap()
}

fn read(error: &Value) -> Fault {
    let provider = find(error["provider"].as_str().unwrap()).expect("a row of that name");
    let memo = Memo {
        names: None,
        prompt_estimate: 0,
        echo: None,
        wire: None,
        counts: false,
        operation: Operation::Chat,
        model: "the-model".into(),
        stream: false,
        include_usage: false,
        base64: false,
        created: 0,
        id: "fixture".into(),
        function_call: false,
        json_tool: None,
        renamed: Vec::new(),
        headers: Vec::new(),
    };
    let status = u16::try_from(error["status"].as_u64().unwrap()).unwrap();
    provider.dialect.error(status, error["body"].to_string().as_bytes(), &memo)
}

#[test]
fn every_error_has_the_class_that_its_words_mean() {
    let mut wrong = Vec::new();
    for error in errors() {
        let class = read(&error).class.name();
        if class != error["class"] {
            wrong.push(format!("{class}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_wording_is_in_an_error_of_its_vendor() {
    let errors = errors();
    for row in WORDINGS {
        let shown = errors.iter().any(|error| {
            let inside =
                error["body"].get("error").filter(|inner| inner.is_object()).unwrap_or(&error["body"]);
            let is_said = match row.said {
                Said::Code(code) => inside["code"] == code || inside["type"] == code,
                Said::Words(words) => error["body"].to_string().to_lowercase().contains(words),
            };
            error["vendor"] == row.vendor && error["class"] == row.class.name() && is_said
        });
        assert!(shown, "no error in tests/fixtures/wordings.json shows {row:?}");
    }
}

#[test]
fn no_wording_hides_behind_an_earlier_one() {
    for (at, row) in WORDINGS.iter().enumerate() {
        let Said::Words(words) = row.said else { continue };
        let hidden = WORDINGS[..at].iter().any(|earlier| match earlier.said {
            Said::Words(other) => words.contains(other),
            Said::Code(_) => false,
        });
        assert!(!hidden, "{row:?} can never count");
        assert_eq!(words, words.to_lowercase(), "messages are compared in lower case");
    }
}
