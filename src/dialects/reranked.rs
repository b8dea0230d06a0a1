//! Answers to `/rerank` in Cohere's format (<https://docs.cohere.com/reference/rerank>). Vendors have the same results, under
//! `results` or `data`, and report tokens in `usage` or, as Cohere does, units in `meta`.

use crate::facts::{Fault, Units, Usage};
use crate::json::{JsonStr, Object, Raw, Writer, fields, read};
use crate::openai::{Answer, count};

/// Translates an answer.
///
/// # Errors
/// It cannot be read, or has no results.
pub(super) fn answer(body: &[u8]) -> Result<Answer, Fault> {
    struct Wire<'a> {
        id: Option<JsonStr<'a>>,
        results: Option<Vec<Object<'a>>>,
        data: Option<Vec<Object<'a>>>,
        usage: Option<Raw<'a>>,
        meta: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { id, results, data, usage, meta });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    let Some(results) = wire.results.or(wire.data) else { return Err(Fault::unreadable(502, body)) };
    let mut usage = wire.usage.and_then(Usage::parse).unwrap_or_default();
    let mut written = Vec::with_capacity(body.len() + 128);
    let mut w = Writer::new(&mut written);
    w.object();
    if let Some(id) = wire.id {
        w.key("id").raw(id.token());
    }
    w.key("results").array();
    for result in results {
        w.object();
        for member in result.members() {
            w.raw(member.key.token()).bytes().push(b':');
            if member.is("document") && JsonStr::of(member.value).is_some() {
                w.object().key("text").raw(member.value.get()).end_object();
            } else {
                w.raw(member.value.get());
            }
        }
        w.end_object();
    }
    w.end_array();
    if let Some(meta) = wire.meta {
        count_meta(meta, &mut usage);
        w.key("meta").raw(meta.get());
    } else if usage.prompt > 0 {
        w.key("meta").object().key("billed_units").object().key("total_tokens").number(usage.total());
        w.end_object().key("tokens").object().key("input_tokens").number(usage.prompt);
        w.end_object().end_object();
    }
    w.end_object();
    Ok(Answer { body: written, usage, id: wire.id.map(|id| id.inner().into()).unwrap_or_default() })
}

/// Reads the units that Cohere reports.
fn count_meta(meta: Raw<'_>, usage: &mut Usage) {
    #[derive(Default)]
    struct Meta<'a> {
        billed_units: Option<Counts<'a>>,
        tokens: Option<Counts<'a>>,
    }
    fields!(Meta<'a> { billed_units, tokens });
    struct Counts<'a> {
        search_units: Option<Raw<'a>>,
        total_tokens: Option<Raw<'a>>,
        input_tokens: Option<Raw<'a>>,
    }
    fields!(Counts<'a> { search_units, total_tokens, input_tokens });
    let Meta { billed_units, tokens } = read(meta).unwrap_or_default();
    for counts in billed_units.iter().chain(&tokens) {
        if usage.prompt == 0 {
            usage.prompt = count(counts.total_tokens).or(count(counts.input_tokens)).unwrap_or_default();
        }
        let searches = count(counts.search_units).and_then(|count| u32::try_from(count).ok());
        usage.units = usage.units.or(Units { searches: searches.unwrap_or_default(), ..Units::default() });
    }
}
