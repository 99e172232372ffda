use std::sync::Arc;

use bgp::Learned;
use bgp::wire::NextHop;

use super::*;
use crate::bgp::accepted::Offer;

const SECOND: Duration = Duration::from_secs(1);

/// A node whose kernel takes what it is not told to refuse.
struct Node {
    plan: Plan,
    now: Instant,
    kernel: Listing,
    refuses: Option<Reason>,
    offers: Offers,
    expected: Expected,
}

impl Node {
    /// One where the last process left these.
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn new(left: &[&str]) -> Self {
        let now = Instant::now();
        let ours: Routes<BTreeSet<Hop>> = left.iter().map(|prefix| (net(prefix), hops(9))).collect();
        Self {
            plan: Plan::new(now, ours.keys().copied().collect()),
            now,
            kernel: Listing {
                ours,
                ..Listing::default()
            },
            refuses: None,
            offers: Offers::new(),
            expected: Expected {
                peers: [tor()].into(),
                complete: true,
            },
        }
    }

    /// The one router offers these, all over one next hop.
    fn offers(&mut self, host: u8, prefixes: &[&str], complete: bool) {
        let learned = Learned {
            next_hop: NextHop::V4([192, 0, 2, host].into()),
            local_pref: None,
            path_length: 1,
            origin: 0,
            internal: false,
        };
        let routes = prefixes.iter().map(|prefix| (net(prefix), learned)).collect();
        let offer = Offer {
            routes: Arc::new(routes),
            complete,
            ..Offer::default()
        };
        self.offers.insert(tor(), offer);
        self.runs();
    }

    /// Tells the plan, and does what is due.
    fn runs(&mut self) -> usize {
        self.plan.handle_offers(self.now, &self.offers, &self.expected);
        let mut rounds = 0;
        while self.plan.poll_timeout().is_some_and(|due| due <= self.now) {
            self.round();
            rounds += 1;
            assert!(rounds < 10, "time stands still");
        }
        rounds
    }

    fn round(&mut self) {
        let mut refused = Routes::new();
        for change in self.plan.changes(self.now, &self.kernel) {
            match (change, &self.refuses) {
                (
                    Change::Add(prefix, _) | Change::Replace(prefix, _) | Change::Delete(prefix),
                    Some(reason),
                ) => {
                    refused.insert(prefix, reason.clone());
                }
                (Change::Add(prefix, hops), None) => {
                    assert!(
                        self.kernel.ours.insert(prefix, hops).is_none(),
                        "{prefix} is there"
                    );
                }
                (Change::Replace(prefix, hops), None) => {
                    assert!(
                        self.kernel.ours.insert(prefix, hops).is_some(),
                        "{prefix} is not there"
                    );
                }
                (Change::Delete(prefix), None) => {
                    assert!(
                        self.kernel.ours.remove(&prefix).is_some(),
                        "{prefix} is not there"
                    );
                }
            }
        }
        self.plan.handle_outcome(self.now, refused);
    }

    /// Lets time pass; says how often the kernel was looked at.
    fn passes(&mut self, time: Duration) -> usize {
        let end = self.now + time;
        let mut rounds = 0;
        while let Some(due) = self.plan.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            rounds += self.runs();
        }
        self.now = end;
        rounds
    }

    fn has(&self) -> Vec<String> {
        self.kernel.ours.keys().map(ToString::to_string).collect()
    }
}

fn tor() -> PeerName {
    PeerName("tor".into())
}

fn net(prefix: &str) -> IpNet {
    prefix.parse().unwrap()
}

fn hops(host: u8) -> BTreeSet<Hop> {
    let gateway = std::net::Ipv4Addr::new(192, 0, 2, host).into();
    [Hop {
        gateway,
        interface: None,
    }]
    .into()
}

/// P-BGP-51
#[test]
fn what_is_offered_is_written_and_what_is_no_more_is_deleted() {
    let mut node = Node::new(&[]);
    node.offers(1, &["0.0.0.0/0", "10.0.0.0/8"], true);
    assert_eq!(node.has(), ["0.0.0.0/0", "10.0.0.0/8"]);
    node.offers(2, &["10.0.0.0/8"], true);
    assert_eq!(node.has(), ["10.0.0.0/8"]);
    assert_eq!(node.kernel.ours[&net("10.0.0.0/8")], hops(2), "the new way");
    node.offers.clear();
    node.runs();
    assert_eq!(node.has(), [""; 0]);
    assert_eq!(node.plan.poll_timeout(), None, "and then all is quiet");
}

#[test]
fn without_offers_and_without_an_inheritance_nothing_is_ever_looked_at() {
    let mut node = Node::new(&[]);
    node.expected.peers.clear();
    node.runs();
    node.plan.handle_links(node.now);
    assert_eq!((node.plan.poll_timeout(), node.passes(SECOND * 1000)), (None, 0));
}

#[test]
fn what_the_last_process_left_stays_until_every_peer_has_said_everything() {
    let mut node = Node::new(&["0.0.0.0/0", "10.0.0.0/8"]);
    node.runs();
    assert_eq!(node.has().len(), 2, "nobody has said anything");
    node.offers(1, &["0.0.0.0/0"], false);
    assert_eq!(node.has().len(), 2);
    assert_eq!(
        node.kernel.ours[&net("0.0.0.0/0")],
        hops(1),
        "what is announced is as it is announced"
    );
    node.passes(SECOND * 60);
    assert_eq!(node.has().len(), 2);
    node.offers(1, &["0.0.0.0/0"], true);
    assert_eq!(node.has(), ["0.0.0.0/0"]);
}

