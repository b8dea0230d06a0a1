//! Which workers are alive: what a dead one has reserved must not stay reserved.
//!
//! A VM that traps is replaced by an empty one that knows nothing of its requests. So every VM takes a number that is
//! never given again, says regularly that it is there, and is struck off when it does not.

use super::codec::{Decoder, Encoder};

/// A VM that was silent for this long is dead, milliseconds. Ticks come every second; a worker that is blocked for
/// longer than this serves nobody either.
const SILENCE_MS: u64 = 15_000;

/// The VMs of one Envoy process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roster {
    /// The number that the next one gets.
    next: u64,
    /// Number, and when it was heard of last.
    alive: Vec<(u64, u64)>,
}

impl Roster {
    /// A VM joins. Returns its number.
    pub(super) fn join(&mut self, now: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        self.alive.push((number, now));
        number
    }

    /// A VM is there; those that were silent for too long are struck off.
    pub(super) fn hear(&mut self, number: u64, now: u64) {
        self.alive.retain(|(other, heard)| *other != number && now.saturating_sub(*heard) < SILENCE_MS);
        self.alive.push((number, now));
    }

    /// Whether a VM lives, or joined after this copy of the roster was read.
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
