//! Joins the responses to the parts. The vectors' JSON is copied unchanged, because every part was requested
//! with the client's `encoding_format`.

use crate::facts::Fault;
use crate::json::{JsonStr, Raw, Writer, fields, read as read_json};
use crate::sorted::sort_by_key;

use super::garbled;

/// Converts the vectors of a part's response to items of the joined `data`, and returns the part's token
/// count. The part has `count` inputs, of which the first has index `first` in the whole request.
pub(super) fn read(body: &[u8], first: usize, count: usize) -> Result<(Vec<u8>, u64), Fault> {
    struct Wire<'a> {
        data: Vec<Item<'a>>,
        usage: Option<Counted>,
    }
    fields!(Wire<'a> { data, usage; "data" });
    struct Item<'a> {
        embedding: Raw<'a>,
        index: Option<u64>,
    }
    fields!(Item<'a> { embedding, index; "embedding" });
    struct Counted {
        prompt_tokens: u64,
    }
    fields!(Counted { prompt_tokens });
    let Wire { mut data, usage }: Wire<'_> = read_json(body).map_err(|_| garbled("is not valid JSON"))?;
    // What has no index comes first.
    let place = |item: &Item<'_>| item.index.map(|index| usize::try_from(index).unwrap_or(usize::MAX));
    sort_by_key(&mut data, |item| place(item).map_or((0, 0), |place| (1, place)));
    let in_order = |(place, item): (usize, &Item<'_>)| item.index.is_none_or(|index| index == place as u64);
    if data.len() != count || !data.iter().enumerate().all(in_order) {
        return Err(garbled("does not have one embedding for each input"));
    }
    let mut items = Vec::with_capacity(body.len() + 16 * count);
    let mut w = Writer::new(&mut items);
    for (place, item) in data.iter().enumerate() {
        w.object().key("object").string("embedding").key("index").number((first + place) as u64);
        w.key("embedding").raw(item.embedding.get()).end_object();
    }
    Ok((items, usage.map_or(0, |usage| usage.prompt_tokens)))
}

/// The message of a part's error; empty if there is none.
pub(super) fn message(body: &[u8]) -> String {
    struct Wire<'a> {
        error: Told<'a>,
    }
    fields!(Wire<'a> { error; "error" });
    struct Told<'a> {
        message: JsonStr<'a>,
    }
    fields!(Told<'a> { message; "message" });
    let wire = read_json::<Wire<'_>>(body).ok();
    wire.and_then(|wire| Some(wire.error.message.decode()?.into_owned())).unwrap_or_default()
}

/// Writes the joined response.
pub(super) fn write(answers: impl Iterator<Item = Vec<u8>>, model: &str, prompt: u64) -> Vec<u8> {
    let mut body = Vec::new();
    Writer::new(&mut body).object().key("object").string("list").key("data").array();
    for (place, answer) in answers.enumerate() {
        if place > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&answer);
    }
    let mut w = Writer::new(&mut body);
    w.end_array().key("model").string(model);
    w.key("usage").object().key("prompt_tokens").number(prompt).key("total_tokens").number(prompt);
    w.end_object().end_object();
    body
}
