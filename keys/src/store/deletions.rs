//! Deleting users, teams, organizations, members, customers, tags and budgets, with everything that belongs to them.

use sqlx::AssertSqlSafe;

use super::accounts::{AccountRow, COLUMNS, concerned};
use super::audit::entries;
use super::kind::Kind;
use super::{Store, StoreError, blocks, feed, get, models};

/// What belongs to an account.
struct Belongings {
    /// The condition that its keys meet; its values are [`Self::values`].
    keys: &'static str,
    /// The condition that memberships of it meet, on the first value; `None` if it has none.
    members: Option<&'static str>,
    /// The condition that other accounts of it meet, on the first value; `None` if it has none.
    others: Option<&'static str>,
    values: Vec<String>,
}

impl Belongings {
    /// What belongs to the account with that id; `None` if nothing does.
    fn of(kind: Kind, id: &str) -> Option<Self> {
        let mut others = None;
        let (keys, members, values) = match kind {
            Kind::Organization => {
                others = Some("kind IN ('team', 'organization_member') AND organization_id = $1");
                (
                    "organization_id = $1 OR team_id IN (SELECT id FROM account WHERE kind = 'team' AND organization_id = $1)",
                    Some("team_id IN (SELECT id FROM account WHERE kind = 'team' AND organization_id = $1)"),
                    vec![id.to_owned()],
                )
            }
            Kind::Team => ("team_id = $1", Some("team_id = $1"), vec![id.to_owned()]),
            Kind::User => {
                others = Some("kind = 'organization_member' AND user_id = $1");
                ("user_id = $1", Some("user_id = $1"), vec![id.to_owned()])
            }
            Kind::TeamMember => {
                let [team, user]: [String; 2] = serde_json::from_str(id).ok()?;
                ("team_id = $1 AND user_id = $2", None, vec![team, user])
            }
            Kind::OrganizationMember | Kind::Customer | Kind::Tag | Kind::Budget | Kind::Gateway => {
                return None;
            }
        };
        Some(Self { keys, members, others, values })
    }
}

impl Store {
    /// Deletes accounts of one kind and everything that belongs to them, and returns those that existed. A
    /// team's members and keys are deleted with it, an organization's teams with theirs, as are a user's memberships and keys, and a member's keys of the team;
    /// nothing belongs to a budget.
    pub async fn delete_accounts(&self, kind: Kind, ids: &[String]) -> Result<Vec<AccountRow>, StoreError> {
        for Belongings { keys, values, .. } in ids.iter().filter_map(|id| Belongings::of(kind, id)) {
            let sql = format!("SELECT token FROM virtual_key WHERE {keys}");
            let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), sqlx::query::Query::bind);
            let rows = query.fetch_all(&self.readers).await?;
            let tokens = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<String>, _>>()?;
            self.forget_responses_of(&tokens).await?;
        }
        let mut transaction = self.write_keys().await?;
        let (mut deleted, mut told, mut created) = (Vec::new(), Vec::new(), Vec::new());
        for id in ids {
            let sql = format!("DELETE FROM account WHERE kind = $1 AND id = $2 RETURNING {COLUMNS}");
            let row = sqlx::query(AssertSqlSafe(sql))
                .bind(kind.name())
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await?;
            let Some(row) = row else { continue };
            let account = AccountRow::read(&row)?;
            models::forget(&mut transaction, kind.name(), id).await?;
            told.push(concerned(&mut transaction, &account).await?);
            let mut keys_deleted = 0;
            if let Some(Belongings { keys, members, others, values }) = Belongings::of(kind, id) {
                if let Some(members) = members {
                    let sql = format!("DELETE FROM account WHERE kind = 'team_member' AND {members}");
                    sqlx::query(AssertSqlSafe(sql)).bind(id).execute(&mut *transaction).await?;
                }
                let sql = format!("DELETE FROM virtual_key WHERE {keys} RETURNING created_at");
                let query =
                    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), sqlx::query::Query::bind);
                for key in &query.fetch_all(&mut *transaction).await? {
                    created.push(get(key, 0)?);
                    keys_deleted += 1;
                }
                if let Some(others) = others {
                    let sql = format!("DELETE FROM account WHERE {others}");
                    sqlx::query(AssertSqlSafe(sql)).bind(id).execute(&mut *transaction).await?;
                }
            }
            entries::account_deleted(&mut transaction, &account, keys_deleted).await?;
            deleted.push(account);
        }
        blocks::count(&mut transaction, created, -1).await?;
        for keys in &told {
            feed::announce_concerned(&mut transaction, keys).await?;
        }
        self.commit_keys(transaction).await?;
        Ok(deleted)
    }
}
