//! Grants leases: how much of an account's limits each holder may use. Pure arithmetic, without a clock or a
//! database.
//!
//! The rules and their reasons are in `docs/decisions/0020-leases.md`. The invariant, for every resource at
//! any time: what is recorded plus what all holders are allowed stays within the limit, unless the limit was
//! lowered or a holder used more than it was allowed (a request cost more than was reserved for it).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard::key::Account;
use switchboard::key::lease::{Demand, Grant, Lease, LeaseAsk, WINDOW_MS};

/// How long a holder may use its allowance without contact. After that, a dead Envoy's lease is free.
pub const VALID_MS: u64 = 60_000;

/// How long an unmet need is remembered for its holder: it asks again within a sync period, or its clients
/// have left.
const UNMET_MS: u64 = 3_000;

/// The holders of an account and what they use. Stored as JSON between asks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Book {
    /// Start of the current window, Unix milliseconds; 0 if there is none.
    window: u64,
    /// Requests in this window that lost holders may have used.
    #[serde(default)]
    lost_requests: u64,
    /// The same for tokens.
    #[serde(default)]
    lost_tokens: u64,
    /// By name of the Envoy process.
    holders: BTreeMap<String, Holder>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Holder {
    round: u64,
    heard: u64,
    #[serde(default)]
    requests: Line,
    #[serde(default)]
    tokens: Line,
    #[serde(default)]
    parallel: Line,
    #[serde(default)]
    money: Line,
}

/// A resource of a holder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Line {
    #[serde(default)]
    used: u64,
    #[serde(default)]
    allowed: u64,
    /// The maximum that it uses until it learns its new allowance.
    #[serde(default)]
    hold: u64,
    /// Need that was not met by the last response.
    #[serde(default)]
    unmet: u64,
}

impl Line {
    /// What is not available to others because of this holder.
    fn taken(self) -> u64 {
        self.allowed.max(self.hold).max(self.used)
    }

    fn idle(self) -> u64 {
        self.taken().saturating_sub(self.used)
    }
}

impl Book {
    /// Start of the current window, Unix milliseconds; 0 if there is none.
    pub fn window(&self) -> u64 {
        self.window
    }

    /// Answers an ask at `now`, Unix milliseconds, given the account's current limits and spend.
    pub fn ask(&mut self, now: u64, instance: &str, ask: &LeaseAsk, account: &Account) -> Lease {
        self.advance(now);
        let mut own = self.holders.remove(instance).unwrap_or_default();
        if own.round < ask.round || own.heard == 0 {
            // Use in an earlier window no longer counts. What may have been used since it ended is held.
            let windowed = |demand: Demand| {
                let used = if ask.window < self.window { 0 } else { demand.used };
                Demand { used, ..demand }
            };
            let others = self.others(now, |holder| holder.requests);
            own.requests = settle(account.rpm_limit, self.lost_requests, &others, windowed(ask.requests));
            let others = self.others(now, |holder| holder.tokens);
            own.tokens = settle(account.tpm_limit, self.lost_tokens, &others, windowed(ask.tokens));
            let others = self.others(now, |holder| holder.parallel);
            own.parallel = settle(account.max_parallel_requests, 0, &others, ask.parallel);
            let others = self.others(now, |holder| holder.money);
            own.money = settle(account.max_budget, account.spend, &others, ask.money);
            own.round = ask.round;
            own.heard = now.max(1);
        }
        let lease = Lease {
            account: ask.account.clone(),
            round: own.round,
            window: self.window,
            window_ends_in_ms: (self.window + WINDOW_MS).saturating_sub(now),
            valid_for_ms: VALID_MS,
            spend: account.spend,
            requests: self
                .grant(account.rpm_limit, self.lost_requests, own.requests, |holder| holder.requests),
            tokens: self.grant(account.tpm_limit, self.lost_tokens, own.tokens, |holder| holder.tokens),
            parallel: self.grant(account.max_parallel_requests, 0, own.parallel, |holder| holder.parallel),
            money: self.grant(account.max_budget, account.spend, own.money, |holder| holder.money),
        };
        self.holders.insert(instance.to_owned(), own);
        lease
    }

