//! The server's side of a session.

mod calls;
mod endings;
mod invocations;
mod joining;
mod sizes;
mod topics;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::auth::Answer;
use super::output::Output;
use crate::limits::Limits;
use crate::wire::{
    self, Codec, ErrorMessage, Features, Hello, MAX_ID, Message, MessageType, ParseError, Parser, Payload,
    PayloadBuilder, Publish, RawDict, Register, RequestId, ScanLimits, SessionId, Subscribe, Unregister, Unsubscribe,
    Uri, Yield, uris,
};

pub(crate) use crate::wire::CancelMode;

/// The server's side of one connection's sessions, one after the other.
///
/// WAMP: session life cycle, basic profile; the list of protocol violations is that of PROTOCOL 1.5.
#[derive(Debug)]
pub(crate) struct ServerSession {
    codec: Codec,
    limits: ServerLimits,
    state: State,
    deadline: Option<Instant>,
    /// What the client announced for its roles.
    client: Client,
    /// Whether the realm is a router, whose clients may be callees.
    is_router: bool,
    /// The id of the last INVOCATION.
    last_invocation: u64,
    /// By when a client has to be in.
    welcome_by: Option<Instant>,
    /// Whether there was a session before.
    was_joined: bool,
    /// How often the client was challenged since HELLO.
    challenges: u32,
    /// Calls without their final reply, by request id. A client that chooses its ids so that they collide slows itself
    /// down, and has no more of them than calls in flight.
    calls: FxHashMap<RequestId, OpenCall>,
    /// The newest of them, not among `calls` yet: most have their reply before the next message comes.
    newest: Option<(RequestId, OpenCall)>,
    next_call: u64,
    /// Calls that ended before their last part came, which then is no new call.
    unfinished: VecDeque<RequestId>,
    /// Calls whose handlers run, those without a reply to come included.
    running: usize,
    last_request: u64,
    parser: Parser,
    actions: VecDeque<Action>,
    output: Output,
    /// Octets of a message that the peer takes.
    peer_message_size: usize,
}

/// What bounds a session.
#[derive(Debug, Clone)]
pub(crate) struct ServerLimits {
    pub(crate) scan: ScanLimits,
    pub(crate) calls_in_flight: usize,
    pub(crate) reply_size: usize,
    pub(crate) hello_timeout: Duration,
    pub(crate) welcome_timeout: Duration,
    pub(crate) goodbye_timeout: Duration,
    pub(crate) strict_request_ids: bool,
}

impl ServerLimits {
    pub(crate) fn new(limits: &Limits) -> ServerLimits {
        ServerLimits {
            scan: ScanLimits { depth: limits.depth, nodes: limits.nodes },
            calls_in_flight: limits.calls_in_flight,
            reply_size: limits.outbound_bytes / 4,
            hello_timeout: limits.hello_timeout,
            welcome_timeout: limits.welcome_timeout,
            goodbye_timeout: GOODBYE_TIMEOUT,
            strict_request_ids: limits.strict_request_ids,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been said, or GOODBYE was.
    AwaitingHello,
    /// HELLO came, or AUTHENTICATE; the application has not decided.
    Joining,
    /// CHALLENGE is out.
    Challenging,
    Established,
    /// The peer's GOODBYE is in, ours is not out.
    Leaving,
    /// Our GOODBYE is out, the peer's is not in.
    ShuttingDown,
    Closed,
}

#[derive(Debug, Clone, Copy)]
struct OpenCall {
    serial: u64,
    /// Whether more parts of its arguments are to come.
    is_progressive: bool,
}

/// What a client announced for those of its roles that it matters for.
#[derive(Debug, Clone, Copy, Default)]
struct Client {
    caller: Features,
    callee: Features,
    subscriber: Features,
}

/// What a session asks of the application.
#[derive(Debug)]
pub(crate) enum Action {
    /// A client wants to join a realm: answer with `challenge`, `welcome` or `abort`.
    Join(Box<Hello>),
    /// A client has answered a challenge: go on with `challenge`, `welcome` or `abort`.
    Authenticate(Answer),
    /// Run a procedure and answer with `result` or `error`. `serial` tells calls with one request id apart.
    Call { call: Box<wire::Call>, serial: u64 },
    /// More of a call's arguments.
    Continue { call: Box<wire::Call>, serial: u64 },
    /// A callee has a result, or a part of it.
    Yield(Box<Yield>),
    /// A callee has failed.
    Fail(Box<ErrorMessage>),
    /// A caller gives up a call. With `Kill` an answer is still due.
    Cancel { serial: u64, mode: CancelMode },
    /// A client wants events.
    Subscribe(Box<Subscribe>),
    /// A client wants no more events.
    Unsubscribe(Unsubscribe),
    /// A client publishes.
    Publish(Box<Publish>),
    /// A client offers a procedure.
    Register(Box<Register>),
    /// A client withdraws a procedure.
    Unregister(Unregister),
    /// A limit of this name was met.
    LimitMet(&'static str),
    /// A client says GOODBYE: once what it asked for before is done, answer with `part`.
    Leave,
    /// The session is over, or the attempt to join: drop all that belongs to it.
    Left(Ending),
    /// The peer broke the protocol, in these words.
    Violated(String),
    /// Close the connection once all output is out.
    Close(Ending),
}

/// Why a session or a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The peer said GOODBYE.
    Goodbye,
    /// The peer said ABORT.
    Abort,
    /// We said GOODBYE.
    Closed,
    /// We said ABORT.
    Aborted,
    /// The peer broke the protocol.
    Violation,
    /// The peer is gone, or was cut.
    Disconnected,
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Ending::Goodbye => "the peer said GOODBYE",
            Ending::Abort => "the peer said ABORT",
            Ending::Closed => "closed with GOODBYE",
            Ending::Aborted => "closed with ABORT",
            Ending::Violation => "the peer broke the protocol",
            Ending::Disconnected => "the connection is lost",
        })
    }
}

