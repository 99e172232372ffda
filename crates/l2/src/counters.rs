use std::ops::AddAssign;

/// What one responder has done since it was made. Only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests for an address held here, in a frame meant for us: of ARP, and solicitations of neighbours.
    pub requests: u64,
    /// Replies made to them.
    pub replies: u64,
    /// Announcements made, refreshes included.
    pub announcements: u64,
    /// Announcements made against a stranger.
    pub defences: u64,
    /// Questions of our own: asked by the driver, or whether an address is somebody else's.
    pub questions: u64,
    /// Answers to what the driver asked.
    pub answers: u64,
    /// Frames in which another speaker of the cluster claimed an address held here.
    pub rivals: u64,
    /// Frames in which a station outside of the cluster did so.
    pub strangers: u64,
    /// Frames that changed nothing, by reason.
    pub ignored: Ignored,
}

/// Frames that changed nothing, by the first reason that applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Neither ARP for IPv4 nor a solicitation or advertisement for IPv6, or not a possible one.
    pub malformed: u64,
    /// Our own hardware address as the sender: a loop, or our own frame handed back. Of an address that is answered for
    /// in place of its holder: the holder's own frames, too; and those of the node's other interfaces.
    pub own: u64,
    /// Neither to everybody nor to our hardware address.
    pub elsewhere: u64,
    /// Replies and announcements of others: they ask nothing.
    pub unasked: u64,
    /// Requests for an address that is given up to a stranger.
    pub yielded: u64,
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
            defences,
            questions,
            answers,
            rivals,
            strangers,
            ignored,
        } = other;
        self.requests += requests;
        self.replies += replies;
        self.announcements += announcements;
        self.defences += defences;
        self.questions += questions;
        self.answers += answers;
        self.rivals += rivals;
        self.strangers += strangers;
        self.ignored += ignored;
    }
}

impl AddAssign for Ignored {
    fn add_assign(&mut self, other: Self) {
        let Self {
            malformed,
            own,
            elsewhere,
            unasked,
            yielded,
            not_held,
            limited,
        } = other;
        self.malformed += malformed;
        self.own += own;
        self.elsewhere += elsewhere;
        self.unasked += unasked;
        self.yielded += yielded;
        self.not_held += not_held;
        self.limited += limited;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_two_counts_adds_every_field() {
        let ignored = |times: u64| Ignored {
            malformed: times,
            own: 2 * times,
            elsewhere: 3 * times,
            unasked: 4 * times,
            yielded: 5 * times,
            not_held: 6 * times,
            limited: 7 * times,
        };
        let count = |times: u64| Counters {
            requests: 8 * times,
            replies: 9 * times,
            announcements: 10 * times,
            defences: 11 * times,
            questions: 12 * times,
            answers: 13 * times,
            rivals: 14 * times,
            strangers: 15 * times,
            ignored: ignored(times),
        };
        let mut sum = count(1);
        sum += count(1);
        assert_eq!(sum, count(2));
    }
}
