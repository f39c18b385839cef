//! The client's side of a session.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;

use super::output::Output;
use super::words::{abort, goodbye};
use crate::wire::{
    self, CallOptions, Cancel, CancelMode, CancelOptions, Codec, EncodeError, Feature, Features, Hello, HelloDetails,
    Message, MessageType, Payload, RequestId, Roles, ScanLimits, Slots, Uri, uris,
};

const CALLER: Features = Features::NONE
    .with(Feature::ProgressiveCallResults)
    .with(Feature::CallCanceling)
    .with(Feature::CallTimeout)
    .with(Feature::CallerIdentification);

/// The client's side of one session.
///
/// WAMP: session life cycle and remote procedure calls, caller, basic profile.
#[derive(Debug)]
pub(crate) struct ClientSession {
    codec: Codec,
    scan: ScanLimits,
    state: State,
    next_request: RequestId,
    calls: HashSet<RequestId>,
    events: VecDeque<Event>,
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Joining,
    Established,
    ShuttingDown,
    Closed,
}

/// What a session tells its user.
#[derive(Debug)]
pub(crate) enum Event {
    /// The session is established.
    Welcome(Box<wire::Welcome>),
    /// A result of a call; the last one if it is not progress.
    Result { request: RequestId, progress: bool, payload: Payload },
    /// A call failed.
    Error { request: RequestId, error: Uri, payload: Payload },
    /// The session is over: the peer's reason and message, or what was wrong with what it sent.
    Ended { reason: Uri, message: Option<String> },
}

impl ClientSession {
    /// A session that asks to join a realm.
    pub(crate) fn join(codec: Codec, scan: ScanLimits, realm: Uri, agent: &str) -> ClientSession {
        let mut session = ClientSession {
            codec,
            scan,
            state: State::Joining,
            next_request: RequestId::FIRST,
            calls: HashSet::new(),
            events: VecDeque::new(),
            output: Output::default(),
        };
        let roles = Roles { caller: Some(CALLER), ..Roles::default() };
        let details = HelloDetails { roles: Some(roles), agent: Some(agent.into()), ..HelloDetails::default() };
        session.write(&Message::Hello(Box::new(Hello { realm, details: details.into() })));
        session
    }

    /// What the session has to tell.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Hands out the messages to send.
    pub(crate) fn drain_output(&mut self, send: impl FnMut(&[u8])) {
        self.output.drain(send);
    }

    /// Calls a procedure.
    pub(crate) fn call(
        &mut self,
        procedure: Uri,
        options: CallOptions,
        payload: Payload,
    ) -> Result<RequestId, EncodeError> {
        let request = self.next_request;
        let message = Message::Call(Box::new(wire::Call {
            request,
            options: options.into(),
            procedure,
            payload,
            slots: Slots::default(),
        }));
        self.output.write(|buffer| message.write(self.codec, buffer))?;
        self.next_request = request.next();
        self.calls.insert(request);
        Ok(request)
    }

    /// Gives up a call.
    pub(crate) fn cancel(&mut self, request: RequestId, mode: CancelMode) {
        if self.calls.contains(&request) {
            let options = CancelOptions { mode: Some(mode), ..CancelOptions::default() };
            self.write(&Message::Cancel(Box::new(Cancel { request, options: options.into() })));
        }
    }

    /// Asks for the end of the session.
    pub(crate) fn goodbye(&mut self, reason: Uri, message: Option<&str>) {
        if self.state == State::Established {
            self.write(&goodbye(reason, message));
            self.state = State::ShuttingDown;
        }
    }

    /// Takes a message from the peer.
    pub(crate) fn handle_message(&mut self, message: Bytes) {
        match Message::parse(self.codec, message, self.scan) {
            Ok(message) => self.handle_parsed(message),
            Err(error) => self.violation(&error.to_string()),
        }
    }

    /// The connection is gone.
    pub(crate) fn handle_disconnect(&mut self) {
        self.end(Uri::known(uris::TRANSPORT_LOST), None);
    }

    fn handle_parsed(&mut self, message: Message) {
        match (self.state, message) {
            (State::Closed, _) => {}
            (State::Joining, Message::Welcome(welcome)) => {
                self.state = State::Established;
                self.events.push_back(Event::Welcome(welcome));
            }
            (_, Message::Abort(refusal)) => self.end(refusal.reason, refusal.details.message.as_deref()),
            (State::Established, Message::Goodbye(farewell)) => {
                self.write(&goodbye(Uri::known(uris::GOODBYE_AND_OUT), None));
                self.end(farewell.reason, farewell.details.message.as_deref());
            }
            (State::ShuttingDown, Message::Goodbye(farewell)) => {
                self.end(farewell.reason, farewell.details.message.as_deref());
            }
            (State::ShuttingDown, _) => {}
            (State::Established, Message::Result(result)) if self.calls.contains(&result.request) => {
                let (request, progress) = (result.request, result.details.progress == Some(true));
                if !progress {
                    self.calls.remove(&request);
                }
                self.events.push_back(Event::Result { request, progress, payload: result.payload });
            }
            (State::Established, Message::Error(error))
                if error.request_type == MessageType::Call && self.calls.remove(&error.request) =>
            {
                let (request, payload) = (error.request, error.payload);
                self.events.push_back(Event::Error { request, error: error.error, payload });
            }
            (_, other) => self.violation(&format!("unexpected {}", other.kind().name())),
        }
    }

    fn violation(&mut self, message: &str) {
        if self.state != State::Closed {
            self.write(&abort(Uri::known(uris::PROTOCOL_VIOLATION), Some(message)));
            self.end(Uri::known(uris::PROTOCOL_VIOLATION), Some(message));
        }
    }

    fn end(&mut self, reason: Uri, message: Option<&str>) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.calls.clear();
            self.events.push_back(Event::Ended { reason, message: message.map(str::to_owned) });
        }
    }

    fn write(&mut self, message: &Message) {
        // What we say ourselves can always be written.
        let _ = self.output.write(|buffer| message.write(self.codec, buffer));
    }
}
