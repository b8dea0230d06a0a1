//! Tracks which workers are alive, so that the reservations of dead ones are released.
//!
//! A VM that traps is replaced by an empty one, which does not know its requests. So every VM gets a unique
//! number, reports regularly that it is alive, and is removed when it stops doing so.

use super::codec::{Decoder, Encoder};

/// A VM that has not reported for this long is dead, milliseconds. Ticks come every second, and a worker that
/// is blocked for longer serves no requests either.
const SILENCE_MS: u64 = 15_000;

/// The VMs of an Envoy process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roster {
    /// The next number.
    next: u64,
    /// Numbers, and when they last reported.
    alive: Vec<(u64, u64)>,
}

impl Roster {
    /// Adds a VM. Returns its number.
    pub(super) fn join(&mut self, now: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        self.alive.push((number, now));
        number
    }

    /// A VM reports; those that have not reported for too long are removed.
    pub(super) fn hear(&mut self, number: u64, now: u64) {
        self.alive.retain(|(other, heard)| *other != number && now.saturating_sub(*heard) < SILENCE_MS);
        self.alive.push((number, now));
    }

    /// Whether a VM is alive, or joined after this copy of the roster was read.
    pub(super) fn lives(&self, number: u64) -> bool {
        number >= self.next || self.alive.iter().any(|(other, _)| *other == number)
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let (next, count) = (decoder.number()?, decoder.number()?);
        let alive =
            (0..count).map(|_| Some((decoder.number()?, decoder.number()?))).collect::<Option<_>>()?;
        Some(Self { next, alive })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.numbers(&[self.next, self.alive.len() as u64]);
        for (number, heard) in &self.alive {
            encoder.numbers(&[*number, *heard]);
        }
        encoder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_for_long_is_struck_off_and_its_number_not_given_again() {
        let mut roster = Roster::default();
        let (first, second) = (roster.join(0), roster.join(0));
        roster.hear(second, SILENCE_MS);
        assert!(!roster.lives(first) && roster.lives(second));
        assert_eq!(roster.join(SILENCE_MS), 2);
        assert_eq!(Roster::read(&roster.write()), Some(roster));
    }

    #[test]
    fn a_newcomer_is_alive_for_who_has_not_heard_of_it() {
        let mut roster = Roster::default();
        roster.join(0);
        let old = roster.clone();
        let newcomer = roster.join(0);
        assert!(old.lives(newcomer));
    }
}
