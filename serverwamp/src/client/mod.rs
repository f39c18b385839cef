//! The client of somebody else's router: [`Client`], and what is asked with it.

mod address;
mod call;
mod callbacks;
#[cfg(feature = "config")]
mod clients;
mod component;
#[cfg(feature = "config")]
mod config;
mod connect;
mod credentials;
#[cfg(feature = "cryptobox")]
mod crypto_box;
mod dial;
mod driver;
mod error;
mod event;
mod handle;
mod login;
mod payload_codec;
mod publish;
mod realm;
mod reconnect;
mod register;
mod request;
mod restore;
mod result;
mod settings;
mod shared;
mod state;
mod stub;
mod subscribe;
mod task;

pub use call::{Call, Next, RunningCall};
pub use callbacks::Left;
#[cfg(feature = "config")]
pub use clients::Clients;
pub use component::{Component, connect};
#[cfg(feature = "config")]
pub use config::ClientsConfig;
pub use connect::Connect;
pub use credentials::{Challenge, Credentials};
#[cfg(feature = "cryptobox")]
pub use crypto_box::{BoxKeys, BoxPublicKey, BoxSecretKey, CryptoBox};
pub(crate) use dial::Dialed;
pub use error::CallError;
pub use event::Event;
pub use handle::Client;
pub use payload_codec::{
    ClearPayload, EncodedPayload, Envelope, PayloadAttributes, PayloadCodec, PayloadError, PayloadKind,
};
pub use publish::Publish;
pub use reconnect::Reconnect;
pub use register::{Register, Registration};
pub use result::FromPayload;
pub use settings::Serializer;
pub(crate) use settings::Settings;
pub use state::{Details, State};
pub use stub::{Callee, Stub};
#[doc(hidden)]
pub use stub::{StubCall, StubMethod, StubParameter, outcome_of_stub_call};
pub use subscribe::{Listener, Subscribe, Subscription};

use dial::stream_dialer;
