//! Claude, independent of the provider: what its models support, how thinking is requested, which JSON Schema they
//! accept, and how requests and responses in Anthropic's format are relayed. The wire formats are separate dialects.

pub(super) mod betas;
mod fault;
pub(super) mod features;
pub(super) mod models;
pub(super) mod relay;
pub(super) mod relayed;
pub(super) mod schema;
mod surface;
pub(super) mod thinking;
pub(super) mod usage;

pub(super) use fault::fault;
pub(super) use surface::Surface;
