//! How clients of a realm are authenticated: the setters.

use std::future::Future;

use super::realm::Realm;
use crate::handler::{Authenticated, Authenticator, Authenticators, Lookup, Provider, Session, WampError};
use crate::session::{CraCredential, PublicKey, ScramCredential};

impl Realm {
    /// Looks at a client's connection and claims before it is challenged; repeatable, and the first of them that returns
    /// an identity decides.
    ///
    /// It sees cookies, headers, query and address ([`Session::transport`]) and what HELLO claims ([`Session::claims`]).
    /// If all return none, the client is challenged by a method of its choice that the realm has.
    ///
    /// ```
    /// use serverwamp::{App, Authenticated, Realm, Session};
    ///
    /// struct Customer(u64);
    ///
    /// async fn by_cookie(session: Session) -> Option<Authenticated> {
    ///     match session.transport().cookie("sid")? {
    ///         "c0ffee" => Some(Authenticated::new(Customer(7)).authid("joe").role("customer").method("cookie")),
    ///         _ => None,
    ///     }
    /// }
    ///
    /// let app = App::new().realm(Realm::new("customers").transport_authenticator(by_cookie));
    /// # let _ = app;
    /// ```
    #[must_use]
    #[track_caller]
    pub fn transport_authenticator<F, R>(
        mut self,
        authenticator: impl Fn(Session) -> F + Send + Sync + 'static,
    ) -> Realm
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<Authenticated>,
    {
        self.authenticators.transport.push(Authenticator::new("transport_authenticator", authenticator));
        self
    }

    /// Lets clients log in with a ticket: a password or token in clear text, which this function checks.
    ///
    /// The client may have claimed an authid ([`Claims::authid`](crate::Claims::authid)): the function says whether the
    /// ticket is that user's. Compare secrets with [`Secret::matches`](crate::Secret::matches), or compare hashes of them.
    ///
    /// Tickets are only taken over lines that others cannot read: TLS, or connections from the same machine. Behind a proxy
    /// that ends TLS on another machine [`allow_plain_tickets`](Realm::allow_plain_tickets) is needed.
    ///
    /// ```
    /// use serverwamp::{App, Authenticated, Realm, Session};
    /// # async fn user_of_token(_token: &str) -> Option<String> { None }
    ///
    /// async fn check(session: Session, ticket: String) -> Option<Authenticated> {
    ///     let user = user_of_token(&ticket).await?;
    ///     (session.claims().authid() == Some(&user)).then(|| Authenticated::new(()).role("customer"))
    /// }
    ///
    /// let app = App::new().realm(Realm::new("customers").ticket_authenticator(check));
    /// # let _ = app;
    /// ```
    ///
    /// WAMP: ticket-based authentication, advanced profile.
    #[must_use]
    #[track_caller]
    pub fn ticket_authenticator<F, R>(
        mut self,
        authenticator: impl Fn(Session, String) -> F + Send + Sync + 'static,
    ) -> Realm
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<Authenticated>,
    {
        let authenticator = move |(session, ticket)| authenticator(session, ticket);
        self.authenticators.ticket = Some(Authenticator::new("ticket_authenticator", authenticator));
        self
    }

    /// Takes tickets over lines that others can read, too: for a server behind a proxy that ends TLS.
    #[must_use]
    pub fn allow_plain_tickets(mut self) -> Realm {
        self.authenticators.plain_tickets = true;
        self
    }

