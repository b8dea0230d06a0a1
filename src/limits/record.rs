//! What an Envoy process knows about an account, and its encoding.

use super::account::Resource;
use super::codec::{Decoder, Encoder};
use super::estimate::Amount;
use super::window::{Counter, Window};

/// The state of an account in an Envoy process, shared by its workers. Times are milliseconds of the workers'
/// common clock; 0 means "never".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Number of the last ask that was sent.
    pub(super) round: u64,
    /// Number of the last ask that was answered or given up.
    pub(super) answered: u64,
    /// When the last ask was sent.
    pub(super) asked_ms: u64,
    /// Until when the allowance may be used.
    pub(super) valid_until_ms: u64,
    /// Waiting requests do not need to ask before this, because others have been asked to return capacity.
    pub(super) ask_after_ms: u64,
    /// Until when the resources that the last response called exhausted count as exhausted.
    pub(super) refuse_until_ms: u64,
    /// Until when the key service need not be asked again, because it did not respond.
    pub(super) away_until_ms: u64,
    /// When a request was last admitted.
    pub(super) used_ms: u64,
    /// Recorded spend at the last response, picodollars.
    pub(super) spend: u64,
    /// The part of the money used here that was recorded since the last ask was sent, picodollars.
    pub(super) recorded: u64,
    /// Whether exceeding the soft budget was reported.
    pub(super) is_warned: bool,
    /// The window of requests and tokens.
    pub(super) window: Window,
    /// Requests admitted.
    pub(super) let_in: Counter,
    /// Tokens settled.
    pub(super) settled: Counter,
    /// The allowance of each resource.
    pub(super) meters: PerResource<Meter>,
    /// Reservations of the workers' requests.
    pub(super) shares: Vec<Share>,
}

/// One value for each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PerResource<T> {
    pub(super) requests: T,
    pub(super) tokens: T,
    pub(super) parallel: T,
    pub(super) money: T,
}

impl<T> PerResource<T> {
    pub(super) fn of(&self, resource: Resource) -> &T {
        match resource {
            Resource::Requests => &self.requests,
            Resource::Tokens => &self.tokens,
            Resource::Parallel => &self.parallel,
            Resource::Money => &self.money,
        }
    }

    pub(super) fn of_mut(&mut self, resource: Resource) -> &mut T {
        match resource {
            Resource::Requests => &mut self.requests,
            Resource::Tokens => &mut self.tokens,
            Resource::Parallel => &mut self.parallel,
            Resource::Money => &mut self.money,
        }
    }
}

/// The allowance and consumption of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) grant: Grant,
    /// Compared with what is used.
    pub(super) allowed: u64,
    /// The allowance that would satisfy all requests that were waiting at the last ask; 0 if there were none.
    pub(super) needed: u64,
    /// The account's limit.
    pub(super) limit: u64,
    /// Used by other Envoys, as of the last response.
    pub(super) elsewhere: u64,
    /// The last response said that no capacity is left for anyone.
    pub(super) is_exhausted: bool,
    /// Used since the last ask was sent; for parallel requests, the maximum at one time.
    pub(super) since: u64,
    /// Approximate use in two sync periods.
    pub(super) recent: u64,
}

/// What the last response said about a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Grant {
    /// Nothing, or there was no response.
    #[default]
    Unknown,
    /// It is limited.
    Limited,
    /// It is not limited.
    Unlimited,
}

/// The share of one worker's requests in the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// The VM's number.
    pub(super) vm: u64,
    /// Requests in flight.
    pub(super) parallel: u64,
    /// What they have reserved.
    pub(super) reserved: Amount,
    /// Spent but not recorded yet, picodollars.
    pub(super) unrecorded: u64,
}

