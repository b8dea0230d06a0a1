//! `/key/*`

mod block;
mod delete;
mod generate;
mod info;
