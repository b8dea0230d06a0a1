//! The life of a request, without a host: takes bytes and facts, and returns what to do next.
//!
//! ```text
//!  downstream                                upstream, once per attempt
//!  Admission ── Step ──►  Call  ───────────►  Attempt ── Outgoing ──► provider
//!  (key × body)           (shared in the VM)  Attempt ◄─ HeadStep ◄── provider
//! ```

mod access;
mod admission;
mod admitted_body;
mod attempt;
mod body_budget;
mod call;
mod catalog;
mod date;
mod enforced;
mod fallback;
mod generative;
mod head;
mod headers;
mod home;
mod journey;
mod limited;
mod local_reply;
mod model_info;
mod named;
mod origin;
mod part_of;
mod parts;
mod path;
mod payers;
mod prompt;
mod readiness;
mod refusal;
mod reply;
mod report;
mod request_settings;
mod retry_after;
mod sealed;
mod silence;
mod standing;
mod stored;
mod streaming;
mod tagged;
mod unserved_routes;
mod whole;

pub use crate::headers::Headers;

pub use admission::{Admission, NoVerdict, Step};
pub use admitted_body::AdmittedBody;
pub use attempt::{Attempt, HeadStep, Opening, Outgoing};
pub use body_budget::{BodyBudget, Hold};
pub use call::{Call, Progress, Tried};
pub use fallback::{Leg, Nobody};
pub use head::Head;
pub use journey::{After, Failed, Journey};
pub use limited::Entered;
pub use local_reply::LocalReply;
pub use origin::Origin;
pub use part_of::PartOf;
pub use parts::Parts;
pub use path::ApiPath;
pub use reply::Reply;
pub use request_settings::RequestSettings;
pub use sealed::Pinned;
pub use silence::{Overdue, Silence};
pub use stored::{Keeping, NativeRequest, StoredRequest};
pub use streaming::Streaming;
pub use whole::translated;
