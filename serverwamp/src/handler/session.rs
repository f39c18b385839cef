//! A session as handlers see it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::announcement::Announcement;
use super::authentication::{Authentication, Claims};
use super::call::Call;
use super::delivery::Delivery;
use super::error::RpcError;
use super::extract::{FromCall, Parameter};
use super::outbox::{Farewell, Outbox};
use super::realm::RealmHandle;
use super::result::IntoPayload;
use super::tls_info::TlsInfo;
use crate::log::Shown;
use crate::wire::{Codec, SessionId, Uri, uris};

/// A client's session with a realm. A cheap handle: clones are the same session.
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    id: SessionId,
    details: SessionDetails,
    authentication: Authentication,
    transport: Arc<TransportInfo>,
    codec: Codec,
    realm: RealmHandle,
    outbox: Outbox,
    /// What is logged for the session is within it.
    span: Span,
    /// None once the session is over and the functions for its end have run.
    data: Mutex<Option<Data>>,
    ended: CancellationToken,
}

/// Values by their types.
type Data = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// What is known of a session from HELLO on.
#[derive(Debug, Clone)]
pub(crate) struct SessionDetails {
    pub(crate) realm: Uri,
    pub(crate) announcement: Announcement,
}

/// What a session's connection is, and what its HTTP request said, if there was one: a RawSocket has none.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransportInfo {
    /// `websocket`, `rawsocket` or `memory`.
    pub kind: &'static str,
    /// The serializer, as in the WebSocket subprotocol: `json`, `msgpack`, `cbor`, or one of them with `.batched`.
    pub serializer: &'static str,
    /// The client's address; none on a unix socket. Behind a [trusted proxy](crate::App::trusted_proxies) it is what the
    /// proxy says, with port 0 where it says none; if it names nobody, it is the proxy's.
    pub peer: Option<SocketAddr>,
    /// The trusted proxy that the client came through: the other end of the connection, if it has sent the header field that
    /// names its client.
    pub proxy: Option<ProxyInfo>,
    /// The process at the other end of a unix socket; none if that is a trusted proxy, which is not the client.
    pub credentials: Option<PeerCredentials>,
    /// Octets of a message that the client takes, where it says so: over RawSocket. What is larger is not sent to it: a
    /// call then ends in `wamp.error.payload_size_exceeded`, and an event ends the session.
    pub peer_message_size: Option<usize>,
    /// The path of the HTTP request.
    pub path: String,
    /// The query of the HTTP request, without the question mark.
    pub query: Option<String>,
    /// The header fields of the HTTP request in their order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What its TLS handshake said; none for a connection without TLS, whatever a proxy before it may have spoken, and none
    /// where another program's server has accepted it. Where [`proxy`](TransportInfo::proxy) is some, the handshake was
    /// that proxy's, and so are the certificates.
    pub tls: Option<TlsInfo>,
    /// Whether no network is on the way: it is a unix socket, or in memory.
    pub(crate) is_local: bool,
    /// Whether the client speaks TLS with a proxy or with the server that has accepted it, as far as these say.
    pub(crate) is_secure: Option<bool>,
}

/// A proxy between a client and the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyInfo {
    /// The proxy's end of its connection to the server; none on a unix socket.
    pub address: Option<SocketAddr>,
    /// The proxy's process, on a unix socket.
    pub credentials: Option<PeerCredentials>,
}

/// Who opened the other end of a unix socket, as the operating system knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The process, on systems that tell.
    pub pid: Option<i32>,
}

impl PeerCredentials {
    #[cfg(unix)]
    pub(crate) fn new(uid: u32, gid: u32, pid: Option<i32>) -> PeerCredentials {
        PeerCredentials { uid, gid, pid }
    }
}

