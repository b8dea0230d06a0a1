//! Adds up requests in memory, before they are written.

use std::collections::{BTreeMap, HashMap};

use switchboard::key::{UsageEntry, clipped};

use super::histogram::{Measure, bucket};
use super::series::{Scope, Series};
use super::sums::Sums;
use super::text;

/// Longest stored class of an error, bytes.
const LONGEST_CLASS: usize = 64;

/// What requests have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub(super) token: String,
    pub(super) user_id: String,
    pub(super) team_id: String,
    pub(super) organization_id: String,
    pub(super) model_group: String,
    pub(super) model: String,
    pub(super) mode: String,
    pub(super) deployment_id: String,
    pub(super) api_base: String,
}

/// The figures of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) sums: Sums,
    pub(super) status: i64,
    /// Class of the error, if it failed.
    pub(super) failure: Option<String>,
    /// Milliseconds, if a deployment answered it.
    pub(super) duration_ms: Option<u64>,
    pub(super) first_token_ms: Option<u64>,
}

impl Figures {
    pub(super) fn of(entry: &UsageEntry<'_>) -> Self {
        let class = entry.detail.error.as_ref().map(|error| text(&error.class));
        Self {
            sums: Sums {
                requests: integer(entry.requests),
                spend: integer(entry.cost_picodollars.unwrap_or_default()),
                prompt_tokens: integer(entry.prompt_tokens),
                completion_tokens: integer(entry.completion_tokens),
                cached_tokens: integer(entry.cached_tokens),
                cache_write_tokens: integer(entry.cache_write_tokens),
                reasoning_tokens: integer(entry.reasoning_tokens),
                ..Sums::default()
            },
            ..Self::default()
        }
        .completed(
            i64::from(entry.status),
            class,
            (!entry.deployment_id.is_empty()).then_some(entry.duration_ms),
            entry.first_token_ms,
        )
    }

    /// Adds what is derived from the outcome.
    pub(super) fn completed(
        mut self,
        status: i64,
        class: Option<String>,
        duration_ms: Option<u64>,
        first_token_ms: Option<u64>,
    ) -> Self {
        // A stream that broke off started with status 200.
        let succeeded = (200..400).contains(&status) && class.is_none();
        let sums = &mut self.sums;
        // A row that adds up many requests has the duration of one.
        let timed = duration_ms.filter(|_| sums.requests == 1);
        let first = first_token_ms.filter(|_| timed.is_some());
        sums.successes = if succeeded { sums.requests } else { 0 };
        sums.cache_hits = if sums.cached_tokens > 0 { sums.requests } else { 0 };
        sums.timed_requests = i64::from(timed.is_some());
        sums.duration_ms = integer(timed.unwrap_or_default());
        sums.streamed_requests = i64::from(first.is_some());
        sums.first_token_ms = integer(first.unwrap_or_default());
        let class = class.map(|class| clipped(&class, LONGEST_CLASS).to_owned());
        self.failure = (!succeeded).then(|| class.unwrap_or_default());
        self.status = status;
        self.duration_ms = timed;
        self.first_token_ms = first;
        self
    }
}

/// The figures of many requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) sums: Sums,
    /// Requests by status and class.
    pub(super) failures: BTreeMap<(i64, String), i64>,
    /// Requests by bucket.
    pub(super) latency: BTreeMap<(Measure, i64), i64>,
}

impl Tally {
    pub(super) fn add(&mut self, figures: &Figures) {
        self.sums.add(&figures.sums);
        if let Some(class) = &figures.failure {
            plus(self.failures.entry((figures.status, class.clone())).or_default(), figures.sums.requests);
        }
        for (measure, ms) in
            [(Measure::Duration, figures.duration_ms), (Measure::FirstToken, figures.first_token_ms)]
        {
            if let Some(ms) = ms {
                plus(self.latency.entry((measure, bucket(ms))).or_default(), 1);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.sums.add(&other.sums);
        for (of, count) in &other.failures {
            plus(self.failures.entry(of.clone()).or_default(), *count);
        }
        for (of, count) in &other.latency {
            plus(self.latency.entry(*of).or_default(), *count);
        }
    }
}

/// What a transaction adds to the roll-ups.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// By the id of the series and the hour.
    pub(super) rows: BTreeMap<(i64, i64), Tally>,
    pub(super) series: HashMap<i64, Series>,
}

impl Fold {
    /// Adds requests to the series of all scopes that always apply.
    pub(super) fn add(&mut self, group: &Group, hour: i64, mut tally: Tally) {
        let all = Series {
            deployment_id: group.deployment_id.clone(),
            api_base: group.api_base.clone(),
            ..series(group, Scope::All, String::new())
        };
        self.merge(all, hour, &tally);
        // Only the scope of all requests has histograms.
        tally.latency.clear();
        for (scope, name) in [(Scope::Team, &group.team_id), (Scope::User, &group.user_id)] {
            if !name.is_empty() {
                self.merge(series(group, scope, name.clone()), hour, &tally);
            }
        }
        if !group.organization_id.is_empty() {
            let of_key = Series {
                token: group.token.clone(),
                ..series(group, Scope::Organization, group.organization_id.clone())
            };
            self.merge(of_key, hour, &tally);
        }
        let key = Series {
            token: group.token.clone(),
            user_id: group.user_id.clone(),
            team_id: group.team_id.clone(),
            ..series(group, Scope::Key, group.token.clone())
        };
        self.merge(key, hour, &tally);
    }

    /// Adds a request to its end user.
    pub(super) fn add_end_user(&mut self, group: &Group, hour: i64, name: String, figures: &Figures) {
        let series = Series {
            token: group.token.clone(),
            team_id: group.team_id.clone(),
            ..series(group, Scope::EndUser, name)
        };
        self.add_sums(series, hour, &figures.sums);
    }

    /// Adds a request to one of its tags.
    pub(super) fn add_tag(&mut self, group: &Group, hour: i64, name: String, figures: &Figures) {
        self.add_sums(series(group, Scope::Tag, name), hour, &figures.sums);
    }

    fn add_sums(&mut self, series: Series, hour: i64, sums: &Sums) {
        let id = series.id();
        self.series.entry(id).or_insert(series);
        self.rows.entry((id, hour)).or_default().sums.add(sums);
    }

    fn merge(&mut self, series: Series, hour: i64, tally: &Tally) {
        let id = series.id();
        self.series.entry(id).or_insert(series);
        self.rows.entry((id, hour)).or_default().merge(tally);
    }
}

fn series(group: &Group, scope: Scope, name: String) -> Series {
    Series {
        scope,
        name,
        token: String::new(),
        user_id: String::new(),
        team_id: String::new(),
        model_group: group.model_group.clone(),
        model: group.model.clone(),
        mode: group.mode.clone(),
        deployment_id: String::new(),
        api_base: String::new(),
    }
}

fn plus(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
}

fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
