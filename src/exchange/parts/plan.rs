//! Decides whether and how a request is split.

use crate::json::{Raw, Writer, range_in, read};
use crate::openai::{ErrorBody, Operation, input_tokens};

use super::super::admitted_body::AdmittedBody;
use super::super::call::Call;
use super::{Account, MOST, Parts, Phase};

impl Call {
    /// Splits the request if it has more inputs than some deployment that may serve it accepts. The parts
    /// request `model`, the name of a group.
    ///
    /// # Errors
    /// There would be too many parts.
    pub(in super::super) fn split(&self, model: &str) -> Result<(), ErrorBody> {
        if self.memo.operation != Operation::Embeddings || self.table.settings.own_cluster.is_none() {
            return Ok(());
        }
        let parts = match &*self.kept.borrow() {
            Some(kept) => self.plan(kept, model)?,
            None => None,
        };
        if let Some(mut parts) = parts {
            // Count while the body is available, because limits need it.
            self.prompt_tokens();
            if let Some(kept) = self.kept.take() {
                parts.body = kept.into_text();
            }
            self.parts.replace(Some(parts));
        }
        Ok(())
    }

    fn plan(&self, kept: &AdmittedBody, model: &str) -> Result<Option<Parts>, ErrorBody> {
        let Some(request) = kept.request(Operation::Embeddings) else { return Ok(None) };
        // A single text, as in most requests, or too few to need splitting.
        let Some(input) = request.get("input").filter(|input| input.get().starts_with('[')) else {
            return Ok(None);
        };
        let has_images =
            ["\"data:image", "\"image_url\"", "\"image\""].iter().any(|mark| input.get().contains(mark));
        let limits = self.limits(has_images);
        // An input is two bytes long at least, and a token one.
        let length = input.get().len();
        if limits.inputs.is_none_or(|most| length / 2 <= most)
            && limits.tokens.is_none_or(|most| length as u64 <= most)
        {
            return Ok(None);
        }
        let Ok(items) = read::<Vec<Raw<'_>>>(input) else { return Ok(None) };
        // An array of numbers is a single input, as tokens.
        let is_one = items.first().is_none_or(|item| item.get().starts_with(|c: char| c.is_ascii_digit()));
        let firsts = if is_one { Vec::new() } else { limits.firsts(&items) };
        let count = firsts.len();
        if count < 2 {
            return Ok(None);
        }
        if count > MOST {
            return Err(ErrorBody::invalid(
                "input",
                &format!(
                    "the array has {} items; the model's provider accepts so few per request that it would be split \
                     into {count} requests, and the gateway splits a request into at most {MOST}",
                    items.len()
                ),
            ));
        }
        let place = |item: &Raw<'_>| range_in(kept.text().as_bytes(), item.get());
        let Some(inputs) = items.iter().map(place).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let mut opening = Vec::with_capacity(256);
        let mut w = Writer::new(&mut opening);
        w.object().key("model").string(model);
        for member in request.object().members() {
            if !member.is("model") && !member.is("input") {
                w.raw(member.key.token()).bytes().push(b':');
                w.raw(member.value.get());
            }
        }
        w.key("input").array();
        Ok(Some(Parts {
            body: String::new(),
            inputs,
            opening,
            firsts,
            next: 0,
            under_way: 0,
            answers: vec![None; count],
            account: Account::default(),
            phase: Phase::Asking,
        }))
    }

    /// The smallest limits among the deployments that may serve the request.
    fn limits(&self, has_images: bool) -> Limits {
        let table = &self.table;
        let mut most = Limits::default();
        let journey = self.journey.borrow();
        let mut groups = vec![(self.group, journey.wildcard())];
        let mut at = 0;
        while let Some(&(index, wildcard)) = groups.get(at) {
            at += 1;
            let Some(group) = table.groups.get(index) else { continue };
            for endpoint in table.members(&table.whole(group).name) {
                let model = endpoint.model(wildcard);
                let dialect = endpoint.provider.dialect_of(&model);
                let own = if has_images && dialect.embeds_images_alone() {
                    Some(1)
                } else {
                    dialect.most_inputs(endpoint.provider, &model)
                };
                most.inputs = most.inputs.into_iter().chain(own.filter(|own| *own > 0)).min();
                let tokens = dialect.most_input_tokens(endpoint.provider, &model);
                most.tokens = most.tokens.into_iter().chain(tokens).min();
            }
            if self.asked.disable_fallbacks {
                break;
            }
            let own = group.context_window_fallbacks.iter().flatten();
            let names = match &self.asked.fallbacks {
                Some(asked) => asked.iter(),
                None => group.fallbacks.iter(),
            };
            for name in names.chain(own) {
                if let Some(route) = self.route(name)
                    && groups.iter().all(|(known, _)| *known != route.group)
                {
                    groups.push((route.group, route.wildcard));
                }
            }
        }
        most
    }
}

/// What a provider accepts per request; `None` if no maximum is known.
#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    inputs: Option<usize>,
    /// Tokens of all inputs together.
    tokens: Option<u64>,
}

impl Limits {
    /// The index of the first input of each part.
    fn firsts(self, inputs: &[Raw<'_>]) -> Vec<usize> {
        // Tokens are estimated, with an error of at most a quarter.
        let most_tokens = self.tokens.map(|most| most - most / 4);
        let (mut firsts, mut tokens) = (Vec::new(), 0_u64);
        for (at, input) in inputs.iter().enumerate() {
            let own = if most_tokens.is_some() { input_tokens(*input) } else { 0 };
            let is_full = firsts.last().is_none_or(|first| {
                self.inputs.is_some_and(|most| at - first >= most)
                    || most_tokens.is_some_and(|most| tokens.saturating_add(own) > most)
            });
            if is_full {
                firsts.push(at);
                tokens = 0;
            }
            tokens = tokens.saturating_add(own);
        }
        firsts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firsts(limits: Limits, inputs: &str) -> Vec<usize> {
        limits.firsts(&read::<Vec<Raw<'_>>>(inputs).unwrap())
    }

    #[test]
    fn a_part_ends_where_the_inputs_or_their_tokens_are_too_many() {
        let of = |inputs, tokens| Limits { inputs, tokens };
        let words = format!("[{}]", [r#""one two three""#; 7].join(","));
        assert_eq!(firsts(of(Some(3), None), &words), [0, 3, 6]);
        // Three tokens each, and three quarters of the limit.
        assert_eq!(firsts(of(None, Some(8)), &words), [0, 2, 4, 6]);
        assert_eq!(firsts(of(Some(1), Some(8)), &words), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(
            firsts(of(None, Some(1)), &words).len(),
            7,
            "one that is too long is the provider's to refuse"
        );
        assert_eq!(firsts(of(None, Some(8)), "[[1,2,3],[4,5,6],[7]]"), [0, 2]);
        assert_eq!(firsts(of(None, None), &words), [0]);
    }
}
