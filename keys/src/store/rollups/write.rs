//! Adds what was added up in memory to the tables.
//!
//! A row of a statement has an hour, and the statement itself adds it to the hour, the day and the month. Binding values costs
//! more than writing rows.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::super::StoreError;
use super::super::backend::Backend;
use super::super::sql::{Places, pieces};
use super::fold::{Fold, Tally};
use super::series::{Scope, Series};
use super::sums::COLUMNS;
use super::unit::Unit;
use crate::money::Picodollars;

/// Rows of a statement: a power of two, and well below SQLite's limit of 32,766 values per statement.
const AT_ONCE: usize = 128;

/// The largest count of a row. A thousand of them can be added up.
const MOST: i64 = 1 << 53;

/// The largest value of a column; what does not fit stays there.
fn most(column: &str) -> i64 {
    if column == "spend" { Picodollars::MAX.stored() } else { MOST }
}

/// What a row adds to a column: the rows of a statement do not exceed the range of their sum.
fn added(column: &str, value: i64) -> i64 {
    value.min(most(column) / 128)
}

/// A row of a statement.
struct Row<'f> {
    scope: Scope,
    series: i64,
    hour: i64,
    tally: &'f Tally,
}

/// Writes the series that are not in `known`, and adds the rows.
pub(super) async fn write(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    known: &mut HashSet<i64>,
    fold: Fold,
) -> Result<(), StoreError> {
    let Fold { rows, mut series } = fold;
    let scopes: HashMap<i64, Scope> = series.iter().map(|(id, series)| (*id, series.scope)).collect();
    series.retain(|id, _| known.insert(*id));
    insert_series(transaction, backend, series.into_iter().collect()).await?;
    // In the order of their names, so that replicas that add to the same rows do not block each other.
    let rows: Vec<Row<'_>> = rows
        .iter()
        .filter_map(|((series, hour), tally)| {
            Some(Row { scope: *scopes.get(series)?, series: *series, hour: *hour, tally })
        })
        .collect();
    add_sums(transaction, backend, &rows).await?;
    add_latency(transaction, backend, &rows).await?;
    add_failures(transaction, backend, &rows).await
}

async fn insert_series(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    series: BTreeMap<i64, Series>,
) -> Result<(), StoreError> {
    let series: Vec<_> = series.into_iter().collect();
    for piece in pieces(&series, AT_ONCE) {
        let sql = format!(
            "INSERT INTO usage_series (id, scope, {}) VALUES {} ON CONFLICT DO NOTHING",
            Series::COLUMNS.join(", "),
            Places::on(backend).rows(piece.len(), Series::COLUMNS.len() + 2)
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (id, series) in piece {
            insert = insert.bind(*id).bind(series.scope.stored());
            for text in series.texts() {
                insert = insert.bind(text.clone());
            }
        }
        insert.execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn add_sums(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    rows: &[Row<'_>],
) -> Result<(), StoreError> {
    for piece in pieces(rows, AT_ONCE) {
        let sql = upsert(backend, "usage_rollup", &["scope", "series"], &COLUMNS, piece.len());
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for row in piece {
            insert = times(insert, row.hour).bind(row.scope.stored()).bind(row.series);
            for (column, value) in COLUMNS.iter().zip(row.tally.sums.values()) {
                insert = insert.bind(added(column, value));
            }
        }
        insert.execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn add_latency(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    rows: &[Row<'_>],
) -> Result<(), StoreError> {
    let counts: Vec<_> =
        rows.iter().flat_map(|row| row.tally.latency.iter().map(move |count| (row, count))).collect();
    for piece in pieces(&counts, AT_ONCE) {
        let names = ["series", "measure", "bucket"];
        let sql = upsert(backend, "usage_latency", &names, &["requests"], piece.len());
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (row, ((measure, bucket), requests)) in piece {
            insert = times(insert, row.hour)
                .bind(row.series)
                .bind(measure.stored())
                .bind(*bucket)
                .bind(added("requests", **requests));
        }
        insert.execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn add_failures(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    rows: &[Row<'_>],
) -> Result<(), StoreError> {
    let counts: Vec<_> =
        rows.iter().flat_map(|row| row.tally.failures.iter().map(move |count| (row, count))).collect();
    for piece in pieces(&counts, AT_ONCE) {
        let names = ["scope", "series", "status", "class"];
        let sql = upsert(backend, "usage_failure", &names, &["requests"], piece.len());
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (row, ((status, class), requests)) in piece {
            insert = times(insert, row.hour)
                .bind(row.scope.stored())
                .bind(row.series)
                .bind(*status)
                .bind(class.clone())
                .bind(added("requests", **requests));
        }
        insert.execute(&mut **transaction).await?;
    }
    Ok(())
}

/// Binds the hour, and the beginnings of its day and its month.
fn times(insert: Query<'_, Any, AnyArguments>, hour: i64) -> Query<'_, Any, AnyArguments> {
    insert.bind(hour).bind(Unit::Day.begin(hour)).bind(Unit::Month.begin(hour))
}

/// Adds rows with these names and values to their hours, days and months. A sum that does not fit stays at the maximum.
fn upsert(backend: Backend, table: &str, names: &[&str], values: &[&str], rows: usize) -> String {
    let sums =
        |form: &dyn Fn(&str) -> String| values.iter().map(|value| form(value)).collect::<Vec<_>>().join(", ");
    let (columns, name) = (values.join(", "), names.join(", "));
    let spread = Unit::ALL.map(|unit| {
        let begin = match unit {
            Unit::Hour => "by_hour",
            Unit::Day => "by_day",
            Unit::Month => "by_month",
        };
        format!(
            "SELECT {} AS unit, {begin} AS at, {name}, {} FROM fresh GROUP BY {begin}, {name}",
            unit.stored(),
            sums(&|value| format!("CAST(SUM({value}) AS BIGINT) AS {value}")),
        )
    });
    format!(
        "WITH fresh (by_hour, by_day, by_month, {name}, {columns}) AS (VALUES {places}) \
         INSERT INTO {table} (unit, at, {name}, {columns}) \
         SELECT unit, at, {name}, {columns} FROM ({spread}) AS spread WHERE {has_hours} ORDER BY series, unit, at \
         ON CONFLICT (unit, at, {name}) DO UPDATE SET {updates}",
        places = Places::on(backend).rows(rows, names.len() + values.len() + 3),
        spread = spread.join(" UNION ALL "),
        has_hours = if names.contains(&"scope") {
            let without: Vec<_> = Scope::ALL
                .iter()
                .filter(|scope| !scope.has_hours())
                .map(|scope| scope.stored().to_string())
                .collect();
            format!("NOT (unit = 0 AND scope IN ({}))", without.join(", "))
        } else {
            "true".to_owned()
        },
        updates = sums(&|value| format!(
            "{value} = CASE WHEN {table}.{value} > {most} - excluded.{value} THEN {most} \
             ELSE {table}.{value} + excluded.{value} END",
            most = most(value)
        )),
    )
}
