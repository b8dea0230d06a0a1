//! Cases: what one test makes the provider do, and what the provider saw.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::faults::Fault;
use crate::model::Reply;

const OPENING: &str = "[case ";

/// One thing that the provider does, once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Only for requests in this dialect, or to this account; for any where absent.
    pub at: Option<String>,
    /// What the model says; its own answer where absent.
    pub reply: Option<Reply>,
    /// What the model says in each round of tools: first to the user, then to the results.
    pub rounds: Vec<Reply>,
    /// Bytes to send instead: a recorded answer.
    pub wire: Option<Wire>,
    /// What goes wrong, applied in order.
    pub faults: Vec<Fault>,
}

/// A recorded answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// HTTP status.
    pub status: u16,
    /// `application/json`, or that of a stream.
    pub content_type: String,
    /// A whole answer is one piece; a stream one per event.
    pub pieces: Vec<Piece>,
}

/// Some bytes of an answer; in JSON a text, or `{"base64": "…"}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// Text.
    Text(String),
    /// Any bytes.
    Binary {
        /// Those bytes.
        base64: String,
    },
}

impl Piece {
    /// Those bytes.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary { base64: BASE64_STANDARD.encode(bytes) },
        }
    }

    /// The bytes; none where they are no base64.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary { base64 } => BASE64_STANDARD.decode(base64).unwrap_or_default().into(),
        }
    }
}

impl Wire {
    /// A whole answer in JSON.
    pub fn json(status: u16, body: &[u8]) -> Self {
        Self { status, content_type: "application/json".to_owned(), pieces: vec![Piece::of(body)] }
    }

    /// A stream of that type.
    pub fn stream<'p>(content_type: &str, pieces: impl IntoIterator<Item = &'p [u8]>) -> Self {
        let pieces = pieces.into_iter().map(Piece::of).collect();
        Self { status: 200, content_type: content_type.to_owned(), pieces }
    }
}

impl Step {
    /// The model says that.
    pub fn reply(reply: Reply) -> Self {
        Self { reply: Some(reply), ..Self::default() }
    }

    /// The recorded answer.
    pub fn wire(wire: Wire) -> Self {
        Self { wire: Some(wire), ..Self::default() }
    }

    /// This goes wrong.
    pub fn fault(fault: Fault) -> Self {
        Self::default().with(fault)
    }

    /// An error of that status in the dialect's words.
    pub fn status(status: u16) -> Self {
        Self::fault(Fault::status(status))
    }

    /// This goes wrong as well.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Only in that dialect, or at that account.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.at = Some(place.to_owned());
        self
    }
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers, every one.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// `openai`, `anthropic` …; empty where no dialect has such a path.
    pub dialect: &'static str,
    /// What stood before the dialect's own path: `/eu/v1/messages` is for the account `eu`.
    pub account: String,
    /// Server name of the TLS handshake.
    pub sni: Option<String>,
    /// Why the provider refused it; empty where it did not.
    pub refused: String,
    /// When its head had come.
    pub at: Instant,
    /// The peer went away before the answer was sent.
    pub aborted: bool,
}

impl Recorded {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default()
    }

    /// Everything but the body, as one text to search.
    pub fn head_text(&self) -> String {
        let mut text = format!("{} {}\n", self.method, self.target);
        for (name, value) in &self.headers {
            let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        text
    }
}

/// All cases of a provider. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Cases(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    steps: HashMap<String, Vec<Step>>,
    requests: HashMap<String, Vec<Recorded>>,
}

/// Where a recorded request lies: to note later what became of it.
#[derive(Clone, Debug)]
pub struct Place {
    case: String,
    index: usize,
}

