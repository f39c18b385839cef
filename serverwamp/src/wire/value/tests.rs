use super::*;

#[test]
fn shows_itself_as_json() {
    let value = Value::Map(Dict::from([
        ("a\"", Value::Array(vec![Value::Null, true.into(), 1.into(), 1.0.into(), "é\n".into()])),
        ("b", Value::Bytes(vec![0, 255])),
        ("c", Value::Tag(5, Box::new(Value::Extension(-2, vec![])))),
        ("d", Value::Array(vec![])),
        ("e", Value::Map(Dict::new())),
    ]));
    let expected = r#"{"a\"":[null,true,1,1.0,"é\n"],"b":0x00ff,"c":tag5:ext-2:0x,"d":[],"e":{}}"#;
    assert_eq!(value.to_string(), expected);
}

#[test]
fn maps_compare_regardless_of_order() {
    assert_eq!(Dict::from([("a", 1), ("b", 2)]), Dict::from([("b", 2), ("a", 1)]));
    assert_ne!(Dict::from([("a", 1), ("b", 2)]), Dict::from([("b", 2), ("c", 1)]));
    assert_eq!(Dict::from([("a", 1), ("b", 2), ("a", 3)]), Dict::from([("a", 3), ("b", 2)]));
}

#[test]
fn maps_keep_their_order() {
    let mut dict = Dict::from([("z", 1), ("a", 2)]);
    assert_eq!(dict.insert("z", 3), Some(1.into()));
    assert_eq!(dict.insert("m", 4), None);
    assert_eq!(dict.remove("a"), Some(2.into()));
    assert_eq!(dict.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["z", "m"]);
}

#[test]
fn integers_convert_exactly() {
    let value = |integer: Value| (integer.as_i64(), integer.as_u64());
    assert_eq!(value((-1).into()), (Some(-1), None));
    assert_eq!(value(u64::MAX.into()), (None, Some(u64::MAX)));
    assert_eq!(value(u128::MAX.into()), (None, None));
    assert_eq!(Integer::from(5_u128), Integer::from(5_i8));
    assert!(Integer::from(u128::MAX) > Integer::from(i128::MAX));
    assert_eq!(Value::from(1).as_f64(), Some(1.0));
}

#[test]
fn serde_json_knows_values_too() {
    let json = r#"{"a":[null,true,1,-1,1.5,"x"],"b":{}}"#;
    let value: Value = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
}
