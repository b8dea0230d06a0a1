//! What can go wrong with a provider, one file each. A fault edits the script of an answer that was right.

mod compressed;
mod cut;
mod endless;
mod header;
mod html;
mod inside;
mod reset;
mod shred;
mod slow;
mod stall;
mod status;

use serde::{Deserialize, Serialize};

use crate::dialects::Dialect;
use crate::script::Script;

/// Something that goes wrong. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// An error in the dialect's own words.
    Status {
        /// HTTP status.
        status: u16,
        /// The provider's words.
        #[serde(default = "status::words")]
        message: String,
        /// The provider's code, where the dialect has one.
        #[serde(default)]
        code: Option<String>,
        /// `retry-after`
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The error page of a proxy in front of the provider.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// One more header on an answer that is otherwise right.
    Header {
        /// Name.
        name: String,
        /// Value.
        value: String,
    },
    /// The connection is reset when the request has come, before anything is answered.
    ResetBeforeHeaders,
    /// The connection is reset after the head of the answer.
    ResetAfterHeaders,
    /// Nothing comes for so long; then everything.
    SlowFirstByte {
        /// How long.
        ms: u64,
    },
    /// A stream stops coming after some events, for so long or, without a time, for ever.
    Stall {
        /// How many events come before.
        after: usize,
        /// How long.
        #[serde(default)]
        ms: Option<u64>,
    },
    /// A stream ends in the middle.
    Cut {
        /// How many events come before.
        after: usize,
        /// How it ends.
        how: CutHow,
    },
    /// Status 200, and an error in the body: of a whole answer all of it, of a stream one event.
    ErrorInside {
        /// How many events come before.
        #[serde(default)]
        after: usize,
        /// What status it would have been.
        status: u16,
    },
    /// A stream that goes on until the client goes away.
    Endless {
        /// Pause between events.
        ms: u64,
    },
    /// The body is compressed, though nobody asked for it.
    Compressed {
        /// `gzip`, `deflate`, `raw deflate` (called `deflate`), `br`, `zstd`, or what nobody knows.
        coding: String,
    },
    /// The body comes in pieces of so many bytes, whatever they cut.
    Shred {
        /// Bytes.
        size: usize,
    },
}

/// How a stream ends that should not have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutHow {
    /// As a complete body does, but without its terminal event.
    Clean,
    /// As a complete body does, in the middle of an event.
    HalfEvent,
    /// By a reset connection.
    Reset,
}

impl Fault {
    /// An error of that status.
    pub fn status(status: u16) -> Self {
        Self::Status { status, message: status::words(), code: None, retry_after: None }
    }

    /// An error of that status that says when to come back.
    pub fn retry_after(status: u16, retry_after: &str) -> Self {
        Self::Status {
            status,
            message: status::words(),
            code: None,
            retry_after: Some(retry_after.to_owned()),
        }
    }

    /// An error that is told by the provider's code and words.
    pub fn coded(status: u16, code: &str, message: &str) -> Self {
        let (code, message) = (Some(code.to_owned()), message.to_owned());
        Self::Status { status, message, code, retry_after: None }
    }

    /// A body in that content coding.
    pub fn compressed(coding: &str) -> Self {
        Self::Compressed { coding: coding.to_owned() }
    }

    /// Edits the script of an answer.
    pub fn apply(&self, script: Script, dialect: &dyn Dialect) -> Script {
        match self {
            Self::Status { status, message, code, retry_after } => {
                status::apply(dialect, *status, message, code.as_deref(), retry_after.as_deref())
            }
            Self::Html { status } => html::apply(*status),
            Self::Header { name, value } => header::apply(script, name, value),
            Self::ResetBeforeHeaders => reset::before_headers(script),
            Self::ResetAfterHeaders => reset::after_headers(script),
            Self::SlowFirstByte { ms } => slow::apply(script, *ms),
            Self::Stall { after, ms } => stall::apply(script, *after, *ms),
            Self::Cut { after, how } => cut::apply(script, *after, *how),
            Self::ErrorInside { after, status } => inside::apply(script, dialect, *after, *status),
            Self::Endless { ms } => endless::apply(script, dialect, *ms),
            Self::Compressed { coding } => compressed::apply(script, coding),
            Self::Shred { size } => shred::apply(script, *size),
        }
    }
}
