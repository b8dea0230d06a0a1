//! Durations such as `30d`, `1h`, `1mo`, `daily`: the lifetime of a key, and the period of its budget.
//!
//! The same syntax has two meanings. A key's `duration` is exact and is added to the current time. A
//! `budget_duration` is aligned to the calendar (UTC): budgets are reset at midnight, on Monday, or on the
//! first of the month.

use core::fmt;

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A number of one unit, parsed from text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    count: i64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

/// The text is not a duration, or the result is out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDuration;

impl Duration {
    /// Parses `^(\d+)(s|m|h|d|w|mo)` or one of the words `hourly`, `daily`, `weekly`, `monthly`.
    ///
    /// Text after the unit is ignored (`30days` is `30d`), because `LiteLLM` accepts it and scripts rely on
    /// it.
    pub fn parse(text: &str) -> Result<Self, NoDuration> {
        let text = match text {
            "hourly" => "1h",
            "daily" => "24h",
            "weekly" => "7d",
            "monthly" => "30d",
            other => other,
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let count = count.parse().map_err(|_| NoDuration)?;
        let unit = match unit.as_bytes() {
            [b'm', b'o', ..] => Unit::Month,
            [b's', ..] => Unit::Second,
            [b'm', ..] => Unit::Minute,
            [b'h', ..] => Unit::Hour,
            [b'd', ..] => Unit::Day,
            [b'w', ..] => Unit::Week,
            _ => return Err(NoDuration),
        };
        Ok(Self { count, unit })
    }

    /// The time that is exactly this much later. Months are calendar months: 31 January plus one month is the
    /// last day of February.
    pub fn after(self, start: Timestamp) -> Result<Timestamp, NoDuration> {
        timestamp(utc(start).checked_add(self.span()?).map_err(|_| NoDuration)?)
    }

    /// The time that is exactly this much earlier.
    pub fn before(self, end: Timestamp) -> Result<Timestamp, NoDuration> {
        timestamp(utc(end).checked_sub(self.span()?).map_err(|_| NoDuration)?)
    }

    fn span(self) -> Result<jiff::Span, NoDuration> {
        let Self { count, unit } = self;
        let span = match unit {
            Unit::Second => jiff::Span::new().try_seconds(count),
            Unit::Minute => jiff::Span::new().try_minutes(count),
            Unit::Hour => jiff::Span::new().try_hours(count),
            Unit::Day => jiff::Span::new().try_days(count),
            Unit::Week => jiff::Span::new().try_weeks(count),
            Unit::Month => jiff::Span::new().try_months(count),
        };
        span.map_err(|_| NoDuration)
    }

    /// The next reset of a budget with this period, after `now`.
    ///
    /// `1d` and `24h`: midnight. `7d`, `1w`: Monday. `30d`, `1mo`: the first of the month. Other days and
    /// weeks: today's midnight plus that many days. Hours, minutes, seconds: the next multiple within the
    /// day, hour or minute. Other numbers of months are rejected, and so is 0, which would reset forever.
    pub fn next_reset(self, now: Timestamp) -> Result<Timestamp, NoDuration> {
        let Self { count, unit } = self;
        if count == 0 {
            return Err(NoDuration);
        }
        let now = utc(now);
        let midnight = now.date().to_datetime(Time::midnight());
        let days = match unit {
            Unit::Second => {
                return next_multiple(now.with().subsec_nanosecond(0).second(0), now.second(), self);
            }
            Unit::Minute => {
                return next_multiple(
                    now.with().subsec_nanosecond(0).second(0).minute(0),
                    now.minute(),
                    self,
                );
            }
            Unit::Hour => return next_multiple(midnight.with(), now.hour(), self),
            Unit::Month if count == 1 => 30,
            Unit::Month => return Err(NoDuration),
            Unit::Week => count.checked_mul(7).ok_or(NoDuration)?,
            Unit::Day => count,
        };
        let next = match days {
            7 => now.date().nth_weekday(1, Weekday::Monday).map(|date| date.to_datetime(Time::midnight())),
            30 => midnight.first_of_month().checked_add(1.month()),
            _ => jiff::Span::new().try_days(days).and_then(|span| midnight.checked_add(span)),
        };
        timestamp(next.map_err(|_| NoDuration)?)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => "s",
            Unit::Minute => "m",
            Unit::Hour => "h",
            Unit::Day => "d",
            Unit::Week => "w",
            Unit::Month => "mo",
        };
        write!(f, "{}{unit}", self.count)
    }
}

/// `start` is the beginning of the enclosing minute, hour or day, and `passed` is the number of units since
/// then.
fn next_multiple(
    start: jiff::civil::DateTimeWith,
    passed: i8,
    every: Duration,
) -> Result<Timestamp, NoDuration> {
    let start = start.build().map_err(|_| NoDuration)?;
    let multiple = (i64::from(passed) / every.count + 1).checked_mul(every.count).ok_or(NoDuration)?;
    Duration { count: multiple, unit: every.unit }.after(timestamp(start)?)
}

fn utc(at: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(at)
}

