//! Estimates what a request will use: the expected amount, not the worst case. Reasons:
//! `docs/decisions/0021-reservations.md`.

use hashbrown::HashMap;

use crate::config::{Price, SearchSize, ServiceTier};
use crate::facts::{Units, Usage};
use crate::price;

/// Maximum prompt if the model's window is unknown, tokens; hardly any model accepts more.
const LONGEST_PROMPT: u64 = 1 << 20;

/// Expected response of a group without responses so far, tokens.
const FIRST_ANSWER: u64 = 256;

/// The weight of one response in a group's mean is 1 divided by this.
const MEMORY: u64 = 8;

/// Maximum number of groups that a worker remembers: those of the current configuration and the one before.
const GROUPS: usize = 10_000;

/// An amount of tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Prompt and completion.
    pub tokens: u64,
    /// Picodollars.
    pub money: u64,
}

/// What is known about a request before it is served.
#[derive(Clone, Debug, Default)]
pub struct Prospect<'a> {
    /// `model_name` of its group.
    pub group: &'a str,
    /// Its prompt, tokens.
    pub prompt: u64,
    /// The longest response that it allows over all choices, tokens; 0 if the operation generates no text.
    pub most_completion: Option<u64>,
    /// What it asks for in other units than tokens.
    pub units: Units,
    /// The context size of the web search that the request allows, if any.
    pub search: Option<SearchSize>,
    /// The known prices of the deployments that may serve it, with the tier that each is asked for.
    pub prices: Vec<(&'a Price, Option<ServiceTier>)>,
}

/// The usual length of responses of each model group.
#[derive(Debug, Default)]
pub struct Habits {
    /// Mean length in tokens, times [`MEMORY`], so that short responses are not rounded to 0.
    answers: HashMap<String, u64>,
}

/// A prompt's estimated length, limited to its model's window, tokens.
pub fn within_window(prompt: u64, window: Option<u64>) -> u64 {
    prompt.clamp(1, window.unwrap_or(LONGEST_PROMPT).max(1))
}

impl Habits {
    /// The request's estimated usage; if there are several prices, the highest counts.
    pub fn expect(&self, prospect: &Prospect<'_>) -> Amount {
        let usual = self.answers.get(prospect.group).map_or(FIRST_ANSWER, |sum| sum.div_ceil(MEMORY));
        let prompt = prospect.prompt.max(1);
        let completion = prospect.most_completion.map_or(usual, |most| usual.min(most));
        let (searches, search_size) = (prospect.search.is_some().into(), prospect.search);
        let units = prospect.units;
        let usage = Usage { prompt, completion, searches, search_size, units, ..Usage::default() };
        let costs =
            prospect.prices.iter().map(|(price, tier)| price::cost(price, &Usage { tier: *tier, ..usage }));
        Amount { tokens: usage.total(), money: costs.max().unwrap_or_default() }
    }

    /// Records the length of a response.
    pub fn learn(&mut self, group: &str, completion: u64) {
        if completion == 0 {
            return;
        }
        if let Some(sum) = self.answers.get_mut(group) {
            *sum = (*sum - *sum / MEMORY).saturating_add(completion);
        } else if self.answers.len() < GROUPS {
            self.answers.insert(group.to_owned(), completion.saturating_mul(MEMORY));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tier;

    fn prospect(prompt: u64, most_completion: Option<u64>) -> Prospect<'static> {
        Prospect { group: "gpt", prompt, most_completion, ..Prospect::default() }
    }

    #[test]
    fn the_first_answer_of_a_group_is_guessed_and_a_clients_maximum_bounds_it() {
        let habits = Habits::default();
        assert_eq!(habits.expect(&prospect(100, None)).tokens, 100 + FIRST_ANSWER);
        assert_eq!(habits.expect(&prospect(100, Some(10))).tokens, 110);
        assert_eq!(habits.expect(&prospect(100, Some(100_000))).tokens, 100 + FIRST_ANSWER, "not the worst");
        assert_eq!(habits.expect(&prospect(0, Some(0))).tokens, 1);
    }

    #[test]
    fn a_group_is_expected_to_answer_as_it_did() {
        let mut habits = Habits::default();
        habits.learn("gpt", 40);
        assert_eq!(habits.expect(&prospect(1, None)).tokens, 41);
        (0..100).for_each(|_| habits.learn("gpt", 1_000));
        let expected = habits.expect(&prospect(1, None)).tokens;
        assert!((990..=1_001).contains(&expected), "{expected}");
        habits.learn("gpt", 0);
        assert_eq!(habits.expect(&prospect(1, None)).tokens, expected, "a failure is no short answer");
    }

    #[test]
    fn no_prompt_is_longer_than_its_models_window() {
        assert_eq!(within_window(20_000_000, None), LONGEST_PROMPT);
        assert_eq!(within_window(20_000_000, Some(8_000)), 8_000);
        assert_eq!(within_window(0, Some(8_000)), 1);
    }

    #[test]
    fn of_several_prices_the_highest_counts() {
        let price =
            |rate| Price { input_cost_per_token: rate, output_cost_per_token: rate, ..Price::default() };
        let (cheap, dear) = (price(1e-6), price(5e-6));
        let asked = Prospect { prices: vec![(&cheap, None), (&dear, None)], ..prospect(10, Some(10)) };
        assert_eq!(Habits::default().expect(&asked).money, 20 * 5_000_000);
    }

    #[test]
    fn the_tier_and_the_search_that_a_request_asks_for_are_expected() {
        let flex = Tier {
            service: ServiceTier::Flex,
            input_cost_per_token: Some(1e-6),
            output_cost_per_token: Some(1e-6),
            ..Tier::default()
        };
        let price = Price {
            input_cost_per_token: 2e-6,
            output_cost_per_token: 2e-6,
            search_cost: Some(0.01),
            search_cost_high: Some(0.02),
            tiers: vec![flex],
            ..Price::default()
        };
        let expected = |tier, search| {
            let asked = Prospect { prices: vec![(&price, tier)], search, ..prospect(10, Some(10)) };
            Habits::default().expect(&asked).money
        };
        assert_eq!(expected(None, None), 40_000_000);
        assert_eq!(expected(Some(ServiceTier::Flex), None), 20_000_000);
        assert_eq!(expected(None, Some(SearchSize::High)), 20_040_000_000);
    }
}
