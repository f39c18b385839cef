//! The types that the values of known keys have.

use bytes::Bytes;

use super::{Dictionary, Problem, RawDict, Source};
use crate::wire::{
    codec::{Read, Token},
    encode::{ContainerKind, EncodeError, Output},
    id::{PublicationId, RegistrationId, RequestId, SessionId, SubscriptionId},
    uri::{MatchPolicy, Uri},
};

/// A value of a known key.
pub(crate) trait Entry: Sized {
    /// Reads the value whose first token has just been read from the source.
    fn read(token: Token<'_>, source: &mut Source<'_>) -> Result<Self, Problem>;

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError>;
}

impl Entry for bool {
    fn read(token: Token<'_>, _: &mut Source<'_>) -> Result<Self, Problem> {
        match token {
            Token::Bool(value) => Ok(value),
            token => Err(Problem::unexpected("a boolean", &token)),
        }
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        output.bool(*self)
    }
}

impl Entry for u64 {
    fn read(token: Token<'_>, _: &mut Source<'_>) -> Result<Self, Problem> {
        token.as_u64().ok_or_else(|| Problem::unexpected("a non-negative integer", &token))
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        output.unsigned(*self)
    }
}

impl Entry for Box<str> {
    fn read(token: Token<'_>, _: &mut Source<'_>) -> Result<Self, Problem> {
        match token {
            Token::Text(text) => Ok(text.to_cow().into()),
            token => Err(Problem::unexpected("a string", &token)),
        }
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        output.string(self)
    }
}

impl Entry for Uri {
    fn read(token: Token<'_>, _: &mut Source<'_>) -> Result<Self, Problem> {
        match token {
            Token::Text(text) => {
                let text = text.to_cow();
                Self::new(&text).map_err(|_| Problem::new("a URI", quoted(&text)))
            }
            token => Err(Problem::unexpected("a URI", &token)),
        }
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        output.string(self)
    }
}

impl<T: Entry> Entry for Box<[T]> {
    fn read(token: Token<'_>, source: &mut Source<'_>) -> Result<Self, Problem> {
        let Token::List(mut items) = token else { return Err(Problem::unexpected("a list", &token)) };
        let mut list = Vec::new();
        while source.more(&mut items)? {
            let item = T::read(source.token()?, source).map_err(|problem| problem.within(&list.len().to_string()))?;
            list.push(item);
        }
        Ok(list.into())
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        let mut list = output.begin(ContainerKind::List, Some(self.len()))?;
        for item in self {
            output.item(&mut list);
            item.write(output)?;
        }
        output.end(&list)
    }
}

impl<T: Dictionary> Entry for T {
    fn read(token: Token<'_>, source: &mut Source<'_>) -> Result<Self, Problem> {
        match token {
            Token::Map(items) => T::read_entries(source, items),
            token => Err(Problem::unexpected("a dict", &token)),
        }
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        let mut dict = output.begin(ContainerKind::Dict, None)?;
        self.write_entries(output, &mut dict)?;
        output.end(&dict)
    }
}

macro_rules! identifiers {
    ($($name:ident),+) => {$(
        impl Entry for $name {
            fn read(token: Token<'_>, _: &mut Source<'_>) -> Result<Self, Problem> {
                token.as_u64().and_then(Self::new).ok_or_else(|| Problem::unexpected("an id from 1 to 2^53", &token))
            }

            fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
                output.unsigned(self.get())
            }
        }
    )+};
}

identifiers!(SessionId, RequestId, PublicationId, SubscriptionId, RegistrationId);

/// Implements [`Entry`] for a closed set of names.
macro_rules! names {
    ($name:ty, $expected:literal) => {
        impl Entry for $name {
            fn read(token: Token<'_>, _: &mut Source<'_>) -> Result<Self, Problem> {
                let Token::Text(text) = token else { return Err(Problem::unexpected($expected, &token)) };
                let text = text.to_cow();
                Self::from_name(&text).ok_or_else(|| Problem::new($expected, quoted(&text)))
            }

            fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
                output.string(self.name())
            }
        }
    };
}

/// A peer's text as it may stand in a message: short, and without control characters.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(64).collect::<String>())
}

names!(MatchPolicy, "\"exact\", \"prefix\" or \"wildcard\"");
names!(InvokePolicy, "\"single\", \"roundrobin\", \"random\", \"first\" or \"last\"");
names!(CancelMode, "\"skip\", \"kill\" or \"killnowait\"");
names!(EncryptionAlgorithm, "\"cryptobox\", \"mqtt\", \"xbr\" or a name that begins with \"x_\"");

/// Which of several callees of one registration is called.
///
/// WAMP: shared registration, advanced profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InvokePolicy {
    /// There is only one.
    #[default]
    Single,
    /// One after the other.
    RoundRobin,
    /// Any of them.
    Random,
    /// The one that registered first, as long as it is there.
    First,
    /// The one that registered last.
    Last,
}

impl InvokePolicy {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::RoundRobin => "roundrobin",
            Self::Random => "random",
            Self::First => "first",
            Self::Last => "last",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Single, Self::RoundRobin, Self::Random, Self::First, Self::Last];
        all.into_iter().find(|policy| policy.name() == name)
    }
}

/// What canceling a call does to the callee and to the caller.
///
/// WAMP: call canceling, advanced profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CancelMode {
    /// The caller is answered at once, the callee is left alone.
    Skip,
    /// The callee is interrupted, the caller gets its answer.
    Kill,
    /// The callee is interrupted, the caller is answered at once.
    KillNoWait,
}

impl CancelMode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Kill => "kill",
            Self::KillNoWait => "killnowait",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Skip, Self::Kill, Self::KillNoWait].into_iter().find(|mode| mode.name() == name)
    }
}

/// How a payload is encrypted that takes the place of the arguments, in Autobahn's payload transparency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncryptionAlgorithm(Box<str>);

impl EncryptionAlgorithm {
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        (matches!(name, "cryptobox" | "mqtt" | "xbr") || name.starts_with("x_")).then(|| Self(name.into()))
    }
}

impl Entry for RawDict {
    fn read(token: Token<'_>, source: &mut Source<'_>) -> Result<Self, Problem> {
        match token {
            Token::Map(_) => Ok(Self::new(source.codec, Bytes::copy_from_slice(source.value_of_token()?))),
            token => Err(Problem::unexpected("a dict", &token)),
        }
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        Self::write(self, output)
    }
}
