//! Secrets, which a file need not hold itself.

use std::path::Path;

use zeroize::Zeroizing;

use super::document::Entry;
use crate::session::Secret;

/// Reads a secret: a text, or where it is to be found, as `{ file = "…" }` or `{ env = "…" }`.
///
/// Of a file, white space at its end does not count. A path is relative to the configuration.
pub(super) fn secret(entry: Entry<'_>, directory: &Path) -> Option<Secret> {
    if !entry.is_table() {
        return not_empty(entry, entry.text()?.to_owned(), "is empty");
    }
    let table = entry.table()?;
    let (file, variable) = (table.text("file"), table.text("env"));
    table.finish();
    match (file, variable) {
        (Some(file), None) => match std::fs::read_to_string(directory.join(file)).map(Zeroizing::new) {
            Ok(text) => not_empty(entry, text.trim_end().to_owned(), &format!("the file {file} is empty")),
            Err(error) => {
                entry.problem(format!("cannot read the file {file}: {error}"));
                None
            }
        },
        (None, Some(variable)) => match std::env::var(variable) {
            Ok(text) => not_empty(entry, text, &format!("{variable} in the environment is empty")),
            Err(_) => {
                entry.problem(format!("there is no text {variable} in the environment"));
                None
            }
        },
        _ => {
            entry.problem("expected a text, { file = \"…\" } or { env = \"…\" }");
            None
        }
    }
}

fn not_empty(entry: Entry<'_>, text: String, otherwise: &str) -> Option<Secret> {
    if text.is_empty() {
        entry.problem(otherwise);
        return None;
    }
    Some(text.into())
}
