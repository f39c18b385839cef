//! Comparing generated clients with what they call.

use std::fmt::Write as _;

use crate::app::App;
use crate::client::{Stub, StubMethod, StubParameter};
use crate::handler::{ParameterDescription, ParameterKind, Route};

/// Compares a client that [`#[wamp::client]`](crate::wamp::client) has made with the functions of an app, for a test of the
/// program that has both: procedures, parameters (their order, names, types, and which may be left out), and the types of
/// results and progressive results.
///
/// Types are compared as they are written, without paths, references and lifetimes: an alias is not what it stands for.
/// Types of errors are not compared.
///
/// ```
/// use serverwamp::testing::check_stub;
/// use serverwamp::{App, CallError, routes, wamp};
///
/// #[wamp::rpc("math.add", manual)]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// #[wamp::client(prefix = "math")]
/// trait Calculator {
///     async fn add(&self, a: i64, b: i64) -> Result<i64, CallError>;
/// }
///
/// check_stub::<CalculatorClient>(&App::new().routes(routes![add]));
/// ```
///
/// # Panics
/// They differ, with all differences, or the app is put together wrongly.
#[track_caller]
pub fn check_stub<S: Stub>(app: &App) {
    check_stub_under::<S>("", app);
}

/// As [`check_stub`], for a client that calls what is under a prefix.
///
/// # Panics
/// They differ, with all differences, or the app is put together wrongly.
#[track_caller]
#[allow(clippy::panic, reason = "it is for tests, which panic where they fail")]
pub fn check_stub_under<S: Stub>(prefix: &str, app: &App) {
    let routes = match app.functions() {
        Ok(routes) => routes,
        Err(problems) => panic!("{}", crate::error::Error::Startup(problems)),
    };
    let differences: Vec<String> =
        S::methods().iter().flat_map(|method| differences(method, prefix, &routes)).collect();
    if !differences.is_empty() {
        let list = differences.iter().fold(String::new(), |mut list, difference| {
            let _ = write!(list, "\n  {difference}");
            list
        });
        panic!("{} is not a client of this app:{list}", std::any::type_name::<S>());
    }
}

/// What differs between a method and the function that it calls.
fn differences(method: &StubMethod, prefix: &str, routes: &[&'static Route]) -> Vec<String> {
    let uri = if prefix.is_empty() { method.uri.to_owned() } else { format!("{prefix}.{}", method.uri) };
    let place = format!("{}:{}: `{}`", method.file, method.line, method.name);
    let Some(route) = routes.iter().find(|route| route.is_procedure(&uri)) else {
        return vec![format!("{place}: no function is served as `{uri}`")];
    };
    let mut found = Vec::new();
    let described = route.described();
    parameters(method, route, &described, prefix, &mut found);
    let (ours, theirs) = (Answers::of_stub(method), Answers::of_function(route, &described));
    if ours.result != theirs.result {
        found.push(format!("returns `{}`, the function `{}`", ours.result, theirs.result));
    }
    match (&ours.progress, &theirs.progress) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            found.push(format!("takes progressive results of `{ours}`, the function gives `{theirs}`"));
        }
        (Some(_), None) => found.push("takes progressive results, the function gives none".to_owned()),
        _ => {}
    }
    found.into_iter().map(|what| format!("{place} {what} ({}, {})", route.title(), route.location())).collect()
}

