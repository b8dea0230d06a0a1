//! Envoy's C interface for dynamic modules, version 0.2.0 (Envoy 1.40): `source/extensions/dynamic_modules/abi/abi.h` in
//! Envoy's repository. Declared here are the functions that are used, wrapped so that the rest of the crate needs no
//! unsafe code, and the hooks that Envoy calls.
//!
//! Envoy calls all hooks of a filter on the thread of its worker, and those of a configuration on the main thread, except
//! for its destruction. A panic must not leave a hook: it would abort Envoy.

#![expect(unsafe_code, reason = "the C interface")]

use core::ffi::{CStr, c_char, c_void};
use core::ptr::{NonNull, null, null_mut};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use switchboard::filter::Action;

use crate::config::Config;
use crate::stream::{Stream, fail};

/// The details of our own responses, by which Envoy's configuration tells them from its own.
pub(crate) const DETAILS: &[u8] = b"switchboard";

const VERSION: &CStr = c"v0.2.0";

/// Bytes that someone else owns.
#[repr(C)]
#[derive(Clone, Copy)]
struct Buffer {
    ptr: *const u8,
    length: usize,
}

/// A header that someone else owns.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header {
    name: Buffer,
    value: Buffer,
}

impl Buffer {
    const NONE: Self = Self { ptr: null(), length: 0 };

    fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), length: bytes.len() }
    }

    /// # Safety
    /// The bytes must live as long as `'a`.
    unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.length == 0 {
            return &[];
        }
        // SAFETY: Envoy's buffers are valid for their length, and the caller vouches for the lifetime.
        unsafe { core::slice::from_raw_parts(self.ptr, self.length) }
    }
}

/// # Safety
/// As of [`Buffer::bytes`], for an array.
unsafe fn array<'a, T>(first: *const T, count: usize) -> &'a [T] {
    if first.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: as above.
    unsafe { core::slice::from_raw_parts(first, count) }
}

type Filter = *mut c_void;
type FilterConfig = *mut c_void;

