//! `GET /`: leads browsers to the console of the key service, and tells programs what this server is. It needs no key, and
//! reveals nothing about the configuration.

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

/// The console, for people.
const CONSOLE: &str = "/ui";

/// A redirect for clients that accept HTML, and JSON for others.
pub(super) fn home(head: &Head) -> Reply {
    let wants_page = head.joined("accept").is_some_and(|accept| accept.contains("text/html"));
    let reply =
        if wants_page { Reply::json(303, "").with("location", CONSOLE) } else { Reply::json(200, JSON) };
    reply.with("vary", "accept")
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
    fn browsers_are_led_to_the_console_and_programs_get_json() {
        let page = asked(&["application/xml", "text/html,*/*;q=0.8"]);
        assert_eq!((page.status, page.body.len()), (303, 0));
        assert!(page.headers.iter().any(|header| header.0 == "location" && *header.1 == *"/ui"));
        for accept in [&[][..], &["*/*"], &["application/json"]] {
            let answer: serde_json::Value = serde_json::from_slice(&asked(accept).body).unwrap();
            assert_eq!(answer["version"], VERSION);
            assert_eq!(answer["api"]["openapi"], "/openapi.json");
        }
    }
}
