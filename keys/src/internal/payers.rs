//! `POST /internal/payers`: looks up accounts that a request names and that the filter does not know yet.

use axum::Json;
use axum::extract::State;
use switchboard::key::{AccountKind, KeyChange, PayersAnswer, PayersRequest};

use super::Call;
use crate::app::App;
use crate::error::ApiError;

/// Returns their records. Those that limit nothing have none.
pub async fn payers(
    State(app): State<App>,
    Call(PayersRequest { accounts }): Call<PayersRequest>,
) -> Result<Json<PayersAnswer>, ApiError> {
    let mut answer = PayersAnswer { records: Vec::new(), cursor: u64::MAX };
    for account in accounts {
        let token = account.record_name();
        let found = match account.kind {
            AccountKind::Customer => app.store.customer(&account.id).await?,
            AccountKind::Tag => app.store.tag(&account.id).await?,
            _ => continue,
        };
        // The oldest state counts.
        answer.cursor = answer.cursor.min(found.cursor);
        answer.records.push(KeyChange { token, key: found.key.map(|key| (*key).clone()) });
    }
    Ok(Json(answer))
}
