//! What a procedure says of a user, as the methods of authentication take it.

use super::answer::{kind, number, text};
use crate::session::{CraCredential, Kdf, PublicKey, Salt, ScramCredential, ScramDialect, ScramKeys};
use crate::wire::{Dict, Value};

/// WAMP-CRA: `secret`, and if that is a key that was derived from a password, `salt`, `iterations` and `keylen`.
///
/// # Errors
/// What was expected.
pub(super) fn cra(dict: &Dict) -> Result<CraCredential, String> {
    let secret = text(dict, "secret")?.filter(|secret| !secret.is_empty());
    let secret = secret.ok_or("expected a `secret` for WAMP-CRA, got none")?;
    // A challenge names neither role nor source: users who do not exist have none.
    Ok(match text(dict, "salt")? {
        None => CraCredential::password(secret),
        Some(salt) => {
            let count = |name, default| {
                u32::try_from(number(dict, name)?.unwrap_or(default)).map_err(|_| format!("`{name}` is too large"))
            };
            let (iterations, length) = (count("iterations", 1000)?, count("keylen", 32)?);
            CraCredential::salted(secret, salt, iterations, length).map_err(|error| error.to_string())?
        }
    })
}

/// SCRAM: `credential`, a text as [`ScramCredential::to_stored`] writes it; or `kdf`, `iterations`, `memory`, and in
/// hexadecimal `salt`, `stored-key` and `server-key`, which are for the dialect that Autobahn speaks.
///
/// # Errors
/// What was expected.
pub(super) fn scram(dict: &Dict) -> Result<ScramCredential, String> {
    if let Some(stored) = text(dict, "credential")? {
        return ScramCredential::from_stored(stored).map_err(|error| error.to_string());
    }
    let required = |name: &str| text(dict, name)?.ok_or_else(|| format!("expected `{name}` for SCRAM, got none"));
    let octets = |name: &str| {
        data_encoding::HEXLOWER_PERMISSIVE
            .decode(required(name)?.as_bytes())
            .map_err(|_| format!("expected `{name}` in hexadecimal"))
    };
    let key = |name: &str| {
        <[u8; 32]>::try_from(octets(name)?).map_err(|_| format!("expected `{name}` to be of 64 hexadecimal digits"))
    };
    let iterations = number(dict, "iterations")?.ok_or("expected `iterations` for SCRAM, got none")?;
    let kdf = match required("kdf")? {
        "pbkdf2" => Kdf::pbkdf2(iterations),
        "argon2id-13" | "argon2id13" => {
            Kdf::argon2id(iterations, number(dict, "memory")?.ok_or("expected `memory` for SCRAM, got none")?)
        }
        _ => return Err("expected `kdf` to be `argon2id-13` or `pbkdf2`".to_owned()),
    };
    let kdf = kdf.map_err(|error| error.to_string())?;
    let salt = Salt::new(octets("salt")?).map_err(|error| error.to_string())?;
    let keys = ScramKeys::new(key("stored-key")?, key("server-key")?);
    Ok(ScramCredential::new(kdf, salt).keys(ScramDialect::Autobahn, keys))
}

/// Cryptosign: whether a key is the user's `pubkey`, or one of the `authorized_keys`.
///
/// # Errors
/// What was expected. Without any key, whoever has one would be the user.
pub(super) fn has_key(dict: &Dict, key: &PublicKey) -> Result<bool, String> {
    let listed = match dict.get("authorized_keys") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(keys)) => keys.iter().collect(),
        Some(other) => return Err(format!("expected `authorized_keys` to be a list, got {}", kind(other))),
    };
    let keys: Vec<&Value> = dict.get("pubkey").filter(|key| !key.is_null()).into_iter().chain(listed).collect();
    if keys.is_empty() {
        return Err("expected a `pubkey` or `authorized_keys` for cryptosign, got none".to_owned());
    }
    let keys: Result<Vec<PublicKey>, String> = keys
        .into_iter()
        .map(|text| {
            let text = text.as_str().ok_or("expected keys in hexadecimal")?;
            PublicKey::from_hex(text).map_err(|error| error.to_string())
        })
        .collect();
    Ok(keys?.contains(key))
}
