//! Who clients are, decided by a procedure.

use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::{self, Found};
use super::{Asked, credential, details, is_missing};
use crate::error::Problem;
use crate::handler::{Authenticated, Authenticator, Provider, RpcError, RpcResult, Session};
use crate::routing::Realm;
use crate::session::{AuthenticationMethod, CraCredential, PublicKey, ScramCredential};
use crate::wire::{Value, uris};

/// A procedure that decides who clients are, for [`Realm::dynamic_authenticator`]. A text is one for all methods but
/// `anonymous`.
///
/// It is called as `authenticate(realm, authid, details)`: the realm that the client wants to join, the authid that it
/// claims to have (null if none), and a dictionary of `authmethod`, `authextra`, `session` and `transport`. It answers with
/// the role that the client is given, as one text; or with keywords, or one dictionary, of `role` and if need be `authid`,
/// `extra` (for WELCOME), and what the method takes; or with null or an error if there is no such user. It is trusted:
/// `transport` has all header fields of the client's HTTP request, cookies as well.
///
/// | method | what it is given and answers besides |
/// |---|---|
/// | `ticket` | `details` has the `ticket`, which it compares itself |
/// | `wampcra` | answers the `secret`; if that was derived from a password, also `salt`, `iterations` (1000), `keylen` (32) |
/// | `scram` | answers `credential`, the text that [`ScramCredential::to_stored`] writes; or as Crossbar has it `kdf`, `iterations`, `memory`, `salt`, `stored-key` and `server-key` |
/// | `cryptosign` | is asked about who has proved to have a key; answers that user's `pubkey`, or several `authorized_keys`, in hexadecimal |
/// | `anonymous` | nothing |
#[derive(Debug, Clone)]
#[must_use]
pub struct DynamicAuthenticator {
    asked: Asked,
    methods: Vec<String>,
    /// The roles that it may give; none if any.
    roles: Option<Vec<String>>,
}

/// What was found out about a client before it is challenged, until it has proved to be that.
struct Promised(Mutex<Option<Found>>);

impl DynamicAuthenticator {
    /// The names by which methods are chosen; that of SCRAM stands for both dialects.
    pub(crate) const METHODS: [&str; 5] = ["ticket", "wampcra", "scram", "cryptosign", "anonymous"];

    /// The procedure of this name, for the methods `ticket`, `wampcra`, `scram` and `cryptosign`.
    pub fn new(procedure: impl Into<String>) -> DynamicAuthenticator {
        let methods = Self::METHODS.into_iter().filter(|method| *method != "anonymous").map(str::to_owned).collect();
        DynamicAuthenticator { asked: Asked::new(procedure.into()), methods, roles: None }
    }

