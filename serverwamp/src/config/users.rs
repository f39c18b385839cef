//! The users of a realm, and how each may log in.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::secret::secret;
use crate::document::{Entry, Table};
use crate::handler::{Authenticated, Session};
use crate::session::{CraCredential, PublicKey, ScramCredential, Secret};

/// A user, with what is known of how he logs in.
#[derive(Debug)]
pub(super) struct User {
    authid: String,
    role: String,
    ticket: Option<Secret>,
    wampcra: Option<CraCredential>,
    scram: Option<ScramCredential>,
    keys: Vec<PublicKey>,
    /// SHA-256 of the certificates.
    certificates: Vec<[u8; 32]>,
}

/// The users of a realm.
#[derive(Debug, Default)]
pub(super) struct Users(BTreeMap<String, User>);

impl Users {
    /// Reads the users of a realm with these roles.
    pub(super) fn read<'d>(tables: &'d [Table<'d>], roles: &BTreeSet<&str>) -> Users {
        let mut users = Users::default();
        for table in tables {
            let user = User::read(table, roles);
            table.finish();
            let Some(user) = user else { continue };
            let others = || users.0.values();
            if others().any(|other| other.authid == user.authid) {
                table.problem(format!("there is another user `{}`", user.authid));
            }
            for other in others().filter(|other| user.keys.iter().any(|key| other.keys.contains(key))) {
                table.problem(format!("`{}` has a key of `{}`", user.authid, other.authid));
            }
            for other in others().filter(|other| user.certificates.iter().any(|one| other.certificates.contains(one))) {
                table.problem(format!("`{}` has a certificate of `{}`", user.authid, other.authid));
            }
            users.0.insert(user.authid.clone(), user);
        }
        users
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &User> {
        self.0.values()
    }

    pub(super) fn have(&self, method: impl Fn(&User) -> bool) -> bool {
        self.0.values().any(method)
    }

    /// Whether there is a user of this name with this role.
    pub(super) fn has(&self, authid: &str, role: &str) -> bool {
        self.0.get(authid).is_some_and(|user| user.role == role)
    }

    /// The user that a client claims to be.
    pub(super) fn claimed(&self, session: &Session) -> Option<&User> {
        self.0.get(session.claims().authid()?)
    }

    /// Whose key it is, if the client does not claim to be somebody else.
    pub(super) fn of_key(&self, session: &Session, key: &PublicKey) -> Option<&User> {
        let owner = self.0.values().find(|user| user.keys.contains(key))?;
        Some(owner).filter(|owner| session.claims().authid().is_none_or(|claimed| claimed == owner.authid))
    }

    /// Whose certificate the client has shown, if it does not claim to be somebody else.
    pub(super) fn of_certificate(&self, session: &Session) -> Option<&User> {
        // Behind a proxy the certificate would be the proxy's.
        let info = Some(session.transport()).filter(|info| info.proxy.is_none())?;
        let digest: [u8; 32] = Sha256::digest(info.tls.as_ref()?.client_certificate()?).0;
        let owner = self.0.values().find(|user| user.certificates.contains(&digest))?;
        Some(owner).filter(|owner| session.claims().authid().is_none_or(|claimed| claimed == owner.authid))
    }
}

impl User {
    fn read<'d>(table: &'d Table<'d>, roles: &BTreeSet<&str>) -> Option<User> {
        let authid = table.required("authid").and_then(Entry::text);
        let role = table.required("role").and_then(|entry| role(entry, roles));
        let mut is_whole = true;
        // A value that cannot be read has been noted, and is not one that is missing.
        let mut whole = |is_given: bool, is_read: bool| is_whole &= !is_given || is_read;
        let given = table.entry("ticket");
        let ticket = given.and_then(secret);
        whole(given.is_some(), ticket.is_some());
        let given = table.entry("wampcra");
        let wampcra = given.and_then(self::wampcra);
        whole(given.is_some(), wampcra.is_some());
        let given = table.entry("scram");
        let scram = given.and_then(self::scram);
        whole(given.is_some(), scram.is_some());
        let keys = several(table.entry("cryptosign"), |entry| {
            PublicKey::from_hex(entry.text()?).inspect_err(|error| entry.problem(error.to_string())).ok()
        });
        let certificates = several(table.entry("certificate"), fingerprint);
        whole(true, keys.is_some() && certificates.is_some());
        let (keys, certificates) = (keys.unwrap_or_default(), certificates.unwrap_or_default());
        let authid = authid?;
        if authid.is_empty() {
            table.problem("expected `authid` not to be empty");
        }
        let has_method = ticket.is_some() || wampcra.is_some() || scram.is_some();
        if is_whole && !has_method && keys.is_empty() && certificates.is_empty() {
            table.problem(format!(
                "`{authid}` cannot log in: expected `ticket`, `wampcra`, `scram`, `cryptosign` or `certificate`"
            ));
        }
        let (authid, role) = (authid.to_owned(), role?.to_owned());
        Some(User { authid, role, ticket, wampcra, scram, keys, certificates })
    }

