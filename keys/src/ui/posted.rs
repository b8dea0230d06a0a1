//! A form that was sent by a page of the session.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use subtle::ConstantTimeEq;

use super::page::Fault;
use super::visit::Visit;
use super::{gateway, page};
use crate::app::App;
use crate::query::Query;

/// The field with the session's token.
const TOKEN: &str = "form_token";

/// The largest form.
const MOST_BYTES: usize = 256 * 1024;

/// A form with the session's token.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) visit: Visit,
    pub(super) form: Query,
}

/// The fields of a form, if a page of this host sent it.
pub(super) async fn read(request: Request) -> Result<Query, Fault> {
    if !gateway::is_same_origin(request.headers()) {
        return Err(Fault::Foreign);
    }
    let body = axum::body::to_bytes(request.into_body(), MOST_BYTES).await.map_err(|_| Fault::TooLarge)?;
    Ok(parse(&body))
}

fn parse(body: &Bytes) -> Query {
    Query::parse(&String::from_utf8_lossy(body))
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        use axum::RequestExt as _;

        let mut request = request;
        let visit: Visit = request.extract_parts_with_state(app).await?;
        let form = match read(request).await {
            Ok(form) => form,
            Err(fault) => return Err(page::fault(&visit, fault)),
        };
        let token = visit.id.form_token();
        let same: bool = form.text(TOKEN).unwrap_or_default().as_bytes().ct_eq(token.as_bytes()).into();
        if same { Ok(Self { visit, form }) } else { Err(page::fault(&visit, Fault::Foreign)) }
    }
}
