use crate::wire::codec::Token;

const DAY: i64 = 86_400;

/// A point in time as the binary codecs encode it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    /// Reads the data of MessagePack's timestamp extension, in its three widths.
    pub(super) fn from_extension(data: &[u8]) -> Option<Self> {
        if let Ok(seconds) = data.try_into() {
            return Some(Self { seconds: u32::from_be_bytes(seconds).into(), nanoseconds: 0 });
        }
        if let Ok(both) = data.try_into() {
            let both = u64::from_be_bytes(both);
            let nanoseconds = u32::try_from(both >> 34).ok()?;
            return Some(Self { seconds: i64::try_from(both & 0x3_ffff_ffff).ok()?, nanoseconds });
        }
        let (nanoseconds, seconds) = data.split_first_chunk()?;
        let nanoseconds = u32::from_be_bytes(*nanoseconds);
        Some(Self { seconds: i64::from_be_bytes(seconds.try_into().ok()?), nanoseconds })
    }

    /// Reads the number of seconds that follows CBOR's tag 1.
    pub(super) fn from_number(token: &Token<'_>) -> Option<Self> {
        let float = match *token {
            Token::Integer(seconds) => return Some(Self { seconds: seconds.try_into().ok()?, nanoseconds: 0 }),
            Token::Single(float) => f64::from(float),
            Token::Double(float) => float,
            _ => return None,
        };
        // A float of today's seconds is no more exact than a microsecond, so further digits would be noise. The cast
        // saturates, and the range check of the calendar refuses what saturated.
        let microseconds = (float * 1e6).round() as i64;
        let nanoseconds = u32::try_from(microseconds.rem_euclid(1_000_000)).ok()?.checked_mul(1000)?;
        (!float.is_nan()).then_some(Self { seconds: microseconds.div_euclid(1_000_000), nanoseconds })
    }

    /// The time in UTC, for the years that RFC 3339 can name.
    pub(super) fn to_rfc3339(self) -> Option<String> {
        let (year, month, day) = civil_date(self.seconds.div_euclid(DAY))?;
        let second = self.seconds.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let fraction = match self.nanoseconds {
            0 => String::new(),
            nanoseconds @ 1..1_000_000_000 => format!(".{nanoseconds:09}"),
            _ => return None,
        };
        Some(format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{}Z",
            fraction.trim_end_matches('0')
        ))
    }
}

/// The year, month and day of a number of days since 1970-01-01, in the years 0 to 9999.
fn civil_date(days: i64) -> Option<(i64, i64, i64)> {
    // Counts from 0000-03-01, so that the leap day is the last day of its year.
    let days = days.checked_add(719_468).filter(|days| (-60..=3_652_364).contains(days))?;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    Some((year_of_era + era * 400 + i64::from(month <= 2), month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_chrono_does() {
        let days = [0, 1, -1, 59, 60, 365, 10_957, 11_016, 19_782, -25_509, -719_528, 2_932_896, 18_321];
        for seconds in days.into_iter().flat_map(|day| [day * DAY, day * DAY + 86_399, day * DAY + 3_661]) {
            for nanoseconds in [0, 1, 120_000_000, 999_999_999] {
                let ours = Timestamp { seconds, nanoseconds }.to_rfc3339().unwrap();
                let theirs = chrono::DateTime::from_timestamp(seconds, nanoseconds).unwrap();
                assert_eq!(chrono::DateTime::parse_from_rfc3339(&ours).unwrap(), theirs, "{ours}");
            }
        }
    }

    #[test]
    fn refuses_what_rfc_3339_cannot_name() {
        for seconds in [i64::MIN, i64::MAX, 253_402_300_800, -62_167_219_201] {
            assert_eq!(Timestamp { seconds, nanoseconds: 0 }.to_rfc3339(), None, "{seconds}");
        }
        assert_eq!(Timestamp { seconds: 0, nanoseconds: 1_000_000_000 }.to_rfc3339(), None);
        assert_eq!(Timestamp::from_number(&Token::Double(f64::NAN)), None);
        assert_eq!(Timestamp::from_extension(&[0; 5]), None);
    }
}
