//! Imports rows from another program's database.

use super::accounts::AccountRow;
use super::key_row::KeyRow;
use super::keys;
use super::{Store, StoreError, accounts, feed};

impl Store {
    /// Adds the keys that do not exist yet, and returns their number. A key with a duplicate alias loses it;
    /// those aliases are returned, too.
    pub async fn import_keys(&self, keys: &[KeyRow]) -> Result<(u64, Vec<String>), StoreError> {
        let mut transaction = self.write_keys().await?;
        let (mut added, mut renamed) = (Vec::new(), Vec::new());
        for key in keys {
            let mut inserted = keys::insert(&mut transaction, key).await?;
            if !inserted && !keys::exists(&mut transaction, key.token).await? {
                let nameless = KeyRow { key_alias: None, ..key.clone() };
                inserted = keys::insert(&mut transaction, &nameless).await?;
                renamed.extend(key.key_alias.clone());
            }
            if inserted {
                added.push(key.token);
            }
        }
        feed::announce(&mut transaction, &added).await?;
        self.commit_keys(transaction).await?;
        Ok((added.len() as u64, renamed))
    }

    /// Adds the accounts that do not exist yet, and returns their number.
    pub async fn import_accounts(&self, rows: &[AccountRow]) -> Result<u64, StoreError> {
        let mut transaction = self.write().await?;
        let mut added = 0;
        for row in rows {
            added += u64::from(accounts::insert(&mut transaction, row).await?);
        }
        self.commit_keys(transaction).await?;
        Ok(added)
    }
}
