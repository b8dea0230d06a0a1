//! Claude, independent of the provider: what its models support, how thinking is requested, and which JSON
//! Schema they accept. The wire formats are separate dialects.

pub(super) mod features;
pub(super) mod models;
pub(super) mod schema;
pub(super) mod thinking;