impl Record {
    /// Changes the share of a VM, and removes it if it is empty.
    pub(super) fn change_share(&mut self, vm: u64, change: impl FnOnce(&mut Share)) {
        let mut share = Share { vm, ..Share::default() };
        if let Some(known) = self.shares.iter().find(|share| share.vm == vm) {
            share = *known;
        }
        change(&mut share);
        self.shares.retain(|other| other.vm != vm);
        if share != (Share { vm, ..Share::default() }) {
            self.shares.push(share);
        }
    }

    /// What the process has used of a resource, including reservations.
    pub(super) fn used(&self, resource: Resource) -> u64 {
        let sum = |part: fn(&Share) -> u64| self.shares.iter().map(part).fold(0, u64::saturating_add);
        match resource {
            Resource::Requests => self.let_in.present,
            Resource::Tokens => self.settled.present.saturating_add(sum(|share| share.reserved.tokens)),
            Resource::Parallel => sum(|share| share.parallel),
            Resource::Money => sum(|share| share.reserved.money.saturating_add(share.unrecorded)),
        }
    }

    /// Moves on to the window at `now`.
    pub(super) fn roll(&mut self, now: u64) {
        let passed = self.window.roll(now);
        if passed > 0 {
            self.begin_window(passed);
        }
    }

    /// Discards counts of past windows.
    pub(super) fn begin_window(&mut self, passed: u64) {
        self.let_in.roll(passed);
        self.settled.roll(passed);
        for resource in [Resource::Requests, Resource::Tokens] {
            let meter = self.meters.of_mut(resource);
            (meter.elsewhere, meter.is_exhausted) = (0, false);
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        let mut n = || from.number();
        let mut record = Self {
            round: n()?,
            answered: n()?,
            asked_ms: n()?,
            valid_until_ms: n()?,
            ask_after_ms: n()?,
            refuse_until_ms: n()?,
            away_until_ms: n()?,
            used_ms: n()?,
            spend: n()?,
            recorded: n()?,
            is_warned: n()? != 0,
            window: Window { name: n()?, ends_from_ms: n()?, ends_by_ms: n()? },
            let_in: Counter { present: n()?, next: n()? },
            settled: Counter { present: n()?, next: n()? },
            meters: PerResource::default(),
            shares: Vec::new(),
        };
        for resource in Resource::ALL {
            *record.meters.of_mut(resource) = Meter {
                grant: match n()? {
                    0 => Grant::Unknown,
                    1 => Grant::Limited,
                    _ => Grant::Unlimited,
                },
                allowed: n()?,
                needed: n()?,
                limit: n()?,
                elsewhere: n()?,
                is_exhausted: n()? != 0,
                since: n()?,
                recent: n()?,
            };
        }
        for _ in 0..n()? {
            record.shares.push(Share {
                vm: n()?,
                parallel: n()?,
                reserved: Amount { tokens: n()?, money: n()? },
                unrecorded: n()?,
            });
        }
        Some(record)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.numbers(&[self.round, self.answered, self.asked_ms, self.valid_until_ms, self.ask_after_ms]);
        to.numbers(&[self.refuse_until_ms, self.away_until_ms, self.used_ms, self.spend, self.recorded]);
        to.number(self.is_warned.into());
        to.numbers(&[self.window.name, self.window.ends_from_ms, self.window.ends_by_ms]);
        for counter in [self.let_in, self.settled] {
            to.numbers(&[counter.present, counter.next]);
        }
        for resource in Resource::ALL {
            let meter = self.meters.of(resource);
            to.number(match meter.grant {
                Grant::Unknown => 0,
                Grant::Limited => 1,
                Grant::Unlimited => 2,
            });
            to.numbers(&[meter.allowed, meter.needed, meter.limit, meter.elsewhere]);
            to.numbers(&[meter.is_exhausted.into(), meter.since, meter.recent]);
        }
        to.number(self.shares.len() as u64);
        for share in &self.shares {
            to.numbers(&[share.vm, share.parallel, share.reserved.tokens, share.reserved.money]);
            to.number(share.unrecorded);
        }
        to.finish()
    }
}
