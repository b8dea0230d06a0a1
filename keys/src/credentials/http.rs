//! The HTTP client for those who issue credentials. The clouds' libraries use it too, so that none brings its own.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::{
    HttpClient as AwsClient, HttpConnector as AwsConnector, HttpConnectorFuture, HttpConnectorSettings,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use axum::body::Bytes;
use axum::http::{Request, Response};
use azure_core::error::{Error as AzureError, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient as AzureClient, Request as AzureRequest};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Timeout for connecting.
const CONNECT_TIME_OUT: Duration = Duration::from_secs(3);

/// Largest response, bytes.
const LARGEST: usize = 1 << 20;

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

fn client() -> &'static Http {
    static CLIENT: OnceLock<Http> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIME_OUT));
        http.set_nodelay(true);
        let https = match HttpsConnectorBuilder::new().with_native_roots() {
            Ok(https) => https,
            Err(error) => {
                tracing::warn!(%error, "no system CA certificates found; using Mozilla's");
                HttpsConnectorBuilder::new().with_webpki_roots()
            }
        };
        let https = https.https_or_http().enable_http1().wrap_connector(http);
        // Hours pass between two requests.
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https)
    })
}

/// Sends a request.
pub(crate) async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    send_for(request, LARGEST).await
}

/// Sends a request whose response may have so many bytes.
pub(crate) async fn send_for(request: Request<Bytes>, most: usize) -> Result<Response<Bytes>, String> {
    #[cfg(test)]
    let request = redirected(request);
    let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let failed = |error: &dyn std::error::Error| format!("{host}: {}", chain(error));
    let response = client().request(request.map(Full::new)).await.map_err(|error| failed(&error))?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(|error| failed(&*error))?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

/// An error with its causes, each said once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// This client, for the libraries of AWS and Azure.
#[derive(Clone, Debug)]
pub(super) struct Adapter {
    /// AWS's metadata service may not exist, and then must not be waited for.
    time_out: Option<Duration>,
}

impl Adapter {
    pub(super) fn new() -> Self {
        Self { time_out: None }
    }
}

impl AwsClient for Adapter {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let time_out =
            settings.read_timeout().map(|read| read + settings.connect_timeout().unwrap_or_default());
        SharedHttpConnector::new(Self { time_out })
    }
}

impl AwsConnector for Adapter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let time_out = self.time_out.unwrap_or(Duration::from_secs(10));
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request = request.map(|body| body.bytes().map(Bytes::copy_from_slice).unwrap_or_default());
            let response = match tokio::time::timeout(time_out, send(request)).await {
                Ok(response) => response.map_err(|error| ConnectorError::io(error.into()))?,
                Err(late) => return Err(ConnectorError::timeout(late.into())),
            };
            HttpResponse::try_from(response.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[async_trait]
impl AzureClient for Adapter {
    async fn execute_request(&self, request: &AzureRequest) -> azure_core::Result<AsyncRawResponse> {
        let failed = |error: String| AzureError::with_message(ErrorKind::Io, error);
        let mut builder = Request::builder().method(request.method().as_ref()).uri(request.url().as_str());
        for (name, value) in request.headers().iter() {
            builder = builder.header(name.as_str(), value.as_str());
        }
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.clone(),
            Body::SeekableStream(_) => return Err(failed("a stream cannot be sent".to_owned())),
        };
        let request = builder.body(body).map_err(|error| failed(error.to_string()))?;
        let response = send(request).await.map_err(failed)?;
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            headers.insert(name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned());
        }
        Ok(AsyncRawResponse::from_bytes(response.status().as_u16().into(), headers, response.into_body()))
    }
}

/// For Azure.
pub(super) fn transport() -> azure_core::http::Transport {
    azure_core::http::Transport::new(Arc::new(Adapter::new()))
}

/// Texts of URLs that tests have on loopback, because the libraries know only their usual addresses.
#[cfg(test)]
static REDIRECTED: std::sync::Mutex<Vec<(String, String)>> = std::sync::Mutex::new(Vec::new());

/// Has requests whose URL contains `text` go to `address`, without TLS, unless this is called with another one later.
#[cfg(test)]
pub(super) fn redirect(text: &str, address: &str) {
    REDIRECTED.lock().unwrap().push((text.to_owned(), address.to_owned()));
}

#[cfg(test)]
fn redirected(mut request: Request<Bytes>) -> Request<Bytes> {
    let all = REDIRECTED.lock().unwrap();
    let url = request.uri().to_string();
    if let Some((_, address)) = all.iter().rev().find(|(text, _)| url.contains(text)) {
        let path = request.uri().path_and_query().unwrap();
        *request.uri_mut() = format!("http://{address}{path}").parse().unwrap();
    }
    request
}
