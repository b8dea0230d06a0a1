//! `/key/*`

mod block;
mod delete;
mod generate;
mod health;
mod info;
mod list;
mod pages;
mod regenerate;
mod reset_spend;
mod roles;
mod update;
