//! A block explorer's verification service as far as clients see it: Etherscan's API v2 and Sourcify's API v2, which
//! say "pending" once and "verified" from then on, and keep what they were asked.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request that it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// As it came.
    pub body: String,
}

impl Asked {
    /// A field of a form.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let pair = |pair: &str| pair.split_once('=').map(|(n, value)| (n.to_owned(), decoded(value)));
        self.body.split('&').filter_map(pair).find(|(n, _)| n == name).map(|(_, value)| value)
    }
}

/// A service on a port that the system chose. Gone when dropped.
pub struct Explorer {
    /// Without a path.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _serving: JoinSet<()>,
}

impl Explorer {
    /// Starts it.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let mut serving = JoinSet::new();
        let kept = asked.clone();
        serving.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                answer(socket, &kept).await;
            }
        });
        Self { url, asked, _serving: serving }
    }

    /// What it was asked, as far as `wanted`.
    ///
    /// # Panics
    /// When the service has.
    pub fn seen(&self, wanted: impl Fn(&Asked) -> bool) -> Vec<Asked> {
        self.asked.lock().expect("no panic").iter().filter(|a| wanted(a)).cloned().collect()
    }
}

async fn answer(mut socket: TcpStream, kept: &Mutex<Vec<Asked>>) {
    let Some(request) = read(&mut socket).await else { return };
    let (status, body) = {
        let mut kept = kept.lock().expect("no panic");
        let before = kept.iter().filter(|a| a.path == request.path && a.method == "GET").count();
        kept.push(request.clone());
        reply(&request, before > 0)
    };
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // A client that has gone needs no answer.
    let _ = socket.write_all((head + &body).as_bytes()).await;
}

/// `again`: the same was asked before.
fn reply(request: &Asked, again: bool) -> (&'static str, Value) {
    let etherscan = |status: &str, result: &str| json!({"status": status, "message": "OK", "result": result});
    let post = request.method == "POST";
    if request.path.starts_with("/v2/api") {
        return match (post, again) {
            (true, _) => ("200 OK", etherscan("1", &request.field("contractaddress").unwrap_or_default())),
            (false, false) => ("200 OK", etherscan("0", "Pending in queue")),
            (false, true) => ("200 OK", etherscan("1", "Pass - Verified")),
        };
    }
    let job = request.path.rsplit('/').next().unwrap_or_default();
    match (post, again) {
        (true, _) => ("202 Accepted", json!({"verificationId": job})),
        (false, false) => ("200 OK", json!({"isJobCompleted": false, "contract": {"match": null}})),
        (false, true) => ("200 OK", json!({"isJobCompleted": true, "contract": {"match": "match"}})),
    }
}

async fn read(socket: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                let mut words = head.split(' ');
                let mut word = || words.next().map(str::to_owned);
                return Some(Asked { method: word()?, path: word()?, body: body.to_owned() });
            }
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Percent-decoded, `+` as a space.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap_or_default(), rest.next().unwrap_or_default()];
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or_default()
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
