//! The table in `docs/faults.md`, cell by cell, for clients of each API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fake_provider::faults::CutHow;
use fake_provider::{Case, Fault, Provider, Reply, Step, refusing_port};
use serde_json::json;
use switchboard_e2e::{
    ANTHROPIC_KEY, Answer, Call, Config, Format, MASTER_KEY, OPENAI_KEY, Setup, Stack, anthropic, is_native,
    openai,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const TABLE: &str = include_str!("../../../docs/faults.md");

/// What goes wrong.
#[derive(Clone, Debug)]
enum Sickness {
    /// The provider answers so.
    Of(Fault),
    /// There is nobody to answer: the models that begin with this word.
    Unreachable(&'static str),
}

/// The faults by their names in the table. Events before the middle of an answer: the first words have been said.
fn faults(streamed: bool) -> Vec<(&'static str, Sickness)> {
    use Sickness::{Of, Unreachable};
    let middle = if streamed { 6 } else { 0 };
    vec![
        ("connection refused", Unreachable("refused")),
        ("reset before the headers", Of(Fault::ResetBeforeHeaders)),
        ("reset after the headers", Of(Fault::ResetAfterHeaders)),
        ("reset during the response", Of(Fault::Cut { after: middle, how: CutHow::Reset })),
        ("429 with retry-after", Of(Fault::retry_after(429, "30"))),
        ("429 without retry-after", Of(Fault::status(429))),
        ("500", Of(Fault::status(500))),
        ("503", Of(Fault::status(503))),
        ("529", Of(Fault::status(529))),
        ("401", Of(Fault::status(401))),
        ("404", Of(Fault::status(404))),
        ("400", Of(Fault::status(400))),
        ("slow first byte", Of(Fault::SlowFirstByte { ms: 20_000 })),
        ("stall during the response", Of(Fault::Stall { after: middle, ms: None })),
        ("half an event, then close", Of(Fault::Cut { after: middle, how: CutHow::HalfEvent })),
        ("clean but incomplete end", Of(Fault::Cut { after: middle, how: CutHow::Clean })),
        ("TLS failure", Unreachable("tls")),
        ("DNS failure", Unreachable("dns")),
        ("a 200 with an error inside", Of(Fault::ErrorInside { after: 0, status: 503 })),
        ("an error after the first words", Of(Fault::ErrorInside { after: middle, status: 503 })),
        ("HTML with a 200", Of(Fault::Html { status: 200 })),
        ("endless stream", Of(Fault::Endless { ms: 10 })),
    ]
}

/// Fault → what is expected on this host: with a retry, complete and streamed, and with a fallback, complete and streamed.
fn expected() -> BTreeMap<&'static str, [&'static str; 4]> {
    let table = TABLE.lines().skip_while(|line| !line.starts_with("| fault "));
    let rows = table.take_while(|line| line.starts_with('|')).filter(|line| line.starts_with("| "));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let mut rows = cells.map(|cells| <[&str; 7]>::try_from(cells).expect("seven columns"));
    let head = rows.next().expect("a head");
    let columns =
        |way| [way, &*format!("{way}, streamed: wasm"), &*format!("{way}, streamed: native")].join("|");
    assert_eq!(head.join("|"), ["fault", &columns("retry"), &columns("fallback")].join("|"));
    let here = |wasm, native| if is_native() { native } else { wasm };
    rows.map(|[fault, retry, w, n, fallback, v, m]| (fault, [retry, here(w, n), fallback, here(v, m)]))
        .collect()
}

struct Ward {
    provider: Provider,
    stack: Stack,
    _folder: tempfile::TempDir,
}

impl Ward {
    fn open() -> Self {
        let provider = Provider::start().expect("a provider");
        let (refusing, refused) = refusing_port().expect("a port");
        std::mem::forget(refusing);
        let tls = provider.listen_tls(&["somebody-else.localhost"]).expect("a port");
        let folder = tempfile::tempdir().expect("a folder");
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, provider.authority_pem()).expect("a file");
        let at = |account: &str| format!("{}/{account}", provider.base());
        let mut config = Config::new()
            .model("claude", anthropic("claude-sonnet-4-5", &at("well"), ANTHROPIC_KEY))
            .model("sick-pair", openai("gpt-4o", &at("one"), OPENAI_KEY))
            .model("sick-pair", openai("gpt-4o", &at("two"), OPENAI_KEY))
            .model("sick-alone", openai("gpt-4o", &at("one"), OPENAI_KEY));
        let mut fallbacks = vec![json!({ "sick-alone": ["claude"] })];
        for (name, base) in [
            ("refused", format!("http://127.0.0.1:{refused}")),
            ("tls", format!("https://provider.localhost:{tls}")),
            ("dns", "http://nowhere.invalid".to_owned()),
        ] {
            let (pair, alone) = (format!("{name}-pair"), format!("{name}-alone"));
            config = config
                .model(&pair, openai("gpt-4o", &base, OPENAI_KEY))
                .model(&pair, openai("gpt-4o", &at("well"), OPENAI_KEY))
                .model(&alone, openai("gpt-4o", &base, OPENAI_KEY));
            fallbacks.push(json!({ alone: ["claude"] }));
        }
        let router = json!({ "timeout": 2, "disable_cooldowns": true, "fallbacks": fallbacks });
        let setup = Setup::new(&config.section("router_settings", router));
        let stack = setup.env("SSL_CERT_FILE", authority.to_str().expect("a path in UTF-8")).start();
        Self { provider, stack, _folder: folder }
    }

    /// What a cell of the table comes to.
    async fn cell(&self, format: Format, sickness: &Sickness, fallback: bool, streamed: bool) -> String {
        let case = self.provider.case();
        let rescue = || Step::reply(Reply::text("Rescued"));
        let group = match sickness {
            Sickness::Of(fault) => {
                let sick = Step::reply(Reply::text("one two three four five six")).with(fault.clone());
                if fallback {
                    case.then(sick.at("one")).then(rescue().at("anthropic"));
                } else {
                    case.then(sick).then(rescue());
                }
                "sick"
            }
            Sickness::Unreachable(group) => {
                case.then(rescue());
                group
            }
        };
        let model = format!("{group}-{}", if fallback { "alone" } else { "pair" });
        let ask = || format.ask(&self.stack.client(), MASTER_KEY, &model, &case.prompt("Hello"), streamed);
        if matches!(sickness, Sickness::Of(Fault::Endless { .. })) {
            let mut answer = ask().open().await;
            let mut seen = Vec::new();
            while String::from_utf8_lossy(&seen).matches("more").count() < 20 {
                seen.extend_from_slice(&answer.next().await.expect("an endless stream"));
            }
            drop(answer);
            let requests = case.wait_for(|requests| requests[0].aborted).await;
            return if requests[0].aborted { "continues".to_owned() } else { "never stopped".to_owned() };
        }
        if streamed && matches!(sickness, Sickness::Of(Fault::Stall { .. })) {
            return stall(format, ask(), &case).await;
        }
        if streamed && is_native() && matches!(sickness, Sickness::Of(Fault::Cut { how: CutHow::Reset, .. }))
        {
            return broken(format, ask()).await;
        }
        let Ok(answer) = ask().try_send().await else { return "reset".to_owned() };
        let asked = case.requests();
        for request in &asked {
            assert_eq!(request.refused, "", "the request is not what {} takes", request.dialect);
        }
        let outcome = outcome(format, &answer, streamed);
        // What the answer says of the way to it agrees with what the provider saw.
        if outcome == "rescued" {
            let fallbacks = answer.header("x-litellm-attempted-fallbacks");
            assert_eq!(fallbacks, if fallback { "1" } else { "0" }, "{sickness:?}");
            let last = asked.last().expect("somebody has answered");
            assert_eq!(last.dialect, if fallback { "anthropic" } else { "openai" }, "{sickness:?}");
        } else if outcome == "returned" {
            assert_eq!(asked.len(), 1, "{sickness:?}: nobody else is asked");
        }
        outcome
    }
}

