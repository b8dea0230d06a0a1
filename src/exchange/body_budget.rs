//! Limits the total size of large request bodies that a worker holds.
//!
//! Envoy limits each body, and checks its whole heap ten times a second: many large bodies that start between
//! two checks could exhaust the memory. So a body is counted in advance, by its `content-length`, or as its
//! bytes arrive if there is none. It counts until its request ends, because Envoy keeps it for retries.

use core::cell::Cell;
use std::rc::Rc;

/// Bodies up to this size are neither counted nor rejected: most requests are this small, and Envoy has time
/// to notice when they add up.
const SMALL: u64 = 64 << 10;

/// The bytes held by the requests of a worker.
#[derive(Debug, Default)]
pub struct BodyBudget {
    held: Cell<u64>,
}

impl BodyBudget {
    /// Bytes that are currently counted.
    pub fn held(&self) -> u64 {
        self.held.get()
    }
}

/// What is counted for a request, until it is dropped.
#[derive(Debug, Default)]
pub struct Hold {
    budget: Option<Rc<BodyBudget>>,
    bytes: u64,
}

impl Hold {
    /// The body has at least `bytes` bytes. Returns whether it may be held: the total stays within `most`, or
    /// there is no other body, because a body of the maximum size must be possible.
    #[inline]
    pub(super) fn grow(&mut self, budget: &Rc<BodyBudget>, bytes: u64, most: Option<u64>) -> bool {
        if bytes <= SMALL || bytes <= self.bytes {
            return true;
        }
        self.grow_large(budget, bytes, most)
    }

    #[cold]
    fn grow_large(&mut self, budget: &Rc<BodyBudget>, bytes: u64, most: Option<u64>) -> bool {
        let Some(most) = most else { return true };
        let budget = self.budget.get_or_insert_with(|| Rc::clone(budget));
        let others = budget.held.get().saturating_sub(self.bytes);
        let all = others.saturating_add(bytes);
        if others > 0 && all > most {
            return false;
        }
        budget.held.set(all);
        self.bytes = bytes;
        true
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.held.set(budget.held.get().saturating_sub(self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn hold(budget: &Rc<BodyBudget>, bytes: u64) -> Option<Hold> {
        let mut hold = Hold::default();
        hold.grow(budget, bytes, Some(100 * MIB)).then_some(hold)
    }

    #[test]
    fn bodies_are_held_up_to_the_bound_and_given_back() {
        let budget = Rc::default();
        let first = hold(&budget, 60 * MIB).unwrap();
        let second = hold(&budget, 40 * MIB).unwrap();
        assert!(hold(&budget, MIB).is_none());
        assert_eq!(budget.held(), 100 * MIB, "what was refused is not counted");
        drop(second);
        let third = hold(&budget, 40 * MIB).unwrap();
        drop((first, third));
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_small_body_is_never_refused_and_a_large_one_has_its_turn() {
        let budget = Rc::default();
        let large = hold(&budget, 500 * MIB).unwrap();
        assert!(hold(&budget, SMALL).is_some());
        assert!(hold(&budget, SMALL + 1).is_none());
        drop(large);
        assert!(hold(&budget, SMALL + 1).is_some());
    }

    #[test]
    fn a_body_without_a_length_is_counted_as_it_arrives() {
        let budget = Rc::default();
        let _other = hold(&budget, 50 * MIB).unwrap();
        let mut hold = Hold::default();
        for mib in 1..=50 {
            assert!(hold.grow(&budget, mib * MIB, Some(100 * MIB)), "{mib}");
            assert_eq!(budget.held(), (50 + mib) * MIB);
        }
        assert!(!hold.grow(&budget, 51 * MIB, Some(100 * MIB)));
        assert!(hold.grow(&budget, 50 * MIB, Some(100 * MIB)), "it has that much already");
        drop(hold);
        assert_eq!(budget.held(), 50 * MIB);
    }

    #[test]
    fn where_the_memory_is_not_known_nothing_is_refused() {
        let (budget, mut hold) = (Rc::default(), Hold::default());
        assert!(hold.grow(&budget, u64::MAX, None));
        assert_eq!(budget.held(), 0);
    }
}
