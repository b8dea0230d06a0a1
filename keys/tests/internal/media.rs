//! `/internal/media`: what is fetched, and every way that is known to have it fetch what it must not.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use switchboard::key::MEDIA_PATH;
use switchboard::openai::{Content, Operation, Request, Resolved};
use switchboard_keys::media::policy::Policy;
use switchboard_keys::media::{Lookup, Media, Settings};
use tokio::net::TcpListener;

use crate::app::TestApp;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and the rest of it";

/// A server on loopback; it counts what reaches it.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start() -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let png = || ([(header::CONTENT_TYPE, "image/png")], PNG);
        let router = Router::new()
            .route("/cat.png", get(async move || png()))
            .route("/no-store", get(async move || ([(header::CACHE_CONTROL, "private, no-store")], PNG)))
            .route("/to/{*url}", get(async |Path(url): Path<String>| Redirect::temporary(&url)))
            .route("/loop", get(async || Redirect::permanent("/loop")))
            .route("/nowhere", get(async || StatusCode::FOUND))
            .route("/gone", get(async || StatusCode::GONE))
            .route("/page", get(async || ([(header::CONTENT_TYPE, "text/html")], "<!doctype html><p>log in")))
            .route(
                "/program",
                get(async || {
                    ([(header::CONTENT_TYPE, "image/png")], [b"\x7fELF\x02\x01\x01", &[0; 64][..]].concat())
                }),
            )
            .route(
                "/huge",
                get(async || ([(header::CONTENT_LENGTH, "9999999999")], Body::from_stream(endless()))),
            )
            .route("/endless", get(async || Body::from_stream(endless())))
            .route("/stalls", get(async || Body::from_stream(stalls())))
            .route("/large/{n}", get(async |Path(_): Path<u32>| [PNG, &vec![0; 6 << 20]].concat()))
            .route(
                "/bomb",
                get(async || ([(header::CONTENT_ENCODING, "gzip")], b"\x1f\x8b\x08\0 a bomb".to_vec())),
            )
            .fallback(async || StatusCode::NOT_FOUND)
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(&asked),
                async |State(asked): State<Arc<AtomicUsize>>, request, next: axum::middleware::Next| {
                    asked.fetch_add(1, Ordering::SeqCst);
                    next.run(request).await.into_response()
                },
            ));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Begins as a picture, and goes on for ever.
fn endless() -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::once(async { Ok(Bytes::from_static(PNG)) })
        .chain(stream::repeat_with(|| Ok(Bytes::from_static(&ZEROS))))
}

/// Begins as a picture, and never goes on.
fn stalls() -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> {
    stream::once(async { Ok(Bytes::from_static(PNG)) }).chain(stream::pending())
}

/// The names that there are: some lead to this machine.
fn lookup() -> Lookup {
    Arc::new(|name| {
        let addresses: &[&str] = match name.as_str() {
            "files.internal" | "rebound.example" | "localhost.example" => &["127.0.0.1"],
            "mixed.example" => &["93.184.216.34", "127.0.0.1"],
            "six.example" => &["::1"],
            "mapped.example" => &["::ffff:127.0.0.1"],
            "metadata.example" => &["169.254.169.254"],
            _ => &[],
        };
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { Ok(addresses) })
    })
}

async fn app_with(allowed: &[String], most_bytes: usize) -> TestApp {
    let mut app = TestApp::new().await;
    let allowed = allowed.iter().map(|host| host.parse().unwrap()).collect();
    let policy = Policy { allowed, any_host: false };
    let settings = Settings { policy, most_bytes, time_out: Duration::from_secs(2) };
    app.app.media = Media::with_lookup(settings, lookup());
    app
}

async fn fetch(app: &TestApp, urls: &[&str]) -> Vec<Value> {
    let mut answer = app.filter(MEDIA_PATH, json!({ "urls": urls })).await.ok();
    let media = answer["media"].as_array_mut().unwrap();
    assert_eq!(media.iter().map(|medium| medium["url"].as_str().unwrap()).collect::<Vec<_>>(), urls);
    std::mem::take(media)
}

