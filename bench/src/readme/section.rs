//! The section's Markdown, and its place between two lines of the README.
//!
//! In: reports, the text of the README. Out: text.

use super::report::{Figure, Report};
use crate::error::BenchError;
use crate::report::{Target, for_people};

/// The line above the section.
pub(super) const OPEN: &str = "<!-- performance: made by scripts/bench readme -->";
/// The line below it.
pub(super) const CLOSE: &str = "<!-- /performance -->";

/// For each report a line that names the run, then a table of what a README has room for.
pub(super) fn section(reports: &[Report]) -> String {
    reports.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(report: &Report) -> String {
    let mut text = format!("{}\n\n| figure | seen | target |\n|---|---|---|\n", run(report));
    for section in &report.sections {
        let figures = shown(&section.figures);
        if figures.is_empty() {
            continue;
        }
        text.push_str(&row([format!("**{}**", section.title), String::new(), String::new()]));
        for figure in figures {
            let seen = for_people(figure.seen.0, &figure.unit);
            let missed = if figure.met == Some(false) { ", **missed**" } else { "" };
            let target = format!("{}{missed}", figure.target().for_people(&figure.unit));
            text.push_str(&row([figure.name.clone(), seen, target]));
        }
    }
    text
}

/// Where and how it ran.
fn run(report: &Report) -> String {
    let seed = report.seed.map(|seed| format!("; seed {seed}")).unwrap_or_default();
    let quick = if report.quick { " **Quick: a tenth of the size, its figures say nothing.**" } else { "" };
    let failure = if report.failure.is_some() { " **Ended early: not all of it is here.**" } else { "" };
    format!("{}{seed}.{quick}{failure}", report.machine)
}

/// Of one section's figures the first, which is what it is about, and those with a target.
fn shown(figures: &[Figure]) -> Vec<&Figure> {
    let shown = figures.iter().enumerate().filter(|(at, figure)| *at == 0 || figure.target() != Target::None);
    shown.map(|(_, figure)| figure).collect()
}

fn row(cells: [String; 3]) -> String {
    let cells = cells.map(|cell| match cell.as_str() {
        "" => " |".to_owned(),
        cell => format!(" {} |", cell.replace('|', "\\|")),
    });
    format!("|{}\n", cells.concat())
}

/// The README with `section`, whole lines, as all that stands between the two marker lines.
pub(super) fn replace(readme: &str, section: &str) -> Result<String, BenchError> {
    let (open, close) = (line(readme, OPEN)?, line(readme, CLOSE)?);
    if close < open {
        return Err(BenchError::Refused(format!(
            "the README has `{CLOSE}` above `{OPEN}`: swap the two lines"
        )));
    }
    let (above, below) = (&readme[..open + OPEN.len()], &readme[close..]);
    Ok(format!("{above}\n\n{section}\n{below}"))
}

/// Where the one line that is `marker` begins.
fn line(readme: &str, marker: &str) -> Result<usize, BenchError> {
    let (mut begin, mut found) = (0, Vec::new());
    for line in readme.split_inclusive('\n') {
        if line.trim_end() == marker {
            found.push(begin);
        }
        begin += line.len();
    }
    let [at] = found[..] else {
        let count = found.len();
        return Err(BenchError::Refused(format!(
            "the README has the line `{marker}` {count} times, not once: where the figures should be, put a line \
             `{OPEN}` and below it a line `{CLOSE}`"
        )));
    };
    Ok(at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::{self, Machine, Quantity};

    const FULL: &str = "\
X, 2 cores, 4 GiB, load 0.10 at the start; Linux 6; rustc 1; anvil 1.7.1; commit abc; seed 4.

| figure | seen | target |
|---|---|---|
| **raw, batches of 200** | | |
| pushed to on the chain | 8,870 transfers/s | |
| **accept** | | |
| longest | 2,000.00 ms | |
| p50 | 1.51 ms | ≤ 2.00 ms |
| p99 | 1,081.56 ms | ≤ 15.00 ms, **missed** |
| beside \\|raw\\| | 60.00 % of raw | ≥ 60.00 % of raw |
";

    const QUICK: &str = "\
X, 2 cores, 4 GiB, load 0.10 at the start; Linux 6; rustc 1; anvil 1.7.1; commit abc; seed 4. \
**Quick: a tenth of the size, its figures say nothing.** **Ended early: not all of it is here.**

| figure | seen | target |
|---|---|---|
";

    fn begun(quick: bool) -> report::Report {
        let machine = Machine {
            cpu: "X".into(),
            cores: 2,
            memory_gib: 4,
            load: "0.10".into(),
            kernel: "Linux 6".into(),
            rustc: "rustc 1".into(),
            anvil: "1.7.1".into(),
            commit: "abc".into(),
        };
        report::Report::new(machine, 4, quick)
    }

    /// What a run writes, as it is read again.
    fn written(report: &report::Report, failure: Option<&BenchError>) -> Report {
        serde_json::from_str(&report.to_json(failure).to_string()).unwrap()
    }

    fn full() -> Report {
        let ms = |micros| Quantity::ms(Duration::from_micros(micros));
        let part = |count, unit| Quantity::count(count, unit);
        let mut report = begun(false);
        report.add(
            report::Section::new("raw, batches of 200")
                .figure(report::Figure::plain("pushed to on the chain", part(8_870, "transfers/s")))
                .figure(report::Figure::plain("the whole of it", ms(5_636_000)))
                .raw("transfers", 50_000),
        );
        report.add(report::Section::new("nothing came of it"));
        report.add(
            report::Section::new("accept")
                .figure(report::Figure::plain("longest", ms(2_000_000)))
                .figure(report::Figure::at_most("p50", ms(1_512), ms(2_000)))
                .figure(report::Figure::at_most("p99", ms(1_081_567), ms(15_000)))
                .figure(report::Figure::at_least("beside |raw|", part(60, "% of raw"), part(60, "% of raw"))),
        );
        written(&report, None)
    }

    #[test]
    fn a_section_shows_what_comes_first_and_what_has_a_target() {
        assert_eq!(section(&[full()]), FULL);
    }

    #[test]
    fn a_run_that_says_nothing_or_ended_early_is_told() {
        let failure = BenchError::Refused("interrupted".into());
        let report = written(&begun(true), Some(&failure));
        assert_eq!(section(&[report, full()]), format!("{QUICK}\n{FULL}"));
    }

    #[test]
    fn a_report_without_a_seed_names_none() {
        let report = Report { seed: None, ..full() };
        assert!(section(&[report]).contains("commit abc.\n"));
    }

    #[test]
    fn what_stands_between_the_lines_is_replaced_and_nothing_else() {
        let golden = format!("# X\n\n{OPEN}\n\na\nb\n\n{CLOSE}\n\nThe line {OPEN} is kept.\n");
        for between in ["", "old\n", "\n\na\n"] {
            let readme = format!("# X\n\n{OPEN}\n{between}{CLOSE}\n\nThe line {OPEN} is kept.\n");
            assert_eq!(replace(&readme, "a\nb\n").unwrap(), golden);
        }
        assert_eq!(replace(&golden, "a\nb\n").unwrap(), golden);
    }

    #[test]
    fn a_readme_without_its_two_lines_in_order_is_refused_with_what_to_do() {
        for (readme, says) in [
            (format!("{CLOSE}\n"), format!("`{OPEN}` 0 times, not once")),
            (format!("{OPEN}\n"), format!("`{CLOSE}` 0 times, not once")),
            (format!("{OPEN}\n{OPEN}\n{CLOSE}\n"), format!("`{OPEN}` 2 times, not once")),
            (format!("{CLOSE}\n{OPEN}\n"), "swap the two lines".to_owned()),
        ] {
            let error = replace(&readme, "a\n").unwrap_err().to_string();
            assert!(error.contains(&says), "{error}");
        }
    }
}
