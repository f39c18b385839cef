//! What PROTOCOL says that a client does, in as few words as can be.

use std::collections::BTreeMap;

use crate::fuzzing::messages::Said;
use crate::wire::{
    CancelMode, Feature, Features, Invocation, MatchPolicy, Message, MessageType, ParseError, RegistrationId,
    RequestId, SubscriptionId, Uri, Welcome, uris,
};

pub(super) fn told(text: impl Into<String>) -> Said {
    Said::Action(text.into())
}

pub(super) fn sent(text: impl Into<String>) -> Said {
    Said::Sent(text.into())
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Phase {
    #[default]
    Joining,
    Challenged,
    Established,
    ShuttingDown,
    Closed,
}

pub(super) type Pattern = (Uri, MatchPolicy);

/// A request that has not been answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    Call,
    Publish,
    Subscribe(Pattern),
    Unsubscribe(SubscriptionId),
    Register(Uri),
    Unregister(RegistrationId),
}

impl Asked {
    fn kind(&self) -> MessageType {
        match self {
            Asked::Call => MessageType::Call,
            Asked::Publish => MessageType::Publish,
            Asked::Subscribe(_) => MessageType::Subscribe,
            Asked::Unsubscribe(_) => MessageType::Unsubscribe,
            Asked::Register(_) => MessageType::Register,
            Asked::Unregister(_) => MessageType::Unregister,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) phase: Phase,
    challenges: usize,
    pub(super) dealer: Features,
    last_request: u64,
    pub(super) asked: BTreeMap<RequestId, Asked>,
    /// How many have each subscription.
    pub(super) subscriptions: BTreeMap<SubscriptionId, (Pattern, usize)>,
    pub(super) registrations: BTreeMap<RegistrationId, Uri>,
    pub(super) invocations: BTreeMap<RequestId, u64>,
    serials: u64,
}

impl Model {
    /// The id of the next request.
    pub(super) fn ask(&mut self, asked: Option<Asked>) -> RequestId {
        self.last_request += 1;
        let request = RequestId::new(self.last_request).unwrap();
        asked.and_then(|asked| self.asked.insert(request, asked));
        request
    }

    pub(super) fn receive(&mut self, message: Result<Message, ParseError>) -> Vec<Said> {
        match (self.phase, message) {
            (Phase::Closed, _) => Vec::new(),
            (_, Ok(Message::Abort(abort))) => self.end(&abort.reason),
            (Phase::ShuttingDown, Ok(Message::Goodbye(goodbye))) => self.end(&goodbye.reason),
            (Phase::ShuttingDown, _) => Vec::new(),
            (Phase::Joining, Ok(Message::Welcome(welcome))) => self.welcome(&welcome),
            (Phase::Joining, Ok(Message::Challenge(challenge))) => {
                self.challenges += 1;
                if *challenge.method != *"ticket" || self.challenges > 8 || challenge.extra.to_dict().is_err() {
                    return self.abort(uris::CANNOT_AUTHENTICATE);
                }
                self.phase = Phase::Challenged;
                vec![told("challenge")]
            }
            (Phase::Established, Ok(Message::Goodbye(goodbye))) => {
                let mut said = vec![sent("GOODBYE")];
                said.extend(self.end(&goodbye.reason));
                said
            }
            (Phase::Established, Ok(message)) => match self.receive_established(message) {
                Some(said) => said,
                None => self.violation(),
            },
            _ => self.violation(),
        }
    }

    fn welcome(&mut self, welcome: &Welcome) -> Vec<Said> {
        let dealer = welcome.details.roles.as_ref().and_then(|roles| roles.dealer);
        self.dealer = dealer.unwrap_or(Features::NONE);
        self.phase = Phase::Established;
        vec![told("welcome")]
    }

