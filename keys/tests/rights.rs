//! Who may do what: the table of `keys/src/rights/`, walked cell by cell, and what it cannot say.

mod ceiling;
mod members;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_keys::auth::Role;
use switchboard_keys::rights::{Operation, ROLES, Row, TABLE, Verdict, Whose};
use switchboard_keys::routes::access_page::page;
use switchboard_keys::routes::endpoints;

use crate::app::{MASTER_KEY, TestApp};

/// Of a request for reports.
const DATES: &str = "start_date=2026-11-01&end_date=2026-11-30";

/// A caller with one role, in a world of its own, and the things in it.
struct World<'a> {
    app: &'a TestApp,
    /// Makes ids unlike those of every other cell.
    cell: usize,
    role: Role,
    calling: String,
}

impl World<'_> {
    fn id(&self, name: &str) -> String {
        format!("{name}-{}", self.cell)
    }

    /// A team with these members; `stranger` is in none.
    async fn team(&self, role: Option<&str>) -> String {
        let team = self.id("team");
        let mut members = vec![json!({"user_id": self.id("fellow"), "role": "user"})];
        members.extend(role.map(|role| json!({"user_id": self.id("caller"), "role": role})));
        let body = json!({"team_id": team, "members_with_roles": members});
        self.app.post("/team/new", body).await.ok();
        team
    }

    async fn key_of(&self, user: &str, team: Option<String>) -> String {
        self.app.key(json!({"user_id": self.id(user), "team_id": team, "spend": 1.0})).await
    }

    /// The key that stands in this relation to the caller.
    async fn key(&self, whose: Whose) -> String {
        match whose {
            Whose::Itself => self.calling.clone(),
            Whose::Made => {
                // Of a role that makes no keys, it made one before it had that role.
                let made =
                    self.app.send(&self.calling, Method::POST, "/key/generate", r#"{"spend": 1.0}"#).await;
                if made.status == StatusCode::OK {
                    return made.body["key"].as_str().unwrap().to_owned();
                }
                let role = self.role().await;
                self.become_role("internal_user").await;
                let made =
                    self.app.send(&self.calling, Method::POST, "/key/generate", r#"{"spend": 1.0}"#).await;
                self.become_role(&role).await;
                made.ok()["key"].as_str().unwrap().to_owned()
            }
            Whose::Given => self.key_of("caller", None).await,
            // Whoever is a member is a user.
            Whose::OwnInTeam if self.role == Role::Unknown => {
                self.key_of("caller", Some(self.team(None).await)).await
            }
            Whose::OwnInTeam => self.key_of("caller", Some(self.team(Some("user")).await)).await,
            Whose::OfFellow => self.key_of("fellow", Some(self.team(Some("user")).await)).await,
            Whose::OfLedTeam => self.key_of("fellow", Some(self.team(Some("admin")).await)).await,
            _ => self.key_of("stranger", None).await,
        }
    }

    async fn role(&self) -> String {
        let user = self.app.get(MASTER_KEY, &format!("/user/info?user_id={}", self.id("caller"))).await.ok();
        user["user_info"]["user_role"].as_str().unwrap().to_owned()
    }

    async fn become_role(&self, role: &str) {
        let body = json!({"user_id": self.id("caller"), "user_role": role});
        self.app.post("/user/update", body).await.ok();
    }

    /// The request by which the caller does it, to a thing of that kind.
    async fn request(&self, operation: Operation, whose: Whose) -> (Method, String, Value) {
        let path = operation.path();
        let post = |body: Value| (Method::POST, path.to_owned(), body);
        let get = |query: String| (Method::GET, format!("{path}{query}"), Value::Null);
        let team = async || match whose {
            Whose::LedTeam | Whose::OfLedTeam => self.team(Some("admin")).await,
            Whose::JoinedTeam | Whose::OwnInTeam if self.role != Role::Unknown => {
                self.team(Some("user")).await
            }
            _ => self.team(None).await,
        };
        match operation {
            Operation::KeyGenerate => match whose {
                Whose::Made => post(json!({})),
                Whose::OfOthers => post(json!({"user_id": self.id("stranger")})),
                _ => post(json!({"team_id": team().await})),
            },
            Operation::KeyInfo => get(format!("?key={}", self.key(whose).await)),
            Operation::KeyUpdate => {
                post(json!({"key": self.key(whose).await, "metadata": {"changed": true}}))
            }
            Operation::KeyBulkUpdate => post(json!({"keys": [{"key": self.key(Whose::OfOthers).await}]})),
            Operation::KeyDelete => post(json!({"keys": [self.key(whose).await]})),
            Operation::KeyRegenerate | Operation::KeyBlock | Operation::KeyUnblock => {
                post(json!({"key": self.key(whose).await}))
            }
            Operation::KeyResetSpend => {
                let path = path.replace("{key}", &self.key(whose).await);
                (Method::POST, path, json!({"reset_to": 0.5}))
            }
            Operation::KeyList
            | Operation::KeyAliases
            | Operation::UserList
            | Operation::TeamList
            | Operation::BudgetList
            | Operation::OrganizationList
            | Operation::CustomerList
            | Operation::TagList
            | Operation::AuditList
            | Operation::SpendLogs
            | Operation::SpendKeys
            | Operation::SpendUsers
            | Operation::SpendTags
            | Operation::GlobalSpend => get(String::new()),
            Operation::GlobalActivity | Operation::TagDailyActivity => get(format!("?{DATES}")),
            Operation::GlobalExceptions => get(format!("?model_group=m&{DATES}")),
            Operation::UserDailyActivity => get(match whose {
                Whose::Itself => format!("?{DATES}"),
                Whose::OwnUser => format!("?{DATES}&user_id={}", self.id("caller")),
                _ => format!("?{DATES}&user_id={}", self.id("stranger")),
            }),
            Operation::TeamDailyActivity => get(format!("?{DATES}&team_ids={}", team().await)),
            Operation::OrganizationDailyActivity => {
                get(format!("?{DATES}&organization_ids={}", self.organization(whose).await))
            }
            Operation::KeyHealth => post(json!({})),
            Operation::UserNew | Operation::CustomerNew => post(json!({"user_id": self.id("new")})),
            Operation::UserInfo => {
                let user = if whose == Whose::OwnUser { "caller" } else { "stranger" };
                self.app.post("/user/new", json!({"user_id": self.id("stranger")})).await;
                get(format!("?user_id={}", self.id(user)))
            }
            Operation::UserUpdate => post(json!({"user_id": self.id("caller"), "user_role": "proxy_admin"})),
            Operation::UserDelete => {
                self.app.post("/user/new", json!({"user_id": self.id("gone")})).await.ok();
                post(json!({"user_ids": [self.id("gone")]}))
            }
            Operation::TeamNew if whose == Whose::LedOrganization => {
                post(json!({"team_id": self.id("new"), "organization_id": self.organization(whose).await}))
            }
            Operation::TeamNew => post(json!({"team_id": self.id("new")})),
            Operation::TeamInfo | Operation::TeamPermissionsList => get(format!("?team_id={}", team().await)),
            // Even of a team that it administers.
            Operation::TeamUpdate | Operation::TeamBlock | Operation::TeamUnblock => {
                post(json!({"team_id": self.team(Some("admin")).await}))
            }
            Operation::TeamDelete => post(json!({"team_ids": [self.team(Some("admin")).await]})),
            Operation::TeamMemberAdd => {
                let member = json!({"user_id": self.id("new"), "role": "user"});
                post(json!({"team_id": team().await, "member": member}))
            }
            Operation::TeamMemberUpdate | Operation::TeamMemberDelete => {
                post(json!({"team_id": team().await, "user_id": self.id("fellow")}))
            }
            Operation::TeamPermissionsUpdate => {
                post(json!({"team_id": team().await, "team_member_permissions": ["/key/generate"]}))
            }
            Operation::OrganizationNew => {
                post(json!({"organization_id": self.id("new"), "organization_alias": "a"}))
            }
            Operation::OrganizationUpdate => {
                (Method::PATCH, path.to_owned(), json!({"organization_id": self.organization(whose).await}))
            }
            Operation::OrganizationDelete => (
                Method::DELETE,
                path.to_owned(),
                json!({"organization_ids": [self.organization(whose).await]}),
            ),
            Operation::OrganizationInfo => {
                get(format!("?organization_id={}", self.organization(whose).await))
            }
            Operation::OrganizationMemberAdd => {
                let member = json!({"user_id": self.id("new"), "role": "internal_user"});
                post(json!({"organization_id": self.organization(whose).await, "member": member}))
            }
            Operation::OrganizationMemberUpdate | Operation::OrganizationMemberDelete => {
                let body =
                    json!({"organization_id": self.organization(whose).await, "user_id": self.id("fellow")});
                let updates = operation == Operation::OrganizationMemberUpdate;
                (if updates { Method::PATCH } else { Method::DELETE }, path.to_owned(), body)
            }
            Operation::CustomerInfo => get(format!("?end_user_id={}", self.customer().await)),
            Operation::CustomerUpdate => post(json!({"user_id": self.customer().await, "alias": "a"})),
            Operation::CustomerDelete | Operation::CustomerBlock | Operation::CustomerUnblock => {
                post(json!({"user_ids": [self.customer().await]}))
            }
            Operation::TagNew => post(json!({"name": self.id("new")})),
            Operation::TagInfo => post(json!({"names": [self.tag().await]})),
            Operation::TagUpdate | Operation::TagDelete => post(json!({"name": self.tag().await})),
            Operation::BudgetNew => post(json!({"budget_id": self.id("new")})),
            Operation::BudgetInfo => post(json!({"budgets": ["none"]})),
            Operation::BudgetUpdate => post(json!({"budget_id": self.budget().await, "max_budget": 2.0})),
            Operation::BudgetDelete => post(json!({"id": self.budget().await})),
            Operation::ModelNew => post(self.model(whose, team).await),
            Operation::ModelUpdate => {
                self.app.post("/model/new", self.model(whose, team).await).await.ok();
                post(json!({"litellm_params": {"rpm": 1}, "model_info": {"id": self.id("m")}}))
            }
            Operation::ModelDelete => {
                self.app.post("/model/new", self.model(whose, team).await).await.ok();
                post(json!({"id": self.id("m")}))
            }
            Operation::AuditInfo => {
                let last = self.app.get(MASTER_KEY, "/audit?page_size=1").await.ok();
                let id = last["audit_logs"][0]["id"].as_str().unwrap();
                (Method::GET, path.replace("{id}", id), Value::Null)
            }
            Operation::SpendCalculate => {
                post(json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}))
            }
        }
    }

    /// A model of all, or of that team.
    async fn model(&self, whose: Whose, team: impl AsyncFnOnce() -> String) -> Value {
        let team = if whose == Whose::Anything { Value::Null } else { json!(team().await) };
        json!({
            "model_name": "m",
            "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-own"},
            "model_info": {"id": self.id("m"), "team_id": team},
        })
    }

    /// An organization that stands in this relation to the caller.
    async fn organization(&self, whose: Whose) -> String {
        let id = self.id("organization");
        let body = json!({"organization_id": id, "organization_alias": "a"});
        self.app.post("/organization/new", body).await.ok();
        let mut members = vec![json!({"user_id": self.id("fellow"), "role": "internal_user"})];
        let caller = |role: &str| json!({"user_id": self.id("caller"), "role": role});
        match whose {
            Whose::LedOrganization => members.push(caller("org_admin")),
            Whose::JoinedOrganization if self.role != Role::Unknown => members.push(caller("internal_user")),
            _ => {}
        }
        let body = json!({"organization_id": id, "member": members});
        self.app.post("/organization/member_add", body).await.ok();
        id
    }

    async fn customer(&self) -> String {
        let id = self.id("customer");
        self.app.post("/customer/new", json!({"user_id": id})).await.ok();
        id
    }

    async fn tag(&self) -> String {
        let name = self.id("tag");
        self.app.post("/tag/new", json!({"name": name})).await.ok();
        name
    }

    async fn budget(&self) -> String {
        let id = self.id("budget");
        self.app.post("/budget/new", json!({"budget_id": id})).await.ok();
        id
    }
}

