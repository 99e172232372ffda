use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ADVERTISEMENT: Message = Message::Advertisement {
    lifetime: Duration::ZERO,
};

struct Bench {
    now: Instant,
    discovery: Discovery,
}

impl Bench {
    fn new() -> Self {
        let now = process::clock::now();
        let discovery = Discovery::new(now, 7);
        Self { now, discovery }
    }

    /// Lets time pass; what was said, and when.
    fn pass(&mut self, time: Duration) -> Vec<(Instant, Message)> {
        let until = self.now + time;
        let mut said = Vec::new();
        while let Some(due) = self.discovery.poll_timeout().filter(|due| *due <= until) {
            assert!(
                due >= self.now || said.is_empty(),
                "a timeout that makes no progress"
            );
            self.now = due.max(self.now);
            self.discovery.handle_timeout(self.now);
            while let Some(message) = self.discovery.poll_transmit() {
                said.push((self.now, message));
            }
        }
        self.now = until;
        said
    }

    fn hear(&mut self, last: u16, lifetime: Duration) {
        let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last);
        self.discovery
            .handle_input(self.now, Heard::Advertisement { source, lifetime });
    }

    /// The last part of the router's address.
    fn router(&self) -> Option<u16> {
        self.discovery.router().map(|address| address.segments()[7])
    }
}

fn gaps(said: &[(Instant, Message)], of: Message) -> Vec<Duration> {
    let times: Vec<Instant> = said
        .iter()
        .filter(|(_, message)| *message == of)
        .map(|(at, _)| *at)
        .collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn both_ends_speak_at_once_and_then_every_ten_seconds_or_so() {
    let mut bench = Bench::new();
    let said = bench.pass(200 * SECOND);
    assert_eq!([said[0].1, said[1].1], [ADVERTISEMENT, Message::Solicitation]);
    assert_eq!(said[0].0, said[1].0);
    let gaps = gaps(&said, ADVERTISEMENT);
    assert!(
        gaps.len() >= 20 && gaps.iter().all(|gap| (SECOND * 15 / 2..=ADVERTISE).contains(gap)),
        "{gaps:?}"
    );
}

#[test]
fn it_asks_every_four_seconds_until_somebody_is_there() {
    let mut bench = Bench::new();
    let said = bench.pass(40 * SECOND);
    assert!(
        gaps(&said, Message::Solicitation)
            .iter()
            .all(|gap| *gap == SOLICIT)
    );
    bench.hear(1, 1800 * SECOND);
    assert_eq!(bench.router(), Some(1));
    let said = bench.pass(100 * SECOND);
    assert!(said.iter().all(|(_, message)| *message == ADVERTISEMENT));
}

#[test]
fn a_question_is_answered_within_half_a_second_and_a_flood_of_them_every_three() {
    let mut bench = Bench::new();
    bench.pass(5 * SECOND);
    bench.discovery.handle_input(bench.now, Heard::Solicitation);
    assert_eq!(
        bench
            .pass(ANSWER)
            .iter()
            .filter(|(_, message)| *message == ADVERTISEMENT)
            .count(),
        1
    );
    let mut said = Vec::new();
    for _ in 0..3000 {
        bench.discovery.handle_input(bench.now, Heard::Solicitation);
        said.extend(bench.pass(SECOND / 100));
    }
    let gaps = gaps(&said, ADVERTISEMENT);
    assert!(
        gaps.len() >= 7 && gaps.iter().all(|gap| *gap >= APART),
        "{gaps:?}"
    );
}

#[test]
fn a_router_that_falls_silent_is_known_for_as_long_as_it_said() {
    for (said, lives) in [(60, 60), (5, 30), (0, 1800)] {
        let mut bench = Bench::new();
        bench.pass(SECOND);
        bench.hear(1, said * SECOND);
        bench.pass(lives * SECOND - SECOND);
        assert_eq!(bench.router(), Some(1));
        let asked = bench.pass(2 * SECOND);
        assert_eq!(bench.router(), None);
        assert!(
            asked.iter().any(|(_, message)| *message == Message::Solicitation),
            "looks for another"
        );
    }
}

#[test]
fn another_router_takes_over_only_where_the_one_before_says_nothing() {
    let mut bench = Bench::new();
    bench.pass(SECOND);
    bench.hear(1, 1800 * SECOND);
    for _ in 0..10 {
        bench.pass(10 * SECOND);
        bench.hear(2, 1800 * SECOND);
        assert_eq!(bench.router(), Some(1));
        bench.pass(SECOND);
        bench.hear(1, 1800 * SECOND);
    }
    bench.pass(5 * SECOND);
    bench.hear(2, 1800 * SECOND);
    let asked = bench.pass(5 * SECOND);
    assert!(
        asked.iter().any(|(_, message)| *message == Message::Solicitation),
        "asks both"
    );
    bench.hear(2, 1800 * SECOND);
    bench.hear(2, 1800 * SECOND);
    assert_eq!(bench.router(), Some(2));
}

#[test]
fn what_does_not_come_from_a_station_on_the_link_is_no_router() {
    assert_eq!(Heard::new(ADVERTISEMENT, "2001:db8::1".parse().unwrap()), None);
    assert!(Heard::new(ADVERTISEMENT, "fe80::1".parse().unwrap()).is_some());
    assert_eq!(
        Heard::new(Message::Solicitation, Ipv6Addr::UNSPECIFIED),
        Some(Heard::Solicitation)
    );
}
