//! `GET /`: says what this server is, and links to its API description. It needs no key, and reveals nothing about the
//! configuration.

use super::Reply;
use super::head::Head;

/// For programs.
const JSON: &str = concat!(
    r#"{"name":"switchboard","description":"LLM gateway with the Chat Completions, Responses, Messages and generateContent APIs","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#"","base_url":"/v1","documentation":""#,
    env!("CARGO_PKG_REPOSITORY"),
    r#"","api":{"page":"/docs","openapi":"/openapi.json"},"health":{"liveness":"/health/liveliness","#,
    r#""readiness":"/health/readiness","deployments":"/health"}}"#,
);

/// For people.
const HTML: &str = concat!(
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">",
    "<title>Switchboard</title><style>:root{color-scheme:light dark;font:16px/1.6 system-ui,sans-serif}",
    "body{max-width:40rem;margin:3rem auto;padding:0 1rem}</style>",
    "<h1>Switchboard</h1><p>This is an LLM gateway with the Chat Completions, Responses, Messages and generateContent APIs, version ",
    env!("CARGO_PKG_VERSION"),
    ". The base URL is this address, followed by <code>/v1</code> for clients of OpenAI's API. Clients need a key of this gateway.<ul>",
    "<li><a href=\"",
    env!("CARGO_PKG_REPOSITORY"),
    "\">Documentation</a>",
    "<li>API: <a href=/docs>page</a>, <a href=/openapi.json>OpenAPI description</a>",
    "<li>Health: <a href=/health/liveliness>liveness</a>, <a href=/health/readiness>readiness</a>",
    "</ul>\n",
);

/// A page for clients that accept HTML, and JSON for others.
pub(super) fn home(head: &Head) -> Reply {
    let wants_page = head.joined("accept").is_some_and(|accept| accept.contains("text/html"));
    let reply = if wants_page { page() } else { Reply::json(200, JSON) };
    reply.with("vary", "accept")
}

/// The page needs only its own inline style.
fn page() -> Reply {
    let mut reply = Reply::json(200, HTML);
    reply.headers = vec![("content-type".into(), "text/html; charset=utf-8".into())];
    reply.with(
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = env!("CARGO_PKG_VERSION");

    fn asked(accept: &[&str]) -> Reply {
        let pairs = accept.iter().map(|value| ("accept".to_owned(), value.as_bytes().to_vec()));
        home(&Head::new(pairs.collect()))
    }

    #[test]
    fn browsers_get_a_page_and_programs_get_json() {
        let page = asked(&["application/xml", "text/html,*/*;q=0.8"]);
        let text = String::from_utf8(page.body).unwrap();
        assert!(text.starts_with("<!doctype html>") && text.contains(VERSION), "{text}");
        for accept in [&[][..], &["*/*"], &["application/json"]] {
            let answer: serde_json::Value = serde_json::from_slice(&asked(accept).body).unwrap();
            assert_eq!(answer["version"], VERSION);
            assert_eq!(answer["api"]["openapi"], "/openapi.json");
        }
    }
}