impl Cases {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new case with a name of its own.
    pub fn open(&self) -> Case {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let name = format!("{:x}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.script(&name, Vec::new());
        Case { cases: self.clone(), name }
    }

    /// Sets what happens in a case, and forgets what has happened.
    pub fn script(&self, case: &str, steps: Vec<Step>) {
        let mut table = self.table();
        table.steps.insert(case.to_owned(), steps);
        table.requests.remove(case);
    }

    /// Adds to what happens in a case.
    pub fn push(&self, case: &str, step: Step) {
        self.table().steps.entry(case.to_owned()).or_default().push(step);
    }

    /// The requests of a case.
    pub fn requests(&self, case: &str) -> Vec<Recorded> {
        self.table().requests.get(case).cloned().unwrap_or_default()
    }

    /// Forgets a case.
    pub fn close(&self, case: &str) {
        let mut table = self.table();
        table.steps.remove(case);
        table.requests.remove(case);
    }

    /// Takes the next step for a request; the last one that fits stays for ever.
    pub fn step(&self, case: &str, dialect: &str, account: &str) -> Step {
        let mut table = self.table();
        let Some(steps) = table.steps.get_mut(case) else { return Step::default() };
        let fits = |step: &Step| step.at.as_deref().is_none_or(|at| at == dialect || at == account);
        let Some(first) = steps.iter().position(fits) else { return Step::default() };
        if steps.iter().skip(first + 1).any(fits) { steps.remove(first) } else { steps[first].clone() }
    }

    /// Writes a request down. What belongs to no case is kept under the empty name, the first thousand of them.
    pub fn record(&self, case: &str, request: Recorded) -> Place {
        let mut table = self.table();
        let requests = table.requests.entry(case.to_owned()).or_default();
        let index = requests.len();
        if !case.is_empty() || index < 1000 {
            requests.push(request);
        }
        Place { case: case.to_owned(), index }
    }

    /// Notes what became of a request.
    pub fn amend(&self, place: &Place, amend: impl FnOnce(&mut Recorded)) {
        if let Some(request) =
            self.table().requests.get_mut(&place.case).and_then(|requests| requests.get_mut(place.index))
        {
            amend(request);
        }
    }
}

/// The name of the case whose marker stands in a body; empty where there is none.
pub fn name_in(body: &[u8]) -> &str {
    let Some(at) = memchr::memmem::find(body, OPENING.as_bytes()) else { return "" };
    let rest = &body[at + OPENING.len()..];
    let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
    if rest.get(end) == Some(&b']') { std::str::from_utf8(&rest[..end]).unwrap_or_default() } else { "" }
}

/// One test's share of the provider; forgotten when it is dropped.
#[derive(Debug)]
pub struct Case {
    cases: Cases,
    name: String,
}

impl Case {
    /// The next thing that happens. The last one goes on happening.
    pub fn then(&self, step: Step) -> &Self {
        self.cases.push(&self.name, step);
        self
    }

    /// The text with the case's marker: use it as a prompt, or as what is embedded.
    pub fn prompt(&self, text: &str) -> String {
        format!("{text} {OPENING}{}]", self.name)
    }

    /// The requests of this case so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.cases.requests(&self.name)
    }

    /// The one request of this case.
    ///
    /// # Panics
    /// There was none, or more than one.
    pub fn request(&self) -> Recorded {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "the provider should have got one request: {requests:#?}");
        requests.remove(0)
    }

    /// Waits until the requests are as wanted, for five seconds at most, and gives the last look at them.
    pub async fn wait_for(&self, wanted: impl Fn(&[Recorded]) -> bool) -> Vec<Recorded> {
        let patience = Instant::now() + Duration::from_secs(5);
        loop {
            let requests = self.requests();
            if wanted(&requests) || Instant::now() > patience {
                return requests;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        self.cases.close(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_wherever_it_stands() {
        assert_eq!(name_in(br#"{"messages":[{"content":"hi [case 2a]"}]}"#), "2a");
        assert_eq!(name_in(b"[case 2a"), "");
        assert_eq!(name_in(b"[case ]"), "");
        assert_eq!(name_in(b"no marker"), "");
    }

    #[test]
    fn steps_are_taken_in_order_per_place_and_the_last_one_stays() {
        let cases = Cases::default();
        let case = cases.open();
        case.then(Step::status(500))
            .then(Step::status(503).at("anthropic"))
            .then(Step::status(429).at("openai"));
        let status = |dialect: &str| match &cases.step(&case.name, dialect, "").faults[..] {
            [Fault::Status { status, .. }] => *status,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [status("openai"), status("openai"), status("openai"), status("anthropic")],
            [500, 429, 429, 503]
        );
    }
}