    /// Only for these methods, of `ticket`, `wampcra`, `scram`, `cryptosign` and `anonymous`.
    pub fn methods(mut self, methods: impl IntoIterator<Item = impl Into<String>>) -> DynamicAuthenticator {
        self.methods = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Lets the procedure give these roles only; with any other, the client is refused, and the log says so. Default: any.
    pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> DynamicAuthenticator {
        self.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// Asks the procedure of another realm, which has to be a configured router or have sessions. Default: of the realm that
    /// the client wants to join.
    pub fn in_realm(mut self, realm: impl Into<String>) -> DynamicAuthenticator {
        self.asked.realm = Some(realm.into());
        self
    }

    pub(crate) fn is_for(&self, method: &str) -> bool {
        self.methods.iter().any(|own| own == method)
    }

    /// What is wrong with it.
    fn problems(&self) -> impl Iterator<Item = String> {
        let unknown = self.methods.iter().filter(|method| !Self::METHODS.contains(&method.as_str()));
        let unknown = unknown.map(|method| format!("`{method}` is none of the methods {}", Self::METHODS.join(", ")));
        self.asked.problem().into_iter().chain(unknown)
    }

    // ------------------------------------------------------------ by method

    /// Whose ticket it is.
    pub(crate) async fn ticket(&self, session: Session, ticket: String) -> Result<Option<Authenticated>, RpcError> {
        let method = AuthenticationMethod::Ticket.name();
        let found = self.ask(&session, method, Some(("ticket", Value::String(ticket)))).await?;
        Ok(found.map(Found::into_authenticated))
    }

    /// What a user knows who logs in with WAMP-CRA.
    pub(crate) async fn cra(&self, session: Session) -> Result<Option<CraCredential>, RpcError> {
        let Some(found) = self.ask(&session, AuthenticationMethod::Cra.name(), None).await? else { return Ok(None) };
        let credential = credential::cra(&found.dict).map_err(|expected| self.nonsense(&expected))?;
        session.set(Promised(Mutex::new(Some(found))));
        Ok(Some(credential))
    }

    /// What a user knows who logs in with SCRAM.
    pub(crate) async fn scram(&self, session: Session) -> Result<Option<ScramCredential>, RpcError> {
        let Some(found) = self.ask(&session, "scram", None).await? else { return Ok(None) };
        let credential = credential::scram(&found.dict).map_err(|expected| self.nonsense(&expected))?;
        session.set(Promised(Mutex::new(Some(found))));
        Ok(Some(credential))
    }

    /// Who the client is that has proved to know that.
    pub(crate) fn promised(session: &Session) -> Option<Authenticated> {
        let promised = session.get::<Promised>()?;
        let found = promised.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        found.map(Found::into_authenticated)
    }

    /// Whose key it is.
    pub(crate) async fn cryptosign(&self, session: Session, key: PublicKey) -> Result<Option<Authenticated>, RpcError> {
        let found = self.ask(&session, AuthenticationMethod::Cryptosign.name(), None).await?;
        let Some(found) = found else { return Ok(None) };
        let is_own = credential::has_key(&found.dict, &key).map_err(|expected| self.nonsense(&expected))?;
        Ok(is_own.then(|| found.into_authenticated()))
    }

    /// Who a client is that is not authenticated.
    pub(crate) async fn anonymous(&self, session: Session) -> Result<Option<Authenticated>, RpcError> {
        let found = self.ask(&session, AuthenticationMethod::Anonymous.name(), None).await?;
        Ok(found.map(Found::into_authenticated))
    }

    // ------------------------------------------------------------ asking

    async fn ask(
        &self,
        session: &Session,
        method: &str,
        more: Option<(&str, Value)>,
    ) -> Result<Option<Found>, RpcError> {
        let mut details = details::of_client(session, method);
        if let Some((name, value)) = more {
            details.insert(name, value);
        }
        let arguments = RpcResult::new().arg(session.realm()).arg(session.claims().authid()).arg(details);
        let procedure = self.asked.procedure.as_str();
        let answer = match self.asked.call(session, arguments).await {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => {
                tracing::error!(procedure, error = %error.summary(), "the authenticator does not answer");
                return Err(RpcError::new(uris::AUTHENTICATION_FAILED));
            }
            // Most say so of a user whom they do not know.
            Err(error) => {
                tracing::info!(procedure, error = %error.summary(), "the authenticator refuses a client");
                return Ok(None);
            }
        };
        let found = answer::found(&answer, session.realm()).map_err(|expected| self.nonsense(&expected))?;
        let is_given = |role: &String| self.roles.as_ref().is_none_or(|roles| roles.contains(role));
        if let Some(found) = found.as_ref().filter(|found| !is_given(&found.role)) {
            return Err(self.nonsense(&format!("the role `{}` is none that it may give", found.role)));
        }
        Ok(found)
    }

    /// What the authenticator has answered is of no use: the client is not told why.
    fn nonsense(&self, why: &str) -> RpcError {
        let (procedure, why) = (self.asked.procedure.as_str(), crate::log::Shown(why));
        tracing::error!(procedure, %why, "the authenticator has answered something else");
        RpcError::new(uris::AUTHENTICATION_FAILED)
    }
}

impl Found {
    fn into_authenticated(self) -> Authenticated {
        let found = Authenticated::new(()).role(self.role).extra(self.extra);
        match self.authid {
            Some(authid) => found.authid(authid),
            None => found,
        }
    }
}

impl From<&str> for DynamicAuthenticator {
    fn from(procedure: &str) -> DynamicAuthenticator {
        DynamicAuthenticator::new(procedure)
    }
}

impl From<String> for DynamicAuthenticator {
    fn from(procedure: String) -> DynamicAuthenticator {
        DynamicAuthenticator::new(procedure)
    }
}

impl Realm {
    /// Lets a procedure decide who clients are, whoever answers it: a client of the realm that has registered it, or a
    /// function of the program. It takes the place of what other setters have said of its methods before.
    ///
    /// Where the procedure is missing, is slow (past [`Limits::welcome_timeout`](crate::Limits::welcome_timeout)) or answers
    /// something else, the client is refused with `wamp.error.authentication_failed`, and the log has the cause. Clients
    /// cannot tell a user who does not exist from a wrong password, as with the program's own authenticators. Whoever
    /// registers the procedure as a client of the same realm joins by other means: another method, or a
    /// [`transport_authenticator`](Realm::transport_authenticator).
    ///
    /// Rules should keep clients from calling the procedure, which tells secrets, and from registering it.
    ///
    /// ```
    /// use serverwamp::{DynamicAuthenticator, Realm, Session};
    /// # async fn backend(_: Session) -> Option<serverwamp::Authenticated> { None }
    ///
    /// let authenticator = DynamicAuthenticator::new("com.example.authenticate").methods(["ticket"]).roles(["frontend"]);
    /// let realm = Realm::new("shop")
    ///     .router()
    ///     .transport_authenticator(backend)
    ///     .dynamic_authenticator(authenticator);
    /// # let _ = realm;
    /// ```
    #[must_use]
    #[track_caller]
    pub fn dynamic_authenticator(mut self, authenticator: impl Into<DynamicAuthenticator>) -> Realm {
        const NAME: &str = "dynamic_authenticator";
        let authenticator = authenticator.into();
        let location = Location::caller();
        for problem in authenticator.problems() {
            let location = format!("{}:{}", location.file(), location.line());
            self.problems.push(Problem::at(location, format!("a dynamic authenticator: {problem}")));
        }
        let authenticator = Arc::new(authenticator);
        let identity = || Authenticator::new(NAME, async |session: Session| DynamicAuthenticator::promised(&session));
        let own = &mut self.authenticators;
        if authenticator.is_for("ticket") {
            let ask = Arc::clone(&authenticator);
            own.ticket = Some(Authenticator::new(NAME, move |(session, ticket)| {
                let ask = Arc::clone(&ask);
                async move { ask.ticket(session, ticket).await }
            }));
        }
        if authenticator.is_for("wampcra") {
            let ask = Arc::clone(&authenticator);
            let credential = Authenticator::new(NAME, move |session| {
                let ask = Arc::clone(&ask);
                async move { ask.cra(session).await }
            });
            own.cra = Some(Provider::new(credential, identity()));
        }
        if authenticator.is_for("scram") {
            let ask = Arc::clone(&authenticator);
            let credential = Authenticator::new(NAME, move |session| {
                let ask = Arc::clone(&ask);
                async move { ask.scram(session).await }
            });
            own.scram = Some(Provider::new(credential, identity()));
        }
        if authenticator.is_for("cryptosign") {
            let ask = Arc::clone(&authenticator);
            own.cryptosign = Some(Authenticator::new(NAME, move |(session, key)| {
                let ask = Arc::clone(&ask);
                async move { ask.cryptosign(session, key).await }
            }));
        }
        if authenticator.is_for("anonymous") {
            let ask = Arc::clone(&authenticator);
            own.anonymous_by = Some(Authenticator::new(NAME, move |session| {
                let ask = Arc::clone(&ask);
                async move { ask.anonymous(session).await }
            }));
        }
        self
    }
}
