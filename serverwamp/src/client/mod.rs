//! The client of somebody else's router: [`Client`], and what is asked with it.

mod address;
mod call;
mod callbacks;
mod component;
mod connect;
mod credentials;
mod dial;
mod driver;
mod error;
mod event;
mod handle;
mod login;
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
pub use component::{Component, connect};
pub use connect::Connect;
pub use credentials::{Challenge, Credentials};
pub(crate) use dial::Dialed;
pub use error::CallError;
pub use event::Event;
pub use handle::Client;
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
