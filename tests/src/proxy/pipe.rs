//! One direction of a connection.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{Met, Toxic};

const CHUNK: usize = 16 * 1024;

/// The connection is to be reset.
pub(super) struct Broken;

pub(super) struct Pipe {
    toxics: Vec<Toxic>,
    random: SmallRng,
    calm: watch::Receiver<bool>,
    met: Met,
    /// Octets that were let through.
    passed: usize,
    /// Octets until the next bit is another.
    until_flip: Option<usize>,
}

/// What becomes of octets that have come.
enum Fate {
    Pass,
    Reset,
    Vanish,
    End,
}

impl Pipe {
    pub(super) fn new(toxics: Vec<Toxic>, random: SmallRng, calm: watch::Receiver<bool>, met: Met) -> Pipe {
        for toxic in &toxics {
            if matches!(toxic, Toxic::Latency(..) | Toxic::Slices(_) | Toxic::Bandwidth(_)) {
                met.note(toxic.name());
            }
        }
        Pipe { toxics, random, calm, met, passed: 0, until_flip: None }
    }

    pub(super) async fn run(mut self, mut from: ReadHalf<'_>, mut into: WriteHalf<'_>) -> Result<(), Broken> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = from.read(&mut buffer).await.map_err(|_| Broken)?;
            if read == 0 {
                let _ = into.shutdown().await;
                return Ok(());
            }
            let (length, fate) = self.fate(read);
            let chunk = &mut buffer[..length];
            self.corrupt(chunk);
            self.pass(chunk, &mut into).await.map_err(|_| Broken)?;
            match fate {
                Fate::Pass => {}
                Fate::Reset => return Err(Broken),
                Fate::Vanish => {
                    let _ = self.calm.wait_for(|calm| *calm).await;
                    return Err(Broken);
                }
                Fate::End => {
                    let _ = into.shutdown().await;
                    return Ok(());
                }
            }
        }
    }

    fn is_calm(&self) -> bool {
        *self.calm.borrow()
    }

    /// How many of so many octets pass, and what is done then.
    fn fate(&mut self, length: usize) -> (usize, Fate) {
        if self.is_calm() {
            return (length, Fate::Pass);
        }
        let ends = self.toxics.iter().filter_map(|toxic| match *toxic {
            Toxic::Blackhole(after) | Toxic::Reset(after) | Toxic::End(after) => Some((after, *toxic)),
            _ => None,
        });
        let first = ends.min_by_key(|(after, _)| *after);
        match first {
            Some((after, toxic)) if self.passed + length >= after => {
                self.met.note(toxic.name());
                let fate = match toxic {
                    Toxic::Blackhole(_) => Fate::Vanish,
                    Toxic::Reset(_) => Fate::Reset,
                    _ => Fate::End,
                };
                (after.saturating_sub(self.passed), fate)
            }
            _ => (length, Fate::Pass),
        }
    }

    fn corrupt(&mut self, chunk: &mut [u8]) {
        let rate = self.toxics.iter().find_map(|toxic| match toxic {
            Toxic::Corruption(rate) => Some(*rate),
            _ => None,
        });
        let Some(rate) = rate.filter(|_| !self.is_calm()) else { return };
        let mut at = 0;
        loop {
            let until = self.until_flip.unwrap_or_else(|| self.random.random_range(0..2 * rate));
            let Some(octet) = chunk.get_mut(at + until) else {
                self.until_flip = Some(at + until - chunk.len());
                return;
            };
            *octet ^= 1 << self.random.random_range(0..8);
            self.met.note("corruption");
            self.until_flip = None;
            at += until + 1;
            if at >= chunk.len() {
                return;
            }
        }
    }

    async fn pass(&mut self, chunk: &[u8], into: &mut WriteHalf<'_>) -> std::io::Result<()> {
        self.passed += chunk.len();
        let (mut size, mut rate) = (CHUNK, None);
        for toxic in self.toxics.clone() {
            match toxic {
                Toxic::Latency(least, most) => {
                    let late = self.random.random_range(least.as_micros()..=most.as_micros());
                    self.pause(Duration::from_micros(u64::try_from(late).unwrap_or_default())).await;
                }
                Toxic::Slices(most) => size = size.min(self.random.random_range(1..=most)),
                Toxic::Bandwidth(octets) => {
                    rate = Some(octets);
                    size = size.min(octets / 100 + 1);
                }
                _ => {}
            }
        }
        let mut rest = chunk;
        while !rest.is_empty() {
            let length = if self.is_calm() { rest.len() } else { size.min(rest.len()) };
            let (slice, behind) = rest.split_at(length);
            into.write_all(slice).await?;
            rest = behind;
            match rate {
                Some(rate) => self.pause(Duration::from_secs_f64(length as f64 / rate as f64)).await,
                None => tokio::task::yield_now().await,
            }
        }
        Ok(())
    }

    /// Waits, unless there is calm.
    async fn pause(&mut self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            _ = self.calm.wait_for(|calm| *calm) => {}
        }
    }
}
