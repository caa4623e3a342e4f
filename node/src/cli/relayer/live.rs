//! A screen of text that is drawn again and again in place: the terminal's second screen (xterm's alternate screen), so that
//! what was there before is there again afterwards.
//!
//! Lines that are longer than the terminal is wide are cut at its edge, not wrapped: a screen keeps its height.

use std::io::{self, Write};

/// The second screen, no cursor, no wrapping.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// All as it was.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// To the upper left.
const HOME: &str = "\x1b[H";
/// What is left of the line, and of the screen.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The terminal while it shows the screen; dropping it gives the terminal back.
pub(super) struct Live<W: Write> {
    terminal: W,
}

impl<W: Write> Live<W> {
    pub(super) fn on(mut terminal: W) -> io::Result<Self> {
        terminal.write_all(ENTER.as_bytes())?;
        Ok(Self { terminal })
    }

    /// Shows these lines in place of those before, in one write: nothing flickers.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let text: String = lines.iter().map(|line| format!("{line}{CLEAR_LINE}\r\n")).collect();
        self.terminal.write_all(format!("{HOME}{text}{CLEAR_BELOW}").as_bytes())?;
        self.terminal.flush()
    }
}

impl<W: Write> Drop for Live<W> {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = self.terminal.write_all(LEAVE.as_bytes()).and_then(|()| self.terminal.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_drawing_begins_at_home_and_the_terminal_is_given_back() {
        let mut terminal = Vec::new();
        let mut live = Live::on(&mut terminal).unwrap();
        live.draw(&["one".into(), "two".into()]).unwrap();
        live.draw(&["three".into()]).unwrap();
        drop(live);
        let text = String::from_utf8(terminal).unwrap();
        let first = format!("{HOME}one{CLEAR_LINE}\r\ntwo{CLEAR_LINE}\r\n{CLEAR_BELOW}");
        assert_eq!(text, format!("{ENTER}{first}{HOME}three{CLEAR_LINE}\r\n{CLEAR_BELOW}{LEAVE}"));
    }
}
