//! The downstream role: authenticates the caller, finds the model, and decides whether to admit the request.
//!
//! A request can proceed only when both the verdict on its key and its whole body are available. They arrive
//! in either order, so admission is a join. Each event consumes the [`Admission`]'s phase and sets the next
//! one. An event that does not fit the phase closes it, and a closed request is never forwarded.

mod decision;
mod native;
mod opening;
mod payer;
mod recall;

use core::cell::RefCell;
use std::borrow::Cow;
use std::rc::Rc;
use std::string::FromUtf8Error;
use std::sync::Arc;

use crate::inbound::{Common, Language, Recall};
use crate::key::{KeyRecord, STORED_PATH, TokenHash, UsageEntry};
use crate::keyring::Keyring;
use crate::openai::ErrorBody;
use crate::table::Table;

use super::admitted_body::AdmittedBody;
use super::body_budget::{BodyBudget, Hold};
use super::call::Call;
use super::head::Head;
use super::origin::Origin;
use super::path::ApiPath;
use super::refusal::Refusal;
use super::request_settings::RequestSettings;
use super::sealed::{self, Pinned};
use super::{Reply, access, catalog, generative, model_info, standing, stored};

use decision::Decided;
use payer::{Payer, unknown_key};

/// A request that is not admitted yet.
#[derive(Debug)]
pub struct Admission {
    table: Rc<Table>,
    started_ms: u64,
    call_id: Rc<str>,
    /// The client's language, where a model is asked for.
    language: Option<&'static dyn Language>,
    phase: Phase,
    refused: Option<Box<Refusal>>,
    hold: Hold,
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one for each request, for a moment; smaller in 32 bits"
)]
enum Phase {
    /// Waiting for the verdict, the body, or both.
    Joining(Joining),
    /// Decided.
    Closed,
}

#[derive(Debug)]
struct Joining {
    ask: ApiPath,
    /// The path without the query.
    path: String,
    query: String,
    call_id: Rc<str>,
    /// Settings from its headers, or the error in them. The error is returned only to callers with a valid
    /// key.
    asked: Result<RequestSettings, Reply>,
    origin: Origin,
    /// `origin`, if a browser sent it.
    page: Option<Box<str>>,
    /// The client expects lists in the form of the Messages API.
    wants_pages: bool,
    verdict: Option<Payer>,
    token: Option<TokenHash>,
    /// What the key has spent, as far as this worker knows.
    spend: u64,
    has_body: bool,
    /// What it needs from the store of responses, once that is known.
    recall: Option<Recall>,
    /// The store was asked, and has not answered.
    is_asking: bool,
    /// The deployment that keeps what it names.
    pinned: Option<Pinned>,
    /// The body with the provider's names, while the key service is asked.
    unsealed: Option<Vec<u8>>,
}

impl Joining {
    /// The spend log's view of the request if it is rejected; `None` if it is not a model request.
    #[cold]
    fn refused(&self, token: Option<TokenHash>, body: &[u8]) -> Option<Box<Refusal>> {
        let ApiPath::Model { language, model } = &self.ask else { return None };
        let operation = language.operation();
        let model = model.clone().unwrap_or_else(|| Refusal::model_in(operation, body));
        let call_id = Rc::clone(&self.call_id);
        Some(Box::new(Refusal { token, operation, call_id, origin: self.origin.clone(), model }))
    }
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Hold the request; something is missing.
    Wait,
    /// Hold the request and look up this key in the key service.
    Verify(TokenHash),
    /// Both the verdict and the body are available: call [`Admission::recall`] and [`Admission::admit`] with the body.
    Admit,
    /// Hold the request, call the key service, and pass its response to [`Admission::recalled`].
    Ask {
        /// Path of the call.
        path: &'static str,
        /// Its body.
        body: Vec<u8>,
    },
    /// Replace the body with this one, and call [`Admission::admit`] with it.
    Rewrite(Vec<u8>),
    /// Send this response.
    Reply(Reply),
    /// Pass the request to the key service.
    Relay {
        /// The key, if the client sent it in the header that the operator configured, which the key service
        /// does not know.
        key: Option<String>,
    },
}

impl Admission {
    /// Starts a request. `has_body` says whether a body follows.
    pub fn begin(
        table: &Rc<Table>,
        keyring: &Keyring,
        head: &Head,
        has_body: bool,
        now_ms: u64,
    ) -> (Self, Step) {
        let call_id = head.text("x-litellm-call-id").or_else(|| head.text("x-request-id"));
        let mut admission = Self {
            table: Rc::clone(table),
            started_ms: now_ms,
            call_id: call_id.unwrap_or_default().into(),
            language: None,
            phase: Phase::Closed,
            refused: None,
            hold: Hold::default(),
        };
        let step = admission.open(keyring, head, has_body, now_ms);
        let step = step.unwrap_or_else(|reply| admission.reply(reply));
        (admission, step)
    }

