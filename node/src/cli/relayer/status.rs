//! `wia relayer status`: how a running relayer stands, once or every second.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::RelayerCliError;
use super::door::Door;
use super::live::Live;
use super::screen::View;
use crate::cli::node::stop_on_signal;
use crate::cli::say;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Show how a running relayer stands: queue, lanes with their balances, the last blocks, peers
///
/// The node gives this to its own machine and to the addresses of `http.operators`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// The node, by its HTTP address
    #[arg(
        long = "node",
        visible_alias = "url",
        value_name = "URL",
        env = "WIA_NODE",
        default_value = "http://127.0.0.1:8080"
    )]
    url: String,
    /// Look again every second until Ctrl-C: on a terminal one screen in place, elsewhere a line each time
    #[arg(long)]
    watch: bool,
    /// Print what the node says, as JSON; with --watch a line each time
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) async fn run(self) -> Result<(), RelayerCliError> {
        let door = Door::of(&self.url)?;
        let outcome = if self.watch { self.watch(&door).await } else { self.once(&door).await };
        outcome.or_else(|error| if error.is_closed_pipe() { Ok(()) } else { Err(error) })
    }

    async fn once(&self, door: &Door) -> Result<(), RelayerCliError> {
        let view = door.view().await?;
        if self.json {
            return Ok(say(&format!("{view:#}"))?);
        }
        Ok(say(&read(view)?.screen().join("\n"))?)
    }

    async fn watch(&self, door: &Door) -> Result<(), RelayerCliError> {
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_signal(stop.clone()));
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let on_screen = !self.json && std::io::stdout().is_terminal();
        let mut live = if on_screen { Some(Live::on(std::io::stdout())?) } else { None };
        let mut shown = Vec::new();
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let Some(view) = stop.run_until_cancelled(door.view()).await else { break };
            let lines = match view.and_then(|view| self.lines(view, on_screen)) {
                Ok(lines) => lines,
                // A node that restarts is there again in a moment.
                Err(error) if error.may_pass() => vec![format!("{error}; looking again")],
                Err(error) => return Err(error),
            };
            match &mut live {
                Some(live) => live.draw(&lines)?,
                None => say(&lines.join("\n"))?,
            }
            shown = lines;
        }
        if live.take().is_some() {
            // What was seen last stays.
            say(&shown.join("\n"))?;
        }
        Ok(())
    }

    fn lines(&self, view: Value, on_screen: bool) -> Result<Vec<String>, RelayerCliError> {
        if self.json {
            return Ok(vec![view.to_string()]);
        }
        let view = read(view)?;
        Ok(if on_screen { view.screen() } else { vec![view.line()] })
    }
}

fn read(view: Value) -> Result<View, RelayerCliError> {
    serde_json::from_value(view).map_err(|e| RelayerCliError::Answer(e.to_string()))
}
