//! The authenticators of a realm, and which one a client is for.

use std::sync::{Arc, OnceLock};

use super::authenticated::Authenticated;
use super::authenticator::Authenticator;
use super::claims::Claims;
use crate::handler::{RpcError, Session};
use crate::session::{AuthenticationMethod, CraCredential, PublicKey, ScramCredential};
use crate::wire::uris;

/// How clients of a realm are authenticated.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authenticators {
    /// What takes the place of all others.
    pub(crate) handler: Option<Authenticator<Session, ()>>,
    pub(crate) transport: Vec<Authenticator<Session, Authenticated>>,
    pub(crate) ticket: Option<Authenticator<(Session, String), Authenticated>>,
    pub(crate) cra: Option<Provider<CraCredential>>,
    pub(crate) scram: Option<Provider<ScramCredential>>,
    pub(crate) cryptosign: Option<Authenticator<(Session, PublicKey), Authenticated>>,
    /// The role of anonymous clients, where they are allowed explicitly.
    pub(crate) anonymous: Option<String>,
    /// Who they are, where that is found out.
    pub(crate) anonymous_by: Option<Authenticator<Session, Authenticated>>,
    /// What clients are told whose login is refused; none for the usual text.
    pub(crate) refusal: Option<String>,
    /// Whether tickets are taken over lines that others can read.
    pub(crate) plain_tickets: bool,
}

/// Authentication in two steps: what is known of a user, and who that is once the client has proved to be it.
#[derive(Debug, Clone)]
pub(crate) struct Provider<C> {
    pub(crate) credential: Authenticator<Session, C>,
    pub(crate) identity: Authenticator<Session, Authenticated>,
    /// What the first credential was like: those of users who do not exist have to look the same from then on.
    pub(crate) look: Arc<OnceLock<C>>,
}

impl<C> Provider<C> {
    pub(crate) fn new(
        credential: Authenticator<Session, C>,
        identity: Authenticator<Session, Authenticated>,
    ) -> Provider<C> {
        Provider { credential, identity, look: Arc::default() }
    }
}

impl Authenticators {
    /// Whether everybody may join without a word.
    pub(crate) fn are_none(&self) -> bool {
        self.handler.is_none()
            && self.transport.is_empty()
            && self.anonymous_by.is_none()
            && self.methods().next().is_none()
    }

    /// The role of anonymous clients, if they may join.
    pub(crate) fn anonymous_role(&self) -> Option<&str> {
        self.anonymous.as_deref().or_else(|| self.are_none().then_some("anonymous"))
    }

    fn lets_anonymous_in(&self) -> bool {
        self.anonymous.is_some() || self.anonymous_by.is_some()
    }

    /// As the log lists them.
    pub(crate) fn listings(&self) -> impl Iterator<Item = String> {
        let one = |listing: Option<String>| listing.into_iter();
        one(self.handler.as_ref().map(ToString::to_string))
            .chain(self.transport.iter().map(ToString::to_string))
            .chain(one(self.ticket.as_ref().map(ToString::to_string)))
            .chain(one(self.cra.as_ref().map(|cra| cra.credential.to_string())))
            .chain(one(self.scram.as_ref().map(|scram| scram.credential.to_string())))
            .chain(one(self.cryptosign.as_ref().map(ToString::to_string)))
            .chain(one(self.anonymous_by.as_ref().map(ToString::to_string)))
    }

