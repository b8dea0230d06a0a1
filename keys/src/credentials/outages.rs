//! Every source of credentials, while the one who issues them is down, slow or wrong, and after that.

use std::time::Duration;

use fake_clouds::{CERTIFICATE, Clouds, Mood, PRIVATE_KEY};
use serde_json::{Value, json};
use switchboard::secret::Secret;
use tokio::time::{Instant, sleep};

use super::{Broker, Definition, Kind, Secrets, Setting, Standing, clouds};

/// How long the outages last: longer than the longest delay between two attempts.
const OUTAGE: Duration = Duration::from_secs(5);

/// Within which time a credential must be there after an outage, with what a loaded machine takes.
const SOON: Duration = Duration::from_millis(2_500);

/// Parts of every secret that the sources are given.
const PLANTED: &str = "planted";

/// What is tested, its kind, and its settings.
type Source = (&'static str, Kind, Vec<(&'static str, String)>);

/// A credential of every source, each with `mark` in every request to the one who issues it. `address` is where those are whose
/// address can be configured; `folder` is for files.
fn definitions(mark: &str, address: &str, folder: &std::path::Path) -> Vec<Definition> {
    let file = |name: &str, text: String| {
        let path = folder.join(format!("{mark}-{name}"));
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let google = |account: Value| vec![("vertex_credentials", account.to_string())];
    let base = format!("http://{address}/google/{mark}");
    let role = || ("aws_role_name", "arn:aws:iam::123456789012:role/r".to_owned());
    let sts = || ("aws_sts_endpoint", format!("http://{address}/sts/"));
    let application = || vec![("tenant_id", mark.to_owned()), ("client_id", "app".to_owned())];
    let user = json!({"type": "authorized_user", "client_id": mark, "client_secret": PLANTED,
        "refresh_token": "planted-refresh", "token_uri": format!("{base}/refresh")});
    let service = json!({"type": "service_account", "project_id": "p", "private_key_id": "k",
        "private_key": PRIVATE_KEY, "client_email": "a@p.iam.gserviceaccount.com", "client_id": "1",
        "auth_uri": "http://127.0.0.1/auth", "token_uri": format!("{base}/token")});
    let external = json!({"type": "external_account", "audience": "//iam/pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{base}/exchange"),
        "credential_source": {"file": file("subject", "planted-subject".to_owned())}});
    let impersonated = json!({"type": "impersonated_service_account", "source_credentials": user,
        "service_account_impersonation_url": format!("{base}/serviceAccounts/a@p:generateAccessToken")});
    let sources: Vec<Source> = vec![
        (
            "AWS role",
            Kind::Aws,
            vec![
                role(),
                sts(),
                ("aws_access_key_id", "AKID".to_owned()),
                ("aws_secret_access_key", PLANTED.to_owned()),
                ("aws_session_name", mark.to_owned()),
            ],
        ),
        (
            "AWS web identity",
            Kind::Aws,
            vec![
                role(),
                sts(),
                ("aws_web_identity_token", file("identity", "identity".to_owned())),
                ("aws_session_name", mark.to_owned()),
            ],
        ),
        ("Google service account", Kind::Google, google(service)),
        ("Google user", Kind::Google, google(user)),
        ("Google federation", Kind::Google, google(external)),
        ("Google impersonation", Kind::Google, google(impersonated)),
        ("Azure secret", Kind::Azure, [application(), vec![("client_secret", "right".to_owned())]].concat()),
        (
            "Azure certificate",
            Kind::Azure,
            [application(), vec![("certificate", file("pem", format!("{CERTIFICATE}{PRIVATE_KEY}")))]]
                .concat(),
        ),
        (
            "Azure workload",
            Kind::Azure,
            [application(), vec![("federated_token_file", file("federated", "federated".to_owned()))]]
                .concat(),
        ),
        ("Azure machine", Kind::Azure, vec![("machine", "true".to_owned()), ("client_id", mark.to_owned())]),
    ];
    let setting = |(name, value): (&str, String)| (name.to_owned(), Setting::Literal(Secret::new(value)));
    let definition = |(name, kind, settings): (&str, Kind, Vec<(&str, String)>)| Definition {
        name: format!("{name}, {mark}"),
        kind,
        settings: settings.into_iter().map(setting).collect(),
    };
    sources.into_iter().map(definition).collect()
}

/// The names of the credentials without a value.
fn missing(broker: &Broker) -> Vec<String> {
    let without = broker.statuses().into_iter().filter(|status| status.state != Standing::Ok);
    without.map(|status| status.name).collect()
}

/// Panics if a credential is there, or if its problem contains a secret.
fn check_outage(broker: &Broker, count: usize) {
    let all = broker.statuses();
    assert_eq!(all.len(), count);
    for status in all {
        assert_eq!(status.state, Standing::Missing, "{status:?}");
        let problem = status.problem.unwrap_or_default();
        assert!(!problem.is_empty() && status.failures > 1, "{}: {problem}", status.name);
        assert!(!problem.contains(PLANTED) && !problem.contains("PRIVATE KEY"), "{}: {problem}", status.name);
    }
}

async fn check_return(broker: &Broker) {
    let begun = Instant::now();
    while !missing(broker).is_empty() {
        assert!(begun.elapsed() < SOON, "{:?} are still missing", missing(broker));
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_source_is_back_within_two_seconds_after_those_who_issue_it_failed_hung_or_talked_nonsense() {
    let (clouds, folder) = (clouds::all(), tempfile::TempDir::new().unwrap());
    let outages =
        [Mood::Fails, Mood::Wrong, Mood::Cut, Mood::Hangs].map(|mood| (format!("{mood:?}-outage"), mood));
    let mut all = Vec::new();
    for (mark, mood) in &outages {
        clouds.becomes(mark, *mood);
        all.extend(definitions(mark, clouds.address(), folder.path()));
    }
    let (broker, count) = (Broker::start(Secrets::default()), all.len());
    broker.define("test", all).await;
    sleep(OUTAGE).await;
    check_outage(&broker, count);
    for (mark, _) in &outages {
        clouds.becomes(mark, Mood::Answers);
    }
    check_return(&broker).await;
}

#[tokio::test]
async fn every_source_is_back_within_two_seconds_after_nobody_listened() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    // Entra ID and Azure's metadata service have fixed addresses, which the other test shares.
    clouds::all();
    super::http::redirect("nobody-there", &address);
    let folder = tempfile::TempDir::new().unwrap();
    let all = definitions("nobody-there", &address, folder.path());
    let (broker, count) = (Broker::start(Secrets::default()), all.len());
    broker.define("test", all).await;
    sleep(OUTAGE).await;
    check_outage(&broker, count);
    Clouds::start(&address);
    check_return(&broker).await;
}
