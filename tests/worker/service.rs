//! The key service: one key, its account, and what was recorded.

use std::collections::{BTreeMap, HashMap};

use switchboard::key::lease::{LeaseAnswer, LeaseAsk, LeaseRequest};
use switchboard::key::{
    Account, AccountId, KeyChange, KeyRecord, KeySpend, SYNC_PATH, SyncAnswer, SyncRequest, TokenHash,
    UsageBatch, VerifyAnswer,
};

use crate::book::Book;

/// The client's key.
pub(crate) const KEY: &str = "sk-the-key-of-the-client";

#[derive(Debug)]
pub(crate) struct Service {
    account: Account,
    book: Book,
    /// Batches that were recorded: requests and picodollars.
    batches: BTreeMap<String, (u64, u64)>,
    cursor: u64,
    /// The position of the last change of the key.
    changed: u64,
    is_blocked: bool,
    /// When an Envoy was last heard.
    pub(crate) heard_ms: HashMap<String, u64>,
}

impl Service {
    pub(crate) fn new(limits: &Account) -> Self {
        let account = Account { id: AccountId::of_key(TokenHash::of(KEY.as_bytes())), ..limits.clone() };
        Self {
            account,
            book: Book::default(),
            batches: BTreeMap::new(),
            cursor: 1,
            changed: 1,
            is_blocked: false,
            heard_ms: HashMap::new(),
        }
    }

    pub(crate) fn account(&self) -> &AccountId {
        &self.account.id
    }

    /// Recorded requests and picodollars.
    pub(crate) fn recorded(&self) -> (u64, u64) {
        self.batches.values().fold((0, 0), |sum, batch| (sum.0 + batch.0, sum.1 + batch.1))
    }

    /// The operator blocks the key, or unblocks it.
    pub(crate) fn set_blocked(&mut self, is_blocked: bool) {
        self.is_blocked = is_blocked;
        self.cursor += 1;
        self.changed = self.cursor;
    }

    fn key(&self) -> KeyRecord {
        let token = TokenHash::of(KEY.as_bytes());
        let accounts = vec![self.account.clone()];
        KeyRecord { accounts, blocked: self.is_blocked, ..KeyRecord::new(token, "sk-...ient") }
    }

    /// The response to a request for the key.
    pub(crate) fn verify(&self) -> VerifyAnswer {
        VerifyAnswer { key: Some(self.key()), cursor: self.cursor }
    }

    /// The response to a call of a root.
    pub(crate) fn hear(&mut self, path: &str, body: &[u8], now_ms: u64) -> Vec<u8> {
        if path == SYNC_PATH {
            serde_json::to_vec(&self.sync(&serde_json::from_slice(body).unwrap(), now_ms)).unwrap()
        } else {
            let LeaseRequest { instance, asks } = serde_json::from_slice(body).unwrap();
            let leases = self.lease(&instance, &asks, now_ms);
            serde_json::to_vec(&LeaseAnswer { leases }).unwrap()
        }
    }

    fn sync(&mut self, request: &SyncRequest<'_>, now_ms: u64) -> SyncAnswer {
        let recorded = request.batch.as_deref().map(|batch| self.record(batch));
        let leases = self.lease(&request.instance, &request.asks, now_ms);
        let is_news = request.cursor.is_some_and(|cursor| cursor < self.changed);
        let token = TokenHash::of(KEY.as_bytes());
        let change = is_news.then(|| KeyChange { token, key: Some(self.key()) });
        let spend = KeySpend { token, spend: self.account.spend };
        SyncAnswer {
            cursor: self.cursor,
            recorded,
            reset: request.cursor.is_none(),
            changes: change.into_iter().collect(),
            leases,
            spends: request.charged_within_ms.map(|_| spend).into_iter().collect(),
            ..SyncAnswer::default()
        }
    }

    fn record(&mut self, batch: &UsageBatch) -> String {
        let content = batch.entries().fold((0, 0), |sum, entry| {
            (sum.0 + entry.requests, sum.1 + entry.cost_picodollars.unwrap_or_default())
        });
        if let Some(known) = self.batches.get(&batch.id) {
            assert_eq!(*known, content, "a batch never changes under its id");
        } else {
            self.batches.insert(batch.id.clone(), content);
            self.account.spend += content.1;
        }
        batch.id.clone()
    }

    fn lease(
        &mut self,
        instance: &str,
        asks: &[LeaseAsk],
        now_ms: u64,
    ) -> Vec<switchboard::key::lease::Lease> {
        if !asks.is_empty() {
            self.heard_ms.insert(instance.to_owned(), now_ms);
        }
        asks.iter().map(|ask| self.book.ask(now_ms, instance, ask, &self.account)).collect()
    }
}
