//! What a run has to say: a table for people, JSON for programs with everything that was measured.

mod figure;
mod machine;

use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

pub(crate) use figure::{Figure, Quantity, Target, for_people};
pub(crate) use machine::Machine;

use crate::error::BenchError;

/// The report of one run, filled as the run goes on.
pub(crate) struct Report {
    machine: Machine,
    seed: u64,
    quick: bool,
    sections: Vec<Section>,
}

/// What one step found on one chain.
pub(crate) struct Section {
    /// E.g. `store, A (2000 blocks of 100, 100 empty)`.
    title: String,
    figures: Vec<Figure>,
    /// Every sample behind the figures; durations in microseconds.
    raw: Map<String, Value>,
}

impl Section {
    /// An empty one.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), figures: Vec::new(), raw: Map::new() }
    }

    /// One more figure.
    pub(crate) fn figure(mut self, figure: Figure) -> Self {
        self.figures.push(figure);
        self
    }

    /// One more thing behind the figures.
    pub(crate) fn raw(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.raw.insert(name.to_owned(), value.into());
        self
    }

    fn to_json(&self) -> Value {
        let figures: Vec<_> = self.figures.iter().map(Figure::to_json).collect();
        json!({"title": self.title, "figures": figures, "raw": self.raw})
    }
}

impl Report {
    /// Of a run that begins.
    pub(crate) fn new(machine: Machine, seed: u64, quick: bool) -> Self {
        Self { machine, seed, quick, sections: Vec::new() }
    }

    /// Adds what a step found, and shows it: a long run should be followable.
    pub(crate) fn add(&mut self, section: Section) {
        for figure in &section.figures {
            eprintln!("  {}: {}", figure.name, figure.seen);
        }
        self.sections.push(section);
    }

    /// For programs; `failure` is why the run ended early, if it did.
    pub(crate) fn to_json(&self, failure: Option<&BenchError>) -> Value {
        let sections: Vec<_> = self.sections.iter().map(Section::to_json).collect();
        json!({
            "machine": self.machine, "seed": self.seed, "quick": self.quick,
            "failure": failure.map(ToString::to_string), "sections": sections,
        })
    }

    /// Writes the JSON.
    pub(crate) fn write(&self, path: &Path, failure: Option<&BenchError>) -> Result<(), BenchError> {
        let report = self.to_json(failure);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(BenchError::file(folder))?;
        }
        fs::write(path, format!("{report:#}\n")).map_err(BenchError::file(path))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = if self.quick { "; QUICK: a tenth of the size, for trying only" } else { "" };
        writeln!(f, "{}\nseed {}{size}", self.machine, self.seed)?;
        writeln!(f, "\n{:<52} {:>18} {:>22}", "figure", "seen", "target")?;
        for Section { title, figures, .. } in &self.sections {
            writeln!(f, "{title}")?;
            for figure in figures {
                let verdict = match figure.met() {
                    Some(true) => "met",
                    Some(false) => "MISSED",
                    None => "",
                };
                let (seen, wanted) = (figure.seen.to_string(), figure.target.for_people(figure.seen.unit));
                let line = format!("  {:<50} {seen:>18} {wanted:>22}  {verdict}", figure.name);
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_report_shows_what_was_met_and_what_was_missed() {
        let machine = Machine { cpu: "X".into(), cores: 2, ..Machine::default() };
        let mut report = Report::new(machine, 4, false);
        let ms = |ms| Quantity::ms(Duration::from_millis(ms));
        let section = Section::new("live")
            .figure(Figure::at_most("p50", ms(5), ms(6)))
            .figure(Figure::at_most("p99", ms(20), ms(15)))
            .raw("samplesUs", vec![1, 2]);
        report.add(section);
        let text = report.to_string();
        let line = |name: &str| text.lines().find(|l| l.trim_start().starts_with(name)).unwrap();
        assert!(line("p50").ends_with("≤ 6.00 ms  met"), "{text}");
        assert!(line("p99").ends_with("≤ 15.00 ms  MISSED"), "{text}");
        assert!(text.contains("seed 4\n"), "{text}");
    }
}