    /// Updates the book to the current time: ended windows, and holders without contact for too long.
    fn advance(&mut self, now: u64) {
        // If the clock was set back, a window or a dead holder's lease must not last for hours.
        self.window = self.window.min(now);
        for holder in self.holders.values_mut() {
            holder.heard = holder.heard.min(now.max(1));
        }
        let alive = |holder: &Holder| holder.heard + VALID_MS > now;
        if now >= self.window + WINDOW_MS {
            self.window = if self.holders.values().any(alive) {
                now - (now - self.window) % WINDOW_MS
            } else {
                // Nobody counts in the old windows any more, so the next one starts with this use.
                now
            };
            (self.lost_requests, self.lost_tokens) = (0, 0);
            for holder in self.holders.values_mut() {
                (holder.requests.used, holder.tokens.used) = (0, 0);
            }
        }
        let window = self.window;
        let (mut requests, mut tokens) = (0_u64, 0_u64);
        self.holders.retain(|_, holder| {
            if alive(holder) {
                return true;
            }
            // It may have used all of it in this window, which is unknowable.
            if holder.heard + VALID_MS > window {
                requests = requests.saturating_add(holder.requests.taken());
                tokens = tokens.saturating_add(holder.tokens.taken());
            }
            false
        });
        self.lost_requests = self.lost_requests.saturating_add(requests);
        self.lost_tokens = self.lost_tokens.saturating_add(tokens);
    }

    /// The total of the other holders for a resource. The asking holder is not in the book at this point.
    fn others(&self, now: u64, line: impl Fn(&Holder) -> Line) -> Others {
        let mut others = Others::default();
        for holder in self.holders.values() {
            let line = line(holder);
            let unmet = if holder.heard + UNMET_MS > now { line.unmet } else { 0 };
            others.taken = others.taken.saturating_add(line.taken());
            others.idle = others.idle.saturating_add(line.idle());
            others.unmet = others.unmet.saturating_add(unmet);
            others.count += u64::from(line.taken() > 0 || unmet > 0);
        }
        others
    }

