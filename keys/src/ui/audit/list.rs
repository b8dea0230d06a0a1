//! `GET /ui/audit`: who changed what.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::super::page::{Frame, answer, html};
use super::super::show::count;
use super::super::visit::Visit;
use super::SECTION;
use super::view::{Entry, KINDS};
use crate::audit::Action;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;
use crate::routes::audit;

/// Entries on a page.
const SIZE: &str = "50";

#[derive(Template)]
#[template(path = "audit/list.html")]
struct List {
    frame: Frame,
    asked: Asked,
    actions: &'static [&'static str],
    kinds: &'static [(&'static str, &'static str)],
    entries: Vec<Entry>,
    is_recording: bool,
    total: String,
    is_one: bool,
    page: u64,
    pages: u64,
    earlier: Option<String>,
    later: Option<String>,
}

/// What was asked for.
struct Asked {
    author: String,
    action: String,
    kind: String,
    object: String,
    since: String,
    until: String,
}

impl Asked {
    fn of(query: &Query) -> Self {
        let text = |name: &str| query.text(name).unwrap_or_default().trim().to_owned();
        Self {
            author: text("author"),
            action: text("action"),
            kind: text("kind"),
            object: text("object"),
            since: text("since"),
            until: text("until"),
        }
    }

    fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("author", &self.author),
            ("action", &self.action),
            ("kind", &self.kind),
            ("object", &self.object),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    fn is_filtered(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    fn link(&self, page: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.pairs().iter().filter(|(_, value)| !value.is_empty()));
        format!("/ui/audit?{}", query.append_pair("page", &page.to_string()).finish())
    }
}

pub(in super::super) async fn list(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    let asked = Asked::of(query);
    // A day that is chosen includes all of it.
    let until = if asked.until.len() == 10 {
        format!("{}T23:59:59.999999Z", asked.until)
    } else {
        asked.until.clone()
    };
    let author =
        if asked.author.eq_ignore_ascii_case("master key") { "default_user_id" } else { &asked.author };
    let is_key = |text: &str| {
        text.starts_with("sk-") || text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let object = if is_key(&asked.object) { "object_key_hash" } else { "object_id" };
    let api = Query::of(&[
        ("page", query.text("page").unwrap_or("1")),
        ("page_size", SIZE),
        ("changed_by", author),
        ("action", &asked.action),
        ("table_name", &asked.kind),
        (object, &asked.object),
        ("start_date", &asked.since),
        ("end_date", &until),
    ]);
    let allowed = visit.allowed(Operation::AuditList).await?;
    let Json(answer) = audit::list(State(visit.app.clone()), allowed, api).await?;
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    let (page, pages, total) = (number("page"), number("total_pages"), number("total"));
    let rows = answer["audit_logs"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(html(&List {
        frame: Frame::of(visit, SECTION),
        actions: &Action::NAMES,
        kinds: &KINDS,
        entries: Entry::all(&visit.app, rows).await?,
        is_recording: visit.app.audit_log,
        total: count(i64::try_from(total).unwrap_or(i64::MAX)),
        is_one: total == 1,
        page,
        pages,
        earlier: (page > 1).then(|| asked.link(page - 1)),
        later: (page < pages).then(|| asked.link(page + 1)),
        asked,
    }))
}
