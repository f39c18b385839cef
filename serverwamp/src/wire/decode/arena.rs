use std::sync::OnceLock;

/// Keeps what borrowed parameters refer to but the input does not hold as such: unescaped strings, decoded binary.
///
/// It costs nothing until something is kept.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    texts: OnceLock<Box<boxcar::Vec<Box<str>>>>,
    bytes: OnceLock<Box<boxcar::Vec<Box<[u8]>>>>,
}

impl Arena {
    pub(super) fn keep_text(&self, text: String) -> &str {
        let texts = self.texts.get_or_init(Box::default);
        let index = texts.push(text.into());
        texts.get(index).map(|text| &**text).unwrap_or_default()
    }

    pub(crate) fn keep_bytes(&self, bytes: Vec<u8>) -> &[u8] {
        let kept = self.bytes.get_or_init(Box::default);
        let index = kept.push(bytes.into());
        kept.get(index).map(|bytes| &**bytes).unwrap_or_default()
    }
}