fn parameters(
    method: &StubMethod,
    route: &Route,
    described: &[ParameterDescription],
    prefix: &str,
    found: &mut Vec<String>,
) {
    let moved = if prefix.is_empty() { 0 } else { prefix.split('.').count() };
    let has = |kind: ParameterKind| described.iter().any(|parameter| parameter.kind == kind);
    let (rest, rest_keywords) = (has(ParameterKind::Rest), has(ParameterKind::RestKeywords));
    let is_positional =
        |it: &&ParameterDescription| matches!(it.kind, ParameterKind::Argument { .. }) && !it.options.keyword;
    let until_rest = described.iter().take_while(|parameter| parameter.kind != ParameterKind::Rest);
    let mut positional = until_rest.filter(is_positional);
    let mut given: Vec<&str> = Vec::new();
    for parameter in method.parameters.iter().filter(|parameter| !parameter.progress) {
        let name = parameter.name;
        let theirs = match (parameter.component, parameter.keyword) {
            (Some(index), _) => described.iter().find(|it| it.options.component == Some(index.saturating_add(moved))),
            (None, true) => {
                described.iter().find(|it| it.name == name && matches!(it.kind, ParameterKind::Argument { .. }))
            }
            (None, false) => positional.next(),
        };
        let Some(theirs) = theirs else {
            let is_taken = route.lenient || if parameter.keyword { rest_keywords } else { rest };
            // What takes a component of a pattern need not be a parameter.
            if !is_taken && parameter.component.is_none() {
                found.push(format!("passes `{name}`, which the function does not take"));
            }
            continue;
        };
        given.push(theirs.name);
        if parameter.component.is_none() && theirs.name != name {
            found.push(format!("passes `{name}` where the function takes `{}`", theirs.name));
        }
        compare(parameter, theirs, found);
    }
    let is_missing = |it: &&ParameterDescription| {
        matches!(it.kind, ParameterKind::Argument { required: true } if it.options.default.is_none())
            && !given.contains(&it.name)
    };
    for parameter in described.iter().filter(is_missing) {
        found.push(format!("does not pass `{}`, which the function requires", parameter.name));
    }
}

fn compare(ours: &StubParameter, theirs: &ParameterDescription, found: &mut Vec<String>) {
    let is_required = matches!(theirs.kind, ParameterKind::Argument { required: true });
    if ours.optional && is_required && theirs.options.default.is_none() {
        found.push(format!("may leave out `{}`, which the function requires", ours.name));
    }
    let (mut our_type, mut their_type) = (plain(ours.written), plain(theirs.options.type_name));
    if ours.optional {
        our_type = argument_of("Option", &our_type).unwrap_or(our_type);
        their_type = argument_of("Option", &their_type).unwrap_or(their_type);
    } else if !is_required {
        their_type = argument_of("Option", &their_type).unwrap_or(their_type);
    }
    if our_type != their_type {
        let (ours_written, theirs_written) = (ours.written, theirs.options.type_name);
        found.push(format!("passes `{}` as `{ours_written}`, the function takes `{theirs_written}`", ours.name));
    }
}

/// What comes back for a call, as it is written.
struct Answers {
    progress: Option<String>,
    result: String,
}

impl Answers {
    fn of_stub(method: &StubMethod) -> Answers {
        let closure = method.parameters.iter().find(|parameter| parameter.progress);
        let progress =
            closure.map(|it| between(&plain(it.written), "FnMut(", ')').unwrap_or_else(|| it.written.to_owned()));
        let result = success(&plain(method.output));
        match arguments_of("RunningCall", &result).as_deref() {
            Some([progress, result]) => Answers { progress: Some(progress.clone()), result: value(result) },
            _ => Answers { progress, result: value(&result) },
        }
    }

    fn of_function(route: &Route, described: &[ParameterDescription]) -> Answers {
        let written = described.iter().filter(|parameter| parameter.kind == ParameterKind::Injected);
        let progress = written.filter_map(|it| argument_of("Progress", &plain(it.options.type_name))).next();
        let result = success(&plain(route.output));
        let Some(items) = result.strip_prefix("impl ").and_then(|it| between(it, "Stream<Item=", '>')) else {
            return Answers { progress, result: value(&result) };
        };
        let items = success(&items);
        match arguments_of("Step", &items).as_deref() {
            Some([progress, result]) => Answers { progress: Some(progress.clone()), result: value(result) },
            _ => Answers { progress: Some(items), result: "()".to_owned() },
        }
    }
}

/// What a caller reads of a type.
fn value(written: &str) -> String {
    argument_of("Single", written).unwrap_or_else(|| written.to_owned())
}

