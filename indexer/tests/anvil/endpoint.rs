//! A door in front of anvil that can be shut: connections break, new ones are refused, and it opens again.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Forwards TCP from its own port to a target while open.
pub(crate) struct Door {
    target: SocketAddr,
    pub(crate) port: u16,
    open: Option<(CancellationToken, tokio::task::JoinHandle<()>)>,
}

impl Door {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let mut door = Self { target: ([127, 0, 0, 1], port).into(), port: own, open: None };
        door.serve(listener);
        door
    }

    fn serve(&mut self, listener: TcpListener) {
        let (shut, target) = (CancellationToken::new(), self.target);
        let token = shut.clone();
        let serving = tokio::spawn(async move {
            let mut guests = tokio::task::JoinSet::new();
            while let Some(Ok((mut guest, _))) = token.run_until_cancelled(listener.accept()).await {
                guests.spawn(async move {
                    if let Ok(mut host) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut guest, &mut host).await;
                    }
                });
            }
            guests.shutdown().await;
        });
        self.open = Some((shut, serving));
    }

    /// Breaks every connection and refuses new ones.
    pub(crate) async fn shut(&mut self) {
        if let Some((shut, serving)) = self.open.take() {
            shut.cancel();
            serving.await.unwrap();
        }
    }

    /// Opens again on the same port.
    pub(crate) async fn reopen(&mut self) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], self.port).into()).unwrap();
        self.serve(socket.listen(64).unwrap());
    }
}