async fn problem(app: &TestApp, url: &str) -> String {
    let fetched = fetch(app, &[url]).await;
    fetched[0]["problem"].as_str().unwrap_or_else(|| panic!("{url}: {}", fetched[0])).to_owned()
}

#[tokio::test]
async fn a_file_comes_as_a_data_url_of_the_type_that_its_bytes_tell() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string(), "files.internal".to_owned()], 1 << 20).await;
    let by_name = format!("http://files.internal:{}/no-store", server.port());
    let urls = [&*server.url("/cat.png"), &*by_name, &*server.url("/gone")];
    let fetched = fetch(&app, &urls).await;
    for medium in &fetched[..2] {
        let data = medium["data"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
        assert_eq!(BASE64_STANDARD.decode(data).unwrap(), PNG);
    }
    assert_eq!(fetched[2]["problem"], "the server answered with status 410");
}

#[tokio::test]
async fn the_filter_reads_what_the_key_service_writes() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string()], 1 << 20).await;
    let url = server.url("/cat.png?\"quoted\"");
    let answer = app.filter(MEDIA_PATH, json!({ "urls": [url] })).await.ok().to_string().into_bytes();
    let answers = [answer];
    let resolved = Resolved::read(&answers);
    let body =
        json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": url }] }] });
    let body = body.to_string();
    let request = Request::parse(Operation::Chat, body.as_bytes()).unwrap().with_resolved(&resolved);
    let messages = request.messages_inlined(&[]).unwrap();
    let Content::Parts(parts) = &messages[0].content else { panic!("no parts") };
    let inlined = parts[0].image_url.as_ref().unwrap().url;
    assert_eq!(inlined.inner(), format!("data:image/png;base64,{}", BASE64_STANDARD.encode(PNG)));
    assert_eq!(resolved.wanted(), None);
}

#[tokio::test]
async fn addresses_that_are_not_the_internets_are_never_connected_to() {
    let server = Server::start().await;
    let app = app_with(&[], 1 << 20).await;
    let port = server.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "203.0.113.5",
        "[fd00::1]",
        "[fe80::1]",
        "localhost.example",
        "mixed.example",
        "six.example",
        "mapped.example",
        "metadata.example",
    ] {
        let told = problem(&app, &format!("http://{host}:{port}/cat.png")).await;
        assert!(told.contains("user_url_allowed_hosts"), "{host}: {told}");
    }
    // Nobody can tell by the answer what there is in the network.
    let unknown = problem(&app, "http://unknown.example/").await;
    assert_eq!(unknown, problem(&app, "http://metadata.example/").await);
    assert_eq!(unknown, problem(&app, "http://127.0.0.1:1/").await);
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn other_schemes_and_credentials_are_refused() {
    let app = app_with(&["127.0.0.1".to_owned()], 1 << 20).await;
    for url in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "gopher://127.0.0.1/",
        "data:,a",
        "unix:/run/a",
        "a.png",
        "",
    ] {
        let told = problem(&app, url).await;
        assert!(told.contains("'http'") || told.contains("not a valid URL"), "{url}: {told}");
    }
    let server = Server::start().await;
    for user in ["user@", "user:password@", "127.0.0.1:80@"] {
        let told = problem(&app, &format!("http://{user}{}/cat.png", server.address)).await;
        assert!(told.contains("user name"), "{told}");
    }
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn every_hop_of_a_redirect_is_checked() {
    let (server, hidden) = (Server::start().await, Server::start().await);
    let app = app_with(&[server.address.to_string(), "files.internal".to_owned()], 1 << 20).await;
    let to = |url: String| server.url(&format!("/to/{url}"));
    let fetched = fetch(&app, &[&*to(server.url("/cat.png")), &*to("/cat.png".to_owned())]).await;
    assert!(fetched.iter().all(|medium| medium["data"].is_string()), "{fetched:?}");
    let by_name = format!("http://files.internal:{}/to/{}", server.port(), hidden.url("/cat.png"));
    let rebound = format!("http://rebound.example:{}/cat.png", hidden.port());
    for url in [
        to(hidden.url("/cat.png")),
        to(to(hidden.url("/cat.png"))),
        to(format!("http://[::ffff:127.0.0.1]:{}/cat.png", hidden.port())),
        to(rebound),
        by_name,
    ] {
        assert!(problem(&app, &url).await.contains("user_url_allowed_hosts"), "{url}");
    }
    assert!(problem(&app, &to("file:///etc/passwd".to_owned())).await.contains("'http'"));
    assert!(problem(&app, &server.url("/loop")).await.contains("more than 5 redirects"));
    assert!(problem(&app, &server.url("/nowhere")).await.contains("status 302"));
    assert_eq!(hidden.asked(), 0);
}

