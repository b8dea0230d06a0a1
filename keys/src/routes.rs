//! The key API: one file per path, in directories named like the paths.

pub mod access_page;
pub mod account;
pub mod audit;
pub mod budget;
pub mod customer;
pub mod daily;
pub mod global;
pub mod health;
pub mod key;
pub mod limits;
pub mod metrics;
pub mod model;
pub mod organization;
mod paths;
pub mod schema;
mod shared_budget;
pub mod spend;
pub mod tag;
pub mod team;
pub mod user;

use paths::Path;

/// Every path with its input and its handler. This is the only list of paths.
pub fn endpoints() -> Vec<Path> {
    let all = [
        key::paths::paths(),
        user::paths::paths(),
        team::paths::paths(),
        organization::paths::paths(),
        customer::paths::paths(),
        tag::paths::paths(),
        budget::paths::paths(),
        spend::paths::paths(),
        global::paths(),
        daily::paths(),
        model::paths::paths(),
        audit::paths(),
        health::paths(),
    ];
    all.into_iter().flatten().collect()
}
