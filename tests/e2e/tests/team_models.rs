//! Models that belong to a team: two teams have one of the same name.

use serde_json::{Value, json};
use switchboard_e2e::{Answer, Client, Config, Fleet, MASTER_KEY, Setup, question};

fn config() -> Config {
    Config::new()
        .model("of-all", json!({ "model": "mock/any", "mock_response": "all" }))
        .section("general_settings", json!({ "store_model_in_db": true }))
}

async fn post(client: &Client, path: &str, body: Value, key: &str) -> Answer {
    client.post(path, &body).key(key).send().await
}

/// A team with an administrator: the keys of the team, and of the administrator.
async fn team(client: &Client, id: &str, models: Value) -> (String, String) {
    let admin = format!("admin-{id}");
    let user =
        post(client, "/user/new", json!({ "user_id": admin, "user_role": "internal_user" }), MASTER_KEY)
            .await;
    let admins_key = user.expect(200).json()["key"].as_str().expect("a key").to_owned();
    let members = json!([{ "user_id": admin, "role": "admin" }]);
    let body = json!({ "team_id": id, "models": models, "members_with_roles": members });
    post(client, "/team/new", body, MASTER_KEY).await.expect(200);
    let key = post(client, "/key/generate", json!({ "team_id": id }), MASTER_KEY).await.expect(200).json();
    (key["key"].as_str().expect("a key").to_owned(), admins_key)
}

/// What `mine` answers with the key of that team.
async fn says(client: &Client, key: &str) -> Result<String, u16> {
    let answer = post(client, "/v1/chat/completions", question("mine", "Hello"), key).await;
    if answer.status != 200 {
        return Err(answer.status);
    }
    let content = answer.json()["choices"][0]["message"]["content"].as_str().map(str::to_owned);
    Ok(content.expect("a text"))
}

fn mine(team: &str, text: &str) -> Value {
    json!({
        "model_name": "mine",
        "litellm_params": { "model": "openai/gpt-4o", "mock_response": text, "api_key": "sk-own" },
        "model_info": { "team_id": team },
    })
}

async fn team_models(client: &Client, id: &str) -> Value {
    let info =
        client.get(&format!("/team/info?team_id={id}")).key(MASTER_KEY).send().await.expect(200).json();
    info["team_info"]["models"].clone()
}

/// Two teams add, change and delete their model, and see no other's. `clients` are those of all Envoys.
async fn live(clients: &[Client]) {
    let client = &clients[0];
    let (ruby, rubys_admin) = team(client, "ruby", json!([])).await;
    let (blue, blues_admin) = team(client, "blue", json!(["of-all"])).await;
    let outside = post(client, "/key/generate", json!({}), MASTER_KEY).await.expect(200).json();
    let outside = outside["key"].as_str().expect("a key").to_owned();

    let added = post(client, "/model/new", mine("ruby", "I am ruby"), &rubys_admin).await.expect(200).json();
    post(client, "/model/new", mine("blue", "I am blue"), MASTER_KEY).await.expect(200);
    let unique = added["model_name"].as_str().expect("a name");
    assert!(unique.starts_with("model_name_ruby_"), "{unique}");
    assert_eq!(added["model_info"]["team_public_model_name"], "mine");
    for client in clients {
        assert_eq!(says(client, &ruby).await.as_deref(), Ok("I am ruby"));
        assert_eq!(says(client, &blue).await.as_deref(), Ok("I am blue"));
        assert_eq!(says(client, &outside).await, Err(400));
        let listed = async |key: &str| {
            let list = client.get("/v1/models").key(key).send().await.expect(200).json();
            list["data"].as_array().expect("a list").iter().filter(|one| one["id"] == "mine").count()
        };
        assert_eq!([listed(&ruby).await, listed(&blue).await, listed(&outside).await], [1, 1, 0]);
        let info = client.get("/model/info").key(&blue).send().await.expect(200);
        assert!(
            info.text().contains("\"team_id\":\"blue\"") && !info.text().contains("ruby"),
            "{}",
            info.text()
        );
    }
    assert_eq!(team_models(client, "ruby").await, json!(["all-proxy-models", "mine"]));
    assert_eq!(team_models(client, "blue").await, json!(["of-all", "mine"]));

    // Only its own administrators change it, and not for another team.
    let id = added["model_id"].as_str().expect("an id");
    let change =
        |text: &str| json!({ "litellm_params": { "mock_response": text }, "model_info": { "id": id } });
    let error = post(client, "/model/update", change("stolen"), &blues_admin).await.expect(403).error();
    assert!(error["message"].as_str().expect("a text").contains("Team ID=ruby does not match"), "{error}");
    post(client, "/model/delete", json!({ "id": id }), &blues_admin).await.expect(403);
    post(client, "/model/new", mine("ruby", "false"), &blues_admin).await.expect(403);
    let moved = json!({ "litellm_params": {}, "model_info": { "id": id, "team_id": "blue" } });
    let path = format!("/model/{id}/update");
    let call = client.request(http::Method::PATCH, &path).body(moved.to_string());
    call.key(MASTER_KEY).send().await.expect(403);
    post(client, "/model/new", mine("nobody", "x"), MASTER_KEY).await.expect(400);
    // Nor do they get at the gateway's credentials.
    for (name, value) in [
        ("api_key", "os.environ/OPENAI_API_KEY"),
        ("aws_profile_name", "default"),
        ("api_base", "http://127.0.0.1:1/v1"),
    ] {
        let mut body = mine("ruby", "x");
        body["litellm_params"][name] = json!(value);
        let error = post(client, "/model/new", body, &rubys_admin).await.expect(403).error();
        assert!(error["message"].as_str().expect("a text").contains(name), "{error}");
    }

    let renamed = json!({ "model_name": "ours", "litellm_params": {}, "model_info": { "id": id } });
    post(client, "/model/update", renamed, &rubys_admin).await.expect(200);
    let back = json!({ "model_name": "mine", "litellm_params": { "mock_response": "still ruby" }, "model_info": { "id": id } });
    assert_eq!(says(client, &ruby).await, Err(400));
    assert_eq!(team_models(client, "ruby").await, json!(["all-proxy-models", "ours"]));
    post(client, "/model/update", back, &rubys_admin).await.expect(200);
    for client in clients {
        assert_eq!(says(client, &ruby).await.as_deref(), Ok("still ruby"));
    }
    post(client, "/model/delete", json!({ "id": id }), &rubys_admin).await.expect(200);
    for client in clients {
        assert_eq!(says(client, &ruby).await, Err(400));
        assert_eq!(says(client, &blue).await.as_deref(), Ok("I am blue"));
    }
    assert_eq!(team_models(client, "ruby").await, json!(["all-proxy-models"]));
}

#[tokio::test]
async fn two_teams_have_a_model_of_the_same_name_and_nobody_else_sees_it() {
    let stack = Setup::new(&config()).workers(2).start();
    live(&[stack.client()]).await;
}

#[tokio::test]
async fn two_teams_have_a_model_of_the_same_name_on_a_fleet_with_postgres() {
    let Some(database) = crate::fleet::postgres() else { return };
    let fleet = Fleet::start(&config(), &database.url(), &[], (2, 2)).await;
    let clients: Vec<_> = fleet.members.iter().map(switchboard_e2e::Member::client).collect();
    live(&clients).await;
}
