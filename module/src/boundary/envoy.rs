//! Envoy's side of the C interface, for tests. Every change of headers or of a body moves all of them, so that a stale
//! pointer is a use after free; what a module must not do is noted as a violation.

#![expect(unsafe_code, reason = "the other side of the C interface")]

use core::ffi::c_void;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What a module must never do, and what it has logged as an error.
pub(crate) static VIOLATIONS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn violation(what: &str) {
    VIOLATIONS.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
}

pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
type Events = Arc<Mutex<VecDeque<u64>>>;

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Buffer {
    pub(crate) ptr: *const u8,
    pub(crate) length: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Header {
    name: Buffer,
    value: Buffer,
}

impl Buffer {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), length: bytes.len() }
    }

    fn owned(self) -> Vec<u8> {
        if self.ptr.is_null() || self.length == 0 {
            return Vec::new();
        }
        // SAFETY: the module passes what it owns.
        unsafe { core::slice::from_raw_parts(self.ptr, self.length) }.to_vec()
    }
}

/// A call of the module's.
pub(crate) struct Callout {
    pub(crate) id: u64,
    pub(crate) path: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// Envoy's object of a stream.
#[derive(Default)]
pub(crate) struct Filter {
    pub(crate) headers: RefCell<[Pairs; 4]>,
    /// Received and buffered chunks of the request, then those of the response.
    pub(crate) bodies: RefCell<[Vec<Vec<u8>>; 4]>,
    /// What is received is buffered already.
    pub(crate) is_same: Cell<[bool; 2]>,
    pub(crate) state: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
    pub(crate) callouts: RefCell<VecDeque<Callout>>,
    pub(crate) reply: RefCell<Option<(u32, Vec<u8>)>>,
    pub(crate) resumed: Cell<[bool; 2]>,
    pub(crate) reset: Cell<bool>,
    pub(crate) events: Events,
    /// The last hook has returned.
    pub(crate) is_gone: Cell<bool>,
    next_call: Cell<u64>,
}

/// Envoy's object of a configuration.
#[derive(Default)]
pub(crate) struct FilterConfig {
    pub(crate) callouts: Mutex<VecDeque<Callout>>,
    pub(crate) events: Events,
    next_call: Mutex<u64>,
}

/// # Safety
/// `filter` must be of a [`Filter`].
unsafe fn of<'a>(filter: *mut c_void) -> &'a Filter {
    // SAFETY: as above; tests keep filters to their end.
    let filter = unsafe { &*filter.cast::<Filter>() };
    if filter.is_gone.get() {
        violation("a function is called for a stream that is gone");
    }
    filter
}

fn received(kind: u32) -> (usize, usize) {
    (kind as usize, usize::from(kind >= 2))
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_log(level: u32, message: Buffer) {
    let message = String::from_utf8_lossy(&message.owned()).into_owned();
    if level >= 4 && message.contains("panic") {
        violation(&message);
    }
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_callback_log_enabled(level: u32) -> bool {
    level >= 3
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_header(
    filter: *mut c_void,
    kind: u32,
    name: Buffer,
    value: *mut Buffer,
    index: usize,
    count: *mut usize,
) -> bool {
    // SAFETY: the test's filter, and the module's pointers.
    unsafe {
        let headers = of(filter).headers.borrow();
        let name = name.owned();
        let all = || headers[kind as usize].iter().filter(|(other, _)| *other == name);
        if !count.is_null() {
            *count = all().count();
        }
        let found = all().nth(index);
        // Envoy's empty values are not null.
        *value = found.map_or(Buffer { ptr: core::ptr::null(), length: 0 }, |(_, found)| Buffer::of(found));
        found.is_some()
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_headers_size(
    filter: *mut c_void,
    kind: u32,
) -> usize {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.headers.borrow()[kind as usize].len()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_headers(
    filter: *mut c_void,
    kind: u32,
    headers: *mut Header,
) -> bool {
    // SAFETY: the test's filter; the module has room for as many as it was told.
    unsafe {
        for (at, (name, value)) in of(filter).headers.borrow()[kind as usize].iter().enumerate() {
            headers.add(at).write(Header { name: Buffer::of(name), value: Buffer::of(value) });
        }
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_set_header(
    filter: *mut c_void,
    kind: u32,
    name: Buffer,
    value: Buffer,
) -> bool {
    // SAFETY: the test's filter.
    let filter = unsafe { of(filter) };
    let name = name.owned();
    let mut headers = filter.headers.borrow_mut();
    let old = core::mem::take(&mut headers[kind as usize]);
    // The old ones are freed, so that no pointer to them is good any more.
    let mut new: Pairs = old.iter().filter(|(other, _)| *other != name).cloned().collect();
    if !value.ptr.is_null() {
        new.push((name, value.owned()));
    }
    headers[kind as usize] = new;
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_body_size(
    filter: *mut c_void,
    kind: u32,
) -> usize {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.bodies.borrow()[kind as usize].iter().map(Vec::len).sum()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_body_chunks_size(
    filter: *mut c_void,
    kind: u32,
) -> usize {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.bodies.borrow()[kind as usize].len()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_body_chunks(
    filter: *mut c_void,
    kind: u32,
    chunks: *mut Buffer,
) -> bool {
    // SAFETY: the test's filter; the module has room for as many as it was told.
    unsafe {
        for (at, chunk) in of(filter).bodies.borrow()[kind as usize].iter().enumerate() {
            chunks.add(at).write(Buffer::of(chunk));
        }
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_append_body(
    filter: *mut c_void,
    kind: u32,
    data: Buffer,
) -> bool {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.bodies.borrow_mut()[kind as usize].push(data.owned());
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_drain_body(
    filter: *mut c_void,
    kind: u32,
    count: usize,
) -> bool {
    // SAFETY: the test's filter.
    let filter = unsafe { of(filter) };
    let (kind, _) = received(kind);
    let old = core::mem::take(&mut filter.bodies.borrow_mut()[kind]);
    let left: Vec<u8> = old.concat().into_iter().skip(count).collect();
    if !left.is_empty() {
        filter.bodies.borrow_mut()[kind].push(left);
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_received_buffered_request_body(
    filter: *mut c_void,
) -> bool {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.is_same.get()[0]
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_received_buffered_response_body(
    filter: *mut c_void,
) -> bool {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.is_same.get()[1]
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_send_response(
    filter: *mut c_void,
    status: u32,
    headers: *mut Header,
    count: usize,
    body: Buffer,
    _details: Buffer,
) {
    // SAFETY: the test's filter, and the module's headers.
    let filter = unsafe { of(filter) };
    for at in 0..count {
        // SAFETY: there are as many.
        let header = unsafe { &*headers.add(at) };
        let _ = (header.name.owned(), header.value.owned());
    }
    if filter.reply.replace(Some((status, body.owned()))).is_some() {
        violation("a second response");
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_send_response_data(
    filter: *mut c_void,
    data: Buffer,
    end: bool,
) {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.bodies.borrow_mut()[2].push(data.owned());
    if end {
        violation("the module ends a response");
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_set_filter_state_bytes(
    filter: *mut c_void,
    name: Buffer,
    value: Buffer,
) -> bool {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.state.borrow_mut().insert(name.owned(), value.owned());
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_filter_state_bytes(
    filter: *mut c_void,
    name: Buffer,
    value: *mut Buffer,
) -> bool {
    // SAFETY: the test's filter, and the module's pointer.
    unsafe {
        let state = of(filter).state.borrow();
        let found = state.get(&name.owned());
        found.inspect(|found| *value = Buffer::of(found)).is_some()
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_get_metadata_string(
    filter: *mut c_void,
    source: u32,
    _namespace: Buffer,
    _key: Buffer,
    value: *mut Buffer,
) -> bool {
    // SAFETY: the test's filter, and the module's pointer.
    unsafe {
        let _ = of(filter);
        *value = Buffer::of(b"gpt-1");
    }
    source == 3
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_get_attribute_int(
    filter: *mut c_void,
    _id: u32,
    value: *mut u64,
) -> bool {
    // SAFETY: the test's filter, and the module's pointer.
    unsafe {
        let _ = of(filter);
        *value = 200;
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_get_attribute_string(
    filter: *mut c_void,
    _id: u32,
    value: *mut Buffer,
) -> bool {
    // SAFETY: the test's filter, and the module's pointer.
    unsafe {
        let state = of(filter).state.borrow();
        let details = state.get(&b"details"[..]);
        details.inspect(|details| *value = Buffer::of(details)).is_some()
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_clear_route_cache(filter: *mut c_void) {
    // SAFETY: the test's filter.
    let _ = unsafe { of(filter) };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_continue_decoding(filter: *mut c_void) {
    resume(filter, 0);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_continue_encoding(filter: *mut c_void) {
    resume(filter, 1);
}

fn resume(filter: *mut c_void, way: usize) {
    // SAFETY: the test's filter.
    let filter = unsafe { of(filter) };
    if way == 0 && filter.reply.borrow().is_some() {
        violation("a request goes on that has a response");
    }
    let mut resumed = filter.resumed.get();
    resumed[way] = true;
    filter.resumed.set(resumed);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_reset_stream(
    filter: *mut c_void,
    _reason: u32,
    _details: Buffer,
) {
    // SAFETY: the test's filter.
    unsafe { of(filter) }.reset.set(true);
}

/// # Safety
/// The arguments must be those of a call-out.
unsafe fn callout(id: u64, headers: *mut Header, count: usize, body: Buffer) -> Callout {
    // SAFETY: the module has that many headers.
    let headers = unsafe { core::slice::from_raw_parts(headers, count) };
    let path = headers.iter().find(|header| header.name.owned() == b":path");
    Callout { id, path: path.map(|header| header.value.owned()).unwrap_or_default(), body: body.owned() }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_http_callout(
    filter: *mut c_void,
    id: *mut u64,
    _cluster: Buffer,
    headers: *mut Header,
    count: usize,
    body: Buffer,
    _timeout_ms: u64,
) -> u32 {
    // SAFETY: the test's filter, and the module's pointers.
    unsafe {
        let filter = of(filter);
        *id = filter.next_call.get();
        filter.next_call.set(*id + 1);
        // Some calls cannot be made.
        if *id % 7 == 6 {
            return 4;
        }
        filter.callouts.borrow_mut().push_back(callout(*id, headers, count, body));
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_http_callout(
    config: *mut c_void,
    id: *mut u64,
    _cluster: Buffer,
    headers: *mut Header,
    count: usize,
    body: Buffer,
    _timeout_ms: u64,
) -> u32 {
    // SAFETY: the test's configuration, and the module's pointers.
    unsafe {
        let config = &*config.cast::<FilterConfig>();
        let mut next = config.next_call.lock().unwrap_or_else(PoisonError::into_inner);
        *id = *next;
        *next += 1;
        let mut callouts = config.callouts.lock().unwrap_or_else(PoisonError::into_inner);
        callouts.push_back(callout(*id, headers, count, body));
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_scheduler_new(
    filter: *mut c_void,
) -> *mut c_void {
    // SAFETY: the test's filter.
    let events = Arc::clone(&unsafe { of(filter) }.events);
    Box::into_raw(Box::new(events)).cast()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_new(
    config: *mut c_void,
) -> *mut c_void {
    // SAFETY: the test's configuration.
    let events = Arc::clone(&unsafe { &*config.cast::<FilterConfig>() }.events);
    Box::into_raw(Box::new(events)).cast()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_scheduler_commit(
    scheduler: *mut c_void,
    event: u64,
) {
    // SAFETY: it is of `scheduler_new`, and not deleted.
    let events = unsafe { &*scheduler.cast::<Events>() };
    events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_commit(
    scheduler: *mut c_void,
    event: u64,
) {
    // SAFETY: as above.
    unsafe { envoy_dynamic_module_callback_http_filter_scheduler_commit(scheduler, event) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_scheduler_delete(scheduler: *mut c_void) {
    // SAFETY: it is of `scheduler_new`, and deleted once.
    drop(unsafe { Box::from_raw(scheduler.cast::<Events>()) });
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_scheduler_delete(
    scheduler: *mut c_void,
) {
    // SAFETY: as above.
    unsafe { envoy_dynamic_module_callback_http_filter_scheduler_delete(scheduler) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_define_counter(
    _config: *mut c_void,
    _name: Buffer,
    _labels: *mut Buffer,
    count: usize,
    id: *mut usize,
) -> u32 {
    // SAFETY: the module's pointer. The id is the number of labels.
    unsafe { *id = count };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_config_define_histogram(
    config: *mut c_void,
    name: Buffer,
    labels: *mut Buffer,
    count: usize,
    id: *mut usize,
) -> u32 {
    // SAFETY: as above.
    unsafe {
        envoy_dynamic_module_callback_http_filter_config_define_counter(config, name, labels, count, id)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_increment_counter(
    filter: *mut c_void,
    id: usize,
    labels: *mut Buffer,
    count: usize,
    _value: u64,
) -> u32 {
    // SAFETY: the test's filter, and the module's labels.
    unsafe {
        let _ = of(filter);
        for at in 0..count {
            let _ = (*labels.add(at)).owned();
        }
    }
    if id != count {
        violation("a metric gets the wrong number of labels");
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_callback_http_filter_record_histogram_value(
    filter: *mut c_void,
    id: usize,
    labels: *mut Buffer,
    count: usize,
    value: u64,
) -> u32 {
    // SAFETY: as above.
    unsafe { envoy_dynamic_module_callback_http_filter_increment_counter(filter, id, labels, count, value) }
}

/// The module's hooks, as Envoy calls them.
pub(crate) mod hooks {
    use super::{Buffer, Header, Pairs, c_void};

    type Ptr = *mut c_void;

    unsafe extern "C" {
        fn envoy_dynamic_module_on_program_init() -> *const core::ffi::c_char;
        fn envoy_dynamic_module_on_http_filter_config_new(config: Ptr, name: Buffer, text: Buffer) -> Ptr;
        fn envoy_dynamic_module_on_http_filter_config_destroy(config: Ptr);
        fn envoy_dynamic_module_on_http_filter_config_scheduled(envoy: Ptr, config: Ptr, event: u64);
        fn envoy_dynamic_module_on_http_filter_config_http_callout_done(
            envoy: Ptr,
            config: Ptr,
            call: u64,
            result: u32,
            headers: *const Header,
            headers_count: usize,
            chunks: *const Buffer,
            chunks_count: usize,
        );
        fn envoy_dynamic_module_on_http_filter_new(config: Ptr, filter: Ptr) -> Ptr;
        fn envoy_dynamic_module_on_http_filter_destroy(stream: Ptr);
        fn envoy_dynamic_module_on_http_filter_request_headers(filter: Ptr, stream: Ptr, end: bool) -> u32;
        fn envoy_dynamic_module_on_http_filter_request_body(filter: Ptr, stream: Ptr, end: bool) -> u32;
        fn envoy_dynamic_module_on_http_filter_request_trailers(filter: Ptr, stream: Ptr) -> u32;
        fn envoy_dynamic_module_on_http_filter_response_headers(filter: Ptr, stream: Ptr, end: bool) -> u32;
        fn envoy_dynamic_module_on_http_filter_response_body(filter: Ptr, stream: Ptr, end: bool) -> u32;
        fn envoy_dynamic_module_on_http_filter_response_trailers(filter: Ptr, stream: Ptr) -> u32;
        fn envoy_dynamic_module_on_http_filter_stream_complete(filter: Ptr, stream: Ptr);
        fn envoy_dynamic_module_on_http_filter_http_callout_done(
            filter: Ptr,
            stream: Ptr,
            call: u64,
            result: u32,
            headers: *const Header,
            headers_count: usize,
            chunks: *const Buffer,
            chunks_count: usize,
        );
        fn envoy_dynamic_module_on_http_filter_scheduled(filter: Ptr, stream: Ptr, event: u64);
        fn envoy_dynamic_module_on_http_filter_local_reply(
            filter: Ptr,
            stream: Ptr,
            status: u32,
            details: Buffer,
            resets: bool,
        ) -> u32;
    }

    /// A hook of a stream that has a body or headers.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Hook {
        RequestHeaders(bool),
        RequestBody(bool),
        RequestTrailers,
        ResponseHeaders(bool),
        ResponseBody(bool),
        ResponseTrailers,
    }

    pub(crate) fn init() {
        // SAFETY: as Envoy does.
        assert!(!unsafe { envoy_dynamic_module_on_program_init() }.is_null());
    }

    pub(crate) fn config_new(config: *const super::FilterConfig, name: &str, text: &[u8]) -> Ptr {
        // SAFETY: as Envoy does.
        unsafe {
            let name = Buffer::of(name.as_bytes());
            envoy_dynamic_module_on_http_filter_config_new(config.cast_mut().cast(), name, Buffer::of(text))
        }
    }

    pub(crate) fn config_destroy(config: Ptr) {
        // SAFETY: as Envoy does.
        unsafe { envoy_dynamic_module_on_http_filter_config_destroy(config) }
    }

    pub(crate) fn config_scheduled(envoy: *const super::FilterConfig, config: Ptr, event: u64) {
        // SAFETY: as Envoy does.
        unsafe {
            envoy_dynamic_module_on_http_filter_config_scheduled(envoy.cast_mut().cast(), config, event);
        }
    }

    /// The arrays of a response to a call.
    fn lent(headers: &Pairs, body: &[Vec<u8>]) -> (Vec<Header>, Vec<Buffer>) {
        let headers = headers
            .iter()
            .map(|(name, value)| Header { name: Buffer::of(name), value: Buffer::of(value) })
            .collect();
        (headers, body.iter().map(|chunk| Buffer::of(chunk)).collect())
    }

    pub(crate) fn config_answer(
        envoy: *const super::FilterConfig,
        config: Ptr,
        call: u64,
        result: u32,
        (headers, body): (&Pairs, &[Vec<u8>]),
    ) {
        let (headers, chunks) = lent(headers, body);
        // SAFETY: as Envoy does.
        unsafe {
            envoy_dynamic_module_on_http_filter_config_http_callout_done(
                envoy.cast_mut().cast(),
                config,
                call,
                result,
                headers.as_ptr(),
                headers.len(),
                chunks.as_ptr(),
                chunks.len(),
            );
        }
    }

    pub(crate) fn stream_new(config: Ptr, filter: &super::Filter) -> Ptr {
        // SAFETY: as Envoy does.
        unsafe { envoy_dynamic_module_on_http_filter_new(config, ptr(filter)) }
    }

    fn ptr(filter: &super::Filter) -> Ptr {
        core::ptr::from_ref(filter).cast_mut().cast()
    }

    pub(crate) fn call(hook: Hook, filter: &super::Filter, stream: Ptr) -> u32 {
        let filter = ptr(filter);
        // SAFETY: as Envoy does.
        unsafe {
            match hook {
                Hook::RequestHeaders(end) => {
                    envoy_dynamic_module_on_http_filter_request_headers(filter, stream, end)
                }
                Hook::RequestBody(end) => {
                    envoy_dynamic_module_on_http_filter_request_body(filter, stream, end)
                }
                Hook::RequestTrailers => envoy_dynamic_module_on_http_filter_request_trailers(filter, stream),
                Hook::ResponseHeaders(end) => {
                    envoy_dynamic_module_on_http_filter_response_headers(filter, stream, end)
                }
                Hook::ResponseBody(end) => {
                    envoy_dynamic_module_on_http_filter_response_body(filter, stream, end)
                }
                Hook::ResponseTrailers => {
                    envoy_dynamic_module_on_http_filter_response_trailers(filter, stream)
                }
            }
        }
    }

    pub(crate) fn answer(
        filter: &super::Filter,
        stream: Ptr,
        call: u64,
        result: u32,
        (headers, body): (&Pairs, &[Vec<u8>]),
    ) {
        let (headers, chunks) = lent(headers, body);
        // SAFETY: as Envoy does.
        unsafe {
            envoy_dynamic_module_on_http_filter_http_callout_done(
                ptr(filter),
                stream,
                call,
                result,
                headers.as_ptr(),
                headers.len(),
                chunks.as_ptr(),
                chunks.len(),
            );
        }
    }

    pub(crate) fn scheduled(filter: &super::Filter, stream: Ptr, event: u64) {
        // SAFETY: as Envoy does.
        unsafe { envoy_dynamic_module_on_http_filter_scheduled(ptr(filter), stream, event) }
    }

    pub(crate) fn local_reply(filter: &super::Filter, stream: Ptr, details: &[u8]) {
        let details = Buffer::of(details);
        // SAFETY: as Envoy does.
        unsafe {
            envoy_dynamic_module_on_http_filter_local_reply(ptr(filter), stream, 502, details, false);
        }
    }

    pub(crate) fn end(filter: &super::Filter, stream: Ptr) {
        // SAFETY: as Envoy does.
        unsafe {
            envoy_dynamic_module_on_http_filter_stream_complete(ptr(filter), stream);
            envoy_dynamic_module_on_http_filter_destroy(stream);
        }
        filter.is_gone.set(true);
    }
}

/// Sets environment variables.
pub(crate) fn set_environment(variables: &[(&str, &str)]) {
    for (name, value) in variables {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var(name, value) }
    }
}
