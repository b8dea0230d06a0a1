//! What the rows of roll-ups add up.

/// One list of the fields: the columns are named after them.
macro_rules! sums {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The columns of `usage_rollup` with sums, in the order of [`Sums::values`].
        pub(super) const COLUMNS: [&str; COUNT] = [$(stringify!($name)),*];

        const COUNT: usize = [$(stringify!($name)),*].len();

        /// What was used.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Sums {
            $($(#[$doc])* pub $name: i64,)*
        }

        impl Sums {
            /// In the order of [`COLUMNS`].
            pub(super) fn values(&self) -> [i64; COUNT] {
                [$(self.$name),*]
            }

            /// From the order of [`COLUMNS`].
            pub(super) fn of(values: [i64; COUNT]) -> Self {
                let [$($name),*] = values;
                Self { $($name),* }
            }
        }
    };
}

sums! {
    /// Requests.
    requests,
    /// Requests that were answered without an error.
    successes,
    /// Picodollars.
    spend,
    /// Prompt tokens, including cached ones.
    prompt_tokens,
    /// Completion tokens, including reasoning.
    completion_tokens,
    /// Prompt tokens read from a cache.
    cached_tokens,
    /// Prompt tokens written to a cache.
    cache_write_tokens,
    /// Completion tokens spent on reasoning.
    reasoning_tokens,
    /// Requests with cached tokens.
    cache_hits,
    /// Requests that a deployment answered.
    timed_requests,
    /// The duration of those, milliseconds.
    duration_ms,
    /// Requests with a known time to the first token.
    streamed_requests,
    /// That time of those, milliseconds.
    first_token_ms,
}

impl Sums {
    /// Adds other sums; what does not fit stays at the maximum.
    pub fn add(&mut self, other: &Self) {
        let mut values = self.values();
        for (value, more) in values.iter_mut().zip(other.values()) {
            *value = value.saturating_add(more);
        }
        *self = Self::of(values);
    }

    /// Requests that failed.
    pub fn failures(&self) -> i64 {
        self.requests.saturating_sub(self.successes)
    }

    /// Prompt and completion tokens.
    pub fn total_tokens(&self) -> i64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }

    /// Spend in USD.
    pub fn usd(&self) -> f64 {
        crate::money::Picodollars::from_stored(self.spend).usd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_the_order_of_their_columns() {
        let values = core::array::from_fn(|at| i64::try_from(at).unwrap());
        let sums = Sums::of(values);
        assert_eq!(sums.values(), values);
        assert_eq!((COLUMNS[2], sums.spend), ("spend", 2));
        assert_eq!((COLUMNS[12], sums.first_token_ms), ("first_token_ms", 12));
    }

    #[test]
    fn sums_stop_at_the_largest() {
        let mut sums = Sums { spend: i64::MAX, requests: 1, ..Sums::default() };
        sums.add(&Sums { spend: 1, requests: 2, ..Sums::default() });
        assert_eq!((sums.spend, sums.requests), (i64::MAX, 3));
    }
}