unsafe extern "C" {
    fn envoy_dynamic_module_callback_log(level: u32, message: Buffer);
    fn envoy_dynamic_module_callback_log_enabled(level: u32) -> bool;
    fn envoy_dynamic_module_callback_http_get_header(
        filter: Filter,
        kind: u32,
        name: Buffer,
        value: *mut Buffer,
        index: usize,
        count: *mut usize,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_headers_size(filter: Filter, kind: u32) -> usize;
    fn envoy_dynamic_module_callback_http_get_headers(
        filter: Filter,
        kind: u32,
        headers: *mut Header,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_set_header(
        filter: Filter,
        kind: u32,
        name: Buffer,
        value: Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_body_size(filter: Filter, kind: u32) -> usize;
    fn envoy_dynamic_module_callback_http_get_body_chunks_size(filter: Filter, kind: u32) -> usize;
    fn envoy_dynamic_module_callback_http_get_body_chunks(
        filter: Filter,
        kind: u32,
        chunks: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_append_body(filter: Filter, kind: u32, data: Buffer) -> bool;
    fn envoy_dynamic_module_callback_http_drain_body(filter: Filter, kind: u32, count: usize) -> bool;
    fn envoy_dynamic_module_callback_http_received_buffered_request_body(filter: Filter) -> bool;
    fn envoy_dynamic_module_callback_http_received_buffered_response_body(filter: Filter) -> bool;
    fn envoy_dynamic_module_callback_http_send_response(
        filter: Filter,
        status: u32,
        headers: *mut Header,
        count: usize,
        body: Buffer,
        details: Buffer,
    );
    fn envoy_dynamic_module_callback_http_send_response_data(filter: Filter, data: Buffer, end: bool);
    fn envoy_dynamic_module_callback_http_set_filter_state_bytes(
        filter: Filter,
        name: Buffer,
        value: Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_filter_state_bytes(
        filter: Filter,
        name: Buffer,
        value: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_get_metadata_string(
        filter: Filter,
        source: u32,
        namespace: Buffer,
        key: Buffer,
        value: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_filter_get_attribute_int(
        filter: Filter,
        id: u32,
        value: *mut u64,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: Filter,
        id: u32,
        value: *mut Buffer,
    ) -> bool;
    fn envoy_dynamic_module_callback_http_clear_route_cache(filter: Filter);
    fn envoy_dynamic_module_callback_http_filter_continue_decoding(filter: Filter);
    fn envoy_dynamic_module_callback_http_filter_continue_encoding(filter: Filter);
    fn envoy_dynamic_module_callback_http_filter_reset_stream(filter: Filter, reason: u32, details: Buffer);
    fn envoy_dynamic_module_callback_http_filter_http_callout(
        filter: Filter,
        id: *mut u64,
        cluster: Buffer,
        headers: *mut Header,
        count: usize,
        body: Buffer,
        timeout_ms: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_config_http_callout(
        config: FilterConfig,
        id: *mut u64,
        cluster: Buffer,
        headers: *mut Header,
        count: usize,
        body: Buffer,
        timeout_ms: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_scheduler_new(filter: Filter) -> *mut c_void;
    fn envoy_dynamic_module_callback_http_filter_scheduler_commit(scheduler: *mut c_void, event: u64);
    fn envoy_dynamic_module_callback_http_filter_scheduler_delete(scheduler: *mut c_void);
    fn envoy_dynamic_module_callback_http_filter_config_scheduler_new(config: FilterConfig) -> *mut c_void;
    fn envoy_dynamic_module_callback_http_filter_config_scheduler_commit(scheduler: *mut c_void, event: u64);
    fn envoy_dynamic_module_callback_http_filter_config_scheduler_delete(scheduler: *mut c_void);
    fn envoy_dynamic_module_callback_http_filter_config_define_counter(
        config: FilterConfig,
        name: Buffer,
        labels: *mut Buffer,
        count: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_increment_counter(
        filter: Filter,
        id: usize,
        labels: *mut Buffer,
        count: usize,
        value: u64,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_config_define_histogram(
        config: FilterConfig,
        name: Buffer,
        labels: *mut Buffer,
        count: usize,
        id: *mut usize,
    ) -> u32;
    fn envoy_dynamic_module_callback_http_filter_record_histogram_value(
        filter: Filter,
        id: usize,
        labels: *mut Buffer,
        count: usize,
        value: u64,
    ) -> u32;
}

/// `envoy_dynamic_module_callback_http_set_dynamic_metadata_struct`
type SetMetadataStruct = unsafe extern "C" fn(Filter, Buffer, Buffer);

unsafe extern "C" {
    fn dlsym(library: *mut c_void, symbol: *const c_char) -> *mut c_void;
}

/// Envoy has this function since 1.40. It is looked up, because the linker would refuse the module in an older Envoy.
static SET_METADATA_STRUCT: LazyLock<Option<SetMetadataStruct>> = LazyLock::new(|| {
    let name = c"envoy_dynamic_module_callback_http_set_dynamic_metadata_struct";
    // SAFETY: a null library means all that are loaded.
    let found = unsafe { dlsym(null_mut(), name.as_ptr()) };
    // SAFETY: Envoy's function of that name has this type.
    (!found.is_null()).then(|| unsafe { core::mem::transmute::<*mut c_void, SetMetadataStruct>(found) })
});

/// Writes to Envoy's log.
pub(crate) fn log(level: log::Level, message: &str) {
    let level = level_of(level);
    // SAFETY: Envoy copies the message.
    unsafe { envoy_dynamic_module_callback_log(level, Buffer::of(message.as_bytes())) }
}

/// Whether Envoy's log has that level.
pub(crate) fn logs(level: log::Level) -> bool {
    // SAFETY: it only reads a level.
    unsafe { envoy_dynamic_module_callback_log_enabled(level_of(level)) }
}

fn level_of(level: log::Level) -> u32 {
    match level {
        log::Level::Trace => 0,
        log::Level::Debug => 1,
        log::Level::Info => 2,
        log::Level::Warn => 3,
        log::Level::Error => 4,
    }
}

/// A direction of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the provider.
    Request,
    /// To the client.
    Response,
}

impl Way {
    fn headers(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::Response => 2,
        }
    }

    /// What has arrived with the current hook, and what is held.
    fn bodies(self) -> (u32, u32) {
        match self {
            Self::Request => (0, 1),
            Self::Response => (2, 3),
        }
    }
}

/// A filter of Envoy. Only hooks create it, and only [`crate::current`] keeps it, while a hook runs: so Envoy's object
/// exists, and this is its thread.
#[derive(Clone, Copy)]
pub(crate) struct EnvoyFilter(NonNull<c_void>);

impl EnvoyFilter {
    /// Shows all headers to `each`, name and value.
    pub(crate) fn headers<T>(self, way: Way, read: impl FnOnce(&[(&[u8], &[u8])]) -> T) -> T {
        let (filter, kind) = (self.0.as_ptr(), way.headers());
        // SAFETY: the filter exists.
        let count = unsafe { envoy_dynamic_module_callback_http_get_headers_size(filter, kind) };
        let mut headers = vec![Header { name: Buffer::NONE, value: Buffer::NONE }; count];
        // SAFETY: there is room for all headers.
        let is_there = count > 0
            && unsafe { envoy_dynamic_module_callback_http_get_headers(filter, kind, headers.as_mut_ptr()) };
        if !is_there {
            return read(&[]);
        }
        // SAFETY: the headers live until one is changed, which `read` cannot do to these: it gets no filter.
        let pairs: Vec<_> =
            headers.iter().map(|header| unsafe { (header.name.bytes(), header.value.bytes()) }).collect();
        read(&pairs)
    }

    /// The first value of a header.
    pub(crate) fn header<T>(self, way: Way, name: &str, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let mut value = Buffer::NONE;
        // SAFETY: the filter exists, and the count is optional.
        let is_there = unsafe {
            envoy_dynamic_module_callback_http_get_header(
                self.0.as_ptr(),
                way.headers(),
                Buffer::of(name.as_bytes()),
                &raw mut value,
                0,
                null_mut(),
            )
        };
        // SAFETY: the value lives until a header is changed, which `read` cannot do.
        (is_there && !value.ptr.is_null()).then(|| read(unsafe { value.bytes() }))
    }

    /// Sets a header, or removes it.
    pub(crate) fn set_header(self, way: Way, name: &str, value: Option<&[u8]>) -> bool {
        let value = match value {
            // A missing pointer removes the header, an empty value does not.
            Some([]) => Buffer::of(b"\0".get(..0).unwrap_or_default()),
            Some(value) => Buffer::of(value),
            None => Buffer::NONE,
        };
        // SAFETY: Envoy copies both.
        unsafe {
            envoy_dynamic_module_callback_http_set_header(
                self.0.as_ptr(),
                way.headers(),
                Buffer::of(name.as_bytes()),
                value,
            )
        }
    }

    /// The parts in which a body lies: what is held, and what has arrived, if that is not held already.
    fn parts(self, way: Way) -> [Option<u32>; 2] {
        let (received, buffered) = way.bodies();
        // SAFETY: the filter exists.
        let is_same = unsafe {
            match way {
                Way::Request => {
                    envoy_dynamic_module_callback_http_received_buffered_request_body(self.0.as_ptr())
                }
                Way::Response => {
                    envoy_dynamic_module_callback_http_received_buffered_response_body(self.0.as_ptr())
                }
            }
        };
        [(!is_same).then_some(buffered), Some(received)]
    }

    /// The size of a body, bytes.
    pub(crate) fn body_size(self, way: Way) -> usize {
        let size = |part: u32| {
            // SAFETY: the filter exists.
            unsafe { envoy_dynamic_module_callback_http_get_body_size(self.0.as_ptr(), part) }
        };
        self.parts(way).into_iter().flatten().map(size).sum()
    }

    /// A body.
    pub(crate) fn body(self, way: Way) -> Vec<u8> {
        let filter = self.0.as_ptr();
        let mut body = Vec::with_capacity(self.body_size(way));
        for part in self.parts(way).into_iter().flatten() {
            // SAFETY: the filter exists.
            let count = unsafe { envoy_dynamic_module_callback_http_get_body_chunks_size(filter, part) };
            let mut chunks = vec![Buffer::NONE; count];
            // SAFETY: there is room for all chunks.
            let is_there = count > 0
                && unsafe {
                    envoy_dynamic_module_callback_http_get_body_chunks(filter, part, chunks.as_mut_ptr())
                };
            if is_there {
                for chunk in chunks {
                    // SAFETY: the chunks live until the body is changed.
                    body.extend_from_slice(unsafe { chunk.bytes() });
                }
            }
        }
        body
    }

    /// Replaces a body. `arrives` if the hook is one of the body's, so that there is a part that has just arrived.
    pub(crate) fn replace_body(self, way: Way, arrives: bool, body: &[u8]) -> bool {
        for part in self.parts(way).into_iter().flatten() {
            // SAFETY: the filter exists.
            unsafe { envoy_dynamic_module_callback_http_drain_body(self.0.as_ptr(), part, usize::MAX) };
        }
        let (received, buffered) = way.bodies();
        let part = if arrives { received } else { buffered };
        // SAFETY: Envoy copies the body.
        body.is_empty()
            || unsafe {
                envoy_dynamic_module_callback_http_append_body(self.0.as_ptr(), part, Buffer::of(body))
            }
    }

    /// Sends a local response.
    pub(crate) fn send_response(self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let mut headers = lent(headers);
        // SAFETY: Envoy copies everything.
        unsafe {
            envoy_dynamic_module_callback_http_send_response(
                self.0.as_ptr(),
                status.into(),
                headers.as_mut_ptr(),
                headers.len(),
                Buffer::of(body),
                Buffer::of(DETAILS),
            );
        }
    }

    /// Writes to a response whose headers were sent, and does not end it.
    pub(crate) fn send_data(self, data: &[u8]) {
        // SAFETY: Envoy copies the data.
        unsafe {
            envoy_dynamic_module_callback_http_send_response_data(self.0.as_ptr(), Buffer::of(data), false);
        }
    }

    /// Sets a value of the filter state.
    pub(crate) fn set_state(self, name: &str, value: &[u8]) -> bool {
        // SAFETY: Envoy copies both.
        unsafe {
            envoy_dynamic_module_callback_http_set_filter_state_bytes(
                self.0.as_ptr(),
                Buffer::of(name.as_bytes()),
                Buffer::of(value),
            )
        }
    }

    /// A value of the filter state.
    pub(crate) fn state(self, name: &str) -> Option<Vec<u8>> {
        let mut value = Buffer::NONE;
        // SAFETY: the filter exists.
        let is_there = unsafe {
            envoy_dynamic_module_callback_http_get_filter_state_bytes(
                self.0.as_ptr(),
                Buffer::of(name.as_bytes()),
                &raw mut value,
            )
        };
        // SAFETY: the value lives until it is changed.
        is_there.then(|| unsafe { value.bytes() }.to_vec())
    }

    /// Merges a serialized `google.protobuf.Struct` into the dynamic metadata of that namespace. Returns false if this Envoy
    /// cannot.
    pub(crate) fn set_metadata(self, namespace: &str, message: &[u8]) -> bool {
        let Some(set) = *SET_METADATA_STRUCT else { return false };
        // SAFETY: the filter exists, and Envoy copies both.
        unsafe { set(self.0.as_ptr(), Buffer::of(namespace.as_bytes()), Buffer::of(message)) }
        true
    }

    /// A text in the metadata of the endpoint.
    pub(crate) fn endpoint_metadata(self, namespace: &str, key: &str) -> Option<Vec<u8>> {
        let mut value = Buffer::NONE;
        // SAFETY: the filter exists.
        let is_there = unsafe {
            envoy_dynamic_module_callback_http_get_metadata_string(
                self.0.as_ptr(),
                3,
                Buffer::of(namespace.as_bytes()),
                Buffer::of(key.as_bytes()),
                &raw mut value,
            )
        };
        // SAFETY: the value lives as long as the endpoint.
        is_there.then(|| unsafe { value.bytes() }.to_vec())
    }

    /// The status that the client received.
    pub(crate) fn response_code(self) -> Option<u64> {
        let mut code = 0;
        // SAFETY: the filter exists; 15 is `response.code`.
        let is_there = unsafe {
            envoy_dynamic_module_callback_http_filter_get_attribute_int(self.0.as_ptr(), 15, &raw mut code)
        };
        is_there.then_some(code)
    }

    /// Why the response is what it is, in a word of Envoy's.
    pub(crate) fn response_details<T>(self, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let mut value = Buffer::NONE;
        // SAFETY: the filter exists; 16 is `response.code_details`.
        let is_there = unsafe {
            envoy_dynamic_module_callback_http_filter_get_attribute_string(
                self.0.as_ptr(),
                16,
                &raw mut value,
            )
        };
        // SAFETY: the value lives until the hook has ended.
        is_there.then(|| read(unsafe { value.bytes() }))
    }

    /// Has the route picked again, because headers have changed.
    pub(crate) fn clear_route(self) {
        // SAFETY: the filter exists.
        unsafe { envoy_dynamic_module_callback_http_clear_route_cache(self.0.as_ptr()) }
    }

    /// Resumes what a hook has stopped.
    pub(crate) fn resume(self, way: Way) {
        // SAFETY: the filter exists.
        unsafe {
            match way {
                Way::Request => envoy_dynamic_module_callback_http_filter_continue_decoding(self.0.as_ptr()),
                Way::Response => envoy_dynamic_module_callback_http_filter_continue_encoding(self.0.as_ptr()),
            }
        }
    }

    /// Resets the stream.
    pub(crate) fn reset(self) {
        // SAFETY: the filter exists; 0 is a local reset.
        unsafe {
            envoy_dynamic_module_callback_http_filter_reset_stream(
                self.0.as_ptr(),
                0,
                Buffer::of(b"switchboard"),
            );
        }
    }

    /// Sends a request to a cluster; the response comes to this filter. Returns the call's id.
    pub(crate) fn call(
        self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        timeout: Duration,
    ) -> Option<u64> {
        let (mut id, mut headers) = (0, lent(headers));
        // SAFETY: Envoy copies everything.
        let result = unsafe {
            envoy_dynamic_module_callback_http_filter_http_callout(
                self.0.as_ptr(),
                &raw mut id,
                Buffer::of(cluster.as_bytes()),
                headers.as_mut_ptr(),
                headers.len(),
                Buffer::of(body),
                millis(timeout),
            )
        };
        (result == 0).then_some(id)
    }

    /// Increments a counter.
    pub(crate) fn count<const N: usize>(self, counter: Counter<N>, labels: [&str; N]) {
        let mut labels = labels.map(|label| Buffer::of(label.as_bytes()));
        // SAFETY: the counter has that many labels. A failure only loses a count.
        unsafe {
            envoy_dynamic_module_callback_http_filter_increment_counter(
                self.0.as_ptr(),
                counter.0,
                labels.as_mut_ptr(),
                N,
                1,
            );
        }
    }

    /// Records a value in a histogram.
    pub(crate) fn record<const N: usize>(self, histogram: Histogram<N>, labels: [&str; N], value: u64) {
        let mut labels = labels.map(|label| Buffer::of(label.as_bytes()));
        // SAFETY: the histogram has that many labels. A failure only loses a value.
        unsafe {
            envoy_dynamic_module_callback_http_filter_record_histogram_value(
                self.0.as_ptr(),
                histogram.0,
                labels.as_mut_ptr(),
                N,
                value,
            );
        }
    }

    /// A scheduler of its events.
    pub(crate) fn scheduler(self) -> Option<Scheduler> {
        // SAFETY: the filter exists.
        let scheduler = unsafe { envoy_dynamic_module_callback_http_filter_scheduler_new(self.0.as_ptr()) };
        Some(Scheduler { ptr: NonNull::new(scheduler)?, is_config: false })
    }
}

/// A counter with that many labels.
#[derive(Clone, Copy)]
pub(crate) struct Counter<const LABELS: usize>(usize);

/// A histogram with that many labels.
#[derive(Clone, Copy)]
pub(crate) struct Histogram<const LABELS: usize>(usize);

/// A configuration of Envoy. Only hooks create it, on the main thread.
#[derive(Clone, Copy)]
pub(crate) struct EnvoyConfig(NonNull<c_void>);

impl EnvoyConfig {
    /// A scheduler of its events.
    pub(crate) fn scheduler(self) -> Option<Scheduler> {
        // SAFETY: the configuration exists.
        let scheduler =
            unsafe { envoy_dynamic_module_callback_http_filter_config_scheduler_new(self.0.as_ptr()) };
        Some(Scheduler { ptr: NonNull::new(scheduler)?, is_config: true })
    }

    /// Defines a counter, while the configuration is being created.
    pub(crate) fn counter<const N: usize>(self, name: &str, labels: [&str; N]) -> Option<Counter<N>> {
        let (mut id, mut labels) = (0, labels.map(|label| Buffer::of(label.as_bytes())));
        // SAFETY: Envoy copies the names.
        let result = unsafe {
            envoy_dynamic_module_callback_http_filter_config_define_counter(
                self.0.as_ptr(),
                Buffer::of(name.as_bytes()),
                labels.as_mut_ptr(),
                N,
                &raw mut id,
            )
        };
        (result == 0).then_some(Counter(id))
    }

    /// Defines a histogram, while the configuration is being created.
    pub(crate) fn histogram<const N: usize>(self, name: &str, labels: [&str; N]) -> Option<Histogram<N>> {
        let (mut id, mut labels) = (0, labels.map(|label| Buffer::of(label.as_bytes())));
        // SAFETY: Envoy copies the names.
        let result = unsafe {
            envoy_dynamic_module_callback_http_filter_config_define_histogram(
                self.0.as_ptr(),
                Buffer::of(name.as_bytes()),
                labels.as_mut_ptr(),
                N,
                &raw mut id,
            )
        };
        (result == 0).then_some(Histogram(id))
    }

    /// Sends a request to a cluster; the response comes to this configuration. Returns the call's id.
    pub(crate) fn call(
        self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        timeout: Duration,
    ) -> Option<u64> {
        let (mut id, mut headers) = (0, lent(headers));
        // SAFETY: Envoy copies everything.
        let result = unsafe {
            envoy_dynamic_module_callback_http_filter_config_http_callout(
                self.0.as_ptr(),
                &raw mut id,
                Buffer::of(cluster.as_bytes()),
                headers.as_mut_ptr(),
                headers.len(),
                Buffer::of(body),
                millis(timeout),
            )
        };
        (result == 0).then_some(id)
    }
}

fn millis(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)
}

fn lent(headers: &[(&str, &str)]) -> Vec<Header> {
    let lent = |(name, value): &(&str, &str)| Header {
        name: Buffer::of(name.as_bytes()),
        value: Buffer::of(value.as_bytes()),
    };
    headers.iter().map(lent).collect()
}

/// Has a hook called on the thread of a filter or of a configuration, if that still exists.
pub(crate) struct Scheduler {
    ptr: NonNull<c_void>,
    is_config: bool,
}

// SAFETY: Envoy's schedulers are made for other threads.
unsafe impl Send for Scheduler {}

impl Scheduler {
    /// Has `on_event` called with that event.
    pub(crate) fn commit(&self, event: u64) {
        // SAFETY: the scheduler exists until it is dropped.
        unsafe {
            if self.is_config {
                envoy_dynamic_module_callback_http_filter_config_scheduler_commit(self.ptr.as_ptr(), event);
            } else {
                envoy_dynamic_module_callback_http_filter_scheduler_commit(self.ptr.as_ptr(), event);
            }
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // SAFETY: it is ours to delete, once.
        unsafe {
            if self.is_config {
                envoy_dynamic_module_callback_http_filter_config_scheduler_delete(self.ptr.as_ptr());
            } else {
                envoy_dynamic_module_callback_http_filter_scheduler_delete(self.ptr.as_ptr());
            }
        }
    }
}

/// The response to a call.
#[derive(Default)]
pub(crate) struct CallResponse {
    /// 0 if there was none.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl CallResponse {
    /// # Safety
    /// The arrays must be valid.
    unsafe fn new(
        result: u32,
        headers: *const Header,
        headers_count: usize,
        chunks: *const Buffer,
        chunks_count: usize,
    ) -> Self {
        if result != 0 {
            return Self::default();
        }
        // SAFETY: Envoy's arrays are valid during the hook.
        let (headers, chunks) = unsafe { (array(headers, headers_count), array(chunks, chunks_count)) };
        let owned = |header: &Header| {
            // SAFETY: so is what they point to.
            let (name, value) = unsafe { (header.name.bytes(), header.value.bytes()) };
            (String::from_utf8_lossy(name).into_owned(), value.to_vec())
        };
        let headers: Vec<_> = headers.iter().map(owned).collect();
        let status = headers.iter().find(|(name, _)| name == ":status");
        let status = status.and_then(|(_, status)| core::str::from_utf8(status).ok()?.parse().ok());
        let mut body = Vec::new();
        for chunk in chunks {
            // SAFETY: as above.
            body.extend_from_slice(unsafe { chunk.bytes() });
        }
        Self { status: status.unwrap_or_default(), headers, body }
    }
}

// What Envoy calls.

/// Runs a hook; a panic ends there.
fn guarded<T>(hook: &str, otherwise: T, run: impl FnOnce() -> T) -> T {
    let run = || {
        #[cfg(feature = "panic-trigger")]
        crate::trigger::pull("", hook);
        run()
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        log(log::Level::Error, &["a panic in ", hook].concat());
        otherwise
    })
}

/// # Safety
/// `stream` must be of `filter_new`, and not be destroyed yet.
unsafe fn stream(stream: *const c_void) -> Option<Rc<Stream>> {
    let stream = stream.cast::<Stream>();
    if stream.is_null() {
        return None;
    }
    // SAFETY: it is of `Rc::into_raw`. The count is raised, so the stream survives its destruction during the hook.
    unsafe {
        Rc::increment_strong_count(stream);
        Some(Rc::from_raw(stream))
    }
}

/// Runs a hook of a stream. After a panic the stream is dead, and the client gets one response of status 500.
fn in_stream<T>(
    hook: &str,
    filter: Filter,
    stream_ptr: *const c_void,
    otherwise: T,
    run: impl FnOnce(&Rc<Stream>, EnvoyFilter) -> T,
) -> T {
    replying(hook, true, filter, stream_ptr, otherwise, run)
}

/// The same; a response is sent only if `replies`.
fn replying<T>(
    hook: &str,
    replies: bool,
    filter: Filter,
    stream_ptr: *const c_void,
    otherwise: T,
    run: impl FnOnce(&Rc<Stream>, EnvoyFilter) -> T,
) -> T {
    // SAFETY: Envoy passes what `filter_new` has returned.
    let (stream, filter) = (unsafe { stream(stream_ptr) }, NonNull::new(filter).map(EnvoyFilter));
    let (Some(stream), Some(filter)) = (stream, filter) else { return otherwise };
    catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "panic-trigger")]
        crate::trigger::pull(stream.role(), hook);
        run(&stream, filter)
    }))
    .unwrap_or_else(|_| {
        log(log::Level::Error, &["a panic in ", hook, ": the request fails"].concat());
        guarded(hook, (), || stream.panicked(filter, replies));
        otherwise
    })
}

fn pass(action: Action) -> u32 {
    match action {
        Action::Continue => 0,
        Action::Pause => 1,
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const core::ffi::c_char {
    guarded("on_program_init", (), crate::config::begin);
    VERSION.as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    config: FilterConfig,
    name: Buffer,
    text: Buffer,
) -> *const c_void {
    guarded("on_http_filter_config_new", null(), || {
        let Some(config) = NonNull::new(config).map(EnvoyConfig) else { return null() };
        // SAFETY: both live during the hook.
        let (name, text) = unsafe { (name.bytes(), text.bytes()) };
        Config::new(config, name, text).map_or(null(), |config| Arc::into_raw(config).cast())
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: *const c_void) {
    guarded("on_http_filter_config_destroy", (), || {
        if !config.is_null() {
            // SAFETY: it is of `config_new`, and Envoy destroys it once.
            unsafe { Arc::from_raw(config.cast::<Config>()) }.end();
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    envoy: FilterConfig,
    config: *const c_void,
    event: u64,
) {
    guarded("on_http_filter_config_scheduled", (), || {
        // SAFETY: it is of `config_new`, and not destroyed.
        let config = unsafe { config.cast::<Config>().as_ref() };
        if let (Some(config), Some(envoy)) = (config, NonNull::new(envoy).map(EnvoyConfig)) {
            config.on_event(envoy, event);
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_config_http_callout_done(
    envoy: FilterConfig,
    config: *const c_void,
    call: u64,
    result: u32,
    headers: *const Header,
    headers_count: usize,
    chunks: *const Buffer,
    chunks_count: usize,
) {
    guarded("on_http_filter_config_http_callout_done", (), || {
        // SAFETY: it is of `config_new`, and not destroyed.
        let config = unsafe { config.cast::<Config>().as_ref() };
        if let (Some(config), Some(envoy)) = (config, NonNull::new(envoy).map(EnvoyConfig)) {
            // SAFETY: Envoy's arrays are valid during the hook.
            let response = unsafe { CallResponse::new(result, headers, headers_count, chunks, chunks_count) };
            config.on_call_response(envoy, call, response);
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_new(
    config: *const c_void,
    filter: Filter,
) -> *const c_void {
    guarded("on_http_filter_new", null(), || {
        // SAFETY: it is of `config_new`, and not destroyed.
        match unsafe { config.cast::<Config>().as_ref() } {
            Some(config) if !filter.is_null() => Rc::into_raw(Stream::new(config)).cast(),
            _ => null(),
        }
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_destroy(stream: *const c_void) {
    guarded("on_http_filter_destroy", (), || {
        if !stream.is_null() {
            // SAFETY: it is of `filter_new`, and Envoy destroys it once.
            unsafe { Rc::from_raw(stream.cast::<Stream>()) }.destroy();
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    filter: Filter,
    stream: *const c_void,
    end: bool,
) -> u32 {
    if stream.is_null() {
        // There was a panic when it was created.
        NonNull::new(filter).map(EnvoyFilter).inspect(|filter| fail(*filter));
        return 1;
    }
    in_stream("on_http_filter_request_headers", filter, stream, 1, |stream, filter| {
        #[cfg(feature = "panic-trigger")]
        crate::trigger::set(stream.role(), filter);
        pass(stream.on_request_headers(filter, end))
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    filter: Filter,
    stream: *const c_void,
    end: bool,
) -> u32 {
    in_stream("on_http_filter_request_body", filter, stream, 3, |stream, filter| {
        pass(stream.on_request_body(filter, end))
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    filter: Filter,
    stream: *const c_void,
) -> u32 {
    in_stream("on_http_filter_request_trailers", filter, stream, 1, |stream, filter| {
        pass(stream.on_request_trailers(filter))
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    filter: Filter,
    stream: *const c_void,
    end: bool,
) -> u32 {
    in_stream("on_http_filter_response_headers", filter, stream, 1, |stream, filter| {
        pass(stream.on_response_headers(filter, end))
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_body(
    filter: Filter,
    stream: *const c_void,
    end: bool,
) -> u32 {
    in_stream("on_http_filter_response_body", filter, stream, 3, |stream, filter| {
        pass(stream.on_response_body(filter, end))
    })
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(_: Filter, _: *const c_void) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(filter: Filter, stream: *const c_void) {
    replying("on_http_filter_stream_complete", false, filter, stream, (), |stream, filter| {
        stream.on_complete(filter);
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_callout_done(
    filter: Filter,
    stream: *const c_void,
    call: u64,
    result: u32,
    headers: *const Header,
    headers_count: usize,
    chunks: *const Buffer,
    chunks_count: usize,
) {
    in_stream("on_http_filter_http_callout_done", filter, stream, (), |stream, filter| {
        // SAFETY: Envoy's arrays are valid during the hook.
        let response = unsafe { CallResponse::new(result, headers, headers_count, chunks, chunks_count) };
        stream.on_call_response(filter, call, response);
    });
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    filter: Filter,
    stream: *const c_void,
    event: u64,
) {
    in_stream("on_http_filter_scheduled", filter, stream, (), |stream, filter| {
        stream.on_event(filter, event);
    });
}

/// Returns 0: the local response is sent.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_local_reply(
    filter: Filter,
    stream: *const c_void,
    _status: u32,
    details: Buffer,
    _resets: bool,
) -> u32 {
    // A response inside of a response would be the end of Envoy.
    replying("on_http_filter_local_reply", false, filter, stream, 0, |stream, filter| {
        // SAFETY: the details live during the hook.
        stream.on_local_reply(filter, unsafe { details.bytes() });
        0
    })
}

// Hooks that Envoy requires, and nobody needs.

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_new(
    _: Buffer,
    _: Buffer,
) -> *const c_void {
    null()
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_per_route_config_destroy(_: *const c_void) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_headers(
    _: Filter,
    _: *const c_void,
    _: u64,
    _: *const Header,
    _: usize,
    _: bool,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_data(
    _: Filter,
    _: *const c_void,
    _: u64,
    _: *const Buffer,
    _: usize,
    _: bool,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_trailers(
    _: Filter,
    _: *const c_void,
    _: u64,
    _: *const Header,
    _: usize,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_complete(_: Filter, _: *const c_void, _: u64) {}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_reset(
    _: Filter,
    _: *const c_void,
    _: u64,
    _: u32,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
    _: Filter,
    _: *const c_void,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
    _: Filter,
    _: *const c_void,
) {
}
