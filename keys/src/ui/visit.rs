//! Whose session a request belongs to.

use core::str::FromStr as _;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use switchboard::key::TokenHash;

use super::cookie::SessionId;
use super::{gateway, page};
use crate::app::App;
use crate::auth::{Caller, authenticated};
use crate::clock;
use crate::error::ApiError;
use crate::rights::{Allowed, Operation, Subject, Whose};
use crate::store::{KeyRow, Kind, StoreError};

/// The longest pause between two requests of a session.
pub const IDLE: SignedDuration = SignedDuration::from_hours(1);

/// The longest session.
pub const LIFE: SignedDuration = SignedDuration::from_hours(12);

/// How exactly the last use is recorded.
const GRAIN: SignedDuration = SignedDuration::from_secs(60);

/// What the holder of the master key is in the database, in front of the proof.
const MASTER: &str = "master ";

/// What a user without a key is in the database, in front of its id.
const USER: &str = "user ";

/// A request of somebody who has logged in.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) app: App,
    pub(super) id: SessionId,
    pub(super) caller: Caller,
    /// The page that was asked for.
    pub(super) path: String,
    pub(super) headers: HeaderMap,
}

/// Begins a session of whoever presents this key.
pub(super) async fn begin(app: &App, key: &str) -> Result<SessionId, ApiError> {
    let token = TokenHash::of(key.as_bytes());
    Caller::holding(app, token).await?;
    let id = SessionId::random();
    // The hash of the master key is not stored, because people choose it and it could be guessed.
    let holder = if app.master_key.is(token) {
        format!("{MASTER}{}", app.master_key.proof(id.salt()))
    } else {
        token.to_string()
    };
    app.store.insert_session(&id.stored(), &holder, clock::now()).await?;
    Ok(id)
}

/// Begins a session of a user who has logged in without a key.
pub(super) async fn begin_user(app: &App, user: &str) -> Result<SessionId, StoreError> {
    let id = SessionId::random();
    app.store.insert_session(&id.stored(), &format!("{USER}{user}"), clock::now()).await?;
    Ok(id)
}

/// The caller whose session this is, if it has not ended and its key is still valid.
async fn caller(app: &App, id: &SessionId) -> Result<Option<Caller>, StoreError> {
    let Some(session) = app.store.session(&id.stored()).await? else { return Ok(None) };
    let now = clock::now();
    if now.duration_since(session.created_at) >= LIFE || now.duration_since(session.seen_at) >= IDLE {
        app.store.delete_session(&id.stored()).await?;
        return Ok(None);
    }
    if let Some(user) = session.holder.strip_prefix(USER) {
        let Some(user) = app.store.account(Kind::User, user).await? else { return Ok(None) };
        touch(app, id, session.seen_at, now).await?;
        return Ok(Some(Caller::logged_in(&user)));
    }
    let caller = match session.holder.strip_prefix(MASTER) {
        Some(proof) if proof == app.master_key.proof(id.salt()).to_string() => Ok(Caller::Admin),
        Some(_) => return Ok(None),
        None => match TokenHash::parse(&session.holder) {
            Some(token) => Caller::with_key(app, token).await,
            None => return Ok(None),
        },
    };
    touch(app, id, session.seen_at, now).await?;
    Ok(caller.ok())
}

/// Records that a session is in use.
async fn touch(app: &App, id: &SessionId, seen_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    if now.duration_since(seen_at) >= GRAIN {
        app.store.touch_session(&id.stored(), now).await?;
    }
    Ok(())
}

impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let path = parts.uri.path_and_query().map_or("/ui", |path| path.as_str()).to_owned();
        let Some(id) = SessionId::of(&parts.headers) else {
            // A link on another site leads here without the cookie, which is `SameSite=Strict`; the next request has it.
            let is_link = parts.method == Method::GET
                && parts.headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site");
            return Err(if is_link { page::again(&path) } else { page::to_login(&path, &parts.method) });
        };
        match caller(app, &id).await {
            Ok(Some(caller)) => {
                authenticated(&caller, &HeaderMap::new());
                Ok(Self { app: app.clone(), id, caller, path, headers: parts.headers.clone() })
            }
            Ok(None) => Err(page::to_login(&path, &parts.method)),
            Err(cause) => Err(page::unavailable(&ApiError::database(&cause))),
        }
    }
}

impl Visit {
    /// The caller of a path of the key API, if the session's key may call it.
    pub(super) fn calling(&self, operation: Operation) -> Result<Caller, ApiError> {
        self.caller.reach(operation.path())?;
        Ok(self.caller.clone())
    }

    /// The author of a change that needs no object with an owner, if the caller may make it.
    pub(super) async fn allowed(&self, operation: Operation) -> Result<Allowed, ApiError> {
        let caller = self.calling(operation)?;
        caller.may(&self.app, operation, Whose::Anything, Subject::default()).await?;
        Ok(Allowed(caller.name()))
    }

    /// Whether the caller may do this to a key.
    pub(super) async fn can(&self, operation: Operation, key: &KeyRow) -> bool {
        self.caller.reach(operation.path()).is_ok()
            && self.caller.may_with_key(&self.app, operation, key).await.is_ok()
    }

    /// Whether the caller may do this to anything.
    pub(super) fn might(&self, operation: Operation) -> bool {
        self.caller.reach(operation.path()).is_ok() && self.caller.might(operation).is_ok()
    }

    /// The gateway's address.
    pub(super) fn gateway(&self) -> String {
        gateway::address(&self.headers)
    }

    /// The path without the query.
    pub(super) fn page(&self) -> String {
        Uri::from_str(&self.path).map_or_else(|_| "/ui".to_owned(), |uri| uri.path().to_owned())
    }
}
