//! How long the console's overview, its lists and the spend API take, with a log of a year that the service itself has recorded, and
//! whether the roll-ups behind them are exact.

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local_postgres::Server;
use serde_json::json;
use switchboard::key::{Detail, TokenHash, UsageBatch, UsageEntry, UsageError};
use switchboard_bench::load::{Request, run_each};
use switchboard_e2e::{Client, process};

use crate::service::{self, INTERNAL_TOKEN, MASTER_KEY, Service, hash};
use crate::{Aim, Args, Table};

/// Requests per report, and reports that are sent at the same time.
const REPORT: u64 = 2_000;
const WORKERS: usize = 2;

/// Keys that are used, and models.
const USED_KEYS: u64 = 2_000;
const MODELS: u64 = 5;

const HOURS: u64 = 365 * 24;

/// Longest time of a page or a report, milliseconds.
const MOST_MS: f64 = 50.0;

/// Records a log, checks the roll-ups against it, and measures each report.
pub(crate) async fn measure(
    args: &Args,
    server: Option<&Server>,
    name: &str,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    let service = Service::start(server).await?;
    service.fill(args.keys, true, server)?;
    service.arranged(args.keys).await?;
    let logged = record(&service, args).await?;
    if server.is_some() {
        // As autovacuum does.
        service.execute("ANALYZE", server)?;
    }
    compare(&service, server)?;
    let what = |path: &str| format!("{path}, {logged} requests, {} keys", args.keys);
    let cookie = log_in(&service).await?;
    let bearer = format!("Bearer {MASTER_KEY}");
    let today = Timestamp::now();
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let dates = |days: i64| {
        format!("start_date={}&end_date={}", date(today - SignedDuration::from_hours(days * 24)), date(today))
    };
    let pages = [
        "/ui/overview?range=24h&by=user",
        "/ui/overview?range=30d&by=model",
        "/ui/overview?range=30d&by=key",
        "/ui/overview?range=90d&by=team",
        "/ui/overview?range=12mo&by=key",
        "/ui/requests",
        "/ui/requests?status=failure",
        "/ui/keys",
        "/ui/keys?search=key",
        "/ui/keys?search=a7f",
        "/ui/keys?search=zzz",
    ];
    let paths = [
        "/global/spend".to_owned(),
        "/global/spend/keys?limit=100".to_owned(),
        format!("/global/activity/model?{}", dates(30)),
        format!("/global/spend/provider?{}", dates(365)),
        format!("/user/daily/activity?{}", dates(30)),
    ];
    let pages = pages.map(|path| (path.to_owned(), ("cookie", cookie.clone())));
    let paths = paths.map(|path| (path, ("authorization", bearer.clone())));
    let time = Duration::from_secs_f64(args.seconds);
    for (path, (header, value)) in pages.into_iter().chain(paths) {
        let asked = path.clone();
        let next = move || Request::get(&asked, &[(header, &value)]);
        let outcome = run_each(service.port, 1, time, next).await?;
        let path = path.split(['&', '?']).take_while(|part| !part.starts_with("start")).collect::<Vec<_>>();
        table.say(&what(&path.join(" ")), name, Aim::Within(MOST_MS), &outcome);
    }
    Ok(())
}

/// Sends reports until the log is as long as asked for. Returns its length.
async fn record(service: &Service, args: &Args) -> Result<u64, Box<dyn Error>> {
    eprintln!("Recording {} requests …", args.log);
    let (number, mut logged) = (Rc::new(Cell::new(0_u64)), 0);
    let before = process::cpu(service.pid())?;
    while logged < args.log {
        let number = Rc::clone(&number);
        let keys = args.keys.min(USED_KEYS);
        let next = move || {
            number.set(number.get() + 1);
            report(number.get(), keys)
        };
        logged +=
            run_each(service.internal_port, WORKERS, Duration::from_secs(2), next).await?.requests * REPORT;
    }
    let spent = process::cpu(service.pid())?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a bench does not send 2^52 requests")]
    let each = spent.as_secs_f64() * 1e6 / logged.max(1) as f64;
    eprintln!("Recorded {logged} requests: {each:.1} µs of the key service for each");
    Ok(logged)
}

/// A report of an hour of the last year. Some keys are used much more than others.
fn report(number: u64, keys: u64) -> Request {
    let now = Timestamp::now().as_millisecond().unsigned_abs();
    let hour = now / 3_600_000 - number.wrapping_mul(7_919) % HOURS;
    let entries = (0..REPORT).map(|at| {
        let random = hash(number << 20 | at);
        let share = random % 1_000;
        let key = share * share * share * keys / 1_000_000_000;
        let model = (key + random / 1_000 % 2) % MODELS;
        let failed = random.is_multiple_of(50);
        UsageEntry {
            call_id: format!("{random:016x}{number:08x}{at:08x}").into(),
            token: TokenHash::parse(&service::token(key)),
            mode: "chat".into(),
            model_group: format!("group-{model}").into(),
            deployment_id: format!("deployment-{model}").into(),
            model: format!("openai/model-{model}").into(),
            api_base: "https://api.openai.com/v1".into(),
            requests: 1,
            status: if failed { 429 } else { 200 },
            prompt_tokens: 100 + random % 1_000,
            completion_tokens: random % 300,
            cost_picodollars: Some(if failed { 0 } else { 1_000_000_007 + random % 5_000_000_000 }),
            started_ms: (hour * 3_600_000 + at * 1_700).min(now - 1),
            duration_ms: 200 + random % 4_000,
            detail: Detail {
                error: failed.then(|| UsageError::new("RateLimitError", "slow down")),
                answer_id: format!("chatcmpl-{random:016x}").into(),
                requester_ip: "192.0.2.1".into(),
                ..Detail::default()
            },
            ..UsageEntry::default()
        }
    });
    let body = json!({ "batch": UsageBatch::of(format!("year-{number}"), entries) });
    Request::new("/internal/sync", &[("authorization", &format!("Bearer {INTERNAL_TOKEN}"))], &body)
}

/// The sums of the log and of all roll-ups have to be the same, to the last picodollar.
fn compare(service: &Service, server: Option<&Server>) -> Result<(), Box<dyn Error>> {
    let sum = |sql: &str| service.ask(sql, server);
    let logged = sum("SELECT CAST(SUM(requests) AS BIGINT), CAST(SUM(cost) AS BIGINT) FROM spend_request")?;
    for (scope, unit) in [(0, 0), (0, 1), (0, 2), (1, 1), (2, 1), (3, 0), (3, 1), (3, 2)] {
        let rolled = sum(&format!(
            "SELECT CAST(SUM(requests) AS BIGINT), CAST(SUM(spend) AS BIGINT) FROM usage_rollup WHERE scope = {scope} AND unit = {unit}"
        ))?;
        if rolled != logged {
            return Err(
                format!("scope {scope}, unit {unit}: {rolled} in the roll-ups, {logged} in the log").into()
            );
        }
    }
    eprintln!("The roll-ups are the same as the log: {logged} requests and picodollars");
    Ok(())
}

async fn log_in(service: &Service) -> Result<String, Box<dyn Error>> {
    let client = Client::new(format!("http://127.0.0.1:{}", service.port));
    let call = client.request("POST".parse()?, "/ui/login");
    let call = call.header("content-type", "application/x-www-form-urlencoded");
    let answer = call.body(format!("key={MASTER_KEY}")).send().await;
    let cookie = answer.header("set-cookie");
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
