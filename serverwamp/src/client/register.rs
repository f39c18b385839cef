//! Registrations of a client.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::error::CallError;
use super::handle::{Client, WeakClient};
use super::request::{Id, Offer, Request};
use super::shared::{Key, Release};
use crate::handler::RegisteredFunction;
use crate::wire::{InvokePolicy, MatchPolicy, RegisterOptions, RegistrationId, Uri};

/// A registration that is about to be made.
#[must_use = "a registration is not made until it is awaited"]
pub struct Register {
    client: Client,
    procedure: String,
    function: Box<dyn FnOnce(Option<u32>) -> RegisteredFunction + Send>,
    options: RegisterOptions,
    concurrency: Option<u32>,
}

impl Register {
    pub(super) fn new(
        client: Client,
        procedure: String,
        function: Box<dyn FnOnce(Option<u32>) -> RegisteredFunction + Send>,
    ) -> Register {
        Register { client, procedure, function, options: RegisterOptions::default(), concurrency: None }
    }

    /// Registers for every procedure that begins with this text.
    ///
    /// WAMP: pattern-based registration, advanced profile.
    pub fn prefix(self) -> Register {
        self.matching(MatchPolicy::Prefix)
    }

    /// Registers for every procedure that has the same components, where an empty one here stands for any.
    ///
    /// WAMP: pattern-based registration, advanced profile.
    pub fn wildcard(self) -> Register {
        self.matching(MatchPolicy::Wildcard)
    }

    /// Registers for the procedures that match in this way. Default: exactly.
    pub fn matching(mut self, policy: MatchPolicy) -> Register {
        self.options.match_policy = Some(policy).filter(|policy| *policy != MatchPolicy::Exact);
        self
    }

    /// Which of several callees is called. Default: there is only one.
    ///
    /// WAMP: shared registration, advanced profile.
    pub fn invoke(mut self, policy: InvokePolicy) -> Register {
        self.options.invoke = Some(policy);
        self
    }

    /// How many calls run at a time, at least 1; others wait. Some routers keep to it too. Default: as many as come, up to
    /// `calls_in_flight` of the [limits](crate::client::Connect::limits).
    pub fn concurrency(mut self, calls: u32) -> Register {
        self.concurrency = Some(calls.max(1));
        self.options.concurrency = Some(u64::from(calls.max(1)));
        self
    }

    /// Takes the procedure from whoever has registered it, where the router allows that.
    pub fn force_reregister(mut self, force: bool) -> Register {
        self.options.force_reregister = Some(force);
        self
    }

    /// Asks to be told who calls, where the router leaves that to callees.
    ///
    /// WAMP: caller identification, advanced profile.
    pub fn disclose_caller(mut self, disclose: bool) -> Register {
        self.options.disclose_caller = Some(disclose);
        self
    }

    async fn send(self) -> Result<Registration, CallError> {
        let procedure = Uri::pattern(&self.procedure, self.options.match_policy.unwrap_or_default())?;
        let endpoint = (self.function)(self.concurrency).0;
        let endpoint = Arc::new(endpoint.reporting_to(self.client.shared.error_hook().cloned()));
        let (key, id, ended) = (self.client.shared.next_key(), Id::default(), CancellationToken::new());
        let offer = Box::new(Offer {
            procedure: procedure.clone(),
            options: self.options,
            endpoint,
            id: id.clone(),
            ended: ended.clone(),
        });
        let first = self.client.ask(|reply| Request::Register { key, offer, reply }).await?;
        Ok(Registration { client: self.client.downgrade(), key, first, id, procedure, ended, kept: false })
    }
}

impl IntoFuture for Register {
    type Output = Result<Registration, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> BoxFuture<'static, Self::Output> {
        Box::pin(self.send())
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Register").field("procedure", &self.procedure).finish_non_exhaustive()
    }
}

/// A procedure that is registered. Dropping it withdraws the procedure; calls that run then end as they would.
///
/// It goes on from one session to the next. It ends where the router ends it, and with the client.
#[derive(Debug)]
#[must_use = "dropping a registration withdraws the procedure"]
pub struct Registration {
    client: WeakClient,
    key: Key,
    first: RegistrationId,
    id: Id,
    procedure: Uri,
    ended: CancellationToken,
    kept: bool,
}

impl Registration {
    /// The registration's id in the session of now; without a session the first one that it had.
    pub fn id(&self) -> RegistrationId {
        RegistrationId::new(self.id.get()).unwrap_or(self.first)
    }

    /// The procedure, or the pattern of procedures.
    pub fn procedure(&self) -> &str {
        &self.procedure
    }

    /// Whether the procedure is offered: until it is withdrawn, or the router ends the registration.
    pub fn is_active(&self) -> bool {
        !self.ended.is_cancelled()
    }

    /// Waits until the procedure is offered no more. Cancel-safe.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Withdraws the procedure.
    ///
    /// # Errors
    /// The router knows of no such registration.
    pub async fn unregister(self) -> Result<(), CallError> {
        let key = self.key;
        self.client.ask(|reply| Request::Unregister { key, reply }).await
    }

    /// Lets the procedure be registered as long as the client lasts.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if !self.kept {
            self.client.shared.release(Release::Registration(self.key));
        }
    }
}
