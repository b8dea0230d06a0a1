//! The whole module against Envoy's side of the C interface: odd headers and bodies, any order of callbacks that Envoy makes,
//! resets at every point, several workers. Run it with the address sanitizer: `make sanitize`.

mod envoy;

use core::ffi::c_void;
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use envoy::hooks::{self, Hook};
use envoy::{Callout, Filter, FilterConfig, Pairs, VIOLATIONS};
use serde_json::{Value, json};

const MASTER: &str = "sk-master-key-of-the-tests";
const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER",
           "sync_interval_ms": 50, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "cooldown_s": 5.0, "timeout_ms": 600000,
               "drop_params": false, "reports": true, "spans": true, "stats": true},
  "groups": [{"name": "gpt", "cluster": "group:gpt", "mode": "chat"},
             {"name": "claude", "cluster": "group:claude", "mode": "chat"}],
  "aliases": [],
  "deployments": [{"id": "gpt-1", "group": "gpt", "provider": "openai", "model": "gpt-4o",
                   "api_base": "https://api.one/v1", "api_key_env": "KEY"},
                  {"id": "claude-1", "group": "claude", "provider": "anthropic", "model": "claude-sonnet-4-5",
                   "api_base": "https://api.two", "api_key_env": "KEY"}]
}"#;

/// Numbers that look random, and are the same in every run: xorshift.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or_default() % count
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let count = self.below(most + 1);
        (0..count).map(|_| self.next().to_le_bytes()[3]).collect()
    }

    /// The same bytes in up to so many chunks, some of them empty.
    fn chunks(&mut self, bytes: &[u8], most: usize) -> Vec<Vec<u8>> {
        let (mut rest, mut chunks) = (bytes, Vec::new());
        for _ in 1..most {
            let (chunk, after) = rest.split_at(self.below(rest.len() + 1));
            chunks.push(chunk.to_vec());
            rest = after;
        }
        chunks.push(rest.to_vec());
        chunks
    }

    /// Headers that no well-behaved peer sends.
    fn oddities(&mut self, headers: &mut Pairs) {
        for _ in 0..self.pick(&[&0, &0, &1, &3, &60]).to_owned() {
            let name = match self.below(5) {
                0 => b"x-switchboard-attempt".to_vec(),
                1 => b"content-length".to_vec(),
                2 => Vec::new(),
                3 => self.bytes(40),
                _ => b"x-odd".to_vec(),
            };
            let most = *self.pick(&[&0, &3, &200, &70_000]);
            headers.insert(self.below(headers.len() + 1), (name, self.bytes(most)));
        }
    }
}

/// Configurations in Envoy, which all workers use.
struct Gateway {
    listener: &'static FilterConfig,
    downstream: usize,
    upstream: usize,
}

fn ptr(address: usize) -> *mut c_void {
    with_exposed_provenance_mut(address)
}

/// Kept where the leak sanitizer finds them.
static KEPT: Mutex<Vec<&'static FilterConfig>> = Mutex::new(Vec::new());

impl Gateway {
    fn start() -> Self {
        envoy::set_environment(&[("INTERNAL", "secret"), ("MASTER", MASTER), ("KEY", "sk-provider")]);
        hooks::init();
        let config = || -> &'static FilterConfig {
            let config = Box::leak(Box::default());
            KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(config);
            config
        };
        for (name, text) in
            [("downstream", &b"{}"[..]), ("downstream", b"\xff\x00"), ("", DOCUMENT.as_bytes())]
        {
            assert!(hooks::config_new(config(), name, text).is_null(), "an invalid configuration is refused");
        }
        let listener = config();
        let downstream = hooks::config_new(listener, "downstream", DOCUMENT.as_bytes());
        let upstream = hooks::config_new(config(), "upstream", b"{\"version\":1}");
        assert!(!downstream.is_null() && !upstream.is_null());
        let (downstream, upstream) = (downstream.expose_provenance(), upstream.expose_provenance());
        Self { listener, downstream, upstream }
    }

    /// What Envoy's main thread does: events, and responses to calls.
    fn turn(&self, dice: &mut Dice) {
        let due = self.listener.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(event) = due {
            hooks::config_scheduled(self.listener, ptr(self.downstream), event);
        } else if dice.one_in(4) {
            hooks::config_scheduled(self.listener, ptr(self.downstream), dice.next() % 6);
        }
        let call = self.listener.callouts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(call) = call {
            let id = if dice.one_in(20) { dice.next() } else { call.id };
            let (result, headers, body) = answer(dice, &call);
            let body = dice.chunks(&body, 3);
            hooks::config_answer(self.listener, ptr(self.downstream), id, result, (&headers, &body));
        }
    }
}

