//! Handing an event out: encoded once for each subscription and codec, and shared by all who get it.

use bytes::Bytes;
use smallvec::SmallVec;

use super::super::coverage::{matches, may_read};
use super::{Broker, State, Subscriber, Topic};
use crate::handler::{self, Audience, FanOut, Pace, Publication, PublishError, Session, event};
use crate::log::Shown;
use crate::wire::{Codec, EventDetails, MatchPolicy, Options, Payload, SubscriptionId, Uri};

/// Something for each codec.
type PerCodec<T> = [Option<T>; 3];

/// What looking at a subscriber or at a component of a wildcard pattern counts for, be the event for it or not.
const LOOK: usize = 16;

const CODECS: [Codec; 3] = [Codec::Json, Codec::MessagePack, Codec::Cbor];

/// A subscription that an event is for, with the EVENT for each codec that is in use.
struct Addressed<'s> {
    id: SubscriptionId,
    topic: &'s Topic,
    /// None where the EVENTs of other subscriptions take too much already: these are encoded again when they are sent.
    messages: Option<PerCodec<Bytes>>,
}

impl Broker {
    /// The one codec of all who would get an event, or CBOR where they have several; none where nobody would.
    pub(crate) fn codec_of(&self, topic: &Uri, audience: &Audience) -> Option<Codec> {
        let state = self.read();
        let mut used = PerCodec::default();
        for (_, topic) in state.matching(topic).0 {
            topic.mark_codecs(audience, &mut used);
        }
        match used {
            // Whatever it is, it is kept.
            [None, None, None] => self.keeps_history_of(topic).then_some(Codec::Cbor),
            [Some(()), None, None] => Some(Codec::Json),
            [None, Some(()), None] => Some(Codec::MessagePack),
            _ => Some(Codec::Cbor),
        }
    }

    /// Queues an event for all who get it.
    ///
    /// # Errors
    /// It is too large, or the codec of a receiver cannot hold it: then it was queued for nobody.
    pub(crate) fn publish(&self, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        // Held to the end: whoever unsubscribes waits, and the events of one publisher keep their order.
        let state = self.read();
        let Some(router) = &self.router else {
            return if publication.retain { Err(PublishError::NotRetained) } else { self.fan_out(&state, publication) };
        };
        // Held as well: what is retained is the event that all have had last.
        let mut retained = publication.retain.then(|| router.retained());
        retained.as_ref().map_or(Ok(()), |retained| retained.check(publication))?;
        let mut sent = self.fan_out(&state, publication)?;
        sent.met = retained.as_mut().and_then(|retained| retained.put(publication)).or(router.record(publication));
        Ok(sent)
    }

