//! `/global/*`, `/spend/keys`, `/spend/users`, `/spend/tags` and `/*/daily/activity`: reports from the roll-ups.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use switchboard::key::{TokenHash, UsageEntry, UsageError};

use crate::app::{MASTER_KEY, TestApp, batch, error, usage};

const DAY_MS: u64 = 86_400_000;
/// 2026-11-22T00:00:00Z
const SUNDAY_MS: u64 = 20_779 * DAY_MS;
/// Its day and the next.
const DATES: &str = "start_date=2026-11-22&end_date=2026-11-23";

struct World {
    app: TestApp,
    alice: String,
    /// Keys of alice in the team, of bob, and of nobody.
    keys: [String; 3],
}

fn token(key: &str) -> String {
    TokenHash::of(key.as_bytes()).to_string()
}

/// A request that cost so many dollars.
fn at(key: &str, ms: u64, usd: u64) -> UsageEntry<'static> {
    UsageEntry { started_ms: ms, ..usage(Some(key), Some(usd * 1_000_000_000_000)) }
}

/// On Sunday alice spent 3 and bob 2, on Monday alice spent 5 with Claude for a customer with tags, and was rejected once.
async fn world_at(begin: u64) -> World {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "red", "team_alias": "Reds"})).await.ok();
    let alice = app.user("alice", "internal_user").await;
    app.post("/team/member_add", json!({"team_id": "red", "member": {"user_id": "alice", "role": "user"}}))
        .await
        .ok();
    let of_alice = app.key(json!({"user_id": "alice", "team_id": "red", "key_alias": "of-alice"})).await;
    let of_bob = app.key(json!({"user_id": "bob"})).await;
    let of_none = app.key(json!({})).await;
    let mut claude = at(&of_alice, begin + DAY_MS, 5);
    claude.model_group = "claude".into();
    claude.model = "anthropic/claude-4".into();
    claude.detail.end_user = "customer".into();
    claude.detail.tags = vec!["blue".to_owned(), "green".to_owned()].into();
    let mut rejected = at(&of_alice, begin + DAY_MS, 0);
    (rejected.status, rejected.cost_picodollars) = (429, None);
    (rejected.prompt_tokens, rejected.completion_tokens, rejected.cached_tokens) = (0, 0, 0);
    rejected.detail.error = Some(UsageError::new("RateLimitError", "slow down"));
    let entries = vec![at(&of_alice, begin, 3), at(&of_bob, begin + 5, 2), claude, rejected];
    app.sync(None, Some(batch("b", entries))).await;
    World { app, alice, keys: [of_alice, of_bob, of_none] }
}

async fn world() -> World {
    world_at(SUNDAY_MS).await
}

impl World {
    async fn get(&self, path: &str) -> Value {
        self.app.get(MASTER_KEY, path).await.ok()
    }
}

#[tokio::test]
async fn activity_is_counted_by_day_and_model_and_a_user_sees_its_own() {
    let world = world().await;
    let expected = json!({
        "daily_data": [
            {"date": "Nov 22", "api_requests": 2, "total_tokens": 2200},
            {"date": "Nov 23", "api_requests": 2, "total_tokens": 1100},
        ],
        "sum_api_requests": 4,
        "sum_total_tokens": 3300,
    });
    assert_eq!(world.get(&format!("/global/activity?{DATES}")).await, expected);
    let own = world.app.get(&world.alice, &format!("/global/activity?{DATES}")).await.ok();
    assert_eq!((&own["sum_api_requests"], &own["sum_total_tokens"]), (&json!(3), &json!(2200)));
    let own = world.app.get(&world.keys[2], &format!("/global/activity?{DATES}")).await.ok();
    assert_eq!(own["sum_api_requests"], 0);

    let models = world.get(&format!("/global/activity/model?{DATES}")).await;
    assert_eq!(models[0]["model"], "gpt-4o");
    assert_eq!(models[0]["sum_api_requests"], 3);
    assert_eq!(
        models[1]["daily_data"],
        json!([{"model_group": "claude", "date": "Nov 23", "api_requests": 1, "total_tokens": 1100}])
    );
    let hits = world.get(&format!("/global/activity/cache_hits?{DATES}")).await;
    let of_bob = hits.as_array().unwrap().iter().find(|row| row["api_key"] == token(&world.keys[1])).unwrap();
    assert_eq!((&of_bob["total_rows"], &of_bob["cache_hit_true_rows"]), (&json!(1), &json!(1)));
    assert_eq!(of_bob["call_type"], "acompletion");
}

