//! An entry of the audit log as pages show it.

use std::collections::HashMap;

use serde_json::Value;
use switchboard::key::TokenHash;

use super::super::form::segment;
use super::super::show::Moment;
use crate::app::App;
use crate::audit::MASTER_KEY;
use crate::auth::ADMIN_USER_ID;
use crate::error::ApiError;

/// The kinds of objects, with `LiteLLM`'s names of their tables.
pub(super) const KINDS: [(&str, &str); 10] = [
    ("LiteLLM_VerificationToken", "Key"),
    ("LiteLLM_UserTable", "User"),
    ("LiteLLM_TeamTable", "Team"),
    ("LiteLLM_TeamMembership", "Team member"),
    ("LiteLLM_BudgetTable", "Budget"),
    ("LiteLLM_ProxyModelTable", "Model"),
    ("LiteLLM_EndUserTable", "Customer"),
    ("LiteLLM_OrganizationTable", "Organization"),
    ("LiteLLM_OrganizationMembership", "Organization member"),
    ("LiteLLM_TagTable", "Tag"),
];

/// Longest text of a value in a list.
const SHORT: usize = 40;

/// An entry.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) at: Option<Moment>,
    pub(super) author: String,
    /// The alias or the beginning of the hash of the author's key; nothing for the master key.
    pub(super) key: Option<String>,
    pub(super) action: String,
    pub(super) kind: String,
    pub(super) object: String,
    pub(super) object_id: String,
    /// The object's page, if there is one.
    pub(super) link: Option<String>,
    pub(super) fields: Vec<Changed>,
}

/// A field of the object.
pub(super) struct Changed {
    pub(super) name: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

impl Changed {
    /// For a list.
    fn brief(&self, is_new: bool) -> String {
        let of = |value: &Option<String>| value.as_deref().map_or_else(|| "none".to_owned(), shortened);
        if is_new {
            return format!("{}: {}", self.name, of(&self.after));
        }
        format!("{}: {} → {}", self.name, of(&self.before), of(&self.after))
    }

    /// Whether it tells something of a new object that its name does not.
    fn tells(&self) -> bool {
        const NAMES: [&str; 11] = [
            "token",
            "key_name",
            "key_alias",
            "user_id",
            "user_alias",
            "team_id",
            "team_alias",
            "budget_id",
            "model_name",
            "budget_reset_at",
            "model_info",
        ];
        const EMPTY: [&str; 4] = ["false", "0.0", "[]", "{}"];
        !NAMES.contains(&self.name.as_str())
            && self.after.as_ref().is_some_and(|after| !EMPTY.contains(&after.as_str()))
    }
}

fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl Entry {
    /// The first changes, and how many more there are.
    pub(super) fn brief(&self) -> String {
        const MOST: usize = 3;
        if self.action == "deleted" {
            return String::new();
        }
        let is_new = self.action == "created";
        let fields: Vec<_> = self.fields.iter().filter(|field| !is_new || field.tells()).collect();
        let mut text: Vec<_> = fields.iter().take(MOST).map(|field| field.brief(is_new)).collect();
        if let Some(more @ 1..) = fields.len().checked_sub(MOST) {
            text.push(format!("{more} more"));
        }
        text.join(", ")
    }

    fn of(row: &Value, aliases: &HashMap<String, String>) -> Self {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let (table, id, action) = (text("table_name"), text("object_id"), text("action"));
        let key = text("changed_by_api_key");
        let author = match text("changed_by") {
            name if name == ADMIN_USER_ID => "Master key".to_owned(),
            name => name,
        };
        let (before, after) = (row["before_value"].as_object(), row["updated_values"].as_object());
        let name_in = |name: &str| {
            let of = |values: Option<&serde_json::Map<String, Value>>| {
                values.and_then(|values| values.get(name)?.as_str()).map(str::to_owned)
            };
            of(after).or_else(|| of(before))
        };
        let names: &[&str] = match table.as_str() {
            "LiteLLM_VerificationToken" => &["key_alias", "key_name"],
            "LiteLLM_UserTable" => &["user_alias", "user_email"],
            "LiteLLM_TeamTable" => &["team_alias"],
            "LiteLLM_ProxyModelTable" => &["model_name"],
            _ => &[],
        };
        let title = aliases.get(&id).cloned().or_else(|| names.iter().find_map(|name| name_in(name)));
        let object = match (title, table.as_str()) {
            (Some(name), _) => name,
            (None, "LiteLLM_VerificationToken") => id.chars().take(12).collect(),
            (None, "LiteLLM_TeamMembership") => serde_json::from_str::<[String; 2]>(&id)
                .map_or_else(|_| id.clone(), |[team, user]| format!("{user} in {team}")),
            _ => id.clone(),
        };
        Self {
            at: Moment::read(&row["updated_at"]),
            key: match key.as_str() {
                "" | MASTER_KEY => None,
                hash => Some(aliases.get(hash).cloned().unwrap_or_else(|| hash.chars().take(12).collect())),
            },
            kind: KINDS
                .iter()
                .find(|(of, _)| *of == table)
                .map_or_else(|| table.clone(), |(_, kind)| (*kind).to_owned()),
            link: (action != "deleted").then(|| page_of(&table, &id, after)).flatten(),
            fields: fields(before, after),
            id: text("id"),
            author,
            object,
            object_id: id,
            action,
        }
    }

    /// Entries of `/audit`, with the names of their keys.
    pub(super) async fn all(app: &App, rows: &[Value]) -> Result<Vec<Self>, ApiError> {
        let ids = rows.iter().flat_map(|row| [&row["changed_by_api_key"], &row["object_id"]]);
        let tokens: Vec<_> = ids.filter_map(|id| TokenHash::parse(id.as_str()?)).collect();
        let keys = app.store.keys(&tokens).await?;
        let aliases =
            keys.into_iter().filter_map(|key| Some((key.token.to_string(), key.key_alias?))).collect();
        Ok(rows.iter().map(|row| Self::of(row, &aliases)).collect())
    }
}

fn page_of(table: &str, id: &str, after: Option<&serde_json::Map<String, Value>>) -> Option<String> {
    Some(match table {
        "LiteLLM_VerificationToken" => {
            let new = after.and_then(|after| after.get("token")?.as_str());
            format!("/ui/keys/{}", new.unwrap_or(id))
        }
        "LiteLLM_UserTable" => format!("/ui/users/{}", segment(id)),
        "LiteLLM_TeamTable" => format!("/ui/teams/{}", segment(id)),
        "LiteLLM_BudgetTable" => format!("/ui/budgets/{}", segment(id)),
        "LiteLLM_ProxyModelTable" => format!("/ui/models/{}", segment(id)),
        _ => return None,
    })
}

fn fields(
    before: Option<&serde_json::Map<String, Value>>,
    after: Option<&serde_json::Map<String, Value>>,
) -> Vec<Changed> {
    let names = before.into_iter().chain(after).flat_map(serde_json::Map::keys);
    let names: std::collections::BTreeSet<_> = names.collect();
    let text = |values: Option<&serde_json::Map<String, Value>>, name: &str| match values?.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value @ (Value::Object(_) | Value::Array(_)) => serde_json::to_string_pretty(value).ok(),
        value => Some(value.to_string()),
    };
    names
        .into_iter()
        .map(|name| Changed { name: name.clone(), before: text(before, name), after: text(after, name) })
        .collect()
}