/// The type of what is returned if all goes well.
fn success(written: &str) -> String {
    let name = written.split('<').next().unwrap_or_default();
    let first = name.ends_with("Result").then(|| arguments_of(name, written)?.into_iter().next()).flatten();
    match first {
        Some(first) => first,
        None if written.is_empty() => "()".to_owned(),
        None => written.to_owned(),
    }
}

/// A type as it is written, without what makes no difference on the wire: references, lifetimes, paths.
fn plain(written: &str) -> String {
    let mut plain = String::new();
    let mut characters = written.chars().peekable();
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    while let Some(character) = characters.next() {
        match character {
            '\'' => while characters.next_if(|next| is_name(*next)).is_some() {},
            ':' if characters.next_if_eq(&':').is_some() => {
                plain.truncate(plain.trim_end_matches(is_name).len());
                while characters.next_if(|next| next.is_whitespace()).is_some() {}
            }
            '&' => {}
            character if character.is_whitespace() => {}
            character if is_name(character) => {
                let mut word = String::from(character);
                while let Some(next) = characters.next_if(|next| is_name(*next)) {
                    word.push(next);
                }
                plain.push_str(if word == "str" { "String" } else { &word });
                if matches!(word.as_str(), "impl" | "dyn" | "mut") {
                    plain.push(' ');
                }
            }
            character => plain.push(character),
        }
    }
    match plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|item| !item.contains(';')) {
        Some(item) => format!("Vec<{item}>"),
        None => plain,
    }
}

/// The one generic argument of a type of this name.
fn argument_of(name: &str, written: &str) -> Option<String> {
    let mut arguments = arguments_of(name, written)?;
    let argument = arguments.pop()?;
    arguments.is_empty().then_some(argument)
}

/// The generic arguments of a type of this name.
fn arguments_of(name: &str, written: &str) -> Option<Vec<String>> {
    let inner = written.strip_prefix(name)?.strip_prefix('<')?.strip_suffix('>')?;
    let (mut arguments, mut depth) = (vec![String::new()], 0_usize);
    for character in inner.chars() {
        match character {
            '<' | '(' | '[' => depth = depth.saturating_add(1),
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match arguments.last_mut() {
            Some(argument) if character != ',' || depth > 0 => argument.push(character),
            _ => arguments.push(String::new()),
        }
    }
    Some(arguments.into_iter().filter(|argument| !argument.is_empty()).collect())
}

/// What stands between a beginning and the closing character that belongs to it.
fn between(written: &str, beginning: &str, end: char) -> Option<String> {
    let rest = written.split_once(beginning)?.1;
    let mut depth = 0_usize;
    let length = rest.find(|character| {
        let is_end = depth == 0 && character == end;
        match character {
            '<' | '(' | '[' => depth = depth.saturating_add(1),
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_end
    })?;
    rest.get(..length).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_compared_without_what_makes_no_difference() {
        for (written, expected) in [
            ("&str", "String"),
            ("& 'a str", "String"),
            ("Option<&'static crate::model::Doc>", "Option<Doc>"),
            ("::std::vec::Vec < u8 >", "Vec<u8>"),
            ("&[u8]", "Vec<u8>"),
            ("[u8; 4]", "[u8;4]"),
            ("HashMap<String, (a::B, [i64])>", "HashMap<String,(B,[i64])>"),
            ("impl FnMut(u32) + Send + 'static", "impl FnMut(u32)+Send+"),
        ] {
            assert_eq!(plain(written), expected, "{written}");
        }
    }

    #[test]
    fn results_are_taken_apart() {
        for (written, expected) in [
            ("", "()"),
            ("Doc", "Doc"),
            ("Result<(), E>", "()"),
            ("std::io::Result<Vec<Doc>>", "Vec<Doc>"),
            ("Result<HashMap<String, Doc>, E<A, B>>", "HashMap<String,Doc>"),
            ("RpcResult", "RpcResult"),
        ] {
            assert_eq!(success(&plain(written)), expected, "{written}");
        }
        let stream = plain("impl Stream<Item = Result<Step<u32, Doc>, Error>> + Send");
        assert_eq!(between(&stream, "Stream<Item=", '>').as_deref(), Some("Result<Step<u32,Doc>,Error>"));
    }
}
