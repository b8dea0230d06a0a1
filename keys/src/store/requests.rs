//! Pages of the spend log, the latest requests first.
//!
//! A page begins behind the last row of the one before it (a keyset), however far back that is. Segments are read from the
//! latest on, until there are enough rows; a search that matches little stops after some segments and tells how far it got.

use core::cmp::Reverse;

use jiff::Timestamp;

use super::spend_log::{Conditions, ROW, SpendFilter, SpendRow, Value, read_row};
use super::sql::contains;
use super::{Store, StoreError, get};
use crate::clock;
use crate::money::Picodollars;

/// Segments that a page reads at most: about a million requests.
const MOST_SEGMENTS: usize = 256;

/// Segments per query at most.
const AT_ONCE: usize = 16;

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered without an error.
    Success,
    /// Everything else.
    Failure,
    /// A status in this range, both inclusive.
    Status(i64, i64),
}

/// Selects requests. All fields that are set must match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestFilter {
    /// Key, user, id and time.
    pub of: SpendFilter,
    /// Team of the key.
    pub team_id: Option<String>,
    /// Model group, or `provider/model`.
    pub model: Option<String>,
    /// Provider that responded.
    pub provider: Option<String>,
    /// Deployment that responded.
    pub deployment_id: Option<String>,
    /// Outcome.
    pub outcome: Option<Outcome>,
    /// Cost, at least.
    pub least_cost: Option<Picodollars>,
    /// Duration in milliseconds, at least.
    pub least_ms: Option<i64>,
    /// Part of the error's class or message, ignoring case.
    pub error: Option<String>,
}

/// The place of a row in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Start of the request, microseconds since 1970.
    pub started_at: i64,
    /// Its segment.
    pub segment: i64,
    /// Its number in the segment.
    pub position: i64,
}

/// A page of requests.
#[derive(Clone, Debug, Default)]
pub struct RequestPage {
    /// The rows, the latest first.
    pub rows: Vec<SpendRow>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
    /// The search has stopped before it had a full page; older requests than this may match, too.
    pub searched_until: Option<Timestamp>,
}

impl RequestFilter {
    fn select<'a>(&'a self, patterns: &'a Patterns, conditions: &mut Conditions<'a>) {
        self.of.select_requests(conditions);
        for (text, condition) in [(&self.team_id, "team_id = $"), (&self.deployment_id, "deployment_id = $")]
        {
            if let Some(text) = text {
                conditions.add(condition, Value::Text(text));
            }
        }
        if let Some(model) = &self.model {
            conditions.add("(model_group = $ OR model = $)", Value::Text(model));
        }
        if let Some(pattern) = &patterns.provider {
            conditions.add(r"model LIKE $ ESCAPE '\'", Value::Text(pattern));
        }
        match self.outcome {
            None => {}
            Some(Outcome::Success) => {
                conditions.sql("status >= 200 AND status < 400 AND error_class IS NULL");
            }
            Some(Outcome::Failure) => {
                conditions.sql("(status < 200 OR status >= 400 OR error_class IS NOT NULL)");
            }
            Some(Outcome::Status(least, most)) => {
                conditions.add("status >= $", Value::Number(least));
                conditions.add("status <= $", Value::Number(most));
            }
        }
        if let Some(cost) = self.least_cost {
            conditions.add("cost >= $", Value::Number(cost.stored()));
        }
        if let Some(ms) = self.least_ms {
            conditions.add("duration_ms >= $", Value::Number(ms));
        }
        if let Some(pattern) = &patterns.error {
            conditions.add(
                r"(LOWER(error_class) LIKE $ ESCAPE '\' OR LOWER(error_message) LIKE $ ESCAPE '\')",
                Value::Text(pattern),
            );
        }
    }
}

/// Texts that a query needs in another form.
struct Patterns {
    error: Option<String>,
    provider: Option<String>,
}

impl Store {
    /// A page of requests behind `after`.
    pub async fn request_page(
        &self,
        filter: &RequestFilter,
        after: Option<Cursor>,
        size: usize,
    ) -> Result<RequestPage, StoreError> {
        let begins = |text: &str| {
            let pattern = contains(text);
            format!("{}/%", pattern.trim_matches('%'))
        };
        let patterns = Patterns {
            error: filter.error.as_deref().map(contains),
            provider: filter.provider.as_deref().map(begins),
        };
        let mut conditions = Conditions::default();
        filter.of.select_segments(&mut conditions);
        if let Some(after) = after {
            conditions.add("first_at <= $", Value::Number(after.started_at));
        }
        let sql = format!(
            "SELECT id, last_at FROM spend_segment{} ORDER BY last_at DESC, id DESC LIMIT {}",
            conditions.clause(),
            MOST_SEGMENTS + 1
        );
        let mut segments: Vec<(i64, i64)> = Vec::new();
        for row in conditions.query(sql).fetch_all(&self.readers).await? {
            segments.push((get(&row, 0)?, get(&row, 1)?));
        }
        let beyond = segments.get(MOST_SEGMENTS).map(|(_, last_at)| *last_at);
        segments.truncate(MOST_SEGMENTS);
        let mut found: Vec<(Cursor, SpendRow)> = Vec::new();
        let (mut left, mut at_once) = (segments.as_slice(), 1);
        while let Some((_, latest)) = left.first() {
            // All further requests are earlier than the last of a full page.
            let is_full = found.len() > size;
            if is_full && found.last().is_some_and(|(last, _)| *latest < last.started_at) {
                break;
            }
            let (now, later) = left.split_at(at_once.min(left.len()));
            let ids: Vec<_> = now.iter().map(|(id, _)| *id).collect();
            found.extend(self.requests_of(&ids, filter, &patterns, after, size + 1).await?);
            found.sort_by_key(|(cursor, _)| Reverse(*cursor));
            found.truncate(size + 1);
            (left, at_once) = (later, (at_once * 2).min(AT_ONCE));
        }
        let is_full = found.len() > size;
        found.truncate(size);
        let last = found.last().map(|(cursor, _)| *cursor);
        let stopped = beyond.filter(|_| !is_full);
        let next = match stopped {
            // Rows of the segments that were read may be older than this; they are not shown again.
            Some(at) => Some(Cursor { started_at: at, segment: i64::MAX, position: i64::MAX }),
            None => last.filter(|_| is_full),
        };
        let rows = found.into_iter().map(|(_, row)| row).collect();
        Ok(RequestPage { rows, next, searched_until: stopped.map(clock::from_micros) })
    }

    async fn requests_of(
        &self,
        segments: &[i64],
        filter: &RequestFilter,
        patterns: &Patterns,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Vec<(Cursor, SpendRow)>, StoreError> {
        let mut conditions = Conditions::default();
        conditions.any("segment", segments);
        filter.select(patterns, &mut conditions);
        if let Some(Cursor { started_at, segment, position }) = after {
            conditions.all(
                "(started_at < $ OR (started_at = $ AND (segment < $ OR (segment = $ AND position < $))))",
                &[started_at, started_at, segment, segment, position],
            );
        }
        let sql = format!(
            "SELECT {ROW}, segment, position FROM spend_log{} \
             ORDER BY started_at DESC, segment DESC, position DESC LIMIT {limit}",
            conditions.clause()
        );
        let rows = conditions.query(sql).fetch_all(&self.readers).await?;
        let read = rows.iter().map(|row| {
            let spend = read_row(row)?;
            let cursor = Cursor {
                started_at: spend.started_at.as_microsecond(),
                segment: get(row, "segment")?,
                position: get(row, "position")?,
            };
            Ok((cursor, spend))
        });
        read.collect()
    }
}
