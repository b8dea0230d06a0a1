//! What a worker does between the callbacks of its requests, without a host: it reports usage, follows the changes of keys,
//! leases capacity, lets requests wait for it, accounts for them, and watches streams.
//!
//! ```text
//!   ticks, responses to calls ──► Root ──► Effect           one per configuration
//!   requests ──► Passage ──► Door, Leg                      one per request
//!   chunks, ticks ──► Streamed ──► Chunk, Due               one per streamed response
//!                 Worker                                    what the requests of a thread share
//!                 Shared                                    what the threads with a common root share
//! ```
//!
//! A host tells what happened and carries out what is returned. Times are passed as arguments.

mod calls;
mod parts;
mod passage;
mod requests;
mod root;
mod shared;
mod streams;
mod sync;

pub use parts::{PartCall, PartCalls};
pub use passage::{Door, Ended, Passage};
pub use requests::Worker;
pub use root::{Effect, Now, REST_MS, Root, Ticket};
pub use shared::{Common, Shared, Waiting};
pub use streams::{Chunk, Due, Streamed, Streams};
