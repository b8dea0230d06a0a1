//! A key service to measure, and a table full of keys for it.

use std::error::Error;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use local_postgres::Server;
use serde_json::json;
use switchboard::key::{Detail, TokenHash, UsageBatch, UsageEntry};
use switchboard_bench::load::Request;
use switchboard_e2e::{Child, Client, free_ports, launcher};
use tempfile::TempDir;

/// The master key.
pub(crate) const MASTER_KEY: &str = "sk-master-of-the-bench";
/// The bearer of the internal port.
pub(crate) const INTERNAL_TOKEN: &str = "ticket-of-the-bench";

/// The key number `number` of those that [`Service::fill`] makes, as its hash. Nobody knows the key itself.
pub(crate) fn token(number: u64) -> String {
    // Spread over the whole range, as hashes are.
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{spread:016x}{number:048x}")
}

/// A number without an order.
pub(crate) fn hash(number: u64) -> u64 {
    let mixed = (number ^ number >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb) >> 4
}

/// A worker's report of so many requests, by so many of the keys that [`Service::fill`] makes.
pub(crate) fn report(number: u64, requests: u64, keys: u64, ticket: &str) -> Request {
    // Ids are random, as those of the gateway and of providers are: an index has them in no order.
    let id = |at: u64| {
        format!("{:016x}{number:08x}{at:08x}", (number << 20 | at).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    let entries = (0..requests).map(|at| UsageEntry {
        call_id: id(at).into(),
        token: TokenHash::parse(&token((number * 7_919 + at) % keys)),
        mode: "chat".into(),
        model_group: "gpt-4o".into(),
        deployment_id: "gpt-4o-at-home".into(),
        model: "openai/gpt-4o".into(),
        api_base: "https://api.openai.com/v1".into(),
        requests: 1,
        status: 200,
        prompt_tokens: 600,
        completion_tokens: 100,
        cost_picodollars: Some(3_000_000_000),
        started_ms: 1_700_000_000_000 + number * 1_000 + at / 2,
        duration_ms: 420,
        detail: Detail {
            answer_id: format!("chatcmpl-{}", id(at)).into(),
            requester_ip: "192.0.2.1".into(),
            ..Detail::default()
        },
        ..UsageEntry::default()
    });
    let body = json!({ "batch": UsageBatch::of(format!("report-{number}"), entries) });
    Request::new("/internal/sync", &[("authorization", ticket)], &body)
}

/// A running service with a database of its own.
pub(crate) struct Service {
    program: Child,
    folder: TempDir,
    /// The key API.
    pub(crate) port: u16,
    /// What the filter calls.
    pub(crate) internal_port: u16,
}

impl Service {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// Starts one, on Postgres or on a SQLite file.
    pub(crate) async fn start(server: Option<&Server>) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let port = free_ports(2);
        let mut environment = vec![
            ("SWITCHBOARD_MASTER_KEY".to_owned(), MASTER_KEY.to_owned()),
            ("SWITCHBOARD_INTERNAL_TOKEN".to_owned(), INTERNAL_TOKEN.to_owned()),
            // One line for each key that is made: not what is measured here.
            ("RUST_LOG".to_owned(), "warn".to_owned()),
        ];
        environment.extend(server.map(|server| ("DATABASE_URL".to_owned(), server.url())));
        let arguments = [
            "serve".to_owned(),
            "--listen".to_owned(),
            format!("127.0.0.1:{port}"),
            "--internal-listen".to_owned(),
            format!("127.0.0.1:{}", port + 1),
            "--data-dir".to_owned(),
            folder.path().display().to_string(),
        ];
        let program = launcher().with_file_name("switchboard-keys");
        let program = Child::start(&program, &arguments, &environment);
        let client = Client::new(format!("http://127.0.0.1:{port}"));
        let begun = Instant::now();
        while !client.get("/health/readiness").try_send().await.is_ok_and(|answer| answer.status == 200) {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(program.stderr.text().into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { program, folder, port, internal_port: port + 1 })
    }

    /// Puts so many keys into the table, past the service: making them one by one would take longer than measuring.
    ///
    /// `named` keys have an alias, a user and a team, as most have.
    pub(crate) fn fill(&self, keys: u64, named: bool, server: Option<&Server>) -> Result<(), Box<dyn Error>> {
        const COLUMNS: &str = "token, key_name, spend, total_spend, settings, created_at, created_by, updated_at, \
                               updated_by, key_alias, user_id, team_id";
        eprintln!("Inserting {keys} keys …");
        let mut command = if let Some(server) = server {
            let psql = local_postgres::programs().ok_or("no psql")?.join("psql");
            let mut command = Command::new(psql);
            command.args(["-q", "-X", "-d", &server.url(), "-c"]);
            command.arg(format!("COPY virtual_key ({COLUMNS}) FROM STDIN"));
            command.args(["-c", "VACUUM ANALYZE virtual_key"]);
            command
        } else {
            let script = format!(
                "import sqlite3, sys\n\
                 db = sqlite3.connect(sys.argv[1], timeout=60)\n\
                 none = {{'\\\\N': None}}\n\
                 rows = ([none.get(value, value) for value in line.rstrip('\\n').split('\\t')] for line in sys.stdin)\n\
                 db.executemany('INSERT INTO virtual_key ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', rows)\n\
                 db.commit()\n"
            );
            let mut command = Command::new("python3");
            command.args(["-c", &script]).arg(self.folder.path().join("switchboard.db"));
            command
        };
        let mut filler = command.stdin(Stdio::piped()).spawn()?;
        let mut rows = std::io::BufWriter::new(filler.stdin.take().ok_or("no pipe")?);
        // Newer than all that the service has made: it counts those, and would not know of any among them.
        let begin = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        for number in 0..keys {
            let token = token(number);
            let at = begin + u128::from(number);
            write!(rows, "{token}\tsk-...{:04}\t0\t0\t{{}}\t{at}\tbench\t{at}\tbench\t", number % 10_000)?;
            if named {
                let (user, team) = (number % 500, number % 50);
                writeln!(rows, "key-{number}-{:08x}\tuser-{user}\tteam-{team}", hash(number) >> 32)?;
            } else {
                writeln!(rows, "\\N\t\\N\t\\N")?;
            }
        }
        rows.flush()?;
        drop(rows);
        if filler.wait()?.success() { Ok(()) } else { Err("could not insert the keys".into()) }
    }

    /// Executes a statement, past the service.
    pub(crate) fn execute(&self, sql: &str, server: Option<&Server>) -> Result<(), Box<dyn Error>> {
        let mut command = if let Some(server) = server {
            let psql = local_postgres::programs().ok_or("no psql")?.join("psql");
            let mut command = Command::new(psql);
            command.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", &server.url(), "-c", sql]);
            command
        } else {
            let script = "import sqlite3, sys\n\
                          db = sqlite3.connect(sys.argv[1], timeout=60)\n\
                          db.execute(sys.argv[2])\n\
                          db.commit()\n";
            let mut command = Command::new("python3");
            command.args(["-c", script]).arg(self.folder.path().join("switchboard.db")).arg(sql);
            command
        };
        if command.status()?.success() { Ok(()) } else { Err(format!("failed: {sql}").into()) }
    }

    /// The only row of a query, past the service, its values separated by `|`.
    pub(crate) fn ask(&self, sql: &str, server: Option<&Server>) -> Result<String, Box<dyn Error>> {
        let mut command = if let Some(server) = server {
            let psql = local_postgres::programs().ok_or("no psql")?.join("psql");
            let mut command = Command::new(psql);
            command.args(["-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &server.url(), "-c", sql]);
            command
        } else {
            let script = "import sqlite3, sys\n\
                          row = sqlite3.connect(sys.argv[1], timeout=60).execute(sys.argv[2]).fetchone()\n\
                          print('|'.join(str(value) for value in row))\n";
            let mut command = Command::new("python3");
            command.args(["-c", script]).arg(self.folder.path().join("switchboard.db")).arg(sql);
            command
        };
        let output = command.output()?;
        if !output.status.success() {
            return Err(format!("failed: {sql}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Waits until the service has divided the new keys into blocks, as it does with keys that it has made itself.
    pub(crate) async fn arranged(&self, keys: u64) -> Result<(), Box<dyn Error>> {
        let client = Client::new(format!("http://127.0.0.1:{}", self.port));
        let (begun, mut quick) = (Instant::now(), 0);
        while quick < 3 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let asked = Instant::now();
            let path = format!("/key/list?size=1&page={}", keys / 2);
            client.get(&path).key(MASTER_KEY).send().await.expect(200);
            quick = if asked.elapsed() < Duration::from_millis(20) { quick + 1 } else { 0 };
            if begun.elapsed() > Duration::from_mins(2) {
                return Err("distant pages are still slow".into());
            }
        }
        Ok(())
    }
}