/// The key service's response to a call, or another.
fn answer(dice: &mut Dice, call: &Callout) -> (u32, Pairs, Vec<u8>) {
    let asked: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let lease = |ask: &Value| {
        let grant = json!({ "allowed": 4, "limit": 10, "remaining": 6 });
        json!({ "account": ask["account"], "round": ask["round"], "window": 1, "window_ends_in_ms": 60_000,
            "valid_for_ms": 5_000, "requests": grant, "parallel": grant })
    };
    let leases: Vec<Value> = asked["asks"].as_array().into_iter().flatten().map(lease).collect();
    let body = match &*call.path {
        path if path.ends_with(b"verify") => {
            let token = &asked["token"];
            json!({ "cursor": 1, "key": { "token": token, "key_name": "sk-...1234", "accounts": [
                { "id": { "kind": "key", "id": token }, "max_parallel_requests": 10, "rpm_limit": 10 }] } })
        }
        path if path.ends_with(b"sync") => {
            json!({ "cursor": 1, "leases": leases, "recorded": asked["batch"]["id"] })
        }
        _ => json!({ "leases": leases }),
    };
    let mut body = body.to_string().into_bytes();
    let (mut result, mut headers) = (0, vec![(b":status".to_vec(), b"200".to_vec())]);
    match dice.below(12) {
        0 => result = 1,
        1 => body = dice.bytes(200),
        2 => body.truncate(dice.below(body.len() + 1)),
        3 => headers[0].1 = dice.pick(&[&b"404"[..], b"\xff", b"", b"99999999"]).to_vec(),
        4 => headers.clear(),
        5 => dice.oddities(&mut headers),
        _ => {}
    }
    (result, headers, body)
}

/// A stream, seen by one of the two filters.
struct Stream {
    envoy: Filter,
    module: *mut c_void,
}

impl Stream {
    fn new(config: usize) -> Box<Self> {
        let mut stream = Box::new(Self { envoy: Filter::default(), module: core::ptr::null_mut() });
        stream.module = hooks::stream_new(ptr(config), &stream.envoy);
        assert!(!stream.module.is_null());
        stream
    }

    fn call(&self, hook: Hook) -> u32 {
        hooks::call(hook, &self.envoy, self.module)
    }

    /// Events that are due, responses to calls, and what Envoy would not send.
    fn pump(&self, dice: &mut Dice) {
        loop {
            let due = self.envoy.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let call = self.envoy.callouts.borrow_mut().pop_front();
            if due.is_none() && call.is_none() {
                break;
            }
            due.inspect(|event| hooks::scheduled(&self.envoy, self.module, *event));
            if let Some(call) = call {
                let (result, headers, body) = answer(dice, &call);
                let body = dice.chunks(&body, 3);
                hooks::answer(&self.envoy, self.module, call.id, result, (&headers, &body));
            }
        }
        match dice.below(12) {
            0 => hooks::scheduled(&self.envoy, self.module, dice.next() % 6),
            1 => hooks::answer(&self.envoy, self.module, dice.next() % 9, 0, (&Pairs::new(), &[])),
            2 => {
                let details = dice.pick(&[
                    &b"upstream_reset_after_response_started{x}"[..],
                    b"switchboard",
                    b"",
                    b"\xff\xfe",
                ]);
                hooks::local_reply(&self.envoy, self.module, details);
            }
            _ => {}
        }
    }

    /// Whether Envoy would end the stream now.
    fn is_over(&self) -> bool {
        self.envoy.reply.borrow().is_some() || self.envoy.reset.get()
    }

