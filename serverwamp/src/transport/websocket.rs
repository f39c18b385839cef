//! WebSocket, RFC 6455, by tungstenite; what is written is collected until the connection flushes.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::buffer::WriteBuffer;
use super::{ByteStream, Close, Invalid, Received, Transport};

/// Read at once from the stream. A quarter of the memory of an idle session.
const READ_BUFFER: usize = 4096;

/// A WebSocket over any byte stream.
pub(crate) struct WebSocket<S> {
    stream: S,
    context: WebSocketContext,
    output: WriteBuffer,
    text: bool,
    /// Nothing is left of what was read.
    drained: bool,
    /// The peer broke the framing: what it still sends cannot be read as frames.
    broken: bool,
}

impl<S: ByteStream> WebSocket<S> {
    /// The server's end of a connection that has been upgraded; `received` is what came with the request.
    pub(crate) fn server(stream: S, received: Vec<u8>, text: bool, message_size: usize) -> WebSocket<S> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(usize::MAX)
            .max_message_size(Some(message_size))
            .max_frame_size(Some(message_size))
            .accept_unmasked_frames(false);
        let context = WebSocketContext::from_partially_read(received, Role::Server, Some(config));
        WebSocket { stream, context, output: WriteBuffer::default(), text, drained: false, broken: false }
    }

    /// Reads what is of no interest any more, until the peer closes.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let mut octets = [0; READ_BUFFER];
        let mut buffer = ReadBuf::new(&mut octets);
        match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
            Ok(()) if !buffer.filled().is_empty() => Poll::Ready(Received::Control),
            Ok(()) | Err(_) => Poll::Ready(Received::Closed),
        }
    }
}

impl<S: ByteStream> Transport for WebSocket<S> {
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        if self.broken {
            return self.poll_discard(context);
        }
        // Most turns have nothing to read, and tungstenite clears a whole buffer for each attempt.
        if self.drained {
            ready!(self.stream.poll_readable(context));
            self.drained = false;
        }
        let mut ends = Ends { stream: &mut self.stream, output: &mut self.output, context: Some(context) };
        let received = match self.context.read(&mut ends) {
            Ok(Message::Text(text)) if self.text => Received::Frame(Bytes::from(text)),
            Ok(Message::Binary(octets)) if !self.text => Received::Frame(octets),
            Ok(Message::Text(_)) => Received::Invalid(Invalid::FrameKind { expected: "binary" }),
            Ok(Message::Binary(_)) => Received::Invalid(Invalid::FrameKind { expected: "text" }),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => Received::Control,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.drained = true;
                return Poll::Pending;
            }
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => Received::Invalid(Invalid::TooLarge),
            Err(Error::Utf8(_)) => Received::Invalid(Invalid::NotText),
            Err(Error::Protocol(error)) if self.context.can_write() => {
                use tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
                match error {
                    ResetWithoutClosingHandshake => Received::Closed,
                    error => Received::Invalid(Invalid::Framing(error.to_string())),
                }
            }
            Err(_) => Received::Closed,
        };
        self.broken = matches!(received, Received::Invalid(Invalid::TooLarge | Invalid::NotText | Invalid::Framing(_)));
        Poll::Ready(received)
    }

    fn send(&mut self, frame: &[u8]) {
        if !self.context.can_write() {
            return;
        }
        let opcode = OpCode::Data(if self.text { Data::Text } else { Data::Binary });
        let header = FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode, mask: None };
        // Writing to a Vec cannot fail.
        let tail = self.output.tail();
        let _ = header.format(frame.len() as u64, tail);
        tail.extend_from_slice(frame);
    }

    fn ping(&mut self) -> bool {
        let mut ends = Ends { stream: &mut self.stream, output: &mut self.output, context: None };
        // It only fails once the connection is closing, when no ping is wanted.
        let _ = self.context.write(&mut ends, Message::Ping(Bytes::new()));
        true
    }

    fn close(&mut self, close: Close) {
        let (code, reason) = match close {
            Close::Normal => (CloseCode::Normal, ""),
            Close::GoingAway => (CloseCode::Away, "shutdown"),
            Close::ProtocolError => (CloseCode::Protocol, "protocol violation"),
            Close::NotText => (CloseCode::Invalid, "not UTF-8"),
            Close::TooLarge => (CloseCode::Size, "message too large"),
        };
        let mut ends = Ends { stream: &mut self.stream, output: &mut self.output, context: None };
        // It only fails where the connection is closed already.
        let _ = self.context.close(&mut ends, Some(CloseFrame { code, reason: reason.into() }));
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_drain(&mut self.stream, context)
    }

    fn unsent(&self) -> usize {
        self.output.unsent()
    }

    fn sent(&self) -> u64 {
        self.output.sent()
    }

    fn set_message_size(&mut self, octets: usize) {
        self.context.set_config(|config| {
            config.max_message_size = Some(octets);
            config.max_frame_size = Some(octets);
        });
    }
}

/// The two ends of a stream as tungstenite sees them: reading asks the stream, writing only collects.
struct Ends<'a, 'b, S> {
    stream: &'a mut S,
    output: &'a mut WriteBuffer,
    context: Option<&'a mut Context<'b>>,
}

impl<S: AsyncRead + Unpin> Read for Ends<'_, '_, S> {
    fn read(&mut self, octets: &mut [u8]) -> io::Result<usize> {
        let Some(context) = self.context.as_mut() else { return Err(io::ErrorKind::WouldBlock.into()) };
        let mut buffer = ReadBuf::new(octets);
        match Pin::new(&mut *self.stream).poll_read(context, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S> Write for Ends<'_, '_, S> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.output.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
