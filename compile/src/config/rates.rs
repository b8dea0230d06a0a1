//! Prices in `litellm_params` and `model_info`.

use super::sections::model;
use super::table::Table;

/// How many prices there are, by the names of [`model::RATES`].
pub const RATES: usize = model::RATES.len();

/// Reads the prices of a section, in the order of [`model::RATES`].
pub(super) fn rates(table: &mut Table<'_>) -> [Option<f64>; RATES] {
    model::RATES.map(|row| table.number(row.name).map(|rate| rate.value))
}