/// What WELCOME says.
#[derive(Debug, Clone)]
pub(crate) struct Welcome {
    pub(crate) session: SessionId,
    pub(crate) realm: Uri,
    pub(crate) authid: String,
    pub(crate) authrole: String,
    pub(crate) authmethod: String,
    pub(crate) authprovider: String,
    pub(crate) authextra: Option<RawDict>,
    /// Whether the realm is a router.
    pub(crate) is_router: bool,
    /// Whether the realm serves the procedures of the protocol.
    pub(crate) meta_api: bool,
    /// Whether it serves those that describe functions.
    pub(crate) reflection: bool,
    /// Whether the realm keeps the history of any topic.
    pub(crate) event_history: bool,
}

/// How long a peer may take to answer GOODBYE, and how long its own may wait for ours.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

impl ServerSession {
    /// A connection on which nothing has been said.
    pub(crate) fn new(codec: Codec, limits: ServerLimits, now: Instant) -> ServerSession {
        ServerSession {
            codec,
            state: State::AwaitingHello,
            deadline: now.checked_add(limits.hello_timeout),
            client: Client::default(),
            is_router: false,
            last_invocation: 0,
            welcome_by: now.checked_add(limits.welcome_timeout),
            limits,
            was_joined: false,
            challenges: 0,
            calls: FxHashMap::default(),
            newest: None,
            next_call: 0,
            unfinished: VecDeque::new(),
            running: 0,
            last_request: 0,
            parser: Parser::new(codec),
            actions: VecDeque::new(),
            output: Output::default(),
            peer_message_size: usize::MAX,
        }
    }

    /// Lets other limits hold from now on.
    pub(crate) fn set_limits(&mut self, limits: ServerLimits) {
        self.limits = limits;
    }

    /// How the messages of this connection are encoded.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// When `handle_timeout` is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// What to do next.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Hands out the messages to send.
    pub(crate) fn drain_output(&mut self, send: impl FnMut(&[u8])) {
        self.output.drain(send);
    }

    /// Octets of the messages to send.
    pub(crate) fn output_size(&self) -> usize {
        self.output.size()
    }

    /// Gives back what buffers hold, for a session that has nothing to do.
    pub(crate) fn rest(&mut self) {
        const KEPT: usize = 512;
        self.output.rest();
        if self.calls.is_empty() && self.calls.capacity() > 16 {
            self.calls = FxHashMap::default();
        }
        if self.actions.capacity() * size_of::<Action>() > KEPT {
            self.actions = VecDeque::new();
        }
    }

    // ------------------------------------------------------------ what came in

