//! A stream's events, as a strict client reads them.

use serde_json::Value;

/// The data of every event, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events(pub Vec<String>);

impl Events {
    /// Reads a whole stream.
    pub fn parse(body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).expect("a stream in UTF-8");
        assert!(text.is_empty() || text.ends_with("\n\n"), "the stream ends within an event: {text:?}");
        let mut events = Vec::new();
        for block in text.split("\n\n").filter(|block| !block.is_empty()) {
            let mut data = Vec::new();
            for line in block.lines() {
                match line.split_once(':') {
                    Some(("data", value)) => data.push(value.strip_prefix(' ').unwrap_or(value)),
                    Some(("", _)) => {}
                    other => panic!("an OpenAI stream has data lines only: {other:?} in {text:?}"),
                }
            }
            if !data.is_empty() {
                events.push(data.join("\n"));
            }
        }
        Self(events)
    }

    /// The events that are JSON.
    pub fn chunks(&self) -> Vec<Value> {
        let json = self.0.iter().filter(|data| *data != "[DONE]");
        json.map(|data| serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}")))
            .collect()
    }

    /// Whether it ends as a good stream does: one `[DONE]`, the last event.
    pub fn is_done(&self) -> bool {
        self.0.iter().filter(|data| *data == "[DONE]").count() == 1
            && self.0.last().is_some_and(|data| data == "[DONE]")
    }

    /// All content, put together.
    pub fn text(&self) -> String {
        let deltas = self.chunks();
        deltas.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
    }

    /// Every `finish_reason` that is not null.
    pub fn finish_reasons(&self) -> Vec<String> {
        let chunks = self.chunks();
        chunks
            .iter()
            .filter_map(|chunk| Some(chunk["choices"][0]["finish_reason"].as_str()?.to_owned()))
            .collect()
    }

    /// Calls put together as clients do: by index, `(id, name, arguments)`.
    pub fn tool_calls(&self) -> Vec<(String, String, String)> {
        let mut calls: Vec<(String, String, String)> = Vec::new();
        for chunk in self.chunks() {
            for delta in chunk["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
                let index = delta["index"].as_u64().and_then(|n| usize::try_from(n).ok()).expect("an index");
                assert!(index <= calls.len(), "calls are numbered without gaps: {delta}");
                if index == calls.len() {
                    assert_eq!(
                        delta["type"], "function",
                        "the first piece of a call says what it is: {delta}"
                    );
                    calls.push(Default::default());
                }
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                calls[index].0 += &text(&delta["id"]);
                calls[index].1 += &text(&delta["function"]["name"]);
                calls[index].2 += &text(&delta["function"]["arguments"]);
            }
        }
        calls
    }

    /// The usage of the chunk that has one.
    pub fn usage(&self) -> Option<Value> {
        self.chunks().into_iter().map(|mut chunk| chunk["usage"].take()).find(|usage| !usage.is_null())
    }

    /// The `error` object of the event that has one.
    pub fn error(&self) -> Option<Value> {
        self.chunks().into_iter().map(|mut chunk| chunk["error"].take()).find(|error| !error.is_null())
    }
}
