//! Reports a finished request to Envoy. The access log is written after the request's last callback, but a
//! span ends earlier, with the last byte of the response.

use crate::config::REPORT_STATE;
use crate::exchange::{Call, Reply};
use crate::key::UsageEntry;

use super::Host;

/// Declares what is reported. Every root declares it, in both roles.
pub fn declare<H: Host>() {
    H::declare_report(REPORT_STATE);
}

/// Sends a response to a request, and counts it if the request is refused.
pub(super) fn reply<H: Host>(reply: &Reply) {
    if let Some(error) = &reply.error {
        H::count_refused(reply.status, &error.kind);
    }
    H::reply(reply);
}

/// Reports to the access log, if there is one.
pub(super) fn for_log<H: Host>(call: &Call, entry: &UsageEntry<'_>) {
    if call.table.settings.reports {
        H::leave_report(REPORT_STATE, &call.report(entry));
    }
}

/// Reports to the span, if there is one. Call it when the response is complete, or will not continue.
pub(super) fn for_span<H: Host>(call: &Call) {
    if call.table.settings.spans && !call.departs() {
        let status = call.answered_status().unwrap_or_default();
        call.settle(status, H::now_ms(), |entry| H::leave_report(REPORT_STATE, &call.report(entry)));
    }
}
