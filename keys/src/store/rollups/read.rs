//! Reads the roll-ups.

use std::collections::BTreeMap;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::super::sql::placeholders;
use super::super::{Store, StoreError, get};
use super::histogram::{Histogram, Measure};
use super::series::Scope;
use super::sums::{COLUMNS, Sums};
use super::unit::Unit;

/// Spend is added up in two parts, because the sum of many rows may exceed the range of a column.
const PART: i64 = 1_000_000;

/// What rows are grouped or selected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The beginning of the hour, day or month; only for groups.
    Time,
    /// Name of the team, user, key, end user or tag.
    Name,
    /// Hash of the key, for keys and end users.
    Token,
    /// User of a key.
    User,
    /// Team of a key.
    Team,
    /// The requested model group.
    ModelGroup,
    /// `provider/model`.
    Model,
    /// `chat`, `embedding` or `completion`.
    Mode,
    /// Deployment, for all requests.
    Deployment,
    /// `api_base` of the deployment, for all requests.
    ApiBase,
}

impl By {
    fn column(self) -> &'static str {
        match self {
            Self::Time => "at",
            Self::Name => "name",
            Self::Token => "token",
            Self::User => "user_id",
            Self::Team => "team_id",
            Self::ModelGroup => "model_group",
            Self::Model => "model",
            Self::Mode => "mode",
            Self::Deployment => "deployment_id",
            Self::ApiBase => "api_base",
        }
    }
}

/// Selects rows of the roll-ups.
#[derive(Clone, Debug)]
pub struct UsageQuery {
    /// Whose requests.
    pub scope: Scope,
    /// The length of a row.
    pub unit: Unit,
    /// Rows that begin at this hour or later.
    pub from: i64,
    /// Rows that begin before this hour.
    pub before: i64,
    /// Only rows whose column has one of these values. An empty list matches no row.
    pub only: Vec<(By, Vec<String>)>,
    /// The groups.
    pub by: Vec<By>,
    /// The groups with the highest spend, at most so many.
    pub limit: Option<u32>,
}

/// What a group used.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsageRow {
    /// [`By::Time`], if it is one of the groups.
    pub at: i64,
    /// The values of the other groups, in order.
    pub of: Vec<String>,
    /// The sums.
    pub sums: Sums,
}

/// Requests that failed for the same reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failures {
    /// [`By::Time`], if it is one of the groups.
    pub at: i64,
    /// The values of the other groups, in order.
    pub of: Vec<String>,
    /// Status of the response.
    pub status: i64,
    /// Class of the error; empty if it is not known.
    pub class: String,
    /// Number of requests.
    pub requests: i64,
}

impl UsageQuery {
    /// All rows of a scope in a range.
    pub fn new(scope: Scope, unit: Unit, from: i64, before: i64) -> Self {
        Self { scope, unit, from, before, only: Vec::new(), by: Vec::new(), limit: None }
    }

    /// Only rows with one of these values.
    #[must_use]
    pub fn only(mut self, by: By, values: Vec<String>) -> Self {
        self.only.push((by, values));
        self
    }

    /// Grouped by these.
    #[must_use]
    pub fn by(mut self, by: &[By]) -> Self {
        self.by.extend(by);
        self
    }

    /// The groups with the highest spend.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Whether it can match anything.
    fn is_empty(&self) -> bool {
        self.only.iter().any(|(_, values)| values.is_empty())
    }

    /// `FROM … WHERE …` of a table, with the columns of series, and `values` of the table.
    fn source(&self, table: &str, values: &[&str]) -> String {
        let has_scope = table != "usage_latency";
        let scope = if has_scope { format!(" AND scope = {}", self.scope.stored()) } else { String::new() };
        if !self.only.is_empty() {
            // The series are few: their rows are found by the index that begins with the series.
            let mut place = 4;
            let conditions = self.only.iter().map(|(by, values)| {
                let places = placeholders(place, values.len());
                place += values.len();
                format!(" AND usage_series.{} IN ({places})", by.column())
            });
            let conditions: String = conditions.collect();
            return format!(
                "FROM usage_series JOIN {table} ON {table}.series = usage_series.id AND {table}.unit = $1 \
                 AND {table}.at >= $2 AND {table}.at < $3 WHERE usage_series.scope = {}{conditions}",
                self.scope.stored()
            );
        }
        let rows = format!("FROM {table} WHERE unit = $1 AND at >= $2 AND at < $3{scope}");
        if self.by.iter().all(|by| *by == By::Time) {
            return rows;
        }
        // Rows of a series are added up before the names of series are looked up.
        let time = if self.by.contains(&By::Time) { "at, " } else { "" };
        let kept = with_commas(values.iter().copied().filter(|value| !COLUMNS.contains(value)));
        let sums: Vec<_> = values
            .iter()
            .filter(|value| COLUMNS.contains(value))
            .map(|value| format!("CAST(SUM({value}) AS BIGINT) AS {value}"))
            .collect();
        format!(
            "FROM (SELECT {time}{kept}series, {} {rows} GROUP BY {time}{kept}series) AS summed \
             JOIN usage_series ON usage_series.id = summed.series",
            sums.join(", ")
        )
    }

