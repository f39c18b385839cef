//! What the program asks of the router.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};

use super::{Driver, GOODBYE_TIMEOUT, Lasting, Lingering, Pending, Stage, Stopping};
use crate::client::error::CallError;
use crate::client::payload_codec::{Envelope, PayloadKind};
use crate::client::request::{NewCall, NewPublication, Offer, PublicationReply, Reply, Request, Subscriber};
use crate::client::shared::{Key, Release};
use crate::transport::Close;
use crate::wire::{Payload, PublishOptions, RegistrationId, RequestId, SubscriptionId, Uri, uris};

impl Driver {
    /// Takes what is asked, as long as what has been asked before finds its way to the router.
    pub(super) fn take_requests(&mut self, lasting: &mut Lasting<'_>, context: &mut Context<'_>, now: Instant) {
        while matches!(self.stage, Stage::Open | Stage::Stopping(_)) {
            if !self.takes_requests() {
                self.held.asking = true;
                return;
            }
            // Its other end is gone once the session is as it should be.
            let request = match lasting.restoring.poll_recv(context) {
                Poll::Ready(Some(request)) => Poll::Ready(Some(request)),
                Poll::Ready(None) | Poll::Pending => lasting.requests.poll_recv(context),
            };
            match request {
                Poll::Ready(Some(request)) => self.request(request, lasting, now),
                // Nobody is left who could ask for anything.
                Poll::Ready(None) => self.leave(Uri::known(uris::CLOSE_NORMAL), None, now),
                Poll::Pending => return,
            }
        }
    }

    /// Makes known what was dropped.
    pub(super) fn take_released(&mut self, lasting: &mut Lasting<'_>) {
        for release in self.shared.take_released() {
            match release {
                Release::Call { ticket, mode, abandoned } => {
                    let Some(request) = ticket.request() else {
                        // What is abandoned is not sent at all.
                        if !ticket.is_abandoned() {
                            self.shared.release_later(Release::Call { ticket, mode, abandoned });
                        }
                        continue;
                    };
                    self.session.cancel(request, mode);
                    if abandoned {
                        self.session.abandon(request);
                        self.pending.remove(&request);
                    }
                }
                Release::Subscription(key) => self.unsubscribe(key, None, lasting),
                Release::Registration(key) => self.unregister(key, None, lasting),
            }
        }
    }

    fn request(&mut self, request: Request, lasting: &mut Lasting<'_>, now: Instant) {
        match request {
            Request::Call(call) => self.call(call),
            Request::Publish(publication) => self.publish(*publication),
            Request::Subscribe { key, subscriber, reply } => self.subscribe(key, subscriber, reply),
            Request::Resubscribe { key, reply } => self.resubscribe(key, reply, lasting),
            Request::Unsubscribe { key, reply } => self.unsubscribe(key, Some(reply), lasting),
            Request::Register { key, offer, reply } => self.register(key, offer, reply),
            Request::Reregister { key, reply } => self.reregister(key, reply, lasting),
            Request::Unregister { key, reply } => self.unregister(key, Some(reply), lasting),
            Request::Leave { reason, message } => self.leave(reason, message.as_deref(), now),
            Request::Disconnect => {
                self.has_left = true;
                self.session.handle_loss(Some("disconnected"));
                self.close(Close::GoingAway, now);
            }
            Request::Stop => self.stop(lasting, now),
        }
    }

    fn call(&mut self, mut call: Box<NewCall>) {
        if call.ticket.is_abandoned() {
            return;
        }
        let (procedure, mut options) = (call.procedure.clone(), std::mem::take(&mut call.options));
        let payload = std::mem::replace(&mut call.payload, Payload::empty(self.session.codec()));
        let sealed = self.seal(&Envelope::new(PayloadKind::Call, &procedure), payload);
        let sent = sealed.map_err(CallError::from).and_then(|(passthru, payload)| {
            options.passthru = passthru;
            Ok(self.session.call(procedure, options, payload)?)
        });
        match sent {
            Ok(request) => {
                call.ticket.set_request(request);
                self.pending.insert(request, Pending::Call(call));
            }
            Err(error) => call.fail(error),
        }
    }

    fn publish(&mut self, publication: NewPublication) {
        let request = self.send_event(publication.topic, publication.options, publication.payload);
        match (request, publication.reply) {
            (Ok(request), PublicationReply::Acknowledged(reply)) => {
                self.pending.insert(request, Pending::Publication(reply));
            }
            (Ok(_), PublicationReply::Sent(reply)) => drop(reply.send(Ok(()))),
            (Err(error), reply) => reply.fail(error),
        }
    }

    /// Sends an event to the router.
    pub(super) fn send_event(
        &mut self,
        topic: Uri,
        options: PublishOptions,
        payload: Payload,
    ) -> Result<RequestId, CallError> {
        let (passthru, payload) = self.seal(&Envelope::new(PayloadKind::Event, &topic), payload)?;
        Ok(self.session.publish(topic, PublishOptions { passthru, ..options }, payload)?)
    }

    // ------------------------------------------------------------ subscriptions

    fn subscribe(&mut self, key: Key, subscriber: Box<Subscriber>, reply: Reply<SubscriptionId>) {
        match self.session.subscribe(subscriber.topic.clone(), subscriber.options.clone()) {
            Ok(request) => {
                self.pending.insert(request, Pending::Subscription { key, subscriber: Some(subscriber), reply });
            }
            Err(error) => drop(reply.send(Err(error.into()))),
        }
    }

