//! A range of days (UTC).

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::store::{Scope, Unit, UsageQuery, hour_of, time_of};

/// The longest range, days.
const MOST_DAYS: i64 = 3_660;

/// Days, by their hours since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The beginning of the first day.
    pub from: i64,
    /// The end of the last day.
    pub before: i64,
}

impl Days {
    /// `start_date` and `end_date`, which is part of the range.
    pub fn of(query: &Query) -> Result<Self, ApiError> {
        let (Some(start), Some(end)) = (query.text("start_date"), query.text("end_date")) else {
            return Err(ApiError::bad_request("Please provide start_date and end_date"));
        };
        Self::between(start, end)
    }

    /// From one day to another, as clients write them.
    pub fn between(start: &str, end: &str) -> Result<Self, ApiError> {
        let (from, last) = (day(start)?, day(end)?);
        if last - from > MOST_DAYS * 24 {
            return Err(ApiError::bad_request(format!("the range is longer than {MOST_DAYS} days")));
        }
        Ok(Self { from, before: Unit::Day.next(last) })
    }

    /// The last 30 days and today.
    pub fn recent() -> Self {
        let today = Unit::Day.begin(hour_of(clock::now()));
        Self { from: today - 30 * 24, before: Unit::Day.next(today) }
    }

    /// The usage of a scope on these days.
    pub fn query(self, scope: Scope) -> UsageQuery {
        UsageQuery::new(scope, Unit::Day, self.from, self.before)
    }
}

fn day(text: &str) -> Result<i64, ApiError> {
    let invalid = || ApiError::bad_request(format!("invalid date '{text}', expected YYYY-MM-DD"));
    // Some clients send a time, too.
    let date: Date = text.get(..10).unwrap_or(text).parse().map_err(|_| invalid())?;
    TimeZone::UTC.to_timestamp(date.into()).map(hour_of).map_err(|_| invalid())
}

/// `2026-11-30`
pub fn date(hour: i64) -> String {
    time_of(hour).strftime("%Y-%m-%d").to_string()
}

/// `Nov 30`
pub fn month_day(hour: i64) -> String {
    time_of(hour).strftime("%b %d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_part_of_a_range() {
        let days = Days::of(&Query::of(&[("start_date", "2026-11-30"), ("end_date", "2026-11-30")])).unwrap();
        assert_eq!((date(days.from), date(days.before)), ("2026-11-30".to_owned(), "2026-12-01".to_owned()));
        assert_eq!(month_day(days.from), "Nov 30");
    }

    #[test]
    fn a_range_needs_both_dates_and_an_end() {
        for pairs in [
            &[("start_date", "2026-11-30")][..],
            &[("start_date", "2026-11-30"), ("end_date", "tomorrow")],
            &[("start_date", "1900-01-01"), ("end_date", "2026-01-01")],
            &[("start_date", "ääääää"), ("end_date", "2026-01-01")],
        ] {
            assert!(Days::of(&Query::of(pairs)).is_err(), "{pairs:?}");
        }
    }
}
