//! What the application of a session decides, and what is to come of it.

use arbitrary::{Result, Unstructured};

use super::model::{failed, sent};
use super::{Play, REPLY_SIZE, canceled};
use crate::fuzzing::messages::{Said, answer};
use crate::session::{Ending, Welcome};
use crate::wire::{
    CancelMode, Codec, ErrorDetails, ErrorMessage, Feature, MessageType, Options, Passthru, Payload, PublicationId,
    RawDict, RegistrationId, RequestId, SessionId, SubscriptionId, Uri, Yield, YieldOptions, uris,
};

impl Play {
    pub(super) fn decide(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        Ok(match input.int_in_range(0..=15)? {
            0..=1 => {
                self.session.challenge("ticket", RawDict::default());
                self.model.challenge()
            }
            2..=3 => {
                let is_router = input.ratio(3, 4)?;
                self.session.welcome(welcome(is_router));
                self.model.welcome(is_router)
            }
            4 if input.ratio(1, 16)? => {
                self.session.abort(&Uri::known(uris::NOT_AUTHORIZED), Some("no"));
                self.model.abort(uris::NOT_AUTHORIZED, Ending::Aborted)
            }
            5 if input.ratio(1, 16)? => {
                self.session.goodbye(&Uri::known(uris::KILLED), None, self.now);
                self.model.say_goodbye(uris::KILLED, self.now)
            }
            4..=6 => {
                self.session.part(self.now);
                self.model.part(self.now)
            }
            7 => self.invoke(input)?,
            8 => self.answer_request(input)?,
            9 => {
                if self.model.running > 0 {
                    self.model.running -= 1;
                    self.session.handler_ended();
                }
                Vec::new()
            }
            _ => self.answer_call(input)?,
        })
    }

    fn invoke(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        let request = self.next_invocation;
        if input.ratio(1, 4)? {
            self.session.interrupt(request, CancelMode::Kill);
            return Ok(self.in_session(format!("INTERRUPT {request}")));
        }
        let payload = Payload::empty(self.codec);
        self.session.invoke(request, RegistrationId::new(1).unwrap(), None, &payload).unwrap();
        let said = self.in_session(format!("INVOCATION {request}"));
        if !said.is_empty() {
            self.model.last_invocation = self.model.last_invocation.max(request.get());
            self.next_invocation = request.next();
        }
        Ok(said)
    }

    /// What is said while there is a session, and then only.
    fn in_session(&self, text: String) -> Vec<Said> {
        if self.model.is_in_session() { vec![sent(text)] } else { Vec::new() }
    }

    fn answer_request(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        let request = RequestId::new(input.int_in_range(1..=9)?).unwrap();
        let has = |features: Option<crate::wire::Features>, feature| features.unwrap_or_default().contains(feature);
        let text = match input.int_in_range(0..=7)? {
            0 => {
                self.session.subscribed(request, SubscriptionId::new(1).unwrap());
                format!("SUBSCRIBED {request}")
            }
            1 => {
                self.session.unsubscribed(request);
                format!("UNSUBSCRIBED {:?}", Some(request))
            }
            2 => {
                self.session.published(request, PublicationId::new(1).unwrap());
                format!("PUBLISHED {request}")
            }
            3 => {
                self.session.registered(request, RegistrationId::new(1).unwrap());
                format!("REGISTERED {request}")
            }
            4 => {
                self.session.unregistered(request);
                format!("UNREGISTERED {:?}", Some(request))
            }
            5 => {
                self.session.revoked(SubscriptionId::new(1).unwrap(), "a.reason");
                if !has(self.model.roles.subscriber, Feature::SubscriptionRevocation) {
                    return Ok(Vec::new());
                }
                format!("UNSUBSCRIBED {:?}", None::<RequestId>)
            }
            6 => {
                self.session.registration_revoked(RegistrationId::new(1).unwrap(), "a.reason");
                if !has(self.model.roles.callee, Feature::RegistrationRevocation) {
                    return Ok(Vec::new());
                }
                format!("UNREGISTERED {:?}", None::<RequestId>)
            }
            _ if self.model.is_in_session() => {
                self.session.refuse(MessageType::Subscribe, request, uris::NOT_AUTHORIZED, "no");
                return Ok(vec![failed(MessageType::Subscribe, request, uris::NOT_AUTHORIZED)]);
            }
            _ => return Ok(Vec::new()),
        };
        Ok(self.in_session(text))
    }

