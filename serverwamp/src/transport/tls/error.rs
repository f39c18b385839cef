//! What can be wrong with certificates and keys.

use std::fmt;

/// Why certificates or keys cannot be used: each problem with its file, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError(Vec<String>);

impl TlsError {
    pub(super) fn new(problem: impl Into<String>) -> TlsError {
        TlsError(vec![problem.into()])
    }

    /// All problems of several files.
    pub(super) fn and(mut self, other: TlsError) -> TlsError {
        self.0.extend(other.0);
        self
    }

    /// The problems, one by one.
    pub fn problems(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for TlsError {}
