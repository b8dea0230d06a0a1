//! What a key may do: decided here and nowhere else.

use crate::config::Group;
use crate::key::KeyRecord;
use crate::openai::ErrorBody;
use crate::route;

use super::head::unauthorized;

/// Whether the key may be used at all now.
///
/// # Errors
/// 401, worded as `LiteLLM` words it.
pub(super) fn check_alive(key: &KeyRecord, now_ms: u64) -> Result<(), ErrorBody> {
    if key.blocked {
        return Err(unauthorized(
            "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
        ));
    }
    let Some(expires_at) = key.expires_at else { return Ok(()) };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are far below 2^53")]
    let now = now_ms as f64 / 1000.0;
    if now < expires_at {
        return Ok(());
    }
    let message = format!(
        "Authentication Error - Expired Key. Key Expiry time {} and current time {}",
        timestamp(expires_at),
        timestamp(now)
    );
    Err(ErrorBody::new(401, "expired_key", message).about(key.key_name.clone()))
}

/// Whether the key may use that model. `model` is what the client wrote, `group` what it leads to.
pub(super) fn may_use(key: &KeyRecord, model: &str, group: &Group) -> bool {
    let unrestricted = |name: &str| matches!(name, "*" | "all-proxy-models" | "all-team-models");
    key.models.is_empty()
        || key.models.iter().any(|allowed| {
            unrestricted(allowed)
                || route::covers(allowed, model)
                || route::covers(allowed, &group.name)
                || group.access_groups.contains(allowed)
        })
}

/// The refusal of a model. It is the same for a model that does not exist: a restricted key learns nothing.
pub(super) fn model_denied(model: &str) -> ErrorBody {
    let message = format!(
        "The requested model '{model}' is not available for this API key, or the model name is invalid. Check the \
         models available to you and try again."
    );
    ErrorBody::new(403, "key_model_access_denied", message).about("model")
}

/// `2026-11-22 13:08:00.590000+00:00`, as Python prints a time.
fn timestamp(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what a date can be"
    )]
    let micros = (seconds.clamp(0.0, 253_402_300_799.0) * 1e6).round() as u64;
    let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (days, second) = (whole / 86_400, whole % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}+00:00")
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
