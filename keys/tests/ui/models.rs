//! The pages about models, setting up clients, and the playground.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use switchboard_keys::envoys::Envoys;

use super::Browser;
use crate::app::{MASTER_KEY, TestApp};

#[tokio::test]
async fn a_deployment_that_envoy_has_ejected_is_shown_where_people_look() {
    let mut app = TestApp::with_models().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let fields =
        [("model_name", "smart"), ("model", "openai/my-own"), ("api_base", "http://10.1.2.3:8000/v1")];
    browser.submit("/ui/models/new", &fields).await.location();
    browser.get("/ui/models").await.ok().hides(">State<");
    browser.get("/ui/overview").await.ok().hides("cooling down");
    // What Envoy writes, shortened.
    let clusters = json!({"cluster_statuses": [{"name": "group:smart", "host_statuses": [{
        "hostname": "10.1.2.3:8000",
        "health_status": {"failed_outlier_check": true, "eds_health_status": "HEALTHY"},
        "stats": [{"name": "rq_error", "value": "41"}, {"name": "rq_total", "value": "1234"}],
    }]}]});
    let admin = Router::new().route("/clusters", get(|| async move { clusters.to_string() }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, admin).await });
    app.app.envoys = Envoys::new(vec![address]);
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let list = browser.get("/ui/models").await.ok();
    for text in [">State<", ">ejected</span>"] {
        list.shows(text);
    }
    let overview = browser.get("/ui/overview").await.ok();
    for text in ["Deployments cooling down", ">ejected</span>", "1,234", ">41<"] {
        overview.shows(text);
    }
    // One that does not answer.
    app.app.envoys = Envoys::new(vec!["127.0.0.1:1".to_owned()]);
    let list = Browser::with(&app, MASTER_KEY).await.get("/ui/models").await.ok();
    list.shows("127.0.0.1:1");
    list.hides(">State<");
}

