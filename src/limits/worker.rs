//! A worker's side of the limits: reserves capacity for requests, settles them, and asks the key service.

use std::sync::Arc;

use hashbrown::HashMap;

use super::account::{Refusal, Standing, Verdict};
use super::asking::{Need, Pace};
use super::estimate::{Amount, Habits};
use super::record::Record;
use super::roster::Roster;
use super::shared::{SharedMemory, SharedRecord, change};
use super::shelf::{self, change_record, read_record};
use crate::key::lease::{Lease, LeaseAsk};
use crate::key::{Account, AccountId, AccountKind, KeyRecord};

/// Key of the Envoy process's name.
const INSTANCE: &str = "limits/instance";

/// Key of the workers' roster.
const ROSTER: &str = "limits/roster";

/// Maximum number of asks per call; the rest is sent with the next call.
const ASKS: usize = 500;

/// The accounts that a request counts against, and the amount.
#[derive(Clone, Debug)]
pub struct Claim {
    payers: Vec<Arc<KeyRecord>>,
    model: String,
    amount: Amount,
}

impl Claim {
    /// The claim of a request for a model: `payers` are its key and what else pays. `None` if no limit applies.
    pub fn new<'p>(
        payers: impl IntoIterator<Item = &'p Arc<KeyRecord>>,
        model: &str,
        amount: impl FnOnce() -> Amount,
    ) -> Option<Self> {
        let is_limited = |payer: &&Arc<KeyRecord>| payer.accounts_for(model).any(Account::is_limited);
        let payers: Vec<_> = payers.into_iter().filter(is_limited).map(Arc::clone).collect();
        (!payers.is_empty()).then(|| Self { payers, model: model.to_owned(), amount: amount() })
    }

    /// The reserved amount.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// The limited accounts that it counts against.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        let accounts = self.payers.iter().flat_map(|payer| payer.accounts_for(&self.model));
        accounts.filter(|account| account.is_limited())
    }
}

/// The decision on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Admitted, with the state of its accounts in the order of [`Claim::accounts`].
    Open(Vec<Standing>),
    /// The key service must be asked for capacity.
    Wait,
    /// Rejected.
    Refused(AccountId, Refusal),
    /// The key service must be asked but is not responding.
    Away,
}

/// What an account is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The account.
    pub account: AccountId,
    /// Picodollars.
    pub money: u64,
}

/// A call for leases in flight.
#[derive(Debug, Default)]
pub struct LeaseCall {
    sent_ms: u64,
    rounds: Vec<(AccountId, u64)>,
    carried: Vec<Charge>,
}

/// A worker's side of all limits.
#[derive(Debug)]
pub struct Limits {
    vm: u64,
    instance: String,
    pace: Pace,
    roster: Roster,
    /// Accounts that this worker asks for, with their latest limits.
    in_use: HashMap<AccountId, Account>,
    /// The last call was not answered, so what is held must last.
    is_away: bool,
    /// The next shelf to tidy.
    shelf: u64,
    /// The usual length of responses.
    pub habits: Habits,
}

impl Limits {
    /// Joins the workers of this process. `fresh` becomes the name of the process if it has none yet; it must
    /// be globally unique.
    pub fn join(memory: &impl SharedMemory, fresh: &str, pace: Pace, now: u64) -> Self {
        let instance = change(memory, INSTANCE, |name: &mut Instance| {
            if name.0.is_empty() {
                fresh.clone_into(&mut name.0);
            }
            name.0.clone()
        });
        let (vm, roster) = change(memory, ROSTER, |roster: &mut Roster| (roster.join(now), roster.clone()));
        let in_use = HashMap::new();
        Self { vm, instance, pace, roster, in_use, is_away: false, shelf: 0, habits: Habits::default() }
    }

    /// Takes another pace.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// The name of the Envoy process.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Admits a request if all its accounts have capacity. Reserves in all of them or none.
    pub fn enter(&mut self, memory: &impl SharedMemory, claim: &Claim, now: u64) -> Entry {
        let mut standings = Vec::new();
        for (at, account) in claim.accounts().enumerate() {
            self.note(account);
            let verdict = change_record(memory, &name(&account.id), |record: &mut Record| {
                record.remove_dead(&self.roster);
                record.reserve(account, claim.amount, self.vm, now)
            });
            let entry = match verdict {
                Verdict::Taken(standing) => {
                    standings.push(standing);
                    continue;
                }
                Verdict::Ask => Entry::Wait,
                Verdict::Refused(refusal) => Entry::Refused(account.id.clone(), refusal),
                Verdict::Away => Entry::Away,
            };
            for taken in claim.accounts().take(at) {
                change_record(memory, &name(&taken.id), |record: &mut Record| {
                    record.undo(claim.amount, self.vm, now);
                });
            }
            return entry;
        }
        Entry::Open(standings)
    }