fn timestamp(at: DateTime) -> Result<Timestamp, NoDuration> {
    TimeZone::UTC.to_timestamp(at).map_err(|_| NoDuration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A Sunday, the time at which `LiteLLM`'s responses were recorded.
    const SUNDAY: &str = "2026-11-22T13:13:05.25Z";

    fn reset(duration: &str, now: &str) -> String {
        let next = Duration::parse(duration).unwrap().next_reset(now.parse().unwrap()).unwrap();
        next.to_string()
    }

    #[test]
    fn budgets_start_again_where_litellm_starts_them() {
        for (duration, next) in [
            ("1d", "2026-11-23T00:00:00Z"),
            ("daily", "2026-11-23T00:00:00Z"),
            ("7d", "2026-11-23T00:00:00Z"),
            ("1w", "2026-11-23T00:00:00Z"),
            ("weekly", "2026-11-23T00:00:00Z"),
            ("30d", "2026-12-01T00:00:00Z"),
            ("1mo", "2026-12-01T00:00:00Z"),
            ("monthly", "2026-12-01T00:00:00Z"),
            ("10d", "2026-12-02T00:00:00Z"),
            ("2w", "2026-12-06T00:00:00Z"),
            ("1h", "2026-11-22T14:00:00Z"),
            ("hourly", "2026-11-22T14:00:00Z"),
            ("5h", "2026-11-22T15:00:00Z"),
            ("24h", "2026-11-23T00:00:00Z"),
            ("36h", "2026-11-23T12:00:00Z"),
            ("15m", "2026-11-22T13:15:00Z"),
            ("10s", "2026-11-22T13:13:10Z"),
            ("90s", "2026-11-22T13:14:30Z"),
        ] {
            assert_eq!(reset(duration, SUNDAY), next, "{duration}");
        }
    }

    #[test]
    fn a_weekly_budget_on_a_monday_starts_again_a_week_later() {
        assert_eq!(reset("7d", "2026-11-23T00:00:00Z"), "2026-11-30T00:00:00Z");
    }

    #[test]
    fn a_monthly_budget_crosses_the_year() {
        assert_eq!(reset("1mo", "2026-12-31T23:59:59Z"), "2027-01-01T00:00:00Z");
    }

    #[test]
    fn a_life_is_exact_and_its_months_are_calendar_months() {
        let after = |duration: &str, start: &str| {
            Duration::parse(duration).unwrap().after(start.parse().unwrap()).unwrap().to_string()
        };
        assert_eq!(after("30d", SUNDAY), "2026-12-22T13:13:05.25Z");
        assert_eq!(after("90s", SUNDAY), "2026-11-22T13:14:35.25Z");
        assert_eq!(after("1mo", "2027-01-31T10:00:00Z"), "2027-02-28T10:00:00Z");
        assert_eq!(after("14mo", SUNDAY), "2028-01-22T13:13:05.25Z");
    }

    #[test]
    fn text_after_the_unit_is_not_looked_at() {
        assert_eq!(Duration::parse("30days"), Duration::parse("30d"));
        assert_eq!(Duration::parse("1month"), Duration::parse("1mo"));
        assert_eq!(Duration::parse("5mins"), Duration::parse("5m"));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "5x", "d", "-1d", " 1d", "1.5h", "99999999999999999999d", "yearly", "٣d"] {
            assert_eq!(Duration::parse(text), Err(NoDuration), "{text}");
        }
    }

    #[test]
    fn a_budget_of_no_time_or_of_several_months_is_refused() {
        for text in ["0s", "0d", "0mo", "2mo"] {
            assert_eq!(
                Duration::parse(text).unwrap().next_reset(Timestamp::UNIX_EPOCH),
                Err(NoDuration),
                "{text}"
            );
        }
    }

    fn durations() -> impl Strategy<Value = Duration> {
        let unit = prop::sample::select(vec![
            Unit::Second,
            Unit::Minute,
            Unit::Hour,
            Unit::Day,
            Unit::Week,
            Unit::Month,
        ]);
        (prop_oneof![1_i64..400, any::<i64>().prop_map(i64::saturating_abs)], unit)
            .prop_map(|(count, unit)| Duration { count, unit })
    }

    fn moments() -> impl Strategy<Value = Timestamp> {
        (0_i64..4_102_444_800_000_000).prop_map(crate::clock::from_micros)
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,20}") {
            let _ = Duration::parse(&text);
        }

        #[test]
        fn what_is_written_is_read_back(duration in durations()) {
            prop_assert_eq!(Duration::parse(&duration.to_string()), Ok(duration));
        }

        #[test]
        fn a_life_ends_later_than_it_begins(duration in durations(), start in moments()) {
            if let Ok(end) = duration.after(start) {
                prop_assert!(end > start);
            }
        }

        #[test]
        fn the_next_reset_is_later_and_on_a_whole_second(duration in durations(), now in moments()) {
            if let Ok(next) = duration.next_reset(now) {
                prop_assert!(next > now);
                prop_assert_eq!(next.subsec_nanosecond(), 0);
            }
        }

        #[test]
        fn days_weeks_and_months_start_at_midnight(duration in durations(), now in moments()) {
            let aligned = matches!(duration.unit, Unit::Day | Unit::Week | Unit::Month);
            if let (true, Ok(next)) = (aligned, duration.next_reset(now)) {
                prop_assert_eq!(utc(next).time(), Time::midnight());
            }
        }

        #[test]
        fn between_two_moments_of_one_period_the_next_reset_is_the_same(
            days in prop::sample::select(vec![1_i64, 7, 30]), now in moments(), share in 0.0_f64..1.0,
        ) {
            let budget = Duration { count: days, unit: Unit::Day };
            let next = budget.next_reset(now).unwrap();
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "any point will do")]
            let within = ((next.as_microsecond() - now.as_microsecond()) as f64 * share) as i64;
            let later = crate::clock::from_micros(now.as_microsecond() + within);
            prop_assume!(later < next);
            prop_assert_eq!(budget.next_reset(later).unwrap(), next);
        }
    }
}