#[tokio::test]
async fn a_model_is_added_shown_without_its_secret_changed_and_deleted() {
    let app = TestApp::with_models().await;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    browser.get("/ui/models").await.ok().shows("There are no models yet");
    let fields = [
        ("model_name", "smart"),
        ("model", "openai/my-own"),
        ("api_key", "hush-hush-hush"),
        ("rpm", "60"),
        ("more", r#"{"timeout": 30}"#),
    ];
    let made = browser.submit("/ui/models/new", &fields).await;
    let own = made.location().split('?').next().unwrap().to_owned();
    assert!(made.location().ends_with("done=model-added"), "{}", made.location());
    let list = browser.get("/ui/models").await.ok();
    for text in ["1 deployment<", "smart", "openai/my-own", "no price", ">API<"] {
        list.shows(text);
    }
    browser.get("/ui/models?search=MY-OWN").await.ok().shows("1 deployment<");
    browser.get("/ui/models?search=zzz").await.ok().shows("No model matches");
    let page = browser.get(&own).await.ok();
    page.shows("api.openai.com");
    page.shows("Spend of its requests is not counted");
    let edit = browser.get(&format!("{own}/edit")).await.ok();
    assert_eq!((edit.field("rpm"), edit.field("model")), ("60".into(), "openai/my-own".into()));
    edit.shows("timeout");
    let change =
        [("was.input_price", ""), ("input_price", "2.5"), ("was.output_price", ""), ("output_price", "10")];
    assert!(browser.submit(&format!("{own}/edit"), &change).await.location().ends_with("done=saved"));
    browser.get(&own).await.ok().shows("$2.50 for input, $10.00 for output");
    assert_eq!(browser.get(&format!("{own}/edit")).await.ok().field("input_price"), "2.5");
    for path in
        ["/ui/models", &own, &format!("{own}/edit"), &format!("{own}/delete"), "/ui/setup", "/ui/audit"]
    {
        browser.get(path).await.ok().hides("hush");
    }
    let wrong = browser.submit("/ui/models/new", &[("model_name", "m"), ("api_key", "hush-2")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.hides("hush");
    assert_eq!(wrong.field("model_name"), "m");
    let wrong =
        browser.submit("/ui/models/new", &[("model_name", "m"), ("model", "openai/x"), ("rpm", "-1")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);

    browser.get(&format!("{own}/delete")).await.ok().shows("only deployment of smart");
    assert_eq!(
        browser.submit(&format!("{own}/delete"), &[]).await.location(),
        "/ui/models?done=model-deleted"
    );
    assert_eq!(browser.get(&own).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn models_are_shown_to_those_who_may_read_everything_and_changed_by_administrators() {
    let app = TestApp::with_models().await;
    let params = json!({"model": "openai/x", "api_key": "hush"});
    app.post("/model/new", json!({"model_name": "m", "litellm_params": params, "model_info": {"id": "m1"}}))
        .await
        .ok();
    for role in ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"] {
        let key = app.user(role, role).await;
        let mut browser = Browser::with(&app, &key).await;
        let sees = role.starts_with("proxy");
        for path in ["/ui/models", "/ui/models/m1"] {
            assert_eq!(browser.get(path).await.status.is_success(), sees, "{role} {path}");
        }
        assert_eq!(browser.get("/ui/keys").await.text.contains("href=\"/ui/models\""), sees, "{role}");
        assert_eq!(browser.get("/ui/setup").await.ok().text.contains("State of the gateway"), sees, "{role}");
        let changes = role == "proxy_admin";
        for path in ["/ui/models/new", "/ui/models/m1/edit", "/ui/models/m1/delete"] {
            assert_eq!(browser.get(path).await.status.is_success(), changes, "{role} {path}");
        }
        let page = browser.submit("/ui/models/m1/edit", &[("rpm", "7")]).await;
        assert_eq!(page.status == StatusCode::SEE_OTHER, changes, "{role}");
        if !changes {
            assert_eq!(
                browser.submit("/ui/models/m1/delete", &[]).await.status,
                StatusCode::FORBIDDEN,
                "{role}"
            );
        }
    }
}

#[tokio::test]
async fn setting_up_is_filled_in_with_the_gateways_address_and_a_model_that_is_only_text() {
    let app = TestApp::with_models().await;
    app.post(
        "/model/new",
        json!({"model_name": "smart", "litellm_params": {"model": "openai/x", "api_key": "k"}}),
    )
    .await
    .ok();
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let page = browser.get("/ui/setup").await.ok();
    for text in [
        "export ANTHROPIC_BASE_URL=http://gateway.test:4000\n",
        "ANTHROPIC_MODEL=smart ",
        "base_url = &#34;http://gateway.test:4000/v1&#34;",
        "This page came over plain HTTP",
        "Models without a price: smart.",
        "No Envoy fetches",
    ] {
        let escaped = text.replace("&#34;", "\"");
        assert!(page.text.contains(text) || page.text.contains(&escaped), "{text} is not in {}", page.text);
    }
    browser.headers.push(("x-forwarded-proto", "https".to_owned()));
    let mut secure = Browser::new(&app);
    secure.headers.push(("x-forwarded-proto", "https".to_owned()));
    secure.post("/ui/login", &[("key", MASTER_KEY)]).await.location();
    let page = secure.get("/ui/setup?model=x%3Brm+-rf%20%27%3Cscript%3E").await.ok();
    page.shows("ANTHROPIC_BASE_URL=https://gateway.test:4000");
    page.shows("ANTHROPIC_MODEL=&#39;x;rm -rf &#39;\\&#39;&#39;&#60;script&#62;&#39; ");
    page.hides("<script>");
    page.hides("plain HTTP");
}

/// A gateway that answers with what it was asked, and the last key.
async fn gateway() -> String {
    let answer = async |headers: HeaderMap, axum::Json(body): axum::Json<Value>| {
        let key = headers["authorization"].to_str().unwrap().to_owned();
        if key != "Bearer sk-own-key-of-the-user" {
            let error = json!({"error": {"message": "Invalid <key>"}});
            return (StatusCode::UNAUTHORIZED, HeaderMap::new(), axum::Json(error));
        }
        let text = format!("{} turns, {}", body["messages"].as_array().unwrap().len(), body["messages"]);
        let answer = json!({"choices": [{"message": {"content": text}}], "usage": {"prompt_tokens": 1200, "completion_tokens": 7}});
        let cost =
            HeaderMap::from_iter([("x-litellm-response-cost".parse().unwrap(), "0.0123".parse().unwrap())]);
        (StatusCode::OK, cost, axum::Json(answer))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/chat/completions", post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn a_chat_works_without_a_script_and_its_key_is_forgotten() {
    let mut app = TestApp::new().await;
    app.app.gateway = Some(gateway().await);
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let ask = [
        ("do", "send"),
        ("model", "m"),
        ("key", "sk-own-key-of-the-user"),
        ("system", "be <b>rief</b>"),
        ("prompt", "hello <script>"),
    ];
    let page = browser.submit("/ui/playground", &ask).await.ok();
    for text in ["2 turns", "hello &#60;script&#62;", "1,200 tokens in, 7 out, $0.0123"] {
        page.shows(text);
    }
    page.hides("sk-own-key");
    page.hides("<script>hello");
    let history = page.text.split("name=\"history\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let history = history
        .replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#39;", "'")
        .replace("&#38;", "&");
    let mut next = ask.to_vec();
    next.push(("history", &history));
    browser.submit("/ui/playground", &next).await.ok().shows("4 turns");
    let text = String::from_utf8_lossy(&app.stored().await.concat()).into_owned();
    assert!(!text.contains("sk-own-key"), "the key is stored");

    let wrong = browser
        .submit(
            "/ui/playground",
            &[("do", "send"), ("model", "m"), ("key", "sk-other"), ("prompt", "keep me")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    wrong.shows("Invalid &#60;key&#62;");
    wrong.shows("keep me");
    wrong.hides("sk-other");
    let none = browser.submit("/ui/playground", &[("do", "send"), ("model", "m"), ("prompt", "x")]).await;
    none.shows("Enter a key.");
    let changed = [
        ("do", "code"),
        ("model", "m"),
        ("history", "[{\"role\": \"system\"}, 7"),
        ("api", "gemini"),
        ("prompt", "hi"),
    ];
    let page = browser.submit("/ui/playground", &changed).await.ok();
    page.shows("http://gateway.test:4000/v1beta/models/m:generateContent");
    page.shows("$SWITCHBOARD_KEY");

    app.app.gateway = Some("http://127.0.0.1:1".to_owned());
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    assert_eq!(browser.submit("/ui/playground", &ask).await.status, StatusCode::BAD_GATEWAY);
    app.app.gateway = None;
    let mut browser = Browser::with(&app, MASTER_KEY).await;
    let page = browser.submit("/ui/playground", &ask).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    page.shows("--gateway");
}
