//! `GET /ui/requests/export`: the requests of a filter as CSV or JSON lines. Rows are sent while further ones are read.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::super::page::answer;
use super::super::visit::Visit;
use super::SECTION;
use super::filter::{Typed, restrict};
use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::routes::spend::logs::show;
use crate::store::{Cursor, RequestFilter, SpendRow, Store, StoreError};

/// Rows that are read at once.
const SIZE: usize = 1_000;

const HEADINGS: &str = "time,call_id,response_id,status,model_group,model,deployment,key,key_alias,user,team,end_user,\
                        prompt_tokens,completion_tokens,cached_tokens,cache_write_tokens,reasoning_tokens,cost_usd,\
                        duration_ms,first_token_ms,requests,tags,address,error_class,error_message\r\n";

/// The format of a file.
#[derive(Clone, Copy)]
enum Format {
    Csv,
    JsonLines,
}

pub(in super::super) async fn export(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, file(&visit, &query).await)
}

async fn file(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    let filter = Typed::of(query).filter().map_err(|(field, why)| ApiError::invalid_field(field, &why))?;
    let filter = restrict(visit, filter).await?;
    let (format, kind, name) = match query.text("format") {
        Some("jsonl") => (Format::JsonLines, "application/x-ndjson", "requests.jsonl"),
        _ => (Format::Csv, "text/csv; charset=utf-8", "requests.csv"),
    };
    let pages = Pages { store: visit.app.store.clone(), filter, format, place: Place::First };
    let body = Body::from_stream(stream::try_unfold(pages, Pages::next));
    let disposition = format!("attachment; filename=\"{name}\"");
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Where the next rows are.
enum Place {
    First,
    After(Cursor),
    End,
}

/// The rows that are left.
struct Pages {
    store: Store,
    filter: RequestFilter,
    format: Format,
    place: Place,
}

impl Pages {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let (after, mut text) = match (&self.place, self.format) {
            (Place::End, _) => return Ok(None),
            (Place::First, Format::Csv) => (None, HEADINGS.to_owned()),
            (Place::First, Format::JsonLines) => (None, String::new()),
            (Place::After(cursor), _) => (Some(*cursor), String::new()),
        };
        let page = self.store.request_page(&self.filter, after, SIZE).await?;
        for row in &page.rows {
            match self.format {
                Format::Csv => text.push_str(&line(row)),
                Format::JsonLines => text.extend([&show(row).to_string(), "\n"]),
            }
        }
        self.place = page.next.map_or(Place::End, Place::After);
        Ok(Some((Bytes::from(text), self)))
    }
}

/// A row of a CSV file (RFC 4180).
fn line(row: &SpendRow) -> String {
    let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
    let number = |number: i64| number.to_string();
    let (class, message) = row.error.clone().unwrap_or_default();
    let cells = [
        clock::iso(row.started_at),
        cell(&row.call_id),
        text(&row.answer_id),
        number(row.status),
        cell(&row.model_group),
        cell(&row.model),
        cell(&row.deployment_id),
        text(&row.token),
        text(&row.key_alias),
        text(&row.user_id),
        text(&row.team_id),
        text(&row.end_user),
        number(row.prompt_tokens),
        number(row.completion_tokens),
        number(row.cached_tokens),
        number(row.cache_write_tokens),
        number(row.reasoning_tokens),
        row.cost.map(|cost| format!("{:.12}", cost.usd())).unwrap_or_default(),
        number(row.duration_ms),
        row.first_token_ms.map(number).unwrap_or_default(),
        number(row.requests),
        cell(&row.tags.join(" ")),
        text(&row.requester_ip),
        cell(&class),
        cell(&message),
    ];
    cells.join(",") + "\r\n"
}

/// A text as a cell. Spreadsheets run texts that begin like a formula, so these get an apostrophe in front.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
    if text.contains(['"', ',', '\n', '\r', ';']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_stays_one_cell() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+2", "'=1+2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("+2", "'+2"),
            ("\t=1", "'\t=1"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn there_is_a_heading_for_each_cell() {
        let row = SpendRow { tags: vec!["a".to_owned(), "b".to_owned()], ..SpendRow::default() };
        assert_eq!(HEADINGS.split(',').count(), line(&row).split(',').count());
    }
}