    fn resubscribe(&mut self, key: Key, reply: Reply<SubscriptionId>, lasting: &Lasting<'_>) {
        let Some(subscriber) = lasting.interests.subscribers.get(&key) else {
            // Whoever wanted it does not want it any more.
            return drop(reply.send(Err(CallError::Over)));
        };
        match self.session.subscribe(subscriber.topic.clone(), subscriber.options.clone()) {
            Ok(request) => drop(self.pending.insert(request, Pending::Subscription { key, subscriber: None, reply })),
            Err(error) => drop(reply.send(Err(error.into()))),
        }
    }

    /// Ends a subscription for one who wanted it.
    pub(super) fn unsubscribe(&mut self, key: Key, reply: Option<Reply<()>>, lasting: &mut Lasting<'_>) {
        let id = lasting.interests.subscribers.remove(&key).and_then(|known| SubscriptionId::new(known.id.get()));
        let request = id.and_then(|id| {
            let keys = self.subscribers.get_mut(&id)?;
            keys.retain(|other| *other != key);
            if keys.is_empty() {
                self.subscribers.remove(&id);
            }
            self.session.unsubscribe(id)
        });
        match (request, reply) {
            (Some(request), reply) => drop(self.pending.insert(request, Pending::Unsubscription(reply))),
            // It goes on for others, or has ended.
            (None, Some(reply)) => drop(reply.send(Ok(()))),
            (None, None) => {}
        }
    }

    // ------------------------------------------------------------ registrations

    fn register(&mut self, key: Key, offer: Box<Offer>, reply: Reply<RegistrationId>) {
        match self.session.register(offer.procedure.clone(), offer.options.clone()) {
            Ok(request) => {
                self.pending.insert(request, Pending::Registration { key, offer: Some(offer), reply });
            }
            Err(error) => drop(reply.send(Err(error.into()))),
        }
    }

    fn reregister(&mut self, key: Key, reply: Reply<RegistrationId>, lasting: &Lasting<'_>) {
        let Some(offer) = lasting.interests.offers.get(&key) else {
            return drop(reply.send(Err(CallError::Over)));
        };
        match self.session.register(offer.procedure.clone(), offer.options.clone()) {
            Ok(request) => drop(self.pending.insert(request, Pending::Registration { key, offer: None, reply })),
            Err(error) => drop(reply.send(Err(error.into()))),
        }
    }

    pub(super) fn unregister(&mut self, key: Key, reply: Option<Reply<()>>, lasting: &mut Lasting<'_>) {
        let id = lasting.interests.offers.remove(&key).and_then(|offer| RegistrationId::new(offer.id.get()));
        let request = id.and_then(|id| {
            self.callees.remove(&id);
            self.session.unregister(id)
        });
        match (request, reply) {
            (Some(request), reply) => drop(self.pending.insert(request, Pending::Unregistration(reply))),
            (None, Some(reply)) => drop(reply.send(Ok(()))),
            (None, None) => {}
        }
    }

    // ------------------------------------------------------------ the end

    /// Says GOODBYE. What nobody has taken is dropped: the answer must be read.
    pub(super) fn leave(&mut self, reason: Uri, message: Option<&str>, now: Instant) {
        self.has_left = true;
        self.waiting.clear();
        self.session.goodbye(reason, message);
        let until = now.checked_add(GOODBYE_TIMEOUT).unwrap_or(now);
        self.stage = Stage::Leaving { until };
    }

    /// Withdraws everything; GOODBYE follows once handlers have ended.
    fn stop(&mut self, lasting: &mut Lasting<'_>, now: Instant) {
        if !matches!(self.stage, Stage::Open) {
            return;
        }
        let subscribers: Vec<Key> = lasting.interests.subscribers.keys().copied().collect();
        subscribers.into_iter().for_each(|key| self.unsubscribe(key, None, lasting));
        let offers: Vec<Key> = lasting.interests.offers.keys().copied().collect();
        offers.into_iter().for_each(|key| self.unregister(key, None, lasting));
        let until = now.checked_add(self.stop_timeout).unwrap_or(now);
        let Lingering { detached, blocking } = self.lingering.clone();
        let lingering = async move {
            detached.close();
            blocking.close();
            detached.wait().await;
            blocking.wait().await;
        };
        let sleep = Box::pin(sleep_until(until));
        self.stage = Stage::Stopping(Box::new(Stopping { until, sleep, lingering: Some(Box::pin(lingering)) }));
    }

    /// Goes on with the end, once there is nothing more to wait for.
    pub(super) fn poll_stop(&mut self, context: &mut Context<'_>, now: Instant) {
        let Stage::Stopping(stopping) = &mut self.stage else { return };
        if let Some(lingering) = &mut stopping.lingering
            && lingering.poll_unpin(context).is_ready()
        {
            stopping.lingering = None;
        }
        let is_late = stopping.sleep.poll_unpin(context).is_ready() || now >= stopping.until;
        let withdrawing =
            |pending: &Pending| matches!(pending, Pending::Unsubscription(_) | Pending::Unregistration(_));
        let is_idle = stopping.lingering.is_none()
            && self.calls.is_empty()
            && self.events.is_empty()
            && !self.pending.values().any(withdrawing);
        if is_late && !is_idle {
            tracing::warn!("handlers still run at the end of the time to stop, and are canceled");
            let shared = Arc::clone(&self.shared);
            for ended in shared.polling(|| self.calls.cancel_all(context, &mut self.tally)) {
                self.end_call(ended);
            }
        }
        if is_late || is_idle {
            self.fetch_commands();
            self.leave(Uri::known(uris::CLOSE_NORMAL), None, now);
        }
    }
}
