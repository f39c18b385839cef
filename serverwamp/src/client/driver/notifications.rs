//! What the router answers and sends.

use std::sync::Arc;
use std::task::Context;

use tokio::sync::mpsc;

use super::{Driver, Lasting, Pending};
use crate::client::error::CallError;
use crate::client::payload_codec::{Envelope, PayloadKind};
use crate::client::request::{Answer, Answers, Sink};
use crate::client::shared::Key;
use crate::handler::{Call, EventDetails};
use crate::log::Shown;
use crate::session::{CancelMode, Notification};
use crate::wire::{self, Group, Passthru, Payload, RegistrationId, RequestId, SubscriptionId, Uri};

impl Driver {
    /// Tells whoever wants to know. Who has lost interest meanwhile need not be told.
    pub(super) fn handle(&mut self, notification: Notification, lasting: &mut Lasting<'_>, context: &mut Context<'_>) {
        match notification {
            Notification::Challenge { .. } | Notification::Welcome(_) | Notification::Ended { .. } => {}
            Notification::Result { request, progress: true, passthru, payload } => {
                self.progress(request, &passthru, payload);
            }
            Notification::Result { request, progress: false, passthru, payload } => {
                let answer = match self.procedure_of(request, &passthru) {
                    Some(procedure) => self.open(&Envelope::new(PayloadKind::Result, &procedure), &passthru, payload),
                    None => Ok(payload),
                };
                self.answer_call(request, answer.map_err(CallError::from));
            }
            Notification::Error { request, error, passthru, payload } => {
                let opened = match self.procedure_of(request, &passthru) {
                    Some(procedure) => self.open(&Envelope::of_error(&procedure, &error), &passthru, payload),
                    None => Ok(payload),
                };
                let failure = opened.map_or_else(CallError::from, |payload| CallError::remote(&error, &payload));
                self.fail(request, failure);
            }
            Notification::Published { request, publication } => {
                if let Some(Pending::Publication(reply)) = self.pending.remove(&request) {
                    let _ = reply.send(Ok(publication));
                }
            }
            Notification::Subscribed { request, subscription } => self.subscribed(request, subscription, lasting),
            Notification::Registered { request, registration } => self.registered(request, registration, lasting),
            Notification::Unsubscribed { request } | Notification::Unregistered { request } => {
                if let Some(Pending::Unsubscription(Some(reply)) | Pending::Unregistration(Some(reply))) =
                    self.pending.remove(&request)
                {
                    let _ = reply.send(Ok(()));
                }
            }
            Notification::Event(event) => self.event(event, lasting),
            Notification::Revoked { subscription } => {
                for key in self.subscribers.remove(&subscription).unwrap_or_default() {
                    if let Some(subscriber) = lasting.interests.subscribers.remove(&key) {
                        tracing::warn!(topic = %Shown(&subscriber.topic), "the router has ended a subscription");
                    }
                }
            }
            Notification::RegistrationRevoked { registration } => {
                let offer = self.callees.remove(&registration).and_then(|key| lasting.interests.offers.remove(&key));
                if let Some(offer) = offer {
                    tracing::warn!(procedure = %Shown(&offer.procedure), "the router has ended a registration");
                }
            }
            Notification::Invocation { mut invocation, procedure, serial } => {
                let passthru = std::mem::take(&mut invocation.details.passthru);
                let payload = std::mem::replace(&mut invocation.payload, Payload::empty(self.session.codec()));
                match self.open(&Envelope::new(PayloadKind::Call, &procedure), &passthru, payload) {
                    Ok(payload) => {
                        invocation.payload = payload;
                        self.invoke(&invocation, procedure, serial, lasting, context);
                    }
                    Err(error) => self.refuse_payload(invocation.request, serial, &procedure, &error),
                }
            }
            Notification::Interrupt { serial, mode } => match mode {
                CancelMode::Skip => {}
                CancelMode::Kill => self.calls.cancel(serial, true),
                CancelMode::KillNoWait => self.calls.cancel(serial, false),
            },
        }
    }

    /// The procedure of a call that somebody waits for, if there may be something to decode.
    fn procedure_of(&self, request: RequestId, passthru: &Group<Passthru>) -> Option<Uri> {
        match self.pending.get(&request) {
            Some(Pending::Call(call)) if self.payload_codec.is_some() || passthru.get().is_some() => {
                Some(call.procedure.clone())
            }
            _ => None,
        }
    }

    /// Hands on a progressive result. One that cannot be decoded is the call's end: without it there would be a gap.
    fn progress(&mut self, request: RequestId, passthru: &Group<Passthru>, payload: Payload) {
        let Some(Pending::Call(call)) = self.pending.get(&request) else { return };
        let Answers::All(answers) = &call.answers else { return };
        match self.open(&Envelope::new(PayloadKind::Result, &call.procedure), passthru, payload) {
            Ok(payload) => self.deliver(answers.clone(), Answer::Progress(payload)),
            Err(error) => {
                self.answer_call(request, Err(error.into()));
                self.session.cancel(request, CancelMode::KillNoWait);
                self.session.abandon(request);
            }
        }
    }

