//! Errors and warnings about a file, each with its location and a suggested fix.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use super::yaml::Location;

/// Whether a file can be used in spite of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but something in it has no effect or will not work.
    Warning,
}

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file as the operator named it.
    pub file: String,
    /// Where, if it is somewhere.
    pub at: Option<Location>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    /// `file:line:column: error: message`, the form that editors and CI systems make clickable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(at) = self.at {
            write!(f, "{}:{}:", at.line, at.column)?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, " {severity}: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// Collects the diagnostics of a file and those that it includes, so that a single run reports all of them.
#[derive(Debug)]
pub struct Report {
    /// By their numbers in [`Location`].
    files: RefCell<Vec<String>>,
    diagnostics: RefCell<Vec<Diagnostic>>,
}

impl Report {
    /// An empty report on `file`.
    pub fn new(file: impl Into<String>) -> Self {
        Self { files: RefCell::new(vec![file.into()]), diagnostics: RefCell::default() }
    }

    /// Adds an included file, whose path is relative to the directory of the first one. Returns its number.
    pub(super) fn add_file(&self, path: &str) -> u16 {
        let mut files = self.files.borrow_mut();
        let first = Path::new(files.first().map_or("", String::as_str));
        let file = first.parent().map_or_else(|| path.into(), |folder| folder.join(path));
        files.push(file.display().to_string());
        u16::try_from(files.len() - 1).unwrap_or(u16::MAX)
    }

    /// Adds an error.
    pub fn error(&self, at: Location, message: impl Into<String>, help: Option<String>) {
        self.add(Severity::Error, Some(at), message.into(), help);
    }

    /// Adds a warning.
    pub fn warning(&self, at: Location, message: impl Into<String>, help: Option<String>) {
        self.add(Severity::Warning, Some(at), message.into(), help);
    }

    /// Adds an error about the file as a whole.
    pub fn error_in_file(&self, message: impl Into<String>, help: Option<String>) {
        self.add(Severity::Error, None, message.into(), help);
    }

    /// Adds a warning about the file as a whole.
    pub fn warning_in_file(&self, message: impl Into<String>, help: Option<String>) {
        self.add(Severity::Warning, None, message.into(), help);
    }

    /// Whether the file cannot be used.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.borrow().iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Everything that was found, in the order of the file.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics.into_inner();
        diagnostics.sort_by_key(|diagnostic| diagnostic.at);
        diagnostics
    }

    fn add(&self, severity: Severity, at: Option<Location>, message: String, help: Option<String>) {
        let index = usize::from(at.unwrap_or_default().file);
        let file = self.files.borrow().get(index).cloned().unwrap_or_default();
        let diagnostic = Diagnostic { severity, file, at, message, help };
        let mut diagnostics = self.diagnostics.borrow_mut();
        // Entries that share an anchor would tell the same thing once for each use.
        if !diagnostics.contains(&diagnostic) {
            diagnostics.push(diagnostic);
        }
    }
}

/// `did you mean 'x'?`, when one of `candidates` is near enough to `word` to be meant.
pub fn suggestion<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean '{candidate}'?"))
}

/// The candidate nearest to `word`, when it is near enough to be meant.
fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong: "opnai" is openai, "x" is nothing.
    let allowed = word.chars().count().div_ceil(3).min(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_reads_like_a_compilers() {
        let report = Report::new("config.yaml");
        report.error(
            Location { file: 0, line: 3, column: 7 },
            "unknown provider 'opnai'",
            suggestion("opnai", ["openai"]),
        );
        let diagnostics = report.into_diagnostics();
        assert_eq!(
            diagnostics[0].to_string(),
            "config.yaml:3:7: error: unknown provider 'opnai'\n  help: did you mean 'openai'?"
        );
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let words = ["openai", "azure", "anthropic"];
        assert_eq!(suggestion("antropic", words).as_deref(), Some("did you mean 'anthropic'?"));
        assert_eq!(suggestion("zebra", words), None);
        assert_eq!(suggestion("", words), None);
    }
}
