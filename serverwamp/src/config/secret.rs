//! Secrets of the router's users.

use crate::document::Entry;
use crate::session::Secret;

/// Reads a secret that is not empty.
pub(super) fn secret(entry: Entry<'_>) -> Option<Secret> {
    let secret = entry.secret()?;
    if secret.is_empty() {
        entry.problem("is empty");
        return None;
    }
    Some(secret.as_str().into())
}
