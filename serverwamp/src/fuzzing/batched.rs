use bytes::Bytes;

use super::codec::CODECS;
use crate::wire::{BatchError, Codec, Separator, append_to_batch, split_batch};

/// Octets as a frame of the batched subprotocols: taken apart and put together again, it is the same.
pub fn batched(octets: &[u8]) {
    for codec in CODECS {
        let frame = Bytes::copy_from_slice(octets);
        let messages = split_batch(codec, frame.clone());
        assert_eq!(messages.as_ref().map(|messages| messages.to_vec()), expected(codec, octets).as_ref().cloned());
        let Ok(messages) = messages else { continue };
        for separator in [Separator::RecordSeparator, Separator::Cancel] {
            let mut batch = Vec::new();
            messages.iter().for_each(|message| append_to_batch(codec, separator, message, &mut batch).unwrap());
            assert_eq!(split_batch(codec, Bytes::from(batch.clone())).unwrap(), messages);
            match codec {
                Codec::Json => assert_eq!(Separator::of_frame(&batch), Some(separator)),
                Codec::MessagePack | Codec::Cbor => assert_eq!(batch, octets),
            }
        }
    }
}

/// What the rules say, octet by octet.
fn expected(codec: Codec, octets: &[u8]) -> Result<Vec<Bytes>, BatchError> {
    let mut messages = Vec::new();
    let mut rest = octets.iter().copied();
    if codec == Codec::Json {
        let mut message = Vec::new();
        for octet in rest {
            match octet {
                0x1e | 0x18 => messages.push(std::mem::take(&mut message).into()),
                octet => message.push(octet),
            }
        }
        if !message.is_empty() {
            messages.push(message.into());
        }
    } else {
        while rest.len() > 0 {
            let prefix: Vec<u8> = rest.by_ref().take(4).collect();
            let prefix = prefix.try_into().map_err(|_| BatchError::Truncated)?;
            let length = u32::from_be_bytes(prefix) as usize;
            let message: Bytes = rest.by_ref().take(length).collect();
            if message.len() < length {
                return Err(BatchError::Truncated);
            }
            messages.push(message);
        }
    }
    if messages.is_empty() { Err(BatchError::Empty) } else { Ok(messages) }
}
