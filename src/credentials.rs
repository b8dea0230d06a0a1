//! Providers' credentials, which the key service resolves, renews and hands out. The filter keeps them in memory only.
//!
//! They arrive in the response to a sync call if the filter's revision is out of date. A request that needs one which
//! never arrived asks for it at once, and so does a request whose credential the provider has rejected.

use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicU64, Ordering};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use crate::key::{Credential, HandedOut};
use crate::secret::Secret;

/// How long a rejected credential that the key service has confirmed is not asked for again, milliseconds.
const CONFIRMED_MS: u64 = 2_000;

/// What a credential is presented as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An API key, sent as the provider expects it.
    Key(Secret),
    /// An access token, sent as a bearer token.
    Token(Secret),
    /// Keys of AWS, which sign requests.
    Aws {
        /// `aws_access_key_id`
        id: Secret,
        /// `aws_secret_access_key`
        key: Secret,
        /// `aws_session_token`
        token: Option<Secret>,
    },
}

impl Value {
    /// The secret itself; of AWS's keys, the secret access key.
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Key(secret) | Self::Token(secret) | Self::Aws { key: secret, .. } => secret,
        }
    }
}

/// What is known of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It was never handed out.
    Unknown,
    /// The key service has none, for this reason.
    Absent(Rc<str>),
    /// It can be used.
    Good(Rc<Value>),
}

/// The latest credentials. All workers of a process share them.
#[derive(Debug, Default)]
pub struct Credentials {
    /// Changes with every hand-out.
    version: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    revision: u64,
    by_name: HashMap<String, Credential>,
    /// Rejected credentials that are the latest, and until when not to ask for them again.
    confirmed: HashMap<String, u64>,
}

impl Credentials {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current revision, for the next call; 0 before the first response.
    pub fn revision(&self) -> u64 {
        self.state().revision
    }

    /// Replaces all credentials with those of a response.
    pub fn learn(&self, heard: HandedOut) {
        let mut state = self.state();
        state.revision = heard.revision;
        state.by_name = heard.credentials.into_iter().map(|held| (held.name.clone(), held)).collect();
        state.confirmed.clear();
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Whether to ask for a credential that a provider has rejected: not if the latest answer was that there is no
    /// newer one. `now_ms` is Unix time in milliseconds.
    fn is_doubtful(&self, name: &str, now_ms: u64) -> bool {
        self.state().confirmed.get(name).is_none_or(|until| *until <= now_ms)
    }

    /// The key service has no newer one, or does not respond.
    fn confirm(&self, name: &str, now_ms: u64) {
        self.state().confirmed.insert(name.to_owned(), now_ms.saturating_add(CONFIRMED_MS));
    }
}

/// The credentials that a table names, each with an index. It belongs to one thread.
#[derive(Debug, Default)]
pub struct Named {
    shared: Arc<Credentials>,
    names: Vec<String>,
    /// Version of `held`.
    seen: Cell<u64>,
    held: RefCell<Vec<(Held, u64)>>,
}

impl Named {
    /// The index of a name.
    pub(crate) fn add(&mut self, name: &str) -> usize {
        let known = self.names.iter().position(|known| known == name);
        known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.held.get_mut().push((Held::Unknown, 0));
            self.names.len() - 1
        })
    }

    /// Uses the credentials of the process.
    pub fn share(&mut self, shared: Arc<Credentials>) {
        self.shared = shared;
        self.seen.set(0);
    }

    /// The latest credentials of all tables.
    pub fn shared(&self) -> &Credentials {
        &self.shared
    }

    /// Whether the table names any.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The name of an index.
    pub fn name(&self, index: usize) -> &str {
        self.names.get(index).map(String::as_str).unwrap_or_default()
    }

    /// What is known of a credential. `now_ms` is Unix time in milliseconds.
    pub fn get(&self, index: usize, now_ms: u64) -> Held {
        let version = self.shared.version.load(Ordering::Acquire);
        if self.seen.get() != version {
            self.seen.set(version);
            let state = self.shared.state();
            let held = |name: &String| state.by_name.get(name).map_or((Held::Unknown, 0), held);
            *self.held.borrow_mut() = self.names.iter().map(held).collect();
        }
        match self.held.borrow().get(index) {
            Some((Held::Good(_), until)) if *until <= now_ms => {
                Held::Absent("it has expired, and the key service has no newer one".into())
            }
            Some((held, _)) => held.clone(),
            None => Held::Unknown,
        }
    }

    /// Whether a credential that the provider has rejected may be out of date, so that the key service must be asked.
    pub fn is_doubtful(&self, index: usize, now_ms: u64) -> bool {
        self.shared.is_doubtful(self.name(index), now_ms)
    }

    /// The key service was asked, and there is no newer one.
    pub fn confirm(&self, index: usize, now_ms: u64) {
        self.shared.confirm(self.name(index), now_ms);
    }
}