#[tokio::test]
async fn rate_limit_errors_are_counted_by_day_and_address() {
    let world = world().await;
    let all = world.get(&format!("/global/activity/exceptions?model_group=gpt-4o&{DATES}")).await;
    let day = json!({"date": "Nov 23", "num_rate_limit_exceptions": 1});
    assert_eq!(all, json!({"daily_data": [day], "sum_num_rate_limit_exceptions": 1}));
    let by = world.get(&format!("/global/activity/exceptions/deployment?model_group=gpt-4o&{DATES}")).await;
    assert_eq!(by[0]["api_base"], "https://api.openai.com/v1");
    assert_eq!(by[0]["sum_num_rate_limit_exceptions"], 1);
    let none = world.get(&format!("/global/activity/exceptions?model_group=claude&{DATES}")).await;
    assert_eq!(none["daily_data"], json!([]));
    let missing = world.app.get(MASTER_KEY, &format!("/global/activity/exceptions?{DATES}")).await;
    assert_eq!((missing.status.as_u16(), &missing.body["detail"][0]["type"]), (422, &json!("missing")));
}

#[tokio::test]
async fn spend_is_reported_by_provider_tag_end_user_and_their_names() {
    let world = world().await;
    assert_eq!(
        world.get(&format!("/global/spend/provider?{DATES}")).await,
        json!([{"provider": "anthropic", "spend": 5.0}, {"provider": "openai", "spend": 5.0}])
    );
    let tag = |name: &str| json!({"name": name, "spend": 5.0, "log_count": 1});
    let tags = world.get(&format!("/global/spend/tags?{DATES}&tags=blue,red")).await;
    assert_eq!(tags, json!({"spend_per_tag": [tag("blue")]}));
    let tags = world.get(&format!("/global/spend/tags?{DATES}&tags=all-tags")).await;
    assert_eq!(tags["spend_per_tag"].as_array().unwrap().len(), 2);
    assert_eq!(world.get("/global/spend/all_tag_names").await, json!({"tag_names": ["blue", "green"]}));
    let tags = world.get("/spend/tags").await;
    assert!(
        tags.as_array()
            .unwrap()
            .contains(&json!({"individual_request_tag": "green", "log_count": 1, "total_spend": 5.0}))
    );
    assert_eq!(world.get("/global/all_end_users").await, json!({"end_users": ["customer"]}));
    for (body, expected) in [
        (json!({"startTime": "2026-11-22", "endTime": "2026-11-23"}), 1),
        (json!({"startTime": "2026-11-22T10:00:00Z", "endTime": "2026-11-22"}), 0),
        (json!({"startTime": "2026-11-22", "endTime": "2026-11-23", "api_key": world.keys[0]}), 1),
        (json!({"startTime": "2026-11-22", "endTime": "2026-11-23", "api_key": world.keys[1]}), 0),
    ] {
        let users = world.app.post("/global/spend/end_users", body.clone()).await.ok();
        assert_eq!(users.as_array().unwrap().len(), expected, "{body}");
        if expected == 1 {
            assert_eq!(users[0], json!({"end_user": "customer", "total_count": 1, "total_spend": 5.0}));
        }
    }
}

