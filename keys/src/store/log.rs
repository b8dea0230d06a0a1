//! Writes the spend log: a row for each request, in segments.
//!
//! Every index of the log begins with the segment, and a service fills one segment at a time. So recording changes
//! only the pages of that one, however long the log is, and old segments are deleted as a whole. What requests of a
//! segment have in common is a row of its own, their *kind*.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::{TokenHash, UsageAttempt, UsageBatch, UsageEntry, UsageGroup};

use super::backend::Backend;
use super::of_team::OfTeam;
use super::spend_log::SpendAttempt;
use super::sql::{Places, pieces};
use super::usage::text;
use super::{Owner, StoreError, tags};
use crate::clock;
use crate::money::Picodollars;

/// Requests after which a segment is full. An index of so many changes few pages with a report of 2,000, and to find
/// a request by its id, one lookup for each segment is quick even with a hundred million of them.
const FULL: i64 = 4_096;

/// Age after which a segment is full, so that its requests are of about the same time.
const LONGEST: Duration = Duration::from_hours(1);

/// Rows per `INSERT`: few round trips, and well below SQLite's limit of 32,766 values per statement.
const AT_ONCE: usize = 128;

/// The segment that this process fills.
#[derive(Debug)]
pub(super) struct Segment {
    id: i64,
    requests: i64,
    begun: Instant,
    kinds: HashMap<Kind, i64>,
}

/// What requests have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    token: Option<String>,
    user_id: Option<String>,
    team_id: Option<String>,
    key_alias: Option<String>,
    mode: String,
    model_group: String,
    deployment_id: String,
    model: String,
    api_base: Option<String>,
}

/// What is known of a group of requests in a batch.
struct Group {
    kind: i64,
    /// The tags of its key and its team.
    tags: Vec<String>,
    /// The same as they are stored, for requests without tags of their own.
    stored_tags: Option<String>,
}

/// Writes the requests of these batches to the segment, or to a new one. Returns the segment for the next requests; if
/// the transaction is not committed, it must not be used.
pub(super) async fn write(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    segment: Option<Segment>,
    batches: &[&UsageBatch],
    owners: &BTreeMap<TokenHash, Owner>,
    teams: &BTreeMap<String, OfTeam>,
) -> Result<Option<Segment>, StoreError> {
    let started = || batches.iter().flat_map(|batch| batch.entries()).map(|entry| started_at(&entry));
    let (Some(first), Some(last)) = (started().min(), started().max()) else { return Ok(segment) };
    let mut segment = continued(transaction, segment, first, last).await?;
    let mut new = Vec::new();
    let mut groups: Vec<HashMap<UsageGroup, Group>> = Vec::new();
    for batch in batches {
        let mut known = HashMap::new();
        for (group, entry) in batch.grouped() {
            if let Entry::Vacant(place) = known.entry(group) {
                let owner = entry.token.and_then(|token| owners.get(&token));
                place.insert(segment.group(&entry, owner, teams, &mut new));
            }
        }
        groups.push(known);
    }
    insert_kinds(transaction, backend, segment.id, &new).await?;

    let entries = batches.iter().zip(&groups).flat_map(|(batch, groups)| {
        batch.grouped().filter_map(|(group, entry)| Some((groups.get(&group)?, entry)))
    });
    let entries: Vec<_> = entries.collect();
    for entries in pieces(&entries, AT_ONCE) {
        let mut insert = sqlx::query(AssertSqlSafe(insert_requests(backend, entries.len())));
        for (group, entry) in entries {
            insert = bind(insert, segment.id, segment.requests, group, entry);
            segment.requests += 1;
        }
        insert.execute(&mut **transaction).await?;
    }
    Ok(Some(segment))
}

/// The segment if it is not full and has not been deleted, otherwise a new one.
async fn continued(
    transaction: &mut Transaction<'static, Any>,
    segment: Option<Segment>,
    first: i64,
    last: i64,
) -> Result<Segment, StoreError> {
    if let Some(segment) = segment.filter(|segment| !segment.is_full()) {
        let extended = sqlx::query(
            "UPDATE spend_segment SET first_at = CASE WHEN first_at > $1 THEN $1 ELSE first_at END, \
             last_at = CASE WHEN last_at < $2 THEN $2 ELSE last_at END WHERE id = $3",
        )
        .bind(first)
        .bind(last)
        .bind(segment.id)
        .execute(&mut **transaction)
        .await?;
        if extended.rows_affected() == 1 {
            return Ok(segment);
        }
    }
    let mut id = clock::now().as_microsecond();
    // Another service may have begun one in the same microsecond.
    while sqlx::query(
        "INSERT INTO spend_segment (id, first_at, last_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(first)
    .bind(last)
    .execute(&mut **transaction)
    .await?
    .rows_affected()
        == 0
    {
        id += 1;
    }
    Ok(Segment { id, requests: 0, begun: Instant::now(), kinds: HashMap::new() })
}

impl Segment {
    fn is_full(&self) -> bool {
        self.requests >= FULL || self.begun.elapsed() > LONGEST
    }

    /// The group of this request; its kind is added to `new` if the segment does not have it.
    fn group(
        &mut self,
        entry: &UsageEntry<'_>,
        owner: Option<&Owner>,
        teams: &BTreeMap<String, OfTeam>,
        new: &mut Vec<(i64, Kind)>,
    ) -> Group {
        let kind = Kind {
            token: entry.token.map(|token| token.to_string()),
            user_id: owner.and_then(|owner| owner.user_id.clone()),
            team_id: owner.and_then(|owner| owner.team_id.clone()),
            key_alias: owner.and_then(|owner| owner.key_alias.clone()),
            mode: text(&entry.mode),
            model_group: text(&entry.model_group),
            deployment_id: text(&entry.deployment_id),
            model: text(&entry.model),
            api_base: filled(&entry.api_base),
        };
        let team = kind.team_id.as_ref().and_then(|team| teams.get(team));
        let inherited = owner.into_iter().flat_map(|owner| &owner.tags);
        let inherited = inherited.chain(team.into_iter().flat_map(|team| &team.tags));
        let tags = tags::joined(core::iter::empty(), inherited);
        let next = i64::try_from(self.kinds.len()).unwrap_or(i64::MAX);
        let kind = match self.kinds.entry(kind) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                new.push((next, place.key().clone()));
                *place.insert(next)
            }
        };
        Group { kind, stored_tags: stored(&tags), tags }
    }
}

