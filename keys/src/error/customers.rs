//! Errors of `/customer/…`, with `LiteLLM`'s statuses, types and messages.

use axum::http::StatusCode;

use super::ApiError;

impl ApiError {
    /// A customer with this id exists.
    pub fn customer_exists(id: &str) -> Self {
        let message = format!("Customer already exists, passed user_id={id}. Please pass a new user_id.");
        Self::envelope(StatusCode::BAD_REQUEST, "bad_request", message, Some("user_id"))
    }

    /// There is no customer with this id, which is in the field `param`.
    pub fn no_such_customer(id: &str, param: &str) -> Self {
        let message = format!("End User Id={id} does not exist in db");
        Self::envelope(StatusCode::NOT_FOUND, "not_found", message, Some(param))
    }

    /// There are no customers with these ids.
    pub fn no_such_customers(ids: &[&str]) -> Self {
        let message = format!("End User Id(s)={} do not exist in db", ids.join(", "));
        Self::envelope(StatusCode::NOT_FOUND, "not_found", message, Some("user_ids"))
    }
}
