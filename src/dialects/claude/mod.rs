//! Claude, whoever serves it: what its models take, how they are told to think, which schemas their grammars know.
//! The languages in which it is said are dialects of their own.

pub(super) mod features;
pub(super) mod models;
pub(super) mod schema;
pub(super) mod thinking;
