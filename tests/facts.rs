//! An answer in `OpenAI`'s language says the same, whether the client gets the provider's bytes or the facts in them.

mod fixtures;

use fixtures::{Case, Kind, cases};
use serde_json::{Map, Value};
use switchboard::facts::{Citation, Fault, FinishReason, Logprob, Sink, Thinking, Usage};
use switchboard::frame::{Frame, Framer};
use switchboard::inbound::{ChunkWriter, CompletionWriter, Events as _};
use switchboard::json::JsonStr;
use switchboard::openai::Operation;

/// A client whose language is not the provider's: it takes no relay.
struct Elsewhere<'s>(&'s mut dyn Sink);

impl Sink for Elsewhere<'_> {
    fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>) {
        self.0.begin(id, created);
    }

    fn choice(&mut self, index: usize) {
        self.0.choice(index);
    }

    fn text(&mut self, text: JsonStr<'_>) {
        self.0.text(text);
    }

    fn reasoning(&mut self, text: JsonStr<'_>) {
        self.0.reasoning(text);
    }

    fn thinking(&mut self, block: Thinking<'_>) {
        self.0.thinking(block);
    }

    fn thought_signature(&mut self, signature: JsonStr<'_>) {
        self.0.thought_signature(signature);
    }

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        self.0.call(id, name, signature)
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        self.0.arguments(index, fragment);
    }

    fn citation(&mut self, citation: Citation<'_>) {
        self.0.citation(citation);
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        self.0.refusal(text);
    }

    fn image(&mut self, media_type: &str, data: &str) {
        self.0.image(media_type, data);
    }

    fn logprobs(&mut self, tokens: &[Logprob<'_>]) {
        self.0.logprobs(tokens);
    }

    fn finish(&mut self, reason: FinishReason) {
        self.0.finish(reason);
    }

    fn usage(&mut self, usage: Usage) {
        self.0.usage(usage);
    }

    fn done(&mut self) {
        self.0.done();
    }
}

#[test]
fn a_whole_answer_says_the_same_as_facts() {
    let mut count = 0;
    for case in of_openai(Kind::Response) {
        let memo = case.memo();
        let mut out = CompletionWriter::new(&memo);
        if case.dialect().answer(&case.input, &memo, &mut Elsewhere(&mut out)).is_err() {
            continue;
        }
        count += 1;
        let (told, relayed) = (parsed(&out.answer().body), parsed(&case.translate().body));
        assert_eq!(said(&[told]), said(&[relayed]), "{}", case.path());
    }
    assert!(count > 10, "only {count} answers");
}

#[test]
fn a_stream_says_the_same_as_facts() {
    let mut count = 0;
    for case in of_openai(Kind::Stream) {
        let memo = case.memo();
        let mut out = ChunkWriter::new(&memo);
        if report(&case, &mut Elsewhere(&mut out)).is_err() {
            continue;
        }
        count += 1;
        let told = String::from_utf8(out.pending().to_vec()).unwrap();
        let relayed = String::from_utf8(case.translate().body).unwrap();
        assert_eq!(told.ends_with("[DONE]\n\n"), relayed.ends_with("[DONE]\n\n"), "{}", case.path());
        assert_eq!(said(&events(&told)), said(&events(&relayed)), "{}", case.path());
    }
    assert!(count > 10, "only {count} streams");
}

fn of_openai(kind: Kind) -> impl Iterator<Item = Case> {
    cases(kind)
        .into_iter()
        .filter(|case| case.dialect().name() == "openai" && case.memo().operation == Operation::Chat)
}

fn report(case: &Case, out: &mut dyn Sink) -> Result<(), Fault> {
    let dialect = case.dialect();
    let mut stream = dialect.stream(&case.memo());
    let mut framer = Framer::new(dialect.framing());
    let mut result = Ok(());
    let mut each = |frame: Frame<'_>| {
        if result.is_ok() {
            result = stream.frame(frame, out);
        }
    };
    framer.feed(&case.input, &mut each).unwrap();
    framer.end(&mut each).unwrap();
    result.map(|()| stream.end(out))
}

fn parsed(json: &[u8]) -> Value {
    // A delta may end in the middle of a surrogate pair, which is no text.
    let json = String::from_utf8_lossy(json).replace("\\ud8", "\\\\ud8").replace("\\ude", "\\\\ude");
    serde_json::from_str(&json).unwrap_or_else(|_| panic!("{json}"))
}

fn events(stream: &str) -> Vec<Value> {
    let events = stream.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
    // An event over several lines has each of them behind `data: `.
    let events = events.map(|event| event.replace("\ndata: ", "\n"));
    events.filter(|event| event != "[DONE]").map(|event| parsed(event.as_bytes())).collect()
}

/// What the choices of an answer or of its chunks say in sum, as far as any client's language can tell it.
fn said(answers: &[Value]) -> Map<String, Value> {
    let mut said = Map::new();
    let mut add = |key: String, more: &str| {
        let so_far = said.entry(key).or_insert_with(|| Value::from(""));
        *so_far = Value::from(format!("{}{more}", so_far.as_str().unwrap()));
    };
    for choice in answers.iter().flat_map(|answer| answer["choices"].as_array().into_iter().flatten()) {
        let index = &choice["index"];
        let message = choice.get("message").or_else(|| choice.get("delta")).unwrap_or(&Value::Null);
        for field in ["content", "reasoning_content", "refusal"] {
            match message[field].as_str() {
                None | Some("") => {}
                Some(text) => add(format!("{index} {field}"), text),
            }
        }
        for (at, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
            let call_index = call["index"].as_u64().unwrap_or(at as u64);
            for (name, value) in [
                ("id", &call["id"]),
                ("name", &call["function"]["name"]),
                ("arguments", &call["function"]["arguments"]),
            ] {
                add(format!("{index} call {call_index} {name}"), value.as_str().unwrap_or_default());
            }
        }
        for annotation in message["annotations"].as_array().into_iter().flatten() {
            let cited = &annotation["url_citation"];
            add(format!("{index} citations"), &format!("{} {} ", cited["url"], cited["title"]));
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            add(format!("{index} finish_reason"), reason);
        }
    }
    said
}
