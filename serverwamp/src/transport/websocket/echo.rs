//! A WebSocket that is its client's echo, for test suites of RFC 6455: they know nothing of WAMP.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{create_response, write_response};

use super::frames::{Frame, Head};
use super::{ByteStream, Close, Transport, WebSocket};
use crate::limits::Limits;
use crate::transport::http::head::read;

/// How long a client may take to go, once we have closed.
const CLOSING: Duration = Duration::from_secs(2);

/// Sends back every message until the client ends the connection, or breaks the rules. No subprotocol is asked for.
///
/// # Errors
/// The connection does not become a WebSocket, or breaks.
pub(crate) async fn echo<S: ByteStream>(mut stream: S, limits: &Limits) -> io::Result<()> {
    let (request, rest) = read(&mut stream, &mut Vec::new(), limits).await.map_err(io::Error::other)?;
    let response = create_response(&request).map_err(io::Error::other)?;
    let mut octets = Vec::new();
    write_response(&mut octets, &response).map_err(io::Error::other)?;
    stream.write_all(&octets).await?;
    stream.flush().await?;
    let mut socket = WebSocket::server(stream, &rest, true, limits.message_size);
    let close = poll_fn(|context| socket.poll_echo(context)).await?;
    socket.close(close);
    poll_fn(|context| socket.poll_flush(context)).await?;
    if close != Close::Answer {
        let _ = timeout(CLOSING, poll_fn(|context| socket.poll_gone(context))).await;
    }
    Ok(())
}

impl<S: ByteStream> WebSocket<S> {
    /// Sends back what comes, until there is a reason to close.
    fn poll_echo(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Close>> {
        loop {
            ready!(self.poll_flush(context))?;
            match self.input.next() {
                Ok(Some(Frame::Text(octets))) => self.queue(Head::Text, &octets),
                Ok(Some(Frame::Binary(octets))) => self.queue(Head::Binary, &octets),
                Ok(Some(control)) => {
                    self.handle(control);
                    if self.answer.is_some() {
                        return Poll::Ready(Ok(Close::Answer));
                    }
                }
                Ok(None) if ready!(self.poll_read(context))? == 0 => return Poll::Ready(Ok(Close::Answer)),
                Ok(None) => {}
                Err(invalid) => {
                    self.broken = true;
                    return Poll::Ready(Ok(invalid.close()));
                }
            }
        }
    }

    /// Waits for the end of what the client sends.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while ready!(self.poll_read(context))? > 0 {
            self.input.octets.clear();
        }
        Poll::Ready(Ok(()))
    }
}