    /// Reports the size that the request's headers announce for the body, as [`Self::hold`]. A client can announce any size
    /// and send nothing, so that alone counts at most half of what all bodies may have.
    pub fn announced(&mut self, budget: &Rc<BodyBudget>, bytes: u64) -> Option<Reply> {
        let most = self.table.settings.most_held_bytes.map(|most| most / 2);
        self.hold(budget, most.map_or(bytes, |most| bytes.min(most)))
    }

    /// Reports the size of the body received so far. Returns an error response if there is no memory for it.
    pub fn hold(&mut self, budget: &Rc<BodyBudget>, bytes: u64) -> Option<Reply> {
        let Phase::Joining(joining) = &self.phase else { return None };
        // The whole request of a part is counted already.
        let is_part = matches!(joining.verdict, Some(Payer::Whole(_)));
        if is_part || self.hold.grow(budget, bytes, self.table.settings.most_held_bytes) {
            return None;
        }
        self.refused = joining.verdict.as_ref().and_then(|payer| joining.refused(payer.token(), b""));
        self.phase = Phase::Closed;
        // It is dropped from here on: others may have its memory.
        self.hold = Hold::default();
        Some(self.spoken(Reply::no_room()).to_call(&self.call_id))
    }

    /// The body is complete.
    pub fn body_complete(&mut self) -> Step {
        match &mut self.phase {
            Phase::Joining(joining) => {
                joining.has_body = true;
                self.meet()
            }
            Phase::Closed => Step::Wait,
        }
    }

    /// The key whose verdict is pending.
    pub fn awaited(&self) -> Option<TokenHash> {
        match &self.phase {
            Phase::Joining(Joining { verdict: None, token, .. }) => *token,
            _ => None,
        }
    }

    /// Reports the key service's response: the key, `None` if it does not exist, or `Err` if the service did
    /// not respond.
    pub fn verdict(&mut self, answer: Result<Option<Arc<KeyRecord>>, NoVerdict>, now_ms: u64) -> Step {
        let Phase::Joining(joining) = &mut self.phase else { return Step::Wait };
        let refusal = match answer {
            Ok(Some(key)) => match access::check(&key, &joining.ask, &joining.path, now_ms) {
                Ok(()) => {
                    joining.spend = key.accounts.first().map_or(0, |own| own.spend);
                    joining.verdict = Some(Payer::Key(key));
                    return self.meet();
                }
                Err(refusal) => {
                    self.refused = joining.refused(joining.token, b"");
                    refusal
                }
            },
            Ok(None) => unknown_key().into(),
            Err(NoVerdict) => Reply::from(ErrorBody::new(
                503,
                "service_unavailable_error",
                "The key service is not responding, so this key cannot be verified. Try again later.",
            ))
            .with("retry-after", "1"),
        };
        self.phase = Phase::Closed;
        self.reply(refusal)
    }

