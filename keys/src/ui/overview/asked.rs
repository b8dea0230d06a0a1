//! What the overview is asked for: a range of time, and by what it is divided.

use crate::clock;
use crate::query::Query;
use crate::store::{By, Scope, Unit, UsageQuery, hour_of, time_of};
use crate::usage::Sight;

/// A range of time that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Range {
    const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "12mo",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
            Self::Year => "12 months",
        }
    }

    pub(super) fn unit(self) -> Unit {
        match self {
            Self::Day => Unit::Hour,
            Self::Week | Self::Month | Self::Quarter => Unit::Day,
            Self::Year => Unit::Month,
        }
    }

    fn units(self) -> usize {
        match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 12,
        }
    }
}

/// By what usage is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Model,
    Provider,
    Team,
    Key,
    User,
}

impl Part {
    const ALL: [Self; 5] = [Self::Model, Self::Provider, Self::Team, Self::Key, Self::User];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Team => "team",
            Self::Key => "key",
            Self::User => "user",
        }
    }

    /// Whether somebody who sees this has such parts.
    fn is_for(self, sight: &Sight) -> bool {
        match self {
            Self::Model | Self::Provider => true,
            Self::Key => !matches!(sight, Sight::Key(_)),
            Self::Team | Self::User => *sight == Sight::All,
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) range: Range,
    pub(super) by: Part,
    /// The beginnings of hours, days or months.
    pub(super) times: Vec<i64>,
    pub(super) from: i64,
    pub(super) before: i64,
    /// The beginning of the same range before.
    pub(super) earlier: i64,
}

/// A link to the same page for something else.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) label: String,
    pub(super) link: String,
    pub(super) is_current: bool,
}

impl Asked {
    pub(super) fn of(query: &Query, sight: &Sight) -> Self {
        let range = query.text("range");
        let range = Range::ALL.into_iter().find(|known| Some(known.name()) == range).unwrap_or(Range::Month);
        let by = query.text("by");
        let by = Part::ALL.into_iter().find(|known| Some(known.name()) == by && known.is_for(sight));
        Self::until(hour_of(clock::now()), range, by.unwrap_or(Part::Model))
    }

    fn until(now: i64, range: Range, by: Part) -> Self {
        let unit = range.unit();
        let last = unit.begin(now);
        let earlier_by = |begin: i64| unit.begin(begin - 1);
        let mut times = vec![last];
        while times.len() < range.units() {
            times.extend(times.last().map(|begin| earlier_by(*begin)));
        }
        times.reverse();
        let from = times.first().copied().unwrap_or(last);
        let earlier = (0..range.units()).fold(from, |begin, _| earlier_by(begin));
        Self { range, by, from, before: unit.next(last), times, earlier }
    }

    /// A query on this range.
    pub(super) fn query(&self, scope: Scope) -> UsageQuery {
        UsageQuery::new(scope, self.range.unit(), self.from, self.before)
    }

    /// The scope and the column of the parts.
    pub(super) fn parts(&self, sight: &Sight) -> (Scope, By) {
        match self.by {
            Part::Model => (sight.scope(), By::ModelGroup),
            Part::Provider => (sight.scope(), By::Model),
            Part::Team => (Scope::Team, By::Name),
            Part::Key => (Scope::Key, By::Name),
            Part::User => (Scope::User, By::Name),
        }
    }

    pub(super) fn ranges(&self) -> Vec<Choice> {
        let choice = |range: Range| Choice {
            label: range.label().to_owned(),
            link: format!("/ui/overview?range={}&by={}", range.name(), self.by.name()),
            is_current: range == self.range,
        };
        Range::ALL.into_iter().map(choice).collect()
    }

    pub(super) fn parts_by(&self, sight: &Sight) -> Vec<Choice> {
        let choice = |part: Part| Choice {
            label: format!("By {}", part.name()),
            link: format!("/ui/overview?range={}&by={}", self.range.name(), part.name()),
            is_current: part == self.by,
        };
        Part::ALL.into_iter().filter(|part| part.is_for(sight)).map(choice).collect()
    }

    /// The label of a time.
    pub(super) fn label(&self, begin: i64) -> String {
        let format = match self.range.unit() {
            Unit::Hour => "%b %-d, %H:%M",
            Unit::Day => "%b %-d",
            Unit::Month => "%b %Y",
        };
        time_of(begin).strftime(format).to_string()
    }

    /// The requests of the whole range that match these filters.
    pub(super) fn requests(&self, filters: &[(&str, &str)]) -> String {
        Self::requests_between(self.from, self.before, filters)
    }

    /// The requests of a time.
    pub(super) fn requests_at(&self, begin: i64) -> String {
        Self::requests_between(begin, self.range.unit().next(begin), &[])
    }

    fn requests_between(from: i64, before: i64, filters: &[(&str, &str)]) -> String {
        let time = |hour: i64| time_of(hour).strftime("%Y-%m-%dT%H:%M").to_string();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("from", &time(from)).append_pair("to", &time(before));
        query.extend_pairs(filters);
        format!("/ui/requests?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> i64 {
        hour_of(text.parse().unwrap())
    }

    #[test]
    fn a_range_ends_with_what_is_not_over_and_follows_one_of_the_same_length() {
        let now = hour("2026-03-15T13:30:00Z");
        let day = Asked::until(now, Range::Day, Part::Model);
        assert_eq!((day.times.len(), day.times[0]), (24, hour("2026-03-14T14:00:00Z")));
        assert_eq!((day.before, day.earlier), (hour("2026-03-15T14:00:00Z"), hour("2026-03-13T14:00:00Z")));
        let month = Asked::until(now, Range::Month, Part::Model);
        assert_eq!((month.from, month.earlier), (hour("2026-02-14T00:00:00Z"), hour("2026-01-15T00:00:00Z")));
        let year = Asked::until(now, Range::Year, Part::Model);
        assert_eq!((year.from, year.before), (hour("2025-04-01T00:00:00Z"), hour("2026-04-01T00:00:00Z")));
        assert_eq!(year.earlier, hour("2024-04-01T00:00:00Z"));
    }

    #[test]
    fn nobody_divides_by_what_is_not_theirs() {
        let own = Sight::User("alice".to_owned());
        let asked = |by: &str, sight: &Sight| Asked::of(&Query::of(&[("by", by)]), sight).by;
        assert_eq!(asked("team", &own), Part::Model);
        assert_eq!(asked("key", &own), Part::Key);
        assert_eq!(asked("team", &Sight::All), Part::Team);
        assert_eq!(asked("odd", &Sight::All), Part::Model);
    }

    #[test]
    fn a_link_has_the_range_and_the_filters() {
        let asked = Asked::until(hour("2026-03-15T13:30:00Z"), Range::Week, Part::Model);
        assert_eq!(
            asked.requests(&[("model", "a&b")]),
            "/ui/requests?from=2026-03-09T00%3A00&to=2026-03-16T00%3A00&model=a%26b"
        );
    }
}
