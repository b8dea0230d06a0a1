//! Adds spend to keys, accounts and models, many at a time, because a report of thousands of requests is a
//! single transaction.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::TokenHash;

use super::backend::Backend;
use super::key_row::token;
use super::models::window_kind;
use super::sql::{Places, pieces};
use super::{Owner, StoreError, get, tags};
use crate::money::Picodollars;

/// Kind and id of an account.
pub(super) type AccountName = (&'static str, String);

/// Kind and id of a payer, and a model.
pub(super) type ModelName = (&'static str, String, String);

/// Payers per statement; a power of two.
const AT_ONCE: usize = 512;

/// Adds spend to keys, and returns their owners. The usage of a key that was deleted meanwhile is only
/// logged.
pub(super) async fn charge_keys(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    spent: &BTreeMap<TokenHash, Picodollars>,
    now: Timestamp,
) -> Result<BTreeMap<TokenHash, Owner>, StoreError> {
    let names: Vec<_> = spent.iter().map(|(token, spent)| ([token.to_string()], *spent)).collect();
    let mut owners = BTreeMap::new();
    for piece in pieces(&names, AT_ONCE) {
        let active = Places::on(backend).place(2 * piece.len() + 1);
        let sql = format!(
            "{} SET {}, {}, last_active = {active} FROM locked WHERE token = name_0 \
             RETURNING token, user_id, team_id, budget_id, key_alias, settings, organization_id",
            locked(backend, "virtual_key", ["token"], piece.len()),
            plus("spend"),
            plus("total_spend"),
        );
        let query = bind(&sql, piece).bind(now.as_microsecond());
        for row in query.fetch_all(&mut **transaction).await? {
            let owner = Owner {
                user_id: get(&row, 1)?,
                team_id: get(&row, 2)?,
                budget_id: get(&row, 3)?,
                key_alias: get(&row, 4)?,
                tags: tags::of(&get::<String, _>(&row, 5)?),
                organization_id: get(&row, 6)?,
            };
            owners.insert(token(&row, 0)?, owner);
        }
    }
    Ok(owners)
}

/// Adds spend to users, teams and members.
pub(super) async fn charge_accounts(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    spent: &BTreeMap<AccountName, Picodollars>,
) -> Result<(), StoreError> {
    let name = |(kind, id): &AccountName| [(*kind).to_owned(), id.clone()];
    let names: Vec<_> = spent.iter().map(|(of, spent)| (name(of), *spent)).collect();
    for piece in pieces(&names, AT_ONCE) {
        let sql = format!(
            "{} SET {}, {} FROM locked WHERE kind = name_0 AND id = name_1",
            locked(backend, "account", ["kind", "id"], piece.len()),
            plus("spend"),
            plus("total_spend"),
        );
        bind(&sql, piece).execute(&mut **transaction).await?;
    }
    Ok(())
}

/// Adds spend to models that are limited.
pub(super) async fn charge_models(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    spent: &BTreeMap<ModelName, Picodollars>,
) -> Result<(), StoreError> {
    let name = |(kind, id, model): &ModelName| [(*kind).to_owned(), id.clone(), model.clone()];
    let names: Vec<_> = spent.iter().map(|(of, spent)| (name(of), *spent)).collect();
    for piece in pieces(&names, AT_ONCE) {
        let sql = format!(
            "{} SET {} FROM locked WHERE kind = name_0 AND id = name_1 AND model = name_2",
            locked(backend, "model_spend", ["kind", "id", "model"], piece.len()),
            plus("spend"),
        );
        bind(&sql, piece).execute(&mut **transaction).await?;
    }
    Ok(())
}

/// Adds spend to budget windows.
pub(super) async fn charge_windows(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    accounts: &BTreeMap<AccountName, Picodollars>,
    keys: &BTreeMap<TokenHash, Picodollars>,
) -> Result<(), StoreError> {
    let limited =
        "SELECT kind FROM model_spend WHERE kind IN ('key_window', 'team_window', 'user_window') LIMIT 1";
    if sqlx::query(limited).fetch_optional(&mut **transaction).await?.is_none() {
        return Ok(());
    }
    let of_keys = keys.iter().map(|(token, spent)| (["key_window".to_owned(), token.to_string()], *spent));
    let of_accounts = accounts.iter().filter(|((kind, _), _)| matches!(*kind, "user" | "team"));
    let of_accounts =
        of_accounts.map(|((kind, id), spent)| ([window_kind(kind).to_owned(), id.clone()], *spent));
    let names: Vec<_> = of_keys.chain(of_accounts).collect();
    for piece in pieces(&names, AT_ONCE) {
        // All windows of an owner at once, in a fixed order, to avoid deadlocks.
        let sql = format!(
            "{} SET {} FROM locked WHERE kind = name_0 AND id = name_1",
            locked(backend, "model_spend", ["kind", "id"], piece.len())
                .replace("ORDER BY ", "ORDER BY model_spend.model, "),
            plus("spend"),
        );
        bind(&sql, piece).execute(&mut **transaction).await?;
    }
    Ok(())
}

/// The beginning of an `UPDATE` of the rows with these names, with the `amount` for each. Rows are locked in
/// the order of their names, so that replicas that charge the same payers cannot deadlock.
fn locked<const N: usize>(backend: Backend, table: &str, name: [&str; N], payers: usize) -> String {
    let aliases: Vec<_> = (0..N).map(|at| format!("name_{at}")).collect();
    let columns = name.map(|column| format!("{table}.{column}"));
    let join = |form: &dyn Fn(&str, &str) -> String, by: &str| {
        let pairs = columns.iter().zip(&aliases).map(|(column, alias)| form(column, alias));
        pairs.collect::<Vec<_>>().join(by)
    };
    let lock = match backend {
        Backend::Sqlite => String::new(),
        Backend::Postgres => format!(" FOR UPDATE OF {table}"),
    };
    format!(
        "WITH spent ({names}, amount) AS (VALUES {values}), \
         locked AS (SELECT {picked}, spent.amount AS amount FROM {table} JOIN spent ON {same} ORDER BY {order}{lock}) \
         UPDATE {table}",
        names = aliases.join(", "),
        values = Places::on(backend).rows(payers, N + 1),
        picked = join(&|column, alias| format!("{column} AS {alias}"), ", "),
        same = join(&|column, alias| format!("{column} = spent.{alias}"), " AND "),
        order = columns.join(", "),
    )
}

/// An overflow would turn `SQLite`'s integer into a float, and make Postgres reject the batch forever.
fn plus(sum: &str) -> String {
    let most = Picodollars::MAX.stored();
    format!("{sum} = CASE WHEN {sum} > {most} - amount THEN {most} ELSE {sum} + amount END")
}

fn bind<'q, const N: usize>(
    sql: &str,
    payers: &[([String; N], Picodollars)],
) -> sqlx::query::Query<'q, Any, sqlx::any::AnyArguments> {
    payers.iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, (name, spent)| {
        name.iter().fold(query, |query, part| query.bind(part.clone())).bind(spent.stored())
    })
}