    /// Takes a message from the peer.
    pub(crate) fn handle_message(&mut self, message: Bytes, now: Instant) {
        if let Some((request, call)) = self.newest.take() {
            self.calls.insert(request, call);
        }
        match self.state {
            State::Closed | State::Leaving => {}
            State::ShuttingDown => {
                // Only the peer's GOODBYE or ABORT counts now; whatever else is wrong no longer matters.
                match Message::parse(self.codec, message, self.limits.scan) {
                    Ok(Message::Goodbye(_)) => self.leave(now),
                    Ok(Message::Abort(_)) => self.close(Ending::Abort),
                    _ => {}
                }
            }
            State::AwaitingHello | State::Joining | State::Challenging | State::Established => {
                match self.parser.parse(message, self.limits.scan) {
                    Ok(message) => self.handle_parsed(message, now),
                    Err(error) => self.handle_unparsed(error, now),
                }
            }
        }
    }

    /// The peer sent something that is no message at all.
    pub(crate) fn handle_violation(&mut self, message: &str) {
        if self.state != State::Closed {
            self.violation(message);
        }
    }

    /// The connection is gone.
    pub(crate) fn handle_disconnect(&mut self) {
        self.close(Ending::Disconnected);
        self.output = Output::default();
    }

    /// A deadline that `poll_timeout` named may have passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match self.state {
            State::AwaitingHello if self.was_joined => self.close(Ending::Closed),
            State::AwaitingHello => {
                self.actions.push_back(Action::LimitMet("hello_timeout"));
                self.abort_with(uris::TIMEOUT, "no HELLO in time", Ending::Violation);
            }
            State::Joining | State::Challenging => {
                self.actions.push_back(Action::LimitMet("welcome_timeout"));
                self.abort_with(uris::TIMEOUT, "joining took too long", Ending::Aborted);
            }
            State::Leaving => self.part(now),
            State::ShuttingDown => self.close(Ending::Closed),
            State::Established | State::Closed => {}
        }
    }

    fn handle_parsed(&mut self, message: Message, now: Instant) {
        match (self.state, message) {
            (State::AwaitingHello, Message::Hello(hello)) => self.handle_hello(hello),
            (State::Challenging, Message::Authenticate(answer)) => self.handle_authenticate(*answer),
            (State::AwaitingHello | State::Joining | State::Challenging, Message::Abort(_)) => {
                self.close(Ending::Abort);
            }
            (State::AwaitingHello | State::Joining | State::Challenging, other) => {
                self.unexpected(&other, self.expected());
            }
            (_, message) => self.handle_established(message, now),
        }
    }

    fn handle_established(&mut self, message: Message, now: Instant) {
        match message {
            Message::Call(call) => {
                if let Some(call) = self.handle_part(call)
                    && self.accept_request(call.request, "CALL")
                {
                    self.handle_call(call);
                }
            }
            Message::Yield(result) => self.handle_yield(result),
            Message::Error(error) if error.request_type == MessageType::Invocation => self.handle_failure(error),
            Message::Cancel(cancel) => self.handle_cancel(&cancel),
            Message::Subscribe(subscribe) => {
                if self.accept_request(subscribe.request, "SUBSCRIBE") {
                    self.actions.push_back(Action::Subscribe(subscribe));
                }
            }
            Message::Unsubscribe(unsubscribe) => {
                if self.accept_request(unsubscribe.request, "UNSUBSCRIBE") {
                    self.actions.push_back(Action::Unsubscribe(unsubscribe));
                }
            }
            Message::Publish(publish) => {
                if self.accept_request(publish.request, "PUBLISH") {
                    self.actions.push_back(Action::Publish(publish));
                }
            }
            Message::Register(register) => {
                if self.accept_request(register.request, "REGISTER") {
                    self.actions.push_back(Action::Register(register));
                }
            }
            Message::Unregister(unregister) => {
                if self.accept_request(unregister.request, "UNREGISTER") {
                    self.actions.push_back(Action::Unregister(unregister));
                }
            }
            Message::Goodbye(_) => self.handle_goodbye(now),
            Message::Abort(_) => self.close(Ending::Abort),
            Message::EventReceived(_) => {}
            other => self.unexpected(&other, "a client's message"),
        }
    }

    fn handle_unparsed(&mut self, error: ParseError, now: Instant) {
        match (self.state, error) {
            (_, ParseError::Limit(limit, refusal)) => {
                self.actions.push_back(Action::LimitMet(limit));
                self.handle_unparsed(*refusal, now);
            }
            (State::Established, ParseError::Refused { request_type: MessageType::Yield, request, message, .. }) => {
                let error = Uri::known(uris::PAYLOAD_SIZE_EXCEEDED);
                let payload = Payload::message(self.codec, &message);
                let (request_type, details) = (MessageType::Invocation, Default::default());
                let error = ErrorMessage { request_type, request, details, error, payload };
                self.handle_parsed(Message::Error(Box::new(error)), now);
            }
            (_, ParseError::Refused { request_type, message, .. }) if !request_type.is_client_request() => {
                self.violation(&message);
            }
            (State::Established, ParseError::Refused { request_type, request, error, message, silent }) => {
                if self.accept_request(request, request_type.name()) && !silent {
                    self.refuse(request_type, request, error, &message);
                }
            }
            (_, ParseError::Refused { request_type, .. }) => {
                self.violation(&format!("expected {}, got {}", self.expected(), request_type.name()));
            }
            (State::AwaitingHello, ParseError::InvalidRealm(message)) => {
                self.abort_with(uris::INVALID_URI, &message, Ending::Aborted);
            }
            (_, ParseError::InvalidRealm(_)) => self.violation("unexpected HELLO"),
            (_, ParseError::Violation(message)) => self.violation(&message),
        }
    }

    /// Whether a request id may be used now; if not, the session is aborted.
    fn accept_request(&mut self, request: RequestId, name: &str) -> bool {
        let id = request.get();
        if self.limits.strict_request_ids && id != self.last_request % MAX_ID + 1 {
            self.violation(&format!("{name}.Request: expected {}, got {id}", self.last_request % MAX_ID + 1));
            return false;
        }
        if !self.calls.is_empty() && self.calls.contains_key(&request) {
            self.violation(&format!("{name}.Request: {id} is in use by a call"));
            return false;
        }
        self.last_request = id;
        true
    }

    // ------------------------------------------------------------ the application's decisions

    /// Refuses a request other than a call with an error of the application.
    pub(crate) fn refuse_with(
        &mut self,
        request_type: MessageType,
        request: RequestId,
        (error, payload): &(Uri, Payload),
    ) {
        self.write_error(request_type, request, error, payload);
    }

    /// Refuses a request other than a call, or one that was never started.
    pub(crate) fn refuse(&mut self, request_type: MessageType, request: RequestId, error: &str, message: &str) {
        let error = Uri::new(error).unwrap_or_else(|_| Uri::known(uris::RUNTIME_ERROR));
        self.write_error(request_type, request, &error, &Payload::message(self.codec, message));
    }

    /// Refuses a request because a limit, given by its name, is met.
    pub(crate) fn refuse_over_limit(
        &mut self,
        request_type: MessageType,
        request: RequestId,
        limit: &'static str,
        maximum: usize,
    ) {
        self.actions.push_back(Action::LimitMet(limit));
        let payload = PayloadBuilder::new(self.codec)
            .kwarg("limit", limit)
            .and_then(|builder| builder.kwarg("maximum", &maximum))
            .and_then(PayloadBuilder::finish);
        let payload = payload.unwrap_or_else(|_| Payload::empty(self.codec));
        self.write_error(request_type, request, &Uri::known(uris::LIMIT_EXCEEDED), &payload);
    }

    // ------------------------------------------------------------ output

    fn write(&mut self, message: &Message) {
        // What we say ourselves can always be written.
        let _ = self.output.write(|buffer| message.write(self.codec, buffer));
        if self.takes_back_too_large() {
            self.write_shorter(message);
        }
    }

    fn write_error(&mut self, request_type: MessageType, request: RequestId, error: &Uri, payload: &Payload) {
        let empty = Payload::empty(self.codec);
        let payload = if payload.size() > self.limits.reply_size { &empty } else { payload };
        let codec = self.codec;
        let written =
            self.output.write(|buffer| wire::write_error(codec, request_type, request, error, payload, buffer));
        // What a callee has given in another codec may be more than this one can hold.
        if written.is_err() || self.takes_back_too_large() {
            self.write_shorter_error(request_type, request, error);
        }
    }
}