/// What comes of a stream whose provider resets the connection, on the native host.
async fn broken(format: Format, call: Call) -> String {
    let answer = call.open().await;
    assert_eq!(answer.status, 200);
    let (seen, well) = answer.rest().await;
    assert!(!well, "nothing but its provider gives a stream a good end");
    let streamed = format.streamed(&seen);
    assert!(streamed.text.starts_with("one"), "{streamed:?}");
    match streamed.error {
        Some(error) if error.contains("connection was reset") => "error event, reset".to_owned(),
        error => format!("ends in {error:?}"),
    }
}

/// What comes of a stream that stalls. It has no good end, so it is read as far as it goes.
async fn stall(format: Format, call: Call, case: &Case) -> String {
    let answer = call.open().await;
    assert_eq!(answer.status, 200);
    let Ok((seen, well)) = tokio::time::timeout(Duration::from_secs(20), answer.rest()).await else {
        return "waits".to_owned();
    };
    assert!(!well, "nothing but its provider gives a stream a good end");
    assert!(case.wait_for(|requests| requests[0].aborted).await[0].aborted, "the provider is let go");
    let streamed = format.streamed(&seen);
    assert!(streamed.text.starts_with("one"), "{streamed:?}");
    match streamed.error {
        Some(error) if error.contains("litellm.Timeout") => "error event, reset".to_owned(),
        error => format!("ends in {error:?}"),
    }
}

