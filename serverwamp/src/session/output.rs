//! Messages that wait to be sent.

/// Octets that are kept allocated for a session that has nothing to say.
const KEPT: usize = 1024;
/// Messages for which the same is done.
const KEPT_MESSAGES: usize = 32;

/// Encoded messages, one after the other in one buffer.
#[derive(Debug, Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    ends: Vec<usize>,
}

impl Output {
    /// Appends the message that `write` writes; what it wrote before it failed is dropped.
    pub(super) fn write<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let start = self.buffer.len();
        match write(&mut self.buffer) {
            Ok(()) => {
                self.ends.push(self.buffer.len());
                Ok(())
            }
            Err(error) => {
                self.buffer.truncate(start);
                Err(error)
            }
        }
    }

    /// Octets of all messages.
    pub(super) fn size(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the last message back if it has more than so many octets.
    pub(super) fn take_back_above(&mut self, most: usize) -> bool {
        let mut ends = self.ends.iter().rev();
        let end = ends.next().copied().unwrap_or_default();
        let start = ends.next().copied().unwrap_or_default();
        let is_above = end.saturating_sub(start) > most;
        if is_above {
            self.ends.pop();
            self.buffer.truncate(start);
        }
        is_above
    }

    /// Hands out all messages in order.
    pub(super) fn drain(&mut self, mut send: impl FnMut(&[u8])) {
        let mut start = 0;
        for end in self.ends.drain(..) {
            send(self.buffer.get(start..end).unwrap_or_default());
            start = end;
        }
        self.buffer.clear();
    }

    /// Gives back memory that is seldom needed.
    pub(super) fn rest(&mut self) {
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        if self.ends.capacity() > KEPT_MESSAGES {
            self.ends = Vec::new();
        }
    }
}
