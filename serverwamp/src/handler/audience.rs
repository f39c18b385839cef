//! Who gets an event.

use std::collections::HashSet;

use super::session::Session;
use crate::wire::{self, PublishOptions, SessionId};

/// Who gets an event, of those who are subscribed: everyone, unless lists say otherwise.
///
/// A session gets the event if each `eligible` list that was given names it, and no `exclude` list does. An `eligible`
/// list that is given but empty lets nobody have it. Calls of one setter add up.
///
/// ```
/// use serverwamp::Audience;
/// let audience = Audience::everyone().eligible_authrole(["editor", "admin"]).exclude_authid(["joe"]);
/// # let _ = audience;
/// ```
///
/// WAMP: subscriber black- and whitelisting, advanced profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// The publisher, where it does not get its own event.
    publisher: Option<SessionId>,
    /// Few publications have any.
    lists: Option<Box<Lists>>,
}

type Names = HashSet<Box<str>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Lists {
    exclude: HashSet<SessionId>,
    exclude_authid: Names,
    exclude_authrole: Names,
    eligible: Option<HashSet<SessionId>>,
    eligible_authid: Option<Names>,
    eligible_authrole: Option<Names>,
}

impl Audience {
    /// Everyone who is subscribed.
    #[must_use]
    pub fn everyone() -> Audience {
        Audience::default()
    }

