//! Secrets, which a configuration need not hold itself.

use std::fs;

use zeroize::Zeroizing;

use super::reader::Entry;

impl Entry<'_> {
    /// A secret: a text, or where it is to be found, as `{ file = "…" }` or `{ env = "…" }`. Of a file, ends of lines at its
    /// end do not count.
    pub(crate) fn secret(self) -> Option<Zeroizing<String>> {
        if let Some(text) = self.as_text() {
            return Some(Zeroizing::new(text.to_owned()));
        }
        if !self.is_table() {
            // Not even a number is shown: it may be the secret.
            self.expected_in_secret("a string, { file = \"…\" } or { env = \"…\" }");
            return None;
        }
        let table = self.table()?;
        let (file, variable) = (table.entry("file"), table.entry("env"));
        table.finish();
        match (file, variable) {
            (Some(entry), None) => {
                let file = entry.file()?;
                let text = fs::read_to_string(&file).map(Zeroizing::new);
                let text = text.inspect_err(|error| entry.problem(format!("cannot read {}: {error}", file.display())));
                text.ok().map(|text| Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            (None, Some(entry)) => {
                let variable = entry.text()?;
                let found = std::env::var(variable).ok();
                if found.is_none() {
                    entry.problem(format!("there is no environment variable `{variable}` with a text"));
                }
                found.map(Zeroizing::new)
            }
            _ => {
                self.problem("expected one of `file` and `env`");
                None
            }
        }
    }
}