    fn grant(
        &self,
        limit: Option<u64>,
        gone: u64,
        own: Line,
        line: impl Fn(&Holder) -> Line,
    ) -> Option<Grant> {
        let limit = limit?;
        let (mut used, mut idle) = (own.used.saturating_add(gone), 0_u64);
        for holder in self.holders.values() {
            used = used.saturating_add(line(holder).used);
            idle = idle.saturating_add(line(holder).idle());
        }
        Some(Grant {
            allowed: own.allowed,
            limit,
            remaining: limit.saturating_sub(used),
            recalled: own.unmet > 0 && idle > 0,
        })
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Others {
    taken: u64,
    idle: u64,
    unmet: u64,
    count: u64,
}

/// The new state of a resource of the asking holder. `gone` is what is used up permanently: recorded spend,
/// or what lost holders may have used.
fn settle(limit: Option<u64>, gone: u64, others: &Others, demand: Demand) -> Line {
    let Demand { used, need, want, hold, .. } = demand;
    let Some(limit) = limit else { return Line { used, ..Line::default() } };
    let most = limit.saturating_sub(gone).saturating_sub(others.taken);
    let free = most.saturating_sub(used);
    let given = need.min(free);
    let left = free - given;
    let wish = want.saturating_sub(need);
    let extra = if others.count == 0 {
        wish.min(left)
    } else {
        // After waiting requests are served, everybody gets an equal share of the unused rest, less the
        // others' waiting requests. A holder with more is told so, and returns it with its next ask.
        let share = left.saturating_add(others.idle).saturating_sub(others.unmet) / (others.count + 1);
        wish.min(left.saturating_sub(others.unmet)).min(share)
    };
    // More than the limit may be used, by requests that cost more than was reserved. Releasing some of that
    // does not make it available.
    let allowed = used.saturating_add(given).saturating_add(extra).min(most);
    Line { used, allowed, hold, unmet: need - given }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard::key::{AccountId, AccountKind};

    fn account(rpm: Option<u64>, budget: Option<u64>, spend: u64) -> Account {
        let id = AccountId { kind: AccountKind::Team, id: "t".into(), model: None, window: None };
        Account { rpm_limit: rpm, max_budget: budget, spend, ..Account::new(id) }
    }

    fn requests(round: u64, window: u64, used: u64, need: u64, want: u64) -> LeaseAsk {
        let account = account(None, None, 0).id;
        LeaseAsk {
            window,
            requests: Demand { used, need, want, ..Demand::default() },
            ..LeaseAsk::nothing(account, round)
        }
    }

    fn money(round: u64, used: u64, need: u64, want: u64) -> LeaseAsk {
        let account = account(None, None, 0).id;
        LeaseAsk {
            money: Demand { used, need, want, ..Demand::default() },
            ..LeaseAsk::nothing(account, round)
        }
    }

    const T: u64 = 1_000_000;

    #[test]
    fn a_lone_holder_gets_all_it_wants_within_the_limit() {
        let mut book = Book::default();
        let limits = account(Some(10), None, 0);
        let lease = book.ask(T, "a", &requests(1, 0, 0, 1, 4), &limits);
        assert_eq!(lease.requests, Some(Grant { allowed: 4, limit: 10, remaining: 10, recalled: false }));
        assert_eq!((lease.window, lease.window_ends_in_ms), (T, WINDOW_MS));
        let lease = book.ask(T + 500, "a", &requests(2, T, 4, 1, 100), &limits);
        assert_eq!(lease.requests.unwrap().allowed, 10);
        assert_eq!(lease.window_ends_in_ms, WINDOW_MS - 500);
    }

    #[test]
    fn who_comes_second_gets_the_rest_and_a_recall() {
        let mut book = Book::default();
        let limits = account(Some(10), None, 0);
        book.ask(T, "a", &requests(1, 0, 0, 1, 10), &limits);
        let second = book.ask(T, "b", &requests(1, 0, 0, 1, 5), &limits).requests.unwrap();
        assert_eq!((second.allowed, second.recalled), (0, true));
        // The first has used one and wants to keep the rest: it may keep an equal share. Until it learns
        // that, it may use all ten, so nothing is free yet.
        let mut ask = requests(2, T, 1, 0, 9);
        ask.requests.hold = 10;
        let first = book.ask(T + 1000, "a", &ask, &limits).requests.unwrap();
        assert_eq!(first.allowed, 1 + 4);
        assert_eq!(book.ask(T + 1001, "b", &requests(2, T, 0, 1, 5), &limits).requests.unwrap().allowed, 0);
        let mut ask = requests(3, T, 1, 0, 4);
        ask.requests.hold = 5;
        assert_eq!(book.ask(T + 1002, "a", &ask, &limits).requests.unwrap().allowed, 5);
        let second = book.ask(T + 1003, "b", &requests(3, T, 0, 1, 5), &limits).requests.unwrap();
        assert_eq!((second.allowed, second.recalled), (5, false));
    }

    #[test]
    fn the_last_unit_goes_to_whoever_waits_for_it() {
        let mut book = Book::default();
        let limits = account(Some(1), None, 0);
        book.ask(T, "a", &requests(1, 0, 0, 0, 1), &limits);
        assert_eq!(book.ask(T, "b", &requests(1, 0, 0, 1, 1), &limits).requests.unwrap().allowed, 0);
        assert_eq!(book.ask(T + 9, "a", &requests(2, T, 0, 0, 1), &limits).requests.unwrap().allowed, 0);
        assert_eq!(book.ask(T + 9, "b", &requests(2, T, 0, 1, 1), &limits).requests.unwrap().allowed, 1);
    }

    #[test]
    fn a_share_holds_in_the_next_window_without_asking() {
        let mut book = Book::default();
        let limits = account(Some(10), None, 0);
        book.ask(T, "a", &requests(1, 0, 0, 6, 6), &limits);
        book.ask(T, "a", &requests(2, T, 6, 0, 0), &limits);
        let next = T + WINDOW_MS + 10_000;
        // In contact again in time, in a later window: the other gets what the first one's share leaves.
        book.ask(T + 50_000, "a", &requests(3, T, 6, 0, 0), &limits);
        let other = book.ask(next, "b", &requests(1, 0, 0, 10, 10), &limits);
        assert_eq!(other.window, T + WINDOW_MS);
        assert_eq!(other.requests.unwrap().allowed, 4);
    }

    #[test]
    fn what_a_dead_holder_held_of_a_window_is_lost_for_it_and_free_in_the_next() {
        let mut book = Book::default();
        let limits = account(Some(10), None, 0);
        book.ask(T, "dead", &requests(1, 0, 0, 6, 6), &limits);
        book.ask(T + 30_000, "b", &requests(1, 0, 0, 1, 1), &limits);
        // "dead" ends at T + 60 s, the start of the second window; nothing of it is left then.
        let lease = book.ask(T + VALID_MS, "b", &requests(2, T, 1, 10, 10), &limits);
        assert_eq!(lease.requests.unwrap().allowed, 10);

        let mut book = Book::default();
        book.ask(T, "b", &requests(1, 0, 0, 1, 1), &limits);
        book.ask(T + 20_000, "dead", &requests(1, 0, 0, 6, 6), &limits);
        book.ask(T + 50_000, "b", &requests(2, T, 1, 0, 0), &limits);
        let lease = book.ask(T + 81_000, "b", &requests(3, T + WINDOW_MS, 0, 10, 10), &limits);
        assert_eq!(lease.requests.unwrap().allowed, 4, "it may have used six after the window began");
        let lease = book.ask(T + 120_000, "b", &requests(4, T + 2 * WINDOW_MS, 0, 10, 10), &limits);
        assert_eq!(lease.requests.unwrap().allowed, 10);
    }

    #[test]
    fn money_counts_what_is_recorded_and_what_is_held() {
        let mut book = Book::default();
        let lease = book.ask(T, "a", &money(1, 0, 30, 40), &account(None, Some(100), 50));
        assert_eq!(lease.money, Some(Grant { allowed: 40, limit: 100, remaining: 50, recalled: false }));
        let lease = book.ask(T, "b", &money(1, 0, 30, 40), &account(None, Some(100), 50)).money.unwrap();
        assert_eq!((lease.allowed, lease.recalled), (10, true));
        // "a" has spent 35, which are recorded now, and needs nothing more.
        book.ask(T, "a", &money(2, 0, 0, 0), &account(None, Some(100), 85));
        let lease = book.ask(T, "b", &money(2, 0, 30, 40), &account(None, Some(100), 85)).money.unwrap();
        assert_eq!((lease.allowed, lease.recalled), (15, false));
    }

    #[test]
    fn the_money_of_a_dead_holder_is_free_after_its_time() {
        let mut book = Book::default();
        let limits = account(None, Some(100), 0);
        book.ask(T, "dead", &money(1, 0, 100, 100), &limits);
        let before = book.ask(T + VALID_MS - 1, "b", &money(1, 0, 1, 50), &limits).money.unwrap();
        assert_eq!((before.allowed, before.recalled), (0, true));
        assert_eq!(book.ask(T + VALID_MS, "b", &money(2, 0, 1, 50), &limits).money.unwrap().allowed, 50);
    }

    #[test]
    fn what_is_used_beyond_the_limit_is_not_allowed_again_when_it_is_released() {
        let lease = Book::default().ask(T, "a", &money(1, 13, 0, 5), &account(None, Some(10), 0));
        assert_eq!(lease.money.unwrap().allowed, 10);
    }

    #[test]
    fn an_overtaken_ask_changes_nothing() {
        let mut book = Book::default();
        let limits = account(Some(10), None, 0);
        book.ask(T, "a", &requests(2, 0, 0, 3, 3), &limits);
        let late = book.ask(T, "a", &requests(1, 0, 0, 9, 9), &limits);
        assert_eq!((late.round, late.requests.unwrap().allowed), (2, 3));
    }

    #[test]
    fn a_clock_set_back_does_not_keep_a_window_open() {
        let mut book = Book::default();
        let limits = account(Some(1), None, 0);
        book.ask(T + 3_600_000, "a", &requests(1, 0, 0, 1, 1), &limits);
        let lease = book.ask(T, "a", &requests(2, T + 3_600_000, 1, 1, 1), &limits);
        assert_eq!(lease.requests.unwrap().allowed, 1, "used");
        assert!(lease.window_ends_in_ms <= WINDOW_MS);
        let lease = book.ask(T + WINDOW_MS, "a", &requests(3, T + WINDOW_MS, 0, 1, 1), &limits);
        assert_eq!(lease.requests.unwrap().allowed, 1, "a new window");
    }

    #[test]
    fn what_a_dead_holder_held_comes_back_whichever_way_the_clock_jumps() {
        let limits = account(None, Some(100), 0);
        let ask = |book: &mut Book, now, round| {
            book.ask(now, "b", &money(round, 0, 1, 50), &limits).money.unwrap().allowed
        };
        let mut book = Book::default();
        book.ask(T + 3_600_000, "dead", &money(1, 0, 100, 100), &limits);
        assert_eq!(ask(&mut book, T, 1), 0, "an hour back: it may be alive");
        assert_eq!(ask(&mut book, T + VALID_MS - 1, 2), 0);
        assert_eq!(ask(&mut book, T + VALID_MS, 3), 50, "not an hour later");
        let mut book = Book::default();
        book.ask(T, "dead", &money(1, 0, 100, 100), &limits);
        assert_eq!(ask(&mut book, T + 3_600_000, 1), 50);
    }

    #[test]
    fn without_a_limit_there_is_no_grant() {
        let lease = Book::default().ask(T, "a", &requests(1, 0, 0, 1, 1), &account(None, None, 0));
        assert_eq!((lease.requests, lease.tokens, lease.parallel, lease.money), (None, None, None, None));
    }
}
