//! Applies limits to a request: what it counts against, and what its client is told.

use std::borrow::Cow;

use crate::config::BUDGET_EXCEEDED_STATUS;
use crate::key::{Account, AccountId, AccountKind};
use crate::limits::{Claim, Habits, Prospect, Refusal, Resource, Standing};
use crate::openai::{ErrorBody, service_tier, web_search};
use crate::table::Endpoint;

use super::Reply;
use super::call::Call;
use super::date::date_time;
use super::headers::{Headers, dollars};

/// A request's reservations, and the state of the accounts when it was admitted.
#[derive(Debug)]
pub struct Entered {
    /// What it counts against.
    pub claim: Claim,
    /// States, in the order of [`Claim::accounts`].
    pub standings: Vec<Standing>,
}

impl Call {
    /// What the request counts against, and its estimated usage; `None` if no limit applies.
    pub fn claim(&self, habits: &Habits) -> Option<Claim> {
        let group = self.table.groups.get(self.group)?;
        if self.memo.counts {
            return None;
        }
        Claim::new(self.key.iter().chain(&self.payers), self.model_name(), || {
            let members = self.table.members(&group.name);
            let kept = self.kept.borrow();
            let request = kept.as_ref().and_then(|kept| kept.request(self.memo.operation));
            let tier = |endpoint: &Endpoint| {
                let request = request.clone()?.with_defaults(&endpoint.deployment.defaults);
                service_tier(request.get("service_tier"))
            };
            habits.expect(&Prospect {
                group: &group.name,
                prompt: self.prompt_tokens(),
                most_completion: self.most_completion,
                units: self.units,
                search: request.as_ref().and_then(|request| web_search(request.get("web_search_options"))),
                prices: members
                    .iter()
                    .filter_map(|endpoint| {
                        let price = endpoint.expected_price(&self.model_of(endpoint))?;
                        Some((price, tier(endpoint)))
                    })
                    .collect(),
            })
        })
    }

    /// The response to a request that exceeds a limit. `now_ms` is Unix time.
    pub fn refused(&self, account: &AccountId, refusal: &Refusal, now_ms: u64) -> Reply {
        let reply = self.refusal(account, refusal, now_ms);
        self.progress.borrow_mut().error = reply.error.as_deref().map(ErrorBody::told);
        self.in_language(reply)
    }

    fn refusal(&self, account: &AccountId, refusal: &Refusal, now_ms: u64) -> Reply {
        if refusal.resource == Resource::Money {
            let status = self.table.settings.budget_exceeded_status_code.unwrap_or(BUDGET_EXCEEDED_STATUS);
            let error = ErrorBody::new(status, "budget_exceeded", self.over_budget(account, refusal));
            // SDKs would try a 429 again.
            return Reply::from(error).with("x-should-retry", "false");
        }
        let kind = match refusal.resource {
            Resource::Tokens => "tokens",
            Resource::Parallel => "max_parallel_requests",
            Resource::Requests | Resource::Money => "requests",
        };
        let resets_at = format!("{} UTC", date_time(now_ms.saturating_add(refusal.resets_in_ms) / 1000));
        let message = format!(
            "Rate limit exceeded for {}: {}. Limit type: {kind}. Current limit: {}, Remaining: {}. Limit resets at: \
             {resets_at}",
            descriptor(account),
            subject(account),
            refusal.limit,
            refusal.remaining,
        );
        Reply::from(ErrorBody::new(429, "throttling_error", message))
            .with("retry-after", refusal.resets_in_ms.div_ceil(1000).to_string())
            .with("rate_limit_type", kind)
            .with("reset_at", resets_at)
    }

    /// The response to a request whose limits cannot be checked now.
    pub fn limits_unknown(&self) -> Reply {
        let error = ErrorBody::new(
            503,
            "service_unavailable_error",
            "The key service is not responding, so this key's limits cannot be checked. Try again later.",
        );
        self.progress.borrow_mut().error = Some(error.told());
        self.in_language(error.into()).with("retry-after", "1")
    }

    fn over_budget(&self, account: &AccountId, refusal: &Refusal) -> String {
        let (spend, budget) = (python_dollars(refusal.spend), python_dollars(refusal.limit));
        let id = &account.id;
        let key = self.key.as_ref();
        match (account.kind, &account.model) {
            (AccountKind::Key, Some(model)) => {
                let alias = key.and_then(|key| key.key_alias.as_deref()).unwrap_or("None");
                format!("LiteLLM Virtual Key: {id}, key_alias: {alias}, exceeded budget for model={model}")
            }
            (AccountKind::Key, None) => {
                let name = key.map(|key| key.key_name.as_str()).unwrap_or_default();
                format!(
                    "Budget has been exceeded! Key=key ({name}) Current cost: {spend}, Max budget: {budget}"
                )
            }
            (AccountKind::Team, _) => {
                format!("Budget has been exceeded! Team={id} Current cost: {spend}, Max budget: {budget}")
            }
            (AccountKind::Organization, _) => {
                format!(
                    "Budget has been exceeded! Organization={id} Current cost: {spend}, Max budget: {budget}"
                )
            }
            (AccountKind::Tag, _) => {
                format!("Budget has been exceeded! Tag={id} Current cost: {spend}, Max budget: {budget}")
            }
            (AccountKind::Gateway, _) => {
                format!("Budget has been exceeded! Current cost: {spend}, Max budget: {budget}")
            }
            (AccountKind::User, _) => {
                format!("ExceededBudget: User={id} over budget. Spend={spend}, Budget={budget}")
            }
            (AccountKind::Customer, _) => {
                format!("ExceededBudget: End User={id} over budget. Spend={spend}, Budget={budget}")
            }
            (AccountKind::TeamMember, _) => {
                let (team, user) = member(account);
                format!(
                    "Budget has been exceeded! User={user} in Team={team} Current cost: {spend}, Max budget: {budget}"
                )
            }
        }
    }
}

