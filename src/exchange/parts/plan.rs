//! Decides whether and how a request is split.

use crate::json::{Raw, Writer, range_in, read};
use crate::openai::{ErrorBody, Operation};

use super::super::call::Call;
use super::super::kept::Kept;
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

    fn plan(&self, kept: &Kept, model: &str) -> Result<Option<Parts>, ErrorBody> {
        let Some(request) = kept.request(Operation::Embeddings) else { return Ok(None) };
        // A single text, as in most requests, or too few to need splitting.
        let Some(input) = request.get("input").filter(|input| input.get().starts_with('[')) else {
            return Ok(None);
        };
        let Some(size) = self.most_inputs().filter(|most| input.get().len() / 2 > *most && *most > 0) else {
            return Ok(None);
        };
        let Ok(items) = read::<Vec<Raw<'_>>>(input) else { return Ok(None) };
        // An array of numbers is a single input, as tokens.
        let is_one = items.first().is_none_or(|item| item.get().starts_with(|c: char| c.is_ascii_digit()));
        if is_one || items.len() <= size {
            return Ok(None);
        }
        let count = items.len().div_ceil(size);
        if count > MOST {
            return Err(ErrorBody::invalid(
                "input",
                &format!(
                    "the array has {} items; the model's provider accepts {size} per request, and the gateway splits a request into at most {MOST}",
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
            size,
            next: 0,
            under_way: 0,
            answers: vec![None; count],
            account: Account::default(),
            phase: Phase::Asking,
        }))
    }

    /// The smallest maximum number of inputs among the deployments that may serve the request; `None` if no
    /// maximum is known.
    fn most_inputs(&self) -> Option<usize> {
        let table = &self.table;
        let mut most: Option<usize> = None;
        let way = self.way.borrow();
        let mut groups = vec![(self.group, way.wildcard())];
        let mut at = 0;
        while let Some(&(index, wildcard)) = groups.get(at) {
            at += 1;
            let Some(group) = table.groups.get(index) else { continue };
            for endpoint in table.members(&table.whole(group).name) {
                let model = endpoint.model(wildcard);
                let own = endpoint.provider.dialect_of(&model).most_inputs(endpoint.provider, &model);
                most = most.into_iter().chain(own).min();
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
                if let Some(route) = table.routes.find(name)
                    && groups.iter().all(|(known, _)| *known != route.group)
                {
                    groups.push((route.group, route.wildcard));
                }
            }
        }
        most
    }
}
