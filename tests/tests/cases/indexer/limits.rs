//! Streams are bounded as WebSockets are, and outlive what bounds a request.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wia_tests::{Environment, Settings, wait_until};

use super::get;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_stream_outlives_the_connection_time_out_and_holds_no_place_of_a_request() {
    let variables = &[
        ("WIA_HTTP__MAX_CONNECTIONS_PER_IP", "2"),
        ("WIA_HTTP__MAX_HTTP_CONNECTIONS_PER_IP", "1"),
        ("WIA_HTTP__CONNECTION_TIMEOUT_MS", "1000"),
        ("WIA_HTTP__SSE_KEEP_ALIVE_MS", "200"),
    ];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let mut first = stream(&env, "").await;
    let second = stream(&env, "").await;
    let refused = wait_until("a refusal", PATIENCE, async || open(&env, "").await.err()).await;
    assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("connections"), "{refused}");
    // Ten keep-alives take twice the connection time-out.
    read_until(&mut first, |text| text.matches(": keep-alive").count() >= 10).await;
    drop(second);
    let _third = stream(&env, "").await;
    let status = wait_until("a place for a request", PATIENCE, async || {
        let host = env.ready().http_url.strip_prefix("http://").unwrap();
        let mut tcp = TcpStream::connect(host).await.ok()?;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        tcp.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.ok()?;
        answer.split(' ').nth(1)?.parse::<u16>().ok()
    })
    .await;
    assert_eq!(status, 200, "two streams are open, and one request may be");
}

#[tokio::test]
async fn origins_that_are_on_no_list_are_refused_and_others_may_read() {
    let variables = &[("WIA_HTTP__ALLOWED_ORIGINS", "[\"https://yourapp.com\"]")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let refused = open(&env, "Origin: https://elsewhere.example\r\n").await.unwrap_err();
    assert!(refused.starts_with("HTTP/1.1 403 "), "{refused}");
    let (head, _) = open(&env, "Origin: https://yourapp.com\r\n").await.unwrap();
    assert!(head.contains("access-control-allow-origin: https://yourapp.com"), "{head}");
    assert_eq!(get(&env.ready().http_url, "status").await.0, 200, "no browser, no origin");
}

/// An open stream, once there is a place for it.
async fn stream(env: &Environment, headers: &str) -> TcpStream {
    wait_until("a place for a stream", PATIENCE, async || open(env, headers).await.ok()).await.1
}

/// An event stream with its head; the whole answer when it is another one, nothing when there was no place at all.
async fn open(env: &Environment, headers: &str) -> Result<(String, TcpStream), String> {
    let host = env.ready().http_url.strip_prefix("http://").unwrap();
    let mut tcp = TcpStream::connect(host).await.map_err(|e| e.to_string())?;
    let request = format!(
        "GET /indexer/v1/events HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nConnection: close\r\n{headers}\r\n"
    );
    tcp.write_all(request.as_bytes()).await.map_err(|e| e.to_string())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.map_err(|e| e.to_string())?);
    }
    let mut head = String::from_utf8(head).unwrap();
    if head.starts_with("HTTP/1.1 200 ") {
        return Ok((head, tcp));
    }
    tcp.read_to_string(&mut head).await.map_err(|e| e.to_string())?;
    Err(head)
}

async fn read_until(tcp: &mut TcpStream, enough: impl Fn(&str) -> bool) {
    let mut text = String::new();
    let mut buffer = [0; 1_024];
    while !enough(&text) {
        let read = timeout(PATIENCE, tcp.read(&mut buffer)).await.expect("something within the patience");
        let read = read.unwrap();
        assert_ne!(read, 0, "the stream has ended: {text}");
        text += std::str::from_utf8(&buffer[..read]).unwrap();
    }
}
