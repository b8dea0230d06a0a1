//! `GET /ui/setup`: how to point clients at this gateway, and what is wrong with it.

mod findings;

use askama::Template;
use axum::response::Response;

use super::allowed;
use super::page::{Frame, html};
use super::snippets::{Api, Asked, Snippets, VARIABLE, in_shell};
use super::visit::Visit;
use crate::query::Query;
use findings::Finding;

const SECTION: &str = "setup";

#[derive(Template)]
#[template(path = "setup/page.html")]
struct Setup {
    frame: Frame,
    gateway: String,
    model: String,
    /// The model as a word of a shell command.
    in_shell: String,
    /// The model as a string of TOML, which are like those of JSON.
    in_toml: String,
    models: Vec<String>,
    variable: &'static str,
    programs: Vec<(&'static str, &'static str, Snippets)>,
    findings: Option<Vec<Finding>>,
}

pub(super) async fn show(visit: Visit, query: Query) -> Response {
    let models = allowed::models(&visit).await;
    let asked = query.text("model").map(str::trim).filter(|model| !model.is_empty() && model.len() <= 255);
    let model =
        asked.map(str::to_owned).or_else(|| models.first().cloned()).unwrap_or_else(|| "gpt-4o".to_owned());
    let gateway = visit.gateway();
    let hello = Asked { model: &model, system: "", prompt: "Hello!" };
    let programs = Api::ALL.map(|api| (api.name(), api.label(), api.snippets(&gateway, hello)));
    let findings = if super::models::may_see(&visit) { Some(findings::of(&visit).await) } else { None };
    html(&Setup {
        frame: Frame::of(&visit, SECTION),
        programs: programs.into(),
        variable: VARIABLE,
        findings,
        in_shell: if is_plain(&model) { model.clone() } else { in_shell(&model) },
        in_toml: serde_json::Value::from(model.as_str()).to_string(),
        gateway,
        model,
        models,
    })
}

/// Whether a shell reads it as one word.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte))
}
