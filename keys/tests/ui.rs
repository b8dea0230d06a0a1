//! The console, as a browser without JavaScript sees it.

mod audit;
mod guarded;
mod keys;
mod login;
mod models;
mod overview;
mod requests;
mod rights;
mod sso;
mod teams;
mod users;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::app::TestApp;

/// A browser: it keeps its cookie and fills in forms.
struct Browser {
    router: Router,
    cookie: Option<String>,
    /// Headers of each request.
    headers: Vec<(&'static str, String)>,
}

/// What a browser got.
#[derive(Debug)]
struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Page {
    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self
    }

    /// Where a redirect leads.
    #[track_caller]
    fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }

    #[track_caller]
    fn shows(&self, text: &str) {
        assert!(self.text.contains(text), "{text} is not in {}", self.text);
    }

    #[track_caller]
    fn hides(&self, text: &str) {
        assert!(!self.text.contains(text), "{text} is in {}", self.text);
    }

    /// The value of the first field with this name.
    fn field(&self, name: &str) -> String {
        let after =
            self.text.split_once(&format!("name=\"{name}\"")).map(|(_, after)| after).unwrap_or_default();
        let tag = after.split('>').next().unwrap_or_default();
        let value = tag.split_once("value=\"").and_then(|(_, value)| value.split('"').next());
        value.unwrap_or_default().to_owned()
    }
}

impl Browser {
    fn new(app: &TestApp) -> Self {
        Self { router: app.public(), cookie: None, headers: Vec::new() }
    }

    /// One that has logged in.
    async fn with(app: &TestApp, key: &str) -> Self {
        let mut browser = Self::new(app);
        let page = browser.post("/ui/login", &[("key", key)]).await;
        assert_eq!(page.location(), "/ui", "{}", page.text);
        browser
    }

    async fn send(&mut self, method: Method, path: &str, body: String) -> Page {
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, "gateway.test:4000");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(set) = parts.headers.get(header::SET_COOKIE) {
            self.cookie = set.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        let body = body.collect().await.unwrap().to_bytes();
        Page { status: parts.status, headers: parts.headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, String::new()).await
    }

    /// Sends exactly these fields.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, body).await
    }

    /// Sends these fields with the session's token, as a form on a page has it.
    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.get("/ui/none").await.field("form_token");
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.post(path, &all).await
    }
}