#[tokio::test]
async fn a_report_is_by_team_customer_or_key() {
    let world = world().await;
    let [of_alice, of_bob, _] = world.keys.each_ref().map(|key| token(key));
    let teams = world.get(&format!("/global/spend/report?{DATES}")).await;
    assert_eq!(teams[0]["group_by_day"], "2026-11-22T00:00:00+00:00");
    let part = |model: &str, key: &str, spend: f64| json!({"model": model, "api_key": key, "spend": spend, "total_tokens": 1100});
    assert_eq!(
        teams[0]["teams"],
        json!([
            {"team_name": "Reds", "total_spend": 3.0, "metadata": [part("gpt-4o", &of_alice, 3.0)]},
            {"team_name": "Unassigned Team", "total_spend": 2.0, "metadata": [part("gpt-4o", &of_bob, 2.0)]},
        ])
    );
    let customers = world.get(&format!("/global/spend/report?{DATES}&group_by=customer")).await;
    let expected = json!([{
        "group_by_day": "2026-11-23T00:00:00+00:00",
        "customers": [{"customer": "customer", "total_spend": 5.0, "metadata": [part("claude-4", &of_alice, 5.0)]}],
    }]);
    assert_eq!(customers, expected);
    let one = format!("/global/spend/report?{DATES}&team_id=red&customer_id=customer");
    assert_eq!(world.get(&one).await, expected);
    assert_eq!(world.get(&one.replace("=red", "=blue")).await, json!([]));

    let keys = world.get(&format!("/global/spend/report?{DATES}&group_by=api_key")).await;
    assert_eq!((&keys[0]["api_key"], &keys[0]["total_cost"]), (&json!(of_alice), &json!(8.0)));
    assert_eq!(keys[0]["model_details"].as_array().unwrap().len(), 2);
    for query in [format!("api_key={}", world.keys[1]), "internal_user_id=bob".to_owned()] {
        let keys = world.get(&format!("/global/spend/report?{DATES}&{query}")).await;
        assert_eq!((keys.as_array().unwrap().len(), &keys[0]["api_key"]), (1, &json!(of_bob)), "{query}");
        assert_eq!(keys[0]["total_input_tokens"], 1000);
    }
    let odd = world.app.get(MASTER_KEY, &format!("/global/spend/report?{DATES}&group_by=moon")).await;
    assert_eq!(odd.status, 400);
}

#[tokio::test]
async fn a_report_needs_dates() {
    let world = world().await;
    let expected =
        error(400, "invalid_request_error", "{'error': 'Please provide start_date and end_date'}", None);
    for path in [
        "/global/activity",
        "/global/activity/model",
        "/global/spend/provider",
        "/global/spend/tags",
        "/global/spend/report",
        "/user/daily/activity",
        "/team/daily/activity",
        "/tag/daily/activity",
        "/organization/daily/activity",
    ] {
        assert_eq!(world.app.get(MASTER_KEY, path).await, expected, "{path}");
        let odd = world.app.get(MASTER_KEY, &format!("{path}?start_date=x&end_date=2026-11-22")).await;
        assert_eq!(odd.status, 400, "{path}");
    }
}

#[tokio::test]
async fn the_last_thirty_days_are_reported_without_a_range() {
    let yesterday = (Timestamp::now() - SignedDuration::from_hours(24)).as_millisecond();
    let begin = u64::try_from(yesterday).unwrap() / DAY_MS * DAY_MS;
    let world = world_at(begin).await;
    let [of_alice, of_bob, _] = world.keys.each_ref().map(|key| token(key));
    // A request from before does not count.
    let old = at(&world.keys[1], begin - 60 * DAY_MS, 100);
    world.app.sync(None, Some(batch("old", vec![old]))).await;
    assert_eq!(world.get("/global/spend").await, json!({"spend": 10.0, "max_budget": 0.0}));
    let days = world.get("/global/spend/logs").await;
    let spends: Vec<_> = days.as_array().unwrap().iter().map(|day| day["spend"].clone()).collect();
    assert_eq!(spends, [5.0, 5.0]);
    let of_key = world.get(&format!("/global/spend/logs?api_key={}", world.keys[1])).await;
    assert_eq!((&of_key[0]["spend"], &of_key[0]["api_key"]), (&json!(2.0), &json!(of_bob)));
    let keys = world.get("/global/spend/keys?limit=1").await;
    assert_eq!(keys.as_array().unwrap().len(), 1);
    assert_eq!(keys[0]["api_key"], of_alice);
    assert_eq!((&keys[0]["key_alias"], &keys[0]["total_spend"]), (&json!("of-alice"), &json!(8.0)));
    assert_eq!(world.app.get(MASTER_KEY, "/global/spend/keys?limit=0").await.status, 422);
    let models = world.get("/global/spend/models").await;
    assert_eq!(models.as_array().unwrap().len(), 2);
    assert_eq!(models[0]["total_spend"], 5.0);
    let teams = world.get("/global/spend/teams").await;
    assert_eq!(teams["teams"], json!(["Reds"]));
    assert_eq!(teams["total_spend_per_team"], json!([{"team_id": "Reds", "total_spend": 8.0}]));
    assert_eq!(teams["daily_spend"][0]["Reds"], 3.0);
    let keys = world.get("/spend/keys").await;
    assert_eq!(keys[0]["token"], of_bob, "its spend of 102 includes the old request");
    let own = world.app.get(&world.alice, "/spend/keys").await.ok();
    assert!(own.as_array().unwrap().iter().all(|key| key["user_id"] == "alice"), "{own}");
    let users = world.get("/spend/users").await;
    assert_eq!(users[0]["user_id"], "alice");
    let own = world.app.get(&world.alice, "/spend/users?user_id=bob").await.ok();
    assert_eq!((own.as_array().unwrap().len(), &own[0]["user_id"]), (1, &json!("alice")));
}