async fn insert_kinds(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    segment: i64,
    kinds: &[(i64, Kind)],
) -> Result<(), StoreError> {
    const COLUMNS: usize = 11;
    for kinds in pieces(kinds, AT_ONCE) {
        let sql = format!(
            "INSERT INTO spend_kind (segment, kind, token, user_id, team_id, key_alias, mode, model_group, \
             deployment_id, model, api_base) VALUES {}",
            Places::on(backend).rows(kinds.len(), COLUMNS)
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (number, kind) in kinds {
            insert = insert
                .bind(segment)
                .bind(*number)
                .bind(kind.token.clone())
                .bind(kind.user_id.clone())
                .bind(kind.team_id.clone())
                .bind(kind.key_alias.clone())
                .bind(kind.mode.clone())
                .bind(kind.model_group.clone())
                .bind(kind.deployment_id.clone())
                .bind(kind.model.clone())
                .bind(kind.api_base.clone());
        }
        insert.execute(&mut **transaction).await?;
    }
    Ok(())
}

fn insert_requests(backend: Backend, rows: usize) -> String {
    const COLUMNS: usize = 23;
    format!(
        "INSERT INTO spend_request (segment, position, kind, call_id, answer_id, requests, status, prompt_tokens, \
         completion_tokens, cached_tokens, cache_write_tokens, reasoning_tokens, cost, started_at, duration_ms, \
         first_token_ms, end_user, request_tags, requester_ip, error_class, error_message, \
         trace_id, attempts) VALUES {}",
        Places::on(backend).rows(rows, COLUMNS)
    )
}

fn bind<'q>(
    insert: Query<'q, Any, AnyArguments>,
    segment: i64,
    position: i64,
    group: &Group,
    entry: &UsageEntry<'_>,
) -> Query<'q, Any, AnyArguments> {
    let detail = &entry.detail;
    let tags = if detail.tags.is_empty() {
        group.stored_tags.clone()
    } else {
        stored(&tags::joined(detail.tags.iter().map(|tag| text(tag)), group.tags.iter()))
    };
    insert
        .bind(segment)
        .bind(position)
        .bind(group.kind)
        .bind(text(&entry.call_id))
        .bind(filled(&detail.answer_id))
        .bind(integer(entry.requests))
        .bind(i64::from(entry.status))
        .bind(integer(entry.prompt_tokens))
        .bind(integer(entry.completion_tokens))
        .bind(integer(entry.cached_tokens))
        .bind(integer(entry.cache_write_tokens))
        .bind(integer(entry.reasoning_tokens))
        .bind(entry.cost_picodollars.map(|cost| Picodollars::reported(cost).stored()))
        .bind(started_at(entry))
        .bind(integer(entry.duration_ms))
        .bind(entry.first_token_ms.map(integer))
        .bind(filled(&detail.end_user))
        .bind(tags)
        .bind(filled(&detail.requester_ip))
        .bind(detail.error.as_ref().map(|error| text(&error.class)))
        .bind(detail.error.as_ref().map(|error| text(&error.message)))
        .bind(filled(&detail.trace_id))
        .bind(attempts(&detail.attempts))
}

fn attempts(attempts: &[UsageAttempt<'_>]) -> Option<String> {
    let stored = |attempt: &UsageAttempt<'_>| SpendAttempt {
        deployment_id: text(&attempt.deployment_id),
        model: text(&attempt.model),
        status: attempt.status,
        began_ms: attempt.began_ms,
        error: attempt.error.as_ref().map(|error| (text(&error.class), text(&error.message))),
    };
    (!attempts.is_empty()).then(|| json!(attempts.iter().map(stored).collect::<Vec<_>>()).to_string())
}

fn stored(tags: &[String]) -> Option<String> {
    (!tags.is_empty()).then(|| json!(tags).to_string())
}

fn filled(reported: &str) -> Option<String> {
    (!reported.is_empty()).then(|| text(reported))
}

fn started_at(entry: &UsageEntry<'_>) -> i64 {
    integer(entry.started_ms.saturating_mul(1000))
}

/// Values beyond a column's range are clamped, because an absurd count must not block the rest of the batch.
fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
