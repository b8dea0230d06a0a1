//! Reports a finished request to Envoy. The access log is written after the request's last callback, but a
//! span ends earlier, with the last byte of the response.

use crate::config::REPORT_STATE;
use crate::exchange::Call;
use crate::key::UsageEntry;

use super::host;

/// Declares the properties for a root context.
pub(super) fn declare() {
    host::declare_message(REPORT_STATE, "type.googleapis.com/google.protobuf.Struct");
}

/// Reports to the access log, if there is one.
pub(super) fn for_log(call: &Call, entry: &UsageEntry<'_>) {
    if call.table.settings.reports {
        host::leave(REPORT_STATE, &call.report(entry));
    }
}

/// Reports to the span, if there is one. Call it when the response is complete, or will not continue.
pub(super) fn for_span(call: &Call) {
    if call.table.settings.spans && !call.departs() {
        let status = call.answered_status().unwrap_or_default();
        call.settle(status, host::now_ms(), |entry| host::leave(REPORT_STATE, &call.report(entry)));
    }
}
