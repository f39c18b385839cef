//! A line that brings octets in pieces.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::{ByteStream, Invalid, Received, Transport};

/// A stream that brings pieces one by one, with nothing to read between them, then its end; and keeps what is written.
pub(super) struct Line {
    pieces: VecDeque<Vec<u8>>,
    has_waited: bool,
    written: Arc<Mutex<Vec<u8>>>,
}

/// What has been written to a line.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(super) fn octets(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Line {
    /// A line that brings octets in pieces of this size.
    pub(super) fn new(octets: &[u8], piece: usize) -> (Line, Written) {
        let written = Written::default();
        let pieces = octets.chunks(piece.max(1)).map(<[u8]>::to_vec).collect();
        (Line { pieces, has_waited: false, written: Arc::clone(&written.0) }, written)
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let line = &mut *self;
        line.has_waited = !line.has_waited;
        if line.has_waited {
            return Poll::Pending;
        }
        if let Some(piece) = line.pieces.front_mut() {
            let rest = piece.split_off(piece.len().min(buffer.remaining()));
            buffer.put_slice(piece);
            *piece = rest;
            if piece.is_empty() {
                line.pieces.pop_front();
            } else {
                // The rest is there already.
                line.has_waited = true;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let part = octets.get(..7).unwrap_or(octets);
        self.written.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl ByteStream for Line {
    fn poll_readable(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Waits for what nothing but a line delays.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// What came of a line: the frames, and how the peer broke the rules, if it did.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) frames: Vec<Bytes>,
    pub(super) invalid: Option<Invalid>,
}

/// Receives until the end, and sends what there is to send.
pub(super) fn receive_all(transport: &mut impl Transport) -> Outcome {
    let mut context = Context::from_waker(Waker::noop());
    let mut outcome = Outcome { frames: Vec::new(), invalid: None };
    loop {
        match transport.poll_receive(&mut context) {
            Poll::Pending => assert!(transport.poll_flush(&mut context).is_ready()),
            Poll::Ready(Received::Control) => {}
            Poll::Ready(Received::Frame(frame)) => {
                assert_eq!(outcome.invalid, None, "a frame behind what broke the rules");
                outcome.frames.push(frame);
            }
            // The frames behind it can be read, but nobody does.
            Poll::Ready(Received::Invalid(invalid @ Invalid::FrameKind { .. })) => {
                assert_eq!(outcome.invalid.replace(invalid), None, "nobody is told twice");
                break;
            }
            Poll::Ready(Received::Invalid(invalid)) => {
                assert_eq!(outcome.invalid.replace(invalid), None, "nobody is told twice");
            }
            Poll::Ready(Received::Closed) => break,
        }
    }
    assert!(matches!(transport.poll_flush(&mut context), Poll::Ready(Ok(()))));
    outcome
}
