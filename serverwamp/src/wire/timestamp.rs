//! Points in time, as the binary codecs encode them and as text.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::wire::codec::Token;

const DAY: i64 = 86_400;
const NANOSECONDS: i64 = 1_000_000_000;

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    /// Reads the data of MessagePack's timestamp extension, in its three widths.
    pub(crate) fn from_extension(data: &[u8]) -> Option<Self> {
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
    pub(crate) fn from_number(token: &Token<'_>) -> Option<Self> {
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

    /// Nanoseconds since 1970-01-01T00:00:00Z, in the years 1678 to 2261; beyond them the nearest.
    pub(crate) fn to_nanoseconds(self) -> i64 {
        self.seconds.saturating_mul(NANOSECONDS).saturating_add(self.nanoseconds.into())
    }

    /// So many nanoseconds after 1970-01-01T00:00:00Z.
    pub(crate) fn from_nanoseconds(nanoseconds: i64) -> Self {
        let part = u32::try_from(nanoseconds.rem_euclid(NANOSECONDS)).unwrap_or_default();
        Self { seconds: nanoseconds.div_euclid(NANOSECONDS), nanoseconds: part }
    }

    /// Reads a time with its offset from UTC, as RFC 3339 has it; what is finer than a nanosecond is left out.
    pub(crate) fn from_rfc3339(text: &str) -> Option<Self> {
        let (date, time) = text.split_at_checked(10)?;
        let time = time.strip_prefix(['T', 't', ' '])?;
        let zone = time.find(['Z', 'z', '+', '-'])?;
        let (time, zone) = time.split_at_checked(zone)?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let (time, fraction) = time.split_once('.').map_or((time, None), |(time, fraction)| (time, Some(fraction)));
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let offset = match zone {
            "Z" | "z" => 0,
            zone => {
                let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
                let offset = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
                if zone.starts_with('-') { -offset } else { offset }
            }
        };
        let nanoseconds = match fraction {
            None => 0,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                format!("{digits:0<9}").get(..9)?.parse().ok()?
            }
            Some(_) => return None,
        };
        let days = days_since_1970(year, month, day);
        // A leap second is the one after it.
        let valid = hour <= 23 && minute <= 59 && second <= 60 && civil_date(days) == Some((year, month, day));
        let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset;
        valid.then_some(Self { seconds, nanoseconds })
    }

    /// The time in UTC, for the years that RFC 3339 can name.
    pub(crate) fn to_rfc3339(self) -> Option<String> {
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

/// Numbers of so many digits with a separator between them.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|it| it.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The days from 1970-01-01 to a date of the years 0 to 9999.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // As below, the year begins in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl From<SystemTime> for Timestamp {
    /// Times before 1970 count as its beginning.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), nanoseconds: since.subsec_nanos() }
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
    fn reads_what_chrono_reads() {
        for text in [
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.5Z",
            "2024-02-29T23:59:59.123456789+02:30",
            "1969-12-31t23:59:59.000000001z",
            "0000-01-01 00:00:00-00:00",
            "9999-12-31T23:59:59-23:59",
            "2016-12-31T23:59:59.123456789987Z",
        ] {
            let theirs = chrono::DateTime::parse_from_rfc3339(text).unwrap();
            let (seconds, nanoseconds) = (theirs.timestamp(), theirs.timestamp_subsec_nanos());
            let ours = Timestamp::from_rfc3339(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(ours, Timestamp { seconds, nanoseconds }, "{text}");
            if (1700..2200).contains(&theirs.naive_utc().date().format("%Y").to_string().parse::<i32>().unwrap()) {
                assert_eq!(Timestamp::from_nanoseconds(ours.to_nanoseconds()), ours, "{text}");
            }
        }
        for text in [
            "",
            "2026-01-02",
            "2026-01-02T03:04:05",
            "2026-13-02T03:04:05Z",
            "2026-02-30T03:04:05Z",
            "2026-01-02T24:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1x2Z",
            "2026-01-02T03:04Z",
            "2026-01-02T03:04:05+0100",
            "2026-01-02T03:04:05+24:00",
            "2026-1-02T03:04:05Z",
            "+026-01-02T03:04:05Z",
            "2026-01-02T03:04:05Zx",
            "2026-01-0éT03:04:05Z",
        ] {
            assert_eq!(Timestamp::from_rfc3339(text), None, "{text}");
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