/// Adds headers with the state of a request's accounts. `cost` is the request's own cost so far, picodollars.
pub(super) fn limit_headers(headers: &mut Headers, call: &Call, cost: u64) {
    let entered = call.entered.get();
    let standings = || {
        let claimed = entered.into_iter().flat_map(|entered| entered.claim.accounts());
        claimed.zip(entered.map(|entered| entered.standings.as_slice()).unwrap_or_default())
    };
    if let Some(own) = call.key.as_ref().and_then(|key| key.accounts.first()) {
        let current = standings().find(|(account, _)| account.id == own.id);
        let spend = current.map_or(call.key_spend, |(_, standing)| standing.spend);
        headers.set("x-litellm-key-spend", python_dollars(spend.saturating_add(cost)));
        if let Some(budget) = own.max_budget {
            headers.set("x-litellm-key-max-budget", python_dollars(budget));
        }
        for (name, limit) in
            [("x-litellm-key-tpm-limit", own.tpm_limit), ("x-litellm-key-rpm-limit", own.rpm_limit)]
        {
            if let Some(limit) = limit {
                headers.set(name, limit.to_string());
            }
        }
    }
    for (Account { id, .. }, standing) in standings() {
        let whose = descriptor(id);
        for (what, state) in [("requests", standing.requests), ("tokens", standing.tokens)] {
            if let Some((limit, remaining)) = state {
                headers.set(format!("x-ratelimit-{whose}-limit-{what}"), limit.to_string());
                headers.set(format!("x-ratelimit-{whose}-remaining-{what}"), remaining.to_string());
            }
        }
    }
}

/// `LiteLLM`'s name for what is limited.
fn descriptor(account: &AccountId) -> &'static str {
    match (account.kind, account.model.is_some()) {
        (AccountKind::Key, false) => "api_key",
        (AccountKind::Key, true) => "model_per_key",
        (AccountKind::User, false) => "user",
        (AccountKind::User, true) => "model_per_user",
        (AccountKind::Team, false) => "team",
        (AccountKind::Team, true) => "model_per_team",
        (AccountKind::TeamMember, false) => "team_member",
        (AccountKind::TeamMember, true) => "model_per_team_member",
        (AccountKind::Organization, false) => "organization",
        (AccountKind::Organization, true) => "model_per_organization",
        (AccountKind::Customer, _) => "end_user",
        (AccountKind::Tag, _) => "tag",
        (AccountKind::Gateway, _) => "gateway",
    }
}

/// The id of the owner.
fn subject(account: &AccountId) -> String {
    let id = match account.kind {
        AccountKind::TeamMember => {
            let (team, user) = member(account);
            Cow::Owned(format!("{team}:{user}"))
        }
        _ => Cow::Borrowed(account.id.as_str()),
    };
    account.model.as_ref().map_or_else(|| id.to_string(), |model| format!("{id}:{model}"))
}

/// Team and user of a team member.
fn member(account: &AccountId) -> (String, String) {
    crate::json::read(account.id.as_str()).unwrap_or_else(|_| (String::new(), account.id.clone()))
}

/// Formats picodollars as dollars, like a Python float.
fn python_dollars(pico: u64) -> String {
    // Python uses an exponent below one ten-thousandth.
    if pico > 0 && pico < 100_000_000 {
        let digits = pico.to_string();
        let (first, rest) = digits.trim_end_matches('0').split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{first}{point}{rest}e-{:02}", 13 - digits.len());
    }
    let mut text = dollars(pico);
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_printed_as_python_prints_a_float() {
        for (pico, text) in [
            (0, "0.0"),
            (1, "1e-12"),
            (1_000_000, "1e-06"),
            (25_000_000, "2.5e-05"),
            (100_000_000, "0.0001"),
            (3_000_000_000, "0.003"),
            (10_500_000_000_000, "10.5"),
            (100_000_000_000_000, "100.0"),
        ] {
            assert_eq!(python_dollars(pico), text);
        }
    }

    #[test]
    fn a_member_is_named_by_team_and_user() {
        let account = AccountId { model: Some("gpt".into()), ..AccountId::of_member("t", "u") };
        assert_eq!(subject(&account), "t:u:gpt");
        assert_eq!(descriptor(&account), "model_per_team_member");
    }
}
