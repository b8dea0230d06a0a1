//! Small things that several queries need.

use core::fmt::Write as _;

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

/// `$3, $4, $5`: placeholders for `count` values, the first of which is number `first`.
pub(super) fn placeholders(first: usize, count: usize) -> String {
    let mut sql = String::new();
    for number in first..first + count {
        // Writing to a String cannot fail.
        let _ = write!(sql, "{}${number}", if number == first { "" } else { ", " });
    }
    sql
}

/// Binds a number or nothing. sqlx 0.9.0's `Any` tells Postgres that an absent `f64` is a `float4` and an absent `f32` a
/// `float8`; a statement that was prepared with the one then refuses every number that is there.
pub(super) fn bind_number(
    query: Query<'_, Any, AnyArguments>,
    number: Option<f64>,
) -> Query<'_, Any, AnyArguments> {
    match number {
        Some(number) => query.bind(number),
        None => query.bind(None::<f32>),
    }
}

/// A pattern for `LIKE … ESCAPE '\'` that finds this text anywhere, whatever signs are in it.
pub(super) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_from_where_they_should_be() {
        assert_eq!(placeholders(3, 3), "$3, $4, $5");
        assert_eq!(placeholders(1, 0), "");
    }

    #[test]
    fn signs_of_a_pattern_are_only_signs() {
        assert_eq!(contains(r"50%_A\"), r"%50\%\_a\\%");
    }
}
