//! Which speakers are alive, told from the Leases that they renew: the interim measure of liveness, until the segment
//! itself decides.
//!
//! The machine has no clock but one: the moments at which it sees *its own* renewals come back through the watch. While
//! they come, the API server and the watch are known to work, so a Lease that stands still means a speaker that is gone.
//! While they do not come, time stands still and nobody dies: an outage of the API moves nothing (S5). After an outage
//! everybody has the full time again to be heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use model::NodeName;

/// How often a speaker renews its Lease.
pub const RENEW_INTERVAL: Duration = Duration::from_secs(1);

/// How long a speaker may be silent before it counts as gone: the third renewal of ours without one of its own.
const SILENCE: Duration = Duration::from_millis(2500);

/// The most that counts of the time between two renewals of our own. More than one interval is a hiccup, during which
/// others cannot be heard either; under load every interval is one, and a speaker that is gone must still be found out.
const COUNTED: Duration = Duration::from_millis(1250);

/// Two renewals of our own that are further apart than this had an outage between them.
const OUTAGE: Duration = Duration::from_millis(2500);

/// The speakers, as one of them sees them.
#[derive(Debug)]
pub struct Membership {
    me: NodeName,
    members: BTreeMap<NodeName, Member>,
    alive: BTreeSet<NodeName>,
    /// When our own latest renewal was seen.
    own: Option<Instant>,
}

#[derive(Debug)]
struct Member {
    /// What the Lease said when it was last seen to change.
    renewal: String,
    /// How long ago that was, in time that counts.
    silent: Duration,
}

impl Membership {
    /// Before the first look at any Lease: nobody is alive, we included.
    pub fn new(me: NodeName) -> Self {
        Self {
            me,
            members: BTreeMap::new(),
            alive: BTreeSet::new(),
            own: None,
        }
    }

    /// The Lease of `node` says `renewal`, which differs from every earlier renewal of it.
    pub fn handle_renewal(&mut self, now: Instant, node: &NodeName, renewal: &str) {
        if self
            .members
            .get(node)
            .is_some_and(|member| member.renewal == renewal)
        {
            return;
        }
        if *node == self.me {
            self.pass_time(now);
        }
        self.members.insert(
            node.clone(),
            Member {
                renewal: renewal.to_owned(),
                silent: Duration::ZERO,
            },
        );
        if *node == self.me {
            self.judge();
        } else if self.is_fresh(now) {
            self.alive.insert(node.clone());
        }
    }

    /// The Lease of `node` is gone: its speaker has taken leave, or will not come back.
    pub fn handle_leave(&mut self, node: &NodeName) {
        self.members.remove(node);
        self.alive.remove(node);
    }

    /// The speakers that are alive.
    pub fn alive(&self) -> &BTreeSet<NodeName> {
        &self.alive
    }

    /// The nodes that have a Lease.
    pub fn known(&self) -> impl Iterator<Item = &NodeName> {
        self.members.keys()
    }

