//! Rules from TOML.

use serde::Deserialize;
use toml::Spanned;

use super::{Rule, RuleText, Rules};
use crate::error::{Error, Problem};

/// The whole text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rules: Vec<Spanned<RuleText>>,
}

impl Rules {
    /// Reads rules from TOML.
    ///
    /// ```
    /// # fn main() -> serverwamp::Result<()> {
    /// use serverwamp::{Realm, Rules};
    ///
    /// let rules = Rules::from_toml(
    ///     r#"
    ///     [[rules]]
    ///     role = "customer | staff"
    ///     uri = "news."
    ///     match = "prefix" # or "exact", the default, or "wildcard"
    ///     actions = ["subscribe"]
    ///
    ///     [[rules]]
    ///     role = "staff"
    ///     uri = "orders.cancel"
    ///     actions = ["call", "register"]
    ///     disclose = true # may be left out
    ///     "#,
    /// )?;
    /// let realm = Realm::new("shop").rules(rules);
    /// # let _ = realm;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Startup`] with every mistake and its line, or the one that makes the text no TOML. What is not known is a
    /// mistake.
    pub fn from_toml(text: &str) -> crate::error::Result<Rules> {
        let problem = |start: usize, message: &str| Problem::in_text("rules", text, start, message);
        let document: Document = toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            Error::Startup(vec![problem(start, error.message())])
        })?;
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for rule in document.rules {
            let start = rule.span().start;
            match Rule::try_from(rule.into_inner()) {
                Ok(rule) => rules.push(rule),
                Err(message) => problems.push(problem(start, &message)),
            }
        }
        match problems.is_empty() {
            true => Ok(Rules { rules, problems }),
            false => Err(Error::Startup(problems)),
        }
    }
}
