//! Listeners and connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant as Moment, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::case::{Case, Cases, Piece, Place, Recorded, name_in};
use crate::control;
use crate::dialects::{Asked, Refusal, of_path};
use crate::script::{Act, Script};
use crate::tls::Authority;

/// A running provider: a thread of its own, so that the runtimes of tests may come and go. It ends with the process,
/// or when it is dropped.
#[derive(Debug)]
pub struct Provider {
    cases: Cases,
    port: u16,
    authority: Authority,
    listeners: mpsc::UnboundedSender<Listener>,
}

struct Listener {
    socket: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Provider {
    /// Starts a provider on a port of the system's choice.
    pub fn start() -> io::Result<Self> {
        Self::start_on(0)
    }

    /// Starts a provider on that port of the loopback interface.
    pub fn start_on(port: u16) -> io::Result<Self> {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = socket.local_addr()?.port();
        let (listeners, mut added) = mpsc::unbounded_channel::<Listener>();
        let cases = Cases::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = cases.clone();
        std::thread::Builder::new().name("provider".to_owned()).spawn(move || {
            runtime.block_on(async move {
                while let Some(listener) = added.recv().await {
                    tokio::spawn(accept(listener, shared.clone()));
                }
            });
        })?;
        let provider = Self { cases, port, authority: Authority::new(), listeners };
        provider.add(socket, None)?;
        Ok(provider)
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The plaintext port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Opens one more port, with TLS and a certificate for those names.
    pub fn listen_tls(&self, names: &[&str]) -> io::Result<u16> {
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = socket.local_addr()?.port();
        self.add(socket, Some(self.authority.acceptor(names)))?;
        Ok(port)
    }

    /// The certificate of the authority that signs for [`Self::listen_tls`], as PEM.
    pub fn authority_pem(&self) -> &str {
        self.authority.pem()
    }

    /// A certificate for those names that the authority signed, and its key, as PEM.
    pub fn certificate_pem(&self, names: &[&str]) -> (String, String) {
        self.authority.certificate_pem(names)
    }

    /// Connects to a port of this machine over TLS, whose server must be that name by the authority's word.
    ///
    /// # Errors
    /// The connection, or the certificate.
    pub async fn connect_tls(&self, port: u16, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        self.authority.connector().connect(name, stream).await
    }

    /// A new case.
    pub fn case(&self) -> Case {
        self.cases.open()
    }

    /// Requests that belonged to no case, the first thousand of them.
    pub fn unclaimed(&self) -> Vec<Recorded> {
        self.cases.requests("")
    }

    fn add(&self, socket: std::net::TcpListener, tls: Option<TlsAcceptor>) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        self.listeners.send(Listener { socket, tls }).map_err(|_| io::Error::other("the provider has ended"))
    }
}

/// A port on which connections are refused for as long as the socket lives: bound, and never listened on.
pub fn refusing_port() -> io::Result<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let port = socket.local_addr()?.as_socket().map(|address| address.port());
    port.map(|port| (socket, port)).ok_or_else(|| io::Error::other("the socket has no port"))
}

async fn accept(listener: Listener, cases: Cases) {
    let Ok(socket) = TcpListener::from_std(listener.socket) else { return };
    loop {
        let Ok((stream, _)) = socket.accept().await else { continue };
        let (cases, tls) = (cases.clone(), listener.tls.clone());
        tokio::spawn(async move {
            // Ends of connections are what tests are about: they are seen on the other side.
            let _ = connect(stream, tls, cases).await;
        });
    }
}

async fn connect(stream: TcpStream, tls: Option<TlsAcceptor>, cases: Cases) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // A second handle on the socket: whoever decides on a reset does not hold the stream.
    let stream = stream.into_std()?;
    let peer = Arc::new(stream.try_clone()?);
    let stream = TcpStream::from_std(stream)?;
    match tls {
        None => serve(stream, Connection { cases, peer, sni: None }).await,
        Some(tls) => {
            let stream = tls.accept(stream).await?;
            let sni = stream.get_ref().1.server_name().map(str::to_owned);
            serve(stream, Connection { cases, peer, sni }).await;
        }
    }
    Ok(())
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, connection: Connection) {
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(1 << 20)
        .serve_connection(TokioIo::new(stream), service_fn(|request| connection.clone().answer(request)))
        .await;
}

#[derive(Clone)]
struct Connection {
    cases: Cases,
    peer: Arc<std::net::TcpStream>,
    sni: Option<String>,
}

/// The connection is to be reset.
#[derive(Debug)]
struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reset")
    }
}

impl std::error::Error for Reset {}

