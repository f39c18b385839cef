//! What realms are like that are not configured: the setters of `Realm`, for them.

use std::future::Future;

use super::App;
use crate::handler::{Action, Call, IntoDecision, IntoPayload, Request, Session, Subscription, WampError};
#[cfg(doc)]
use crate::routing::Realm;
use crate::routing::{DynamicAuthorizer, History, Rules};
use crate::wire::{MatchPolicy, Uri};

impl App {
    /// As [`Realm::topics`], for realms that are not configured.
    pub fn topics(mut self, prefix: impl Into<String>) -> App {
        self.any_realm = self.any_realm.topics(prefix);
        self.changed()
    }

    /// As [`Realm::open_topics`], for realms that are not configured.
    pub fn open_topics(mut self, prefix: impl Into<String>) -> App {
        self.any_realm = self.any_realm.open_topics(prefix);
        self.changed()
    }

    /// As [`Realm::router`], for realms that are not configured: each begins with its first session, and is forgotten, with
    /// all that it has retained, with its last. Meanwhile each may take
    /// [`Limits::retained_bytes`](crate::Limits::retained_bytes) and what its histories are allowed.
    pub fn router(mut self) -> App {
        self.any_realm = self.any_realm.router();
        self.changed()
    }

    /// As [`Realm::history`], for realms that are not configured, each of which keeps its own, in memory.
    pub fn history(mut self, topic: impl Into<String>, match_policy: MatchPolicy, history: History) -> App {
        self.any_realm = self.any_realm.history(topic, match_policy, history);
        self.changed()
    }

    /// As [`Realm::progress_without_canceling`], for realms that are not configured.
    pub fn progress_without_canceling(mut self) -> App {
        self.any_realm = self.any_realm.progress_without_canceling();
        self.changed()
    }

    /// As [`Realm::reflection`], for realms that are not configured.
    pub fn reflection(mut self) -> App {
        self.any_realm = self.any_realm.reflection();
        self.changed()
    }

    /// As [`Realm::call_handler`], for realms that are not configured.
    #[track_caller]
    pub fn call_handler<F, R, E>(mut self, handler: impl Fn(Call) -> F + Send + Sync + 'static) -> App
    where
        F: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoPayload,
        E: WampError,
    {
        self.any_realm = self.any_realm.call_handler(handler);
        self.changed()
    }

    /// As [`Realm::subscription_handler`], for realms that are not configured.
    #[track_caller]
    pub fn subscription_handler<F, E>(
        mut self,
        handler: impl Fn(Subscription, Request) -> F + Send + Sync + 'static,
    ) -> App
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: WampError,
    {
        self.any_realm = self.any_realm.subscription_handler(handler);
        self.changed()
    }

    /// As [`Realm::authorizer`], for realms that are not configured.
    #[track_caller]
    pub fn authorizer<F>(mut self, authorizer: impl Fn(Session, Uri, Action) -> F + Send + Sync + 'static) -> App
    where
        F: Future<Output: IntoDecision> + Send + 'static,
    {
        self.any_realm = self.any_realm.authorizer(authorizer);
        self.changed()
    }

    /// As [`Realm::dynamic_authorizer`], for realms that are not configured.
    #[track_caller]
    pub fn dynamic_authorizer(mut self, authorizer: impl Into<DynamicAuthorizer>) -> App {
        self.any_realm = self.any_realm.dynamic_authorizer(authorizer);
        self.changed()
    }

    /// As [`Realm::rules`], for realms that are not configured.
    pub fn rules(mut self, rules: Rules) -> App {
        self.any_realm = self.any_realm.rules(rules);
        self.changed()
    }
}
