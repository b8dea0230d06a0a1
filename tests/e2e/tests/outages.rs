//! Requests while the key service or its database is away: known keys work, unknown ones must come again, and in the
//! end everything is recorded, once.

use std::time::{Duration, Instant};

use fake_provider::{Case, Provider};
use rustix::process::Signal;
use serde_json::json;
use switchboard_e2e::{MASTER_KEY, OPENAI_KEY, Rendered};

use crate::faults::{PERIOD, WORKERS, ask, case, config, generate, is_recorded, postgres, recorded, start};

/// Known keys work, unknown ones are told to come again; afterwards everything is recorded, once.
struct Outage<'a> {
    running: &'a Rendered,
    case: &'a Case,
    key: &'a str,
    sent: usize,
}

impl Outage<'_> {
    async fn known_keys_work(&mut self) {
        for _ in 0..50 {
            ask(&self.running.client(), self.key, &self.case.prompt("Hi")).await.expect(200);
            self.sent += 1;
        }
    }

    async fn unknown_keys_must_come_again(&self) {
        let before = self.case.requests().len();
        let answer =
            ask(&self.running.client(), "sk-never-heard-of-0123456789", &self.case.prompt("Hi")).await;
        let answer = answer.expect(503);
        assert_eq!(answer.error()["type"], "service_unavailable_error");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(self.case.requests().len(), before, "nothing is let in");
    }

    async fn all_is_recorded(&self) {
        is_recorded(&self.running.client(), self.key, self.sent).await;
        // And stays so: what was sent more often than once does not count twice.
        tokio::time::sleep(2 * PERIOD).await;
        is_recorded(&self.running.client(), self.key, self.sent).await;
        assert_eq!(recorded(&self.running.client(), self.key).await.len(), self.sent);
    }
}

/// Gives up waiting for the key service sooner.
#[allow(clippy::needless_pass_by_value, reason = "as `Rendered::start` wants it")]
fn impatient(text: String) -> String {
    let changed = text.replace("\"timeout_ms\":5000", "\"timeout_ms\":500");
    let changed = changed.replace("\"timeout_ms\": 5000", "\"timeout_ms\": 500");
    assert_ne!(text, changed, "the time-out is written in another way");
    changed
}

#[tokio::test]
async fn a_key_service_that_does_not_answer_holds_up_nobody_it_knows() {
    let provider = Provider::start().expect("a provider");
    let case = case(&provider);
    let running = start(&provider, None, impatient).await;
    let key = generate(&running, json!({})).await;
    let mut outage = Outage { running: &running, case: &case, key: &key, sent: 0 };
    // Often enough to be known to each worker.
    outage.known_keys_work().await;
    running.keys.signal(Signal::STOP);
    for _ in 0..3 {
        outage.known_keys_work().await;
        outage.unknown_keys_must_come_again().await;
        tokio::time::sleep(PERIOD).await;
    }
    // What was sent meanwhile lies in its sockets, once for each attempt.
    running.keys.signal(Signal::CONT);
    outage.all_is_recorded().await;
}

#[tokio::test]
async fn a_database_that_goes_away_holds_up_nobody_who_is_known() {
    let Some(mut server) = postgres() else { return };
    let provider = Provider::start().expect("a provider");
    let case = case(&provider);
    let running = start(&provider, Some(&server.url()), impatient).await;
    let key = generate(&running, json!({})).await;
    let mut outage = Outage { running: &running, case: &case, key: &key, sent: 0 };
    outage.known_keys_work().await;
    server.stop().expect("a server that stops");
    for _ in 0..2 {
        outage.known_keys_work().await;
        outage.unknown_keys_must_come_again().await;
        tokio::time::sleep(PERIOD).await;
    }
    server.start_again().expect("a server that starts");
    outage.all_is_recorded().await;
    // And it is the old service that found its database again.
    generate(&running, json!({})).await;
}

#[tokio::test]
async fn a_database_that_is_locked_holds_up_nobody() {
    let provider = Provider::start().expect("a provider");
    let case = case(&provider);
    let running = start(&provider, None, |text| text).await;
    let key = generate(&running, json!({})).await;
    let mut outage = Outage { running: &running, case: &case, key: &key, sent: 0 };
    outage.known_keys_work().await;
    let lock = Lock::take(&running.folder().join("data/switchboard.db"));
    let locked = Instant::now();
    // Longer than SQLite waits for a lock, so that calls fail that would write.
    while locked.elapsed() < Duration::from_secs(7) {
        outage.known_keys_work().await;
        tokio::time::sleep(PERIOD / 2).await;
    }
    let refused = running.client().post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(503);
    assert_ne!(refused.header("retry-after"), "");
    drop(lock);
    outage.all_is_recorded().await;
}

/// Another process that writes into a SQLite database, and does not come to an end.
struct Lock {
    holder: std::process::Child,
    /// Held, or its last word would end it.
    _told: std::process::ChildStdout,
}

impl Lock {
    fn take(database: &std::path::Path) -> Self {
        use std::io::Read as _;
        let script = "import sqlite3, sys\n\
                      held = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n\
                      held.execute('BEGIN IMMEDIATE')\n\
                      print('locked', flush=True)\n\
                      sys.stdin.read()\n";
        let mut holder = std::process::Command::new("python3")
            .args(["-c", script])
            .arg(database)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("python3");
        let mut told = holder.stdout.take().expect("a pipe");
        told.read_exact(&mut [0; 6]).expect("a lock");
        Self { holder, _told: told }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

#[tokio::test]
async fn when_the_grace_is_over_nobody_is_let_in_until_the_key_service_is_back() {
    const GRACE: Duration = Duration::from_secs(3);
    let provider = Provider::start().expect("a provider");
    let case = case(&provider);
    let config = config(&provider).section("general_settings", json!({ "user_api_key_cache_ttl": 3 }));
    let mut running =
        Rendered::start_with(&config, &[("OPENAI_API_KEY", OPENAI_KEY)], WORKERS, |text| text).await;
    let key = generate(&running, json!({})).await;
    let client = running.client();
    let prompt = case.prompt("Hi");
    for _ in 0..20 {
        ask(&client, &key, &prompt).await.expect(200);
    }
    running.kill_keys();
    let killed = Instant::now();
    let mut let_in = 20;
    loop {
        let asked = killed.elapsed();
        match ask(&client, &key, &prompt).await.status {
            200 => {
                let_in += 1;
                assert!(asked < GRACE, "let in {asked:?} after the key service's end");
            }
            503 => {
                // It was last heard a period before its end at the earliest.
                assert!(asked + 2 * PERIOD > GRACE, "refused {asked:?} after the key service's end");
                break;
            }
            other => panic!("{other}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(PERIOD).await;
    for _ in 0..10 {
        assert_eq!(ask(&client, &key, &prompt).await.expect(503).header("retry-after"), "1");
    }
    assert_eq!(case.requests().len(), let_in, "nothing is let in");
    running.start_keys();
    let begun = Instant::now();
    while ask(&client, &key, &prompt).await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the key service is back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    is_recorded(&client, &key, let_in + 1).await;
}
