//! What holds for the values of every codec.

use crate::wire::{
    Arena, Codec, Dict, Head, Output, Read, Reader, ScanLimits, Token, Value, decode, decode_value, encode_into,
    scan_value, skip, transcode_value,
};

pub(super) const CODECS: [Codec; 3] = [Codec::Json, Codec::MessagePack, Codec::Cbor];

/// The limits that a server has by default.
pub(super) const LIMITS: ScanLimits = ScanLimits { depth: 64, nodes: 100_000 };

/// What somebody else's decoder makes of octets.
pub(super) enum Verdict {
    /// They are one value.
    Value(Value),
    /// They are one value, whose content the judge cannot tell.
    WellFormed,
    Malformed,
    /// The judge knows less of the codec than there is.
    Unknown,
}

/// Takes octets for one value.
pub(super) fn check(codec: Codec, octets: &[u8], judge: impl FnOnce(&[u8]) -> Verdict) {
    check_limits(codec, octets);
    let scanned = scan_value(codec, octets, LIMITS);
    let decoded = decode_value(codec, octets);
    assert_eq!(scanned.is_ok(), passes_by_tokens(codec, octets), "{scanned:?}");
    if let Err(error) = scanned {
        // What is too deep for a peer need not be too deep for the decoder.
        if error.kind.limit().is_none() {
            assert!(decoded.is_err(), "{error}, but {decoded:?}");
            let is_well_formed = matches!(judge(octets), Verdict::Value(_) | Verdict::WellFormed);
            // Codecs have keys of any kind, which messages have not; and ciborium takes chunks that are made of chunks.
            let error = error.to_string();
            let is_known = ["a scalar as key", "a known length"].iter().any(|known| error.contains(known));
            assert!(!is_well_formed || is_known, "a judge does not say {error}");
        }
        return;
    }
    let value = match (decoded, judge(octets)) {
        (_, Verdict::Malformed) => panic!("malformed, says a judge"),
        (Ok(value), Verdict::Value(judged)) => {
            assert!(is_same(&value, &judged), "{value:?}, and {judged:?} says a judge");
            value
        }
        (Ok(value), _) => value,
        (Err(error), _) => {
            let known = ["invalid base64", "more than 128 bits", "number out of range", "invalid key", "bignum"];
            let error = error.to_string();
            assert!(known.iter().any(|known| error.contains(known)), "{error}");
            return;
        }
    };
    check_round_trip(codec, &value);
    for other in CODECS {
        check_transcoding(codec, octets, &value, other);
    }
}

/// No limit changes anything but whether the value is accepted.
fn check_limits(codec: Codec, octets: &[u8]) {
    let depths = [0, 1, 2, 64, 128, usize::MAX].map(|depth| ScanLimits { depth, nodes: usize::MAX });
    let accepted = depths.map(|limits| scan_value(codec, octets, limits).is_ok());
    assert!(accepted.is_sorted(), "{accepted:?}");
    let nodes = [0, 1, 2, 3, octets.len(), octets.len().saturating_mul(2)].map(|nodes| ScanLimits { depth: 64, nodes });
    let mut accepted = nodes.map(|limits| scan_value(codec, octets, limits).is_ok());
    let [.., most, unlimited] = accepted;
    assert_eq!(most, unlimited, "every value and key takes an octet");
    accepted[..4].sort_unstable();
    assert!(accepted.is_sorted(), "{accepted:?}");
}

/// Whether reading each token, as the decoder does, comes to the end. The scanner and `skip` read heads instead.
fn passes_by_tokens(codec: Codec, octets: &[u8]) -> bool {
    let mut reader = Reader::new(codec, octets);
    let mut skipper = reader;
    let passes = value_by_tokens(&mut reader, LIMITS.depth);
    let skipped = skip(&mut skipper, LIMITS.depth);
    assert_eq!(passes.is_some(), skipped.is_ok(), "{skipped:?}");
    if passes.is_some() {
        assert_eq!(reader.position(), skipper.position());
    }
    passes.is_some() && reader.finish().is_ok()
}