    /// Answers a call, perhaps one that has been answered, or one of a session before.
    fn answer_call(&mut self, input: &mut Unstructured<'_>) -> Result<Vec<Said>> {
        if self.calls.is_empty() {
            return Ok(Vec::new());
        }
        let recent = self.calls.len().saturating_sub(6);
        let (request, serial) = *input.choose(&self.calls[recent..])?;
        let is_open = self.model.is_open(request, serial);
        let payload = answer(input, self.codec, REPLY_SIZE)?;
        let passthru = if input.ratio(1, 8)? {
            Passthru { ppt_scheme: Some("x_own".into()), ..Passthru::default() }
        } else {
            Passthru::default()
        };
        let is_passed_through = passthru != Passthru::default();
        let may_pass = self.model.roles.caller.unwrap_or_default().contains(Feature::PayloadPassthruMode);
        let error = Uri::known("a.error");
        let what = input.int_in_range(0..=6)?;
        let progress = matches!(what, 0 | 1);
        match what {
            0 => self.session.progress(request, serial, &payload),
            1 | 2 => {
                let options =
                    YieldOptions { progress: Some(progress), passthru: passthru.into(), ..YieldOptions::default() };
                let result =
                    Yield { request: RequestId::FIRST, options: Options::from(options), payload: payload.clone() };
                self.session.yielded(request, serial, &result);
            }
            3 => self.session.result(request, serial, &payload),
            4 => {
                let details = ErrorDetails { passthru: passthru.into(), ..ErrorDetails::default() };
                let failure = ErrorMessage {
                    request_type: MessageType::Invocation,
                    request: RequestId::FIRST,
                    details: details.into(),
                    error: error.clone(),
                    payload: payload.clone(),
                };
                self.session.failed(request, serial, &failure);
            }
            5 => self.session.error(request, serial, &error, &payload),
            _ if is_open => {
                self.session.refuse_started(request, serial);
                self.model.running = self.model.running.saturating_sub(1);
            }
            _ => return Ok(Vec::new()),
        }
        if !is_open {
            return Ok(Vec::new());
        }
        let refused = is_passed_through && matches!(what, 1 | 2 | 4) && !may_pass;
        let outcome = if refused {
            Err(uris::FEATURE_NOT_SUPPORTED)
        } else if what == 6 {
            Err(uris::LIMIT_EXCEEDED)
        } else if matches!(what, 4 | 5) {
            Err("a.error")
        } else if payload.size() > REPLY_SIZE {
            Err(uris::PAYLOAD_SIZE_EXCEEDED)
        } else if payload.codec() == Codec::Cbor && self.codec == Codec::Json && holds_no_number(&payload) {
            Err(uris::RUNTIME_ERROR)
        } else {
            Ok(())
        };
        let mut said = Vec::new();
        match outcome {
            Ok(()) if progress => said.push(sent(format!("RESULT {request} progress"))),
            Ok(()) => {
                self.model.forget(request);
                said.push(sent(format!("RESULT {request}")));
            }
            Err(error) => {
                self.model.forget(request);
                // A part that cannot be sent ends the call, and so does what the caller has not announced.
                if progress || refused && what == 2 {
                    said.push(Said::Action(canceled(serial, CancelMode::KillNoWait)));
                }
                said.push(failed(MessageType::Call, request, error));
            }
        }
        Ok(said)
    }
}

/// What JSON has no number for.
fn holds_no_number(payload: &Payload) -> bool {
    payload.to_args().iter().any(|argument| argument.as_f64().is_some_and(f64::is_nan))
}

fn welcome(is_router: bool) -> Welcome {
    Welcome {
        session: SessionId::new(7).unwrap(),
        realm: Uri::known("realm1"),
        authid: "joe".to_owned(),
        authrole: "user".to_owned(),
        authmethod: "ticket".to_owned(),
        authprovider: "static".to_owned(),
        authextra: None,
        is_router,
        meta_api: is_router,
        reflection: is_router,
        event_history: is_router,
    }
}
