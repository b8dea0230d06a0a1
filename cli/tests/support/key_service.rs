//! A key service that can be told to die: listens on both ports, and serves the discovery responses beside the program that
//! starts it. `/die` ends it with a last word; `/environment` and `/pid` tell of it.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;

/// The variables by which the program hands on its folder and its arguments.
const FOLDER: &str = "FAKE_KEY_SERVICE_FOLDER";
const ARGUMENTS: &str = "FAKE_KEY_SERVICE_ARGUMENTS";

/// Writes a program that runs `test` of this test program, which calls [`serve`].
pub(crate) fn write(program: &Path, test: &str) {
    let (tests, folder) = (std::env::current_exe().unwrap(), program.parent().unwrap());
    let script = format!(
        "#!/bin/sh\n{FOLDER}='{}' {ARGUMENTS}=\"$*\" exec '{}' --exact {test} --ignored --nocapture --test-threads=1 >/dev/null\n",
        folder.display(),
        tests.display()
    );
    std::fs::write(program, script).unwrap();
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Serves for as long as the process lives.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::join!(listen("--internal-listen"), listen("--listen"));
    });
}

async fn listen(option: &str) {
    let arguments = std::env::var(ARGUMENTS).expect("it is started by the program that `write` has written");
    let mut words = arguments.split_whitespace().skip_while(|word| *word != option);
    let port = words.nth(1).and_then(|address| address.rsplit(':').next()?.parse().ok()).expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        // Envoy fetches its configuration over HTTP/2, the launcher asks over HTTP/1.1.
        tokio::spawn(async move {
            let connection = Builder::new(TokioExecutor::new());
            let _ = connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let Some((_, part)) = path.split_once(':') else { return Ok(Response::new(Full::from(told(&path)))) };
    let asked = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    if String::from_utf8_lossy(&asked).contains("\"version_info\"") {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut nothing = Response::default();
        *nothing.status_mut() = http::StatusCode::NOT_MODIFIED;
        return Ok(nothing);
    }
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    Ok(Response::new(Full::from(std::fs::read(folder.join(part)).unwrap())))
}

fn told(path: &str) -> String {
    match path {
        "/die" => {
            eprintln!("out of ideas");
            std::process::exit(3);
        }
        "/pid" => std::process::id().to_string(),
        "/environment" => std::env::vars().fold(String::new(), |mut all, (name, value)| {
            let _ = writeln!(all, "{name}={value}");
            all
        }),
        _ => "ok".to_owned(),
    }
}
