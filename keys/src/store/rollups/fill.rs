//! Adds the log from before there were roll-ups, a segment per transaction.

use super::super::{Store, StoreError, get};
use super::fold::{Figures, Fold, Group, Tally};
use super::sums::Sums;
use super::{Known, unit, write};

impl Store {
    /// Adds the requests of the latest segment that is not in the roll-ups yet. Returns whether there was one.
    pub async fn fill_usage(&self) -> Result<bool, StoreError> {
        let next = "SELECT segment FROM usage_unfilled ORDER BY segment DESC LIMIT 1";
        if sqlx::query(next).fetch_optional(&self.readers).await?.is_none() {
            return Ok(false);
        }
        let mut transaction = self.write().await?;
        // Another replica may have been faster.
        let taken = sqlx::query(
            "DELETE FROM usage_unfilled WHERE segment = (SELECT MAX(segment) FROM usage_unfilled) RETURNING segment",
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(taken) = taken else { return Ok(false) };
        let rows = sqlx::query(
            "SELECT token, user_id, team_id, model_group, model, mode, deployment_id, api_base, requests, status, cost, \
             prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, started_at, \
             duration_ms, first_token_ms, end_user, request_tags, error_class FROM spend_log WHERE segment = $1",
        )
        .bind(get::<i64, _>(&taken, 0)?)
        .fetch_all(&mut *transaction)
        .await?;
        let (mut fold, mut known) = (Fold::default(), Known::default());
        for row in &rows {
            let text =
                |at: usize| Ok::<_, StoreError>(get::<Option<String>, _>(row, at)?.unwrap_or_default());
            let group = Group {
                token: text(0)?,
                user_id: text(1)?,
                team_id: text(2)?,
                // The log does not have it.
                organization_id: String::new(),
                model_group: known.names.model(&text(3)?),
                model: known.names.model(&text(4)?),
                mode: text(5)?,
                deployment_id: text(6)?,
                api_base: text(7)?,
            };
            let positive = |value: i64| u64::try_from(value).unwrap_or_default();
            let figures = Figures {
                sums: Sums {
                    requests: get(row, 8)?,
                    spend: get::<Option<i64>, _>(row, 10)?.unwrap_or_default(),
                    prompt_tokens: get(row, 11)?,
                    completion_tokens: get(row, 12)?,
                    cached_tokens: get(row, 13)?,
                    cache_write_tokens: get(row, 14)?,
                    reasoning_tokens: get(row, 15)?,
                    ..Sums::default()
                },
                ..Figures::default()
            };
            let answered = !group.deployment_id.is_empty();
            let figures = figures.completed(
                get(row, 9)?,
                get(row, 21)?,
                answered.then_some(positive(get(row, 17)?)),
                get::<Option<i64>, _>(row, 18)?.map(positive),
            );
            let hour = unit::hour_of_ms(positive(get::<i64, _>(row, 16)?) / 1_000);
            let end_user = text(19)?;
            if !end_user.is_empty() {
                let name = known.names.end_user(hour, &end_user);
                fold.add_end_user(&group, hour, name, &figures);
            }
            let tags: Vec<String> = serde_json::from_str(&text(20)?).unwrap_or_default();
            for tag in tags {
                let name = known.names.tag(hour, &tag);
                fold.add_tag(&group, hour, name, &figures);
            }
            let mut tally = Tally::default();
            tally.add(&figures);
            fold.add(&group, hour, tally);
        }
        write::write(&mut transaction, self.backend, &mut known.series, fold).await?;
        self.commit(transaction).await?;
        Ok(true)
    }

    /// Whether segments of the log are still missing in the roll-ups.
    pub async fn is_filling_usage(&self) -> Result<bool, StoreError> {
        let left =
            sqlx::query("SELECT segment FROM usage_unfilled LIMIT 1").fetch_optional(&self.readers).await?;
        Ok(left.is_some())
    }
}
