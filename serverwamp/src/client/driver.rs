//! The task that owns a client's transport.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};

use crate::session::{ClientSession, Event};
use crate::transport::{Close, Memory, Received, Transport};
use crate::wire::{self, CallOptions, CancelMode, Codec, Payload, RequestId, ScanLimits, Uri, uris};

/// Requests that may wait for the task.
const REQUESTS: usize = 64;
/// Progressive results that may wait for whoever called.
const ANSWERS: usize = 64;

/// What the task is asked to do.
enum Request {
    Call(Box<NewCall>),
    Cancel { request: RequestId, mode: CancelMode },
    Leave { reason: Uri },
}

/// A call to be made, and where its id and its answers go.
struct NewCall {
    procedure: Uri,
    options: CallOptions,
    payload: Payload,
    answers: mpsc::Sender<Answer>,
    id: oneshot::Sender<RequestId>,
}

/// What comes back for a call.
#[derive(Debug)]
pub(crate) enum Answer {
    Progress(Payload),
    Result(Payload),
    Error(Uri, Payload),
}

/// Why a session is over: a reason and the peer's message.
#[derive(Debug, Clone)]
pub(crate) struct Over {
    pub(crate) reason: Uri,
    pub(crate) message: Option<String>,
}

/// A session that was welcomed.
pub(crate) struct Connected {
    pub(crate) handle: Handle,
    pub(crate) welcome: Box<wire::Welcome>,
}

/// Asks the task.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    requests: mpsc::Sender<Request>,
    over: std::sync::Arc<tokio::sync::watch::Receiver<Option<Over>>>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Request")
    }
}

/// Joins a realm over a transport.
///
/// # Errors
/// Why the other side did not welcome the session.
pub(crate) async fn connect(transport: Memory, codec: Codec, scan: ScanLimits, realm: Uri) -> Result<Connected, Over> {
    let (requests, receiver) = mpsc::channel(REQUESTS);
    let (over, ended) = tokio::sync::watch::channel(None);
    let mut driver = Driver {
        transport,
        session: ClientSession::join(codec, scan, realm, concat!("serverwamp/", env!("CARGO_PKG_VERSION"))),
        calls: HashMap::new(),
        requests: receiver,
        waiting: None,
        leaving: false,
    };
    loop {
        driver.step().await;
        match driver.session.poll_event() {
            Some(Event::Welcome(welcome)) => {
                tokio::spawn(async move {
                    let reason = driver.run().await;
                    // Nobody may be left to tell.
                    let _ = over.send(Some(reason));
                });
                return Ok(Connected { handle: Handle { requests, over: std::sync::Arc::new(ended) }, welcome });
            }
            Some(Event::Ended { reason, message }) => return Err(Over { reason, message }),
            Some(_) | None => {}
        }
    }
}

impl Handle {
    /// Sends a call. Its answers end with a final one, or without if the session ends.
    pub(crate) async fn call(
        &self,
        procedure: Uri,
        options: CallOptions,
        payload: Payload,
    ) -> Result<(RequestId, mpsc::Receiver<Answer>), Over> {
        let (answers, receiver) = mpsc::channel(ANSWERS);
        let (id, request) = oneshot::channel();
        let call = NewCall { procedure, options, payload, answers, id };
        if self.requests.send(Request::Call(Box::new(call))).await.is_err() {
            return Err(self.over().await);
        }
        match request.await {
            Ok(request) => Ok((request, receiver)),
            Err(_) => Err(self.over().await),
        }
    }

    /// Gives up a call.
    pub(crate) async fn cancel(&self, request: RequestId, mode: CancelMode) {
        // A session that is over has no calls.
        let _ = self.requests.send(Request::Cancel { request, mode }).await;
    }

    /// As `cancel`, without waiting: for a call whose caller is dropped.
    pub(crate) fn try_cancel(&self, request: RequestId, mode: CancelMode) {
        let _ = self.requests.try_send(Request::Cancel { request, mode });
    }

    /// Leaves the realm and waits until the session is over.
    pub(crate) async fn leave(&self, reason: Uri) -> Over {
        // A session that is over needs no farewell.
        let _ = self.requests.send(Request::Leave { reason }).await;
        self.over().await
    }