    /// Sends headers and a body in one direction (0 is the request). Returns what passes the filter, unless it holds it.
    fn send(&self, dice: &mut Dice, way: usize, body: &[u8]) -> Option<Vec<u8>> {
        let (received, buffered) = (way * 2, way * 2 + 1);
        let headers = if way == 0 { Hook::RequestHeaders } else { Hook::ResponseHeaders };
        let chunk_of = if way == 0 { Hook::RequestBody } else { Hook::ResponseBody };
        let is_bare = body.is_empty() && dice.one_in(2);
        let mut holds = self.call(headers(is_bare)) != 0;
        let mut passed = Vec::new();
        let most = *dice.pick(&[&1, &1, &2, &5]);
        let chunks = if is_bare { Vec::new() } else { dice.chunks(body, most) };
        let (count, ends_in_trailers) = (chunks.len(), !is_bare && dice.one_in(5));
        for (at, chunk) in chunks.into_iter().enumerate() {
            self.pump(dice);
            if self.is_over() || dice.one_in(60) {
                return None;
            }
            let parts = most.min(3);
            self.envoy.bodies.borrow_mut()[received] = dice.chunks(&chunk, parts);
            // Envoy shows what is buffered as received when it goes on after a hold.
            let is_same = dice.one_in(9) && !self.envoy.bodies.borrow()[buffered].is_empty();
            if is_same {
                let mut bodies = self.envoy.bodies.borrow_mut();
                let both = [core::mem::take(&mut bodies[buffered]), core::mem::take(&mut bodies[received])];
                bodies[received] = both.concat();
            }
            let mut same = self.envoy.is_same.get();
            same[way] = is_same;
            self.envoy.is_same.set(same);
            let end = at + 1 == count && !ends_in_trailers;
            let status = self.call(chunk_of(end));
            self.envoy.is_same.set([false; 2]);
            let mut bodies = self.envoy.bodies.borrow_mut();
            let arrived = core::mem::take(&mut bodies[received]);
            match status {
                0 => {
                    holds = false;
                    passed.extend(core::mem::take(&mut bodies[buffered]).concat());
                    passed.extend(arrived.concat());
                }
                1 | 2 => {
                    holds = true;
                    bodies[buffered].extend(arrived);
                }
                _ => holds = true,
            }
        }
        if ends_in_trailers && !self.is_over() {
            let trailers = if way == 0 { Hook::RequestTrailers } else { Hook::ResponseTrailers };
            if self.call(trailers) == 0 {
                holds = false;
            }
        }
        self.pump(dice);
        if holds && self.envoy.resumed.take()[way] {
            holds = false;
        }
        if holds || self.is_over() {
            return None;
        }
        passed.extend(core::mem::take(&mut self.envoy.bodies.borrow_mut()[buffered]).concat());
        Some(passed)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.module.is_null() {
            hooks::end(&self.envoy, self.module);
        }
    }
}

