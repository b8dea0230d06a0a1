//! A server of pictures on loopback, such as clients' URLs lead to.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// The server; it ends with the process.
#[derive(Debug)]
pub struct Pictures {
    address: SocketAddr,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl Pictures {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is no matter of the server's.
                let _ = answer(stream, &count);
            }
        });
        Self { address, asked }
    }

    /// Host and port, as they stand in URLs.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The URL of a picture: `/NAME.png` for any name, of so many bytes with `?bytes=`, not to be kept with `?no-store`;
    /// `/missing` for none.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How often that path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or_default()
    }

    /// The picture of so many bytes.
    pub fn png(bytes: usize) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.resize(bytes.max(png.len()), 0xa5);
        png
    }
}

fn answer(stream: TcpStream, count: &Mutex<HashMap<String, usize>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line.len() > 2 {
        line.clear();
        reader.read_line(&mut line)?;
    }
    *count.lock().unwrap_or_else(PoisonError::into_inner).entry(path.clone()).or_default() += 1;
    let bytes = path.split_once("bytes=").and_then(|(_, bytes)| bytes.parse().ok()).unwrap_or(64);
    let keep = if path.contains("no-store") { "cache-control: no-store\r\n" } else { "" };
    let (status, body) =
        if path == "/missing" { ("404 Not Found", Vec::new()) } else { ("200 OK", Pictures::png(bytes)) };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: image/jpeg\r\n{keep}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    reader.get_mut().write_all(head.as_bytes())?;
    reader.get_mut().write_all(&body)
}