    /// None for what nothing has asked for.
    fn receive_established(&mut self, message: Message) -> Option<Vec<Said>> {
        Some(vec![told(match message {
            Message::Result(it) => {
                let request = it.request;
                (self.asked.get(&request) == Some(&Asked::Call)).then_some(())?;
                if it.details.progress == Some(true) {
                    format!("result {request} progress")
                } else {
                    self.asked.remove(&request);
                    format!("result {request}")
                }
            }
            Message::Error(it) => {
                let asked = self.settle(it.request, it.request_type)?;
                let mut said = vec![told(format!("error {} {}", it.request, it.error))];
                if let Asked::Subscribe(pattern) = asked {
                    let unused = self.subscriptions.iter().find(|(_, (known, _))| *known == pattern);
                    let unused = unused.map(|(id, _)| *id);
                    said.extend(unused.and_then(|id| self.end_if_unused(id)));
                }
                return Some(said);
            }
            Message::Published(it) => {
                self.settle(it.request, MessageType::Publish)?;
                format!("published {}", it.request)
            }
            Message::Subscribed(it) => {
                let Asked::Subscribe(pattern) = self.settle(it.request, MessageType::Subscribe)? else { return None };
                let (known, subscribers) =
                    self.subscriptions.entry(it.subscription).or_insert_with(|| (pattern.clone(), 0));
                (*known == pattern).then_some(())?;
                *subscribers += 1;
                format!("subscribed {} {}", it.request, it.subscription)
            }
            Message::Unsubscribed(it) => match (it.request, it.details.subscription) {
                (Some(request), _) => {
                    self.settle(request, MessageType::Unsubscribe)?;
                    format!("unsubscribed {request}")
                }
                (None, subscription) => {
                    let subscription = subscription?;
                    if self.subscriptions.remove(&subscription).is_none() {
                        return self.if_asked(&Asked::Unsubscribe(subscription));
                    }
                    format!("revoked {subscription}")
                }
            },
            Message::Event(it) => {
                if !self.subscriptions.contains_key(&it.subscription) {
                    return self.if_asked(&Asked::Unsubscribe(it.subscription));
                }
                format!("event {}", it.subscription)
            }
            Message::Registered(it) => {
                let Asked::Register(procedure) = self.settle(it.request, MessageType::Register)? else { return None };
                self.registrations.insert(it.registration, procedure).is_none().then_some(())?;
                format!("registered {} {}", it.request, it.registration)
            }
            Message::Unregistered(it) => match (it.request, it.details.registration) {
                (Some(request), _) => {
                    self.settle(request, MessageType::Unregister)?;
                    format!("unregistered {request}")
                }
                (None, registration) => {
                    let registration = registration?;
                    if self.registrations.remove(&registration).is_none() {
                        return self.if_asked(&Asked::Unregister(registration));
                    }
                    format!("registration revoked {registration}")
                }
            },
            Message::Invocation(it) => return self.invoke(&it),
            Message::Interrupt(it) => {
                // It crosses the answer.
                let Some(serial) = self.invocations.get(&it.request) else { return Some(Vec::new()) };
                format!("interrupt {serial} {}", it.options.mode.unwrap_or(CancelMode::KillNoWait).name())
            }
            _ => return None,
        })])
    }

    fn invoke(&mut self, it: &Invocation) -> Option<Vec<Said>> {
        let request = it.request;
        let is_part = it.details.progress == Some(true);
        (!is_part && !self.invocations.contains_key(&request)).then_some(())?;
        let Some(registered) = self.registrations.get(&it.registration) else {
            self.if_asked(&Asked::Unregister(it.registration))?;
            return Some(vec![failed(request, uris::NO_SUCH_PROCEDURE)]);
        };
        let procedure = it.details.procedure.as_ref().unwrap_or(registered);
        let said = vec![told(format!("invocation {request} {procedure} {}", self.serials))];
        self.invocations.insert(request, self.serials);
        self.serials += 1;
        Some(said)
    }

    fn settle(&mut self, request: RequestId, kind: MessageType) -> Option<Asked> {
        (self.asked.get(&request)?.kind() == kind).then(|| self.asked.remove(&request))?
    }

    /// What was sent before the router saw that it is to end is nothing to tell.
    fn if_asked(&self, asked: &Asked) -> Option<Vec<Said>> {
        self.asked.values().any(|other| other == asked).then(Vec::new)
    }

    /// Ends a subscription that nobody has, and nobody is about to get.
    pub(super) fn end_if_unused(&mut self, id: SubscriptionId) -> Option<Said> {
        let (pattern, subscribers) = self.subscriptions.get(&id)?;
        let is_wanted = self.asked.values().any(|asked| *asked == Asked::Subscribe(pattern.clone()));
        if *subscribers > 0 || is_wanted {
            return None;
        }
        self.subscriptions.remove(&id);
        let request = self.ask(Some(Asked::Unsubscribe(id)));
        Some(sent(format!("UNSUBSCRIBE {request} {id}")))
    }

    pub(super) fn violation(&mut self) -> Vec<Said> {
        self.abort(uris::PROTOCOL_VIOLATION)
    }

    pub(super) fn abort(&mut self, reason: &str) -> Vec<Said> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        let mut said = vec![sent(format!("ABORT {reason}"))];
        said.extend(self.end(reason));
        said
    }

    pub(super) fn end(&mut self, reason: &str) -> Vec<Said> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        self.phase = Phase::Closed;
        self.asked.clear();
        self.subscriptions.clear();
        self.registrations.clear();
        self.invocations.clear();
        vec![told(format!("ended {reason}"))]
    }

    pub(super) fn can_cancel(&self) -> bool {
        self.dealer.contains(Feature::CallCanceling)
    }
}

pub(super) fn failed(request: RequestId, error: &str) -> Said {
    sent(format!("ERROR INVOCATION {request} {error}"))
}
