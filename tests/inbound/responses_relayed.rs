//! `OpenAI`'s Responses API on both sides: the client's bytes go to the provider and the provider's to the client, with the edits
//! that the files next to them show.

use std::fs;
use std::rc::Rc;

use serde_json::json;
use switchboard::dialects::{Body, Target};
use switchboard::exchange::{Streaming, translated};
use switchboard::facts::Wire;
use switchboard::inbound::RESPONSES;
use switchboard::json;
use switchboard::openai::{Memo, Names, Operation, Request};
use switchboard::providers::find;

use super::fixtures::Kind;
use super::{chats, folder, golden};

/// Names that show what was renamed.
#[derive(Debug)]
struct Shown;

impl Names for Shown {
    fn id(&self, own: &str) -> String {
        [own, "_own"].concat()
    }

    fn mark(&self) -> &'static str {
        "sbd1.0123456789abcdef."
    }
}

fn memo(stream: bool) -> Memo {
    let plain = chats(Kind::Response)[0].memo();
    Memo { wire: Some(Wire::Responses), names: Some(Rc::new(Shown)), stream, ..plain }
}

#[test]
fn a_request_keeps_its_bytes_except_for_the_model_and_the_gateways_fields() {
    let file = folder(&RESPONSES).join("relayed/full.in.json");
    let body = fs::read(&file).unwrap();
    let deployment =
        json!({"id": "d", "group": "g", "provider": "openai", "model": "gpt-5.5", "api_base": ""});
    let deployment = json::read(&*deployment.to_string()).unwrap();
    let provider = find("openai").unwrap();
    let target = Target {
        provider,
        deployment: &deployment,
        model: "gpt-5.5",
        drop_params: true,
        features: "",
        version: "",
        is_fallback: false,
        allowed: None,
        lacks_search: None,
    };
    let request = Request::parse(Operation::Chat, &body).unwrap();
    let outbound = provider.dialect.relayed(&request, &target, &mut memo(true)).unwrap();
    let Body::Edited(edits) = outbound.body else { panic!("edits of the client's bytes") };
    assert_eq!(outbound.path, "/responses");
    golden(&file.with_file_name("full.out.json"), &edits.write(&body));
}

#[test]
fn an_answer_and_a_stream_keep_their_bytes_except_for_names_however_they_are_cut() {
    let dialect = find("openai").unwrap().dialect;
    let folder = folder(&RESPONSES).join("relayed");
    let answer = fs::read(folder.join("answer.in.json")).unwrap();
    let told = translated(dialect, &RESPONSES, &answer, &memo(false)).unwrap();
    golden(&folder.join("answer.out.json"), &told.body);
    let events = fs::read(folder.join("stream.in.sse")).unwrap();
    let stream = |cut: usize| {
        let memo = memo(true);
        let mut streaming = Streaming::new(dialect, &RESPONSES, &memo, "openai");
        let (before, after) = events.split_at(cut);
        let mut out = streaming.feed(before, false).to_vec();
        out.extend_from_slice(streaming.feed(after, true));
        out
    };
    let whole = stream(0);
    golden(&folder.join("stream.out.sse"), &whole);
    for cut in (0..events.len()).step_by(3) {
        assert!(stream(cut) == whole, "cut at {cut}");
    }
}
