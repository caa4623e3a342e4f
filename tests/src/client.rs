//! Real clients as child processes: the scripts of `tests/clients` under Node.js, `wia wallet`, `cast`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Wia, foundry, repository};

const LINE_TIMEOUT: Duration = Duration::from_secs(60);

/// A client that prints one JSON value per line. Killed on drop.
pub struct Client {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    /// A script of `tests/clients`; `key` reaches it as `WALLET_KEY`.
    ///
    /// # Panics
    /// When the clients are not installed; the message says how to.
    #[must_use]
    pub fn node(script: &str, arguments: &[&str], key: &str) -> Self {
        let folder = repository().join("tests/clients");
        let installed = folder.join("node_modules").exists();
        assert!(installed, "the clients are not installed; run `npm ci --prefix tests/clients` first");
        let mut command = Command::new("node");
        command.arg(folder.join(script)).args(arguments).env("WALLET_KEY", key);
        Self::spawn(script, command)
    }

    /// `wia ARGUMENTS…`.
    #[must_use]
    pub fn wia(arguments: &[&str]) -> Self {
        Self::spawn(&format!("wia {}", arguments.join(" ")), Wia::command(arguments).into())
    }

    fn spawn(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let lines = BufReader::new(child.stdout.take().expect("a piped output")).lines();
        Self { name: name.to_owned(), child, lines }
    }

    /// The next line; `None` when the client has closed its output.
    pub async fn line(&mut self) -> Option<Value> {
        let line = timeout(LINE_TIMEOUT, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} printed nothing for {LINE_TIMEOUT:?}", self.name));
        let line = line.expect("text")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{}: {e}: {line}", self.name)))
    }

    /// The next lines up to the first that `is_last`.
    pub async fn lines_until(&mut self, mut is_last: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            let last = is_last(&line);
            lines.push(line);
            if last {
                return lines;
            }
        }
        panic!("{} ended early, after {lines:#?}", self.name);
    }

    /// All remaining lines, once it has ended well.
    pub async fn finish(mut self) -> Vec<Value> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("a child can be waited for");
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors).await.expect("text");
        }
        assert!(status.success(), "{}: {status}: {errors}{lines:#?}", self.name);
        lines
    }
}

/// `cast ARGUMENTS…`: the first word that it prints.
pub async fn cast(arguments: &[&str]) -> String {
    let output = Command::new(foundry("cast")).args(arguments).output().await.expect("cast");
    assert!(output.status.success(), "cast {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().next().unwrap_or_default().to_owned()
}
