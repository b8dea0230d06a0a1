//! Windows of requests and tokens, synchronized with the key service's clock.
//!
//! A lease says how long the current window lasts, but the response was in transit for some time, so the end
//! is only known to be between two moments. Anything counted between them counts in both windows. The error
//! is conservative and at most one round trip per minute.

use crate::key::lease::WINDOW_MS;

/// The current window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// The service's name for it; 0 before the first response.
    pub(super) name: u64,
    /// The earliest time at which it ends.
    pub(super) ends_from_ms: u64,
    /// The latest time at which it ends; 0 if there is no window.
    pub(super) ends_by_ms: u64,
}

impl Window {
    /// Moves on to the window at `now`. Returns how many windows have passed.
    pub(super) fn roll(&mut self, now: u64) -> u64 {
        if self.ends_by_ms == 0 || now < self.ends_by_ms {
            return 0;
        }
        let passed = (now - self.ends_by_ms) / WINDOW_MS + 1;
        let time = passed.saturating_mul(WINDOW_MS);
        self.name = self.name.saturating_add(time);
        self.ends_from_ms = self.ends_from_ms.saturating_add(time);
        self.ends_by_ms = self.ends_by_ms.saturating_add(time);
        passed
    }

    /// Whether the next window may have started.
    pub(super) fn is_ending(&self, now: u64) -> bool {
        self.ends_by_ms != 0 && now >= self.ends_from_ms
    }

    /// Adopts the service's current window. Returns by how many windows it is later than assumed; `None` if
    /// they cannot be reconciled, because the service restarted counting.
    pub(super) fn align(&mut self, told: Self, now: u64) -> Option<u64> {
        let (before, time) = (*self, told.name.checked_sub(self.name));
        *self = told;
        match time {
            Some(0) => Some(0),
            Some(time) if time % WINDOW_MS == 0 && before.is_ending(now) => Some(time / WINDOW_MS),
            _ => None,
        }
    }
}

/// A count in the current window, and in the next one for what may belong there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) present: u64,
    pub(super) next: u64,
}

impl Counter {
    pub(super) fn add(&mut self, count: u64, is_ending: bool) {
        self.present = self.present.saturating_add(count);
        if is_ending {
            self.next = self.next.saturating_add(count);
        }
    }

    /// Subtracts what was just added.
    pub(super) fn take_back(&mut self, count: u64, is_ending: bool) {
        self.present = self.present.saturating_sub(count);
        if is_ending {
            self.next = self.next.saturating_sub(count);
        }
    }

    pub(super) fn roll(&mut self, passed: u64) {
        match passed {
            0 => {}
            1 => *self = Self { present: self.next, next: 0 },
            _ => *self = Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { name: 5_000, ends_from_ms: 100, ends_by_ms: 110 };

    #[test]
    fn what_is_counted_while_the_end_is_uncertain_counts_twice() {
        let (mut window, mut counter) = (WINDOW, Counter::default());
        for (now, count) in [(99, 1), (100, 10), (109, 100)] {
            assert_eq!(window.roll(now), 0);
            counter.add(count, window.is_ending(now));
        }
        assert_eq!(counter.present, 111);
        counter.roll(window.roll(110));
        assert_eq!((counter.present, window.name), (110, 65_000));
    }

    #[test]
    fn after_a_long_time_nothing_is_left_of_a_window() {
        let (mut window, mut counter) = (WINDOW, Counter { present: 3, next: 3 });
        counter.roll(window.roll(110 + WINDOW_MS));
        assert_eq!((counter, window.name), (Counter::default(), 125_000));
        assert_eq!(window.ends_by_ms, 110 + 2 * WINDOW_MS);
    }

    #[test]
    fn the_services_word_for_the_window_counts() {
        let told = |name| Window { name, ends_from_ms: 500, ends_by_ms: 510 };
        assert_eq!(WINDOW.clone().align(told(5_000), 50), Some(0));
        assert_eq!(WINDOW.clone().align(told(65_000), 105), Some(1));
        assert_eq!(WINDOW.clone().align(told(65_000), 50), None, "it cannot have ended yet");
        assert_eq!(WINDOW.clone().align(told(6_000), 105), None);
        assert_eq!(WINDOW.clone().align(told(4_000), 105), None);
    }
}
