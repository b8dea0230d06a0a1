//! Formats times as `LiteLLM`'s messages do: like Python, in UTC.

/// `2026-11-22 13:08:00.590000+00:00`
pub(super) fn timestamp(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what a date can be"
    )]
    let micros = (seconds.clamp(0.0, 253_402_300_799.0) * 1e6).round() as u64;
    let fraction = micros % 1_000_000;
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{}{fraction}+00:00", date_time(micros / 1_000_000))
}

/// `2026-11-22 13:09:04`, from Unix seconds.
pub(super) fn date_time(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let second = seconds % 86_400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Days since 1970-01-01 → year, month, day (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_python_prints_them() {
        assert_eq!(timestamp(0.0), "1970-01-01 00:00:00+00:00");
        assert_eq!(timestamp(951_782_400.5), "2000-02-29 00:00:00.500000+00:00");
        assert_eq!(timestamp(1_798_675_199.0), "2026-12-30 23:59:59+00:00");
    }
}
