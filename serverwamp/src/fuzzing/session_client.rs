//! The client's side of a session, beside a model of what the protocol says of it.

mod model;
mod user;

use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use self::model::{Model, Phase};
use super::codec::{CODECS, LIMITS};
use super::messages::{self, Said};
use crate::session::{ClientSession, Notification, Offer, PayloadFeatures};
use crate::wire::{Codec, Dict, Message, RegistrationId, RequestId, SubscriptionId, Uri, uris};

/// What routers say in a session, as often as they may.
const CODES: [u64; 14] = [8, 17, 33, 35, 36, 50, 65, 67, 68, 69, 69, 69, 69, 6];

/// Octets as what a router sends and a user wants.
pub fn session_client(octets: &[u8]) {
    let mut input = Unstructured::new(octets);
    let Ok(mut play) = Play::new(&mut input) else { return };
    while !input.is_empty() && play.step(&mut input).is_ok() {}
    let said = play.model.end(uris::TRANSPORT_LOST);
    play.session.handle_loss(None);
    play.check(&said);
}

/// A session, and what is to be expected of it.
struct Play {
    codec: Codec,
    session: ClientSession,
    model: Model,
    /// What was invoked, with what tells invocations apart, answered ones too.
    invocations: Vec<(RequestId, u64)>,
    subscriptions: Vec<SubscriptionId>,
    registrations: Vec<RegistrationId>,
}

impl Play {
    fn new(input: &mut Unstructured<'_>) -> Result<Play> {
        let codec = *input.choose(&CODECS)?;
        let offer = Offer { authmethods: vec!["ticket".to_owned()], authid: None, authextra: Dict::new() };
        let payloads = if input.arbitrary()? { PayloadFeatures::Coded } else { PayloadFeatures::None };
        let session = ClientSession::join(codec, LIMITS, Uri::known("realm1"), "agent", offer, payloads).unwrap();
        let (model, (invocations, subscriptions, registrations)) = (Model::default(), Default::default());
        let mut play = Play { codec, session, model, invocations, subscriptions, registrations };
        play.check(&[Said::Sent("HELLO".to_owned())]);
        Ok(play)
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        if self.model.phase == Phase::Closed && input.ratio(1, 4)? {
            return Err(arbitrary::Error::NotEnoughData);
        }
        let said = match input.int_in_range(0..=31)? {
            0..=13 => {
                let codes: &[u64] = match self.model.phase {
                    Phase::Joining => &[2, 2, 4],
                    Phase::Challenged if input.ratio(15, 16)? => return Ok(()),
                    Phase::ShuttingDown => &[6, 50, 36],
                    _ => &CODES,
                };
                let message = match self.model.phase == Phase::Established && input.ratio(7, 8)? {
                    true => self.likely(input)?,
                    false => messages::message(input, self.codec, codes)?,
                };
                self.receive(message)
            }
            14 if input.ratio(1, 16)? => {
                let length = input.int_in_range(0..=40)?;
                let octets = input.bytes(length)?;
                self.receive(Bytes::copy_from_slice(octets))
            }
            15 if input.ratio(1, 16)? => {
                self.session.handle_violation("not even a message");
                self.model.violation()
            }
            _ => self.want(input)?,
        };
        self.check(&said);
        Ok(())
    }

    fn receive(&mut self, message: Bytes) -> Vec<Said> {
        let said = self.model.receive(Message::parse(self.codec, message.clone(), LIMITS));
        self.session.handle_message(message);
        said
    }

    /// What the session tells and says is what the model expects, in the same order.
    fn check(&mut self, expected: &[Said]) {
        let mut said = Vec::new();
        while let Some(notification) = self.session.poll_notification() {
            match &notification {
                Notification::Subscribed { subscription, .. } => self.subscriptions.push(*subscription),
                Notification::Registered { registration, .. } => self.registrations.push(*registration),
                Notification::Invocation { invocation, serial, .. } => {
                    assert!(self.invocations.iter().all(|(_, other)| other != serial), "no two have the same number");
                    self.invocations.push((invocation.request, *serial));
                }
                _ => {}
            }
            said.push(Said::Action(in_words(&notification)));
        }
        let codec = self.codec;
        self.session.drain_output(|octets| {
            let message = Message::parse(codec, Bytes::copy_from_slice(octets), LIMITS).unwrap();
            said.push(Said::Sent(messages::in_words(&message)));
        });
        // Between the two there is no order.
        let mut expected = expected.to_vec();
        expected.sort_by_key(|said| matches!(said, Said::Sent(_)));
        assert_eq!(said, expected, "{:?}", self.model);
        assert_eq!(self.session.output_size(), 0);
    }
}

fn in_words(notification: &Notification) -> String {
    match notification {
        Notification::Challenge { .. } => "challenge".to_owned(),
        Notification::Welcome(_) => "welcome".to_owned(),
        Notification::Result { request, progress: true, .. } => format!("result {request} progress"),
        Notification::Result { request, .. } => format!("result {request}"),
        Notification::Error { request, error, .. } => format!("error {request} {error}"),
        Notification::Published { request, .. } => format!("published {request}"),
        Notification::Subscribed { request, subscription } => format!("subscribed {request} {subscription}"),
        Notification::Event(event) => format!("event {}", event.subscription),
        Notification::Unsubscribed { request } => format!("unsubscribed {request}"),
        Notification::Revoked { subscription } => format!("revoked {subscription}"),
        Notification::Registered { request, registration } => format!("registered {request} {registration}"),
        Notification::Unregistered { request } => format!("unregistered {request}"),
        Notification::RegistrationRevoked { registration } => format!("registration revoked {registration}"),
        Notification::Invocation { invocation, procedure, serial } => {
            format!("invocation {} {procedure} {serial}", invocation.request)
        }
        Notification::Interrupt { serial, mode } => format!("interrupt {serial} {}", mode.name()),
        Notification::Ended { reason, .. } => format!("ended {reason}"),
    }
}
