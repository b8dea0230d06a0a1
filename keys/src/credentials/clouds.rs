//! What the sources make of the clouds, which `fake-clouds` has on loopback.

use std::sync::OnceLock;

use fake_clouds::{CERTIFICATE, Clouds, PRIVATE_KEY as KEY};
use serde_json::{Value, json};
use switchboard::secret::Secret;
use switchboard_compile::config::{Report, parse};
use switchboard_compile::plan::{Environment, compile};

use super::source::{Fetched, Inputs};
use super::{Definition, Kind, Secrets, Setting, now};
use crate::prices::Prices;

/// The clouds of all tests, because the libraries know only their usual addresses.
pub(super) fn all() -> &'static Clouds {
    static CLOUDS: OnceLock<Clouds> = OnceLock::new();
    CLOUDS.get_or_init(|| {
        let clouds = Clouds::start("127.0.0.1:0");
        super::http::redirect("://login.microsoftonline.com/", clouds.address());
        super::http::redirect("://169.254.169.254/", clouds.address());
        clouds
    })
}

fn clouds() -> &'static str {
    all().address()
}

fn inputs(kind: Kind, settings: &[(&str, &str)]) -> Inputs {
    let setting = |(name, value): &(&str, &str)| ((*name).to_owned(), Setting::Literal(Secret::new(*value)));
    let settings = settings.iter().map(setting).collect();
    Definition { name: "A".to_owned(), kind, settings }.inputs(&Secrets::default().read())
}

async fn fetch(kind: Kind, settings: &[(&str, &str)]) -> Result<Fetched, String> {
    kind.fetch(&inputs(kind, settings)).await
}

async fn token(kind: Kind, settings: &[(&str, &str)]) -> String {
    let fetched = fetch(kind, settings).await.unwrap();
    assert!(fetched.is_token && fetched.expires_at > Some(now() + 3_000), "{:?}", fetched.expires_at);
    fetched.value.reveal().to_owned()
}

const ROLE: (&str, &str) = ("aws_role_name", "arn:aws:iam::123456789012:role/r");
const KEYS: [(&str, &str); 2] = [("aws_access_key_id", "AKID"), ("aws_secret_access_key", "hush")];

