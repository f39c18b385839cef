//! What holds for all functions of a set that do not say otherwise.

use std::time::Duration;

use crate::handler::{Hosting, Route, RouteKind};
use crate::wire::InvokePolicy;

/// What holds for the procedures of a set ([`Routes::procedure_defaults`](crate::Routes::procedure_defaults)) whose
/// attributes do not say otherwise. The names are those of the options of [`rpc`](crate::wamp::rpc).
///
/// ```
/// use std::time::Duration;
///
/// use serverwamp::{InvokePolicy, ProcedureDefaults};
///
/// let defaults = ProcedureDefaults::new().invoke(InvokePolicy::RoundRobin).timeout(Duration::from_secs(5));
/// # let _ = defaults;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ProcedureDefaults {
    own: Defaults,
    invoke: Option<InvokePolicy>,
    disclose_caller: Option<bool>,
    force_reregister: Option<bool>,
}

/// What holds for the `event` functions of a set ([`Routes::subscription_defaults`](crate::Routes::subscription_defaults))
/// whose attributes do not say otherwise; `roles` and `timeout` for `subscribe` functions, too. The names are those of the
/// options of [`event`](crate::wamp::event).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SubscriptionDefaults {
    own: Defaults,
    get_retained: Option<bool>,
}

/// What both kinds of functions have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Defaults {
    roles: Vec<String>,
    timeout: Option<Duration>,
    concurrency: Option<u32>,
}

impl Defaults {
    fn or(self, outer: &Defaults) -> Defaults {
        Defaults {
            roles: if self.roles.is_empty() { outer.roles.clone() } else { self.roles },
            timeout: self.timeout.or(outer.timeout),
            concurrency: self.concurrency.or(outer.concurrency),
        }
    }
}

macro_rules! setters {
    ($name:ident) => {
        impl $name {
            /// Nothing out of the ordinary.
            pub fn new() -> $name {
                $name::default()
            }

            /// Who the functions are for.
            #[must_use]
            pub fn roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> $name {
                self.own.roles = roles.into_iter().map(Into::into).collect();
                self
            }

            /// How long a run may take.
            #[must_use]
            pub fn timeout(mut self, timeout: Duration) -> $name {
                self.own.timeout = Some(timeout);
                self
            }

            /// How many runs of each function there may be at a time, at least 1; others wait.
            #[must_use]
            pub fn concurrency(mut self, runs: u32) -> $name {
                self.own.concurrency = Some(runs.max(1));
                self
            }
        }
    };
}

setters!(ProcedureDefaults);
setters!(SubscriptionDefaults);

impl ProcedureDefaults {
    /// Which of several callees somebody else's router calls.
    #[must_use]
    pub fn invoke(mut self, policy: InvokePolicy) -> ProcedureDefaults {
        self.invoke = Some(policy);
        self
    }

    /// Whether somebody else's router is asked to tell who calls.
    #[must_use]
    pub fn disclose_caller(mut self, disclose: bool) -> ProcedureDefaults {
        self.disclose_caller = Some(disclose);
        self
    }

    /// Whether procedures are taken from whoever has registered them on somebody else's router.
    #[must_use]
    pub fn force_reregister(mut self, force: bool) -> ProcedureDefaults {
        self.force_reregister = Some(force);
        self
    }

    /// These, and the others where these say nothing.
    pub(super) fn or(self, outer: &ProcedureDefaults) -> ProcedureDefaults {
        ProcedureDefaults {
            own: self.own.or(&outer.own),
            invoke: self.invoke.or(outer.invoke),
            disclose_caller: self.disclose_caller.or(outer.disclose_caller),
            force_reregister: self.force_reregister.or(outer.force_reregister),
        }
    }

    /// Fills what a procedure does not say.
    pub(super) fn fill(&self, route: &mut Route) {
        self.own.fill(route, true);
        let said = route.hosting;
        route.hosting = Hosting {
            invoke: said.invoke.or(self.invoke),
            disclose_caller: said.disclose_caller.or(self.disclose_caller),
            force_reregister: said.force_reregister.or(self.force_reregister),
            ..said
        };
    }
}

impl SubscriptionDefaults {
    /// Whether somebody else's router is asked for the event that it has kept.
    #[must_use]
    pub fn get_retained(mut self, retained: bool) -> SubscriptionDefaults {
        self.get_retained = Some(retained);
        self
    }

    /// These, and the others where these say nothing.
    pub(super) fn or(self, outer: &SubscriptionDefaults) -> SubscriptionDefaults {
        SubscriptionDefaults { own: self.own.or(&outer.own), get_retained: self.get_retained.or(outer.get_retained) }
    }

    /// Fills what a function of topics does not say.
    pub(super) fn fill(&self, route: &mut Route) {
        let is_event = route.kind == RouteKind::Event;
        self.own.fill(route, is_event);
        if is_event {
            route.hosting.get_retained = route.hosting.get_retained.or(self.get_retained);
        }
    }
}

impl Defaults {
    fn fill(&self, route: &mut Route, has_concurrency: bool) {
        route.timeout = route.timeout.or(self.timeout);
        if has_concurrency {
            route.concurrency = route.concurrency.or(self.concurrency);
        }
        if route.roles.is_empty() && !self.roles.is_empty() {
            let roles: Vec<&'static str> = self.roles.iter().map(|role| &*role.clone().leak()).collect();
            route.roles = roles.leak();
        }
    }
}
