//! The models that a caller may call, for proposals. The gateway decides when it is called.

use std::collections::BTreeSet;

use super::visit::Visit;
use crate::auth::Caller;
use crate::store::Kind;

/// Names in `models` that stand for all models.
const ALL: [&str; 3] = ["*", "all-proxy-models", "all-team-models"];

/// Names that are proposed at most.
const MOST: usize = 500;

/// Whether a list of models allows a name.
fn allows(models: &[String], name: &str) -> bool {
    models.is_empty()
        || models.iter().any(|allowed| {
            let prefix = allowed.strip_suffix('*');
            ALL.contains(&allowed.as_str())
                || allowed == name
                || prefix.is_some_and(|prefix| name.starts_with(prefix))
        })
}

/// The model groups that the key, its team and its user allow.
pub(super) async fn models(visit: &Visit) -> Vec<String> {
    let groups: BTreeSet<_> = visit.app.control.deployments().into_iter().map(|one| one.group).collect();
    let mut lists = Vec::new();
    if let Caller::Key { key, .. } = &visit.caller {
        lists.push(key.strings("models"));
        for (kind, id) in [(Kind::Team, &key.team_id), (Kind::User, &key.user_id)] {
            // A key of a team is not limited by its user's models.
            let Some(id) = id.as_ref().filter(|_| kind == Kind::Team || key.team_id.is_none()) else {
                continue;
            };
            if let Ok(Some(owner)) = visit.app.store.account(kind, id).await {
                lists.push(owner.strings("models"));
            }
        }
    }
    let named = groups.into_iter().filter(|name| !name.contains('*'));
    named.filter(|name| lists.iter().all(|models| allows(models, name))).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_its_names_patterns_and_the_words_for_all() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(
            allows(&[], "m") && allows(&list(&["a", "m"]), "m") && allows(&list(&["openai/*"]), "openai/m")
        );
        assert!(allows(&list(&["all-proxy-models"]), "m"));
        assert!(!allows(&list(&["a", "openai/*"]), "m") && !allows(&list(&["no-default-models"]), "m"));
    }
}
