//! How long reports take: the overview of the console and the spend API, with the roll-ups of ten million requests of a year.

use std::error::Error;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use local_postgres::Server;
use switchboard_bench::load::{Request, run_each};
use switchboard_e2e::Client;

use crate::service::{MASTER_KEY, Service};
use crate::{Aim, Table};

/// Keys that were used, and models.
const KEYS: u64 = 2_000;
const MODELS: u64 = 5;

/// Days with rows by day, and with rows by hour.
const DAYS: u64 = 365;
const DAYS_OF_HOURS: u64 = 92;

/// Longest time of a report, milliseconds.
const MOST_MS: f64 = 50.0;

/// Measures each report for that time.
pub(crate) async fn measure(
    service: &Service,
    server: Option<&Server>,
    name: &str,
    time: Duration,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    eprintln!("Inserting the roll-ups of ten million requests …");
    for sql in statements() {
        service.execute(&sql, server)?;
    }
    let cookie = log_in(service).await?;
    let bearer = format!("Bearer {MASTER_KEY}");
    let today = Timestamp::now();
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let dates = |days: i64| {
        format!("start_date={}&end_date={}", date(today - SignedDuration::from_hours(days * 24)), date(today))
    };
    let pages = ["30d&by=model", "30d&by=key", "90d&by=team", "12mo&by=key", "24h&by=user"];
    let paths = [
        "/global/spend".to_owned(),
        "/global/spend/keys?limit=100".to_owned(),
        format!("/global/activity/model?{}", dates(30)),
        format!("/global/spend/provider?{}", dates(365)),
        format!("/user/daily/activity?{}", dates(30)),
    ];
    let pages = pages.map(|range| (format!("/ui/overview?range={range}"), ("cookie", cookie.clone())));
    let paths = paths.map(|path| (path, ("authorization", bearer.clone())));
    for (path, (header, value)) in pages.into_iter().chain(paths) {
        let asked = path.clone();
        let next = move || Request::get(&asked, &[(header, &value)]);
        let outcome = run_each(service.port, 1, time, next).await?;
        table.say(path.split("&start").next().unwrap_or(&path), name, Aim::Within(MOST_MS), &outcome);
    }
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

/// Series of all requests by model, of 50 teams, 500 users and the keys; a key is used with two models each day, and by hour with
/// one in four.
fn statements() -> Vec<String> {
    let today = Timestamp::now().as_second() / 86_400 * 24;
    let texts = "'g' || m AS model_group, 'openai/m' || m AS model, 'chat', '', ''";
    let numbers = |name: &str, most: u64| {
        format!("{name}(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM {name} WHERE n + 1 < {most})")
    };
    // A number in place of the hash of a series: its scope, name and model.
    let series = |scope: u64, most: u64, name: &str| {
        format!(
            "WITH RECURSIVE {}, {} INSERT INTO usage_series (id, scope, name, token, user_id, team_id, model_group, \
             model, mode, deployment_id, api_base) SELECT {scope} * 10000000 + k * 10 + m, {scope}, {name}, '', '', '', \
             {texts} FROM (SELECT names.n AS k, models.n AS m FROM names, models) AS pairs",
            numbers("names", most),
            numbers("models", MODELS)
        )
    };
    let rows = |scope: u64, most: u64, unit: u64, times: u64, step: u64, used: &str| {
        format!(
            "WITH RECURSIVE {}, {}, {} INSERT INTO usage_rollup SELECT {scope}, {unit}, t, \
             {scope} * 10000000 + k * 10 + m, 7, 7, 21000000000 + k, 4200, 700, 1200, 0, 0, 3, 7, 2940, 7, 1400 FROM \
             (SELECT {today} - times.n * {step} AS t, names.n AS k, models.n AS m FROM times, names, models) AS cells \
             WHERE {used}",
            numbers("times", times),
            numbers("names", most),
            numbers("models", MODELS)
        )
    };
    let two = format!("(k + m + t / 24) % {MODELS} < 2");
    let few = format!("(k + m + t) % {} = 0", MODELS * 4);
    let mut statements = vec![
        series(0, 1, "''"),
        series(1, 50, "'team' || k"),
        series(2, 500, "'user' || k"),
        // The hashes of the keys that the service has.
        series(3, KEYS, "CAST(k AS TEXT)"),
    ];
    for (scope, most) in [(0, 1), (1, 50), (2, 500), (3, KEYS)] {
        let used = if scope == 3 { two.as_str() } else { "true" };
        statements.push(rows(scope, most, 1, DAYS, 24, used));
        // Twelve months, about.
        statements.push(rows(scope, most, 2, 12, 730, "true"));
        let used = if scope >= 2 { few.as_str() } else { "true" };
        statements.push(rows(scope, most, 0, DAYS_OF_HOURS * 24, 1, used));
    }
    statements.push("ANALYZE".to_owned());
    statements
}