    /// Waits for the end of the session.
    pub(crate) async fn over(&self) -> Over {
        let mut over = (*self.over).clone();
        let ended = over.wait_for(Option::is_some).await.ok().and_then(|over| over.clone());
        ended.unwrap_or(Over { reason: Uri::known(uris::TRANSPORT_LOST), message: None })
    }
}

/// Gives an answer to whoever called, unless that has to wait.
fn answer(answers: mpsc::Sender<Answer>, answer: Answer) -> Option<(mpsc::Sender<Answer>, Answer)> {
    match answers.try_send(answer) {
        Err(mpsc::error::TrySendError::Full(answer)) => Some((answers, answer)),
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => None,
    }
}

struct Driver {
    transport: Memory,
    session: ClientSession,
    calls: HashMap<RequestId, mpsc::Sender<Answer>>,
    requests: mpsc::Receiver<Request>,
    /// An answer that whoever called is slow to take; nothing is read from the transport meanwhile.
    waiting: Option<(mpsc::Sender<Answer>, Answer)>,
    leaving: bool,
}

impl Driver {
    async fn run(mut self) -> Over {
        loop {
            while self.waiting.is_none() {
                let Some(event) = self.session.poll_event() else { break };
                match event {
                    Event::Welcome(_) => {}
                    Event::Result { request, progress: true, payload } => {
                        if let Some(answers) = self.calls.get(&request) {
                            self.waiting = answer(answers.clone(), Answer::Progress(payload));
                        }
                    }
                    Event::Result { request, progress: false, payload } => {
                        self.answer(request, Answer::Result(payload));
                    }
                    Event::Error { request, error, payload } => self.answer(request, Answer::Error(error, payload)),
                    Event::Ended { reason, message } => {
                        self.send_all().await;
                        self.transport.close(Close::Normal);
                        // The connection is over in any case.
                        let _ = self.transport.flush().await;
                        return Over { reason, message };
                    }
                }
            }
            self.step().await;
        }
    }

    fn answer(&mut self, request: RequestId, last: Answer) {
        if let Some(answers) = self.calls.remove(&request) {
            self.waiting = answer(answers, last);
        }
    }

    /// Sends what there is to send, then waits for one thing to happen.
    async fn step(&mut self) {
        if self.send_all().await.is_none() {
            self.session.handle_disconnect();
            return;
        }
        let waiting = self.waiting.as_ref().map(|(answers, _)| answers.clone());
        let room = async {
            match &waiting {
                Some(answers) => answers.reserve().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            room = room => {
                // Without room for ever, whoever called has lost interest.
                if let (Ok(room), Some((_, answer))) = (room, self.waiting.take()) {
                    room.send(answer);
                }
            }
            received = self.transport.receive(), if waiting.is_none() => self.receive(received),
            request = self.requests.recv(), if !self.leaving => self.request(request),
        }
    }

    async fn send_all(&mut self) -> Option<()> {
        self.session.drain_output(|message| self.transport.send(message));
        self.transport.flush().await.ok()
    }

    fn receive(&mut self, received: Received) {
        match received {
            Received::Frame(message) => self.session.handle_message(message),
            Received::Control => {}
            Received::Invalid(_) | Received::Closed => self.session.handle_disconnect(),
        }
    }

    fn request(&mut self, request: Option<Request>) {
        match request {
            Some(Request::Call(call)) => {
                if let Ok(request) = self.session.call(call.procedure, call.options, call.payload) {
                    self.calls.insert(request, call.answers);
                    // A caller that was dropped meanwhile is noticed when it is answered.
                    let _ = call.id.send(request);
                }
            }
            Some(Request::Cancel { request, mode }) => self.session.cancel(request, mode),
            Some(Request::Leave { reason }) => {
                self.leaving = true;
                self.session.goodbye(reason, None);
            }
            None => {
                self.leaving = true;
                self.session.goodbye(Uri::known(uris::CLOSE_NORMAL), None);
            }
        }
    }
}
