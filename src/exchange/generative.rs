//! `/v1beta/models` and `/v1beta/models/{id}`: the models that a key can see, for clients of `generateContent`
//! (<https://ai.google.dev/api/models>). All models are one page.

use crate::config::Group;
use crate::json::Writer;
use crate::key::KeyRecord;
use crate::openai::ErrorBody;
use crate::table::Table;

use super::Reply;
use super::catalog::{seen, visible};

/// The list.
pub(super) fn models(table: &Table, key: Option<&KeyRecord>) -> Reply {
    let mut body = Vec::with_capacity(1024);
    let mut w = Writer::new(&mut body);
    w.object().key("models").array();
    for (name, group) in visible(table, key, false) {
        write(&mut w, &name, group);
    }
    w.end_array().end_object();
    Reply::json(200, body)
}

/// One of them.
pub(super) fn model_by_id(table: &Table, key: Option<&KeyRecord>, id: &str) -> Reply {
    let Some(group) = seen(table, key, id) else {
        let message = format!("models/{id} is not found, or is not available for this API key");
        return ErrorBody::new(404, "not_found_error", message).into();
    };
    let mut body = Vec::with_capacity(256);
    write(&mut Writer::new(&mut body), id, group);
    Reply::json(200, body)
}

fn write(w: &mut Writer<'_>, name: &str, group: &Group) {
    w.object().key("name").string(&["models/", name].concat()).key("version").string("001");
    w.key("displayName").string(name);
    for (name, tokens) in
        [("inputTokenLimit", group.max_input_tokens), ("outputTokenLimit", group.max_output_tokens)]
    {
        if let Some(tokens) = tokens {
            w.key(name).number(tokens);
        }
    }
    let methods: &[&str] = match group.mode.as_deref() {
        Some("embedding") => &["embedContent", "batchEmbedContents"],
        _ => &["generateContent", "countTokens"],
    };
    w.key("supportedGenerationMethods").array();
    for method in methods {
        w.string(method);
    }
    w.end_array().end_object();
}
