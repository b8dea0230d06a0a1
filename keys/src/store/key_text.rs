//! Searches keys by a part of their alias, user or team.
//!
//! Both databases have an index of trigrams. Postgres decides itself when to use it. SQLite is told: where few keys match, the
//! index finds them; where many do, reading the newest keys finds a page of them sooner.

use super::backend::Backend;
use super::sql::contains;
use super::{Store, StoreError, get};

/// What is searched: one text, because the comparison is what takes the time. What is typed has no line ends.
const TEXT: &str =
    "LOWER(COALESCE(key_alias, '') || '\n' || COALESCE(user_id, '') || '\n' || COALESCE(team_id, ''))";

/// The shortest text that the index can find, characters.
const SHORTEST: usize = 3;

/// Keys that the index finds at most.
const MOST: i64 = 2_000;

/// A condition with its values.
pub(super) type Condition = (String, Vec<String>);

impl Store {
    /// The keys with this hash, or with this text in their alias, user or team.
    pub(super) async fn key_text(&self, part: &str) -> Result<Condition, StoreError> {
        let values = vec![part.to_owned(), contains(part)];
        match self.backend {
            // `\` is the usual escape character; with `ESCAPE`, the index is not used.
            Backend::Postgres => Ok((format!("token = ? OR {TEXT} LIKE ?"), values)),
            Backend::Sqlite => {
                let compared = format!(r"token = ? OR {TEXT} LIKE ? ESCAPE '\'");
                let phrase = format!("\"{}\"", part.replace('"', "\"\""));
                if part.chars().count() < SHORTEST || self.is_common(&phrase).await? {
                    return Ok((compared, values));
                }
                let found = "token IN (SELECT ? UNION ALL SELECT token FROM key_text WHERE id IN \
                             (SELECT rowid FROM key_trigram WHERE key_trigram MATCH ?))";
                let values = [vec![part.to_owned(), phrase], values].concat();
                Ok((format!("{found} AND ({compared})"), values))
            }
        }
    }

    /// Whether more keys match than the index finds quickly.
    async fn is_common(&self, phrase: &str) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM (SELECT rowid FROM key_trigram WHERE key_trigram MATCH $1 LIMIT $2)";
        let row = sqlx::query(sql).bind(phrase.to_owned()).bind(MOST + 1).fetch_one(&self.readers).await?;
        Ok(get::<i64, _>(&row, 0)? > MOST)
    }
}
