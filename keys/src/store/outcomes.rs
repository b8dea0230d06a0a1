//! How recent requests at each deployment ended.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::sql::placeholders;
use super::{Store, StoreError, get};

/// Segments that are read at most: the newest, of some thousand requests each.
const SEGMENTS: i64 = 4;

/// Requests at a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// The deployment.
    pub deployment_id: String,
    /// Its requests.
    pub requests: i64,
    /// Those that ended with an error.
    pub failed: i64,
    /// Those that ended with an error of the provider or of the network.
    pub unavailable: i64,
}

impl Store {
    /// Requests since a moment, of the newest few thousand, by the deployment that answered last.
    pub async fn recent_outcomes(&self, since: Timestamp) -> Result<Vec<Outcomes>, StoreError> {
        let since = since.as_microsecond();
        let rows =
            sqlx::query("SELECT id FROM spend_segment WHERE last_at >= $1 ORDER BY last_at DESC LIMIT $2")
                .bind(since)
                .bind(SEGMENTS)
                .fetch_all(&self.readers)
                .await?;
        let segments = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
        if segments.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT spend_kind.deployment_id, CAST(SUM(requests) AS BIGINT), \
             CAST(SUM(CASE WHEN status >= 400 THEN requests ELSE 0 END) AS BIGINT), \
             CAST(SUM(CASE WHEN status >= 500 THEN requests ELSE 0 END) AS BIGINT) FROM spend_request \
             JOIN spend_kind ON spend_kind.segment = spend_request.segment AND spend_kind.kind = spend_request.kind \
             WHERE started_at >= $1 AND spend_request.segment IN ({}) GROUP BY spend_kind.deployment_id",
            placeholders(2, segments.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(since);
        for segment in segments {
            query = query.bind(segment);
        }
        let rows = query.fetch_all(&self.readers).await?;
        let read = |row| {
            Ok(Outcomes {
                deployment_id: get(row, 0)?,
                requests: get(row, 1)?,
                failed: get(row, 2)?,
                unavailable: get(row, 3)?,
            })
        };
        rows.iter().map(read).collect()
    }
}
