//! Real clients as child processes: the scripts of `tests/clients` under Node.js, `wia wallet`, `cast`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Wia, foundry, repository};

const LINE_TIMEOUT: Duration = Duration::from_secs(60);

/// A client that prints one JSON value per line. Killed on drop.
pub struct Client {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: Lines<BufReader<ChildStderr>>,
}

impl Client {
    /// A script of `tests/clients`; `key` reaches it as `WALLET_KEY`.
    ///
    /// # Panics
    /// When the clients are not installed; the message says how to.
    #[must_use]
    pub fn node(script: &str, arguments: &[&str], key: &str) -> Self {
        Self::node_with(script, arguments, &[("WALLET_KEY", key.to_owned())])
    }

    /// A script of `tests/clients` that speaks for several parties; the variables are their keys.
    ///
    /// # Panics
    /// When the clients are not installed; the message says how to.
    #[must_use]
    pub fn node_with(script: &str, arguments: &[&str], variables: &[(&str, String)]) -> Self {
        let folder = repository().join("tests/clients");
        let installed = folder.join("node_modules").exists();
        assert!(installed, "the clients are not installed; run `npm ci --prefix tests/clients` first");
        let mut command = Command::new("node");
        command
            .arg(folder.join(script))
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)));
        Self::spawn(script, command)
    }

    /// A script of `tests/clients/python` under Python, with the packages of the folder `packages` beside it.
    ///
    /// # Panics
    /// When they are not installed; the message says how to.
    #[must_use]
    pub fn python(packages: &str, script: &str, arguments: &[&str]) -> Self {
        let folder = repository().join("tests/clients/python");
        let python = folder.join(packages).join(".venv/bin/python");
        assert!(python.exists(), "run `scripts/install tests/clients/python/{packages}` first");
        let mut command = Command::new(python);
        command.arg(folder.join(script)).args(arguments);
        Self::spawn(&format!("{script} on {packages}"), command)
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
        let errors = BufReader::new(child.stderr.take().expect("a piped output")).lines();
        Self { name: name.to_owned(), child, lines, errors }
    }

    /// The next line; `None` when the client has closed its output.
    pub async fn line(&mut self) -> Option<Value> {
        let line = timeout(LINE_TIMEOUT, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} printed nothing for {LINE_TIMEOUT:?}", self.name));
        let line = line.expect("text")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|e| panic!("{}: {e}: {line}", self.name)))
    }

    /// Waits until it says `words` on standard error.
    pub async fn says(&mut self, words: &str) {
        let said = async {
            while let Some(line) = self.errors.next_line().await.expect("text") {
                if line.contains(words) {
                    return;
                }
            }
            panic!("{} ended and never said `{words}`", self.name);
        };
        let silent = |_| panic!("{} did not say `{words}` for {LINE_TIMEOUT:?}", self.name);
        timeout(LINE_TIMEOUT, said).await.unwrap_or_else(silent);
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

    /// The refusal that it ends with, the last line; what came before is passed over.
    pub async fn refused(mut self) -> Value {
        let mut last = None;
        while let Some(line) = self.line().await {
            last = Some(line);
        }
        let status = self.child.wait().await.expect("a child can be waited for");
        let last = last.filter(|line| line.get("error").is_some());
        last.unwrap_or_else(|| panic!("{} ended without a refusal: {status}", self.name))
    }

    /// All remaining lines, once it has ended well.
    pub async fn finish(mut self) -> Vec<Value> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("a child can be waited for");
        let mut errors = Vec::new();
        while let Some(line) = self.errors.next_line().await.expect("text") {
            errors.push(line);
        }
        assert!(status.success(), "{}: {status}: {errors:#?}{lines:#?}", self.name);
        lines
    }
}

/// Standard output of a tool, run in the root of the repository, which must end well.
pub async fn output(command: impl Into<Command>) -> String {
    let mut command = command.into();
    let output = command.current_dir(repository()).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// `cast ARGUMENTS…`: the first word that it prints.
pub async fn cast(arguments: &[&str]) -> String {
    let mut command = Command::new(foundry("cast"));
    command.args(arguments);
    output(command).await.split_whitespace().next().unwrap_or_default().to_owned()
}
