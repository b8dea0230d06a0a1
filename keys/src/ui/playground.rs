//! `/ui/playground`: a chat with a model, through the gateway, with a key that the user enters.
//!
//! The key is the user's own. The script sends it from the page to the gateway, and it leaves the page for nowhere else. Without the
//! script, the form sends it here, and it is used for one request. It is not stored and not shown again in either case.

mod send;

use askama::Template;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::page::{Frame, html};
use super::posted::Posted;
use super::snippets::{Api, Asked, Snippets, VARIABLE};
use super::visit::Visit;
use super::{allowed, assets};
use crate::query::Query;
use send::{Answer, Failure};

const SECTION: &str = "playground";

/// Turns of a conversation that are sent at most.
const MOST_TURNS: usize = 100;

#[derive(Template)]
#[template(path = "playground/page.html")]
struct Playground {
    frame: Frame,
    playground_script: &'static str,
    asked: Typed,
    models: Vec<String>,
    apis: [Api; 4],
    turns: Vec<Turn>,
    answer: Option<Answer>,
    failure: Option<Failure>,
    code: Option<(Api, Snippets)>,
    variable: &'static str,
    /// Whether the form can be used without the script.
    sends: bool,
}

/// What was typed, without the key.
#[derive(Debug)]
struct Typed {
    model: String,
    system: String,
    prompt: String,
    api: Api,
    /// The turns so far, as JSON.
    history: String,
}

/// A part of the conversation.
#[derive(Clone, Debug)]
struct Turn {
    role: String,
    content: String,
}

impl Typed {
    fn of(form: &Query) -> Self {
        let text = |name: &str| form.text(name).unwrap_or_default().replace("\r\n", "\n");
        Self {
            model: text("model").trim().to_owned(),
            system: text("system"),
            prompt: text("prompt"),
            api: Api::parse(form.text("api").unwrap_or_default()),
            history: text("history"),
        }
    }

    /// The turns so far. A form that somebody has changed has none.
    fn turns(&self) -> Vec<Turn> {
        let turns: Vec<Value> = serde_json::from_str(&self.history).unwrap_or_default();
        let turn = |turn: &Value| {
            let role = turn["role"].as_str().filter(|role| matches!(*role, "user" | "assistant"))?;
            Some(Turn { role: role.to_owned(), content: turn["content"].as_str()?.to_owned() })
        };
        let turns: Vec<_> = turns.iter().filter_map(turn).collect();
        turns.iter().skip(turns.len().saturating_sub(MOST_TURNS)).cloned().collect()
    }
}

fn written(turns: &[Turn]) -> String {
    turns
        .iter()
        .map(|turn| json!({"role": turn.role, "content": turn.content}))
        .collect::<Value>()
        .to_string()
}

pub(super) async fn show(visit: Visit, query: Query) -> Response {
    let asked =
        Typed { prompt: String::new(), system: String::new(), history: String::new(), ..Typed::of(&query) };
    page(&visit, asked, Vec::new(), None, None, None).await
}

async fn page(
    visit: &Visit,
    mut asked: Typed,
    turns: Vec<Turn>,
    answer: Option<Answer>,
    failure: Option<Failure>,
    code: Option<(Api, Snippets)>,
) -> Response {
    let models = allowed::models(visit).await;
    if asked.model.is_empty() {
        asked.model = models.first().cloned().unwrap_or_default();
    }
    asked.history = if turns.is_empty() { String::new() } else { written(&turns) };
    let status = failure.as_ref().map_or(axum::http::StatusCode::OK, |failure| failure.status);
    let page = Playground {
        frame: Frame::of(visit, SECTION),
        playground_script: assets::playground(),
        asked,
        models,
        apis: Api::ALL,
        turns,
        answer,
        failure,
        code,
        variable: VARIABLE,
        sends: visit.app.gateway.is_some(),
    };
    (status, html(&page)).into_response()
}

pub(super) async fn act(Posted { visit, form }: Posted) -> Response {
    let asked = Typed::of(&form);
    let mut turns = asked.turns();
    match form.text("do") {
        Some("clear") => {
            let asked = Typed { prompt: String::new(), ..asked };
            return page(&visit, asked, Vec::new(), None, None, None).await;
        }
        Some("code") => {
            let prompt = if asked.prompt.is_empty() { "Hello!" } else { &asked.prompt };
            let what = Asked { model: &asked.model, system: &asked.system, prompt };
            let code = (asked.api, asked.api.snippets(&visit.gateway(), what));
            return page(&visit, asked, turns, None, None, Some(code)).await;
        }
        _ => {}
    }
    let sent = send::send(&visit, &asked, &turns, form.text("key").unwrap_or_default().trim()).await;
    match sent {
        Ok(answer) => {
            turns.push(Turn { role: "user".to_owned(), content: asked.prompt.clone() });
            turns.push(Turn { role: "assistant".to_owned(), content: answer.text.clone() });
            let asked = Typed { prompt: String::new(), ..asked };
            page(&visit, asked, turns, Some(answer), None, None).await
        }
        Err(failure) => page(&visit, asked, turns, None, Some(failure), None).await,
    }
}
