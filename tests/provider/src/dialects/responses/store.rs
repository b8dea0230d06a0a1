//! What is kept of responses, each for the account that made it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::Refusal;
use crate::state;

/// Everything that is kept.
#[derive(Default)]
pub(super) struct Store {
    count: u64,
    responses: HashMap<String, Kept>,
    items: HashMap<String, Item>,
    /// Encrypted contents, and whose they are.
    encrypted: HashMap<String, String>,
}

/// A response.
pub(super) struct Kept {
    pub(super) owner: String,
    pub(super) response: Value,
    /// The input of its turn.
    pub(super) input: Vec<Value>,
    pub(super) previous: Option<String>,
    pub(super) events: Vec<Bytes>,
}

/// An item of an answer.
struct Item {
    owner: String,
    value: Value,
    /// It is kept, and not only remembered to belong together with others.
    is_kept: bool,
    /// The thought that it came from.
    thought: Option<String>,
}

/// The one of this process.
pub(super) fn shared() -> MutexGuard<'static, Store> {
    static STORE: LazyLock<Mutex<Store>> = LazyLock::new(Mutex::default);
    STORE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// An id that nothing else has.
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        self.count += 1;
        let scattered = u128::from(self.count).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        format!("{prefix}_{:016x}{scattered:032x}", self.count)
    }

    /// Something that only this account can read.
    pub(super) fn encrypt(&mut self, owner: &str) -> String {
        self.count += 1;
        let encrypted = state::of_thought(&format!("{owner} {}", self.count));
        self.encrypted.insert(encrypted.clone(), owner.to_owned());
        encrypted
    }

    /// Whether the account can read that.
    pub(super) fn decrypts(&self, owner: &str, encrypted: &str) -> bool {
        self.encrypted.get(encrypted).is_some_and(|of| of == owner)
    }

    /// Remembers the items of an answer.
    pub(super) fn remember(&mut self, owner: &str, output: &[Value], is_kept: bool) {
        let mut thought = None;
        for item in output {
            let id = item["id"].as_str().unwrap_or_default().to_owned();
            let is_thought = item["type"] == "reasoning";
            let own = Item {
                owner: owner.to_owned(),
                value: item.clone(),
                is_kept,
                thought: thought.clone().filter(|_| !is_thought),
            };
            if is_thought {
                thought = Some(id.clone());
            }
            self.items.insert(id, own);
        }
    }

    pub(super) fn keep(&mut self, id: &str, kept: Kept) {
        self.responses.insert(id.to_owned(), kept);
    }

    /// An item that is kept for the account.
    pub(super) fn item(&self, owner: &str, id: &str) -> Result<&Value, Refusal> {
        let found = self.items.get(id).filter(|item| item.owner == owner && item.is_kept);
        found.map(|item| &item.value).ok_or_else(|| {
            Refusal::new(
                404,
                format!(
                    "Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again \
                     with `store` set to true, or remove this item from your input."
                ),
            )
            .about("input")
        })
    }

    /// The thought that an item came from.
    pub(super) fn thought_of(&self, id: &str) -> Option<&str> {
        self.items.get(id)?.thought.as_deref()
    }

    fn found(&self, owner: &str, id: &str) -> Result<&Kept, Refusal> {
        let kept = self.responses.get(id).filter(|kept| kept.owner == owner);
        kept.ok_or_else(|| Refusal::new(404, format!("Response with id '{id}' not found.")).about("id"))
    }

    /// All items of a conversation up to this response.
    pub(super) fn conversation(&self, owner: &str, id: &str) -> Result<Vec<Value>, Refusal> {
        let mut turns = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            let kept = self.found(owner, id).map_err(|_| {
                Refusal::bad(format!("Previous response with id '{id}' not found."))
                    .about("previous_response_id")
                    .code("previous_response_not_found")
            })?;
            turns.push(kept);
            next = kept.previous.as_deref();
        }
        let of_turn = |kept: &Kept| {
            let output = kept.response["output"].as_array().cloned().unwrap_or_default();
            kept.input.iter().cloned().chain(output).collect::<Vec<_>>()
        };
        Ok(turns.into_iter().rev().flat_map(of_turn).collect())
    }

    /// A response. One in the background is complete when it is looked at again.
    pub(super) fn retrieve(&mut self, owner: &str, id: &str) -> Result<&Value, Refusal> {
        self.found(owner, id)?;
        let response = &mut self.responses.get_mut(id).expect("it was found").response;
        if response["status"] == "queued" {
            response["status"] = json!("completed");
        }
        Ok(response)
    }

    pub(super) fn delete(&mut self, owner: &str, id: &str) -> Result<(), Refusal> {
        self.found(owner, id)?;
        self.responses.remove(id);
        Ok(())
    }

    pub(super) fn cancel(&mut self, owner: &str, id: &str) -> Result<&Value, Refusal> {
        if self.found(owner, id)?.response["background"] != true {
            return Err(Refusal::bad("Cannot cancel a synchronous response."));
        }
        let response = &mut self.responses.get_mut(id).expect("it was found").response;
        if response["status"] == "queued" {
            response["status"] = json!("cancelled");
        }
        Ok(response)
    }

    /// The events of a response that was streamed.
    pub(super) fn events(&self, owner: &str, id: &str) -> Result<&[Bytes], Refusal> {
        let kept = self.found(owner, id)?;
        if kept.response["background"] != true || kept.events.is_empty() {
            return Err(Refusal::bad(
                "This response cannot be streamed because it was not created with background=true and stream=true.",
            )
            .about("stream"));
        }
        Ok(&kept.events)
    }

    /// A page of a response's input, newest first unless asked otherwise.
    pub(super) fn input_items(&self, owner: &str, id: &str, query: &str) -> Result<Value, Refusal> {
        let mut items = self.found(owner, id)?.input.clone();
        let mut limit = 20;
        let mut after = None;
        let mut is_ascending = false;
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "limit" => {
                    let given = value.parse().ok().filter(|limit| (1..=100).contains(limit));
                    limit = given.ok_or_else(|| super::invalid_value("limit", value, "1 to 100"))?;
                }
                "order" => is_ascending = value == "asc",
                "after" => after = Some(value.to_owned()),
                "api-version" | "include" | "include[]" => {}
                name => return Err(super::unknown_parameter(name)),
            }
        }
        if !is_ascending {
            items.reverse();
        }
        if let Some(after) = after {
            let at = items.iter().position(|item| item["id"] == after.as_str());
            let at = at.ok_or_else(|| {
                Refusal::new(404, format!("Item with id '{after}' not found.")).about("after")
            })?;
            items.drain(..=at);
        }
        let has_more = items.len() > limit;
        items.truncate(limit);
        let id_of = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
        Ok(json!({
            "object": "list",
            "first_id": id_of(items.first()),
            "last_id": id_of(items.last()),
            "has_more": has_more,
            "data": items,
        }))
    }
}