    /// Queues an event for all who get it.
    pub(super) fn fan_out(&self, state: &State, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        let mut addressed: SmallVec<[Addressed<'_>; 2]> = SmallVec::new();
        let mut transcoded = PerCodec::default();
        let mut held = 0_usize;
        let (matching, looked_at) = state.matching(publication.topic);
        for (id, topic) in matching {
            let messages = self.encode(id, topic, publication, &mut transcoded)?;
            let octets = messages.iter().flatten().fold(held, |octets, message| octets.saturating_add(message.len()));
            let holds = addressed.is_empty() || octets <= self.largest_event;
            if holds {
                held = octets;
            }
            addressed.push(Addressed { id, topic, messages: holds.then_some(messages) });
        }
        let mut sent = FanOut { octets: looked_at.saturating_mul(LOOK), ..FanOut::default() };
        for Addressed { id, topic, messages } in addressed {
            let messages = match messages {
                Some(messages) => messages,
                None => self.encode(id, topic, publication, &mut transcoded)?,
            };
            for (id, subscriber) in &topic.subscribers {
                let Subscriber { codec, session } = subscriber;
                sent.octets = sent.octets.saturating_add(LOOK);
                if let Some(message) = of(*codec, &messages)
                    && publication.audience.allows(*id, session)
                    && let Ok(pace) = session.outbox().push_event(message.clone())
                {
                    sent.octets = sent.octets.saturating_add(message.len());
                    if pace == Pace::Lags {
                        sent.slow.push(session.clone());
                    }
                }
            }
        }
        Ok(sent)
    }

    /// Queues an event for one session, once for each of its subscriptions that match; its payload is in the session's
    /// codec.
    ///
    /// # Errors
    /// It is too large.
    pub(crate) fn send_event(&self, session: &Session, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        let state = self.read();
        let Some(own) = state.sessions.get(&session.id()) else { return Ok(FanOut::default()) };
        let active = state.matching(publication.topic).0.into_iter().filter_map(|(id, _)| own.active.get(&id));
        let pending = own.pending.iter().filter(|pending| {
            matches(pending.topic(), pending.match_policy(), publication.topic)
                && may_read(pending.topic(), publication.topic)
        });
        let mut sent = FanOut::default();
        for subscription in active.chain(pending) {
            let topic = (subscription.match_policy() != MatchPolicy::Exact).then_some(publication.topic);
            let FanOut { octets, slow, .. } = subscription.send_encoded(publication.id, topic, publication.payload)?;
            sent = FanOut { octets: sent.octets.saturating_add(octets), slow, met: None };
        }
        Ok(sent)
    }

    /// Sends a session that is subscribed already what is retained for a subscription. Returns how many octets that was.
    pub(crate) fn send_retained(&self, session: &Session, id: SubscriptionId) -> usize {
        // No event comes between what is retained and what follows.
        let state = self.write();
        self.send_retained_in(&state, session, id)
    }

    /// Forgets what is retained of a topic. Returns whether that was anything.
    pub(crate) fn clear_retained(&self, topic: &Uri) -> bool {
        self.router.as_ref().is_some_and(|router| router.retained().clear(topic))
    }

    pub(super) fn send_retained_in(&self, state: &State, session: &Session, id: SubscriptionId) -> usize {
        let (Some(router), Some(topic)) = (&self.router, state.topics.get(&id)) else { return 0 };
        let retained = router.retained();
        let mut octets = 0_usize;
        for event in retained.for_subscriber(session, &topic.uri, topic.policy) {
            let told = (topic.policy != MatchPolicy::Exact).then(|| event.topic.clone());
            let details = EventDetails { topic: told, retained: Some(true), ..event.details.clone() };
            let payload = event.payload.transcode(session.codec()).map_err(PublishError::from);
            let message =
                payload.and_then(|it| handler::event(session.codec(), id, event.id, Some(&details.into()), &it));
            match message {
                Ok(message) => {
                    octets = octets.saturating_add(message.len()).saturating_add(LOOK);
                    if session.outbox().push_event(message).is_err() {
                        break;
                    }
                }
                Err(error) => tracing::debug!(topic = %Shown(&event.topic), %error, "a retained event cannot be sent"),
            }
        }
        octets
    }

    /// The EVENT of one subscription in each codec that somebody who gets it uses.
    fn encode(
        &self,
        id: SubscriptionId,
        topic: &Topic,
        publication: &Publication<'_>,
        transcoded: &mut PerCodec<Payload>,
    ) -> Result<PerCodec<Bytes>, PublishError> {
        let mut used = PerCodec::default();
        topic.mark_codecs(publication.audience, &mut used);
        let details = details(topic, publication);
        let mut messages = PerCodec::default();
        for (((codec, used), transcoded), message) in CODECS.into_iter().zip(used).zip(transcoded).zip(&mut messages) {
            if used.is_none() {
                continue;
            }
            let payload = match transcoded {
                _ if publication.payload.codec() == codec => publication.payload,
                Some(payload) => payload,
                None => transcoded.insert(publication.payload.transcode(codec)?),
            };
            let encoded = event(codec, id, publication.id, details.as_ref(), payload)?;
            if encoded.len() > self.largest_event {
                return Err(PublishError::TooLarge { maximum: self.largest_event });
            }
            *message = Some(encoded);
        }
        Ok(messages)
    }
}

impl State {
    /// The subscriptions whose topic or pattern a topic matches, and how much of patterns was looked at to find them.
    pub(super) fn matching(&self, topic: &str) -> (SmallVec<[(SubscriptionId, &Topic); 2]>, usize) {
        let mut matching = SmallVec::new();
        let looked_at = self.table.for_each_match(topic, |id| {
            let subscribed = self.topics.get(id).filter(|subscribed| may_read(&subscribed.uri, topic));
            matching.extend(subscribed.map(|subscribed| (*id, subscribed)));
        });
        (matching, looked_at)
    }
}

impl Topic {
    /// Marks the codecs of those subscribers who may have an event.
    fn mark_codecs(&self, audience: &Audience, used: &mut PerCodec<()>) {
        for (id, subscriber) in &self.subscribers {
            if of(subscriber.codec, used).is_none() && audience.allows(*id, &subscriber.session) {
                let [json, message_pack, cbor] = used;
                match subscriber.codec {
                    Codec::Json => *json = Some(()),
                    Codec::MessagePack => *message_pack = Some(()),
                    Codec::Cbor => *cbor = Some(()),
                }
                if let [Some(()), Some(()), Some(())] = used {
                    return;
                }
            }
        }
    }
}

fn of<T>(codec: Codec, values: &PerCodec<T>) -> Option<&T> {
    let [json, message_pack, cbor] = values;
    match codec {
        Codec::Json => json.as_ref(),
        Codec::MessagePack => message_pack.as_ref(),
        Codec::Cbor => cbor.as_ref(),
    }
}

/// What EVENT tells; none where it tells nothing.
fn details(topic: &Topic, publication: &Publication<'_>) -> Option<Options<EventDetails>> {
    let pattern = topic.policy != MatchPolicy::Exact;
    if !pattern && publication.details == EventDetails::default() {
        return None;
    }
    let topic = pattern.then(|| publication.topic.clone());
    Some(EventDetails { topic, ..publication.details.clone() }.into())
}
