//! Octets on their way in and out. A connection has memory for them only while there are any.

use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::AsyncWrite;

use super::spare;

/// Sent octets above which it pays to drop them before the rest is sent.
const SENT: usize = 1024;

/// What has come in and is not taken yet.
#[derive(Debug, Default)]
pub(super) struct ReadBuffer {
    octets: BytesMut,
    /// It has been made larger than a spare one is.
    grown: bool,
}

impl ReadBuffer {
    /// A buffer with what has come already.
    pub(super) fn new(received: &[u8]) -> ReadBuffer {
        ReadBuffer { octets: BytesMut::from(received), grown: true }
    }

    /// Where what comes next goes, with room for at least `least` octets.
    #[inline]
    pub(super) fn room(&mut self, least: usize) -> &mut BytesMut {
        if self.octets.capacity().saturating_sub(self.octets.len()) < least {
            match self.octets.is_empty() {
                true => {
                    self.rest();
                    self.octets = spare::take_input();
                }
                false => self.reserve(spare::INPUT),
            }
        }
        &mut self.octets
    }

    /// Makes room for so many octets more.
    pub(super) fn reserve(&mut self, more: usize) {
        self.grown = true;
        self.octets.reserve(more);
    }

    /// Gives back the memory that is for what comes next, if nothing waits in it.
    #[inline]
    pub(super) fn rest(&mut self) {
        if self.octets.is_empty() {
            let octets = std::mem::take(&mut self.octets);
            if !std::mem::take(&mut self.grown) {
                spare::give_input(octets);
            }
        }
    }
}

impl Deref for ReadBuffer {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.octets
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.octets
    }
}

/// Collects what is written and hands it on in as few writes as can be.
#[derive(Debug, Default)]
pub(super) struct WriteBuffer {
    octets: Vec<u8>,
    start: usize,
    sent: u64,
    /// The stream took octets since it last had handed all of them on.
    held: bool,
}

impl WriteBuffer {
    /// Where to append.
    #[inline]
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        if self.octets.capacity() == 0 {
            self.octets = spare::take_output();
        }
        &mut self.octets
    }

    /// Octets that are not handed on yet; of those that the stream holds one, since nobody knows how many they are.
    pub(super) fn unsent(&self) -> usize {
        self.octets.len().saturating_sub(self.start).saturating_add(usize::from(self.held))
    }

    /// Octets handed on so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes all there is, and has the stream hand on what it holds itself, as TLS does.
    pub(super) fn poll_drain<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.octets.get(self.start..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut *stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.held = true;
            self.start = self.start.saturating_add(written);
            self.sent = self.sent.saturating_add(written as u64);
            self.compact();
        }
        self.start = 0;
        if self.octets.capacity() > 0 {
            spare::give_output(std::mem::take(&mut self.octets));
        }
        ready!(Pin::new(stream).poll_flush(context))?;
        self.held = false;
        Poll::Ready(Ok(()))
    }

    /// Drops what has been sent, once it is the larger part.
    fn compact(&mut self) {
        if self.start > SENT && self.start > self.octets.len() / 2 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
    }
}

impl io::Write for WriteBuffer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.tail().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A stream that takes everything, and hands it on only when it may.
    #[derive(Default)]
    struct Holding {
        taken: usize,
        may_flush: bool,
    }

    impl AsyncWrite for Holding {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
            self.taken += octets.len();
            Poll::Ready(Ok(octets.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.may_flush { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_the_stream_holds_is_not_sent() {
        let context = &mut Context::from_waker(Waker::noop());
        let (mut buffer, mut stream) = (WriteBuffer::default(), Holding::default());
        assert_eq!(buffer.unsent(), 0);
        buffer.tail().extend([7; 5000]);
        assert_eq!(buffer.unsent(), 5000);
        for _ in 0..2 {
            assert!(buffer.poll_drain(&mut stream, context).is_pending());
            assert_eq!((stream.taken, buffer.sent(), buffer.unsent()), (5000, 5000, 1));
        }
        buffer.tail().push(7);
        assert_eq!(buffer.unsent(), 2);
        stream.may_flush = true;
        assert!(buffer.poll_drain(&mut stream, context).is_ready());
        assert_eq!((stream.taken, buffer.sent(), buffer.unsent()), (5001, 5001, 0));
    }

    #[test]
    fn octets_in_use_are_never_written_over() {
        let (mut first, mut second) = (ReadBuffer::default(), ReadBuffer::default());
        first.room(1).extend_from_slice(b"in use");
        let part = first.split_to(6).freeze();
        first.rest();
        second.room(1).extend_from_slice(b"others");
        assert_eq!(part, "in use");
        let place = second.as_ptr();
        drop(second.split_to(6));
        second.rest();
        assert_eq!(first.room(1).as_ptr(), place, "the same memory serves the next one");
    }

    #[test]
    fn what_grew_is_given_back_to_the_system() {
        let mut buffer = ReadBuffer::new(&[7; 3]);
        buffer.reserve(1 << 20);
        buffer.clear();
        buffer.rest();
        assert_eq!(buffer.capacity(), 0);
        assert_eq!(buffer.room(1).capacity(), spare::INPUT);

        let mut buffer = WriteBuffer::default();
        buffer.tail().resize(1 << 20, 7);
        let context = &mut Context::from_waker(Waker::noop());
        assert!(buffer.poll_drain(&mut Holding { may_flush: true, taken: 0 }, context).is_ready());
        assert!(buffer.tail().capacity() < 1 << 20);
    }
}
