//! Who may join a realm of a configuration, and what they may do there.

use std::collections::BTreeSet;
use std::future::{Future, Ready, ready};
use std::sync::Arc;

use super::users::{User, Users, role};
use crate::document::{Entry, Table};
use crate::handler::{ActionKind, Authenticated, RpcError, Session};
use crate::routing::{Access, DynamicAuthenticator, DynamicAuthorizer, Realm, Rules};
use crate::session::PublicKey;
use crate::wire::{MatchPolicy, Uri};

/// What a realm's table says of access: all that can be read again while the server runs.
pub(super) struct RealmAccess {
    pub(super) access: Access,
    pub(super) users: Arc<Users>,
}

impl RealmAccess {
    pub(super) fn read<'d>(table: &'d Table<'d>, realms: &BTreeSet<&str>) -> RealmAccess {
        let (roles, users) = (table.tables("roles"), table.tables("users"));
        let mut names = BTreeSet::new();
        for role in &roles {
            let Some(entry) = role.required("name") else { continue };
            match entry.text() {
                Some(name) if name.is_empty() || name.contains('|') || name.trim() != name || name == "*" => {
                    entry.problem("expected a name without `|`, `*` and white space around it");
                }
                Some(name) if !names.insert(name) => entry.problem(format!("there is another role `{name}`")),
                _ => {}
            }
        }
        // Names and positions only: the realm that is served has its own.
        let mut realm = Realm::new("").rules(rules(&roles));
        for role in &roles {
            if let Some(authorizer) = role.entry("authorizer").and_then(|entry| authorizer(entry, realms)) {
                realm = realm.dynamic_authorizer(authorizer.for_roles(role.text("name").unwrap_or_default()));
            }
            role.finish();
        }
        let anonymous = table.entry("anonymous").and_then(|entry| self::role(entry, &names));
        if let Some(role) = anonymous {
            realm = realm.allow_anonymous(role);
        }
        if let Some(text) = table.text("refusal") {
            realm = realm.refusal(text);
        }
        if table.flag("plain_tickets") == Some(true) {
            realm = realm.allow_plain_tickets();
        }
        let given = table.entry("authenticator");
        let authenticator = given.and_then(|entry| authenticator(entry, &names, realms)).map(Arc::new);
        // A realm without authenticators would let everybody in.
        if users.is_empty() && table.entry("anonymous").is_none() && given.is_none() {
            table.problem("nobody can join: expected `users`, `anonymous` or `authenticator`");
        }
        let users = Arc::new(Users::read(&users, &names));
        let realm = with_authenticators(realm, &users, authenticator.as_ref());
        let (cra, scram) = (users.all().find_map(User::wampcra), users.all().find_map(User::scram));
        let access = realm.decoys_like(cra, scram).configured_access();
        RealmAccess { access, users }
    }
}

// ------------------------------------------------------------ permissions

/// The rules of all roles.
fn rules<'d>(roles: &'d [Table<'d>]) -> Rules {
    let mut rules = Rules::new();
    for table in roles {
        let Some(name) = table.text("name") else { continue };
        let disclosed = table.flag("disclose");
        let given = table.entry("permissions");
        if given.is_none() && table.entry("authorizer").is_some() {
            // The authorizer alone decides, about URIs of the protocol as well.
            for prefix in ["", "wamp."] {
                rules = rules.allow(name, prefix, MatchPolicy::Prefix, ActionKind::ALL);
                rules = disclosed.into_iter().fold(rules, Rules::disclose);
            }
        }
        for permission in table.tables("permissions") {
            let uri = permission.required("uri");
            let text = uri.and_then(Entry::text);
            let policy = permission.entry("match").map_or(Some(MatchPolicy::Exact), Entry::named);
            let listed = permission.required("actions");
            let actions: Option<Vec<ActionKind>> =
                listed.and_then(|entry| entry.items().into_iter().map(Entry::named).collect());
            let disclosed = permission.flag("disclose").or(disclosed);
            permission.finish();
            if let (Some(entry), Some(true)) = (listed, actions.as_ref().map(Vec::is_empty)) {
                entry.problem("allows nothing: expected some of call, register, publish, subscribe");
                continue;
            }
            let (Some(uri), Some(text), Some(policy), Some(actions)) = (uri, text, policy, actions) else { continue };
            if let Err(error) = Uri::pattern(text, policy) {
                uri.problem(format!("{error}, got `{text}` ({policy})"));
                continue;
            }
            rules = rules.allow(name, text, policy, actions);
            rules = disclosed.into_iter().fold(rules, Rules::disclose);
        }
    }
    rules
}

// ------------------------------------------------------------ procedures that decide

/// A procedure's name, or a table with it and more.
fn procedure<'d>(entry: Entry<'d>) -> Option<&'d str> {
    let name = entry.text()?;
    match Uri::new(name) {
        Err(error) => entry.problem(format!("{error}, got `{name}`")),
        Ok(_) if name.split('.').next() == Some("wamp") => entry.problem("procedures of the protocol decide nothing"),
        Ok(_) => return Some(name),
    }
    None
}

/// A realm that is there.
fn realm<'d>(entry: Entry<'d>, realms: &BTreeSet<&str>) -> Option<&'d str> {
    let name = entry.text()?;
    if !realms.contains(name) {
        let known: Vec<&str> = realms.iter().copied().collect();
        entry.problem(format!("there is no realm `{name}`; expected one of {}", known.join(", ")));
    }
    Some(name)
}