    /// Lets clients log in with WAMP-CRA: by signing a challenge with a password, or with a key that is derived from it.
    ///
    /// The first function says what is known of the user that the client claims to be
    /// ([`Claims::authid`](crate::Claims::authid)), the second one who that is: it runs only when the client has proved that
    /// it knows the secret.
    ///
    /// Clients cannot tell a user that does not exist from a wrong password: the challenge is made up, with the parameters
    /// and the role of the first credential that the realm has seen. So all credentials of a realm should have the same
    /// parameters.
    ///
    /// ```
    /// use serverwamp::{App, Authenticated, CraCredential, Realm, Session};
    ///
    /// async fn secret_of(session: Session) -> Option<CraCredential> {
    ///     match session.claims().authid()? {
    ///         "joe" => Some(CraCredential::password("pencil")),
    ///         _ => None,
    ///     }
    /// }
    ///
    /// async fn identity_of(_: Session) -> Option<Authenticated> {
    ///     Some(Authenticated::new(()).role("customer"))
    /// }
    ///
    /// let app = App::new().realm(Realm::new("customers").cra_authenticator(secret_of, identity_of));
    /// # let _ = app;
    /// ```
    ///
    /// WAMP: challenge response authentication, advanced profile.
    #[must_use]
    #[track_caller]
    pub fn cra_authenticator<F, R, G, S>(
        mut self,
        secret_of: impl Fn(Session) -> F + Send + Sync + 'static,
        identity_of: impl Fn(Session) -> G + Send + Sync + 'static,
    ) -> Realm
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<CraCredential>,
        G: Future<Output = S> + Send + 'static,
        S: Lookup<Authenticated>,
    {
        const NAME: &str = "cra_authenticator";
        let (secret_of, identity_of) = (Authenticator::new(NAME, secret_of), Authenticator::new(NAME, identity_of));
        self.authenticators.cra = Some(Provider::new(secret_of, identity_of));
        self
    }

    /// Lets clients log in with SCRAM, as the specification has it (`wamp-scram`) and as Autobahn and Crossbar do (`scram`).
    ///
    /// The functions are those of [`cra_authenticator`](Realm::cra_authenticator). A credential is enough to recognise a
    /// password, and not enough to log in with.
    ///
    /// ```
    /// use serverwamp::{App, Authenticated, Realm, RpcError, ScramCredential, Session};
    /// # async fn stored(_authid: &str) -> Option<String> { None }
    ///
    /// async fn credential_of(session: Session) -> Result<Option<ScramCredential>, RpcError> {
    ///     match stored(session.claims().authid().unwrap_or_default()).await {
    ///         Some(text) => Ok(Some(ScramCredential::from_stored(&text)?)),
    ///         None => Ok(None),
    ///     }
    /// }
    ///
    /// async fn identity_of(_: Session) -> Option<Authenticated> {
    ///     Some(Authenticated::new(()).role("customer"))
    /// }
    ///
    /// let app = App::new().realm(Realm::new("customers").scram_authenticator(credential_of, identity_of));
    /// # let _ = app;
    /// ```
    ///
    /// WAMP: WAMP-SCRAM, advanced profile.
    #[must_use]
    #[track_caller]
    pub fn scram_authenticator<F, R, G, S>(
        mut self,
        credential_of: impl Fn(Session) -> F + Send + Sync + 'static,
        identity_of: impl Fn(Session) -> G + Send + Sync + 'static,
    ) -> Realm
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<ScramCredential>,
        G: Future<Output = S> + Send + 'static,
        S: Lookup<Authenticated>,
    {
        const NAME: &str = "scram_authenticator";
        let (credential_of, identity_of) =
            (Authenticator::new(NAME, credential_of), Authenticator::new(NAME, identity_of));
        self.authenticators.scram = Some(Provider::new(credential_of, identity_of));
        self
    }

