//! From HELLO to WELCOME, with as many challenges between as the application wants.

use super::{Action, Client, Ending, ServerSession, State, Welcome};
use crate::session::auth::Answer;
use crate::wire::{
    self, Authenticate, Challenge, Feature, Features, Hello, Message, RawDict, Roles, WelcomeDetails, uris,
};

/// Challenges of one attempt to join: more than any login needs, so that none goes on for ever.
const MOST_CHALLENGES: u32 = 10;

const AGENT: &str = concat!("serverwamp/", env!("CARGO_PKG_VERSION"));

/// What the dealer and the broker announce, each feature with a test.
const DEALER: Features = Features::NONE
    .with(Feature::ProgressiveCallResults)
    .with(Feature::CallCanceling)
    .with(Feature::CallTimeout)
    .with(Feature::CallerIdentification);
/// The same for router realms.
const ROUTER_DEALER: Features = DEALER
    .with(Feature::ProgressiveCallInvocations)
    .with(Feature::PatternBasedRegistration)
    .with(Feature::SharedRegistration)
    .with(Feature::RegistrationRevocation)
    .with(Feature::CallReroute)
    .with(Feature::PayloadPassthruMode)
    .with(Feature::PayloadTransparency);
/// The same where the procedures of the protocol are served.
const META_DEALER: Features =
    ROUTER_DEALER.with(Feature::SessionMetaApi).with(Feature::RegistrationMetaApi).with(Feature::TestamentMetaApi);
const BROKER: Features = Features::NONE
    .with(Feature::SubscriptionRevocation)
    .with(Feature::SubscriberBlackwhiteListing)
    .with(Feature::PublisherExclusion)
    .with(Feature::PublisherIdentification)
    .with(Feature::PatternBasedSubscription);
const ROUTER_BROKER: Features =
    BROKER.with(Feature::EventRetention).with(Feature::PayloadPassthruMode).with(Feature::PayloadTransparency);
const META_BROKER: Features = ROUTER_BROKER.with(Feature::SessionMetaApi).with(Feature::SubscriptionMetaApi);

impl ServerSession {
    pub(super) fn handle_hello(&mut self, hello: Box<Hello>) {
        if hello.details.roles.as_ref().is_none_or(|roles| *roles == Roles::default()) {
            self.abort_with(uris::NO_SUCH_ROLE, "HELLO.Details.roles: expected at least one role", Ending::Aborted);
            return;
        }
        let announced = |features: fn(&Roles) -> Option<Features>| {
            hello.details.roles.as_ref().and_then(features).unwrap_or_default()
        };
        self.client = Client {
            caller: announced(|roles| roles.caller),
            callee: announced(|roles| roles.callee),
            subscriber: announced(|roles| roles.subscriber),
        };
        self.state = State::Joining;
        self.challenges = 0;
        self.deadline = self.welcome_by;
        self.actions.push_back(Action::Join(hello));
    }

    pub(super) fn handle_authenticate(&mut self, message: Authenticate) {
        match message.extra.to_dict() {
            Ok(extra) => {
                self.state = State::Joining;
                let answer = Answer { signature: message.signature.into(), extra };
                self.actions.push_back(Action::Authenticate(answer));
            }
            Err(error) => self.violation(&format!("AUTHENTICATE.Extra: {error}")),
        }
    }

    /// Wants a proof of who the client is. After too many of them the attempt to join is aborted.
    ///
    /// WAMP: CHALLENGE, advanced profile.
    pub(crate) fn challenge(&mut self, method: &str, extra: RawDict) {
        if self.state != State::Joining {
            return;
        }
        self.challenges = self.challenges.saturating_add(1);
        if self.challenges > MOST_CHALLENGES {
            self.abort_with(uris::AUTHENTICATION_FAILED, "too many challenges", Ending::Aborted);
            return;
        }
        self.state = State::Challenging;
        self.write(&Message::Challenge(Box::new(Challenge { method: method.into(), extra })));
    }

    /// Lets the client in.
    pub(crate) fn welcome(&mut self, welcome: Welcome) {
        if self.state != State::Joining {
            return;
        }
        self.state = State::Established;
        self.was_joined = true;
        self.deadline = None;
        self.last_request = 0;
        self.last_invocation = 0;
        self.is_router = welcome.is_router;
        let (mut dealer, mut broker) = match welcome.is_router {
            true if welcome.meta_api => (META_DEALER, META_BROKER),
            true => (ROUTER_DEALER, ROUTER_BROKER),
            false => (DEALER, BROKER),
        };
        if welcome.event_history && welcome.meta_api {
            broker = broker.with(Feature::EventHistory);
        }
        if welcome.reflection {
            dealer = dealer.with(Feature::Reflection).with(Feature::ProcedureReflection);
            broker = broker.with(Feature::Reflection).with(Feature::TopicReflection);
        }
        let details = WelcomeDetails {
            roles: Some(Roles { dealer: Some(dealer), broker: Some(broker), ..Roles::default() }),
            agent: Some(AGENT.into()),
            realm: Some(welcome.realm),
            authid: Some(welcome.authid.into()),
            authrole: Some(welcome.authrole.into()),
            authmethod: Some(welcome.authmethod.into()),
            authprovider: Some(welcome.authprovider.into()),
            authextra: welcome.authextra,
        };
        let message = wire::Welcome { session: welcome.session, details: details.into() };
        self.write(&Message::Welcome(Box::new(message)));
    }

    /// Whether a challenge is out that the client has not answered.
    pub(crate) fn is_challenging(&self) -> bool {
        self.state == State::Challenging
    }

    /// What a client that has not joined should have sent.
    pub(super) fn expected(&self) -> &'static str {
        match self.state {
            State::Challenging => "AUTHENTICATE",
            State::Joining => "to wait for WELCOME",
            _ => "HELLO",
        }
    }
}