    /// Decides on a request that has been waiting since `since`. It keeps waiting unless that took too long.
    pub fn enter_again(&mut self, memory: &impl SharedMemory, claim: &Claim, since: u64, now: u64) -> Entry {
        match self.enter(memory, claim, now) {
            Entry::Wait if now.saturating_sub(since) >= self.pace.patience_ms() => {
                Self::give_up(memory, claim, now)
            }
            entry => entry,
        }
    }

    fn give_up(memory: &impl SharedMemory, claim: &Claim, now: u64) -> Entry {
        let refused = claim.accounts().find_map(|account| {
            let give_up = |record: &mut Record| record.give_up(account, now);
            Some(Entry::Refused(account.id.clone(), change_record(memory, &name(&account.id), give_up)?))
        });
        refused.unwrap_or(Entry::Away)
    }

    /// Ends an admitted request. Returns what its accounts are charged.
    pub fn settle(
        &mut self,
        memory: &impl SharedMemory,
        claim: &Claim,
        used: Amount,
        now: u64,
    ) -> Vec<Charge> {
        let mut charges = Vec::new();
        for account in claim.accounts() {
            self.note(account);
            change_record(memory, &name(&account.id), |record: &mut Record| {
                record.settle(claim.amount, used, self.vm, now);
            });
            if used.money > 0 {
                charges.push(Charge { account: account.id.clone(), money: used.money });
            }
        }
        charges
    }

    /// Reports that this worker is alive, and tidies some shelves.
    pub fn tick(&mut self, memory: &impl SharedMemory, now: u64) {
        self.roster = change(memory, ROSTER, |roster: &mut Roster| {
            roster.hear(self.vm, now);
            roster.clone()
        });
        self.shelf = shelf::tidy(memory, self.shelf, &self.roster, now, self.pace);
    }