impl Connection {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Playing>, Reset> {
        let at = Instant::now();
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Reset)?.to_bytes();
        let path = head.uri.path();
        if let Some(rest) = path.strip_prefix(control::PREFIX) {
            let script = control::answer(&self.cases, &head.method, rest, &body);
            return self.play(script, None).await;
        }
        let case = name_in(&body);
        let found = of_path(path);
        let (name, account) = found.map_or(("", ""), |(dialect, account)| (dialect.name(), account));
        let step = self.cases.step(case, name, account);
        let mut refused = String::new();
        let script = match found {
            None => Script::whole(404, "text/plain", format!("there is nothing at {path}")),
            Some((dialect, _)) if !dialect.takes(&head.method) => {
                dialect.error(&Refusal::new(405, "Not allowed"))
            }
            Some((dialect, _)) => {
                let query = head.uri.query().unwrap_or_default();
                let asked = Asked {
                    method: &head.method,
                    path,
                    query,
                    headers: &head.headers,
                    body: &body,
                    scripted: step.reply.as_ref(),
                    rounds: &step.rounds,
                };
                match (dialect.answer(&asked), step.wire) {
                    // What is wrong with a request is wrong whatever the test wants to see.
                    (Err(refusal), _) => {
                        refused.clone_from(&refusal.message);
                        dialect.error(&refusal)
                    }
                    (Ok(_), Some(wire)) => {
                        let pieces = wire.pieces.into_iter().map(Piece::into_bytes).collect();
                        let mut script = Script::streamed(wire.status, &wire.content_type, pieces);
                        if wire.content_type.starts_with("application/json") {
                            script = Script::whole(wire.status, &wire.content_type, script.bytes());
                        }
                        step.faults.iter().fold(script, |script, fault| fault.apply(script, dialect))
                    }
                    (Ok(script), None) => {
                        step.faults.iter().fold(script, |script, fault| fault.apply(script, dialect))
                    }
                }
            }
        };
        let recorded = Recorded {
            method: head.method.clone(),
            target: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: head.headers.clone(),
            dialect: name,
            account: account.to_owned(),
            sni: self.sni.clone(),
            refused,
            at,
            aborted: false,
            body: body.clone(),
        };
        let place = self.cases.record(case, recorded);
        self.play(script, Some(place)).await
    }

    async fn play(self, script: Script, place: Option<Place>) -> Result<Response<Playing>, Reset> {
        let watch = Watch { cases: self.cases.clone(), place };
        tokio::time::sleep(script.delay).await;
        let Some((status, headers)) = script.head else {
            watch.over();
            self.reset();
            return Err(Reset);
        };
        let acts = script.acts.into_iter();
        let body = Playing { acts, now: Now::Next, watch: Some(watch), connection: self };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Makes the close that follows a reset instead of an orderly end.
    fn reset(&self) {
        let _ = SockRef::from(&*self.peer).set_linger(Some(Duration::ZERO));
    }
}

/// Notes an answer as aborted if it is dropped before its end.
struct Watch {
    cases: Cases,
    place: Option<Place>,
}

impl Watch {
    fn over(mut self) {
        self.place = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            self.cases.amend(place, |request| request.aborted = true);
        }
    }
}

/// A body that is being acted out.
struct Playing {
    acts: std::vec::IntoIter<Act>,
    now: Now,
    watch: Option<Watch>,
    connection: Connection,
}

enum Now {
    Next,
    Wait(Pin<Box<Sleep>>),
    Repeat(Bytes, Duration, Pin<Box<Sleep>>),
    Hang,
    Reset(Pin<Box<Sleep>>),
}

impl Playing {
    fn over(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.over();
        }
    }
}

impl Body for Playing {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        let this = &mut *self;
        loop {
            match &mut this.now {
                Now::Next => match this.acts.next() {
                    None => {
                        this.over();
                        return Poll::Ready(None);
                    }
                    Some(Act::Send(bytes)) => {
                        if this.acts.len() == 0 {
                            this.over();
                        }
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    Some(Act::Wait(time)) => this.now = Now::Wait(Box::pin(tokio::time::sleep(time))),
                    Some(Act::Repeat(bytes, pause)) => {
                        this.now = Now::Repeat(bytes, pause, Box::pin(tokio::time::sleep(pause)));
                    }
                    Some(Act::Hang) => this.now = Now::Hang,
                    // What was sent before has to leave the buffers first.
                    Some(Act::Reset) => {
                        this.now = Now::Reset(Box::pin(tokio::time::sleep(Duration::from_millis(20))));
                    }
                },
                Now::Wait(sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    this.now = Now::Next;
                }
                Now::Repeat(bytes, pause, sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    sleep.as_mut().reset(Moment::now() + *pause);
                    return Poll::Ready(Some(Ok(Frame::data(bytes.clone()))));
                }
                Now::Hang => return Poll::Pending,
                Now::Reset(sleep) => {
                    ready!(sleep.as_mut().poll(context));
                    this.over();
                    this.connection.reset();
                    return Poll::Ready(Some(Err(Reset)));
                }
            }
        }
    }
}
