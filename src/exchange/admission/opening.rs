//! The request's headers: which endpoint it asks for, in which format, and with which key.

use std::rc::Rc;

use super::super::head::{Head, presented_key};
use super::super::origin::Origin;
use super::super::part_of::PartOf;
use super::super::path::{ApiPath, key_in};
use super::super::request_settings::RequestSettings;
use super::super::{Reply, access, home, readiness, sealed};
use super::payer::{Payer, token_of, unknown_key};
use super::{Admission, Joining, Phase, Step};
use crate::config::PART_HEADER;
use crate::inbound::MESSAGES_VERSION;
use crate::keyring::{Keyring, Lookup};
use crate::openai::{ErrorBody, Operation};

impl Admission {
    /// Reads the headers. The request may be answered at once.
    pub(super) fn open(
        &mut self,
        keyring: &Keyring,
        head: &Head,
        has_body: bool,
        now_ms: u64,
    ) -> Result<Step, Reply> {
        let path = head.text(":path").unwrap_or_default();
        let method = head.get(":method").unwrap_or_default();
        let ask = ApiPath::parse(method, path).for_client(head);
        self.language = ask.language().or_else(|| ApiPath::language_of_unknown(path));
        if !matches!(ask, ApiPath::Liveliness | ApiPath::Readiness) {
            check_address(head, &self.table.settings.allowed_ips)?;
        }
        match &ask {
            ApiPath::Management => {
                let header = self.table.settings.key_header.as_deref();
                let key = header.and_then(|name| head.text(name)).filter(|key| !key.is_empty());
                return Ok(Step::Relay { key: key.map(str::to_owned) });
            }
            ApiPath::Liveliness => return Err(Reply::json(200, r#""I'm alive!""#)),
            ApiPath::Readiness => return Err(readiness::readiness(keyring, now_ms)),
            ApiPath::Home => return Err(home::home(head)),
            ApiPath::Test => return Err(Reply::json(200, r#"{"route":"/test"}"#)),
            ApiPath::NotFound => return Err(Reply::no_route(method, path)),
            ApiPath::StoredResponse(ask)
                if !self.table.settings.store_responses && !sealed::is_sealed(&ask.id) =>
            {
                return Err(Reply::not_stored(&ask.id));
            }
            ApiPath::MethodNotAllowed { allow } => {
                return Err(Reply::method_not_allowed(method, path, allow));
            }
            ApiPath::Redirect(to) => {
                let location = to.clone();
                return Err(Reply {
                    status: 307,
                    headers: vec![("location".into(), location.into())],
                    body: Vec::new(),
                    error: None,
                });
            }
            ApiPath::Model { .. }
            | ApiPath::CountTokens { .. }
            | ApiPath::GenerativeModels
            | ApiPath::GenerativeModelById(_)
            | ApiPath::StoredResponse(_)
            | ApiPath::Models
            | ApiPath::ModelById(_)
            | ApiPath::ModelInfo
            | ApiPath::ModelInfoPage
            | ApiPath::ModelGroups
            | ApiPath::Health
            | ApiPath::Services => {}
        }
        let is_part = matches!(ask, ApiPath::Model { language, .. } if language.operation() == Operation::Embeddings)
            && head.get(PART_HEADER).is_some_and(|secret| self.table.part_secret.matches(secret));
        let in_query = self.language.and_then(|language| key_in(path, language));
        let in_query = in_query.as_deref().unwrap_or_default();
        let presented = if is_part {
            &[]
        } else {
            presented_key(head, self.table.settings.key_header.as_deref(), in_query)?
        };
        let wants_body = matches!(ask, ApiPath::Model { .. } | ApiPath::CountTokens { .. });
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let mut joining = Joining {
            ask,
            path,
            query,
            call_id: Rc::clone(&self.call_id),
            asked: encoding(head).and_then(|()| Ok(RequestSettings::by_headers(head)?)),
            page: head.text("origin").map(Into::into),
            wants_pages: head.get(MESSAGES_VERSION).is_some(),
            origin: if wants_body {
                Origin::by_headers(head, &self.table.settings.user_headers)
            } else {
                Origin::default()
            },
            verdict: None,
            token: None,
            spend: 0,
            has_body: !(wants_body && has_body),
            recall: None,
            is_asking: false,
            pinned: None,
            unsealed: None,
        };
        let step = if is_part {
            let whole =
                PartOf::by_headers(head).ok_or_else(|| ErrorBody::ours("a part's headers are invalid"))?;
            joining.verdict = Some(Payer::Whole(whole));
            None
        } else if self.table.master_key.matches(presented) {
            joining.verdict = Some(Payer::Master);
            None
        } else {
            let token = token_of(presented)?;
            match keyring.look_up(&token, now_ms) {
                Lookup::Known(key) => {
                    if let Err(refusal) = access::check(&key, &joining.ask, &joining.path, now_ms) {
                        self.refused = joining.refused(Some(token), b"");
                        return Err(refusal);
                    }
                    joining.spend = keyring.spend(&token);
                    joining.verdict = Some(Payer::Key(key));
                    None
                }
                Lookup::Unknown => return Err(unknown_key().into()),
                Lookup::Ask => {
                    joining.token = Some(token);
                    Some(Step::Verify(token))
                }
            }
        };
        self.phase = Phase::Joining(joining);
        Ok(step.unwrap_or_else(|| self.meet()))
    }
}

/// Rejects clients with other addresses than those that the operator allows. Envoy reports the address.
fn check_address(head: &Head, allowed: &[String]) -> Result<(), ErrorBody> {
    let address = head.text("x-envoy-external-address").unwrap_or("None");
    if allowed.is_empty() || allowed.iter().any(|ip| ip == address) {
        return Ok(());
    }
    let message = ["Access forbidden: IP address ", address, " not allowed."].concat();
    Err(ErrorBody::new(403, "auth_error", message))
}

/// Rejects a compressed body, which the filter could not read.
fn encoding(head: &Head) -> Result<(), Reply> {
    let coded = head.text("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    let Some(coding) = coded else { return Ok(()) };
    let message = [
        "Compressed request bodies are not supported (content-encoding: ",
        coding,
        "). Send the body uncompressed.",
    ];
    let error = ErrorBody::new(415, "invalid_request_error", message.concat()).about("content-encoding");
    // RFC 9110, section 15.5.16: the codings that would have been accepted.
    Err(Reply::from(error).with("accept-encoding", "identity"))
}
