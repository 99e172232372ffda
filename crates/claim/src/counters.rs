use std::ops::AddAssign;

/// What one segment's machine has done since it was made. Only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams given out to be sent.
    pub sent: u64,
    /// Datagrams that came in and were taken.
    pub received: u64,
    /// Datagrams that came in and were not, by reason.
    pub refused: Refused,
    /// Units taken over, for whatever reason.
    pub taken: u64,
    /// Units given up to a higher claim.
    pub yielded: u64,
    /// Times that this node noticed that it had not run, and listened again.
    pub fenced: u64,
}

/// Datagrams that were not taken, by the first reason that applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Another version of the protocol.
    pub version: u64,
    /// Sealed under a key that is not known here.
    pub unknown_key: u64,
    /// The seal does not fit: forged, or damaged on the way.
    pub forged: u64,
    /// Opened, and not what it should be. Or too short to be anything.
    pub malformed: u64,
    /// Our own datagram, handed back by the network. No harm.
    pub own: u64,
    /// From another speaker that bears our node's name.
    pub own_name: u64,
    /// Heard before: a replay, or the copy that went by the other address family. No harm by itself.
    pub replayed: u64,
    /// From a life that has yet to prove that it is not a replay.
    pub unproven: u64,
    /// From a second speaker with the name of one that is alive.
    pub duplicate_node: u64,
    /// From lives that are not known, and more of them than are looked at: a flood.
    pub limited: u64,
    /// More nodes than a segment may have.
    pub crowded: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        let Self {
            sent,
            received,
            refused,
            taken,
            yielded,
            fenced,
        } = other;
        self.sent += sent;
        self.received += received;
        self.refused += refused;
        self.taken += taken;
        self.yielded += yielded;
        self.fenced += fenced;
    }
}

impl AddAssign for Refused {
    fn add_assign(&mut self, other: Self) {
        let Self {
            version,
            unknown_key,
            forged,
            malformed,
            own,
            own_name,
            replayed,
            unproven,
            duplicate_node,
            limited,
            crowded,
        } = other;
        self.version += version;
        self.unknown_key += unknown_key;
        self.forged += forged;
        self.malformed += malformed;
        self.own += own;
        self.own_name += own_name;
        self.replayed += replayed;
        self.unproven += unproven;
        self.duplicate_node += duplicate_node;
        self.limited += limited;
        self.crowded += crowded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_two_counts_adds_every_field() {
        let counters = |times: u64| Counters {
            sent: times,
            received: 2 * times,
            refused: Refused {
                version: 3 * times,
                unknown_key: 4 * times,
                forged: 5 * times,
                malformed: 6 * times,
                own: 7 * times,
                own_name: 8 * times,
                replayed: 9 * times,
                unproven: 10 * times,
                duplicate_node: 11 * times,
                crowded: 12 * times,
                limited: 16 * times,
            },
            taken: 13 * times,
            yielded: 14 * times,
            fenced: 15 * times,
        };
        let mut sum = counters(1);
        sum += counters(2);
        assert_eq!(sum, counters(3));
    }
}