/// Shows which header fields there are, but neither them nor the query: they may hold secrets.
impl fmt::Debug for TransportInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let mut shown = formatter.debug_struct("TransportInfo");
        shown.field("kind", &self.kind).field("serializer", &self.serializer).field("peer", &self.peer);
        shown.field("proxy", &self.proxy).field("credentials", &self.credentials);
        shown.field("peer_message_size", &self.peer_message_size);
        shown.field("path", &self.path).field("headers", &headers).field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl TransportInfo {
    /// The first header field of this name (in lower case) that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
        values.next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Makes the other end a proxy, with another client than itself if it has named one.
    pub(crate) fn pass_on(&mut self, client: Option<SocketAddr>, is_secure: Option<bool>) {
        self.proxy = Some(ProxyInfo { address: self.peer, credentials: self.credentials.take() });
        self.peer = client.or(self.peer);
        self.is_secure = is_secure.or(self.is_secure);
    }

    /// Whether nobody on the way can read along, as far as this process can tell: by TLS, or since the line does not leave
    /// the machine.
    pub(crate) fn is_confidential(&self) -> bool {
        let other_end = self.proxy.as_ref().map_or(self.peer, |proxy| proxy.address);
        let is_loopback = other_end.is_some_and(|address| address.ip().to_canonical().is_loopback());
        self.is_secure.unwrap_or(self.is_local || is_loopback || self.tls.is_some())
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.headers.iter().filter(|(key, _)| key == "cookie");
        let texts = lines.filter_map(|(_, value)| std::str::from_utf8(value).ok());
        let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"'))
    }
}

impl Session {
    /// A session that is about to join a realm; `outbound_bytes` is how much may wait to be sent to it.
    pub(crate) fn new(
        id: SessionId,
        details: SessionDetails,
        claims: Claims,
        transport: Arc<TransportInfo>,
        codec: Codec,
        realm: RealmHandle,
        outbound_bytes: usize,
    ) -> Session {
        let outbox = Outbox::new(outbound_bytes, transport.peer_message_size);
        let span = tracing::info_span!(
            "session",
            %id,
            realm = %Shown(&details.realm),
            transport = transport.kind,
            serializer = transport.serializer,
            peer = transport.peer.map(tracing::field::display),
            authid = tracing::field::Empty,
            authrole = tracing::field::Empty,
        );
        Session(Arc::new(Inner {
            id,
            details,
            authentication: Authentication::new(claims),
            transport,
            codec,
            realm,
            outbox,
            span,
            data: Mutex::new(Some(Data::new())),
            ended: CancellationToken::new(),
        }))
    }

    /// The session's id, as WELCOME gave it to the client.
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// The realm that the session joined.
    pub fn realm(&self) -> &str {
        &self.0.details.realm
    }

    /// The realm that the session joined, to publish to all who are in it.
    pub fn realm_handle(&self) -> &RealmHandle {
        &self.0.realm
    }

    /// Who the client was authenticated as; a random name for anonymous ones. Empty until the client is authenticated.
    pub fn authid(&self) -> &str {
        self.principal().map_or("", |principal| &principal.authid)
    }

    /// The role that the client was given. Empty until the client is authenticated.
    pub fn authrole(&self) -> &str {
        self.principal().map_or("", |principal| &principal.authrole)
    }

    /// How the client was authenticated. Empty until it is.
    pub fn authmethod(&self) -> &str {
        self.principal().map_or("", |principal| &principal.authmethod)
    }

    /// Where the identity of the client comes from. Empty until the client is authenticated.
    pub fn authprovider(&self) -> &str {
        self.principal().map_or("", |principal| &principal.authprovider)
    }

    /// The client's software, as it describes itself in HELLO; the first 256 octets of that.
    pub fn agent(&self) -> Option<&str> {
        self.0.details.announcement.agent()
    }