    /// Lets clients log in with cryptosign: by signing a challenge with a private key of Ed25519.
    ///
    /// The function runs when the client has proved that it has the private key to this public one. It decides whether that
    /// is a key of the user that the client claims to be ([`Claims::authid`](crate::Claims::authid)): somebody with a key of
    /// their own may claim to be anybody.
    ///
    /// ```
    /// use serverwamp::{App, Authenticated, PublicKey, Realm, Session};
    ///
    /// async fn user_of(session: Session, key: PublicKey) -> Option<Authenticated> {
    ///     match (key.to_hex().as_str(), session.claims().authid()) {
    ///         ("f0e1d2c3b4a5968778695a4b3c2d1e0f0f1e2d3c4b5a69788796a5b4c3d2e1f0", None | Some("joe")) => {
    ///             Some(Authenticated::new(()).authid("joe"))
    ///         }
    ///         _ => None,
    ///     }
    /// }
    ///
    /// let app = App::new().realm(Realm::new("customers").cryptosign_authenticator(user_of));
    /// # let _ = app;
    /// ```
    ///
    /// WAMP: cryptosign-based authentication, advanced profile.
    #[must_use]
    #[track_caller]
    pub fn cryptosign_authenticator<F, R>(
        mut self,
        authenticator: impl Fn(Session, PublicKey) -> F + Send + Sync + 'static,
    ) -> Realm
    where
        F: Future<Output = R> + Send + 'static,
        R: Lookup<Authenticated>,
    {
        let authenticator = move |(session, key)| authenticator(session, key);
        self.authenticators.cryptosign = Some(Authenticator::new("cryptosign_authenticator", authenticator));
        self
    }

    /// Lets clients in that are not authenticated, with this role, beside those that are.
    ///
    /// A realm without any authenticator lets everybody in, with the role `anonymous` if this does not say otherwise.
    #[must_use]
    pub fn allow_anonymous(mut self, role: impl Into<String>) -> Realm {
        self.authenticators.anonymous = Some(role.into());
        self
    }

    /// What a client is told whose login is refused: the message of ABORT `wamp.error.authentication_denied`, where an
    /// authenticator's own error says nothing. Default `the credentials are wrong`. It is the same whatever was wrong.
    ///
    /// ```
    /// # use serverwamp::Realm;
    /// let realm = Realm::new("customers").refusal("Ask support@example.com for an account.");
    /// # let _ = realm;
    /// ```
    #[must_use]
    pub fn refusal(mut self, text: impl Into<String>) -> Realm {
        self.authenticators.refusal = Some(text.into());
        self
    }

    /// Lets this function alone decide who a client is, in place of all authenticators.
    ///
    /// It may challenge the client, several times ([`Session::challenge`]), and ends with
    /// [`Session::mark_authenticated`] or [`Session::abort`]. If it does neither, the client is refused with
    /// `wamp.error.authentication_denied`; its error refuses too. [`Limits::authentication_attempts`] does not count for
    /// it.
    ///
    /// ```
    /// use serverwamp::{App, Authenticated, Dict, Realm, RpcError, Session};
    /// # async fn knows_password(_ticket: &str) -> bool { true }
    /// # async fn knows_code(_code: &str) -> bool { true }
    ///
    /// async fn two_factors(session: Session) -> Result<(), RpcError> {
    ///     let password = session.challenge("ticket", Dict::new()).await?;
    ///     let code = session.challenge("totp", Dict::from([("digits", 6)])).await?;
    ///     if knows_password(&password.signature).await && knows_code(&code.signature).await {
    ///         session.mark_authenticated(Authenticated::new(()).authid("joe").role("customer"));
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let app = App::new().realm(Realm::new("customers").authentication_handler(two_factors));
    /// # let _ = app;
    /// ```
    ///
    /// [`Limits::authentication_attempts`]: crate::Limits::authentication_attempts
    #[must_use]
    #[track_caller]
    pub fn authentication_handler<F, E>(mut self, handler: impl Fn(Session) -> F + Send + Sync + 'static) -> Realm
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: WampError + 'static,
    {
        let handler = std::sync::Arc::new(handler);
        let handler = move |session| {
            let handler = std::sync::Arc::clone(&handler);
            async move { handler(session).await.map(Some) }
        };
        self.authenticators.handler = Some(Authenticator::new("authentication_handler", handler));
        self
    }

    pub(crate) fn authenticators(&self) -> &Authenticators {
        &self.authenticators
    }
}
