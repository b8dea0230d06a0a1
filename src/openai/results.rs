//! Orders tool results by their calls, for providers that distinguish results of the same function only by
//! position.

use super::{Message, bare_id};
use crate::json::JsonStr;
use crate::sorted::sort_by_key;

/// The positions of the messages, with each run of results in the order of the assistant's calls. Results
/// that match none of these calls come last.
pub fn in_order_of_calls(messages: &[Message<'_>]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..messages.len()).collect();
    let is =
        |at: usize, roles: &[&str]| messages.get(at).is_some_and(|message| roles.contains(&&*message.role));
    let kind = |at: usize| if is(at, &["tool", "function"]) { 2 } else { u8::from(is(at, &["assistant"])) };
    let mut calls: Vec<String> = Vec::new();
    for run in places.chunk_by_mut(|a, b| kind(*a) == kind(*b)) {
        match run.first().map(|first| kind(*first)) {
            Some(1) => {
                let said = run.iter().filter_map(|at| messages.get(*at));
                let ids = said.flat_map(|message| message.calls().map(|call| call.id));
                calls = ids.map(text).collect();
            }
            Some(2) if run.len() > 1 => {
                let mut sorted = run.to_vec();
                sort_by_key(&mut sorted, |at| {
                    let id = text(messages.get(*at).and_then(|message| message.tool_call_id));
                    (calls.iter().position(|call| *call == id).unwrap_or(usize::MAX), 0)
                });
                run.iter_mut().zip(sorted).for_each(|(place, at)| *place = at);
            }
            _ => {}
        }
    }
    places
}

fn text(id: Option<JsonStr<'_>>) -> String {
    id.and_then(JsonStr::decode).map(|id| bare_id(id).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::{Operation, Request};

    fn order(messages: &str) -> Vec<usize> {
        let body = format!(r#"{{"messages":[{messages}]}}"#);
        let request = Request::parse(Operation::Chat, body.as_bytes()).unwrap();
        in_order_of_calls(&request.messages().unwrap())
    }

    #[test]
    fn results_stand_as_the_calls_do_and_everything_else_stays() {
        let call = |id: &str| format!(r#"{{"id":"{id}","function":{{"name":"f"}}}}"#);
        let calls = |ids: &[&str]| {
            let calls: Vec<String> = ids.iter().map(|id| call(id)).collect();
            format!(r#"{{"role":"assistant","tool_calls":[{}]}}"#, calls.join(","))
        };
        let result = |id: &str| format!(r#"{{"role":"tool","tool_call_id":"{id}","content":"{id}"}}"#);
        let user = r#"{"role":"user","content":"x"}"#.to_owned();
        let messages = [
            user.clone(),
            calls(&["a", "b", "c"]),
            result("c"),
            result("other"),
            result("a"),
            result("b"),
            user,
            // Clients that generate ids reuse them from turn to turn.
            calls(&["b", "a"]),
            result("a"),
            result("b"),
        ];
        assert_eq!(order(&messages.join(",")), [0, 1, 4, 5, 2, 3, 6, 7, 9, 8]);
    }
}