#[tokio::test]
async fn a_role_is_assumed_with_keys_a_session_name_and_an_external_id() {
    let sts = format!("http://{}/sts/", clouds());
    let endpoint = ("aws_sts_endpoint", sts.as_str());
    let settings = [ROLE, KEYS[0], KEYS[1], endpoint, ("aws_session_name", "se"), ("aws_external_id", "ex")];
    let fetched = fetch(Kind::Aws, &settings).await.unwrap();
    assert_eq!(fetched.access_key_id, Some(Secret::new("ASIA-se-ex")));
    assert_eq!((fetched.value, fetched.session_token), (Secret::new("secret"), Some(Secret::new("session"))));
    assert_eq!(fetched.expires_at, Some(4_070_908_800));

    let wrong = [ROLE, KEYS[0], KEYS[1], endpoint, ("aws_external_id", "wrong")];
    let problem = fetch(Kind::Aws, &wrong).await.unwrap_err();
    assert_eq!(problem, "STS: AccessDenied: not authorized to perform: sts:AssumeRole");
    let away = [ROLE, KEYS[0], KEYS[1], ("aws_sts_endpoint", "http://127.0.0.1:1/")];
    let problem = fetch(Kind::Aws, &away).await.unwrap_err();
    assert!(
        problem.starts_with("STS: ") && problem.contains("127.0.0.1:1") && !problem.contains("hush"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_role_is_assumed_with_an_identity_token_which_is_read_again_each_time() {
    let sts = format!("http://{}/sts/", clouds());
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("token");
    let setting = format!("oidc/file/{}", path.display());
    let settings =
        [ROLE, ("aws_sts_endpoint", &sts), ("aws_web_identity_token", &setting), ("aws_session_name", "we")];
    let problem = fetch(Kind::Aws, &settings).await.unwrap_err();
    assert!(problem.contains("cannot read the file"), "{problem}");
    std::fs::write(&path, "another").unwrap();
    let problem = fetch(Kind::Aws, &settings).await.unwrap_err();
    assert_eq!(problem, "STS: InvalidIdentityToken: Incorrect token audience");
    std::fs::write(&path, "identity\n").unwrap();
    let fetched = fetch(Kind::Aws, &settings).await.unwrap();
    assert_eq!(fetched.access_key_id, Some(Secret::new("ASIA-we-")));
}

#[test]
fn keys_of_aws_that_are_written_out_need_nobody() {
    let at_once = |settings: &[(&str, &str)]| super::aws::at_once(&inputs(Kind::Aws, settings));
    let keys = at_once(&KEYS).unwrap();
    assert_eq!((keys.access_key_id, keys.session_token), (Some(Secret::new("AKID")), None));
    let bearer = at_once(&[KEYS[0], KEYS[1], ("api_key", "bearer")]).unwrap();
    assert_eq!((bearer.value, bearer.access_key_id), (Secret::new("bearer"), None));
    assert!(at_once(&[KEYS[0], KEYS[1], ROLE]).is_none() && at_once(&[]).is_none());
}

const APPLICATION: [(&str, &str); 2] = [("tenant_id", "tenant"), ("client_id", "app")];
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

#[tokio::test]
async fn an_application_gets_a_token_of_entra_with_its_secret() {
    clouds();
    let with = |secret: &'static str| [APPLICATION[0], APPLICATION[1], ("client_secret", secret)];
    assert_eq!(token(Kind::Azure, &with("right")).await, format!("secret app {SCOPE}"));
    let scoped = [
        APPLICATION[0],
        APPLICATION[1],
        ("client_secret", "right"),
        ("azure_scope", "https://ai.azure.com/.default"),
    ];
    assert_eq!(token(Kind::Azure, &scoped).await, "secret app https://ai.azure.com/.default");
    let problem = fetch(Kind::Azure, &with("hush")).await.unwrap_err();
    assert!(problem.contains("AADSTS7000215") && !problem.contains("hush"), "{problem}");
    let problem = fetch(Kind::Azure, &[("client_secret", "right")]).await.unwrap_err();
    assert_eq!(problem, "tenant_id is missing; set it, or AZURE_TENANT_ID");
}

#[tokio::test]
async fn an_application_gets_a_token_of_entra_as_the_documentation_shows() {
    clouds();
    let (_, section) = include_str!("../../../docs/security.md").split_once("\n### Azure\n").unwrap();
    let (_, example) = section.split_once("```yaml\n").unwrap();
    let report = Report::new("config.yaml");
    let config = parse(example.split("```").next().unwrap(), &report).unwrap();
    let prices = Prices::parse(b"{}").unwrap();
    let plan = compile(&config, &Environment::new(&[], |_| None), prices.map(), &report);
    let folder = tempfile::TempDir::new().unwrap();
    for (name, value) in
        [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "app"), ("AZURE_CLIENT_SECRET", "right")]
    {
        std::fs::write(folder.path().join(name), value).unwrap();
    }
    let [credential] = <[_; 1]>::try_from(plan.credentials).unwrap();
    let definition = Definition::from(credential);
    let inputs = definition.inputs(&Secrets::new(vec![folder.path().to_owned()]).read());
    let fetched = definition.kind.fetch(&inputs).await.unwrap();
    assert_eq!(fetched.value, Secret::new(format!("secret app {SCOPE}")));
}

#[tokio::test]
async fn an_application_gets_a_token_of_entra_with_its_certificate() {
    clouds();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("certificate.pem");
    let settings = [APPLICATION[0], APPLICATION[1], ("certificate", path.to_str().unwrap())];
    for (pem, problem) in [
        (KEY.to_owned(), "there is no certificate in it"),
        (CERTIFICATE.to_owned(), "there is no private key in it, or it is encrypted"),
    ] {
        std::fs::write(&path, pem).unwrap();
        assert!(fetch(Kind::Azure, &settings).await.unwrap_err().contains(problem), "{problem}");
    }
    std::fs::write(&path, format!("{CERTIFICATE}{KEY}")).unwrap();
    assert_eq!(token(Kind::Azure, &settings).await, format!("certificate app {SCOPE}"));
}

#[tokio::test]
async fn a_workload_gets_a_token_of_entra_with_its_identity_token() {
    clouds();
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "federated").unwrap();
    let settings = [APPLICATION[0], APPLICATION[1], ("federated_token_file", path.to_str().unwrap())];
    assert_eq!(token(Kind::Azure, &settings).await, format!("federated app {SCOPE}"));
    let oidc = format!("oidc/file/{}", path.display());
    let settings = [APPLICATION[0], APPLICATION[1], ("azure_ad_token", &oidc)];
    assert_eq!(token(Kind::Azure, &settings).await, format!("federated app {SCOPE}"));
}

#[tokio::test]
async fn a_machine_gets_a_token_of_azure_only_if_it_may() {
    clouds();
    let settings = [("machine", "true"), ("client_id", "mine")];
    assert_eq!(token(Kind::Azure, &settings).await, "machine mine https://cognitiveservices.azure.com");
    let at_once = |settings: &[(&str, &str)]| super::azure::at_once(&inputs(Kind::Azure, settings));
    assert!(matches!(at_once(&APPLICATION), Some(Err(()))));
    assert!(at_once(&settings).is_none());
    let key = at_once(&[("api_key", "k"), settings[0]]).unwrap().unwrap();
    assert!(!key.is_token);
    assert!(at_once(&[("azure_ad_token", "t")]).unwrap().unwrap().is_token);
}

#[tokio::test]
async fn every_type_of_account_gets_a_token_of_google() {
    let base = format!("http://{}/google/test", clouds());
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("subject");
    std::fs::write(&path, "subject-of-a-file\n").unwrap();
    let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": "hush", "refresh_token": "r",
        "token_uri": format!("{base}/refresh")});
    let external = |source: Value, impersonates: bool| {
        let mut account = json!({"type": "external_account", "audience": "//iam/pool",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{base}/exchange"),
            "credential_source": source});
        if impersonates {
            account["service_account_impersonation_url"] =
                json!(format!("{base}/serviceAccounts/a@p:generateAccessToken"));
        }
        account
    };
    let file = json!({"file": path});
    let url = json!({"url": format!("{base}/subject"), "format": {"type": "json", "subject_token_field_name": "token"}});
    let impersonated = json!({"type": "impersonated_service_account", "source_credentials": user,
        "service_account_impersonation_url": format!("{base}/serviceAccounts/a@p:generateAccessToken")});
    for (account, expected) in [
        (user.clone(), "user c r"),
        (external(file.clone(), false), "federated subject-of-a-file"),
        (external(url, true), "impersonated by federated subject-of-a-url"),
        (impersonated, "impersonated by user c r"),
    ] {
        let text = account.to_string();
        assert_eq!(token(Kind::Google, &[("vertex_credentials", &text)]).await, expected);
    }
    let mut wrong = external(file, false);
    wrong["audience"] = json!("//iam/other");
    let problem = fetch(Kind::Google, &[("vertex_credentials", &wrong.to_string())]).await.unwrap_err();
    assert!(problem.ends_with("400 Bad Request: invalid_grant: The audience does not match."), "{problem}");
    let aws = external(json!({"environment_id": "aws1"}), false).to_string();
    let problem = fetch(Kind::Google, &[("vertex_credentials", &aws)]).await.unwrap_err();
    assert!(problem.contains("neither file nor url"), "{problem}");
}
