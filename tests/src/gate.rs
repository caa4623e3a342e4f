//! A TCP proxy between `wia` and its chain that can be closed: the RPC endpoint goes away, and comes back.

use std::net::Ipv4Addr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Open until it is closed. While closed, connections are cut and new ones are dropped unanswered.
pub struct Gate {
    port: u16,
    open: watch::Sender<bool>,
    _connections: JoinSet<()>,
}

impl Gate {
    /// A gate in front of the TCP port `target` on 127.0.0.1.
    pub async fn before(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (open, is_open) = watch::channel(true);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((incoming, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                if *is_open.borrow() {
                    connections.spawn(carry(incoming, target, is_open.clone()));
                }
            }
        });
        Self { port, open, _connections: accepting }
    }

    /// JSON-RPC over HTTP through the gate.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Cuts every connection and lets no new one through.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn carry(mut incoming: TcpStream, target: u16, mut is_open: watch::Receiver<bool>) {
    let Ok(mut outgoing) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await else { return };
    tokio::select! {
        // An end of either side, in order or not, is what the other side gets to see.
        _ = copy_bidirectional(&mut incoming, &mut outgoing) => {}
        _ = is_open.wait_for(|open| !open) => {}
    }
}
