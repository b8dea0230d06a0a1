//! Common parts of queries.

use core::fmt::Write as _;

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

use super::backend::Backend;

/// `$3, $4, $5`: placeholders for `count` values, the first of which is number `first`.
pub(super) fn placeholders(first: usize, count: usize) -> String {
    let mut sql = String::new();
    for number in first..first + count {
        // Writing to a String cannot fail.
        let _ = write!(sql, "{}${number}", if number == first { "" } else { ", " });
    }
    sql
}

/// How a statement with many values writes their places, where each value has one and they are bound in order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Places {
    /// `$1, $2`, on both databases.
    Numbered,
    /// `?, ?`, on `SQLite` only. sqlx asks `SQLite` for the name of every numbered place, and `SQLite` reads
    /// all names before it: with thousands of values, that took three quarters of a statement's time.
    Plain,
}

impl Places {
    /// The fastest on this database.
    pub(super) fn on(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Plain,
            Backend::Postgres => Self::Numbered,
        }
    }

    /// The place of a value, the first of which is number 1.
    pub(super) fn place(self, number: usize) -> String {
        match self {
            Self::Plain => "?".to_owned(),
            Self::Numbered => format!("${number}"),
        }
    }

    /// `$1, $2, $3`: places for a list.
    pub(super) fn list(self, count: usize) -> String {
        (1..=count).map(|number| self.place(number)).collect::<Vec<_>>().join(", ")
    }

    /// `($1, $2), ($3, $4)`: places for rows of `VALUES`, the first in the statement.
    pub(super) fn rows(self, count: usize, columns: usize) -> String {
        let mut sql = String::new();
        for number in 1..=count * columns {
            let begins = columns == 1 || number % columns == 1;
            let before = match number {
                1 => "(",
                _ if begins => "), (",
                _ => ", ",
            };
            sql.extend([before, &self.place(number)]);
        }
        sql + ")"
    }
}

/// Splits a list into pieces of `most` (a power of two) and of smaller powers of two, so that statements over
/// pieces have few different texts, which the database has already prepared.
pub(super) fn pieces<T>(mut list: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    core::iter::from_fn(move || {
        let length = 1 << list.len().min(most).checked_ilog2()?;
        let (piece, rest) = list.split_at_checked(length)?;
        list = rest;
        Some(piece)
    })
}

/// Binds a number or NULL. sqlx 0.9.0's `Any` tells Postgres that a missing `f64` is a `float4` and a missing
/// `f32` a `float8`; a statement prepared with one type then rejects all actual numbers.
pub(super) fn bind_number(
    query: Query<'_, Any, AnyArguments>,
    number: Option<f64>,
) -> Query<'_, Any, AnyArguments> {
    match number {
        Some(number) => query.bind(number),
        None => query.bind(None::<f32>),
    }
}

/// A pattern for `LIKE … ESCAPE '\'` that matches this text anywhere, with special characters escaped.
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
    fn rows_are_numbered_through() {
        assert_eq!(Places::Numbered.rows(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(Places::Numbered.rows(2, 1), "($1), ($2)");
        assert_eq!(Places::Plain.rows(2, 2), "(?, ?), (?, ?)");
        assert_eq!(Places::Numbered.list(3), "$1, $2, $3");
    }

    #[test]
    fn pieces_are_the_list_and_of_few_lengths() {
        let list: Vec<_> = (0..27).collect();
        let lengths: Vec<_> = pieces(&list, 8).map(<[_]>::len).collect();
        assert_eq!(lengths, [8, 8, 8, 2, 1]);
        assert_eq!(pieces(&list, 8).collect::<Vec<_>>().concat(), list);
        assert_eq!(pieces(&list[..0], 8).count(), 0);
    }

    #[test]
    fn signs_of_a_pattern_are_only_signs() {
        assert_eq!(contains(r"50%_A\"), r"%50\%\_a\\%");
    }
}
