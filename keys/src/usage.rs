//! What reports on usage have in common: their range of days, and whose usage a caller sees.

mod days;
mod names;
mod sight;

pub use days::{Days, date, month_day};
pub use names::{Key, keys, organization_aliases, team_aliases};
pub use sight::Sight;

/// The provider of `provider/model`.
pub fn provider(model: &str) -> &str {
    model.split_once('/').map_or("", |(provider, _)| provider)
}

/// The model of `provider/model`.
pub fn bare(model: &str) -> &str {
    model.split_once('/').map_or(model, |(_, model)| model)
}
