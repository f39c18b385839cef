//! How a client connects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::callbacks::Callbacks;
use super::credentials::Credentials;
use super::dial::{Dialer, StreamDialer};
use super::payload_codec::PayloadCodec;
use super::reconnect::Reconnect;
use crate::handler::ErrorHook;
use crate::limits::Limits;
#[cfg(feature = "tls")]
use crate::transport::ClientTls;
use crate::wire::{Codec, Subprotocol};

/// How messages are encoded, and whether a WebSocket's frame may hold several of them.
///
/// WAMP: serializers, basic profile; batched transport, advanced profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Serializer {
    /// `wamp.2.json`
    Json,
    /// `wamp.2.msgpack`
    MessagePack,
    /// `wamp.2.cbor`
    Cbor,
    /// `wamp.2.json.batched`, for WebSockets
    JsonBatched,
    /// `wamp.2.msgpack.batched`, for WebSockets
    MessagePackBatched,
    /// `wamp.2.cbor.batched`, for WebSockets
    CborBatched,
}

impl Serializer {
    #[cfg(feature = "config")]
    pub(super) const ALL: [Serializer; 6] = [
        Serializer::Json,
        Serializer::MessagePack,
        Serializer::Cbor,
        Serializer::JsonBatched,
        Serializer::MessagePackBatched,
        Serializer::CborBatched,
    ];

    /// As in the name of the WebSocket's subprotocol.
    #[cfg(feature = "config")]
    pub(super) fn name(self) -> &'static str {
        self.subprotocol().serializer()
    }

    pub(super) fn subprotocol(self) -> Subprotocol {
        let (codec, batched) = match self {
            Serializer::Json => (Codec::Json, false),
            Serializer::MessagePack => (Codec::MessagePack, false),
            Serializer::Cbor => (Codec::Cbor, false),
            Serializer::JsonBatched => (Codec::Json, true),
            Serializer::MessagePackBatched => (Codec::MessagePack, true),
            Serializer::CborBatched => (Codec::Cbor, true),
        };
        Subprotocol { codec, batched }
    }
}

/// What a client needs to know before it connects.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) urls: Vec<String>,
    pub(crate) realm: String,
    pub(crate) credentials: Credentials,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<ClientTls>,
    pub(crate) serializers: Vec<Serializer>,
    /// Header fields of the upgrade request, each without the octets that end it.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) limits: Limits,
    pub(crate) timeout: Duration,
    pub(crate) stop_timeout: Duration,
    pub(crate) reconnect: Reconnect,
    pub(crate) callbacks: Callbacks,
    pub(crate) payload_codec: Option<Arc<dyn PayloadCodec>>,
    pub(crate) error_hook: Option<ErrorHook>,
    pub(crate) streams: Option<StreamDialer>,
    pub(crate) dialer: Option<Dialer>,
}

impl Settings {
    pub(crate) fn new(urls: Vec<String>) -> Settings {
        Settings {
            urls,
            realm: "realm1".to_owned(),
            credentials: Credentials::default(),
            #[cfg(feature = "tls")]
            tls: None,
            serializers: vec![Serializer::Cbor, Serializer::MessagePack, Serializer::Json],
            headers: Vec::new(),
            limits: Limits { message_size: Settings::message_size(), ..Limits::default() },
            timeout: Duration::from_secs(10),
            stop_timeout: Duration::from_secs(15),
            reconnect: Reconnect::default(),
            callbacks: Callbacks::default(),
            payload_codec: None,
            error_hook: None,
            streams: None,
            dialer: None,
        }
    }

    /// What clients take, if they are not told otherwise.
    pub(super) const fn message_size() -> usize {
        16 * 1024 * 1024
    }

    /// What is offered to WebSocket servers.
    pub(super) fn subprotocols(&self) -> Vec<Subprotocol> {
        self.serializers.iter().map(|serializer| serializer.subprotocol()).collect()
    }

    /// The preferred codec.
    pub(super) fn codec(&self) -> Codec {
        self.serializers.first().map_or(Codec::Cbor, |serializer| serializer.subprotocol().codec)
    }

