//! A search of the web that a client asks its provider for.

use crate::json::{Object, Raw, Writer};

/// Writes `web_search_options`. `location` is the flat object of the Messages and Responses APIs.
pub(super) fn write_options(w: &mut Writer<'_>, size: Option<Raw<'_>>, location: Option<Raw<'_>>) {
    w.object();
    if let Some(size) = size.filter(|size| !size.is_null()) {
        w.key("search_context_size").raw(size.get());
    }
    if let Some(location) = location.and_then(Object::of) {
        w.key("user_location").object().key("type").string("approximate").key("approximate").object();
        for member in location.members() {
            if !member.is("type") && !member.value.is_null() {
                w.raw(member.key.token()).bytes().push(b':');
                w.raw(member.value.get());
            }
        }
        w.end_object().end_object();
    }
    w.end_object();
}
