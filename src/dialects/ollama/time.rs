//! `created_at`: RFC 3339, section 5.6.

/// Unix seconds of a time such as `2025-10-07T19:33:33.533514Z`.
pub(super) fn unix_seconds(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(zone)?;
    let whole = time.split('.').next()?;
    let mut whole = whole.splitn(3, ':').map(str::parse::<i64>);
    let (hours, minutes, seconds) = (whole.next()?.ok()?, whole.next()?.ok()?, whole.next()?.ok()?);
    let ahead = match zone.split_at_checked(1)? {
        ("Z" | "z", _) => 0,
        (sign, offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let minutes = i64::from(hours.parse::<u8>().ok()?) * 60 + i64::from(minutes.parse::<u8>().ok()?);
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hours)
        && (0..60).contains(&minutes)
        // 60 is a leap second.
        && (0..=60).contains(&seconds);
    if !in_range {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hours * 3_600 + (minutes - ahead) * 60 + seconds;
    u64::try_from(seconds).ok()
}

/// Days since 1970-01-01. Years start in March here, so that a leap day is the last day of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_zone_and_around_leap_days() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2000-03-01T00:00:00.5Z", 951_868_800),
            ("2023-11-14T22:13:20.123456789Z", 1_700_000_000),
            ("2023-11-15T00:13:20+02:00", 1_700_000_000),
            ("2023-11-14T15:13:20.1-07:00", 1_700_000_000),
        ] {
            assert_eq!(unix_seconds(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_gives_none() {
        for text in [
            "",
            "yesterday",
            "2023-11-14",
            "2023-13-14T00:00:00Z",
            "2023-11-14T22:13:20",
            "T::Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:9223372036854775764:20Z",
            "2023-11-14T22:13:20+9223372036854775764:00",
            "-1-1-1T0:0:0Z",
        ] {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }
}