    /// The first of the client's methods that the realm has. `confidential` says whether others can read the line.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn choose(&self, claims: &Claims, confidential: bool) -> Result<AuthenticationMethod, RpcError> {
        use AuthenticationMethod::{Anonymous, Ticket};
        if self.are_none() {
            return Ok(Anonymous);
        }
        let is_readable = |method| method == Ticket && !confidential && !self.plain_tickets;
        let has = |method| match method {
            Anonymous => self.lets_anonymous_in(),
            method => self.methods().any(|own| own == method),
        };
        let offered: Vec<_> = match claims.authmethods().next() {
            Some(_) => claims.authmethods().filter_map(AuthenticationMethod::from_name).collect(),
            None => self.presumed(),
        };
        if let Some(method) = offered.iter().copied().find(|&method| has(method) && !is_readable(method)) {
            return Ok(method);
        }
        if offered.iter().any(|&method| has(method)) {
            let message = "a ticket is not taken over a line that others can read: connect with TLS";
            return Err(RpcError::new(uris::NO_MATCHING_AUTH_METHOD).message(message));
        }
        if claims.authmethods().all(|name| name == Anonymous.name()) {
            let message = "this realm wants to know who its clients are";
            return Err(RpcError::new(uris::AUTHENTICATION_REQUIRED).message(message));
        }
        let methods: Vec<&str> = self.methods().map(AuthenticationMethod::name).collect();
        let message = format!("this realm has the methods {}", methods.join(", "));
        Err(RpcError::new(uris::NO_MATCHING_AUTH_METHOD).message(message))
    }

    /// What a client means that names no method: to stay anonymous, else the one method that the realm has. SCRAM and
    /// cryptosign need something that the client would have said in HELLO.
    fn presumed(&self) -> Vec<AuthenticationMethod> {
        let mut methods = self.methods();
        match (methods.next(), methods.next()) {
            _ if self.lets_anonymous_in() => vec![AuthenticationMethod::Anonymous],
            (Some(only @ (AuthenticationMethod::Ticket | AuthenticationMethod::Cra)), None) => vec![only],
            _ => Vec::new(),
        }
    }

    /// The methods by which the realm challenges clients.
    fn methods(&self) -> impl Iterator<Item = AuthenticationMethod> {
        use AuthenticationMethod::{Anonymous, Cra, Cryptosign, Scram, Ticket};
        AuthenticationMethod::ALL.into_iter().filter(|method| match method {
            Ticket => self.ticket.is_some(),
            Cra => self.cra.is_some(),
            Scram(_) => self.scram.is_some(),
            Cryptosign => self.cryptosign.is_some(),
            Anonymous => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn nobody(_: Session) -> Option<Authenticated> {
        None
    }

    fn ticket_and_cra() -> Authenticators {
        let credential = Authenticator::new("cra_authenticator", async |_: Session| None::<CraCredential>);
        Authenticators {
            ticket: Some(Authenticator::new("ticket_authenticator", async |_: (Session, String)| None)),
            cra: Some(Provider::new(credential, Authenticator::new("cra_authenticator", nobody))),
            ..Authenticators::default()
        }
    }

    fn chosen(authenticators: &Authenticators, offered: &[&str], confidential: bool) -> Result<&'static str, String> {
        let method = authenticators.choose(&Claims::offering(offered), confidential);
        method.map(AuthenticationMethod::name).map_err(|error| error.to_string())
    }

    /// The rest of the choice is tested over the wire.
    #[test]
    fn tickets_are_not_taken_where_others_can_read_them() {
        const REFUSED: &str = "wamp.error.no_matching_auth_method \
            message=\"a ticket is not taken over a line that others can read: connect with TLS\"";
        let both = ticket_and_cra();
        let ticket = Authenticators { cra: None, ..both.clone() };
        let allowed = Authenticators { plain_tickets: true, ..both.clone() };
        for (authenticators, offered, confidential, expected) in [
            (&both, ["ticket", "wampcra"].as_slice(), true, Ok("ticket")),
            (&both, &["ticket", "wampcra"], false, Ok("wampcra")),
            (&both, &["ticket"], true, Ok("ticket")),
            (&both, &["ticket"], false, Err(REFUSED)),
            (&ticket, &[], true, Ok("ticket")),
            (&ticket, &[], false, Err(REFUSED)),
            (&allowed, &["ticket", "wampcra"], false, Ok("ticket")),
        ] {
            assert_eq!(
                chosen(authenticators, offered, confidential),
                expected.map_err(str::to_owned),
                "{offered:?} {confidential}"
            );
        }
        let required = chosen(&both, &["anonymous"], false).unwrap_err();
        assert!(required.starts_with("wamp.error.authentication_required"), "{required}");
    }

    #[test]
    fn functions_are_listed_with_their_place() {
        let listings: Vec<String> = ticket_and_cra().listings().collect();
        assert_eq!(listings.len(), 2);
        assert!(listings[0].starts_with("ticket_authenticator  ") && listings[0].contains("authenticators.rs:"));
    }
}