    /// The client's format, if the path determines it.
    pub(super) fn language(&self) -> Option<&'static dyn Language> {
        self.language
    }

    /// The request's id.
    pub(super) fn id(&self) -> &Rc<str> {
        &self.call_id
    }

    fn reply(&self, reply: Reply) -> Step {
        Step::Reply(self.spoken(reply).to_call(&self.call_id))
    }

    /// A response in the client's format, if the path determines it.
    fn spoken(&self, reply: Reply) -> Reply {
        match self.language {
            Some(language) => reply.in_language(language, &self.call_id),
            None => reply,
        }
    }

    /// Decides. Call it once, after [`Step::Admit`].
    ///
    /// # Errors
    /// The response that rejects the request.
    pub fn admit(&mut self, body: impl Into<Vec<u8>>) -> Result<Call, Reply> {
        let phase = core::mem::replace(&mut self.phase, Phase::Closed);
        let Phase::Joining(mut joining) = phase else { return Err(decided_before()) };
        if let ApiPath::StoredResponse(ask) = &joining.ask {
            let ask = ask.clone();
            return self
                .decide_stored(&mut joining, &ask)
                .map_err(|refusal| self.spoken(refusal).to_call(&self.call_id));
        }
        let counts = matches!(joining.ask, ApiPath::CountTokens { .. });
        let mut is_summary = false;
        let (body, echo) = {
            let raw = body.into();
            let in_common_form = |language: &dyn Language| {
                let raw = Cow::Borrowed(&*raw);
                if language.is_read_as_it_is() {
                    Ok(raw.into())
                } else if counts {
                    language.counted_request(raw)
                } else {
                    language.request(raw)
                }
            };
            match self.language.map(in_common_form) {
                None => return Err(decided_before()),
                Some(Ok(Common { body: Cow::Borrowed(_), echo })) => {
                    (String::from_utf8(raw), joining.noted(self.language, echo))
                }
                Some(Ok(Common { body: Cow::Owned(body), echo })) => {
                    (String::from_utf8(body), joining.noted(self.language, echo))
                }
                Some(Err(error)) => {
                    let may_count =
                        !counts || self.language.is_some_and(|language| language.stateful().is_some());
                    let Some(summary) = self.summary(&joining, &raw).filter(|_| may_count) else {
                        self.refused = joining.refused(joining.verdict.as_ref().and_then(Payer::token), &raw);
                        return Err(self.spoken(error.into()).to_call(&self.call_id));
                    };
                    is_summary = true;
                    (String::from_utf8(summary), None)
                }
            }
        };
        match self.decide(&mut joining, &body, echo) {
            Ok(Decided { mut call, members, split }) => {
                call.hold = core::mem::take(&mut self.hold);
                call.kept = RefCell::new(
                    body.ok().and_then(|text| Some(AdmittedBody::new(text, members?, is_summary))),
                );
                // A part is translated, which a request that was summarized cannot be.
                if let Some(model) = split.filter(|_| !is_summary) {
                    call.split(&model).map_err(|error| self.spoken(error.into()).to_call(&self.call_id))?;
                }
                Ok(call)
            }
            Err(refusal) => {
                let body = body.as_ref().map_or_else(FromUtf8Error::as_bytes, String::as_bytes);
                self.refused = joining.refused(joining.verdict.as_ref().and_then(Payer::token), body);
                Err(self.spoken(refusal).to_call(&self.call_id))
            }
        }
    }

    /// The usage entry of a request with a known key that was answered with `reply` before it was admitted.
    pub fn refusal(&self, reply: &Reply, now_ms: u64) -> Option<UsageEntry<'_>> {
        Some(self.refused.as_ref()?.entry(reply, self.started_ms, now_ms))
    }

    /// The only way to [`Step::Admit`]: both the verdict and the body are available.
    fn meet(&mut self) -> Step {
        let Phase::Joining(joining) = &mut self.phase else { return Step::Wait };
        let (Some(payer), true) = (&joining.verdict, joining.has_body) else { return Step::Wait };
        let key = payer.key().map(Arc::as_ref);
        let reply = match &joining.ask {
            ApiPath::Model { .. } | ApiPath::CountTokens { .. } => return Step::Admit,
            ApiPath::StoredResponse(_) if joining.is_asking => return Step::Wait,
            ApiPath::StoredResponse(ask) if sealed::open(&self.table, payer.token(), &ask.id).is_some() => {
                return Step::Admit;
            }
            ApiPath::StoredResponse(ask) if !self.table.settings.store_responses => {
                Reply::not_stored(&ask.id)
            }
            ApiPath::StoredResponse(ask) => {
                let body = stored::ask(ask, &joining.query, payer.token());
                joining.is_asking = true;
                return Step::Ask { path: STORED_PATH, body };
            }
            ApiPath::GenerativeModels => generative::models(&self.table, key),
            ApiPath::GenerativeModelById(id) => generative::model_by_id(&self.table, key, id),
            ApiPath::Models if joining.wants_pages => catalog::model_pages(&self.table, key, &joining.query),
            ApiPath::Models => catalog::models(&self.table, key, &joining.query),
            ApiPath::ModelById(id) => catalog::model_by_id(&self.table, key, id),
            ApiPath::ModelInfo => model_info::all(&self.table, key, &joining.query),
            ApiPath::ModelInfoPage => model_info::page(&self.table, key, &joining.query),
            ApiPath::ModelGroups => standing::model_groups(&self.table, key, &joining.query),
            ApiPath::Services => standing::services(&self.table, &joining.query),
            ApiPath::Health => standing::health(&self.table, key, &joining.query, self.started_ms),
            _ => Reply::no_route(b"", &joining.path),
        };
        self.phase = Phase::Closed;
        self.reply(reply)
    }
}

#[cold]
fn decided_before() -> Reply {
    ErrorBody::ours("the request was admitted before its body was complete").into()
}

/// The key service did not respond.
#[derive(Clone, Copy, Debug)]
pub struct NoVerdict;
