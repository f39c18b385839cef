//! DESIGN 2.2: the declared type decides what a value may be converted from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;
use serverwamp::{App, Value, wamp};
use serverwamp_tests::{check_call, check_error};
use uuid::Uuid;

macro_rules! show {
    ($($name:ident: $type:ty;)*) => {$(
        #[wamp::rpc]
        async fn $name(value: $type) -> String {
            format!("{value:?}")
        }
    )*};
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "the fields are read by `Debug`")]
struct Borrowed<'a> {
    name: &'a str,
    #[serde(borrow)]
    tags: Vec<&'a str>,
    #[serde(borrow, with = "serde_bytes")]
    raw: &'a [u8],
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Nested {
    number: i32,
    ratio: f32,
    list: Vec<u8>,
}

show! {
    int: i64;
    small: u8;
    big: u128;
    float: f64;
    boolean: bool;
    text: String;
    decimal: Decimal;
    id: Uuid;
    address: IpAddr;
    time: DateTime<Utc>;
    colour: Colour;
    bytes: Vec<u8>;
    array: [u8; 3];
    list: Vec<i32>;
    map: BTreeMap<u32, bool>;
    nested: Nested;
    option: Option<f64>;
    any: Value;
    unit: ();
}

#[wamp::rpc]
async fn borrowed(value: Borrowed<'_>, text: &str, more: Option<&str>, slice: &serde_bytes::Bytes) -> String {
    format!("{value:?} {text:?} {more:?} {:?}", &slice[..])
}

fn app() -> App {
    App::discover_in(module_path!())
}

#[tokio::test]
async fn values_are_converted_where_nothing_is_lost() {
    let cases = [
        ("int", json!(7), "7"),
        ("int", json!(3.0), "3"),
        ("int", json!("7"), "7"),
        ("int", json!("-7"), "-7"),
        ("int", json!(i64::MIN), "-9223372036854775808"),
        ("int", json!(9_007_199_254_740_992.0), "9007199254740992"),
        ("small", json!(255), "255"),
        ("big", json!(u64::MAX), "18446744073709551615"),
        ("big", json!("340282366920938463463374607431768211455"), "340282366920938463463374607431768211455"),
        ("float", json!(3), "3.0"),
        ("float", json!("1.5"), "1.5"),
        ("float", json!("-2e3"), "-2000.0"),
        ("boolean", json!(true), "true"),
        ("text", json!("héllo ☃ 𝄞 \u{1}"), "\"héllo ☃ 𝄞 \\u{1}\""),
        ("decimal", json!("12.340"), "12.340"),
        ("decimal", json!(12.5), "12.5"),
        ("decimal", json!(7), "7"),
        ("id", json!("67e55044-10b1-426f-9247-bb680e5fe0c8"), "67e55044-10b1-426f-9247-bb680e5fe0c8"),
        ("address", json!("::1"), "::1"),
        ("address", json!("10.0.0.1"), "10.0.0.1"),
        ("time", json!("2026-11-21T01:02:03Z"), "2026-11-21T01:02:03Z"),
        ("colour", json!("green"), "Green"),
        ("bytes", json!("\0AQL/"), "[1, 2, 255]"),
        ("bytes", json!("\0"), "[]"),
        ("bytes", json!([1, 2, 255]), "[1, 2, 255]"),
        ("array", json!("\0AQL/"), "[1, 2, 255]"),
        ("list", json!([1, "2", 3.0]), "[1, 2, 3]"),
        ("map", json!({"7": true}), "{7: true}"),
        (
            "nested",
            json!({"number": 3.0, "ratio": "0.5", "list": "\0AQ=="}),
            "Nested { number: 3, ratio: 0.5, list: [1] }",
        ),
        ("option", json!(null), "None"),
        ("option", json!(2), "Some(2.0)"),
        ("unit", json!(null), "()"),
    ];
    let app = app();
    for (procedure, argument, shown) in cases {
        check_call(&app, procedure, json!([[argument]]), json!([[shown]])).await;
    }
}

#[tokio::test]
async fn nothing_is_converted_silently() {
    let cases = [
        ("int", json!(2.9)),
        ("int", json!("2.9")),
        ("int", json!("seven")),
        ("int", json!(" 7")),
        ("int", json!(true)),
        ("int", json!(null)),
        ("int", json!([7])),
        ("int", json!(u64::MAX)),
        ("int", json!(1e300)),
        ("small", json!(256)),
        ("small", json!(-1)),
        ("float", json!("inf")),
        ("float", json!("NaN")),
        ("float", json!("0x10")),
        ("boolean", json!("false")),
        ("boolean", json!(0)),
        ("text", json!(7)),
        ("text", json!("\0AQ==")),
        ("id", json!("67e55044")),
        ("colour", json!("blue")),
        ("bytes", json!("plain text")),
        ("bytes", json!([256])),
        ("array", json!([1, 2])),
        ("list", json!({"a": 1})),
        ("nested", json!({"number": 2.5, "ratio": 1, "list": []})),
        ("nested", json!({"ratio": 1, "list": []})),
        ("unit", json!(1)),
    ];
    let app = app();
    for (procedure, argument) in cases {
        let payload = json!([[], {"message": "…"}]);
        check_error(&app, procedure, json!([[argument]]), "wamp.error.invalid_argument", payload).await;
    }
}

#[tokio::test]
async fn messages_say_what_was_expected_and_what_came() {
    let cases = [
        ("float", json!("fast"), "argument `value`: invalid type: string \"fast\", expected f64"),
        ("boolean", json!(0), "argument `value`: invalid type: integer `0`, expected a boolean"),
        ("text", json!([]), "argument `value`: invalid type: sequence, expected a string"),
    ];
    let app = app();
    for (procedure, argument, message) in cases {
        let payload = json!([[], {"message": message}]);
        check_error(&app, procedure, json!([[argument]]), "wamp.error.invalid_argument", payload).await;
    }
}

#[tokio::test]
async fn borrowed_arguments_live_as_long_as_the_call() {
    let value = json!({"name": "a\"b", "tags": ["x", "\u{1}y"], "raw": "\0AQI="});
    let shown = "Borrowed { name: \"a\\\"b\", tags: [\"x\", \"\\u{1}y\"], raw: [1, 2] } \"ü\\n\" Some(\"z\") [255]";
    check_call(&app(), "borrowed", json!([[value, "ü\n", "z", "\0/w=="]]), json!([[shown]])).await;
}

#[tokio::test]
async fn a_json_number_keeps_its_digits_on_the_way_into_a_decimal() {
    use serverwamp_tests::{Peer, Serializer};
    let mut peer = Peer::join(&app(), Serializer::Json).await;
    peer.send_frame(br#"[48,1,{},"decimal",[0.1234567890123456789012345678]]"#).await;
    assert_eq!(peer.receive().await, Some(json!([50, 1, {}, ["0.1234567890123456789012345678"]])));
    peer.send_frame(br#"[48,2,{},"int",[9007199254740993.0]]"#).await;
    assert_eq!(peer.receive().await, Some(json!([50, 2, {}, ["9007199254740993"]])));
}