#[tokio::test]
async fn daily_activity_has_the_parts_of_each_day_the_latest_first() {
    let world = world().await;
    let [of_alice, of_bob, _] = world.keys.each_ref().map(|key| token(key));
    let all = world.get(&format!("/user/daily/activity?{DATES}")).await;
    let dates: Vec<_> = all["results"].as_array().unwrap().iter().map(|day| day["date"].clone()).collect();
    assert_eq!(dates, ["2026-11-23", "2026-11-22"]);
    let monday = &all["results"][0];
    for (field, value) in [
        ("spend", json!(5.0)),
        ("prompt_tokens", json!(1000)),
        ("completion_tokens", json!(100)),
        ("cache_read_input_tokens", json!(400)),
        ("total_tokens", json!(1100)),
        ("api_requests", json!(2)),
        ("successful_requests", json!(1)),
        ("failed_requests", json!(1)),
    ] {
        assert_eq!(monday["metrics"][field], value, "{field}");
    }
    let breakdown = &monday["breakdown"];
    assert_eq!(breakdown["models"]["claude-4"]["metrics"]["spend"], 5.0);
    assert_eq!(breakdown["model_groups"]["claude"]["metrics"]["api_requests"], 1);
    assert_eq!(breakdown["providers"]["openai"]["metrics"]["failed_requests"], 1);
    assert_eq!(breakdown["endpoints"]["/chat/completions"]["metrics"]["api_requests"], 2);
    assert_eq!(breakdown["entities"]["alice"]["metrics"]["spend"], 5.0);
    let key = &breakdown["api_keys"][&of_alice];
    assert_eq!(key["metrics"]["spend"], 5.0);
    assert_eq!(
        key["metadata"],
        json!({"key_alias": "of-alice", "team_id": "red", "user_id": "alice", "key_exists": true})
    );
    assert_eq!(breakdown["models"]["claude-4"]["api_key_breakdown"][&of_alice]["metrics"]["spend"], 5.0);
    let metadata = &all["metadata"];
    assert_eq!((&metadata["total_spend"], &metadata["total_api_requests"]), (&json!(10.0), &json!(4)));
    assert_eq!((&metadata["total_tokens"], &metadata["has_more"]), (&json!(3300), &json!(false)));

    let page = world.get(&format!("/user/daily/activity?{DATES}&page=2&page_size=1")).await;
    assert_eq!(page["results"][0]["date"], "2026-11-22");
    assert_eq!(
        (&page["metadata"]["total_pages"], &page["metadata"]["total_spend"]),
        (&json!(2), &json!(5.0))
    );
    assert_eq!(page["results"][0]["breakdown"]["api_keys"][&of_bob]["metrics"]["spend"], 2.0);

    for (query, spend) in [
        ("user_id=bob", 2.0),
        ("model=claude", 5.0),
        (&format!("api_key={}", world.keys[0]), 8.0),
        ("user_id=nobody", 0.0),
    ] {
        let answer = world.get(&format!("/user/daily/activity/aggregated?{DATES}&{query}")).await;
        assert_eq!(answer["metadata"]["total_spend"], spend, "{query}");
    }
    let own = world.app.get(&world.alice, &format!("/user/daily/activity?{DATES}")).await.ok();
    assert_eq!(own["metadata"]["total_spend"], 8.0);
    assert!(!own.to_string().contains(&of_bob), "{own}");
    let others = world.app.get(&world.alice, &format!("/user/daily/activity?{DATES}&user_id=bob")).await;
    assert_eq!(
        others,
        error(
            403,
            "invalid_request_error",
            "{'error': 'Non-admin users can only view their own spend data.'}",
            None
        )
    );
}

