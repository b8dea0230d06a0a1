//! Responses that a provider keeps itself, and their items: their ids for clients.
//!
//! A provider's id is valid for the provider's account, which all clients share. So a client gets an id that names the
//! deployment and is authenticated for its key: the id's prefix (`resp_`, `rs_`), 16 digits of the deployment's hash, 32 of the
//! code, and the rest of the provider's id. Nothing is stored for it.
//!
//! Encrypted reasoning can be read only by the account that made it. In a group with several deployments, it begins with the
//! deployment's hash, too.

use core::fmt;
use std::rc::Rc;

use crate::inbound::{Found, Open};
use crate::key::TokenHash;
use crate::openai;
use crate::secret::Secret;
use crate::sigv4::derived;
use crate::table::{Endpoint, Table};

const HASH: usize = 16;
const CODE: usize = 32;

/// What encrypted content begins with, before the deployment's hash and a dot.
const MARK: &str = "sbd1.";

/// A request that names what a deployment keeps.
pub struct Pinned {
    /// The deployment.
    pub(super) endpoint: Rc<Endpoint>,
    /// Whether it continues a response of the deployment.
    pub(super) continues: bool,
    /// Whether no other deployment can serve the request.
    pub(super) is_required: bool,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinned({})", self.endpoint.deployment.id)
    }
}

/// The names that one client has for what one deployment keeps.
pub(super) struct Names {
    endpoint: Rc<Endpoint>,
    secret: Secret,
    mark: String,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Names({})", self.endpoint.deployment.id)
    }
}

impl Names {
    pub(super) fn new(table: &Table, token: Option<TokenHash>, endpoint: &Rc<Endpoint>) -> Self {
        let owner = token.map(|token| token.to_string()).unwrap_or_default();
        let deployment = &endpoint.deployment;
        let secret = derived(&table.seal_secret, &[&owner, " ", &deployment.id].concat());
        let is_alone = table.members(&deployment.group).len() <= 1;
        let mark = if is_alone { String::new() } else { [MARK, &endpoint.tag, "."].concat() };
        Self { endpoint: Rc::clone(endpoint), secret, mark }
    }

    fn code(&self, own: &str) -> String {
        derived(&self.secret, own).reveal().chars().take(CODE).collect()
    }
}

impl openai::Names for Names {
    fn id(&self, own: &str) -> String {
        let (prefix, rest) = own.split_once('_').unwrap_or(("", own));
        [prefix, "_", &self.endpoint.tag, &self.code(own), rest].concat()
    }

    fn mark(&self) -> &str {
        &self.mark
    }
}

/// Whether an id may be one that a client was given.
pub(super) fn is_sealed(id: &str) -> bool {
    parts(id).is_some()
}

/// Prefix, hash, code, and the rest of the provider's id.
fn parts(id: &str) -> Option<(&str, &str, &str, &str)> {
    let (prefix, rest) = id.split_once('_')?;
    let (hash, rest) = rest.split_at_checked(HASH)?;
    let (code, rest) = rest.split_at_checked(CODE)?;
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex(hash) && is_hex(code) && !rest.is_empty()).then_some((prefix, hash, code, rest))
}

/// The deployment and the provider's id, if the id was given to this key.
pub(super) fn open(table: &Table, token: Option<TokenHash>, id: &str) -> Option<(Rc<Endpoint>, String)> {
    let (prefix, hash, given, rest) = parts(id)?;
    let endpoint = tagged(table, hash)?;
    let own = if prefix.is_empty() { rest.to_owned() } else { [prefix, "_", rest].concat() };
    let expected = Names::new(table, token, &endpoint).code(&own);
    // Compared whatever differs first, so that time tells nothing.
    let differs = expected.bytes().zip(given.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    (differs == 0 && expected.len() == given.len()).then_some((endpoint, own))
}

fn tagged(table: &Table, tag: &str) -> Option<Rc<Endpoint>> {
    table.tagged(tag).cloned()
}

/// Opens what a request names. The first deployment that it finds in the group is the one that serves the request.
pub(super) struct Opener<'t> {
    pub(super) table: &'t Table,
    pub(super) token: Option<TokenHash>,
    /// The group of the requested model.
    pub(super) group: &'t str,
    pub(super) pinned: Option<Rc<Endpoint>>,
    pub(super) is_required: bool,
}

impl Opener<'_> {
    fn is_elsewhere(&mut self, endpoint: &Rc<Endpoint>) -> bool {
        if endpoint.deployment.group != self.group {
            return true;
        }
        let pinned = self.pinned.get_or_insert_with(|| Rc::clone(endpoint));
        pinned.deployment.id != endpoint.deployment.id
    }
}

impl Open for Opener<'_> {
    fn id(&mut self, shown: &str) -> Found {
        match open(self.table, self.token, shown) {
            None => Found::Unknown,
            Some((endpoint, own)) if !self.is_elsewhere(&endpoint) => Found::Own(own),
            Some(_) => Found::Elsewhere,
        }
    }

    fn content(&mut self, shown: &str) -> Found {
        let Some(marked) = shown.strip_prefix(MARK) else { return Found::Unknown };
        let Some((hash, content)) = marked.split_once('.') else { return Found::Unknown };
        match tagged(self.table, hash) {
            None => Found::Unknown,
            Some(endpoint) if !self.is_elsewhere(&endpoint) => Found::Own(content.to_owned()),
            Some(_) => Found::Elsewhere,
        }
    }

    fn require(&mut self) {
        self.is_required = true;
    }
}
