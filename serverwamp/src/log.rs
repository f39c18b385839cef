//! What others have said, fit for the log.

use std::fmt::{self, Display, Write};

/// The most characters that are shown.
const LONGEST: usize = 128;

/// Something that a peer has a say in, as the log shows it: no character does anything but stand for itself, and what is
/// long is cut.
///
/// Control characters, quotes, backslashes and what has no shape of its own (such as what turns the direction of text) are
/// escaped as in Rust; a text of more than 128 characters ends in `…`.
#[derive(Clone, Copy)]
pub(crate) struct Shown<T>(pub(crate) T);

/// Passes text on, escaped and as long as there is room for it.
struct Escaping<'a, 'f> {
    formatter: &'a mut fmt::Formatter<'f>,
    left: usize,
    is_full: bool,
}

impl<T: Display> Display for Shown<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaping = Escaping { formatter, left: LONGEST, is_full: false };
        match write!(escaping, "{}", self.0) {
            // Nothing more is asked for: what is cut may be very long.
            Err(_) if escaping.is_full => escaping.formatter.write_char('…'),
            written => written,
        }
    }
}

impl<T: Display> fmt::Debug for Shown<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, formatter)
    }
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let escaped = character.escape_debug();
            let length = if character == '\'' { 1 } else { escaped.len() };
            match self.left.checked_sub(length) {
                Some(left) => self.left = left,
                None => {
                    self.is_full = true;
                    return Err(fmt::Error);
                }
            }
            match character {
                '\'' => self.formatter.write_char(character)?,
                _ => write!(self.formatter, "{escaped}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_stays() {
        for text in ["", "com.example.add", "Grüße, 世界", "it's `x`", &"x".repeat(128)] {
            assert_eq!(Shown(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_not_is_escaped() {
        for (text, shown) in [
            ("a\nb\r\tc\0", r"a\nb\r\tc\0"),
            ("\u{1b}[31mred\u{7}", r"\u{1b}[31mred\u{7}"),
            ("say \"no\\", r#"say \"no\\"#),
            ("\u{202e}txt.exe\u{2066}", r"\u{202e}txt.exe\u{2066}"),
            ("a\u{200b}b\u{feff}\u{85}\u{2028}", r"a\u{200b}b\u{feff}\u{85}\u{2028}"),
            ("e\u{301}", r"e\u{301}"),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
            assert_eq!(format!("{:?}", Shown(text)), shown);
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        assert_eq!(Shown("x".repeat(129)).to_string(), "x".repeat(128) + "…");
        assert_eq!(Shown("\u{1b}".repeat(10_000)).to_string(), r"\u{1b}".repeat(21) + "…");
        assert_eq!(Shown(format_args!("{}{}", "é".repeat(100), "é".repeat(100))).to_string(), "é".repeat(128) + "…");
    }

    #[test]
    fn nothing_is_made_of_what_is_cut() {
        struct Endless;
        impl Display for Endless {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                loop {
                    formatter.write_str("more and ")?;
                }
            }
        }
        assert_eq!(Shown(Endless).to_string().chars().count(), 129);
    }
}