    /// The roles that the client announced in HELLO: of `publisher`, `subscriber`, `caller` and `callee` at least one.
    pub fn roles(&self) -> impl Iterator<Item = &'static str> {
        self.0.details.announcement.roles().map(|(role, _)| role)
    }

    /// Whether the client announced a feature for one of its roles in HELLO.
    ///
    /// Features are those that the specification names (WAMP: feature announcement, advanced profile); a client may well
    /// have features that it does not announce.
    ///
    /// ```
    /// # use serverwamp::{Session, wamp};
    /// #[wamp::rpc]
    /// async fn shows_progress(session: Session) -> bool {
    ///     session.announces("caller", "progressive_call_results")
    /// }
    /// ```
    pub fn announces(&self, role: &str, feature: &str) -> bool {
        self.0.details.announcement.has(role, feature)
    }

    /// The session's connection.
    pub fn transport(&self) -> &TransportInfo {
        &self.0.transport
    }

    /// Sends an event to this session alone, once for each of its subscriptions that match the topic; none need match.
    ///
    /// It is queued at once; awaiting the [`Delivery`] waits until the client has taken most of what is queued for it.
    /// While a subscription is not accepted yet, the event is held: it follows SUBSCRIBED, or is dropped with a refusal.
    /// The payload follows the shape rule of results.
    pub fn send_event(&self, topic: impl AsRef<str>, payload: impl IntoPayload) -> Delivery {
        self.0.realm.send_event(self, topic.as_ref(), payload)
    }

    /// Ends the session with GOODBYE. What has been sent before goes first; running calls are dropped.
    ///
    /// A reason that is no URI becomes `wamp.close.normal`.
    pub fn close(&self, reason: impl AsRef<str>, message: impl Into<String>) {
        let reason = Uri::new(reason.as_ref()).unwrap_or_else(|_| Uri::known(uris::CLOSE_NORMAL));
        self.0.outbox.end(Farewell::Goodbye { reason, message: text(message.into()) });
    }

    /// Ends the session and its connection with ABORT.
    ///
    /// An error that is no URI becomes `wamp.error.runtime_error`.
    pub fn abort(&self, error: impl AsRef<str>, message: impl Into<String>) {
        let reason = Uri::new(error.as_ref()).unwrap_or_else(|_| Uri::known(uris::RUNTIME_ERROR));
        self.0.outbox.end(Farewell::Abort { reason, message: text(message.into()) });
    }

    /// Runs a task that ends with the session: it is dropped where it waits; its handle then yields none. What it logs is
    /// within the session's span.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let ended = self.0.ended.clone();
        tokio::spawn(ended.run_until_cancelled_owned(future).instrument(self.span().clone()))
    }

    /// Keeps a value with the session, in place of an earlier one of its type.
    ///
    /// It is dropped when the session is over and its `on_leave` functions have run; at once if that has been.
    pub fn set<T: Send + Sync + 'static>(&self, value: T) {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        let replaced = match &mut *self.data() {
            Some(data) => data.insert(TypeId::of::<T>(), value),
            None => Some(value),
        };
        // Only now, as what is dropped may itself want the session.
        drop(replaced);
    }

    /// The value of this type that was kept with the session.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.data().as_ref()?.get(&TypeId::of::<T>()).cloned()?;
        value.downcast().ok()
    }

    /// Whether the session has ended.
    pub fn has_ended(&self) -> bool {
        self.0.ended.is_cancelled()
    }

    /// Waits until the session has ended. Cancel-safe.
    pub async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// How what is sent to the client is encoded.
    pub(crate) fn codec(&self) -> Codec {
        self.0.codec
    }

    /// The span that whatever runs for the session runs in.
    pub(crate) fn span(&self) -> &Span {
        &self.0.span
    }

    /// Lets the span tell who the client is.
    pub(crate) fn record_principal(&self) {
        let span = self.span();
        if !span.is_disabled() {
            span.record("authid", tracing::field::display(Shown(self.authid())));
            span.record("authrole", tracing::field::display(Shown(self.authrole())));
        }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.0.outbox
    }

    /// What the client announced in HELLO.
    pub(crate) fn announcement(&self) -> &Announcement {
        &self.0.details.announcement
    }

    pub(super) fn authentication(&self) -> &Authentication {
        &self.0.authentication
    }

    /// The session is over. What is kept with it stays for the functions that still run for its end.
    pub(crate) fn end(&self) {
        self.0.outbox.close();
        self.0.authentication.end();
        self.0.ended.cancel();
    }

    /// Drops what is kept with the session; it keeps nothing from now on.
    pub(crate) fn forget(&self) {
        let data = self.data().take();
        // Only now, as what is dropped may itself want the session.
        drop(data);
    }

    fn data(&self) -> std::sync::MutexGuard<'_, Option<Data>> {
        self.0.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(message: String) -> Option<String> {
    Some(message).filter(|message| !message.is_empty())
}

