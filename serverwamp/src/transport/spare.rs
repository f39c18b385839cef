//! Buffers that no connection needs now, one of a kind for each thread: whoever reads or writes next finds memory that the
//! processor has at hand, and idle connections have none.

use std::cell::Cell;

use bytes::BytesMut;

/// Octets that are read at once from a stream.
pub(super) const INPUT: usize = 4096;
/// Octets of a larger buffer than this are given back to the system.
const LARGEST_OUTPUT: usize = 16 * 1024;

thread_local! {
    static SPARE_INPUT: Cell<BytesMut> = Cell::default();
    static SPARE_OUTPUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer for what is read, with room for `INPUT` octets.
#[inline]
pub(super) fn take_input() -> BytesMut {
    match SPARE_INPUT.try_with(Cell::take) {
        Ok(spare) if spare.capacity() >= INPUT => spare,
        _ => BytesMut::with_capacity(INPUT),
    }
}

/// Takes back an empty buffer that was taken, unless parts of it are still in use.
#[inline]
pub(super) fn give_input(mut buffer: BytesMut) {
    if buffer.try_reclaim(INPUT) {
        // While a thread ends, nobody needs it.
        let _ = SPARE_INPUT.try_with(|spare| spare.set(buffer));
    }
}

/// An empty buffer for what is to be written.
#[inline]
pub(super) fn take_output() -> Vec<u8> {
    SPARE_OUTPUT.try_with(Cell::take).unwrap_or_default()
}

/// Takes back a buffer whose octets are written.
#[inline]
pub(super) fn give_output(mut buffer: Vec<u8>) {
    if buffer.capacity() <= LARGEST_OUTPUT {
        buffer.clear();
        let _ = SPARE_OUTPUT.try_with(|spare| spare.set(buffer));
    }
}
