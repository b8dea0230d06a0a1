//! What the benches share.

pub mod bare;
pub mod gateway;
pub mod load;
pub mod measure;
pub mod recording;
pub mod rows;
pub mod wires;
