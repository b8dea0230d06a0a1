//! `switchboard-keys import`: a `LiteLLM` database moves in. The source is a Postgres, so these tests need one.

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use switchboard::key::{AccountId, AccountKind, TokenHash};
use switchboard_keys::import::{ImportError, import};

use crate::app::TestApp;
use crate::postgres;

/// The tables of `LiteLLM` 1.109 (its `schema.prisma`), with the columns that matter here.
const TABLES: &str = r#"
    CREATE TABLE "LiteLLM_BudgetTable" (budget_id TEXT PRIMARY KEY, max_budget DOUBLE PRECISION, rpm_limit BIGINT,
        model_max_budget JSONB, budget_duration TEXT, budget_reset_at TIMESTAMP(3), created_by TEXT);
    CREATE TABLE "LiteLLM_UserTable" (user_id TEXT PRIMARY KEY, user_alias TEXT, user_email TEXT, user_role TEXT,
        max_budget DOUBLE PRECISION, spend DOUBLE PRECISION DEFAULT 0, models TEXT[], metadata JSONB DEFAULT '{}');
    CREATE TABLE "LiteLLM_TeamTable" (team_id TEXT PRIMARY KEY, team_alias TEXT, members_with_roles JSONB,
        metadata JSONB DEFAULT '{}', max_budget DOUBLE PRECISION, spend DOUBLE PRECISION, models TEXT[],
        tpm_limit BIGINT, blocked BOOLEAN DEFAULT false, created_at TIMESTAMP(3));
    CREATE TABLE "LiteLLM_EndUserTable" (user_id TEXT PRIMARY KEY, alias TEXT, spend DOUBLE PRECISION DEFAULT 0,
        budget_id TEXT, blocked BOOLEAN DEFAULT false);
    CREATE TABLE "LiteLLM_TeamMembership" (user_id TEXT, team_id TEXT, spend DOUBLE PRECISION, budget_id TEXT);
    CREATE TABLE "LiteLLM_VerificationToken" (token TEXT PRIMARY KEY, key_name TEXT, key_alias TEXT,
        spend DOUBLE PRECISION DEFAULT 0, total_spend DOUBLE PRECISION DEFAULT 0, expires TIMESTAMP(3), models TEXT[],
        aliases JSONB DEFAULT '{}', user_id TEXT, team_id TEXT, metadata JSONB DEFAULT '{}', blocked BOOLEAN,
        rpm_limit BIGINT, max_budget DOUBLE PRECISION, budget_duration TEXT, budget_reset_at TIMESTAMP(3),
        budget_id TEXT, allowed_routes TEXT[] DEFAULT '{}', created_at TIMESTAMP(3), created_by TEXT);
"#;

async fn source(app: &TestApp, rows: &str) -> String {
    let name = app.directory.path().file_name().unwrap().to_string_lossy().into_owned();
    let hash = TokenHash::of(format!("source of {name}").as_bytes()).to_string();
    let url = postgres::schema(&format!("l{}", &hash[..20])).await;
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("{TABLES}{rows}"))).execute(&mut connection).await.unwrap();
    url
}