    /// The asks to send with the sync call, which carries the charges of a usage batch. While the key service
    /// is unavailable nothing is asked, because an ask promises to use less.
    pub fn ask_in_turn<'c>(
        &mut self,
        memory: &impl SharedMemory,
        waiting: impl Iterator<Item = &'c Claim>,
        carried: Vec<Charge>,
        now: u64,
    ) -> (Vec<LeaseAsk>, LeaseCall) {
        let needs = needs(waiting);
        let mut asks = Vec::new();
        let mut done = Vec::new();
        for account in self.in_use.values().filter(|_| !self.is_away) {
            if asks.len() == ASKS {
                break;
            }
            let money = charged(&carried, &account.id);
            let need = needs.get(&account.id).map(|(_, need)| *need).unwrap_or_default();
            let (ask, is_done) = change_record(memory, &name(&account.id), |record: &mut Record| {
                record.remove_dead(&self.roster);
                let is_due = record.is_due(now, self.pace);
                let ask = is_due.then(|| record.ask(account, need, money, now, self.pace));
                (ask, !is_due && record.is_forgettable(now, self.pace))
            });
            asks.extend(ask);
            if is_done {
                done.push(account.id.clone());
            }
        }
        for account in done {
            self.in_use.remove(&account);
        }
        let asked = LeaseCall { sent_ms: now, rounds: rounds(&asks), carried };
        (asks, asked)
    }

    /// The asks to send immediately for waiting requests; `None` if a response is already pending.
    pub fn ask_for<'c>(
        &mut self,
        memory: &impl SharedMemory,
        waiting: impl Iterator<Item = &'c Claim>,
        now: u64,
    ) -> (Vec<LeaseAsk>, LeaseCall) {
        let ask = |(account, need): &(&Account, Need)| {
            change_record(memory, &name(&account.id), |record: &mut Record| {
                let is_due = record.may_ask_for_need(now, self.pace) && record.lacks(account, now);
                is_due.then(|| record.ask(account, *need, 0, now, self.pace))
            })
        };
        let asks: Vec<_> = needs(waiting).values().filter_map(ask).take(ASKS).collect();
        let asked = LeaseCall { sent_ms: now, rounds: rounds(&asks), carried: Vec::new() };
        (asks, asked)
    }

    /// The key service has recorded charges. Must be called before the leases of the same response are
    /// applied.
    pub fn recorded(&self, memory: &impl SharedMemory, charges: &[Charge]) {
        for Charge { account, money } in charges {
            change_record(memory, &name(account), |record: &mut Record| record.record(*money, self.vm));
        }
    }

    /// A call was answered with leases.
    pub fn answered(&mut self, memory: &impl SharedMemory, asked: &LeaseCall, leases: &[Lease], now: u64) {
        self.is_away = false;
        for lease in leases {
            if !asked.rounds.iter().any(|(account, _)| *account == lease.account) {
                continue;
            }
            let carried = charged(&asked.carried, &lease.account);
            change_record(memory, &name(&lease.account), |record: &mut Record| {
                record.answer(lease, asked.sent_ms, carried, now, self.pace);
            });
        }
    }

    /// A call was not answered.
    pub fn unanswered(&mut self, memory: &impl SharedMemory, asked: &LeaseCall, now: u64) {
        self.is_away = true;
        for (account, round) in &asked.rounds {
            change_record(memory, &name(account), |record: &mut Record| {
                record.unanswered(*round, now, self.pace);
            });
        }
    }

    /// What the requests of all workers have reserved of an account: their number and amount.
    pub fn reserved(memory: &impl SharedMemory, account: &AccountId) -> (u64, Amount) {
        let mut sum = (0, Amount::default());
        let record = read_record(memory, &name(account));
        for share in &record.shares {
            sum.0 += share.parallel;
            sum.1.tokens = sum.1.tokens.saturating_add(share.reserved.tokens);
            sum.1.money = sum.1.money.saturating_add(share.reserved.money);
        }
        sum
    }

    /// What this process has spent of an account that the key service has not recorded yet, picodollars.
    pub fn unrecorded(memory: &impl SharedMemory, account: &AccountId) -> u64 {
        let record = read_record(memory, &name(account));
        record.shares.iter().map(|share| share.unrecorded).fold(0, u64::saturating_add)
    }

    fn note(&mut self, account: &Account) {
        match self.in_use.get_mut(&account.id) {
            Some(known) if known == account => {}
            Some(known) => known.clone_from(account),
            None => _ = self.in_use.insert(account.id.clone(), account.clone()),
        }
    }
}

/// The total need of all waiting requests, by account.
fn needs<'c>(waiting: impl Iterator<Item = &'c Claim>) -> HashMap<&'c AccountId, (&'c Account, Need)> {
    let mut needs: HashMap<&AccountId, (&Account, Need)> = HashMap::new();
    for claim in waiting {
        for account in claim.accounts() {
            let (_, need) = needs.entry(&account.id).or_insert((account, Need::default()));
            need.requests += 1;
            need.amount.tokens = need.amount.tokens.saturating_add(claim.amount.tokens);
            need.amount.money = need.amount.money.saturating_add(claim.amount.money);
        }
    }
    needs
}

fn rounds(asks: &[LeaseAsk]) -> Vec<(AccountId, u64)> {
    asks.iter().map(|ask| (ask.account.clone(), ask.round)).collect()
}

fn charged(charges: &[Charge], account: &AccountId) -> u64 {
    charges.iter().filter(|charge| charge.account == *account).map(|charge| charge.money).sum()
}

/// The name of an account's record. The length separates ids from models.
fn name(account: &AccountId) -> String {
    let kind = match account.kind {
        AccountKind::Key => 'k',
        AccountKind::User => 'u',
        AccountKind::Team => 't',
        AccountKind::TeamMember => 'm',
        AccountKind::Organization => 'o',
        AccountKind::Customer => 'c',
        AccountKind::Tag => 'l',
        AccountKind::Gateway => 'g',
    };
    let (id, length) = (&account.id, account.id.len());
    match (&account.model, &account.window) {
        (None, None) => format!("{kind}{length}:{id}"),
        (Some(model), _) => format!("{kind}{length}:{id}:{model}"),
        // No model account has this form: in the others the length is followed by a colon.
        (None, Some(window)) => format!("{kind}{length};{id}:{window}"),
    }
}

/// The name of the Envoy process.
#[derive(Debug, Default)]
struct Instance(String);

impl SharedRecord for Instance {
    fn decode(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok().map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        self.0.clone().into_bytes()
    }
}
