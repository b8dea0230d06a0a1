//! Costs in a vendor's `usage`: its charge for the request, or what it charges a fee for.

use hashbrown::HashSet;

use crate::config::SearchSize;
use crate::facts::Usage;
use crate::json::{JsonStr, Object, Raw, Text, fields, read};
use crate::openai::count;
use crate::price;

/// Where a vendor reports them: fields of `usage`. An empty name means that the vendor does not have the field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charges {
    /// The charge for the whole request: a number, or an object whose `total_cost` is one.
    pub total: &'static str,
    /// Dollars in one unit of [`Self::total`].
    pub unit: f64,
    /// Number of web searches, possibly in an object: `a.b`.
    pub searches: &'static str,
    /// How much context they returned: `low`, `medium` or `high`.
    pub size: &'static str,
    /// Number of units with a rate that no price map has.
    pub pieces: &'static str,
    /// That rate, dollars.
    pub per_piece: f64,
}

impl Charges {
    /// A vendor that reports no costs.
    pub const NOTHING: Self =
        Self { total: "", unit: 1.0, searches: "", size: "", pieces: "", per_piece: 0.0 };

    /// Reads the costs in a `usage` object.
    pub(super) fn read(&self, raw: Raw<'_>, usage: &mut Usage) {
        let Some(object) = Object::of(raw) else { return };
        usage.charged = find(&object, self.total).and_then(|total| {
            let total = Object::of(total).map_or(Some(total), |parts| parts.get("total_cost"))?;
            price::charge(total.get().parse::<f64>().ok()? * self.unit)
        });
        let counted = |name| count(find(&object, name)).filter(|count| *count > 0);
        let size = find(&object, self.size).and_then(JsonStr::of);
        usage.search_size = size.and_then(|size| SearchSize::named(size.inner()));
        match counted(self.searches) {
            Some(searches) => usage.searches = searches,
            // A reported context size means that the provider searched.
            None => usage.searches = usage.search_size.is_some().into(),
        }
        if usage.searches == 0
            && let Some(pieces) = counted(self.pieces)
        {
            usage.fees = pieces.saturating_mul(price::charge(self.per_piece).unwrap_or_default());
        }
    }
}

/// Dollars per call of the built-in tools whose price no price map has: <https://openai.com/api/pricing/>.
const FILE_SEARCH: f64 = 0.0025;

/// Dollars per container that runs code, of the smallest size.
const CONTAINER: f64 = 0.03;

