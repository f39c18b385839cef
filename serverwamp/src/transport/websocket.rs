//! WebSocket, RFC 6455; what is written is collected until the connection flushes.

mod echo;
mod frames;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use self::frames::{Frame, Frames, Head, Side};
use super::buffer::WriteBuffer;
use super::{ByteStream, Close, Invalid, Received, Transport};

pub(crate) use echo::echo;

/// Room below which more is made for the next octets.
const LEAST_ROOM: usize = 512;

/// An end of a WebSocket over any byte stream.
pub(crate) struct WebSocket<S> {
    stream: S,
    input: Frames,
    output: WriteBuffer,
    text: bool,
    /// Nothing is left of what was read.
    drained: bool,
    /// The other end has said its end, and with which code it is to be answered.
    answer: Option<Option<CloseCode>>,
    /// Our last frame is queued.
    closed: bool,
    /// The other end broke the rules: what it still sends is no longer looked at, not even an answer to our last frame.
    broken: bool,
    /// The stream's end follows our last frame.
    shut: bool,
}

impl<S: ByteStream> WebSocket<S> {
    /// The server's end of a connection that has been upgraded; `received` is what came with the request.
    pub(crate) fn server(stream: S, received: &[u8], text: bool, message_size: usize) -> WebSocket<S> {
        WebSocket::new(stream, Frames::new(Side::Server, received, message_size), text)
    }

    /// The client's end of a connection that has been upgraded; `received` is what came with the answer.
    pub(crate) fn client(stream: S, received: &[u8], text: bool, message_size: usize) -> WebSocket<S> {
        WebSocket::new(stream, Frames::new(Side::Client, received, message_size), text)
    }

    fn new(stream: S, input: Frames, text: bool) -> WebSocket<S> {
        WebSocket {
            stream,
            input,
            output: WriteBuffer::default(),
            text,
            drained: false,
            answer: None,
            closed: false,
            broken: false,
            shut: false,
        }
    }

    /// Reads more, if there is more.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Most turns have nothing to read, and need no room for it.
        if self.drained {
            ready!(self.stream.poll_readable(context));
            self.drained = false;
        }
        let read = pin!(self.stream.read_buf(self.input.octets.room(LEAST_ROOM))).poll(context);
        self.drained = read.is_pending();
        read
    }

    /// Takes what has been read, if it is there as a whole.
    fn next_received(&mut self) -> Option<Received> {
        if self.broken {
            self.input.octets.clear();
            return None;
        }
        match self.input.next() {
            Ok(frame) => frame.map(|frame| self.handle(frame)),
            Err(invalid) => {
                self.broken = true;
                Some(Received::Invalid(invalid))
            }
        }
    }

    /// What a frame means for the connection.
    fn handle(&mut self, frame: Frame) -> Received {
        match frame {
            Frame::Text(octets) if self.text => Received::Frame(octets),
            Frame::Binary(octets) if !self.text => Received::Frame(octets),
            Frame::Text(_) => Received::Invalid(Invalid::FrameKind { expected: "binary" }),
            Frame::Binary(_) => Received::Invalid(Invalid::FrameKind { expected: "text" }),
            Frame::Ping(octets) => {
                self.queue(Head::Pong, &octets);
                Received::Control
            }
            Frame::Pong => Received::Control,
            Frame::Close(code) => {
                self.answer = Some(code);
                Received::Closed
            }
        }
    }

    fn queue(&mut self, head: Head, payload: &[u8]) {
        if !self.closed {
            self.input.append(head, payload, self.output.tail());
        }
    }

    fn queue_close(&mut self, code: Option<CloseCode>) {
        let code = code.map(|code| u16::from(code).to_be_bytes());
        self.queue(Head::Close, code.as_ref().map_or(&[], |code| code.as_slice()));
        self.closed = true;
    }
}

impl<S: ByteStream> Transport for WebSocket<S> {
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        if let Some(received) = self.next_received() {
            return Poll::Ready(received);
        }
        match ready!(self.poll_read(context)) {
            // Part of a frame also shows that the other end is there, however long the frame may take.
            Ok(1..) => Poll::Ready(self.next_received().unwrap_or(Received::Control)),
            Ok(0) | Err(_) => Poll::Ready(Received::Closed),
        }
    }

    fn send(&mut self, frame: &[u8]) {
        self.queue(if self.text { Head::Text } else { Head::Binary }, frame);
    }

    fn ping(&mut self) -> bool {
        self.queue(Head::Ping, &[]);
        true
    }

    fn close(&mut self, close: Close) {
        let code = match close {
            Close::Answer => return self.answer.into_iter().for_each(|code| self.queue_close(code)),
            Close::Normal => CloseCode::Normal,
            Close::GoingAway => CloseCode::Away,
            Close::ProtocolError => CloseCode::Protocol,
            Close::NotText => CloseCode::Invalid,
            Close::TooLarge => CloseCode::Size,
        };
        self.queue_close(Some(code));
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.drained {
            // What was read has been handled by now, so that the buffer is free for others.
            self.input.octets.rest();
        }
        ready!(self.output.poll_drain(&mut self.stream, context))?;
        if self.broken && self.closed && !self.shut {
            // Section 7.1.7. To drop the stream at once could cost the client our last frame, if it is still sending.
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.shut = true;
        }
        Poll::Ready(Ok(()))
    }

    fn unsent(&self) -> usize {
        self.output.unsent()
    }

    fn sent(&self) -> u64 {
        self.output.sent()
    }

    fn set_message_size(&mut self, octets: usize) {
        self.input.message_size = octets;
    }
}
