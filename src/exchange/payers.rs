//! Accounts that a request names and that pay for it in addition to its key: its end user and its tags.

use std::sync::Arc;

use crate::key::{AccountId, KeyRecord};
use crate::keyring::{Keyring, Lookup};
use crate::openai::ErrorBody;

use super::Reply;
use super::call::Call;

impl Call {
    /// Finds the accounts that the request names. Returns those that the key service must be asked for.
    pub fn find_payers(&mut self, keyring: &Keyring, now_ms: u64) -> Vec<AccountId> {
        let mut unknown = Vec::new();
        // The whole request of a part has the accounts.
        if self.is_part() || !keyring.has_payers() {
            return unknown;
        }
        let end_user = Some(&self.origin.end_user).filter(|id| !id.is_empty());
        let tags = self.origin.tags.iter().map(AccountId::of_tag);
        for account in end_user.map(AccountId::of_customer).into_iter().chain(tags) {
            // Its key may have the same tag.
            if self.key.iter().any(|key| key.accounts.iter().any(|own| own.id == account)) {
                continue;
            }
            match keyring.look_up(&account.record_name(), now_ms) {
                Lookup::Known(payer) => self.payers.push(payer),
                Lookup::Unknown => {}
                Lookup::Ask => unknown.push(account),
            }
        }
        unknown
    }

    /// The response to a request whose end user is blocked.
    pub fn barred(&self) -> Option<Reply> {
        let payer: &Arc<KeyRecord> = self.payers.iter().find(|payer| payer.blocked)?;
        let message = ["User blocked from making LLM API Calls. User=", &payer.key_name].concat();
        let error = ErrorBody::bad_request(message);
        self.progress.borrow_mut().error = Some(error.told());
        Some(self.in_language(error.into()).to_call(&self.id))
    }
}