    /// Whether our own renewals come through, so that others see us as alive too.
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.own
            .is_some_and(|own| now.saturating_duration_since(own) <= SILENCE)
    }

    fn pass_time(&mut self, now: Instant) {
        let passed = self
            .own
            .map_or(Duration::MAX, |own| now.saturating_duration_since(own));
        self.own = Some(now);
        for member in self.members.values_mut() {
            member.silent = if passed > OUTAGE {
                Duration::ZERO
            } else {
                member.silent + passed.min(COUNTED)
            };
        }
    }

    fn judge(&mut self) {
        let heard = self.members.iter().filter(|(_, member)| member.silent <= SILENCE);
        self.alive = heard.map(|(node, _)| node.clone()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renews the Leases of some nodes once a second, for some seconds.
    struct Bench {
        membership: Membership,
        now: Instant,
        count: u32,
    }

    impl Bench {
        #[allow(
            clippy::disallowed_methods,
            reason = "the virtual clock of a test starts anywhere"
        )]
        fn new() -> Self {
            Self {
                membership: Membership::new(NodeName("me".into())),
                now: Instant::now(),
                count: 0,
            }
        }

        fn renew(&mut self, seconds: u32, nodes: &[&str]) {
            self.renew_every(RENEW_INTERVAL, seconds, nodes);
        }

        fn renew_every(&mut self, interval: Duration, times: u32, nodes: &[&str]) {
            for _ in 0..times {
                self.now += interval;
                self.count += 1;
                for node in nodes {
                    self.membership.handle_renewal(
                        self.now,
                        &NodeName((*node).into()),
                        &self.count.to_string(),
                    );
                }
            }
        }

        fn alive(&self) -> Vec<&str> {
            self.membership
                .alive()
                .iter()
                .map(|node| node.0.as_str())
                .collect()
        }
    }

    #[test]
    fn before_its_own_lease_is_seen_nobody_is_alive() {
        let mut bench = Bench::new();
        bench.renew(3, &["a", "b"]);
        assert_eq!(bench.alive(), [""; 0]);
        bench.renew(1, &["me"]);
        assert_eq!(bench.alive(), ["a", "b", "me"]);
    }

    #[test]
    fn a_speaker_that_is_silent_while_our_renewals_come_is_gone_and_may_return() {
        let mut bench = Bench::new();
        bench.renew(5, &["me", "a", "b"]);
        bench.renew(2, &["me", "a"]);
        assert_eq!(bench.alive(), ["a", "b", "me"]);
        bench.renew(1, &["me", "a"]);
        assert_eq!(bench.alive(), ["a", "me"]);
        bench.renew(1, &["me", "a", "b"]);
        assert_eq!(bench.alive(), ["a", "b", "me"]);
    }

    /// S5
    #[test]
    fn an_outage_of_the_api_moves_nothing_however_long_and_in_whatever_order_speakers_return() {
        let mut bench = Bench::new();
        bench.renew(5, &["me", "a", "b"]);
        bench.now += Duration::from_secs(3600);
        assert_eq!(bench.alive(), ["a", "b", "me"]);
        assert!(!bench.membership.is_fresh(bench.now));
        bench.renew(3, &["me"]);
        assert_eq!(bench.alive(), ["a", "b", "me"]);
        bench.renew(1, &["me", "a"]);
        assert_eq!(bench.alive(), ["a", "me"]);
    }

    #[test]
    fn an_outage_of_any_length_leaves_the_others_time_to_return() {
        for milliseconds in (0..6000).step_by(50) {
            let mut bench = Bench::new();
            bench.renew(5, &["me", "a"]);
            bench.now += Duration::from_millis(milliseconds);
            bench.renew(1, &["me"]);
            assert_eq!(bench.alive(), ["a", "me"], "after {milliseconds} ms");
        }
    }

    #[test]
    fn a_speaker_that_is_gone_is_found_out_under_load_too() {
        let mut bench = Bench::new();
        let slow = Duration::from_millis(2300);
        bench.renew_every(slow, 5, &["me", "a"]);
        bench.renew_every(slow, 3, &["me"]);
        assert_eq!(bench.alive(), ["me"]);
    }

    #[test]
    fn a_lease_that_is_listed_again_unchanged_is_no_renewal() {
        let mut bench = Bench::new();
        bench.renew(5, &["me", "a"]);
        let last = bench.count.to_string();
        for _ in 0..4 {
            bench.renew(1, &["me"]);
            bench
                .membership
                .handle_renewal(bench.now, &NodeName("a".into()), &last);
        }
        assert_eq!(bench.alive(), ["me"]);
    }

    #[test]
    fn one_that_takes_leave_is_gone_at_once() {
        let mut bench = Bench::new();
        bench.renew(5, &["me", "a"]);
        bench.membership.handle_leave(&NodeName("a".into()));
        assert_eq!(bench.alive(), ["me"]);
    }
}
