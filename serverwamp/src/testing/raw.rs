//! A peer without a session machine, and the connections of both kinds of peers.

use std::sync::Arc;

use bytes::Bytes;

use crate::app::App;
use crate::client::CallError;
use crate::connection::{Connection, Place, Shared};
use crate::handler::TransportInfo;
use crate::transport::{Memory, Received, Transport};
use crate::wire::Subprotocol;

/// A peer of an app that sends and receives frames as they are, right or wrong.
#[derive(Debug)]
pub struct RawPeer {
    transport: Memory,
}

impl RawPeer {
    /// Connects to an app with a WebSocket subprotocol. Nothing is sent.
    ///
    /// # Errors
    /// The app is put together wrongly, or the subprotocol is not known.
    pub fn connect(app: &App, subprotocol: &str) -> Result<RawPeer, CallError> {
        open(app, subprotocol).map(|(transport, _)| RawPeer { transport })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn send(&mut self, frame: &[u8]) -> std::io::Result<()> {
        self.transport.send(frame);
        self.transport.flush().await
    }

    /// The next frame; none once the connection is closed. Cancel-safe.
    pub async fn receive(&mut self) -> Option<Bytes> {
        loop {
            match self.transport.receive().await {
                Received::Frame(frame) => return Some(frame),
                Received::Control => {}
                Received::Invalid(_) | Received::Closed => return None,
            }
        }
    }
}

/// Connects to an app in memory.
fn open(app: &App, subprotocol: &str) -> Result<(Memory, Subprotocol), CallError> {
    let shared = app.shared().map_err(|error| CallError::Startup(error.to_string()))?;
    let known = Subprotocol::from_name(subprotocol);
    let subprotocol = known.ok_or_else(|| CallError::Unsendable(format!("no subprotocol {subprotocol}")))?;
    let transport = connect(&shared, subprotocol).map_err(CallError::Startup)?;
    Ok((transport, subprotocol))
}

/// Connects to what an app has put together.
///
/// # Errors
/// There are too many connections, or the app shuts down.
pub(super) fn connect(shared: &Arc<Shared>, subprotocol: Subprotocol) -> Result<Memory, String> {
    let place = shared.admit().map_err(|error| error.to_string())?;
    let (ours, theirs) = Memory::pair(shared.limits.message_size_before_welcome, usize::MAX);
    tokio::spawn(serve(ours, subprotocol, Arc::clone(shared), place));
    Ok(theirs)
}

async fn serve(transport: Memory, subprotocol: Subprotocol, shared: Arc<Shared>, place: Place) {
    let serializer = subprotocol.serializer();
    let info = TransportInfo { kind: "memory", serializer, is_local: true, ..TransportInfo::default() };
    let control = Arc::clone(place.control());
    Connection::new(transport, subprotocol, info, shared, control).await;
    drop(place);
}