impl PartialEq for Session {
    fn eq(&self, other: &Session) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Session {}

impl Hash for Session {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Session");
        shown.field("id", &self.0.id).field("realm", &self.realm()).field("authid", &self.authid());
        shown.field("authrole", &self.authrole()).finish_non_exhaustive()
    }
}

impl<'c> FromCall<'c> for Session {
    fn from_call(call: &'c Call, _: &Parameter<'_, 'c>) -> Result<Session, RpcError> {
        Ok(call.session().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_leave_the_machine_are_confidential() {
        let line = |peer: Option<&str>, is_local| {
            let peer = peer.map(|peer| SocketAddr::new(peer.parse().unwrap(), 7));
            TransportInfo { peer, is_local, ..TransportInfo::default() }.is_confidential()
        };
        for peer in ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"] {
            assert!(line(Some(peer), false), "{peer}");
        }
        for peer in ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0", "::"] {
            assert!(!line(Some(peer), false), "{peer}");
        }
        assert!(line(None, true) && !line(None, false));
    }

    #[test]
    fn a_proxy_knows_whether_its_clients_line_is_confidential() {
        let client = Some("198.51.100.1:0".parse().unwrap());
        for (proxy, is_local, said, expected) in [
            (Some("10.0.0.1:7"), false, Some(true), true),
            (Some("10.0.0.1:7"), false, None, false),
            (Some("127.0.0.1:7"), false, None, true),
            (Some("127.0.0.1:7"), false, Some(false), false),
            (None, true, None, true),
            (None, true, Some(false), false),
        ] {
            let peer = proxy.map(|proxy| proxy.parse().unwrap());
            let mut info = TransportInfo { peer, is_local, ..TransportInfo::default() };
            info.pass_on(client, said);
            assert_eq!(info.is_confidential(), expected, "{proxy:?} {is_local} {said:?}");
            assert_eq!((info.peer, info.proxy.unwrap().address), (client, peer));
        }
        // A client cannot be on this machine by what is said of it.
        let mut info = TransportInfo { peer: Some("10.0.0.1:7".parse().unwrap()), ..TransportInfo::default() };
        info.pass_on(Some("127.0.0.1:0".parse().unwrap()), None);
        assert!(!info.is_confidential());
    }

    #[test]
    fn credentials_are_not_those_of_a_proxy() {
        let credentials = Some(PeerCredentials { uid: 1, gid: 2, pid: None });
        let mut info = TransportInfo { credentials, is_local: true, ..TransportInfo::default() };
        info.pass_on(None, None);
        assert_eq!((info.credentials, info.peer), (None, None));
        assert_eq!(info.proxy, Some(ProxyInfo { address: None, credentials }));
    }

    #[test]
    fn what_is_shown_of_a_connection_holds_no_secrets() {
        let headers = vec![("cookie".to_owned(), b"sid=secret".to_vec()), ("host".to_owned(), b"example.com".to_vec())];
        let query = Some("token=secret".to_owned());
        let shown = format!("{:?}", TransportInfo { kind: "websocket", query, headers, ..TransportInfo::default() });
        assert!(shown.contains(r#"["cookie", "host"]"#) && !shown.contains("secret"), "{shown}");
    }
}
