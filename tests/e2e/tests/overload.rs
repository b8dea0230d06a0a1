//! More large bodies at once than there is memory for: Envoy refuses what it cannot hold, and lives.

use std::time::Duration;

use bytes::Bytes;
use fake_provider::{Fault, Provider, Step};
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Config, Format, MASTER_KEY, OPENAI_KEY, Setup, Stack, openai, question};
use tokio::task::JoinSet;

/// Largest resident memory of a process so far, MiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") >> 10
}

/// Announced by `content-length`, or not.
#[derive(Clone, Copy, Debug)]
enum Length {
    Told,
    Unknown,
}

/// Sends as many bodies of twenty megabytes in the same instant, and gives the answers that came.
async fn at_once(
    stack: &Stack,
    path: &str,
    body: &Value,
    length: Length,
    count: usize,
) -> Vec<Result<Answer, String>> {
    let body = Bytes::from(body.to_string());
    let mut asked = JoinSet::new();
    for _ in 0..count {
        let call = stack.client().request(Method::POST, path).key(MASTER_KEY);
        let call = call.header("content-type", "application/json").body(body.clone());
        let call = match length {
            Length::Told => call,
            Length::Unknown => call.header("transfer-encoding", "chunked"),
        };
        asked.spawn(call.try_send());
    }
    asked.join_all().await
}

#[tokio::test]
async fn large_bodies_in_the_same_instant_are_refused_by_what_they_announce() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).workers(1).memory_limit("512Mi").start();
    let envoy = stack.envoy_pid();
    let words = "many words ".repeat((20 << 20) / 11);
    for (format, length, instructs, count) in [
        (Format::Chat, Length::Told, false, 40),
        (Format::Chat, Length::Unknown, false, 40),
        (Format::Messages, Length::Told, false, 12),
        (Format::Gemini, Length::Told, false, 12),
        // A response repeats them, so they are kept until it is written.
        (Format::Responses, Length::Told, true, 12),
    ] {
        let case = provider.case();
        case.then(Step::default().with(Fault::SlowFirstByte { ms: 1_500 }));
        let (path, mut body) =
            format.request("gpt-4o", &case.prompt(if instructs { "" } else { &words }), false);
        if instructs {
            body["instructions"] = json!(words);
        }
        let answers = at_once(&stack, &path, &body, length, count).await;
        let of = |status| answers.iter().flatten().filter(move |answer: &&Answer| answer.status == status);
        let (kind, status) = match format {
            Format::Messages => ("overloaded_error", 529),
            Format::Gemini | Format::GeminiArray => ("UNAVAILABLE", 503),
            Format::Chat | Format::Responses => ("service_unavailable_error", 503),
        };
        let (served, refused, peak) = (of(200).count(), of(status).count(), peak(envoy));
        let told = format!(
            "{format:?} {length:?} {instructs}: {served} served, {refused} refused of {}, peak {peak} MiB",
            answers.len()
        );
        eprintln!("{told}");
        assert!(served > 0 && refused > 0, "{told}");
        assert!(peak < 512, "{told}");
        for answer in of(status) {
            let (told, message) = format.error(answer);
            assert_eq!(told, kind, "{message}");
            assert!(message.contains("--memory-limit"), "{message}");
            assert_eq!(answer.header("retry-after"), "1");
        }
        assert_eq!(stack.envoy_pid(), envoy, "Envoy died");
        // What they held is given back: one after the other is served.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let prompt = provider.case().prompt(&words);
        format.ask(&stack.client(), MASTER_KEY, "gpt-4o", &prompt, false).send().await.expect(200);
    }
}

#[tokio::test]
async fn many_large_bodies_one_after_the_other_are_refused_before_memory_runs_out() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).workers(1).memory_limit("512Mi").start();
    let envoy = stack.envoy_pid();
    let case = provider.case();
    case.then(Step::default().with(Fault::SlowFirstByte { ms: 3_000 }));
    let prompt = case.prompt(&"many words ".repeat((20 << 20) / 11));
    let body = Bytes::from(question("gpt-4o", &prompt).to_string());
    let (mut asked, mut answers) = (JoinSet::new(), Vec::new());
    for number in 0..40 {
        let call = stack.client().request(Method::POST, "/v1/chat/completions").key(MASTER_KEY);
        let call = call.header("content-type", "application/json").body(body.clone());
        asked.spawn(async move {
            // As clients come: not all in the same instant.
            tokio::time::sleep(Duration::from_millis(number * 60)).await;
            call.try_send().await
        });
    }
    // Meanwhile others come, who have hardly any body.
    let small = provider.case().prompt("Hello");
    let ask = |format: Format| format.ask(&stack.client(), MASTER_KEY, "gpt-4o", &small, false).send();
    let mut refused = 0;
    for format in Format::ALL.into_iter().cycle() {
        if asked.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let answer = ask(format).await;
        if answer.status != 200 {
            let (kind, message) = format.error(&answer);
            let expected = match format {
                Format::Chat | Format::Responses => (503, "service_unavailable_error"),
                Format::Messages => (529, "overloaded_error"),
                Format::Gemini | Format::GeminiArray => (503, "UNAVAILABLE"),
            };
            assert_eq!((answer.status, kind.as_str()), expected, "{format:?}: {}", answer.text());
            assert!(message.contains("--memory-limit"), "{format:?}: {message}");
            assert_eq!(answer.header("retry-after"), "1");
            refused += 1;
        }
        while let Some(answered) = asked.try_join_next() {
            answers.push(answered.expect("no panic"));
        }
    }
    let served = answers.iter().flatten().filter(|answer| answer.status == 200).count();
    let peak = peak(envoy);
    let told = format!(
        "{served} of {} large ones served, {refused} small ones refused, peak {peak} MiB",
        answers.len()
    );
    eprintln!("{told}");
    // The filter rejects large ones early, so that Envoy need not reject small ones.
    assert!(0 < served && served < answers.len(), "{told}");
    assert!(peak < 512, "{told}");
    assert_eq!(stack.envoy_pid(), envoy, "Envoy died");

    let statistics = stack.admin().get("/stats?filter=^overload").send().await.text();
    for name in ["fixed_heap.pressure", "stop_accepting_requests.active"] {
        assert!(statistics.contains(name), "{name} is not in {statistics}");
    }
    // When the large ones are gone, everybody is served again.
    tokio::time::sleep(Duration::from_millis(500)).await;
    ask(Format::Chat).await.expect(200);
}
