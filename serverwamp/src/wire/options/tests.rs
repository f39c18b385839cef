use super::*;
use crate::wire::{id::SessionId, value::Dict};

#[track_caller]
fn check<T: Dictionary>(options: &Options<T>, expected: &str) {
    for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
        let mut encoded = Vec::new();
        options.write(&mut Output::new(codec, &mut encoded)).unwrap();
        let raw = RawDict::new(codec, encoded.into());
        assert_eq!(raw.to_dict().unwrap().to_string(), expected, "{codec}");
    }
}

#[test]
fn what_is_absent_is_not_written() {
    check(&Options::from(CallOptions::default()), "{}");
    check(&Options::from(PublishOptions { audience: Group::from(Audience::default()), ..Default::default() }), "{}");
    let audience = Audience { eligible: Some(Box::from([])), ..Audience::default() };
    check(
        &Options::from(PublishOptions { audience: audience.into(), ..PublishOptions::default() }),
        r#"{"eligible":[]}"#,
    );
}

#[test]
fn known_keys_come_first_and_take_precedence() {
    for codec in [Codec::Json, Codec::MessagePack, Codec::Cbor] {
        let mut raw = Dict::from([("x_own", "a")]);
        raw.insert("timeout", 1);
        let raw = RawDict::encode(codec, &raw).unwrap();
        let options = Options::from(CallOptions { timeout: Some(2), ..CallOptions::default() }).with_raw(raw);
        check(&options, r#"{"timeout":2,"x_own":"a"}"#);
    }
}

#[test]
fn roles_have_features() {
    let caller = Features::NONE.with(Feature::CallTimeout).with(Feature::CallCanceling);
    let roles = Roles { caller: Some(caller), callee: Some(Features::NONE), ..Roles::default() };
    let options = Options::from(HelloDetails { roles: Some(roles), ..HelloDetails::default() });
    check(&options, r#"{"roles":{"caller":{"features":{"call_timeout":true,"call_canceling":true}},"callee":{}}}"#);
    assert_eq!(format!("{caller:?}"), "{CallTimeout, CallCanceling}");
    assert_eq!([Feature::CallCanceling, Feature::CallTimeout].into_iter().collect::<Features>(), caller);
}

#[test]
fn a_raw_dict_is_a_map() {
    let raw = RawDict::encode(Codec::Cbor, &Dict::from([("a", 1)])).unwrap();
    assert_eq!(raw.to_dict().unwrap(), Dict::from([("a", 1)]));
    assert!(RawDict::encode(Codec::Json, &[1, 2]).is_err());
    assert!(RawDict::default().to_dict().unwrap().is_empty());
}

#[test]
fn routers_on_the_way_are_listed() {
    let forwarder = Forwarder { session: SessionId::new(5), authid: Some("r1".into()), authrole: None };
    let options = Options::from(EventDetails { forward_for: Some(Box::from([forwarder])), ..EventDetails::default() });
    check(&options, r#"{"forward_for":[{"session":5,"authid":"r1"}]}"#);
}
