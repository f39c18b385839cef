//! Frames between two ends within the process.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::buffer::WriteBuffer;
use super::{Close, Invalid, Received, Transport};

/// Octets that one end may write before the other reads, as with a socket's buffers.
const CAPACITY: usize = 64 * 1024;

/// Frames with their length in front, over a pipe in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    stream: DuplexStream,
    input: BytesMut,
    output: WriteBuffer,
    message_size: usize,
    closing: bool,
    /// The other end broke the framing: what it still sends cannot be read as frames.
    broken: bool,
}

impl Memory {
    /// Two connected ends, each with the size of the messages that it accepts.
    pub(crate) fn pair(one_accepts: usize, other_accepts: usize) -> (Memory, Memory) {
        let (one, other) = tokio::io::duplex(CAPACITY);
        let end = |stream, message_size| Memory {
            stream,
            input: BytesMut::new(),
            output: WriteBuffer::default(),
            message_size,
            closing: false,
            broken: false,
        };
        (end(one, one_accepts), end(other, other_accepts))
    }

    /// Waits for what the other end sends.
    pub(crate) async fn receive(&mut self) -> Received {
        std::future::poll_fn(|context| self.poll_receive(context)).await
    }

    /// Waits until the pipe has taken all that was sent.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_flush(context)).await
    }

    fn frame(&mut self) -> Option<Received> {
        let length = self.input.get(..4)?.try_into().map(u32::from_be_bytes).ok()? as usize;
        if length > self.message_size {
            self.broken = true;
            return Some(Received::Invalid(Invalid::TooLarge));
        }
        if self.input.len() < length.saturating_add(4) {
            return None;
        }
        self.input.advance(4);
        Some(Received::Frame(self.input.split_to(length).freeze()))
    }
}

impl Transport for Memory {
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        loop {
            match self.broken {
                true => self.input.clear(),
                false => {
                    if let Some(received) = self.frame() {
                        return Poll::Ready(received);
                    }
                }
            }
            let mut octets = [0; 4096];
            let mut buffer = ReadBuf::new(&mut octets);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.input.extend_from_slice(buffer.filled()),
                Ok(()) | Err(_) => return Poll::Ready(Received::Closed),
            }
        }
    }

    fn send(&mut self, frame: &[u8]) {
        let Ok(length) = u32::try_from(frame.len()) else { return };
        if !self.closing {
            self.output.tail().extend_from_slice(&length.to_be_bytes());
            self.output.tail().extend_from_slice(frame);
        }
    }

    fn ping(&mut self) -> bool {
        false
    }

    fn close(&mut self, _: Close) {
        self.closing = true;
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.output.poll_drain(&mut self.stream, context))?;
        match self.closing {
            true => Pin::new(&mut self.stream).poll_shutdown(context),
            false => Poll::Ready(Ok(())),
        }
    }

    fn unsent(&self) -> usize {
        self.output.unsent()
    }

    fn sent(&self) -> u64 {
        self.output.sent()
    }

    fn set_message_size(&mut self, octets: usize) {
        self.message_size = octets;
    }
}
