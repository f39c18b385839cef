//! What a handler learns of an event.

use super::call::Call;
use super::error::RpcError;
use super::extract::{FromCall, Parameter, Requirement};
use super::route::RouteKind;
use super::session::Session;
use crate::wire::{self, PublicationId, SessionId, Uri};

/// What is known of an event besides its arguments; for event functions.
///
/// ```
/// use serverwamp::{EventDetails, wamp};
///
/// #[wamp::event("chat.", match = "prefix")]
/// async fn log(text: String, details: EventDetails) {
///     println!("{}: {text}", details.topic());
/// }
/// ```
///
/// WAMP: EVENT, basic profile; publisher identification, advanced profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDetails {
    publication: PublicationId,
    topic: Uri,
    publisher: Option<Publisher>,
    retained: bool,
}

/// Who published an event.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Publisher {
    session: SessionId,
    authid: Option<String>,
    authrole: Option<String>,
}

impl EventDetails {
    /// The details of an event whose publisher is not disclosed.
    pub(crate) fn new(publication: PublicationId, topic: Uri) -> EventDetails {
        EventDetails { publication, topic, publisher: None, retained: false }
    }

    /// Discloses the publisher.
    pub(crate) fn published_by(mut self, session: &Session) -> EventDetails {
        self.publisher = Some(Publisher {
            session: session.id(),
            authid: Some(session.authid().to_owned()),
            authrole: Some(session.authrole().to_owned()),
        });
        self
    }

    /// The details of an event that came from somebody else's router.
    pub(crate) fn received(event: &wire::Event, subscribed: &Uri) -> EventDetails {
        let details = &event.details;
        let publisher = details.publisher.map(|session| Publisher {
            session,
            authid: details.publisher_authid.as_deref().map(str::to_owned),
            authrole: details.publisher_authrole.as_deref().map(str::to_owned),
        });
        EventDetails {
            publication: event.publication,
            topic: details.topic.clone().unwrap_or_else(|| subscribed.clone()),
            publisher,
            retained: details.retained == Some(true),
        }
    }
}

impl EventDetails {
    /// The publication's id, the same for everyone who gets the event.
    pub fn publication(&self) -> PublicationId {
        self.publication
    }

    /// The topic that the event was published on; of interest where the function's is a pattern.
    pub fn topic(&self) -> &Uri {
        &self.topic
    }

    /// The publisher's session, where it is disclosed.
    pub fn publisher(&self) -> Option<SessionId> {
        self.publisher.as_ref().map(|publisher| publisher.session)
    }

    /// The publisher's authentication id, where it is disclosed.
    pub fn publisher_authid(&self) -> Option<&str> {
        self.publisher.as_ref()?.authid.as_deref()
    }

    /// The publisher's role, where it is disclosed.
    pub fn publisher_authrole(&self) -> Option<&str> {
        self.publisher.as_ref()?.authrole.as_deref()
    }

    /// Whether the event was kept from before the subscription.
    pub fn retained(&self) -> bool {
        self.retained
    }
}

impl<'c> FromCall<'c> for EventDetails {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<EventDetails, RpcError> {
        call.event().cloned().ok_or_else(|| RpcError::internal(&"there is no event"))
    }

    fn requires() -> Vec<Requirement> {
        vec![Requirement::function("EventDetails", &[RouteKind::Event])]
    }
}
