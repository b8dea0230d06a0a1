//! A host whose clock, calls and requests a test determines. Each test has its own, because it has its own thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use switchboard::exchange::{Head, Headers, Reply};
use switchboard::filter::{Clock, Host};
use switchboard::limits::{SharedMemory, Version};
use switchboard::worker::Shared;

pub(crate) struct Fake;

#[derive(Clone, Default)]
pub(crate) struct Timer(Rc<Cell<u64>>);

impl Clock for Timer {
    fn period_ms(&self) -> u64 {
        self.0.get()
    }

    fn set_period_ms(&self, period_ms: u64) {
        self.0.set(period_ms);
    }
}

#[derive(Default)]
struct World {
    now_ms: u64,
    ids: u64,
    calls: Vec<(u64, String, String)>,
    made: u64,
    status: u16,
    response: Vec<u8>,
    request: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    left: Option<u64>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
    static SHARED: &'static Shared = Box::leak(Box::default());
    static MEMORY: &'static Memory = Box::leak(Box::default());
}

/// Sets the clock.
pub(crate) fn set_now(now_ms: u64) {
    WORLD.with_borrow_mut(|world| world.now_ms = now_ms);
}

/// The oldest call whose path contains a word; it is forgotten.
pub(crate) fn call(word: &str) -> Option<(u64, String)> {
    WORLD.with_borrow_mut(|world| {
        let at = world.calls.iter().position(|(_, path, _)| path.contains(word))?;
        let (number, _, body) = world.calls.remove(at);
        Some((number, body))
    })
}

/// Sets what calls are answered with; status 0 is no response.
pub(crate) fn answer(status: u16, body: &str) {
    WORLD.with_borrow_mut(|world| (world.status, world.response) = (status, body.as_bytes().to_vec()));
}

/// Sets the current request.
pub(crate) fn set_request(headers: &[(&str, &str)], body: &str) {
    let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    WORLD.with_borrow_mut(|world| (world.request, world.body) = (owned, body.as_bytes().to_vec()));
}

/// The number under which the last request was forwarded.
pub(crate) fn left_call() -> Option<u64> {
    WORLD.with_borrow_mut(|world| world.left.take())
}

/// Records by name. It is used by one thread only, but the host's interface wants it to be for all.
#[derive(Default)]
pub(crate) struct Memory(RefCell<HashMap<String, (Vec<u8>, u32)>>);

impl SharedMemory for Memory {
    fn read(&self, name: &str) -> (Vec<u8>, Version) {
        self.0
            .borrow()
            .get(name)
            .map_or((Vec::new(), None), |(record, version)| (record.clone(), Some(*version)))
    }

    fn write(&self, name: &str, record: &[u8], version: Version) -> bool {
        let mut records = self.0.borrow_mut();
        let found = records.get(name).map(|(_, version)| *version);
        if found == version {
            records.insert(name.to_owned(), (record.to_vec(), version.unwrap_or_default() + 1));
        }
        found == version
    }
}

impl Host for Fake {
    const HOLDS_STREAMS: bool = false;
    const TELLS_BREAKS: bool = true;
    const ROOT_CALLS: bool = false;

    type Clock = Timer;

    fn now_ms() -> u64 {
        1_700_000_000_000 + Self::steady_ms()
    }

    fn steady_ms() -> u64 {
        WORLD.with_borrow(|world| world.now_ms + 1)
    }

    fn random_id() -> Option<String> {
        WORLD.with_borrow_mut(|world| {
            world.ids += 1;
            Some(format!("{:032x}", world.ids))
        })
    }

    fn shared() -> &'static Shared {
        SHARED.with(|shared| *shared)
    }

    fn memory() -> &'static impl SharedMemory {
        MEMORY.with(|memory| *memory)
    }

    fn request_head() -> Head {
        Head::new(WORLD.with_borrow(|world| world.request.clone()))
    }

    fn response_head() -> Head {
        Head::default()
    }

    fn request_header(name: &str) -> Option<String> {
        Self::request_head().text(name).map(str::to_owned)
    }

    fn set_request_header(_: &str, _: Option<&str>) {}

    fn set_response_header(_: &str, _: Option<&str>) {}

    fn replace_request_headers(_: &Headers) {}

    fn replace_response_headers(_: &Headers) {}

    fn response_status() -> u16 {
        200
    }

    fn is_envoys_reply() -> bool {
        false
    }

    fn final_status() -> u16 {
        200
    }

    fn request_body() -> Vec<u8> {
        WORLD.with_borrow(|world| world.body.clone())
    }

    fn response_body() -> Vec<u8> {
        Vec::new()
    }

    fn replace_request_body(_: &[u8]) {}

    fn replace_response_body(_: &[u8]) {}

    fn attempt() -> Option<(u64, String)> {
        None
    }

    fn leave_call(number: u64) {
        WORLD.with_borrow_mut(|world| world.left = Some(number));
    }

    fn declare_report(_: &str) {}

    fn leave_report(_: &str, _: &[u8]) {}

    fn count_compressed(_: &str) {}

    fn reply(reply: &Reply) {
        panic!("{} {}", reply.status, String::from_utf8_lossy(&reply.body));
    }

    fn resume_request() {}

    fn resume_response() {}

    fn reset_response() {}

    fn write_response(_: &[u8]) {}

    fn call(_: &str, headers: &[(&str, &str)], body: &[u8], _: Duration) -> Option<u64> {
        let path = headers.iter().find(|(name, _)| *name == ":path")?.1.to_owned();
        WORLD.with_borrow_mut(|world| {
            world.made += 1;
            world.calls.push((world.made, path, String::from_utf8_lossy(body).into_owned()));
            Some(world.made)
        })
    }

    fn call_response_status() -> u16 {
        WORLD.with_borrow(|world| world.status)
    }

    fn call_response_head() -> Head {
        Head::default()
    }

    fn call_response_body() -> Vec<u8> {
        WORLD.with_borrow(|world| world.response.clone())
    }

    fn act_for(_: u32) -> bool {
        true
    }

    fn ring() -> bool {
        true
    }

    fn watch() {}

    fn hold() {}

    fn wake(_: u32) {}
}