/// What was handed out, and until when it can be used, Unix milliseconds.
fn held(credential: &Credential) -> (Held, u64) {
    let until = credential.expires_at.map_or(u64::MAX, |seconds| seconds.saturating_mul(1_000));
    let Some(value) = credential.value.clone() else {
        let problem = credential.problem.as_deref().unwrap_or("the key service has none");
        return (Held::Absent(problem.into()), until);
    };
    let value = match (&credential.access_key_id, credential.is_token) {
        (Some(id), _) => Value::Aws { id: id.clone(), key: value, token: credential.session_token.clone() },
        (None, true) => Value::Token(value),
        (None, false) => Value::Key(value),
    };
    (Held::Good(Rc::new(value)), until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(name: &str, value: &str, expires_at: Option<u64>) -> Credential {
        let value = Some(Secret::new(value));
        Credential { name: name.to_owned(), value, expires_at, ..Credential::default() }
    }

    fn key(value: &str) -> Held {
        Held::Good(Rc::new(Value::Key(Secret::new(value))))
    }

    #[test]
    fn a_credential_is_used_until_it_expires_and_the_newest_stands() {
        let shared = Arc::new(Credentials::default());
        let mut named = Named::default();
        named.share(Arc::clone(&shared));
        let (a, b) = (named.add("a"), named.add("b"));
        assert_eq!((named.add("a"), named.name(b)), (a, "b"));
        assert_eq!((shared.revision(), named.get(a, 0)), (0, Held::Unknown));
        shared.learn(HandedOut {
            revision: 7,
            credentials: vec![good("b", "two", None), good("a", "one", Some(10))],
        });
        assert_eq!(shared.revision(), 7);
        assert_eq!((named.get(a, 9_999), named.get(b, u64::MAX - 1)), (key("one"), key("two")));
        assert!(matches!(named.get(a, 10_000), Held::Absent(_)));
        shared.learn(HandedOut { revision: 8, credentials: vec![good("a", "three", Some(30))] });
        assert_eq!((named.get(a, 10_000), named.get(b, 0)), (key("three"), Held::Unknown));
    }

    #[test]
    fn another_table_finds_what_was_handed_out_before() {
        let shared = Arc::new(Credentials::default());
        shared.learn(HandedOut { revision: 1, credentials: vec![good("a", "one", None)] });
        let mut named = Named::default();
        let a = named.add("a");
        named.share(shared);
        assert_eq!(named.get(a, 0), key("one"));
    }

    #[test]
    fn a_credential_says_what_it_is_or_why_it_is_missing() {
        let mut named = Named::default();
        let (token, aws, none) = (named.add("token"), named.add("aws"), named.add("none"));
        let shared = named.shared();
        let secret = |text: &str| Some(Secret::new(text));
        shared.learn(HandedOut {
            revision: 1,
            credentials: vec![
                Credential { is_token: true, ..good("token", "t", None) },
                Credential {
                    access_key_id: secret("id"),
                    session_token: secret("session"),
                    ..good("aws", "key", None)
                },
                Credential {
                    name: "none".to_owned(),
                    problem: Some("NONE is not set".to_owned()),
                    ..Credential::default()
                },
            ],
        });
        let [id, key, session] = ["id", "key", "session"].map(Secret::new);
        assert_eq!(named.get(token, 0), Held::Good(Rc::new(Value::Token(Secret::new("t")))));
        assert_eq!(named.get(aws, 0), Held::Good(Rc::new(Value::Aws { id, key, token: Some(session) })));
        assert_eq!(named.get(none, 0), Held::Absent("NONE is not set".into()));
    }

    #[test]
    fn a_rejected_credential_is_asked_for_again_after_a_while_or_after_a_hand_out() {
        let mut named = Named::default();
        let a = named.add("a");
        assert!(named.is_doubtful(a, 0));
        named.confirm(a, 1_000);
        assert!(!named.is_doubtful(a, 2_999));
        assert!(named.is_doubtful(a, 3_000));
        named.confirm(a, 3_000);
        named.shared().learn(HandedOut::default());
        assert!(named.is_doubtful(a, 3_000));
    }

    #[test]
    fn credentials_travel_and_do_not_show_in_debug_output() {
        let sent = HandedOut { revision: 7, credentials: vec![good("a", "hush", Some(10))] };
        assert!(!format!("{sent:?}").contains("hush"));
        let json = serde_json::to_string(&sent).unwrap();
        assert_eq!(json, r#"{"revision":7,"credentials":[{"name":"a","value":"hush","expires_at":10}]}"#);
        assert_eq!(serde_json::from_str::<HandedOut>(&json).unwrap(), sent);
    }
}
