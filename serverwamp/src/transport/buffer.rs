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
}

impl WriteBuffer {
    /// Where to append.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }

    pub(super) fn unsent(&self) -> usize {
        self.octets.len().saturating_sub(self.start)
    }

    /// Octets handed on so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Writes all there is.
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