fn outcome(format: Format, answer: &Answer, streamed: bool) -> String {
    if answer.status != 200 {
        format.error(answer);
        return format!(
            "returned{}",
            if answer.status < 500 { "" } else { ", although it is the provider's" }
        );
    }
    let text = if streamed {
        let streamed = format.streamed(&answer.body);
        if streamed.error.is_some() {
            assert!(streamed.text.starts_with("one"), "{streamed:?}");
            return "error event".to_owned();
        }
        assert!(streamed.is_complete, "{streamed:?}");
        streamed.text
    } else {
        format.text(answer)
    };
    if text == "Rescued" { "rescued".to_owned() } else { format!("said {text:?}") }
}

#[tokio::test]
async fn every_fault_comes_to_what_the_table_says() {
    let expected = expected();
    let names: Vec<&str> = faults(false).iter().map(|(name, _)| *name).collect();
    let rows = expected.len();
    assert!(rows == names.len() && names.iter().all(|name| expected.contains_key(name)), "{expected:#?}");

    let ward = Arc::new(Ward::open());
    for format in Format::ALL {
        let wrong = wrong_cells(&ward, format, &expected).await;
        assert!(wrong.is_empty(), "{format:?}: {wrong:#?}");
    }
}

/// The cells that come to something else for clients of that API.
async fn wrong_cells(
    ward: &Arc<Ward>,
    format: Format,
    expected: &BTreeMap<&'static str, [&'static str; 4]>,
) -> Vec<String> {
    let mut cells = JoinSet::new();
    // More at once, and those that are well miss the timeout, too.
    let places = Arc::new(Semaphore::new(24));
    for (column, (fallback, streamed)) in
        [(false, false), (false, true), (true, false), (true, true)].into_iter().enumerate()
    {
        for (name, sickness) in faults(streamed) {
            let wanted = expected[name][column];
            if wanted == "-" {
                continue;
            }
            // Whoever cannot be reached is not always asked first.
            let times = if matches!(sickness, Sickness::Unreachable(_)) { 4 } else { 1 };
            for _ in 0..times {
                let (ward, places, sickness) = (Arc::clone(ward), Arc::clone(&places), sickness.clone());
                cells.spawn(async move {
                    let _place = places.acquire().await.expect("nobody closes it");
                    let found = ward.cell(format, &sickness, fallback, streamed).await;
                    (found != wanted).then(|| {
                        format!("{name}, fallback={fallback}, streamed={streamed}: {found}, not {wanted}")
                    })
                });
            }
        }
    }
    cells.join_all().await.into_iter().flatten().collect()
}

#[tokio::test]
async fn a_lone_deployment_is_asked_again_when_it_said_to_come_back() {
    let world = switchboard_e2e::world();
    let case = world.case();
    case.then(Step::fault(Fault::retry_after(429, "1"))).then(Step::reply(Reply::text("Rescued")));
    world.chat("gpt-4o", &case.prompt("Hello")).await.expect(200);
    let requests = case.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1), "retry-after is waited for");
}
