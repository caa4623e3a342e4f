//! A TCP connection as the listener wants it: it says which HTTP is spoken, ends gently, and does not stand still.
//!
//! Gently: a socket that is closed with unread bytes resets the connection, and a reset takes with it what the peer has
//! not read yet: the very error or close frame that says why. So the last bytes out get time to be read, and what the
//! peer still sends is thrown away for a moment.
//!
//! Not still: while an answer is a stream, nobody else bounds how long its reader may take. A write that makes no
//! progress for the send time-out fails, and with it the connection; the reader resumes from its cursor.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use super::lifeline::Lifeline;

/// How long, and for how many bytes, a peer that goes on sending is listened to.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 16 << 20;

/// How HTTP/2 begins, and no request of HTTP/1.1 (RFC 9113 §3.4).
const PREFACE: &[u8; 4] = b"PRI ";

/// A TCP connection that lingers when dropped.
pub(super) struct Lingering {
    tcp: Option<TcpStream>,
    /// What was read to see which HTTP is spoken, and is to be read again: bytes, and how many.
    ahead: ([u8; PREFACE.len()], usize),
    lifeline: Lifeline,
    send_timeout: Duration,
    /// Running while a write of a stream makes no progress.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Lingering {
    pub(super) fn new(tcp: TcpStream, lifeline: Lifeline, send_timeout: Duration) -> Self {
        Self { tcp: Some(tcp), ahead: Default::default(), lifeline, send_timeout, stalled: None }
    }

    /// Waits for the first bytes: whether they open HTTP/2. Not to be called once reading has begun.
    ///
    /// # Errors
    /// When the peer closes or the connection breaks before that can be told.
    pub(super) async fn speaks_http2(&mut self) -> io::Result<bool> {
        loop {
            let read = self.ahead.1;
            if read == PREFACE.len() || self.ahead.0[..read] != PREFACE[..read] {
                return Ok(&self.ahead.0 == PREFACE);
            }
            let tcp = self.tcp.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            match tcp.read(&mut self.ahead.0[read..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => self.ahead.1 += more,
            }
        }
    }

    fn tcp(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.tcp.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// `written`, unless it has been pending for too long.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() || !self.lifeline.is_streaming() {
            self.stalled = None;
            return written;
        }
        let limit = self.send_timeout;
        ready!(self.stalled.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx));
        metrics::counter!("wia_http_slow_readers_total").increment(1);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let (Some(mut tcp), Ok(runtime)) = (self.tcp.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            let rest = async {
                tcp.shutdown().await?;
                tokio::io::copy(&mut tcp.take(LINGER_BYTES), &mut tokio::io::sink()).await
            };
            // However it ends, the connection is closed now.
            let _ = timeout(LINGER, rest).await;
        });
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (bytes, read) = self.ahead;
        let again = read.min(buf.remaining());
        if again == 0 {
            return self.tcp()?.poll_read(cx, buf);
        }
        buf.put_slice(&bytes[..again]);
        self.ahead.0.copy_within(again..read, 0);
        self.ahead.1 -= again;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.tcp()?.poll_write(cx, buf);
        self.in_time(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp()?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.tcp()?.poll_write_vectored(cx, bufs);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// Both ends of a connection, ours with small buffers.
    async fn pair(send_timeout: Duration) -> (Lingering, Lifeline, TcpStream) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4 << 10).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener: TcpListener = socket.listen(1).unwrap();
        let peer = TcpSocket::new_v4().unwrap();
        peer.set_recv_buffer_size(4 << 10).unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(listener.accept(), peer.connect(address));
        let lifeline = Lifeline::new();
        (Lingering::new(ours.unwrap().0, lifeline.clone(), send_timeout), lifeline, theirs.unwrap())
    }

    #[tokio::test]
    async fn the_first_bytes_tell_which_http_is_spoken_and_are_read_again() {
        for (sent, http2) in
            [("PRI * HTTP/2.0\r\n", true), ("PROPFIND / HTTP/1.1", false), ("GET /", false), ("P", false)]
        {
            let (mut ours, _, mut theirs) = pair(LINGER).await;
            // In pieces, as a network may bring them.
            for byte in sent.as_bytes() {
                theirs.write_all(&[*byte]).await.unwrap();
            }
            theirs.shutdown().await.unwrap();
            let told = ours.speaks_http2().await;
            assert!(if sent == "P" { told.is_err() } else { told.unwrap() == http2 }, "{sent}");
            let mut read = String::new();
            ours.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, sent);
        }
    }

    #[tokio::test]
    async fn a_stream_whose_reader_takes_nothing_fails_after_the_send_time_out() {
        let (mut ours, lifeline, _theirs) = pair(Duration::from_millis(20)).await;
        let _streaming = lifeline.stream();
        let error = ours.write_all(&vec![0; 16 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_stream_may_wait_for_its_reader() {
        let (mut ours, _, mut theirs) = pair(Duration::from_millis(1)).await;
        let all = vec![0; 1 << 20];
        // Twenty times the send time-out, in which nothing is read.
        let stuck = timeout(Duration::from_millis(20), ours.write_all(&all)).await;
        assert!(stuck.is_err(), "it waits");
        let mut read = [0; 1 << 10];
        theirs.read_exact(&mut read).await.unwrap();
    }
}