/// What `OpenAI`'s own tools cost, by the output of a response of the Responses API. `tools` are those of the request,
/// which the response repeats.
pub(super) fn of_items(output: Raw<'_>, tools: Option<Raw<'_>>) -> Usage {
    struct Item<'a> {
        kind: Text<'a>,
        action: Option<Raw<'a>>,
        container_id: Option<JsonStr<'a>>,
    }
    fields!(Item<'a> { kind = "type", action, container_id });
    struct Tool<'a> {
        search_context_size: Option<JsonStr<'a>>,
    }
    fields!(Tool<'a> { search_context_size });
    let mut usage = Usage::default();
    let has = |name: &[u8]| memchr::memmem::find(output.get().as_bytes(), name).is_some();
    if !has(b"search_call\"") && !has(b"code_interpreter_call\"") {
        return usage;
    }
    let (mut containers, mut dollars) = (HashSet::new(), 0.0);
    let items = read::<Vec<Raw<'_>>>(output).unwrap_or_default();
    for item in items.into_iter().filter_map(|item| read::<Item<'_>>(item).ok()) {
        match &*item.kind {
            // Opening a page, and looking for something in it, are free.
            "web_search_call" => {
                let action = item.action.and_then(Object::of);
                let kind = action.as_ref().and_then(|action| JsonStr::of(action.get("type")?));
                usage.searches += u64::from(kind.is_none_or(|kind| kind.inner() == "search"));
            }
            "file_search_call" => dollars += FILE_SEARCH,
            "code_interpreter_call" if containers.insert(item.container_id.map(JsonStr::inner)) => {
                dollars += CONTAINER;
            }
            _ => {}
        }
    }
    usage.fees = price::charge(dollars).unwrap_or_default();
    if usage.searches > 0 {
        let tools = tools.and_then(|tools| read::<Vec<Raw<'_>>>(tools).ok()).unwrap_or_default();
        let sizes = tools.into_iter().filter_map(|tool| read::<Tool<'_>>(tool).ok()?.search_context_size);
        usage.search_size = sizes.into_iter().find_map(|size| SearchSize::named(size.inner()));
    }
    usage
}

fn find<'a>(object: &Object<'a>, path: &str) -> Option<Raw<'a>> {
    match path.split_once('.') {
        _ if path.is_empty() => None,
        None => object.get(path),
        Some((outer, inner)) => Object::of(object.get(outer)?)?.get(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Charges = Charges {
        total: "cost",
        unit: 1e-10,
        searches: "details.calls",
        size: "size",
        pieces: "sources",
        per_piece: 0.025,
    };

    fn read(charges: &Charges, usage: &str) -> Usage {
        let mut read = Usage::default();
        charges.read(Raw::parse(usage).unwrap(), &mut read);
        read
    }

    #[test]
    fn the_charge_is_a_number_or_an_objects_total() {
        assert_eq!(read(&ALL, r#"{"cost":318319000}"#).charged, Some(31_831_900_000));
        let dollars = Charges { unit: 1.0, ..ALL };
        assert_eq!(read(&dollars, r#"{"cost":0.006}"#).charged, Some(6_000_000_000));
        let parts = r#"{"cost":{"request_cost":0.005,"total_cost":0.00612}}"#;
        assert_eq!(read(&dollars, parts).charged, Some(6_120_000_000));
        assert_eq!(read(&dollars, r#"{"cost":0}"#).charged, Some(0));
    }

    #[test]
    fn what_is_no_charge_is_none() {
        for cost in ["-1", "null", "\"3\"", "true", "{}", "[1]", "1e999"] {
            assert_eq!(read(&ALL, &format!(r#"{{"cost":{cost}}}"#)).charged, None, "{cost}");
        }
        assert_eq!(read(&Charges::NOTHING, r#"{"cost":1,"":2}"#), Usage::default());
    }

    #[test]
    fn searches_are_counted_or_follow_from_their_size_and_pieces_count_alone() {
        let usage = read(&ALL, r#"{"details":{"calls":3},"sources":5}"#);
        assert_eq!((usage.searches, usage.fees), (3, 0));
        let usage = read(&ALL, r#"{"size":"high"}"#);
        assert_eq!((usage.searches, usage.search_size), (1, Some(SearchSize::High)));
        let usage = read(&ALL, r#"{"details":{"calls":0},"sources":2}"#);
        assert_eq!((usage.searches, usage.fees), (0, 50_000_000_000));
    }

    #[test]
    fn calls_of_built_in_tools_are_counted_and_looking_at_a_page_is_free() {
        let of = |output: &str, tools: &str| {
            of_items(Raw::parse(output).unwrap(), Some(Raw::parse(tools).unwrap()))
        };
        let output = r#"[{"type":"web_search_call","action":{"type":"search","query":"q"}},
            {"type":"web_search_call","action":{"type":"open_page"}},{"type":"web_search_call"},
            {"type":"file_search_call"},{"type":"file_search_call"},
            {"type":"code_interpreter_call","container_id":"c1"},{"type":"code_interpreter_call","container_id":"c1"},
            {"type":"code_interpreter_call","container_id":"c2"},{"type":"message","content":[]}]"#;
        let usage = of(output, r#"[{"type":"function"},{"type":"web_search","search_context_size":"high"}]"#);
        assert_eq!((usage.searches, usage.search_size), (2, Some(SearchSize::High)));
        assert_eq!(usage.fees, 65_000_000_000);
        let words =
            r#"[{"type":"message","content":[{"text":"web_search_call\""}]},{"type":"function_call"},7]"#;
        assert_eq!(of(words, "[]"), Usage::default());
    }
}