const PATHS: [&str; 9] = [
    "/v1/chat/completions",
    "/v1/chat/completions",
    "/v1/messages",
    "/v1/responses",
    "/v1/embeddings",
    "/v1beta/models/gpt:generateContent",
    "/v1/models",
    "/health/readiness",
    "/v1/nothing?a=%00",
];
const CHAT: &str = r#"{"model":"gpt","messages":[{"role":"user","content":"Hello"}]}"#;
const EVENTS: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":\
    [{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"one two\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"1\",\
    \"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\
    \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":
    {"role":"assistant","content":"one two"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#;

/// How many requests reached a provider, and how many responses a client.
static FORWARDED: AtomicUsize = AtomicUsize::new(0);
static ANSWERED: AtomicUsize = AtomicUsize::new(0);

/// The life of one request, however it ends.
fn serve(dice: &mut Dice, gateway: &Gateway) {
    let streams = dice.one_in(2);
    let mut body = match dice.below(10) {
        0 => Vec::new(),
        1 => dice.bytes(300),
        2 => CHAT.as_bytes()[..dice.below(CHAT.len())].to_vec(),
        3 => CHAT.replace("Hello", &"x".repeat(1 << (8 + dice.below(12)))).into_bytes(),
        4 => CHAT.replace("gpt", "claude").into_bytes(),
        _ => CHAT.as_bytes().to_vec(),
    };
    if streams && body.last() == Some(&b'}') {
        body.pop();
        body.extend(br#","stream":true}"#);
    }
    let path = dice.pick(&PATHS.each_ref());
    let stranger = dice.one_in(8);
    let key = match (stranger, dice.below(3)) {
        (true, _) => String::from_utf8_lossy(&dice.bytes(30)).into_owned(),
        (_, 0) => format!("sk-a-virtual-key-of-the-tests-{}", dice.below(3)),
        _ => MASTER.to_owned(),
    };
    let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let mut headers = vec![pair(":method", "POST"), pair(":path", path), pair(":authority", "gateway")];
    headers.push(pair("authorization", &format!("Bearer {key}")));
    headers.push(pair("content-type", "application/json"));
    dice.oddities(&mut headers);
    if dice.one_in(30) {
        headers.clear();
    }

    let down = Stream::new(gateway.downstream);
    down.envoy.headers.borrow_mut()[0] = headers;
    if dice.one_in(40) {
        return;
    }
    let Some(sent) = down.send(dice, 0, &body) else { return };
    let number = down.envoy.state.borrow().get(&b"wasm.switchboard.call"[..]).cloned();
    let Some(number) = number else { return };
    assert!(!stranger, "a request without a valid key was let in");
    FORWARDED.fetch_add(1, Ordering::Relaxed);

    for _ in 0..=dice.below(2) {
        let up = Stream::new(gateway.upstream);
        let deployment = if dice.one_in(12) { "unknown" } else { "gpt-1" };
        let told = match dice.below(6) {
            0 => None,
            1 => Some(b"99999 gpt-1".to_vec()),
            2 if dice.one_in(4) => Some(dice.bytes(20)),
            _ => Some([&number[..], b" ", deployment.as_bytes()].concat()),
        };
        let mut headers = down.envoy.headers.borrow()[0].clone();
        headers.extend(told.map(|told| (b"x-switchboard-attempt".to_vec(), told)));
        up.envoy.headers.borrow_mut()[0] = headers;
        *up.envoy.state.borrow_mut() = down.envoy.state.borrow().clone();
        if up.send(dice, 0, &sent).is_none() {
            continue;
        }
        let response = match dice.below(8) {
            0 => Vec::new(),
            1 => dice.bytes(5_000),
            2 => EVENTS.as_bytes()[..dice.below(EVENTS.len())].to_vec(),
            3 => ANSWER.replace("one two", &"y".repeat(1 << (8 + dice.below(13)))).into_bytes(),
            _ if streams => EVENTS.as_bytes().to_vec(),
            _ => ANSWER.as_bytes().to_vec(),
        };
        let kind = if streams { "text/event-stream" } else { "application/json" };
        let status = dice.pick(&["200", "200", "200", "200", "429", "500", "", "\u{fffd}"]);
        let mut headers = vec![pair(":status", status), pair("content-type", kind)];
        if dice.one_in(12) {
            headers.push(pair("content-encoding", "gzip"));
        }
        dice.oddities(&mut headers);
        up.envoy.headers.borrow_mut()[2] = headers;
        let passed = up.send(dice, 1, &response);
        down.envoy.headers.borrow_mut()[2] = up.envoy.headers.borrow()[2].clone();
        down.envoy.state.borrow_mut().insert(b"details".to_vec(), b"via_upstream".to_vec());
        let Some(passed) = passed else {
            // The provider breaks off, or Envoy gives up.
            hooks::local_reply(&down.envoy, down.module, b"upstream_reset_after_response_started{reset}");
            continue;
        };
        if down.send(dice, 1, &passed).is_some() {
            ANSWERED.fetch_add(1, Ordering::Relaxed);
        }
        break;
    }
    // Hooks after the end of what they belong to.
    if dice.one_in(4) {
        for hook in [Hook::RequestBody(true), Hook::RequestTrailers, Hook::ResponseBody(true)] {
            down.call(hook);
        }
    }
}

#[test]
fn whatever_envoy_does_the_module_neither_panics_nor_lets_a_stranger_in() {
    let requests = std::env::var("BOUNDARY_REQUESTS").ok().and_then(|count| count.parse().ok());
    let requests: u64 = requests.unwrap_or(1_500);
    let gateway = Gateway::start();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    gateway.turn(&mut dice);
    let ended = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for worker in 0..3_u64 {
            let (gateway, ended) = (&gateway, &ended);
            scope.spawn(move || {
                for number in 0..requests / 3 {
                    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (worker << 40) ^ (number + 1));
                    dice.next();
                    serve(&mut dice, gateway);
                }
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        let begun = Instant::now();
        while ended.load(Ordering::Relaxed) < 3 && begun.elapsed() < Duration::from_hours(1) {
            gateway.turn(&mut dice);
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    let violations = VIOLATIONS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(violations.is_empty(), "{violations:#?}");
    let (forwarded, answered) = (FORWARDED.load(Ordering::Relaxed), ANSWERED.load(Ordering::Relaxed));
    // Otherwise the test would prove little.
    let enough = usize::try_from(requests / 20).unwrap_or_default();
    assert!(forwarded > enough && answered > enough / 2, "{forwarded} forwarded, {answered} answered");
    hooks::config_destroy(ptr(gateway.downstream));
    hooks::config_destroy(ptr(gateway.upstream));
}
