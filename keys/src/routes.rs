//! The public port: one file per path, in directories named like the paths.

pub mod account;
pub mod budget;
pub mod health;
pub mod key;
pub mod limits;
pub mod schema;
pub mod spend;
pub mod team;
pub mod user;

use std::sync::LazyLock;

use axum::http::{Method, Uri, header};
use axum::response::{Html, IntoResponse};
use axum::routing::{MethodRouter, get, post};
use axum::{Router, middleware};
use serde_json::Value;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};
use tower_layer::Layer;

use crate::app::App;
use crate::error::ApiError;
use crate::metrics;
use crate::openapi::{self, Endpoint, Holds, Input, data_plane, document, fields, page::page, parameter};

/// All paths of the public port. A trailing slash is ignored. `LiteLLM` redirects instead, to a URL based on
/// the `Host` header, which clients control.
pub fn public(app: App) -> NormalizePath<Router> {
    let mut router = Router::new();
    for (endpoint, handler) in endpoints() {
        router = router.route(endpoint.path, handler);
    }
    let router = router
        .route("/openapi.json", get(openapi_json))
        .route("/routes", get(list_routes))
        .route("/docs", get(docs))
        .route(metrics::PATH, get(metrics::show_to))
        .fallback(async |method: Method, uri: Uri| ApiError::no_route(&method, uri.path()))
        .method_not_allowed_fallback(async |method: Method, uri: Uri| {
            ApiError::method_not_allowed(&method, uri.path())
        })
        .route_layer(middleware::from_fn_with_state(app.clone(), metrics::count))
        .with_state(app);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}

async fn openapi_json() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| whole_document().to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The paths and methods alone, as in `LiteLLM`.
async fn list_routes() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi::routes(&whole_document()).to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The API description of the key service and the filter.
fn whole_document() -> Value {
    let mut document = document(&described());
    data_plane::add_to(&mut document);
    document
}

/// The page needs only its own inline style.
async fn docs() -> impl IntoResponse {
    static HTML: LazyLock<String> = LazyLock::new(|| page(&described()));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(HTML.as_str()))
}

fn described() -> Vec<Endpoint> {
    endpoints().into_iter().map(|(endpoint, _)| endpoint).collect()
}

