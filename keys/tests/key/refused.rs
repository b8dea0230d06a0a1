//! What nothing would enforce is refused, and nothing that a client sends is a 500.

use axum::http::Method;
use serde_json::{Value, json};
use switchboard_keys::routes::schema::{Place, Row};
use switchboard_keys::routes::{budget, key, team, user};

use crate::app::{MASTER_KEY, TestApp, error};

#[tokio::test]
async fn a_field_that_nothing_enforces_is_refused_by_name_unless_it_says_nothing() {
    let app = TestApp::new().await;
    let message =
        "{'error': 'guardrails is not supported: no guardrails, policies or prompt management. Omit it.'}";
    assert_eq!(
        app.post("/key/generate", json!({"guardrails": ["pii"]})).await,
        error(400, "invalid_request_error", message, Some("guardrails"))
    );
    let schemas: [(&str, &[Row]); 4] = [
        ("/key/generate", &key::schema::FIELDS),
        ("/user/new", &user::schema::FIELDS),
        ("/team/new", &team::schema::FIELDS),
        ("/budget/new", &budget::schema::FIELDS),
    ];
    for (path, rows) in schemas {
        for row in rows.iter().filter(|row| row.refused.is_some()) {
            let name = row.field.name;
            let refused = [json!("a"), json!(["a"]), json!({"a": 1}), json!(true), json!(1)];
            let mut of_its_kind = 0;
            for value in refused {
                let answer = app.post(path, json!({name: value})).await;
                assert!(matches!(answer.status.as_u16(), 400 | 422), "{path} {name}: {value}");
                of_its_kind += usize::from(answer.status == 400 && answer.body["error"]["param"] == name);
            }
            assert!(of_its_kind > 0, "{path} {name}");
            app.post(path, json!({name: null})).await.ok();
        }
    }
}

#[tokio::test]
async fn limits_that_cannot_be_read_are_refused_with_their_field() {
    let app = TestApp::new().await;
    for (field, value) in [
        ("model_max_budget", json!({"m": "much"})),
        ("budget_limits", json!([{"budget_duration": "1d"}])),
        ("model_rpm_limit", json!({"m": -1})),
        ("rpm_limit_type", json!("guaranteed_throughput")),
        ("budget_id", json!("none")),
        ("duration", json!("")),
        ("duration", json!("99999999999999999999d")),
    ] {
        let answer = app.post("/key/generate", json!({field: value})).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["error"]["param"]),
            (400, &json!(field)),
            "{}",
            answer.body
        );
        let key = app.key(json!({})).await;
        for path in ["/key/update", "/key/regenerate"] {
            assert_eq!(app.post(path, json!({"key": key, field: value})).await.status, 400, "{path} {field}");
        }
    }
}

#[tokio::test]
async fn nothing_that_a_client_sends_is_a_failure_of_the_service() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let long = "\u{1F600}".repeat(255);
    let nested = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let odd: Vec<Value> = vec![
        json!(""),
        json!("\u{0}"),
        json!("a\u{0}b"),
        json!("\n"),
        json!(long),
        json!("x".repeat(100_000)),
        json!(-1),
        json!(-1.5),
        json!(1e308),
        json!(i64::MAX),
        json!(u64::MAX),
        json!("NaN"),
        json!("inf"),
        json!("-1"),
        json!("0s"),
        json!("9999-12-31T23:59:59Z"),
        json!("-009999-01-01"),
        json!(true),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({"a\u{0}": 1}),
        json!({"m": {"max_budget": 1e308, "budget_duration": "1d"}}),
        json!({long.as_str(): 1}),
        nested,
    ];
    let schemas: [(&str, &[Row]); 8] = [
        ("/key/generate", &key::schema::FIELDS),
        ("/key/update", &key::schema::UPDATE),
        ("/key/regenerate", &key::schema::REGENERATE[46..]),
        ("/user/new", &user::schema::FIELDS),
        ("/user/update", &user::schema::FIELDS),
        ("/team/new", &team::schema::FIELDS),
        ("/team/update", &team::schema::FIELDS),
        ("/budget/new", &budget::schema::FIELDS),
    ];
    for (path, rows) in schemas {
        // Updates read the same fields; it is the columns of the database that could complain of another one.
        let is_read =
            |row: &&Row| row.refused.is_none() && (!path.ends_with("update") || row.place == Place::Column);
        for row in rows.iter().filter(is_read) {
            for value in &odd {
                let mut body = json!({row.field.name: value});
                if path == "/key/update" && row.field.name != "key" {
                    body["key"] = json!(key);
                }
                if path == "/team/update" && row.field.name != "team_id" {
                    body["team_id"] = json!("t");
                }
                let answer = app.send(MASTER_KEY, Method::POST, path, body.to_string()).await;
                assert!(
                    answer.status.as_u16() < 500,
                    "{path} {} {value:.80}: {}",
                    row.field.name,
                    answer.body
                );
            }
        }
    }
    for long_member in [json!({"user_id": long, "role": "user"}), json!({"user_id": "\u{1}", "role": "user"})]
    {
        let body = json!({"team_id": "t", "member": long_member});
        assert!(app.post("/team/member_add", body).await.status.as_u16() < 500, "{long_member:.80}");
    }
    // Two names of the greatest length are one in the index of a team's members.
    app.post("/team/new", json!({"team_id": long})).await;
    let body = json!({"team_id": long, "member": {"user_id": format!("{long}"), "role": "user"}});
    assert!(app.post("/team/member_add", body).await.status.as_u16() < 500);
}
