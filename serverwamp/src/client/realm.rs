//! The realm on somebody else's router, as handlers see it.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::state::Details;
use crate::handler::{
    Announcement, Answering, Audience, Claims, FanOut, LivingRealm, OwnPublication, Pace, Principal, Publication,
    PublishError, RealmDirectory, RealmHandle, RpcError, RpcResult, Session, SessionDetails, Subscription,
    TransportInfo,
};
use crate::wire::{Codec, MatchPolicy, PublishOptions, Uri, uris};

/// The program's own session with a router, and through it the realm: what is published goes to the router.
#[derive(Debug)]
pub(super) struct RouterRealm {
    session: Session,
}

/// The sessions of a client, of which there is one at a time: what is left of an earlier one finds the one of now.
#[derive(Default)]
pub(super) struct CurrentRealm(Mutex<Weak<RouterRealm>>);

impl RouterRealm {
    pub(super) fn new(
        details: &Details,
        info: TransportInfo,
        outbound_bytes: usize,
        current: &Arc<CurrentRealm>,
    ) -> Arc<RouterRealm> {
        let realm = Arc::new_cyclic(|realm: &Weak<RouterRealm>| {
            let directory: Arc<dyn RealmDirectory> = Arc::<CurrentRealm>::clone(current);
            let handle = RealmHandle::to_living(details.realm(), Weak::<RouterRealm>::clone(realm), directory);
            let session_details =
                SessionDetails { realm: details.realm_uri().clone(), announcement: Announcement::default() };
            let (info, claims) = (Arc::new(info), Claims::default());
            let session =
                Session::new(details.session(), session_details, claims, info, details.codec, handle, outbound_bytes);
            RouterRealm { session }
        });
        // Nobody else has settled it.
        let _ = realm.session.settle_as(Principal {
            authid: details.authid().to_owned(),
            authrole: details.authrole().to_owned(),
            authmethod: details.authmethod().to_owned(),
            authprovider: details.authprovider().to_owned(),
            authextra: None,
            identity: None,
        });
        realm.session.end_authentication();
        realm.session.record_principal();
        *current.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&realm);
        realm
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }
}

impl LivingRealm for RouterRealm {
    fn codec_of(&self, _: &Uri, _: &Audience) -> Option<Codec> {
        Some(self.session.codec())
    }

    fn publish(&self, publication: &Publication<'_>) -> Result<FanOut, PublishError> {
        let options = PublishOptions {
            audience: publication.audience.to_options().into(),
            retain: publication.retain.then_some(true),
            ..PublishOptions::default()
        };
        let (topic, payload) = (publication.topic.clone(), publication.payload.clone());
        let octets = payload.size();
        let outbox = self.session.outbox();
        match outbox.push_publication(OwnPublication { topic, options, payload }) {
            Ok(pace) => {
                let slow = (pace == Pace::Lags).then(|| self.session.clone()).into_iter().collect();
                Ok(FanOut { octets, slow, met: None })
            }
            Err(Some(_)) => Err(PublishError::Closed),
            Err(None) => Err(PublishError::TooLarge { maximum: outbox.limit() }),
        }
    }

    /// The other sessions are the router's.
    fn send_event(&self, _: &Session, _: &Publication<'_>) -> Result<FanOut, PublishError> {
        Err(PublishError::Closed)
    }

    /// What is retained is the router's.
    fn clear_retained(&self, _: &Uri) -> bool {
        false
    }

    fn revoke(&self, _: &Subscription, _: &Uri) -> bool {
        false
    }

    fn revoke_all(&self, _: &str, _: MatchPolicy, _: &Uri) -> usize {
        0
    }

    /// Only a router calls on behalf of itself.
    fn call(self: Arc<Self>, _: Uri, _: RpcResult) -> Answering {
        Box::pin(ready(Err(RpcError::new(uris::NO_SUCH_PROCEDURE))))
    }

    fn sessions(&self) -> Vec<Session> {
        vec![self.session.clone()]
    }

    fn session_count(&self) -> usize {
        1
    }
}

impl RealmDirectory for CurrentRealm {
    fn find(&self, _: &str) -> Option<Arc<dyn LivingRealm>> {
        let realm = self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?;
        Some(realm)
    }
}

impl fmt::Debug for CurrentRealm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CurrentRealm")
    }
}