    pub(super) fn ticket(&self) -> Option<&Secret> {
        self.ticket.as_ref()
    }

    pub(super) fn wampcra(&self) -> Option<&CraCredential> {
        self.wampcra.as_ref()
    }

    pub(super) fn scram(&self) -> Option<&ScramCredential> {
        self.scram.as_ref()
    }

    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn has_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    pub(super) fn authenticated(&self) -> Authenticated {
        Authenticated::new(()).authid(self.authid.as_str()).role(self.role.as_str()).provider("static")
    }
}

/// A role that is there.
pub(super) fn role<'d>(entry: Entry<'d>, roles: &BTreeSet<&str>) -> Option<&'d str> {
    let role = entry.text()?;
    if !roles.contains(role) {
        let known: Vec<&str> = roles.iter().copied().collect();
        let expected = match known.is_empty() {
            true => "it has none".to_owned(),
            false => format!("expected one of {}", known.join(", ")),
        };
        entry.problem(format!("there is no role `{role}` in this realm; {expected}"));
    }
    Some(role)
}

/// A secret, or one with the salt of the password that it was derived from.
fn wampcra(entry: Entry<'_>) -> Option<CraCredential> {
    let salted = entry.is_table().then(|| entry.table()).flatten();
    let Some(table) = salted.as_ref().filter(|table| table.entry("secret").is_some()) else {
        return secret(entry).map(CraCredential::password);
    };
    let key = table.entry("secret").and_then(secret);
    let salt = table.required("salt").and_then(Entry::text);
    let count = |name, default| match table.entry(name) {
        None => Some(default),
        Some(entry) => entry.number_within(0, u32::MAX),
    };
    let (iterations, length) = (count("iterations", 1000), count("keylen", 32));
    table.finish();
    let credential = CraCredential::salted(key?, salt?, iterations?, length?);
    credential.inspect_err(|error| entry.problem(error.to_string())).ok()
}

fn scram(entry: Entry<'_>) -> Option<ScramCredential> {
    let stored = secret(entry)?;
    let credential = ScramCredential::from_stored(stored.as_str().unwrap_or_default());
    credential.inspect_err(|error| entry.problem(error.to_string())).ok()
}

/// The SHA-256 of a certificate, with or without colons.
fn fingerprint(entry: Entry<'_>) -> Option<[u8; 32]> {
    let digits = entry.text()?.replace(':', "");
    let octets = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok();
    let fingerprint = octets.and_then(|octets| <[u8; 32]>::try_from(octets).ok());
    if fingerprint.is_none() {
        entry.problem("expected the SHA-256 of a certificate: 64 hexadecimal digits");
    }
    fingerprint
}

/// One value, or a list of them; none if one of them cannot be read.
fn several<T>(entry: Option<Entry<'_>>, read: impl Fn(Entry<'_>) -> Option<T>) -> Option<Vec<T>> {
    match entry {
        None => Some(Vec::new()),
        Some(entry) if entry.is_list() => {
            // Every one of them, for all that is wrong.
            let read: Vec<Option<T>> = entry.items().into_iter().map(read).collect();
            read.into_iter().collect()
        }
        Some(entry) => Some(vec![read(entry)?]),
    }
}
