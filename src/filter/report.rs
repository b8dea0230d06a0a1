//! What Envoy is told of a request at its end. An access log is written after everybody was asked for a last word; a span
//! ends before, with the answer's last byte.

use crate::config::REPORT_STATE;
use crate::exchange::Call;
use crate::key::UsageEntry;

use super::host;

/// Prepares a root context for it.
pub(super) fn declare() {
    host::declare_message(REPORT_STATE, "type.googleapis.com/google.protobuf.Struct");
}

/// For the access log, if there is one.
pub(super) fn for_log(call: &Call, entry: &UsageEntry<'_>) {
    if call.table.settings.reports {
        host::leave(REPORT_STATE, &call.report(entry));
    }
}

/// For the span, if there is one. To be told when the answer is complete, or all that will come of it.
pub(super) fn for_span(call: &Call) {
    if call.table.settings.spans && !call.departs() {
        let status = call.answered_status().unwrap_or_default();
        call.settle(status, host::now_ms(), |entry| host::leave(REPORT_STATE, &call.report(entry)));
    }
}
