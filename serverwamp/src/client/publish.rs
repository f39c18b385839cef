//! Publications of a client.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;

use futures_util::future::BoxFuture;

use super::error::CallError;
use super::handle::Client;
use super::request::{NewPublication, PublicationReply, Request};
use crate::wire::{Audience, Payload, PublicationId, PublishOptions, SessionId, Uri};

/// An event that is about to be published. Awaiting it comes to `T`.
#[must_use = "an event is not published until it is awaited"]
#[derive(Debug)]
pub struct Publish<T> {
    client: Client,
    message: Result<(Uri, Payload), CallError>,
    options: PublishOptions,
    audience: Audience,
    result: PhantomData<fn() -> T>,
}

impl Publish<()> {
    pub(super) fn new(client: Client, message: Result<(Uri, Payload), CallError>) -> Publish<()> {
        let (options, audience) = (PublishOptions::default(), Audience::default());
        Publish { client, message, options, audience, result: PhantomData }
    }

    /// Asks for an answer: the publication's id, or why the event was not published.
    pub fn acknowledge(self) -> Publish<PublicationId> {
        let Publish { client, message, options, audience, .. } = self;
        Publish { client, message, options, audience, result: PhantomData }
    }
}

impl<T> Publish<T> {
    /// Whether this client gets no event of its own publication: none by default.
    ///
    /// WAMP: publisher exclusion, advanced profile.
    pub fn exclude_me(mut self, exclude: bool) -> Publish<T> {
        self.options.exclude_me = Some(exclude);
        self
    }

    /// Whether subscribers are told who publishes.
    ///
    /// WAMP: publisher identification, advanced profile.
    pub fn disclose_me(mut self, disclose: bool) -> Publish<T> {
        self.options.disclose_me = Some(disclose);
        self
    }

    /// Whether the router keeps the event for those who subscribe later.
    ///
    /// WAMP: event retention, advanced profile.
    pub fn retain(mut self, retain: bool) -> Publish<T> {
        self.options.retain = Some(retain);
        self
    }

    /// Sessions that do not get the event.
    ///
    /// WAMP, here and for the following lists: subscriber black- and whitelisting, advanced profile.
    pub fn exclude(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Publish<T> {
        self.audience.exclude = Some(sessions.into_iter().collect());
        self
    }

    /// Authentication ids whose sessions do not get the event.
    pub fn exclude_authid<S: Into<Box<str>>>(mut self, authids: impl IntoIterator<Item = S>) -> Publish<T> {
        self.audience.exclude_authid = Some(texts(authids));
        self
    }

    /// Roles whose sessions do not get the event.
    pub fn exclude_authrole<S: Into<Box<str>>>(mut self, authroles: impl IntoIterator<Item = S>) -> Publish<T> {
        self.audience.exclude_authrole = Some(texts(authroles));
        self
    }

    /// The only sessions that get the event: nobody does if there are none.
    pub fn eligible(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Publish<T> {
        self.audience.eligible = Some(sessions.into_iter().collect());
        self
    }

    /// The only authentication ids whose sessions get the event.
    pub fn eligible_authid<S: Into<Box<str>>>(mut self, authids: impl IntoIterator<Item = S>) -> Publish<T> {
        self.audience.eligible_authid = Some(texts(authids));
        self
    }

    /// The only roles whose sessions get the event.
    pub fn eligible_authrole<S: Into<Box<str>>>(mut self, authroles: impl IntoIterator<Item = S>) -> Publish<T> {
        self.audience.eligible_authrole = Some(texts(authroles));
        self
    }

    fn parts(self) -> Result<(Client, Uri, PublishOptions, Payload), CallError> {
        let (topic, payload) = self.message?;
        Ok((self.client, topic, PublishOptions { audience: self.audience.into(), ..self.options }, payload))
    }
}

fn texts<S: Into<Box<str>>>(texts: impl IntoIterator<Item = S>) -> Box<[Box<str>]> {
    texts.into_iter().map(Into::into).collect()
}

impl IntoFuture for Publish<()> {
    type Output = Result<(), CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(async move {
            let (client, topic, options, payload) = self.parts()?;
            let publication = |reply| NewPublication { topic, options, payload, reply: PublicationReply::Sent(reply) };
            client.ask(|reply| Request::Publish(Box::new(publication(reply)))).await
        })
    }
}

impl IntoFuture for Publish<PublicationId> {
    type Output = Result<PublicationId, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(async move {
            let (client, topic, options, payload) = self.parts()?;
            let options = PublishOptions { acknowledge: Some(true), ..options };
            let publication =
                |reply| NewPublication { topic, options, payload, reply: PublicationReply::Acknowledged(reply) };
            client.ask(|reply| Request::Publish(Box::new(publication(reply)))).await
        })
    }
}