fn authorizer(entry: Entry<'_>, realms: &BTreeSet<&str>) -> Option<DynamicAuthorizer> {
    if !entry.is_table() {
        return procedure(entry).map(DynamicAuthorizer::new);
    }
    let table = entry.table()?;
    let name = table.required("procedure").and_then(procedure);
    let realm = table.entry("realm").and_then(|entry| self::realm(entry, realms));
    let options = table.flag("pass_options");
    table.finish();
    let mut authorizer = DynamicAuthorizer::new(name?);
    if let Some(realm) = realm {
        authorizer = authorizer.in_realm(realm);
    }
    Some(if options == Some(true) { authorizer.pass_options() } else { authorizer })
}

fn authenticator(entry: Entry<'_>, roles: &BTreeSet<&str>, realms: &BTreeSet<&str>) -> Option<DynamicAuthenticator> {
    let all = || roles.iter().copied();
    if !entry.is_table() {
        return procedure(entry).map(|name| DynamicAuthenticator::new(name).roles(all()));
    }
    let table = entry.table()?;
    let name = table.required("procedure").and_then(procedure);
    let realm = table.entry("realm").and_then(|entry| self::realm(entry, realms));
    let methods = table.entry("methods").is_some().then(|| table.texts("methods"));
    let given = table.entry("roles").is_some().then(|| table.texts("roles"));
    table.finish();
    if methods.as_ref().is_some_and(Vec::is_empty) {
        table.problem(format!("expected some `methods` of {}", DynamicAuthenticator::METHODS.join(", ")));
    }
    for (entry, method) in methods.iter().flatten() {
        if !DynamicAuthenticator::METHODS.contains(method) {
            entry.problem(format!("expected one of {}, got `{method}`", DynamicAuthenticator::METHODS.join(", ")));
        }
    }
    for (entry, _) in given.iter().flatten() {
        role(*entry, roles);
    }
    let mut authenticator = DynamicAuthenticator::new(name?);
    if let Some(realm) = realm {
        authenticator = authenticator.in_realm(realm);
    }
    if let Some(methods) = methods {
        authenticator = authenticator.methods(methods.into_iter().map(|(_, method)| method));
    }
    Some(match given {
        Some(given) => authenticator.roles(given.into_iter().map(|(_, role)| role)),
        None => authenticator.roles(all()),
    })
}

// ------------------------------------------------------------ logging in

/// Lets the users log in by the methods that any of them has; whom the configuration does not know is for the procedure.
fn with_authenticators(mut realm: Realm, users: &Arc<Users>, others: Option<&Arc<DynamicAuthenticator>>) -> Realm {
    if let Some(others) = others.filter(|others| others.is_for("anonymous")) {
        realm = realm.dynamic_authenticator(DynamicAuthenticator::clone(others).methods(["anonymous"]));
    }
    let asks = |method: &str| others.filter(|others| others.is_for(method)).cloned();
    if users.have(User::has_certificates) {
        let users = Arc::clone(users);
        realm = realm.transport_authenticator(move |session: Session| {
            let found = users.of_certificate(&session).map(|user| user.authenticated().method("tls"));
            async move { found }
        });
    }
    let dynamic = asks("ticket");
    if users.have(|user| user.ticket().is_some()) || dynamic.is_some() {
        let users = Arc::clone(users);
        realm = realm.ticket_authenticator(move |session: Session, ticket: String| {
            let known = users.claimed(&session).map(|user| {
                let is_own = user.ticket().is_some_and(|own| own.matches(&ticket));
                is_own.then(|| user.authenticated())
            });
            let asking = dynamic.clone().map(|dynamic| async move { dynamic.ticket(session, ticket).await });
            known_or(known, asking)
        });
    }
    let dynamic = asks("wampcra");
    if users.have(|user| user.wampcra().is_some()) || dynamic.is_some() {
        let known = Arc::clone(users);
        let secret_of = move |session: Session| {
            let known = known.claimed(&session).map(|user| user.wampcra().cloned());
            let asking = dynamic.clone().map(|dynamic| async move { dynamic.cra(session).await });
            known_or(known, asking)
        };
        realm = realm.cra_authenticator(secret_of, identity(users));
    }
    let dynamic = asks("scram");
    if users.have(|user| user.scram().is_some()) || dynamic.is_some() {
        let known = Arc::clone(users);
        let credential_of = move |session: Session| {
            let known = known.claimed(&session).map(|user| user.scram().cloned());
            let asking = dynamic.clone().map(|dynamic| async move { dynamic.scram(session).await });
            known_or(known, asking)
        };
        realm = realm.scram_authenticator(credential_of, identity(users));
    }
    let dynamic = asks("cryptosign");
    if users.have(User::has_keys) || dynamic.is_some() {
        let users = Arc::clone(users);
        realm = realm.cryptosign_authenticator(move |session: Session, key: PublicKey| {
            let found = users.of_key(&session, &key).map(User::authenticated);
            let is_known = found.is_some() || users.claimed(&session).is_some();
            let asking = dynamic.clone().map(|dynamic| async move { dynamic.cryptosign(session, key).await });
            known_or(is_known.then_some(found), asking)
        });
    }
    realm
}

/// What the configuration knows of a user; of one whom it does not know, what the procedure does.
async fn known_or<T>(
    known: Option<Option<T>>,
    asking: Option<impl Future<Output = Result<Option<T>, RpcError>>>,
) -> Result<Option<T>, RpcError> {
    match (known, asking) {
        (Some(known), _) => Ok(known),
        (None, Some(asking)) => asking.await,
        (None, None) => Ok(None),
    }
}

/// Who it is that has proved to know the secret.
fn identity(users: &Arc<Users>) -> impl Fn(Session) -> Ready<Option<Authenticated>> + Send + Sync + 'static {
    let users = Arc::clone(users);
    move |session| {
        let promised = DynamicAuthenticator::promised(&session);
        ready(promised.or_else(|| users.claimed(&session).map(User::authenticated)))
    }
}