#[tokio::test]
async fn keys_go_on_working_with_all_that_limits_them() {
    if !postgres::wanted() {
        return;
    }
    let app = TestApp::new().await;
    let hash = TokenHash::of(b"sk-from-litellm-0000000");
    let rows = format!(
        r#"
        INSERT INTO "LiteLLM_BudgetTable" VALUES ('b', 5.0, 9, NULL, '30d', '2027-01-01', 'admin');
        INSERT INTO "LiteLLM_UserTable" (user_id, user_email, user_role, max_budget, spend)
            VALUES ('alice', 'alice@example.com', 'internal_user', 20.0, 1.25);
        INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, members_with_roles, max_budget, spend, models, tpm_limit)
            VALUES ('t', 'core', '[{{"user_id": "alice", "role": "admin"}}]', 50.0, 2.5, '{{gpt-4o}}', 1000);
        INSERT INTO "LiteLLM_EndUserTable" VALUES ('c', 'shop', 1.5, 'b', true);
        INSERT INTO "LiteLLM_TeamMembership" VALUES ('alice', 't', 0.5, 'b');
        INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, spend, total_spend, models, aliases, user_id,
            team_id, metadata, rpm_limit, max_budget, budget_duration, budget_reset_at, created_at, created_by)
            VALUES ('{hash}', 'sk-...0000', 'moved', 0.75, 3.0, '{{gpt-4o,anthropic/*}}', '{{"best": "gpt-4o"}}', 'alice',
            't', '{{"who": "me", "tags": ["x"], "model_rpm_limit": {{"gpt-4o": 2}}}}', 7, 10.0, '1d',
            '2027-01-01T00:00:00', '2026-11-22T13:07:57.936', 'default_user_id');
        "#
    );
    let from = source(&app, &rows).await;
    let to = TestApp::url(&app.directory).await;
    let imported = import(&from, &to).await.unwrap();
    assert_eq!(imported.to_string(), "imported 1 keys, 1 users, 1 teams, 1 members, 1 customers, 1 budgets");

    let info = app.get("sk-from-litellm-0000000", "/key/info").await.ok()["info"].take();
    for (field, value) in [
        ("key_alias", json!("moved")),
        ("spend", json!(0.75)),
        ("total_spend", json!(3.0)),
        ("max_budget", json!(10.0)),
        ("budget_reset_at", json!("2027-01-01T00:00:00Z")),
        ("created_at", json!("2026-11-22T13:07:57.936000Z")),
        ("metadata", json!({"who": "me", "tags": ["x"], "model_rpm_limit": {"gpt-4o": 2}})),
    ] {
        assert_eq!(info[field], value, "{field}");
    }
    let record = app.verify("sk-from-litellm-0000000").await.key.unwrap();
    assert_eq!(record.models, ["gpt-4o", "anthropic/*"]);
    assert_eq!(record.aliases, [("best".to_owned(), "gpt-4o".to_owned())]);
    assert_eq!(record.team.as_ref().unwrap().models, ["gpt-4o"]);
    let of = |kind| record.accounts.iter().filter(move |account| account.id.kind == kind);
    assert_eq!(of(AccountKind::Key).map(|account| account.rpm_limit).collect::<Vec<_>>(), [Some(7), Some(2)]);
    let team = of(AccountKind::Team).next().unwrap();
    assert_eq!((team.max_budget, team.spend), (Some(50_000_000_000_000), 2_500_000_000_000));
    let member = of(AccountKind::TeamMember).next().unwrap();
    assert_eq!((member.max_budget, member.spend), (Some(5_000_000_000_000), 500_000_000_000));

    let customer = app.payers(vec![AccountId::of_customer("c")]).await.records.remove(0).key.unwrap();
    let account = &customer.accounts[0];
    assert!(customer.blocked);
    assert_eq!((account.max_budget, account.spend), (Some(5_000_000_000_000), 1_500_000_000_000));

    // Once more, after something happened here.
    app.post("/key/block", json!({"key": hash})).await.ok();
    let again = import(&from, &to).await.unwrap();
    assert_eq!((again.keys, again.users, again.teams, again.members, again.budgets), (0, 0, 0, 0, 0));
    assert!(app.verify("sk-from-litellm-0000000").await.key.unwrap().blocked);
}

#[tokio::test]
async fn what_does_not_fit_is_said_and_does_not_stop_the_rest() {
    if !postgres::wanted() {
        return;
    }
    let app = TestApp::new().await;
    let keys: Vec<_> = (0..1201).map(|at| TokenHash::of(format!("sk-{at}").as_bytes()).to_string()).collect();
    let values: Vec<_> = keys.iter().map(|token| format!("('{token}', 'sk-...', NULL)")).collect();
    let rows = format!(
        r#"INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias) VALUES {},
           ('no-hash', 'sk-...odd', NULL), ('{}', 'a', 'twice'), ('{}', 'b', 'twice');"#,
        values.join(", "),
        TokenHash::of(b"one"),
        TokenHash::of(b"two"),
    );
    let from = source(&app, &rows).await;
    let imported = import(&from, &TestApp::url(&app.directory).await).await.unwrap();
    assert_eq!(imported.keys, 1203);
    assert_eq!(imported.lost_aliases, ["twice"]);
    assert_eq!(imported.skipped, ["the key sk-...odd"]);
    let odd = import(&postgres::schema("empty").await, &TestApp::url(&app.directory).await).await;
    assert!(matches!(odd, Err(ImportError::NoLiteLlm)));
}