#[tokio::test]
async fn a_body_is_bounded_in_size_and_must_be_something_that_providers_take() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string()], 1 << 20).await;
    for (path, why) in [
        ("/huge", "larger than 1 MiB"),
        ("/endless", "larger than 1 MiB"),
        ("/bomb", "compressed response"),
        ("/program", "application/x-executable"),
        ("/gone", "status 410"),
        ("/missing", "status 404"),
    ] {
        let told = problem(&app, &server.url(path)).await;
        assert!(told.contains(why), "{path}: {told}");
    }
    // A page is a document, and no picture: which was asked for, the filter knows.
    assert!(
        fetch(&app, &[&server.url("/page")]).await[0]["data"]
            .as_str()
            .unwrap()
            .starts_with("data:text/html;")
    );
}

#[tokio::test]
async fn all_files_of_a_request_together_are_bounded() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string()], 20 << 20).await;
    let urls: Vec<String> = (0..4).map(|n| server.url(&format!("/large/{n}"))).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let fetched = fetch(&app, &urls[..3]).await;
    assert!(fetched.iter().all(|medium| medium["data"].is_string()));
    let fetched = fetch(&app, &urls).await;
    let refused = fetched.iter().find_map(|medium| medium["problem"].as_str()).unwrap();
    assert!(refused.contains("files exceed 23 MiB in total"), "{refused}");
    let many: Vec<String> = (0..101).map(|n| server.url(&format!("/{n}"))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(fetch(&app, &many).await[100]["problem"].as_str().unwrap().contains("more than 100 URLs"));
}

#[tokio::test]
async fn a_server_that_is_too_slow_is_given_up() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string()], 1 << 20).await;
    let urls = [&*server.url("/stalls"), &*server.url("/cat.png")];
    let fetched = fetch(&app, &urls).await;
    assert_eq!(fetched[0]["problem"], "not received within 2s");
    assert!(fetched[1]["data"].is_string(), "{}", fetched[1]);
}

#[tokio::test]
async fn a_file_is_kept_for_a_while_unless_its_server_forbids_it() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string()], 1 << 20).await;
    for _ in 0..3 {
        fetch(&app, &[&server.url("/cat.png")]).await;
    }
    assert_eq!(server.asked(), 1);
    for _ in 0..3 {
        fetch(&app, &[&server.url("/no-store")]).await;
        problem(&app, &server.url("/gone")).await;
    }
    assert_eq!(server.asked(), 7);
}

#[tokio::test]
async fn fetching_can_be_turned_off() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string()], 0).await;
    let told = problem(&app, &server.url("/cat.png")).await;
    assert!(told.contains("MAX_IMAGE_URL_DOWNLOAD_SIZE_MB=0"), "{told}");
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn what_comes_of_urls_is_counted_and_no_url_is_a_label() {
    let server = Server::start().await;
    let app = app_with(&[server.address.to_string()], 1 << 20).await;
    let urls = ["/cat.png", "/gone", "/program", "/huge", "/large/1"].map(|path| server.url(path));
    for _ in 0..2 {
        fetch(&app, &urls.each_ref().map(String::as_str)).await;
    }
    fetch(&app, &["http://metadata.example/", "ftp://files.internal/a"]).await;
    let text = crate::metrics::metrics(&app).await;
    for (result, count) in [
        ("fetched", 1),
        ("cached", 1),
        ("status", 2),
        ("unsupported_type", 2),
        ("too_large", 4),
        ("unreachable", 1),
        ("invalid_url", 1),
    ] {
        let line = format!("switchboard_keys_media_total{{result=\"{result}\"}} {count}");
        assert!(text.lines().any(|of| of == line), "{line} in {text}");
    }
    assert!(!text.contains("cat.png") && !text.contains("metadata.example"), "{text}");
}
