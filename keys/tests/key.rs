//! `/key/*`

mod block;
mod budget_limits;
mod delete;
mod generate;
mod health;
mod info;
mod list;
mod pages;
mod refused;
mod regenerate;
mod reset_spend;
mod roles;
mod update;
