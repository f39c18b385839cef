//! Octets on their way out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// What is kept allocated while there is nothing to send.
const KEPT: usize = 1024;

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
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
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
        if self.octets.capacity() > KEPT {
            self.octets = Vec::new();
        } else {
            self.octets.clear();
        }
        ready!(Pin::new(stream).poll_flush(context))?;
        self.held = false;
        Poll::Ready(Ok(()))
    }

    /// Drops what has been sent, once it is the larger part.
    fn compact(&mut self) {
        if self.start > KEPT && self.start > self.octets.len() / 2 {
            self.octets.drain(..self.start);
            self.start = 0;
        }
    }
}

impl io::Write for WriteBuffer {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.octets.extend_from_slice(octets);
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
}
