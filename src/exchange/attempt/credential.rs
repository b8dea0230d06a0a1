//! The credential of an attempt: the key service is asked for one that was never handed out, and for one that the
//! provider has rejected, because it may just have been replaced.

use crate::credentials::Held;
use crate::facts::{Class, Fault};
use crate::key::{CREDENTIAL_PATH, CredentialRequest, HandedOut};

use super::{Attempt, Outgoing, Phase};

impl Attempt {
    /// The call to the key service. Then the request is written again.
    pub(super) fn ask_for(&mut self, name: String, rejected: bool) -> Outgoing {
        (self.has_asked, self.awaits_credential) = (true, true);
        // Discard what the dialect recorded; it will record it again.
        self.memo = self.call.memo.clone();
        let (path, body) = self.question(name, rejected);
        Outgoing::Resolve { path, body }
    }

    /// The call to make before [`Self::response_body`], whose response is passed to [`Self::resolved`]: the provider has
    /// rejected the credential, and there may be a newer one. `body` is the response's body.
    pub fn doubt(&mut self, body: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        let Phase::Whole { status, .. } = self.phase else { return None };
        let index =
            self.endpoint.handed_out.filter(|_| self.used.is_some() && (400..500).contains(&status))?;
        if self.has_asked
            || self.read_fault(status, body).class != Class::Authentication
            || self.is_superseded()
            || !self.call.table.credentials.is_doubtful(index, self.now_ms)
        {
            return None;
        }
        (self.has_asked, self.awaits_credential) = (true, true);
        Some(self.question(self.call.table.credentials.name(index).to_owned(), true))
    }

    fn question(&self, name: String, rejected: bool) -> (&'static str, Vec<u8>) {
        let revision = self.call.table.credentials.shared().revision();
        let asked = CredentialRequest { name, revision, rejected };
        (CREDENTIAL_PATH, serde_json::to_vec(&asked).unwrap_or_default())
    }

    /// Takes the response to either call. Returns whether there was such a call.
    pub(super) fn heard(&mut self, answer: Option<&[u8]>) -> bool {
        if !core::mem::take(&mut self.awaits_credential) {
            return false;
        }
        let credentials = &self.call.table.credentials;
        let heard = answer.and_then(|answer| crate::json::read::<HandedOut>(answer).ok());
        if let Some(heard) = heard
            && heard.revision != credentials.shared().revision()
        {
            credentials.shared().learn(heard);
        }
        if let Some(index) = self.endpoint.handed_out.filter(|_| self.used.is_some() && !self.is_superseded())
        {
            credentials.confirm(index, self.now_ms);
        }
        true
    }

    /// Whether there is another credential by now than the one that was sent.
    fn is_superseded(&self) -> bool {
        let latest =
            self.endpoint.handed_out.map(|index| self.call.table.credentials.get(index, self.now_ms));
        match (latest, &self.used) {
            (Some(Held::Good(latest)), Some(used)) => latest != *used,
            _ => false,
        }
    }

    /// Whether the provider has rejected a credential that is out of date: the same deployment is worth another attempt.
    pub(super) fn is_outdated(&self, fault: &Fault) -> bool {
        fault.class == Class::Authentication && self.is_superseded()
    }
}
