//! Which parameter gets which argument, beside Python's rules in the fewest words.

use super::encoded;
use crate::app::App;
use crate::fuzzing::codec::is_same;
use crate::testing::RawPeer;
use crate::wire::{Call, Codec, Dict, Message, Options, Slots, Uri, Value, decode_value};
use crate::{routes, wamp};

const NAMES: [&str; 3] = ["first", "second", "third"];

#[wamp::rpc("bound", manual)]
async fn bound(
    first: Value,
    second: Option<Value>,
    #[wamp(default = Value::from(7_i64))] third: Value,
) -> (Value, Option<Value>, Value) {
    (first, second, third)
}

/// Calls a function with the arguments of a call.
pub(super) fn check(call: &Call) {
    let payload = &call.payload;
    // What comes in the place of arguments is for those who ask for it.
    if payload.opaque_bytes().is_some() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = runtime.block_on(answer(call));
    let answer = decode_value(payload.codec(), &answer).unwrap();
    let answer = answer.as_array().unwrap();
    match expected(call) {
        Some(values) => {
            assert_eq!(answer[0].as_u64(), Some(50), "{answer:?}, not {values:?}");
            assert!(is_same(&answer[3], &Value::Array(values.clone())), "{answer:?}, not {values:?}");
        }
        None => {
            assert_eq!(answer[0].as_u64(), Some(8), "{answer:?}");
            assert_eq!(answer[4].as_str(), Some("wamp.error.invalid_argument"), "{answer:?}");
        }
    }
}

async fn answer(call: &Call) -> Vec<u8> {
    let codec = call.payload.codec();
    let subprotocol = match codec {
        Codec::Json => "wamp.2.json",
        Codec::MessagePack => "wamp.2.msgpack",
        Codec::Cbor => "wamp.2.cbor",
    };
    let mut peer = RawPeer::connect(&App::new().routes(routes![bound]), subprotocol).unwrap();
    let details = Dict::from([("roles", Dict::from([("caller", Dict::new())]))]);
    peer.send(&encoded(codec, &[1_u64.into(), "realm1".into(), details.into()])).await.unwrap();
    peer.receive().await.expect("WELCOME");
    let (request, options, payload) = (call.request, Options::default(), call.payload.clone());
    let message = Call { request, options, procedure: Uri::known("bound"), payload, slots: Slots::default() };
    let mut octets = Vec::new();
    Message::Call(Box::new(message)).write(codec, &mut octets).unwrap();
    peer.send(&octets).await.unwrap();
    peer.receive().await.expect("an answer").to_vec()
}

/// What the parameters are; none if the arguments are wrong.
fn expected(call: &Call) -> Option<Vec<Value>> {
    let payload = &call.payload;
    let mut given: [Option<&[u8]>; 3] = [None; 3];
    for (index, slot) in payload.slots().args.iter().enumerate() {
        *given.get_mut(index)? = Some(slot.of(payload.bytes()));
    }
    for (name, slot) in payload.kwargs() {
        let place = &mut given[NAMES.iter().position(|known| *known == name)?];
        if place.replace(slot).is_some() {
            return None;
        }
    }
    let value = |slot: &[u8]| decode_value(payload.codec(), slot).ok();
    let [first, second, third] = given;
    Some(vec![value(first?)?, second.map_or(Some(Value::Null), value)?, third.map_or(Some(Value::from(7_i64)), value)?])
}