#[tokio::test]
async fn daily_activity_of_teams_and_tags_is_theirs_alone() {
    let world = world().await;
    app_team(&world).await;
    let teams = world.get(&format!("/team/daily/activity?{DATES}")).await;
    assert_eq!(teams["metadata"]["total_spend"], 9.0);
    let red = &teams["results"][1]["breakdown"]["entities"]["red"];
    assert_eq!((&red["metrics"]["spend"], &red["metadata"]), (&json!(3.0), &json!({"team_alias": "Reds"})));
    assert_eq!(red["api_key_breakdown"][token(&world.keys[0])]["metrics"]["spend"], 3.0);
    for (query, spend) in [("team_ids=red", 8.0), ("team_ids=red,blue", 9.0), ("exclude_team_ids=red", 1.0)] {
        let some = world.get(&format!("/team/daily/activity?{DATES}&{query}")).await;
        assert_eq!(some["metadata"]["total_spend"], spend, "{query}");
    }
    let own = world.app.get(&world.alice, &format!("/team/daily/activity?{DATES}")).await.ok();
    assert_eq!(own["metadata"]["total_spend"], 8.0, "of the teams that alice belongs to");
    let tags = world.get(&format!("/tag/daily/activity?{DATES}&tags=blue")).await;
    assert_eq!(tags["metadata"]["total_spend"], 5.0);
    assert_eq!(tags["results"][0]["breakdown"]["entities"]["blue"]["metrics"]["api_requests"], 1);
}

#[tokio::test]
async fn daily_activity_of_organizations_is_that_of_their_keys_and_of_the_keys_of_their_teams() {
    let world = world().await;
    let app = &world.app;
    for id in ["o", "p"] {
        app.post("/organization/new", json!({"organization_id": id, "organization_alias": id.repeat(2)}))
            .await
            .ok();
    }
    app.post("/team/new", json!({"team_id": "t", "organization_id": "o"})).await.ok();
    let of_team = app.key(json!({"team_id": "t"})).await;
    let own = app.key(json!({"organization_id": "o"})).await;
    let other = app.key(json!({"organization_id": "p"})).await;
    let entries = vec![at(&of_team, SUNDAY_MS, 1), at(&own, SUNDAY_MS, 2), at(&other, SUNDAY_MS + DAY_MS, 4)];
    for _ in 0..2 {
        app.sync(None, Some(batch("organizations", entries.clone()))).await;
    }
    let all = world.get(&format!("/organization/daily/activity?{DATES}")).await;
    assert_eq!(all["metadata"]["total_spend"], 7.0, "{all}");
    let o = &all["results"][1]["breakdown"]["entities"]["o"];
    assert_eq!((&o["metrics"]["spend"], &o["metadata"]), (&json!(3.0), &json!({"organization_alias": "oo"})));
    for (key, spend) in [(&of_team, 1.0), (&own, 2.0)] {
        assert_eq!(o["api_key_breakdown"][token(key)]["metrics"]["spend"], spend);
        let of_key = format!("/organization/daily/activity?{DATES}&organization_ids=o&api_key={key}");
        assert_eq!(world.get(&of_key).await["metadata"]["total_spend"], spend);
    }
    for (query, spend) in [
        ("organization_ids=o", 3.0),
        ("organization_ids=o,p", 7.0),
        ("exclude_organization_ids=o", 4.0),
        ("organization_ids=p&model=claude", 0.0),
    ] {
        let some = world.get(&format!("/organization/daily/activity?{DATES}&{query}")).await;
        assert_eq!(some["metadata"]["total_spend"], spend, "{query}");
        let keys = some["results"][0]["breakdown"]["api_keys"].as_object().map_or(0, serde_json::Map::len);
        assert_eq!(keys > 0, spend > 0.0, "{some}");
    }
    // Its administrator sees it, and no other.
    let members = json!([{"user_id": "alice", "role": "org_admin"}]);
    app.post("/organization/member_add", json!({"organization_id": "p", "member": members})).await.ok();
    let seen = app.get(&world.alice, &format!("/organization/daily/activity?{DATES}")).await.ok();
    assert_eq!(seen["metadata"]["total_spend"], 4.0);
    let path = format!("/organization/daily/activity?{DATES}&organization_ids=o");
    assert_eq!(app.get(&world.alice, &path).await.status, 403);
    let none = app.get(&world.keys[2], &format!("/organization/daily/activity?{DATES}")).await.ok();
    assert_eq!((&none["results"], &none["metadata"]["total_spend"]), (&json!([]), &json!(0.0)));
}

/// Another team, which spent 1 on Sunday.
async fn app_team(world: &World) {
    world.app.post("/team/new", json!({"team_id": "blue"})).await.ok();
    let key = world.app.key(json!({"team_id": "blue"})).await;
    world.app.sync(None, Some(batch("blue", vec![at(&key, SUNDAY_MS, 1)]))).await;
}
