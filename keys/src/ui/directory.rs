//! What the lists of users, teams and budgets have in common: search, order and pages by keyset.

use crate::query::Query;
use crate::store::{Accounts, Kind, Listing, Position, Sort};

/// Accounts on a page.
const SIZE: u32 = 50;

/// The names of orders in links.
const SORTS: [(&str, Sort); 4] =
    [("name", Sort::Name), ("created", Sort::Created), ("spend", Sort::Spend), ("budget", Sort::Budget)];

/// What was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    path: &'static str,
    pub(super) search: String,
    sort: Sort,
    descending: bool,
    after: Option<Position>,
    /// Further filters, by name.
    filters: Vec<(&'static str, String)>,
}

/// A column of a list.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) label: &'static str,
    pub(super) number: bool,
    pub(super) link: Option<String>,
    /// `ascending`, `descending`
    pub(super) sorted: Option<&'static str>,
}

/// A column before it is known what was asked for: its label, its order if one can sort by it, and whether it has numbers.
pub(super) type Head = (&'static str, Option<Sort>, bool);

impl Asked {
    pub(super) fn of(path: &'static str, query: &Query, filters: &[&'static str]) -> Self {
        let text = |name: &str| query.text(name).unwrap_or_default().trim().to_owned();
        let sort = SORTS.into_iter().find(|(name, _)| query.text("sort") == Some(name));
        let sort = sort.map_or(Sort::Name, |(_, sort)| sort);
        let after = query.text("after").zip(query.text("id"));
        Self {
            path,
            search: text("search"),
            sort,
            descending: query.text("order") == Some("desc"),
            after: after.and_then(|(value, id)| sort.parse(value, id)),
            filters: filters.iter().map(|name| (*name, text(name))).collect(),
        }
    }

    /// A filter that is set.
    pub(super) fn filter(&self, name: &str) -> Option<String> {
        let value = self.filters.iter().find(|(of, _)| *of == name).map(|(_, value)| value.clone());
        value.filter(|value| !value.is_empty())
    }

    /// A filter as it was typed.
    pub(super) fn typed(&self, name: &str) -> String {
        self.filter(name).unwrap_or_default()
    }

    pub(super) fn is_filtered(&self) -> bool {
        !self.search.is_empty() || self.filters.iter().any(|(_, value)| !value.is_empty())
    }

    pub(super) fn sort_name(&self) -> &'static str {
        SORTS.iter().find(|(_, sort)| *sort == self.sort).map_or("name", |(name, _)| *name)
    }

    pub(super) fn order_name(&self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }

    /// What the database is asked for.
    pub(super) fn listing(&self, kind: Kind) -> Listing {
        Listing {
            kind,
            search: Some(self.search.clone()).filter(|search| !search.is_empty()),
            role: None,
            team_id: None,
            member: None,
            sort: self.sort,
            descending: self.descending,
            after: self.after.clone(),
            size: SIZE,
        }
    }

    fn link(&self, sort: &str, order: &str, after: Option<&Position>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fixed = [("search", self.search.as_str()), ("sort", sort), ("order", order)];
        let filters = self.filters.iter().map(|(name, value)| (*name, value.as_str()));
        query.extend_pairs(fixed.into_iter().chain(filters).filter(|(_, value)| !value.is_empty()));
        if let Some(Position { value, id }) = after {
            query.append_pair("after", &value.to_string()).append_pair("id", id);
        }
        format!("{}?{}", self.path, query.finish())
    }

    /// The next page.
    pub(super) fn next(&self, page: &Accounts) -> Option<String> {
        page.next.as_ref().map(|next| self.link(self.sort_name(), self.order_name(), Some(next)))
    }

    /// The first page, if this is another.
    pub(super) fn first(&self) -> Option<String> {
        self.after.as_ref().map(|_| self.link(self.sort_name(), self.order_name(), None))
    }

    pub(super) fn columns(&self, heads: &[Head]) -> Vec<Column> {
        let column = |(label, sort, number): &Head| {
            let is_sorted = *sort == Some(self.sort);
            // Names begin with A, numbers and times with the largest.
            let next = match (is_sorted, self.descending) {
                (true, true) => "asc",
                (false, _) if *sort == Some(Sort::Name) => "asc",
                _ => "desc",
            };
            let name = SORTS.iter().find(|(_, of)| Some(*of) == *sort).map(|(name, _)| *name);
            Column {
                label,
                number: *number,
                link: name.map(|name| self.link(name, next, None)),
                sorted: is_sorted.then_some(if self.descending { "descending" } else { "ascending" }),
            }
        };
        heads.iter().map(column).collect()
    }
}

/// Counts by id, for lookups.
pub(super) fn by_id(counts: Vec<(String, i64)>) -> std::collections::HashMap<String, i64> {
    counts.into_iter().collect()
}