    /// Adds a header field, if it is one: a name and a value that end where they should.
    pub(super) fn add_header(&mut self, name: String, value: String) {
        if is_header(&name, &value) {
            self.headers.push((name, value));
        } else {
            tracing::error!(name, "a header field that HTTP does not allow is left out");
        }
    }
}

/// Whether HTTP allows this header field.
pub(super) fn is_header(name: &str, value: &str) -> bool {
    let is_token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    let is_name = !name.is_empty() && name.bytes().all(is_token);
    is_name && value.bytes().all(|octet| octet == b'\t' || (octet >= b' ' && octet != 0x7f))
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Settings");
        shown.field("urls", &self.urls).field("realm", &self.realm).field("credentials", &self.credentials);
        shown.field("serializers", &self.serializers).finish_non_exhaustive()
    }
}

/// The setters of everything that connects: a type with a field `settings`.
macro_rules! connection_setters {
    ($name:ident) => {
        impl $name {
            /// Another address, where the router can be had as well; they are tried in turn.
            pub fn url(mut self, url: impl Into<String>) -> $name {
                self.settings.urls.push(url.into());
                self
            }

            /// The realm to join. Default `realm1`.
            pub fn realm(mut self, realm: impl Into<String>) -> $name {
                self.settings.realm = realm.into();
                self
            }

            /// How to log in. Default: anonymously.
            pub fn credentials(mut self, credentials: $crate::client::Credentials) -> $name {
                self.settings.credentials = credentials;
                self
            }

            /// Whom to trust over `wss://` and `rss://`, and what certificate to show. Default: the operating system's
            /// authorities, and none.
            #[cfg(feature = "tls")]
            #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
            pub fn tls(mut self, tls: $crate::transport::ClientTls) -> $name {
                self.settings.tls = Some(tls);
                self
            }

            /// The serializers to offer, the preferred one first. Default: CBOR, MessagePack, JSON. A RawSocket has the
            /// first one.
            pub fn serializers(mut self, serializers: impl IntoIterator<Item = $crate::client::Serializer>) -> $name {
                self.settings.serializers = serializers.into_iter().collect();
                self
            }

            /// Adds a header field to the request for a WebSocket, a cookie for example. One that HTTP does not allow is
            /// left out, and logged.
            pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> $name {
                self.settings.add_header(name.into(), value.into());
                self
            }

            /// What the router may make this process hold or wait for. Default: as for servers, with messages of 16 MiB.
            ///
            /// Of [`Limits`](crate::Limits), these are for clients: `message_size`, `depth`, `nodes`, `header_size`,
            /// `header_count`, `ping_interval`, `pong_timeout`, `write_stall`, `outbound_bytes`, and `calls_in_flight` for
            /// the calls and the event functions that run for the router. Of a message's values and keys, 64 are the router's
            /// own and do not count for `nodes`. A result past `depth` or `nodes` is its call's error
            /// `serverwamp.error.limit_exceeded`, an invocation gets ERROR `wamp.error.invalid_argument`; any other message
            /// ends the session, and the client connects again.
            pub fn limits(mut self, limits: $crate::Limits) -> $name {
                self.settings.limits = limits;
                self
            }

            /// How long it may take to connect, with TLS, the opening handshake and logging in, up to the session; and then
            /// the answer to each procedure and subscription that is restored. Default 10 s.
            pub fn timeout(mut self, timeout: std::time::Duration) -> $name {
                self.settings.timeout = timeout;
                self
            }

            /// How long handlers may still run when the client is stopped. Default 15 s.
            pub fn stop_timeout(mut self, timeout: std::time::Duration) -> $name {
                self.settings.stop_timeout = timeout;
                self
            }

            /// When to connect again. Default: always, see [`Reconnect`](crate::client::Reconnect).
            pub fn reconnect(mut self, reconnect: $crate::client::Reconnect) -> $name {
                self.settings.reconnect = reconnect;
                self
            }

            /// How often to try again in a row. Default: for ever.
            pub fn max_retries(mut self, retries: u32) -> $name {
                self.settings.reconnect.max_retries = Some(retries);
                self
            }

            /// Encodes payloads so that routers cannot read them, from end to end. Default: they travel in clear, and encoded
            /// ones are refused.
            pub fn payload_codec(mut self, codec: impl $crate::client::PayloadCodec + 'static) -> $name {
                self.settings.payload_codec = Some(std::sync::Arc::new(codec));
                self
            }

            /// Speaks over streams of the program's own, through a proxy or in memory, in place of sockets. The address
            /// still says whether that is a WebSocket or a RawSocket; TLS is the stream's own affair.
            ///
            /// ```
            /// # use serverwamp::{App, Client, ConnectError, testing};
            /// # async fn connects(app: std::sync::Arc<App>) -> Result<(), ConnectError> {
            /// let client = Client::connect("ws://test/ws")
            ///     .through(move || std::future::ready(testing::socket(&app).map_err(std::io::Error::other)))
            ///     .await?;
            /// # Ok(())
            /// # }
            /// ```
            pub fn through<F, S>(mut self, dial: impl Fn() -> F + Send + Sync + 'static) -> $name
            where
                F: Future<Output = std::io::Result<S>> + Send + 'static,
                S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
            {
                self.settings.streams = Some($crate::client::stream_dialer(dial));
                self
            }

            /// Runs when there is a connection, before HELLO; repeatable.
            pub fn on_connect<F>(mut self, callback: impl Fn($crate::Client) -> F + Send + Sync + 'static) -> $name
            where
                F: Future<Output = ()> + Send + 'static,
            {
                self.settings.callbacks.add_connect(callback);
                self
            }

            /// Runs when the router has welcomed the client, before anything can be asked of it; repeatable. The first
            /// that refuses ends the session, for good.
            pub fn on_welcome<F, E>(mut self, callback: impl Fn($crate::Client) -> F + Send + Sync + 'static) -> $name
            where
                F: Future<Output = Result<(), E>> + Send + 'static,
                E: Into<Box<dyn std::error::Error + Send + Sync>>,
            {
                self.settings.callbacks.add_welcome(callback);
                self
            }

            /// Runs in each session once everything is registered and subscribed; repeatable.
            pub fn on_join<F>(mut self, callback: impl Fn($crate::Client) -> F + Send + Sync + 'static) -> $name
            where
                F: Future<Output = ()> + Send + 'static,
            {
                self.settings.callbacks.add_join(callback);
                self
            }

            /// Runs in each session when all that is to run at joining has ended; repeatable.
            pub fn on_ready<F>(mut self, callback: impl Fn($crate::Client) -> F + Send + Sync + 'static) -> $name
            where
                F: Future<Output = ()> + Send + 'static,
            {
                self.settings.callbacks.add_ready(callback);
                self
            }

            /// Runs when a session has ended, with the reason and the router's message; repeatable. So it does when
            /// [`on_welcome`](Self::on_welcome) has refused.
            pub fn on_leave<F>(
                mut self,
                callback: impl Fn($crate::Client, $crate::client::Left) -> F + Send + Sync + 'static,
            ) -> $name
            where
                F: Future<Output = ()> + Send + 'static,
            {
                self.settings.callbacks.add_leave(callback);
                self
            }

            /// Tells this function of every failure of the program's functions: an error without a URI (any but a
            /// [`WampError`](crate::WampError) that callers are told), a panic, a value that cannot be encoded, every error
            /// of an event function, and panics of functions for events and of callbacks. A later one replaces it. A run
            /// that its `timeout` ends is no failure.
            ///
            /// The function runs on a thread of its own: what it does, be it slow or a panic, harms nobody. Where 256
            /// failures wait for it, further ones are only logged, as all are.
            pub fn on_error(mut self, hook: impl Fn(&$crate::Failure) + Send + Sync + 'static) -> $name {
                self.settings.error_hook = Some($crate::handler::ErrorHook::new(hook));
                self
            }

            /// Runs when the connection is closed, after [`on_leave`](Self::on_leave), also where it came to no session:
            /// once for each run of [`on_connect`](Self::on_connect); repeatable.
            pub fn on_disconnect<F>(mut self, callback: impl Fn($crate::Client) -> F + Send + Sync + 'static) -> $name
            where
                F: Future<Output = ()> + Send + 'static,
            {
                self.settings.callbacks.add_disconnect(callback);
                self
            }
        }
    };
}

pub(super) use connection_setters;
