//! Names as they go over the wire: cases, URIs, and near misses of known names.

use crate::model::MatchPolicy;

/// The most bytes a URI may have.
const MAX_URI_LENGTH: usize = 255;

/// A case that names are converted to, with serde's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenameRule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl RenameRule {
    /// Every rule by the name it has in an attribute.
    pub(crate) const ALL: [(&str, Self); 8] = [
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    /// Converts the name of a function or parameter, as serde converts the name of a field.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(capitalized).collect(),
            Self::Camel => {
                let mut words = name.split('_').filter(|word| !word.is_empty());
                let first = words.next().unwrap_or_default().to_owned();
                words.map(capitalized).fold(first, |camel, word| camel + &word)
            }
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

/// Converts the name of a type or variant: `NotFound` to `not_found`, `HTTPError` to `http_error`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut characters = name.chars().peekable();
    let mut previous = '_';
    while let Some(character) = characters.next() {
        let starts_word = !previous.is_uppercase() || characters.peek().is_some_and(|next| next.is_lowercase());
        if character.is_uppercase() && previous != '_' && starts_word {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
        previous = character;
    }
    snake
}

/// Says what is wrong with a URI in which no parameters are named, if anything is.
pub(crate) fn uri_problem(uri: &str, policy: MatchPolicy) -> Option<String> {
    let named = policy != MatchPolicy::Regex && uri.contains(['{', '}']);
    loose_uri_problem(uri, policy)
        .or_else(|| named.then(|| format!("`{{` and `}}` are for components that parameters take, found {uri:?}")))
}

/// Says what is wrong with a URI by the loose rule of the protocol, if anything is.
pub(crate) fn loose_uri_problem(uri: &str, policy: MatchPolicy) -> Option<String> {
    if policy == MatchPolicy::Regex {
        return None;
    }
    if uri.len() > MAX_URI_LENGTH {
        return Some(format!("a URI has at most {MAX_URI_LENGTH} bytes, this one has {}", uri.len()));
    }
    if uri.chars().any(char::is_whitespace) {
        return Some(format!("a URI has no whitespace, found {uri:?}"));
    }
    if uri.contains('#') {
        return Some(format!("a URI has no `#`, found {uri:?}"));
    }
    let last_may_be_empty = match policy {
        MatchPolicy::Exact => false,
        MatchPolicy::Prefix => true,
        MatchPolicy::Wildcard | MatchPolicy::Regex => return None,
    };
    let mut components = uri.split('.').rev();
    let last_is_empty = components.next() == Some("");
    if (last_is_empty && !last_may_be_empty) || components.any(str::is_empty) {
        return Some(match (uri, policy) {
            ("", _) => "a URI is not empty".to_owned(),
            (_, MatchPolicy::Prefix) => {
                format!("only the last component of a prefix may be empty, found {uri:?}")
            }
            _ => format!("a URI has no empty component, except with `match = \"wildcard\"`, found {uri:?}"),
        });
    }
    None
}

/// Says that the protocol keeps the URI for itself, if it does.
pub(crate) fn reserved_uri_problem(uri: &str, policy: MatchPolicy) -> Option<String> {
    let reserved = policy != MatchPolicy::Regex && uri.split('.').next() == Some("wamp");
    reserved.then(|| format!("URIs whose first component is `wamp` are reserved by the protocol, found {uri:?}"))
}

/// The known name that was most likely meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let simplified = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let limit = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&simplified(name), &simplified(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The edits between two words, where swapping two neighbours is one edit.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before_previous: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    let mut last_left = None;
    for (row, left) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        let mut last_right = None;
        for (column, &right) in right.iter().enumerate() {
            let cost = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX - 1);
            let mut edits = (cost(&previous, column) + usize::from(left != right))
                .min(cost(&previous, column + 1) + 1)
                .min(cost(&current, column) + 1);
            if last_left == Some(right) && last_right == Some(left) {
                edits = edits.min(cost(&before_previous, column - 1) + 1);
            }
            current.push(edits);
            last_right = Some(right);
        }
        before_previous = std::mem::replace(&mut previous, current);
        last_left = Some(left);
    }
    previous.last().copied().unwrap_or_default()
}