    /// The groups as columns, each with a comma behind it.
    fn groups(&self) -> String {
        with_commas(self.by.iter().map(|by| by.column()))
    }

    fn bind(&self, sql: String) -> Query<'static, Any, AnyArguments> {
        let query =
            sqlx::query(AssertSqlSafe(sql)).bind(self.unit.stored()).bind(self.from).bind(self.before);
        let values = self.only.iter().flat_map(|(_, values)| values.iter().cloned());
        values.fold(query, Query::bind)
    }

    /// The groups of a row.
    fn read(&self, row: &AnyRow) -> Result<(i64, Vec<String>), StoreError> {
        let (mut at, mut of) = (0, Vec::new());
        for (column, by) in self.by.iter().enumerate() {
            if *by == By::Time {
                at = get(row, column)?;
            } else {
                of.push(get(row, column)?);
            }
        }
        Ok((at, of))
    }
}

/// ` GROUP BY …`, without the comma at the end.
fn group_by(groups: &str) -> String {
    let groups = groups.trim_end_matches(", ");
    if groups.is_empty() { String::new() } else { format!(" GROUP BY {groups}") }
}

impl Store {
    /// What was used, by the groups of the query; by spend if it has a limit, otherwise in the order of the groups.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let groups = query.groups();
        let sums: Vec<_> = COLUMNS
            .iter()
            .map(|column| match *column {
                "spend" => format!(
                    "CAST(COALESCE(SUM(spend / {PART}), 0) AS BIGINT), CAST(COALESCE(SUM(spend % {PART}), 0) AS BIGINT)"
                ),
                column => format!("CAST(COALESCE(SUM({column}), 0) AS BIGINT)"),
            })
            .collect();
        let order = match query.limit {
            Some(limit) => format!(
                " ORDER BY SUM(CAST(spend AS DOUBLE PRECISION)) DESC, SUM(requests) DESC LIMIT {limit}"
            ),
            None if groups.is_empty() => String::new(),
            None => format!(" ORDER BY {}", groups.trim_end_matches(", ")),
        };
        let sql = format!(
            "SELECT {groups}{} {}{}{order}",
            sums.join(", "),
            query.source("usage_rollup", &COLUMNS),
            group_by(&groups)
        );
        let rows = query.bind(sql).fetch_all(&self.readers).await?;
        let mut used = Vec::new();
        for row in &rows {
            let (at, of) = query.read(row)?;
            let mut values = [0_i64; COLUMNS.len()];
            let mut column = query.by.len();
            for (value, name) in values.iter_mut().zip(COLUMNS) {
                *value = get(row, column)?;
                column += 1;
                if name == "spend" {
                    *value = value.saturating_mul(PART).saturating_add(get(row, column)?);
                    column += 1;
                }
            }
            used.push(UsageRow { at, of, sums: Sums::of(values) });
        }
        Ok(used)
    }

    /// The requests that failed, by the groups of the query, status and class.
    pub async fn usage_failures(&self, query: &UsageQuery) -> Result<Vec<Failures>, StoreError> {
        if query.is_empty() {
            return Ok(Vec::new());
        }
        let groups = query.groups() + "status, class, ";
        let sql = format!(
            "SELECT {groups}CAST(SUM(requests) AS BIGINT) {}{} ORDER BY {}",
            query.source("usage_failure", &["status", "class", "requests"]),
            group_by(&groups),
            groups.trim_end_matches(", ")
        );
        let rows = query.bind(sql).fetch_all(&self.readers).await?;
        let failures = rows.iter().map(|row| {
            let (at, of) = query.read(row)?;
            let column = query.by.len();
            let (status, class, requests) = (get(row, column)?, get(row, column + 1)?, get(row, column + 2)?);
            Ok(Failures { at, of, status, class, requests })
        });
        failures.collect()
    }

    /// How long the requests of all took, and the times to their first tokens, by the groups of the query.
    pub async fn usage_latency(
        &self,
        query: &UsageQuery,
    ) -> Result<BTreeMap<(i64, Vec<String>), [Histogram; 2]>, StoreError> {
        let mut histograms = BTreeMap::<_, [Histogram; 2]>::new();
        if query.is_empty() {
            return Ok(histograms);
        }
        let groups = query.groups() + "measure, bucket, ";
        let sql = format!(
            "SELECT {groups}CAST(SUM(requests) AS BIGINT) {}{}",
            query.source("usage_latency", &["measure", "bucket", "requests"]),
            group_by(&groups)
        );
        for row in &query.bind(sql).fetch_all(&self.readers).await? {
            let group = query.read(row)?;
            let column = query.by.len();
            let measure: i64 = get(row, column)?;
            let [durations, first_tokens] = histograms.entry(group).or_default();
            let histogram = if measure == Measure::Duration.stored() { durations } else { first_tokens };
            histogram.add(get(row, column + 1)?, get(row, column + 2)?);
        }
        Ok(histograms)
    }
}

/// Each column with a comma behind it.
fn with_commas<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    columns.flat_map(|column| [column, ", "]).collect()
}
