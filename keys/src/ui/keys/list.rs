//! `GET /ui/keys`: the keys that the caller may see, as `/key/list` has them.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Map;

use super::super::page::{Frame, answer, html};
use super::super::show::count;
use super::super::visit::Visit;
use super::SECTION;
use super::view::KeyView;
use crate::auth::{Caller, Role};
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;
use crate::routes::key;

/// Keys on a page.
const SIZE: &str = "50";

/// Columns with a heading to sort by.
const COLUMNS: [(&str, &str, bool); 6] = [
    ("key_alias", "Name", false),
    ("", "Owner", false),
    ("", "Status", false),
    ("spend", "Spend", true),
    ("max_budget", "Budget", true),
    ("last_active", "Last used", false),
];

#[derive(Template)]
#[template(path = "keys/list.html")]
struct List {
    frame: Frame,
    asked: Asked,
    columns: Vec<Column>,
    keys: Vec<KeyView>,
    total: String,
    is_one: bool,
    is_filtered: bool,
    page: u64,
    pages: u64,
    earlier: Option<String>,
    later: Option<String>,
    may_create: bool,
    may_act: bool,
}

struct Column {
    label: &'static str,
    number: bool,
    link: Option<String>,
    /// `ascending`, `descending`
    sorted: Option<&'static str>,
}

/// What was asked for, cleaned.
struct Asked {
    search: String,
    status: String,
    team: String,
    user: String,
    sort: String,
    order: String,
}

impl Asked {
    fn of(query: &Query) -> Self {
        let text = |name: &str| query.text(name).unwrap_or_default().trim().to_owned();
        Self {
            search: text("search"),
            status: text("status"),
            team: text("team"),
            user: text("user"),
            sort: query.text("sort").unwrap_or("created_at").to_owned(),
            order: query.text("order").unwrap_or("desc").to_owned(),
        }
    }

    fn is_filtered(&self) -> bool {
        [&self.search, &self.status, &self.team, &self.user].into_iter().any(|text| !text.is_empty())
    }

    /// The same keys in another order, or another page of them.
    fn link(&self, sort: &str, order: &str, page: u64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("search", self.search.as_str()),
            ("status", &self.status),
            ("team", &self.team),
            ("user", &self.user),
            ("sort", sort),
            ("order", order),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        format!("/ui/keys?{}", query.finish())
    }

    fn columns(&self) -> Vec<Column> {
        let column = |(name, label, number): (&'static str, &'static str, bool)| {
            let is_sorted = !name.is_empty() && name == self.sort;
            let descending = self.order == "desc";
            // Names begin with A, numbers and times with the largest.
            let next = match (is_sorted, descending, name) {
                (true, true, _) | (false, _, "key_alias") => "asc",
                _ => "desc",
            };
            Column {
                label,
                number,
                link: (!name.is_empty()).then(|| self.link(name, next, 1)),
                sorted: is_sorted.then_some(if descending { "descending" } else { "ascending" }),
            }
        };
        COLUMNS.into_iter().map(column).collect()
    }
}

pub(in super::super) async fn list(visit: Visit, query: Query) -> Response {
    // A key without a user has no list, but itself.
    if let Caller::Key { key, role: Role::Unknown } = &visit.caller {
        return Redirect::to(&format!("/ui/keys/{}", key.token)).into_response();
    }
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    let asked = Asked::of(query);
    let api = Query::of(&[
        ("page", query.text("page").unwrap_or("1")),
        ("size", SIZE),
        ("return_full_object", "true"),
        ("search", &asked.search),
        ("status", &asked.status),
        ("team_id", &asked.team),
        ("user_id", &asked.user),
        ("sort_by", &asked.sort),
        ("sort_order", &asked.order),
    ]);
    let caller = visit.calling(Operation::KeyList)?;
    let (answer, is_more) = key::list::read(&visit.app, caller, &api, true).await?;
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    let (page, pages, total) = (number("current_page"), number("total_pages"), number("total_count"));
    let empty = Map::new();
    let keys = answer["keys"].as_array().into_iter().flatten();
    let keys = keys
        .map(|row| KeyView::of(row["token"].as_str().unwrap_or_default(), row.as_object().unwrap_or(&empty)));
    let list = List {
        frame: Frame::of(visit, SECTION),
        columns: asked.columns(),
        keys: keys.collect(),
        total: format!(
            "{}{}",
            if is_more { "More than " } else { "" },
            count(i64::try_from(total).unwrap_or(i64::MAX))
        ),
        is_one: total == 1,
        is_filtered: asked.is_filtered(),
        page,
        pages,
        earlier: (page > 1).then(|| asked.link(&asked.sort, &asked.order, page - 1)),
        later: (page < pages).then(|| asked.link(&asked.sort, &asked.order, page + 1)),
        may_create: visit.might(Operation::KeyGenerate),
        may_act: visit.might(Operation::KeyDelete),
        asked,
    };
    Ok(html(&list))
}
