//! How clients of realms that are not configured are authenticated: the setters of `Realm`, for them.

use std::future::Future;

use super::App;
use crate::handler::{Authenticated, Lookup, Session, WampError};
use crate::routing::{DynamicAuthenticator, Realm};
use crate::session::{CraCredential, PublicKey, ScramCredential};

impl App {
    /// As [`Realm::transport_authenticator`], for realms that are not configured.
    #[track_caller]
    pub fn transport_authenticator<F, R>(self, authenticator: impl Fn(Session) -> F + Send + Sync + 'static) -> App
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<Authenticated>,
    {
        let any_realm = self.any_realm.clone().transport_authenticator(authenticator);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::ticket_authenticator`], for realms that are not configured.
    #[track_caller]
    pub fn ticket_authenticator<F, R>(self, authenticator: impl Fn(Session, String) -> F + Send + Sync + 'static) -> App
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<Authenticated>,
    {
        let any_realm = self.any_realm.clone().ticket_authenticator(authenticator);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::allow_plain_tickets`], for realms that are not configured.
    pub fn allow_plain_tickets(self) -> App {
        let any_realm = self.any_realm.clone().allow_plain_tickets();
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::cra_authenticator`], for realms that are not configured.
    #[track_caller]
    pub fn cra_authenticator<F, R, G, S>(
        self,
        secret_of: impl Fn(Session) -> F + Send + Sync + 'static,
        identity_of: impl Fn(Session) -> G + Send + Sync + 'static,
    ) -> App
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<CraCredential>,
        G: Future<Output = S> + Send + 'static,
        S: Lookup<Authenticated>,
    {
        let any_realm = self.any_realm.clone().cra_authenticator(secret_of, identity_of);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::scram_authenticator`], for realms that are not configured.
    #[track_caller]
    pub fn scram_authenticator<F, R, G, S>(
        self,
        credential_of: impl Fn(Session) -> F + Send + Sync + 'static,
        identity_of: impl Fn(Session) -> G + Send + Sync + 'static,
    ) -> App
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<ScramCredential>,
        G: Future<Output = S> + Send + 'static,
        S: Lookup<Authenticated>,
    {
        let any_realm = self.any_realm.clone().scram_authenticator(credential_of, identity_of);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::cryptosign_authenticator`], for realms that are not configured.
    #[track_caller]
    pub fn cryptosign_authenticator<F, R>(
        self,
        authenticator: impl Fn(Session, PublicKey) -> F + Send + Sync + 'static,
    ) -> App
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<Authenticated>,
    {
        let any_realm = self.any_realm.clone().cryptosign_authenticator(authenticator);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::allow_anonymous`], for realms that are not configured.
    pub fn allow_anonymous(self, role: impl Into<String>) -> App {
        let any_realm = self.any_realm.clone().allow_anonymous(role);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::dynamic_authenticator`], for realms that are not configured.
    #[track_caller]
    pub fn dynamic_authenticator(self, authenticator: impl Into<DynamicAuthenticator>) -> App {
        let any_realm = self.any_realm.clone().dynamic_authenticator(authenticator);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::refusal`], for realms that are not configured.
    pub fn refusal(self, text: impl Into<String>) -> App {
        let any_realm = self.any_realm.clone().refusal(text);
        self.with_any_realm(any_realm)
    }

    /// As [`Realm::authentication_handler`], for realms that are not configured.
    #[track_caller]
    pub fn authentication_handler<F, E>(self, handler: impl Fn(Session) -> F + Send + Sync + 'static) -> App
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: WampError + 'static,
    {
        let any_realm = self.any_realm.clone().authentication_handler(handler);
        self.with_any_realm(any_realm)
    }

    /// What the challenges of users who do not exist are made of, in all realms. Default: random octets, so that such a
    /// user's salt changes when the server starts again, which the salts of others do not.
    ///
    /// Servers for the same users should have the same secret, and keep it.
    pub fn decoy_secret(mut self, secret: [u8; 32]) -> App {
        self.decoy_secret = Some(secret);
        self.changed()
    }

    fn with_any_realm(mut self, realm: Realm) -> App {
        self.any_realm = realm;
        self.changed()
    }
}

/// Logs which realms let everybody in, where others do not and nobody has said that it is meant to be so.
///
/// The authenticators of the app count even where nobody can join its realms: they may be meant for the others.
pub(super) fn warn_of_open_realms<'a>(any_realm: &Realm, realms: impl Iterator<Item = &'a Realm> + Clone) {
    for realm in open_realms(any_realm, realms) {
        match realm.name() {
            Some(name) => tracing::warn!("realm `{name}` lets everybody in: allow_anonymous says that it is to"),
            None => tracing::warn!(
                "realms that are not configured let everybody in: default_realm(false) turns them away, and \
                 allow_anonymous says that it is to be so"
            ),
        }
    }
}

fn open_realms<'a>(any_realm: &Realm, realms: impl Iterator<Item = &'a Realm> + Clone) -> Vec<&'a Realm> {
    let is_open = |realm: &&Realm| realm.authenticators().are_none();
    if is_open(&any_realm) && realms.clone().all(|realm| is_open(&realm)) {
        return Vec::new();
    }
    realms.filter(is_open).filter(|realm| realm.authenticators().anonymous.is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realms_that_may_be_open_by_accident() {
        let open = Realm::new("open");
        let meant = Realm::new("meant").allow_anonymous("guest");
        let closed = |realm: Realm| realm.transport_authenticator(async |_: Session| None::<Authenticated>);
        let (any, any_closed) = (Realm::of_any_name(), closed(Realm::of_any_name()));
        let shut = closed(Realm::new("shut"));
        for (any_realm, realms, expected) in [
            (&any, vec![&open, &any], vec![]),
            (&any, vec![&open, &shut, &meant, &any], vec![Some("open"), None]),
            (&any, vec![&open, &shut], vec![Some("open")]),
            (&any_closed, vec![&open, &any_closed], vec![Some("open")]),
            // The app turns away whom its authenticators would be for.
            (&any_closed, vec![&open, &meant], vec![Some("open")]),
            (&any_closed, vec![&meant], vec![]),
        ] {
            let found: Vec<_> = open_realms(any_realm, realms.into_iter()).iter().map(|realm| realm.name()).collect();
            assert_eq!(found, expected);
        }
    }
}
