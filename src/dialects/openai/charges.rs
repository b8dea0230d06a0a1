//! Costs in a vendor's `usage`: its charge for the request, or what it charges a fee for.

use crate::config::SearchSize;
use crate::facts::Usage;
use crate::json::{JsonStr, Object, Raw};
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
}
