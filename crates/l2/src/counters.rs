use std::ops::AddAssign;

/// What one responder has done since it was made. Only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests for an address held here, in a frame meant for us.
    pub requests: u64,
    /// Replies made to them.
    pub replies: u64,
    /// Announcements made, refreshes included.
    pub announcements: u64,
    /// Frames in which another station claimed an address held here.
    pub foreign_claims: u64,
    /// Frames that changed nothing, by reason.
    pub ignored: Ignored,
}

/// Frames that changed nothing, by the first reason that applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Not ARP for IPv4 over Ethernet, or not a possible one.
    pub malformed: u64,
    /// Our own hardware address as the sender: a loop, or our own frame handed back.
    pub own: u64,
    /// Neither broadcast nor to our hardware address.
    pub elsewhere: u64,
    /// Replies and announcements of others: they ask nothing.
    pub unasked: u64,
    /// Requests for an address that is not held here. The kernel's filter keeps these away, so a number that grows says
    /// that the filter is wider than the addresses.
    pub not_held: u64,
    /// Requests that were not answered because of the rate limits.
    pub limited: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        let Self {
            requests,
            replies,
            announcements,
            foreign_claims,
            ignored,
        } = other;
        self.requests += requests;
        self.replies += replies;
        self.announcements += announcements;
        self.foreign_claims += foreign_claims;
        let Ignored {
            malformed,
            own,
            elsewhere,
            unasked,
            not_held,
            limited,
        } = ignored;
        self.ignored.malformed += malformed;
        self.ignored.own += own;
        self.ignored.elsewhere += elsewhere;
        self.ignored.unasked += unasked;
        self.ignored.not_held += not_held;
        self.ignored.limited += limited;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_two_counts_adds_every_field() {
        let ignored = Ignored {
            malformed: 1,
            own: 2,
            elsewhere: 3,
            unasked: 4,
            not_held: 5,
            limited: 6,
        };
        let one = Counters {
            requests: 7,
            replies: 8,
            announcements: 9,
            foreign_claims: 10,
            ignored,
        };
        let mut sum = one;
        sum += one;
        let ignored = Ignored {
            malformed: 2,
            own: 4,
            elsewhere: 6,
            unasked: 8,
            not_held: 10,
            limited: 12,
        };
        let twice = Counters {
            requests: 14,
            replies: 16,
            announcements: 18,
            foreign_claims: 20,
            ignored,
        };
        assert_eq!(sum, twice);
    }
}
