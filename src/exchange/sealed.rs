//! Responses that a provider keeps itself: their ids for clients.
//!
//! A provider's id is valid for the provider's account, which all clients share. So a client gets an id that names the
//! deployment and is authenticated for its key: `resp_`, 16 digits of the deployment's hash, 32 of the code, and the
//! provider's id. Nothing is stored for it.
//!
//! Encrypted reasoning can be read only by the account that made it. In a group with several deployments, it begins with the
//! deployment's hash, too.

use core::fmt;
use std::rc::Rc;

use crate::auth::sigv4::derived;
use crate::hex::hex;
use crate::key::TokenHash;
use crate::table::{Endpoint, Table};

const PREFIX: &str = "resp_";
const HASH: usize = 16;
const CODE: usize = 32;

/// What encrypted content begins with, before the deployment's hash and a dot.
const MARK: &str = "sbd1.";

/// A request that only one deployment can serve.
pub struct Pinned {
    /// The deployment.
    pub(super) endpoint: Rc<Endpoint>,
    /// The provider's id of the response that it continues, and the client's.
    pub(super) previous: Option<(String, String)>,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinned({})", self.endpoint.deployment.id)
    }
}

/// Hash of a deployment's id.
fn hash(deployment: &str) -> String {
    use sha2::{Digest as _, Sha256};
    hex(&Sha256::digest(deployment.as_bytes())).chars().take(HASH).collect()
}

fn code(table: &Table, token: Option<TokenHash>, deployment: &str, id: &str) -> String {
    let owner = token.map(|token| token.to_string()).unwrap_or_default();
    let code = derived(&table.seal_secret, &[&owner, " ", deployment, " ", id].concat());
    code.reveal().chars().take(CODE).collect()
}

/// The id that a client gets for a provider's.
pub(super) fn seal(table: &Table, token: Option<TokenHash>, deployment: &str, id: &str) -> String {
    let code = code(table, token, deployment, id);
    [PREFIX, &hash(deployment), &code, id.strip_prefix(PREFIX).unwrap_or(id)].concat()
}

/// Whether an id may be one of [`seal`].
pub(super) fn is_sealed(id: &str) -> bool {
    let digits = id.strip_prefix(PREFIX).and_then(|rest| rest.get(..HASH + CODE));
    digits.is_some_and(|digits| digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        && id.len() > PREFIX.len() + HASH + CODE
}

/// The deployment and the provider's id, if the id was given to this key.
pub(super) fn open(table: &Table, token: Option<TokenHash>, id: &str) -> Option<(Rc<Endpoint>, String)> {
    let rest = id.strip_prefix(PREFIX).filter(|_| is_sealed(id))?;
    let (hashed, rest) = rest.split_at_checked(HASH)?;
    let (given, own) = rest.split_at_checked(CODE)?;
    let endpoint = table.endpoints().find(|endpoint| hash(&endpoint.deployment.id) == hashed)?;
    let own = [PREFIX, own].concat();
    let expected = code(table, token, &endpoint.deployment.id, &own);
    // Compared whatever differs first, so that time tells nothing.
    let differs = expected.bytes().zip(given.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    (differs == 0 && expected.len() == given.len()).then(|| (Rc::clone(endpoint), own))
}

/// Replaces string tokens of JSON: pairs of the old and the new text.
pub(super) fn replaced(bytes: &[u8], pairs: &[(&str, &str)]) -> Vec<u8> {
    pairs.iter().filter(|(old, _)| !old.is_empty()).fold(bytes.to_vec(), |bytes, (old, new)| {
        each(&bytes, &["\"", old, "\""].concat(), |out, _| {
            out.extend_from_slice(["\"", new, "\""].concat().as_bytes());
            0
        })
    })
}

/// Marks encrypted content with its deployment.
pub(super) fn marked(bytes: &[u8], deployment: &str) -> Vec<u8> {
    let mark = [MARK, &hash(deployment), "."].concat();
    [r#""encrypted_content":""#, r#""encrypted_content": ""#].iter().fold(bytes.to_vec(), |bytes, member| {
        each(&bytes, member, |out, _| {
            out.extend_from_slice(member.as_bytes());
            out.extend_from_slice(mark.as_bytes());
            0
        })
    })
}

/// Removes such marks. Returns the first deployment's hash, too; `None` if there is no mark.
pub(super) fn unmarked(bytes: &[u8]) -> Option<(Vec<u8>, String)> {
    let mut first = None;
    let begin = ["\"", MARK].concat();
    let out = each(bytes, &begin, |out, rest| {
        out.push(b'"');
        let hashed = rest.get(..HASH).and_then(|hashed| core::str::from_utf8(hashed).ok());
        if let Some(hashed) = hashed.filter(|_| rest.get(HASH) == Some(&b'.')) {
            first.get_or_insert_with(|| hashed.to_owned());
            HASH + 1
        } else {
            out.extend_from_slice(MARK.as_bytes());
            0
        }
    });
    first.map(|first| (out, first))
}

/// The deployment with that hash.
pub(super) fn marked_deployment(table: &Table, hashed: &str) -> Option<Rc<Endpoint>> {
    table.endpoints().find(|endpoint| hash(&endpoint.deployment.id) == hashed).cloned()
}

/// Copies bytes; `write` writes what replaces each `text`, and returns how many bytes after it are left out.
fn each(bytes: &[u8], text: &str, mut write: impl FnMut(&mut Vec<u8>, &[u8]) -> usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, text.as_bytes()) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let after = after.get(text.len()..).unwrap_or_default();
        let skipped = write(&mut out, after);
        rest = after.get(skipped..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}