    /// All but these sessions.
    #[must_use]
    pub fn exclude(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Audience {
        self.lists().exclude.extend(sessions);
        self
    }

    /// All but the sessions that were authenticated as one of these.
    #[must_use]
    pub fn exclude_authid(mut self, authids: impl IntoIterator<Item = impl Into<Box<str>>>) -> Audience {
        self.lists().exclude_authid.extend(authids.into_iter().map(Into::into));
        self
    }

    /// All but the sessions with one of these roles.
    #[must_use]
    pub fn exclude_authrole(mut self, authroles: impl IntoIterator<Item = impl Into<Box<str>>>) -> Audience {
        self.lists().exclude_authrole.extend(authroles.into_iter().map(Into::into));
        self
    }

    /// Only these sessions.
    #[must_use]
    pub fn eligible(mut self, sessions: impl IntoIterator<Item = SessionId>) -> Audience {
        self.lists().eligible.get_or_insert_default().extend(sessions);
        self
    }

    /// Only sessions that were authenticated as one of these.
    #[must_use]
    pub fn eligible_authid(mut self, authids: impl IntoIterator<Item = impl Into<Box<str>>>) -> Audience {
        self.lists().eligible_authid.get_or_insert_default().extend(authids.into_iter().map(Into::into));
        self
    }

    /// Only sessions with one of these roles.
    #[must_use]
    pub fn eligible_authrole(mut self, authroles: impl IntoIterator<Item = impl Into<Box<str>>>) -> Audience {
        self.lists().eligible_authrole.get_or_insert_default().extend(authroles.into_iter().map(Into::into));
        self
    }

    /// What a client asked for with its PUBLISH.
    pub(crate) fn of(options: &PublishOptions, publisher: SessionId) -> Audience {
        let mut audience = Audience::everyone();
        if options.exclude_me != Some(false) {
            audience.publisher = Some(publisher);
        }
        let Some(lists) = options.audience.get() else { return audience };
        let names = |names: &[Box<str>]| names.iter().cloned().collect::<Names>();
        let sessions = |ids: &[SessionId]| ids.iter().copied().collect::<HashSet<_>>();
        audience.lists = Some(Box::new(Lists {
            exclude: lists.exclude.as_deref().map(sessions).unwrap_or_default(),
            exclude_authid: lists.exclude_authid.as_deref().map(names).unwrap_or_default(),
            exclude_authrole: lists.exclude_authrole.as_deref().map(names).unwrap_or_default(),
            eligible: lists.eligible.as_deref().map(sessions),
            eligible_authid: lists.eligible_authid.as_deref().map(names),
            eligible_authrole: lists.eligible_authrole.as_deref().map(names),
        }));
        audience
    }

    /// The lists as PUBLISH has them.
    pub(crate) fn to_options(&self) -> wire::Audience {
        let Some(lists) = &self.lists else { return wire::Audience::default() };
        let names = |names: &Names| names.iter().cloned().collect::<Box<[_]>>();
        let sessions = |ids: &HashSet<SessionId>| ids.iter().copied().collect::<Box<[_]>>();
        wire::Audience {
            exclude: Some(sessions(&lists.exclude)).filter(|list| !list.is_empty()),
            exclude_authid: Some(names(&lists.exclude_authid)).filter(|list| !list.is_empty()),
            exclude_authrole: Some(names(&lists.exclude_authrole)).filter(|list| !list.is_empty()),
            eligible: lists.eligible.as_ref().map(sessions),
            eligible_authid: lists.eligible_authid.as_ref().map(names),
            eligible_authrole: lists.eligible_authrole.as_ref().map(names),
        }
    }

    /// Whether a session may have the event.
    pub(crate) fn allows(&self, id: SessionId, session: &Session) -> bool {
        self.publisher != Some(id) && self.lists.as_ref().is_none_or(|lists| lists.allow(id, session))
    }

    /// Whether there are no lists: only its publisher may be left out.
    pub(crate) fn is_open(&self) -> bool {
        self.lists.is_none()
    }

    /// Whether the lists name sessions, which are of no use once these are over.
    pub(crate) fn names_sessions(&self) -> bool {
        self.lists.as_ref().is_some_and(|lists| !lists.exclude.is_empty() || lists.eligible.is_some())
    }

    /// Whether the lists are the same, whoever the publishers are.
    pub(crate) fn has_lists_of(&self, other: &Audience) -> bool {
        self.lists == other.lists
    }

    /// About how many octets it takes in memory.
    pub(crate) fn octets(&self) -> usize {
        self.lists.as_ref().map_or(0, |lists| lists.octets())
    }

    fn lists(&mut self) -> &mut Lists {
        self.lists.get_or_insert_default()
    }
}

/// An audience without lists of sessions, as text.
#[cfg(feature = "sqlite")]
#[derive(serde::Serialize, serde::Deserialize)]
struct AudienceText {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    publisher: Option<u64>,
    #[serde(skip_serializing_if = "Names::is_empty", default)]
    exclude_authid: Names,
    #[serde(skip_serializing_if = "Names::is_empty", default)]
    exclude_authrole: Names,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    eligible_authid: Option<Names>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    eligible_authrole: Option<Names>,
}

#[cfg(feature = "sqlite")]
impl Audience {
    /// All but its lists of sessions, as JSON.
    pub(crate) fn to_text(&self) -> String {
        let Lists { exclude_authid, exclude_authrole, eligible_authid, eligible_authrole, .. } =
            self.lists.as_deref().cloned().unwrap_or_default();
        let publisher = self.publisher.map(SessionId::get);
        let text = AudienceText { publisher, exclude_authid, exclude_authrole, eligible_authid, eligible_authrole };
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Reads what [`to_text`](Self::to_text) has written.
    pub(crate) fn from_text(text: &str) -> Option<Audience> {
        let text: AudienceText = serde_json::from_str(text).ok()?;
        let AudienceText { publisher, exclude_authid, exclude_authrole, eligible_authid, eligible_authrole } = text;
        let lists = Lists { exclude_authid, exclude_authrole, eligible_authid, eligible_authrole, ..Lists::default() };
        let lists = (lists != Lists::default()).then(|| Box::new(lists));
        Some(Audience { publisher: publisher.and_then(SessionId::new), lists })
    }
}

impl Lists {
    fn octets(&self) -> usize {
        const ENTRY: usize = 32;
        let names = [&self.exclude_authid, &self.exclude_authrole].into_iter();
        let names = names.chain(&self.eligible_authid).chain(&self.eligible_authrole).flatten();
        let names = names.fold(0_usize, |octets, name| octets.saturating_add(name.len()).saturating_add(ENTRY));
        let sessions = self.exclude.len().saturating_add(self.eligible.as_ref().map_or(0, HashSet::len));
        names.saturating_add(sessions.saturating_mul(ENTRY)).saturating_add(size_of::<Lists>())
    }

    fn allow(&self, id: SessionId, session: &Session) -> bool {
        let (authid, authrole) = (session.authid(), session.authrole());
        let excluded = self.exclude.contains(&id)
            || self.exclude_authid.contains(authid)
            || self.exclude_authrole.contains(authrole);
        !excluded
            && self.eligible.as_ref().is_none_or(|eligible| eligible.contains(&id))
            && self.eligible_authid.as_ref().is_none_or(|eligible| eligible.contains(authid))
            && self.eligible_authrole.as_ref().is_none_or(|eligible| eligible.contains(authrole))
    }
}
