//! Hours, days and months, by the hour since 1970 (UTC) in which they begin.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const HOUR_MS: u64 = 3_600_000;
const HOURS_OF_DAY: i64 = 24;

/// The length of what a row adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// An hour.
    Hour,
    /// A day (UTC).
    Day,
    /// A calendar month (UTC).
    Month,
}

impl Unit {
    /// All units.
    pub(super) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// In the database.
    pub(super) fn stored(self) -> i64 {
        match self {
            Self::Hour => 0,
            Self::Day => 1,
            Self::Month => 2,
        }
    }

    /// The beginning of the unit that an hour is in.
    pub fn begin(self, hour: i64) -> i64 {
        match self {
            Self::Hour => hour,
            Self::Day => hour - hour.rem_euclid(HOURS_OF_DAY),
            Self::Month => {
                let date = time_of(hour).to_zoned(TimeZone::UTC).date().first_of_month();
                TimeZone::UTC.to_timestamp(date.into()).map_or(hour, hour_of)
            }
        }
    }

    /// The beginning of the next unit.
    pub fn next(self, begin: i64) -> i64 {
        match self {
            Self::Hour => begin + 1,
            Self::Day => begin + HOURS_OF_DAY,
            // No month has more than 31 days, and the next one more than three.
            Self::Month => self.begin(begin + 31 * HOURS_OF_DAY + HOURS_OF_DAY / 2),
        }
    }
}

/// The hour of a time.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3_600)
}

/// The hour of a time in milliseconds.
pub(super) fn hour_of_ms(ms: u64) -> i64 {
    i64::try_from(ms / HOUR_MS).unwrap_or(i64::MAX)
}

/// The beginning of an hour; the calendar's last moment for hours beyond it.
pub fn time_of(hour: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(hour.min(1 << 30))).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> i64 {
        hour_of(text.parse().unwrap())
    }

    #[test]
    fn an_hour_is_in_its_day_and_its_month() {
        let at = hour("2024-02-29T23:59:59Z");
        assert_eq!(Unit::Hour.begin(at), hour("2024-02-29T23:00:00Z"));
        assert_eq!(Unit::Day.begin(at), hour("2024-02-29T00:00:00Z"));
        assert_eq!(Unit::Month.begin(at), hour("2024-02-01T00:00:00Z"));
    }

    #[test]
    fn a_month_follows_a_month() {
        let mut month = hour("2023-01-01T00:00:00Z");
        for text in ["2023-02-01", "2023-03-01", "2023-04-01", "2023-05-01"] {
            month = Unit::Month.next(month);
            assert_eq!(month, hour(&format!("{text}T00:00:00Z")));
        }
        assert_eq!(Unit::Month.next(hour("2023-12-01T00:00:00Z")), hour("2024-01-01T00:00:00Z"));
    }

    #[test]
    fn a_time_beyond_the_calendar_has_a_month() {
        assert_eq!(Unit::Month.begin(hour_of_ms(u64::MAX)), Unit::Month.begin(hour_of(Timestamp::MAX)));
    }
}
