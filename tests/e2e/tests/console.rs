//! The console behind the gateway, as a browser without JavaScript uses it.

use http::Method;
use switchboard_e2e::{Answer, Client, MASTER_KEY, question, world};

/// A browser with a session.
struct Browser {
    client: Client,
    cookie: String,
}

impl Browser {
    async fn log_in(client: Client, key: &str) -> Self {
        let login =
            client.request(Method::POST, "/ui/login").body(form(&[("key", key)])).send().await.expect(303);
        let cookie = login.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        Self { client, cookie }
    }

    async fn get(&self, path: &str) -> Answer {
        self.client.get(path).header("cookie", &self.cookie).send().await
    }

    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.get("/ui/keys").await.expect(200).text();
        let token = between(&page, "name=\"form_token\" value=\"", "\"");
        let body = form(&[&[("form_token", token)], fields].concat());
        self.client.request(Method::POST, path).header("cookie", &self.cookie).body(body).send().await
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split_once(after).expect("an end").0
}

#[tokio::test]
async fn a_key_is_made_used_seen_and_blocked_in_the_console() {
    let world = world();
    let client = world.stack.client();
    let asked = client.get("/ui/keys").send().await.expect(303);
    assert_eq!(asked.header("location"), "/ui/login?next=%2Fui%2Fkeys");
    let browser = Browser::log_in(client.clone(), MASTER_KEY).await;
    let page = browser.get("/ui/keys").await.expect(200);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    let style = between(&page.text(), "rel=\"stylesheet\" href=\"", "\"").to_owned();
    assert!(client.get(&style).send().await.expect(200).header("content-type").starts_with("text/css"));

    let made = browser.submit("/ui/keys/new", &[("key_alias", "of-the-console"), ("max_budget", "5")]).await;
    let made = made.expect(200).text();
    let key = between(&made, "id=\"fresh\">", "<").to_owned();
    let token = between(&made, "href=\"/ui/keys/", "\"").to_owned();
    let case = world.case();
    let asked = question("gpt-4o", &case.prompt("Hello"));
    client.post("/v1/chat/completions", &asked).key(&key).send().await.expect(200);
    let page = format!("/ui/keys/{token}");
    for attempt in 0.. {
        let text = browser.get(&page).await.expect(200).text();
        if !text.contains("Nobody has used it yet") {
            break;
        }
        assert!(attempt < 100, "{text}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }

    browser.submit(&format!("{page}/block"), &[]).await.expect(303);
    for attempt in 0.. {
        let refused =
            client.post("/v1/chat/completions", &question("gpt-4o", "Hello")).key(&key).send().await;
        if refused.status == 401 {
            break;
        }
        assert!(attempt < 30, "{}", refused.text());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let bare = client.request(Method::POST, &format!("{page}/unblock")).header("cookie", &browser.cookie);
    bare.send().await.expect(403);
}