    fn answer_call(&mut self, request: RequestId, answer: Result<Payload, CallError>) {
        let Some(Pending::Call(call)) = self.pending.remove(&request) else { return };
        match call.answers {
            Answers::Last(reply) => self.answered.push((reply, answer)),
            Answers::All(answers) => self.deliver(answers, Answer::Last(answer)),
        }
    }

    pub(super) fn deliver_answers(&mut self) {
        for (reply, answer) in self.answered.drain(..) {
            // Whoever asked may be gone.
            let _ = reply.send(answer);
        }
    }

    fn fail(&mut self, request: RequestId, error: CallError) {
        match self.pending.remove(&request) {
            None => {}
            Some(Pending::Call(call)) => {
                self.pending.insert(request, Pending::Call(call));
                self.answer_call(request, Err(error));
            }
            Some(Pending::Unsubscription(Some(reply)) | Pending::Unregistration(Some(reply))) => {
                let _ = reply.send(Err(error));
            }
            Some(pending) => pending.fail(error),
        }
    }

    fn subscribed(&mut self, request: RequestId, id: SubscriptionId, lasting: &mut Lasting<'_>) {
        let Some(Pending::Subscription { key, subscriber, reply }) = self.pending.remove(&request) else { return };
        if let Some(subscriber) = subscriber {
            lasting.interests.subscribers.insert(key, *subscriber);
        }
        let Some(subscriber) = lasting.interests.subscribers.get(&key) else {
            // It was dropped while the router answered.
            if let Some(request) = self.session.unsubscribe(id) {
                self.pending.insert(request, Pending::Unsubscription(None));
            }
            return;
        };
        subscriber.id.set(id.get());
        self.subscribers.entry(id).or_default().push(key);
        if reply.send(Ok(id)).is_err() {
            self.unsubscribe(key, None, lasting);
        }
    }

    fn registered(&mut self, request: RequestId, id: RegistrationId, lasting: &mut Lasting<'_>) {
        let Some(Pending::Registration { key, offer, reply }) = self.pending.remove(&request) else { return };
        if let Some(offer) = offer {
            lasting.interests.offers.insert(key, *offer);
        }
        let Some(offer) = lasting.interests.offers.get(&key) else {
            if let Some(request) = self.session.unregister(id) {
                self.pending.insert(request, Pending::Unregistration(None));
            }
            return;
        };
        offer.id.set(id.get());
        self.callees.insert(id, key);
        if reply.send(Ok(id)).is_err() {
            self.unregister(key, None, lasting);
        }
    }

    fn event(&mut self, mut event: Box<wire::Event>, lasting: &Lasting<'_>) {
        let Some(keys) = self.subscribers.get(&event.subscription) else { return };
        if !self.open_event(&mut event, keys, lasting) {
            return;
        }
        let event: Arc<wire::Event> = Arc::from(event);
        for key in keys.clone() {
            let Some(subscriber) = lasting.interests.subscribers.get(&key) else { continue };
            match &subscriber.sink {
                Sink::Events(events) => self.deliver(events.clone(), Arc::clone(&event)),
                Sink::Function(endpoint) => {
                    let Some(realm) = &self.realm else { continue };
                    let details = EventDetails::received(&event, &subscriber.topic);
                    if !endpoint.admits_role(details.publisher_authrole()) {
                        let function = endpoint.route().title();
                        tracing::debug!(function, "an event of a publisher without the function's role");
                        continue;
                    }
                    let (endpoint, session) = (Arc::clone(endpoint), realm.session().clone());
                    let call = Call::for_received_event(Arc::clone(&endpoint), session, &event, details);
                    self.run_for_event(&endpoint, call);
                }
            }
        }
    }

    /// Decodes an event's payload. Returns false if that cannot be.
    fn open_event(&self, event: &mut wire::Event, keys: &[Key], lasting: &Lasting<'_>) -> bool {
        let subscriber = keys.iter().find_map(|key| lasting.interests.subscribers.get(key));
        let Some(topic) = event.details.topic.as_ref().or(subscriber.map(|subscriber| &subscriber.topic)) else {
            return false;
        };
        let payload = std::mem::replace(&mut event.payload, Payload::empty(self.session.codec()));
        match self.open(&Envelope::new(PayloadKind::Event, topic), &event.details.passthru, payload) {
            Ok(payload) => {
                event.payload = payload;
                true
            }
            Err(error) => {
                tracing::warn!(topic = %Shown(topic), error = %Shown(&error), "an event that cannot be decoded is left out");
                false
            }
        }
    }

    /// Gives something to who waits for it, later if there is no room now.
    fn deliver<T: Send + 'static>(&mut self, queue: mpsc::Sender<T>, item: T) {
        if let Err(mpsc::error::TrySendError::Full(item)) = queue.try_send(item) {
            self.waiting.push(Box::pin(async move {
                let _ = queue.send(item).await;
            }));
        }
    }
}
