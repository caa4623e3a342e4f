//! A TCP proxy between `wia` and its chain: the RPC endpoint goes away and comes back, is slow, or keeps one
//! kind of request.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that are carried at a time. The beginning of a request, where its method stands, comes in one piece.
const PIECE: usize = 1 << 16;

/// Open until it is closed. While closed, connections are cut and new ones are dropped unanswered.
pub struct Gate {
    port: u16,
    rule: watch::Sender<Rule>,
    _connections: JoinSet<()>,
}

/// What a gate keeps of the requests for a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The requests: the chain never sees them.
    Requests,
    /// The answers: the chain does what was asked, and nobody hears of it.
    Answers,
}

/// What a gate does at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Open,
    Closed,
    Keep(Kept, &'static str),
    Slow(Duration),
}

impl Gate {
    /// A gate in front of the TCP port `target` on 127.0.0.1.
    pub async fn before(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (rule, present) = watch::channel(Rule::Open);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((incoming, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                if *present.borrow() != Rule::Closed {
                    connections.spawn(carry(incoming, target, present.clone()));
                }
            }
        });
        Self { port, rule, _connections: accepting }
    }

    /// JSON-RPC over HTTP through the gate.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Cuts every connection and lets no new one through.
    pub fn close(&self) {
        self.rule.send_replace(Rule::Closed);
    }

    /// Lets everything through again. What was kept is gone for good, and its connection cut.
    pub fn open(&self) {
        self.rule.send_replace(Rule::Open);
    }

    /// Lets everything through, each answer so much later.
    pub fn slow(&self, delay: Duration) {
        self.rule.send_replace(Rule::Slow(delay));
    }

    /// Lets everything through but that: who asks for `method` over HTTP waits until the gate is opened or closed.
    pub fn keep(&self, kept: Kept, method: &'static str) {
        self.rule.send_replace(Rule::Keep(kept, method));
    }
}

async fn carry(mut incoming: TcpStream, target: u16, mut present: watch::Receiver<Rule>) {
    let Ok(mut outgoing) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    let ((mut asked, mut to_wia), (mut answered, mut to_chain)) = (incoming.split(), outgoing.split());
    let (mut questions, mut answers) = (vec![0; PIECE], vec![0; PIECE]);
    // An end of either side, in order or not, is what the other side gets to see.
    let mut cut = present.clone();
    let closed = async move {
        // The gate itself may be gone: then so is the connection.
        let _ = cut.wait_for(|rule| *rule == Rule::Closed).await;
    };
    tokio::pin!(closed);
    loop {
        tokio::select! {
            () = &mut closed => return,
            Ok(length) = asked.read(&mut questions) => {
                let piece = &questions[..length];
                let rule = *present.borrow_and_update();
                let kept = kept(rule, piece);
                if length == 0 || kept == Some(Kept::Requests) {
                    break until_it_changes(kept, rule, &mut present).await;
                }
                if to_chain.write_all(piece).await.is_err() {
                    return;
                }
                if kept.is_some() {
                    break until_it_changes(kept, rule, &mut present).await;
                }
            }
            Ok(length) = answered.read(&mut answers) => {
                let rule = *present.borrow();
                if let Rule::Slow(delay) = rule {
                    tokio::time::sleep(delay).await;
                }
                if length == 0 || to_wia.write_all(&answers[..length]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}

fn kept(rule: Rule, piece: &[u8]) -> Option<Kept> {
    let Rule::Keep(kept, method) = rule else { return None };
    let name = format!("\"{method}\"");
    piece.windows(name.len()).any(|window| window == name.as_bytes()).then_some(kept)
}

async fn until_it_changes(kept: Option<Kept>, rule: Rule, present: &mut watch::Receiver<Rule>) {
    if kept.is_some() {
        let _ = present.wait_for(|now| *now != rule).await;
    }
}