#[test]
fn what_the_last_process_left_goes_after_two_minutes_whoever_is_silent() {
    let mut node = Node::new(&["0.0.0.0/0", "10.0.0.0/8"]);
    node.offers(1, &["0.0.0.0/0"], false);
    node.passes(INHERITED - SECOND);
    assert_eq!(node.has().len(), 2);
    node.passes(SECOND * 2);
    assert_eq!(node.has(), ["0.0.0.0/0"]);
}

#[test]
fn what_the_last_process_left_waits_for_the_api_and_goes_at_once_where_nobody_is_accepted_from() {
    let mut node = Node::new(&["0.0.0.0/0"]);
    node.expected = Expected::default();
    node.runs();
    assert_eq!(node.has().len(), 1, "peers may yet come");
    node.expected.complete = true;
    node.runs();
    assert_eq!(node.has(), [""; 0]);
    assert_eq!(node.plan.poll_timeout(), None);
}

#[test]
fn what_was_announced_once_is_not_kept_as_an_inheritance() {
    let mut node = Node::new(&["0.0.0.0/0"]);
    node.offers(1, &["0.0.0.0/0"], false);
    node.offers(1, &[], false);
    assert_eq!(node.has(), [""; 0]);
}

#[test]
fn what_is_refused_is_tried_again_ever_less_often_and_told_with_the_session() {
    let mut node = Node::new(&[]);
    node.refuses = Some(Reason::NotPermitted);
    node.offers(1, &["0.0.0.0/0", "10.0.0.0/8"], true);
    let (refusal, count) = node.plan.refusals().remove(&tor()).unwrap();
    assert_eq!(
        (refusal.to_string().as_str(), count),
        (
            "the speaker may not write routes: set speaker.acceptRoutes=true in the chart",
            2
        )
    );
    // After 1, 2, 4, 8, 16, 32, and from then on 60 seconds.
    assert_eq!(node.passes(SECOND * 63), 6);
    assert_eq!(node.passes(SECOND * 600), 10);
    node.refuses = None;
    node.plan.handle_links(node.now);
    node.runs();
    assert_eq!((node.has().len(), node.plan.refusals().len()), (2, 0));
}

#[test]
fn a_route_that_nobody_announces_and_cannot_be_deleted_is_tried_again_and_told() {
    let mut node = Node::new(&[]);
    node.offers(1, &["0.0.0.0/0"], true);
    node.refuses = Some(Reason::NotPermitted);
    node.offers(1, &[], true);
    assert_eq!(node.plan.stuck().unwrap().prefix, net("0.0.0.0/0"));
    assert!(node.plan.refusals().is_empty(), "it is no session's");
    node.refuses = None;
    node.passes(SECOND);
    assert_eq!((node.has().len(), node.plan.stuck()), (0, None));
}

#[test]
fn a_route_of_others_is_never_written_over() {
    let mut node = Node::new(&[]);
    node.kernel.others.insert(net("0.0.0.0/0"));
    node.offers(1, &["0.0.0.0/0", "10.0.0.0/8"], true);
    assert_eq!(node.has(), ["10.0.0.0/8"]);
    let (refusal, _) = node.plan.refusals().remove(&tor()).unwrap();
    assert_eq!(
        (refusal.prefix, refusal.reason),
        (net("0.0.0.0/0"), Reason::Taken)
    );
    node.kernel.others.clear();
    node.passes(SECOND);
    assert_eq!(node.has().len(), 2, "once it is gone");
}

#[test]
fn a_route_that_went_with_its_interface_is_written_again() {
    let mut node = Node::new(&[]);
    node.offers(1, &["0.0.0.0/0"], true);
    node.kernel.ours.clear();
    node.plan.handle_links(node.now);
    node.runs();
    assert_eq!(node.has().len(), 1);
    node.kernel.ours.clear();
    node.passes(LONGEST);
    assert_eq!(node.has().len(), 1, "also where nobody told");
}

#[test]
fn a_kernel_that_does_not_answer_is_asked_again() {
    let mut node = Node::new(&[]);
    node.plan.handle_offers(node.now, &Offers::new(), &node.expected);
    node.refuses = Some(Reason::Kernel("no".into()));
    node.offers(1, &["0.0.0.0/0"], true);
    node.plan.handle_failure(node.now, &Reason::Kernel("no".into()));
    assert_eq!(node.plan.refusals().len(), 1);
    node.refuses = None;
    node.passes(SECOND * 4);
    assert_eq!(node.has().len(), 1);
}

/// What is on a link stays there, also where an older speaker led it elsewhere.
#[test]
fn a_subnet_of_the_node_is_not_taken_and_a_part_of_one_is_refused_in_words() {
    let mut node = Node::new(&["192.0.2.0/24"]);
    let eth0 = crate::kernel::links::Link {
        subnets: [net("192.0.2.10/24")].into(),
        ..crate::kernel::links::Link::new(2, "eth0")
    };
    node.kernel.own = Own::of(&[("eth0".to_owned(), eth0)].into());
    node.offers(
        1,
        &["192.0.2.0/24", "192.0.2.0/25", "192.0.2.1/32", "198.51.100.0/24"],
        true,
    );
    assert_eq!(
        node.kernel.ours.keys().copied().collect::<Vec<_>>(),
        [net("198.51.100.0/24")]
    );
    let (refusal, count) = node.plan.refusals().remove(&tor()).unwrap();
    assert_eq!(
        (refusal.prefix, refusal.reason, count),
        (net("192.0.2.0/25"), Reason::OwnLink, 2)
    );
}