/// Every path with its input and its handler. This is the only list of paths.
pub fn endpoints() -> Vec<(Endpoint, MethodRouter<App>)> {
    use Holds::{Boolean, Choice, Date, RequiredText, Text, UpTo};
    const PAGE: u64 = u32::MAX as u64;

    let posts =
        |path, summary, input, handler| (Endpoint { method: Method::POST, path, summary, input }, handler);
    let gets =
        |path, summary, input, handler| (Endpoint { method: Method::GET, path, summary, input }, handler);
    let key_body = || fields(&key::schema::FIELDS);
    let regenerate_body = || Input::OptionalBody(fields(&key::schema::REGENERATE));
    vec![
        posts(
            "/key/generate",
            "Create a virtual key.",
            Input::Body(key_body()),
            post(key::generate::generate),
        ),
        gets(
            "/key/info",
            "Get a key. Without `key`, get the calling key.",
            Input::Query(&const { [parameter("key", Text)] }),
            get(key::info::info),
        ),
        posts(
            "/v2/key/info",
            "Get several keys.",
            Input::OneOf(key::delete::FIELDS.to_vec()),
            post(key::info_v2::info_v2),
        ),
        gets(
            "/key/list",
            "List keys, paginated.",
            Input::Query(
                &const {
                    [
                        parameter("page", UpTo(PAGE)),
                        parameter("size", UpTo(100)),
                        parameter("user_id", Text),
                        parameter("team_id", Text),
                        parameter("organization_id", Text),
                        parameter("key_hash", Text),
                        parameter("key_alias", Text),
                        parameter("search", Text),
                        parameter("status", Choice(&["active", "expired", "revoked"])),
                        parameter("expires", Choice(&["active", "expired"])),
                        parameter("sort_by", Choice(&key::list::COLUMNS)),
                        parameter("sort_order", Choice(&["asc", "desc"])),
                        parameter("return_full_object", Boolean),
                    ]
                },
            ),
            get(key::list::list),
        ),
        gets(
            "/key/aliases",
            "List key aliases, paginated.",
            Input::Query(
                &const {
                    [
                        parameter("page", UpTo(PAGE)),
                        parameter("size", UpTo(100)),
                        parameter("search", Text),
                        parameter("team_id", Text),
                    ]
                },
            ),
            get(key::aliases::aliases),
        ),
        posts(
            "/key/health",
            "Check that the calling key is valid.",
            Input::Nothing,
            post(key::health::health),
        ),
        posts(
            "/key/update",
            "Update a key. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&key::schema::UPDATE), &["key"]),
            post(key::update::update),
        ),
        posts(
            "/key/bulk_update",
            "Update several keys. Each succeeds or fails on its own.",
            Input::BodyWith(key::bulk_update::FIELDS.to_vec(), &["keys"]),
            post(key::bulk_update::bulk_update),
        ),
        posts(
            "/key/regenerate",
            "Regenerate the key given in the body.",
            Input::BodyWith(fields(&key::schema::REGENERATE), &["key"]),
            post(key::regenerate::regenerate),
        ),
        posts(
            "/key/{key}/regenerate",
            "Regenerate a key.",
            regenerate_body(),
            post(key::regenerate::regenerate_named),
        ),
        posts(
            "/key/{key}/reset_spend",
            "Reset a key's spend to a lower value.",
            Input::BodyWith(key::reset_spend::FIELDS.to_vec(), &["reset_to"]),
            post(key::reset_spend::reset_spend),
        ),
        posts(
            "/key/delete",
            "Delete keys by key, hash or alias.",
            Input::OneOf(key::delete::FIELDS.to_vec()),
            post(key::delete::delete),
        ),
        posts(
            "/key/block",
            "Block a key.",
            Input::BodyWith(key::block::FIELDS.to_vec(), &["key"]),
            post(key::block::block),
        ),
        posts(
            "/key/unblock",
            "Unblock a key.",
            Input::BodyWith(key::block::FIELDS.to_vec(), &["key"]),
            post(key::unblock::unblock),
        ),
        posts(
            "/user/new",
            "Create a user and a key for it.",
            Input::Body(fields(&user::schema::FIELDS)),
            post(user::new::new),
        ),
        gets(
            "/user/info",
            "Get a user with its keys and teams.",
            Input::Query(&const { [parameter("user_id", Text)] }),
            get(user::info::info),
        ),
        posts(
            "/user/update",
            "Update a user. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&user::schema::FIELDS), &["user_id"]),
            post(user::update::update),
        ),
        posts(
            "/user/delete",
            "Delete users and their keys.",
            Input::BodyWith(user::delete::FIELDS.to_vec(), &["user_ids"]),
            post(user::delete::delete),
        ),
        gets(
            "/user/list",
            "List users, paginated.",
            Input::Query(
                &const {
                    [
                        parameter("page", UpTo(PAGE)),
                        parameter("page_size", UpTo(100)),
                        parameter("role", Text),
                        parameter("user_ids", Text),
                        parameter("user_email", Text),
                        parameter("team", Text),
                    ]
                },
            ),
            get(user::list::list),
        ),
        posts(
            "/team/new",
            "Create a team.",
            Input::Body(fields(&team::schema::FIELDS)),
            post(team::new::new),
        ),
        gets(
            "/team/info",
            "Get a team with its keys and members.",
            Input::Query(&const { [parameter("team_id", RequiredText)] }),
            get(team::info::info),
        ),
        posts(
            "/team/update",
            "Update a team. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&team::schema::FIELDS), &["team_id"]),
            post(team::update::update),
        ),
        posts(
            "/team/delete",
            "Delete teams and their keys.",
            Input::BodyWith(team::delete::FIELDS.to_vec(), &["team_ids"]),
            post(team::delete::delete),
        ),
        gets(
            "/team/list",
            "List teams with their keys and members.",
            Input::Query(&const { [parameter("user_id", Text), parameter("organization_id", Text)] }),
            get(team::list::list),
        ),
        posts(
            "/team/block",
            "Block a team and all its keys.",
            Input::BodyWith(team::block::FIELDS.to_vec(), &["team_id"]),
            post(team::block::block),
        ),
        posts(
            "/team/unblock",
            "Unblock a team.",
            Input::BodyWith(team::block::FIELDS.to_vec(), &["team_id"]),
            post(team::unblock::unblock),
        ),
        posts(
            "/team/member_add",
            "Add members to a team.",
            Input::BodyWith(team::member_add::FIELDS.to_vec(), &["team_id", "member"]),
            post(team::member_add::member_add),
        ),
        gets(
            "/team/permissions_list",
            "Get the key permissions of a team's members.",
            Input::Query(&const { [parameter("team_id", RequiredText)] }),
            get(team::permissions::list),
        ),
        posts(
            "/team/permissions_update",
            "Set the key permissions of a team's members.",
            Input::BodyWith(team::permissions::FIELDS.to_vec(), &["team_id", "team_member_permissions"]),
            post(team::permissions::update),
        ),
        posts(
            "/budget/new",
            "Create a budget that keys can share.",
            Input::Body(fields(&budget::schema::FIELDS)),
            post(budget::new::new),
        ),
        posts(
            "/budget/info",
            "Get budgets.",
            Input::BodyWith(budget::info::FIELDS.to_vec(), &["budgets"]),
            post(budget::info::info),
        ),
        posts(
            "/budget/update",
            "Update a budget. Fields that are not sent stay unchanged.",
            Input::BodyWith(fields(&budget::schema::FIELDS), &["budget_id"]),
            post(budget::update::update),
        ),
        posts(
            "/budget/delete",
            "Delete a budget.",
            Input::BodyWith(budget::delete::FIELDS.to_vec(), &["id"]),
            post(budget::delete::delete),
        ),
        gets("/budget/list", "List budgets.", Input::Nothing, get(budget::list::list)),
        gets(
            "/spend/logs",
            "Get spend logs, by request or by day.",
            Input::Query(
                &const {
                    [
                        parameter("api_key", Text),
                        parameter("user_id", Text),
                        parameter("request_id", Text),
                        parameter("start_date", Date),
                        parameter("end_date", Date),
                        parameter("summarize", Boolean),
                    ]
                },
            ),
            get(spend::logs::logs),
        ),
        posts(
            "/spend/calculate",
            "Calculate the cost of a request or a response.",
            Input::Body(spend::calculate::FIELDS.to_vec()),
            post(spend::calculate::calculate),
        ),
        gets("/health/liveliness", "Liveness probe.", Input::Nothing, get(health::liveliness)),
        gets("/health/liveness", "Liveness probe.", Input::Nothing, get(health::liveliness)),
        gets(
            "/health/readiness",
            "Readiness probe: checks the database connection.",
            Input::Nothing,
            get(health::readiness),
        ),
    ]
}
