//! What is done to connections.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;

/// What is done to one direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toxic {
    /// Everything comes later, by a time between these.
    Latency(Duration, Duration),
    /// Everything comes in pieces of at most so many octets.
    Slices(usize),
    /// So many octets come in a second.
    Bandwidth(usize),
    /// After so many octets nothing comes any more, and nobody is told.
    Blackhole(usize),
    /// After so many octets the connection is reset, in both directions.
    Reset(usize),
    /// After so many octets this direction ends, and the other goes on.
    End(usize),
    /// One bit of about so many octets is another.
    Corruption(usize),
}

impl Toxic {
    pub(super) fn name(self) -> &'static str {
        match self {
            Toxic::Latency(..) => "latency",
            Toxic::Slices(_) => "slices",
            Toxic::Bandwidth(_) => "bandwidth",
            Toxic::Blackhole(_) => "blackhole",
            Toxic::Reset(_) => "reset",
            Toxic::End(_) => "end",
            Toxic::Corruption(_) => "corruption",
        }
    }
}

/// What is done to a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Line {
    pub to_server: Vec<Toxic>,
    pub to_client: Vec<Toxic>,
}

/// A kind of fault, from which the toxics of a line are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Fault {
    Latency,
    Slicing,
    Slowness,
    Blackhole,
    Reset,
    End,
    /// Of what clients send only.
    CorruptionToServer,
    /// Of what comes to clients only.
    CorruptionToClient,
    /// Several of the first six on one line, or none.
    Mixture,
}

impl Fault {
    /// Those that change nothing that comes.
    pub const HONEST: [Fault; 7] =
        [Fault::Latency, Fault::Slicing, Fault::Slowness, Fault::Blackhole, Fault::Reset, Fault::End, Fault::Mixture];

    /// Draws what is done to a line.
    pub fn line(self, random: &mut SmallRng) -> Line {
        let mut line = Line::default();
        match self {
            Fault::Mixture => {
                for direction in [&mut line.to_server, &mut line.to_client] {
                    for fault in &Fault::HONEST[..6] {
                        if random.random_ratio(1, 3) {
                            direction.push(fault.toxic(random));
                        }
                    }
                }
            }
            Fault::CorruptionToServer => line.to_server.push(self.toxic(random)),
            Fault::CorruptionToClient => line.to_client.push(self.toxic(random)),
            _ => {
                // Each way alone, or both.
                let ways = random.random_range(1..4);
                if ways & 1 != 0 {
                    line.to_server.push(self.toxic(random));
                }
                if ways & 2 != 0 {
                    line.to_client.push(self.toxic(random));
                }
            }
        }
        line
    }

    fn toxic(self, random: &mut SmallRng) -> Toxic {
        // A handshake has some 200 octets; some lines do not come as far.
        let some = |random: &mut SmallRng| 2_usize.pow(random.random_range(4..16)) + random.random_range(0..100);
        match self {
            Fault::Latency => {
                let least = random.random_range(0..10);
                let most = least + random.random_range(1..30);
                Toxic::Latency(Duration::from_millis(least), Duration::from_millis(most))
            }
            Fault::Slicing => Toxic::Slices([1, 1, 2, 3, 7, 100][random.random_range(0..6)]),
            Fault::Slowness => Toxic::Bandwidth(random.random_range(4..200) * 1024),
            Fault::Blackhole => Toxic::Blackhole(some(random)),
            Fault::Reset => Toxic::Reset(some(random)),
            Fault::End => Toxic::End(some(random)),
            Fault::CorruptionToServer | Fault::CorruptionToClient => Toxic::Corruption(some(random)),
            Fault::Mixture => Toxic::Slices(1),
        }
    }
}
