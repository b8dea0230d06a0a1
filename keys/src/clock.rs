//! Timestamps: read from the system, stored as integers, formatted like `LiteLLM`'s.

use jiff::Timestamp;

/// The current time, truncated to microseconds, which is the database's precision.
pub fn now() -> Timestamp {
    from_micros(Timestamp::now().as_microsecond())
}

/// A timestamp from microseconds since 1970, clamped to the supported range.
pub fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// Parses a timestamp as clients write it: RFC 3339, the same without a zone (UTC), or only a date.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(from_micros(at.as_microsecond()));
    }
    let at = text.parse::<jiff::civil::DateTime>().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(at).ok()
}

/// `2026-12-22T13:07:57.936831Z`, the format of every timestamp in a response: six decimal digits or none, as
/// pydantic writes them.
pub fn iso(at: Timestamp) -> String {
    at.strftime(if at.subsec_microsecond() == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%6fZ" })
        .to_string()
}

/// `2026-12-22 13:07:57.936831+00:00`, the format in error messages, which comes from Python's `str`.
pub fn python(at: Timestamp) -> String {
    at.strftime(if at.subsec_microsecond() == 0 {
        "%Y-%m-%d %H:%M:%S+00:00"
    } else {
        "%Y-%m-%d %H:%M:%S.%6f+00:00"
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_with_six_digits_or_none() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(iso(at("2026-12-22T13:07:57.936Z")), "2026-12-22T13:07:57.936000Z");
        assert_eq!(iso(at("2026-12-22T13:07:57Z")), "2026-12-22T13:07:57Z");
        assert_eq!(python(at("2026-11-22T13:08:00.59Z")), "2026-11-22 13:08:00.590000+00:00");
        assert_eq!(python(at("2026-11-22T13:08:00Z")), "2026-11-22 13:08:00+00:00");
    }

    #[test]
    fn moments_are_read_with_a_zone_or_without_and_from_a_date() {
        for (text, moment) in [
            ("2026-12-22T13:07:57.936Z", "2026-12-22T13:07:57.936Z"),
            ("2026-12-22 14:07:57+01:00", "2026-12-22T13:07:57Z"),
            ("2026-12-22T13:07:57", "2026-12-22T13:07:57Z"),
            ("2026-12-22 13:07:57", "2026-12-22T13:07:57Z"),
            ("2026-12-22", "2026-12-22T00:00:00Z"),
        ] {
            assert_eq!(parse(text), Some(moment.parse().unwrap()), "{text}");
        }
        for text in ["", "yesterday", "22.12.2026", "2026-13-01"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_beyond_the_calendar_is_the_last_one_in_it() {
        assert_eq!(from_micros(i64::MAX), Timestamp::MAX);
        assert_eq!(from_micros(i64::MIN), Timestamp::MIN);
    }
}
