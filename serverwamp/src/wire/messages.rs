//! The messages of the protocol, PROTOCOL 1.1.

use std::fmt;

use super::{
    id::{PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId},
    options::{
        AbortDetails, CallOptions, CancelOptions, ErrorDetails, EventDetails, GoodbyeDetails, HelloDetails,
        InterruptOptions, InvocationDetails, Options, PublishOptions, RawDict, RegisterOptions, ResultDetails,
        SubscribeOptions, UnregisteredDetails, UnsubscribedDetails, WelcomeDetails, YieldOptions,
    },
    payload::Payload,
    scan::Slots,
    uri::Uri,
};

macro_rules! message_types {
    ($($(#[$documentation:meta])* $name:ident = $code:literal $(or $other:literal)?, $label:literal;)+) => {
        /// The type of a message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum MessageType {
            $($(#[$documentation])* $name,)+
        }

        impl MessageType {
            /// The number that a message begins with.
            pub(crate) const fn code(self) -> u64 {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// The name that the protocol gives the message.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }

            /// The type with that code.
            pub(crate) const fn from_code(code: u64) -> Option<Self> {
                match code {
                    $($code $(| $other)? => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

message_types! {
    Hello = 1, "HELLO";
    Welcome = 2, "WELCOME";
    Abort = 3, "ABORT";
    Challenge = 4, "CHALLENGE";
    Authenticate = 5, "AUTHENTICATE";
    Goodbye = 6, "GOODBYE";
    Error = 8, "ERROR";
    Publish = 16, "PUBLISH";
    Published = 17, "PUBLISHED";
    Subscribe = 32, "SUBSCRIBE";
    Subscribed = 33, "SUBSCRIBED";
    Unsubscribe = 34, "UNSUBSCRIBE";
    Unsubscribed = 35, "UNSUBSCRIBED";
    Event = 36, "EVENT";
    /// The second code is the one that the message is to have once it is ratified.
    EventReceived = 337 or 37, "EVENT_RECEIVED";
    Call = 48, "CALL";
    Cancel = 49, "CANCEL";
    Result = 50, "RESULT";
    Register = 64, "REGISTER";
    Registered = 65, "REGISTERED";
    Unregister = 66, "UNREGISTER";
    Unregistered = 67, "UNREGISTERED";
    Invocation = 68, "INVOCATION";
    Interrupt = 69, "INTERRUPT";
    Yield = 70, "YIELD";
}

impl MessageType {
    /// At which index of the message its Arguments are, if it has any.
    pub(crate) const fn arguments_index(self) -> Option<usize> {
        match self {
            Self::Abort | Self::Result | Self::Yield => Some(3),
            Self::Publish | Self::Event | Self::Call | Self::Invocation => Some(4),
            Self::Error => Some(5),
            _ => None,
        }
    }

    /// Whether a client that sends this can get an ERROR for it.
    pub(crate) const fn is_client_request(self) -> bool {
        matches!(
            self,
            Self::Publish | Self::Subscribe | Self::Unsubscribe | Self::Call | Self::Register | Self::Unregister
        )
    }

    /// Whether an ERROR can be the answer to this.
    pub(crate) const fn has_error(self) -> bool {
        self.is_client_request() || matches!(self, Self::Invocation)
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A message. The large ones are boxed, so that passing a message on costs little.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Hello(Box<Hello>),
    Welcome(Box<Welcome>),
    Abort(Box<Abort>),
    Challenge(Box<Challenge>),
    Authenticate(Box<Authenticate>),
    Goodbye(Box<Goodbye>),
    Error(Box<ErrorMessage>),
    Publish(Box<Publish>),
    Published(Published),
    Subscribe(Box<Subscribe>),
    Subscribed(Subscribed),
    Unsubscribe(Unsubscribe),
    Unsubscribed(Box<Unsubscribed>),
    Event(Box<Event>),
    EventReceived(EventReceived),
    Call(Box<Call>),
    Cancel(Box<Cancel>),
    Result(Box<ResultMessage>),
    Register(Box<Register>),
    Registered(Registered),
    Unregister(Unregister),
    Unregistered(Box<Unregistered>),
    Invocation(Box<Invocation>),
    Interrupt(Box<Interrupt>),
    Yield(Box<Yield>),
}

impl Message {
    pub(crate) const fn kind(&self) -> MessageType {
        match self {
            Self::Hello(_) => MessageType::Hello,
            Self::Welcome(_) => MessageType::Welcome,
            Self::Abort(_) => MessageType::Abort,
            Self::Challenge(_) => MessageType::Challenge,
            Self::Authenticate(_) => MessageType::Authenticate,
            Self::Goodbye(_) => MessageType::Goodbye,
            Self::Error(_) => MessageType::Error,
            Self::Publish(_) => MessageType::Publish,
            Self::Published(_) => MessageType::Published,
            Self::Subscribe(_) => MessageType::Subscribe,
            Self::Subscribed(_) => MessageType::Subscribed,
            Self::Unsubscribe(_) => MessageType::Unsubscribe,
            Self::Unsubscribed(_) => MessageType::Unsubscribed,
            Self::Event(_) => MessageType::Event,
            Self::EventReceived(_) => MessageType::EventReceived,
            Self::Call(_) => MessageType::Call,
            Self::Cancel(_) => MessageType::Cancel,
            Self::Result(_) => MessageType::Result,
            Self::Register(_) => MessageType::Register,
            Self::Registered(_) => MessageType::Registered,
            Self::Unregister(_) => MessageType::Unregister,
            Self::Unregistered(_) => MessageType::Unregistered,
            Self::Invocation(_) => MessageType::Invocation,
            Self::Interrupt(_) => MessageType::Interrupt,
            Self::Yield(_) => MessageType::Yield,
        }
    }

    /// The payload of a message that can have one.
    pub(super) fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::Abort(message) => Some(&mut message.payload),
            Self::Error(message) => Some(&mut message.payload),
            Self::Publish(message) => Some(&mut message.payload),
            Self::Event(message) => Some(&mut message.payload),
            Self::Call(message) => Some(&mut message.payload),
            Self::Result(message) => Some(&mut message.payload),
            Self::Invocation(message) => Some(&mut message.payload),
            Self::Yield(message) => Some(&mut message.payload),
            _ => None,
        }
    }
}

macro_rules! messages {
    ($($(#[$documentation:meta])* $name:ident { $($(#[$field_documentation:meta])* $field:ident: $type:ty),+ $(,)? })+) => {$(
        $(#[$documentation])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            $($(#[$field_documentation])* pub(crate) $field: $type,)+
        }
    )+};
}

messages! {
    /// A client asks to join a realm.
    Hello { realm: Uri, details: Options<HelloDetails> }

    /// A router lets a client in.
    Welcome { session: SessionId, details: Options<WelcomeDetails> }

    /// A session ends at once, or is not opened.
    Abort { details: Options<AbortDetails>, reason: Uri, payload: Payload }

    /// A router wants a proof of who the client is.
    Challenge { method: Box<str>, extra: RawDict }

    /// A peer closes the session, or answers that.
    Goodbye { details: Options<GoodbyeDetails>, reason: Uri }

    /// A request has failed.
    ErrorMessage {
        request_type: MessageType,
        request: RequestId,
        details: Options<ErrorDetails>,
        error: Uri,
        payload: Payload,
    }

    /// A client publishes an event.
    Publish { request: RequestId, options: Options<PublishOptions>, topic: Uri, payload: Payload }

    /// An acknowledged event has been published.
    Published { request: RequestId, publication: PublicationId }

    /// A client wants the events of a topic.
    Subscribe { request: RequestId, options: Options<SubscribeOptions>, topic: Uri }

    /// The client gets them from now on.
    Subscribed { request: RequestId, subscription: SubscriptionId }

    /// A client no longer wants the events.
    Unsubscribe { request: RequestId, subscription: SubscriptionId }

    /// The client no longer gets them.
    Unsubscribed {
        /// `None`, written as 0, if the router has ended the subscription by itself, which `details` then tell of.
        request: Option<RequestId>,
        details: Options<UnsubscribedDetails>,
    }

    /// An event of a subscription.
    Event { subscription: SubscriptionId, publication: PublicationId, details: Options<EventDetails>, payload: Payload }

    /// A subscriber has got an event whose delivery is acknowledged.
    EventReceived { publication: PublicationId }

    /// A client calls a procedure.
    Call {
        request: RequestId,
        options: Options<CallOptions>,
        procedure: Uri,
        payload: Payload,
        /// Where the single arguments of a message that was parsed are.
        slots: Slots,
    }

    /// A caller no longer wants the result.
    Cancel { request: RequestId, options: Options<CancelOptions> }

    /// A call's result, or a part of it.
    ResultMessage { request: RequestId, details: Options<ResultDetails>, payload: Payload }

    /// A client offers a procedure.
    Register { request: RequestId, options: Options<RegisterOptions>, procedure: Uri }

    /// The client gets its calls from now on.
    Registered { request: RequestId, registration: RegistrationId }

    /// A client no longer offers the procedure.
    Unregister { request: RequestId, registration: RegistrationId }

    /// The client no longer gets its calls.
    Unregistered {
        /// `None`, written as 0, if the router has ended the registration by itself, which `details` then tell of.
        request: Option<RequestId>,
        details: Options<UnregisteredDetails>,
    }

    /// A call for a callee.
    Invocation {
        request: RequestId,
        registration: RegistrationId,
        details: Options<InvocationDetails>,
        payload: Payload,
    }

    /// A callee is to stop an invocation.
    Interrupt { request: RequestId, options: Options<InterruptOptions> }

    /// An invocation's result, or a part of it.
    Yield { request: RequestId, options: Options<YieldOptions>, payload: Payload }
}

/// The proof of who a client is.
#[derive(Clone)]
pub(crate) struct Authenticate {
    pub(crate) signature: Box<str>,
    pub(crate) extra: RawDict,
}

/// Shows no signature: it may be a password.
impl fmt::Debug for Authenticate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Authenticate").field("extra", &self.extra).finish_non_exhaustive()
    }
}