fn value_by_tokens(reader: &mut Reader<'_>, depth: usize) -> Option<()> {
    let mut copy = *reader;
    let small = copy.take_small_integer();
    let token = reader.token().ok()?;
    if let Some(small) = small {
        assert_eq!((token, copy.position()), (Token::Integer(small.into()), reader.position()));
    }
    match token {
        Token::List(mut items) => {
            let depth = depth.checked_sub(1)?;
            while reader.more(&mut items).ok()? {
                value_by_tokens(reader, depth)?;
            }
        }
        Token::Map(mut items) => {
            let depth = depth.checked_sub(1)?;
            while reader.more(&mut items).ok()? {
                let mut copy = *reader;
                let head = copy.key_head();
                let key = reader.key();
                assert_eq!(head.is_ok(), key.is_ok(), "{key:?}");
                let scalar = !matches!(key.ok()?, Token::List(_) | Token::Map(_) | Token::Tag(_));
                assert_eq!((head, copy.position()), (if scalar { Ok(Head::Scalar) } else { head }, reader.position()));
                if !scalar {
                    return None;
                }
                reader.separator().ok()?;
                value_by_tokens(reader, depth)?;
            }
        }
        Token::Tag(_) => value_by_tokens(reader, depth.checked_sub(1)?)?,
        _ => {}
    }
    Some(())
}

/// What is encoded again is read as the same.
fn check_round_trip(codec: Codec, value: &Value) {
    let mut encoded = Vec::new();
    encode_into(codec, value, &mut encoded).unwrap();
    assert!(scan_value(codec, &encoded, ScanLimits::NONE).is_ok(), "{encoded:02x?}");
    let arena = Arena::default();
    let again: Value = decode(codec, &encoded, &arena).unwrap();
    assert!(is_same(&again, value), "{again:?} was {value:?}");
}

/// What goes to another codec and back is the same, but for what the other one does not tell apart.
fn check_transcoding(codec: Codec, octets: &[u8], value: &Value, other: Codec) {
    let mut there = Vec::new();
    if let Err(error) = transcode_value(codec, octets, &mut Output::new(other, &mut there)) {
        assert!(!is_common(value), "{error}: {value:?}");
        return;
    }
    assert!(scan_value(other, &there, ScanLimits::NONE).is_ok(), "{other} {there:02x?}");
    let read = decode_value(other, &there).unwrap();
    let expected = if other == codec { value.clone() } else { without(value.clone(), other) };
    assert!(is_same(&read, &expected), "{other}: {read:?} was {expected:?}");
    let mut back = Vec::new();
    transcode_value(other, &there, &mut Output::new(codec, &mut back)).unwrap();
    let read = decode_value(codec, &back).unwrap();
    assert!(is_same(&read, &expected), "{other} and back: {read:?} was {expected:?}");
}

/// The value as a codec holds it, which may know neither extensions nor tags.
fn without(value: Value, codec: Codec) -> Value {
    match value {
        Value::Extension(_, data) if codec != Codec::MessagePack => Value::Bytes(data),
        Value::Tag(_, value) if codec != Codec::Cbor => without(*value, codec),
        Value::Array(values) => Value::Array(values.into_iter().map(|value| without(value, codec)).collect()),
        Value::Map(dict) => Value::Map(dict.into_iter().map(|(key, value)| (key, without(value, codec))).collect()),
        value => value,
    }
}

/// Whether every codec can hold the value.
fn is_common(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Bytes(_) | Value::Extension(..) => true,
        Value::Integer(integer) => integer.as_i64().is_some() || integer.as_u64().is_some(),
        Value::Float(float) => float.is_finite(),
        Value::String(text) => !text.starts_with('\0'),
        Value::Array(values) => values.iter().all(is_common),
        // The keys may have been numbers.
        Value::Map(dict) => dict.is_empty(),
        Value::Tag(..) => false,
    }
}

/// Equality that takes one NaN for another, and in which the two zeros differ.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Float(one), Value::Float(other)) => one.to_bits() == other.to_bits() || one.is_nan() && other.is_nan(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Map(one), Value::Map(other)) => {
            let has = |(key, value)| Dict::get(other, key).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(has)
        }
        (Value::Tag(one, value), Value::Tag(other, content)) => one == other && is_same(value, content),
        _ => one == other,
    }
}
