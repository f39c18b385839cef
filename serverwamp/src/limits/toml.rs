//! Limits from TOML.

use super::Limits;
use crate::error::{Error, Problem};

impl Limits {
    /// Reads limits from TOML; those that it does not name have their defaults.
    ///
    /// Durations are texts as in the attributes of functions, sizes are numbers of octets or texts. A program with a
    /// configuration of its own has a field of this type in it: serde reads it from any format.
    ///
    /// ```
    /// # fn main() -> serverwamp::Result<()> {
    /// use serverwamp::Limits;
    ///
    /// let limits = Limits::from_toml(
    ///     r#"
    ///     message_size = "4 MiB" # or 4194304
    ///     hello_timeout = "2.5s"
    ///     calls_in_flight = 64
    ///     "#,
    /// )?;
    /// assert_eq!(limits.subscriptions, Limits::default().subscriptions);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Startup`] with the first mistake and its line. A name that is not known is a mistake.
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    pub fn from_toml(text: &str) -> crate::error::Result<Limits> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            Error::Startup(vec![Problem::in_text("limits", text, start, error.message())])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_their_line() {
        for (text, expected) in [
            (
                "depth = 7\n\ndrain = \"soon\"",
                "limits, line 3: invalid value: string \"soon\", expected `drain` to be a",
            ),
            ("depth = 7\nnodse = 7", "limits, line 2: unknown field `nodse`, expected one of "),
            ("depth = 7\ndepth = 8", "limits, line 2: duplicate key"),
            ("depth =", "limits, line 1: "),
        ] {
            match Limits::from_toml(text).unwrap_err() {
                Error::Startup(problems) => {
                    assert!(problems[0].to_string().starts_with(expected), "{}", problems[0]);
                }
                other => panic!("{other}"),
            }
        }
    }
}
