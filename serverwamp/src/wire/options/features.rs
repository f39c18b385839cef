//! The features that a peer announces for each of its roles, PROTOCOL 1.5.

use std::fmt;

use super::{Entry, Problem, Source};
use crate::wire::{
    codec::{Read, Token},
    encode::{ContainerKind, EncodeError, Output},
};

macro_rules! features {
    ($($feature:ident = $name:literal $(or $other:literal)?,)+) => {
        /// An advanced feature of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Feature {
            $($feature,)+
        }

        impl Feature {
            const ALL: &[Self] = &[$(Self::$feature),+];

            /// The name that is announced.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$feature => $name,)+
                }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name $(| $other)? => Some(Self::$feature),)+
                    _ => None,
                }
            }
        }
    };
}

// The second names are those that the specification's text uses in some places.
features! {
    ProgressiveCallResults = "progressive_call_results",
    ProgressiveCallInvocations = "progressive_call_invocations",
    CallTimeout = "call_timeout",
    CallCanceling = "call_canceling" or "call_cancelling",
    CallerIdentification = "caller_identification",
    CallTrustlevels = "call_trustlevels",
    CallReroute = "call_reroute",
    PatternBasedRegistration = "pattern_based_registration",
    SharedRegistration = "shared_registration",
    ShardedRegistration = "sharded_registration",
    RegistrationRevocation = "registration_revocation",
    RegistrationMetaApi = "registration_meta_api",
    Reflection = "reflection",
    ProcedureReflection = "procedure_reflection",
    TopicReflection = "topic_reflection",
    SessionMetaApi = "session_meta_api",
    TestamentMetaApi = "testament_meta_api",
    SubscriberBlackwhiteListing = "subscriber_blackwhite_listing",
    PublisherExclusion = "publisher_exclusion",
    PublisherIdentification = "publisher_identification",
    PublicationTrustlevels = "publication_trustlevels",
    PatternBasedSubscription = "pattern_based_subscription",
    ShardedSubscription = "sharded_subscription" or "shareded_subscriptions",
    SubscriptionRevocation = "subscription_revocation",
    SubscriptionMetaApi = "subscription_meta_api",
    EventHistory = "event_history",
    EventRetention = "event_retention",
    PayloadPassthruMode = "payload_passthru_mode",
    PayloadTransparency = "payload_transparency",
    PayloadEncryptionCryptobox = "payload_encryption_cryptobox",
    AcknowledgedEventDelivery = "x_acknowledged_event_delivery",
}

/// The features of one role.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Features(u32);

impl Features {
    pub(crate) const NONE: Self = Self(0);

    /// These features and one more.
    #[must_use]
    pub(crate) const fn with(self, feature: Feature) -> Self {
        Self(self.0 | 1 << feature as u32)
    }

    pub(crate) const fn contains(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(move |&feature| self.contains(feature))
    }

    /// Reads the dict of features and whether each is announced.
    fn read_announced(token: Token<'_>, source: &mut Source<'_>) -> Result<Self, Problem> {
        let Token::Map(mut items) = token else { return Err(Problem::unexpected("a dict", &token)) };
        let mut features = Self::NONE;
        while source.more(&mut items)? {
            let key = source.key()?;
            let Some(feature) = Feature::from_name(&key).filter(|_| !source.is_undefined()) else {
                source.value()?;
                continue;
            };
            if bool::read(source.token()?, source).map_err(|problem| problem.within(&key))? {
                features = features.with(feature);
            }
        }
        Ok(features)
    }

    fn write_announced(self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        let mut dict = output.begin(ContainerKind::Dict, None)?;
        for feature in self.iter() {
            output.key(&mut dict, feature.name())?;
            output.bool(true)?;
        }
        output.end(&dict)
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        features.into_iter().fold(Self::NONE, Self::with)
    }
}

/// A role: a dict that has the features under the key `features`.
impl Entry for Features {
    fn read(token: Token<'_>, source: &mut Source<'_>) -> Result<Self, Problem> {
        let Token::Map(mut items) = token else { return Err(Problem::unexpected("a dict", &token)) };
        let mut features = Self::NONE;
        while source.more(&mut items)? {
            let key = source.key()?;
            if key != "features" || source.is_undefined() {
                source.value()?;
                continue;
            }
            features = Self::read_announced(source.token()?, source).map_err(|problem| problem.within("features"))?;
        }
        Ok(features)
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), EncodeError> {
        let mut role = output.begin(ContainerKind::Dict, None)?;
        if *self != Self::NONE {
            output.key(&mut role, "features")?;
            self.write_announced(output)?;
        }
        output.end(&role)
    }
}
