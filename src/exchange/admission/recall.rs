//! Requests that refer to stored responses: the key service is asked before they are admitted.

use core::any::Any;
use std::rc::Rc;

use super::super::Reply;
use super::super::stored::{self, Answer};
use super::payer::Payer;
use super::{Admission, Joining, Phase, Step};
use crate::inbound::{Language, Recalled};
use crate::key::RECALL_PATH;

impl Joining {
    /// What the response needs of the request, with what it continues.
    pub(super) fn noted(
        &self,
        language: Option<&dyn Language>,
        echo: Option<Rc<dyn Any>>,
    ) -> Option<Rc<dyn Any>> {
        match (language.and_then(Language::stateful), &self.recall) {
            (Some(language), Some(recall)) => language.note(echo, recall),
            _ => echo,
        }
    }
}

impl Admission {
    /// What must happen before the request with this body is admitted; `None` if nothing must. Call it after
    /// [`Step::Admit`].
    pub fn recall(&mut self, body: &[u8]) -> Option<Step> {
        let unsealed = match self.unsealed(body) {
            Ok(unsealed) => unsealed,
            Err(error) => return Some(self.refuse(error.into(), body)),
        };
        let step = self.recall_stored(unsealed.as_deref().unwrap_or(body));
        match (&step, &mut self.phase) {
            (None, _) => return unsealed.map(Step::Rewrite),
            (Some(_), Phase::Joining(joining)) => joining.unsealed = unsealed,
            _ => {}
        }
        step
    }

    fn recall_stored(&mut self, body: &[u8]) -> Option<Step> {
        let language = self.language.filter(|_| self.table.settings.store_responses)?.stateful()?;
        let has_native = self.has_native(body);
        let Phase::Joining(joining) = &mut self.phase else { return None };
        if joining.recall.is_some() {
            return None;
        }
        match language.recall(body) {
            Ok(mut recall) => {
                // The provider has them itself.
                if joining.pinned.as_ref().is_some_and(|pinned| pinned.continues) {
                    recall.previous = None;
                }
                if has_native {
                    recall.items.clear();
                }
                let asks = recall.previous.is_some() || !recall.items.is_empty();
                let token = joining.verdict.as_ref().and_then(Payer::token);
                let call = asks.then(|| stored::recall(&recall, token));
                (joining.recall, joining.is_asking) = (Some(recall), asks);
                Some(Step::Ask { path: RECALL_PATH, body: call? })
            }
            Err(error) => Some(self.refuse(error.into(), body)),
        }
    }

    /// Handles the key service's response to [`Step::Ask`], if there was one. `body` is the request's.
    pub fn recalled(&mut self, answer: Option<&[u8]>, body: &[u8]) -> Step {
        let Phase::Joining(joining) = &mut self.phase else { return Step::Wait };
        if !core::mem::replace(&mut joining.is_asking, false) {
            return Step::Wait;
        }
        let unsealed = joining.unsealed.take();
        let body = unsealed.as_deref().unwrap_or(body);
        let answer = match Answer::read(answer) {
            Ok(answer) => answer,
            Err(reply) => return self.refuse(reply, body),
        };
        if let Some(body) = answer.body {
            self.phase = Phase::Closed;
            return self.reply(Reply::json(200, body.get()));
        }
        let recalled = Recalled { input: answer.input, items: answer.items };
        match self.language.and_then(Language::stateful) {
            Some(language) => Step::Rewrite(language.recalled(body, &recalled)),
            None => Step::Wait,
        }
    }

    /// Rejects the request.
    #[cold]
    fn refuse(&mut self, reply: Reply, body: &[u8]) -> Step {
        if let Phase::Joining(joining) = core::mem::replace(&mut self.phase, Phase::Closed) {
            self.refused = joining.refused(joining.verdict.as_ref().and_then(Payer::token), body);
        }
        self.reply(reply)
    }
}
