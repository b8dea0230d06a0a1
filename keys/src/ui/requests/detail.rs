//! `GET /ui/requests/{id}`: a request, by the id of its call or of its response.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use switchboard::facts::Usage;

use super::super::form::segment;
use super::super::models;
use super::super::page::{Frame, answer, html};
use super::super::show::{Moment, count, duration, usd};
use super::super::visit::Visit;
use super::SECTION;
use super::filter::restrict;
use super::view::RequestView;
use crate::app::App;
use crate::error::ApiError;
use crate::money::Picodollars;
use crate::store::{RequestFilter, SpendAttempt, SpendFilter, SpendRow};

/// Units of the timeline.
const WIDTH: i64 = 1_000;

#[derive(Template)]
#[template(path = "requests/detail.html")]
struct Detail {
    frame: Frame,
    request: RequestView,
    ended: Moment,
    answer_id: Option<String>,
    mode: String,
    user: Option<String>,
    team: Option<String>,
    end_user: Option<String>,
    tags: Vec<String>,
    address: Option<String>,
    deployment: String,
    api_base: Option<String>,
    /// Where the first token is on the timeline.
    first_at: Option<i64>,
    after_first: Option<String>,
    attempts: Vec<AttemptView>,
    trace_id: Option<String>,
    costs: Vec<Cost>,
    /// The prices of today give the recorded cost.
    is_explained: bool,
    json: String,
}

/// An attempt, and its part of the timeline.
struct AttemptView {
    number: usize,
    deployment: String,
    /// The deployment's page, for those who may see it.
    link: Option<String>,
    model: String,
    began: String,
    /// Until the next attempt, or the end.
    took: String,
    status: Option<u16>,
    failed: bool,
    error: Option<(String, String)>,
    bar_at: i64,
    bar_length: i64,
}

/// A kind of tokens, and what it costs with the prices of today.
struct Cost {
    label: &'static str,
    tokens: String,
    price: String,
    cost: String,
}

pub(in super::super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    let of = SpendFilter { request_id: Some(id.replace('\0', "")), ..SpendFilter::default() };
    let filter = restrict(visit, RequestFilter { of, ..RequestFilter::default() }).await?;
    let rows = visit.app.store.spend_rows(&filter.of).await?;
    let row = rows.first().ok_or_else(|| {
        ApiError::missing(format!(
            "There is no request {id} in the log, or it is not yours. A request is logged some seconds after its end."
        ))
    })?;
    let (costs, sum) = costs(&visit.app, row);
    let length = row.duration_ms.max(1);
    let first = row.first_token_ms.filter(|first| *first <= length);
    let detail = Detail {
        frame: Frame::of(visit, SECTION),
        request: RequestView::of(row),
        ended: Moment::of(
            row.started_at
                .checked_add(jiff::SignedDuration::from_millis(row.duration_ms))
                .unwrap_or(row.started_at),
        ),
        answer_id: row.answer_id.clone(),
        mode: row.mode.clone(),
        user: row.user_id.clone(),
        team: row.team_id.clone(),
        end_user: row.end_user.clone(),
        tags: row.tags.clone(),
        address: row.requester_ip.clone(),
        deployment: row.deployment_id.clone(),
        api_base: row.api_base.clone(),
        first_at: first.map(|first| first.saturating_mul(WIDTH) / length),
        after_first: first.map(|first| duration(row.duration_ms - first)),
        attempts: attempts(row, models::may_see(visit)),
        trace_id: row.trace_id.clone(),
        costs,
        is_explained: sum.is_some() && sum == row.cost,
        json: crate::routes::spend::logs::show(row).to_string(),
    };
    Ok(html(&detail))
}

/// The chain of attempts: those that were reported, or the only one.
fn attempts(row: &SpendRow, links: bool) -> Vec<AttemptView> {
    let only = SpendAttempt {
        deployment_id: row.deployment_id.clone(),
        model: row.model.clone(),
        status: u16::try_from(row.status).unwrap_or_default(),
        began_ms: 0,
        error: row.error.clone(),
    };
    let attempts: Vec<_> = match row.attempts.as_slice() {
        [] if row.deployment_id.is_empty() || row.requests > 1 => return Vec::new(),
        [] => vec![only],
        attempts => attempts.to_vec(),
    };
    let began = |attempt: &SpendAttempt| i64::try_from(attempt.began_ms).unwrap_or(i64::MAX);
    let length = row.duration_ms.max(1);
    let ends = attempts.iter().skip(1).map(began).chain([row.duration_ms]).collect::<Vec<_>>();
    let last = attempts.len() - 1;
    let view = |(at, (attempt, end)): (usize, (&SpendAttempt, i64))| {
        let start = began(attempt).min(length);
        let took = (end - start).max(0);
        let place = |ms: i64| (ms.saturating_mul(WIDTH) / length).clamp(0, WIDTH);
        AttemptView {
            number: at + 1,
            deployment: attempt.deployment_id.clone(),
            link: links.then(|| format!("/ui/models/{}", segment(&attempt.deployment_id))),
            model: attempt.model.clone(),
            began: duration(start),
            took: duration(took),
            status: Some(attempt.status).filter(|status| *status > 0),
            // A later attempt shows that an earlier one failed.
            failed: at < last || attempt.status >= 400 || attempt.error.is_some(),
            error: attempt.error.clone(),
            bar_at: place(start),
            bar_length: place(took).max(4),
        }
    };
    attempts.iter().zip(ends).enumerate().map(view).collect()
}

/// The kinds of tokens with their costs, and the sum, if the model has a price.
fn costs(app: &App, row: &SpendRow) -> (Vec<Cost>, Option<Picodollars>) {
    let tokens = |count: i64| u64::try_from(count).unwrap_or_default();
    let none = Usage::default();
    let cost = |usage: &Usage| app.prices.cost(&row.model, usage);
    let plain = row.prompt_tokens.saturating_sub(row.cached_tokens).saturating_sub(row.cache_write_tokens);
    let kinds = [
        ("Prompt", plain, Usage { prompt: tokens(plain), ..none }),
        (
            "Prompt, read from a cache",
            row.cached_tokens,
            Usage { prompt: tokens(row.cached_tokens), cached: tokens(row.cached_tokens), ..none },
        ),
        (
            "Prompt, written to a cache",
            row.cache_write_tokens,
            Usage {
                prompt: tokens(row.cache_write_tokens),
                cache_write: tokens(row.cache_write_tokens),
                ..none
            },
        ),
        (
            "Completion",
            row.completion_tokens,
            Usage {
                completion: tokens(row.completion_tokens),
                reasoning: tokens(row.reasoning_tokens),
                ..none
            },
        ),
    ];
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let shown = |(label, count_of, usage): &(&'static str, i64, Usage)| {
        let cost = cost(usage);
        let million = cost.map(|cost| cost.usd() / (*count_of).max(1) as f64 * 1e6);
        Cost {
            label,
            tokens: count(*count_of),
            price: million.map_or_else(|| "–".to_owned(), |price| format!("{} per million", usd(price))),
            cost: cost.map_or_else(|| "–".to_owned(), |cost| usd(cost.usd())),
        }
    };
    let used: Vec<_> = kinds.into_iter().filter(|(_, count, _)| *count > 0).collect();
    let sum = cost(&Usage {
        prompt: tokens(row.prompt_tokens),
        completion: tokens(row.completion_tokens),
        cached: tokens(row.cached_tokens),
        cache_write: tokens(row.cache_write_tokens),
        reasoning: tokens(row.reasoning_tokens),
        ..none
    });
    (used.iter().map(shown).collect(), sum)
}