/// A caller of this role. One without a user has a key of the team that the cell is about, where it is about one.
async fn world(app: &TestApp, cell: usize, role: Role, whose: Whose) -> World<'_> {
    let mut world = World { app, cell, role, calling: String::new() };
    world.calling = match (role, whose) {
        (Role::Unknown, Whose::Made | Whose::Given | Whose::OwnInTeam) => {
            app.key(json!({"user_id": world.id("caller")})).await
        }
        (Role::Unknown, Whose::JoinedTeam) => app.key(json!({"team_id": world.id("team")})).await,
        (Role::Unknown, _) => app.key(json!({})).await,
        (role, _) => app.user(&world.id("caller"), &role.to_string()).await,
    };
    world
}

/// Every row, once for each relation that it is about.
fn rows() -> impl Iterator<Item = (&'static Row, Whose)> {
    TABLE.iter().flat_map(|row| row.whose.iter().map(move |whose| (row, *whose)))
}

#[tokio::test]
async fn every_cell_of_the_table_is_what_happens() {
    let app = TestApp::with_models().await;
    let mut cell = 0;
    for (row, whose) in rows() {
        for (role, verdict) in ROLES.into_iter().zip(row.verdicts) {
            cell += 1;
            let permitted: &[bool] = if verdict == Verdict::IfPermitted { &[false, true] } else { &[false] };
            // A user that is not there has no keys that it made.
            let cannot_be = verdict == Verdict::Never || role == Role::Unknown && whose == Whose::Made;
            for permitted in permitted.iter().filter(|_| !cannot_be) {
                let world = world(&app, cell + usize::from(*permitted) * 10_000, role, whose).await;
                let (method, path, body) = world.request(row.operation, whose).await;
                if *permitted {
                    let paths = json!([row.operation.path()]);
                    let body = json!({"team_id": world.id("team"), "team_member_permissions": paths});
                    app.post("/team/permissions_update", body).await.ok();
                }
                let answer = app.send(&world.calling, method, &path, body.to_string()).await;
                let expected = match verdict {
                    Verdict::No(denial) => denial.status(),
                    Verdict::IfPermitted if !permitted => 401,
                    _ => 200,
                };
                let what = format!("{role} {path} {whose:?} {body}: {}", answer.body);
                assert_eq!(answer.status.as_u16(), expected, "{what}");
                if verdict == Verdict::IfPermitted && !permitted {
                    assert_eq!(answer.body["error"]["type"], "team_member_permission_error", "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn who_is_refused_has_changed_nothing() {
    let app = TestApp::new().await;
    for (cell, (row, whose)) in rows().enumerate() {
        let column = ROLES.iter().position(|role| *role == Role::InternalUser).unwrap();
        let key = matches!(
            row.operation,
            Operation::KeyUpdate
                | Operation::KeyRegenerate
                | Operation::KeyDelete
                | Operation::KeyBlock
                | Operation::KeyResetSpend
        );
        if !key || row.verdicts[column] == Verdict::Yes {
            continue;
        }
        let world = world(&app, cell, Role::InternalUser, whose).await;
        let (method, path, body) = world.request(row.operation, whose).await;
        let named = body["key"].as_str().or(body["keys"][0].as_str()).or(path.split('/').nth(2)).unwrap();
        let before = app.info(named).await;
        app.send(&world.calling, method, &path, body.to_string()).await;
        assert_eq!(app.info(named).await, before, "{path} {whose:?}");
    }
}

#[test]
fn every_path_that_needs_a_key_is_in_the_table_and_no_row_is_there_twice() {
    for (endpoint, _) in endpoints() {
        if !endpoint.is_public() {
            let operation = Operation::at(endpoint.path);
            let rows = TABLE.iter().filter(|row| Some(row.operation) == operation);
            assert!(rows.count() > 0, "{}", endpoint.path);
        }
    }
    for (row, whose) in rows() {
        let same = rows().filter(|(other, of)| (other.operation, *of) == (row.operation, whose));
        assert_eq!(same.count(), 1, "{row:?}");
        assert!(matches!(row.verdicts[0], Verdict::Yes | Verdict::Never), "{row:?}");
    }
}

#[test]
fn the_documentation_shows_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/access.md");
    let right = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &right).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == right,
        "docs/access.md is old; `UPDATE=1 cargo test -p switchboard-keys --test keys rights` writes it anew"
    );
}
