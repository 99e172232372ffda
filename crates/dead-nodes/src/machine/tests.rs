use std::time::Duration;

use model::ServiceName;

use super::*;
use crate::{Backend, HEARD_FOR, REPORT_LIFETIME, Segment, Unheard};

/// A machine on a node of its own, `n0`, that has seen its first lists: three nodes with a speaker each, and a Service with a pod on each.
struct Bench {
    machine: DeadNodes,
    now: Instant,
    ready: [bool; 3],
}

fn node(number: usize) -> NodeName {
    NodeName(format!("n{number}"))
}

fn pod(number: usize) -> Arc<Pod> {
    Arc::new(Pod {
        namespace: "shop".into(),
        name: format!("web-{number}").into(),
        uid: format!("uid-{number}").into(),
    })
}

fn segment(interface: &str, subnet: &str, unheard: &[(usize, Unheard)]) -> Segment {
    Segment {
        interface: interface.into(),
        subnets: [subnet.parse().unwrap()].into(),
        addresses: [[192, 0, 2, 1].into()].into(),
        unheard: unheard
            .iter()
            .map(|(number, unheard)| (node(*number), *unheard))
            .collect(),
        unheard_count: unheard.len(),
    }
}

fn report(number: usize, unheard: &[(usize, Unheard)]) -> Report {
    Report {
        node: node(number),
        segments: vec![segment("eth0", "192.0.2.0/24", unheard)],
        cut_off: false,
    }
}

const GONE: &[(usize, Unheard)] = &[(2, Unheard::Dead)];
const MISSING: &[(usize, Unheard)] = &[(2, Unheard::Missing)];

impl Bench {
    fn new() -> Self {
        Self::with((0..3).map(|number| report(number, &[])).collect())
    }

    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    fn with(reports: Vec<Report>) -> Self {
        let mut bench = Self {
            machine: DeadNodes::new(Some(node(0))),
            now: Instant::now(),
            ready: [true; 3],
        };
        bench.feed(Input::Speakers(Change::Listed(reports)));
        bench.feed(Input::Services(Change::Listed(vec![Exposed {
            service: ServiceName::new("shop", "web"),
            marks: true,
        }])));
        bench.slice();
        bench
    }

    fn feed(&mut self, input: Input) {
        self.machine.handle_input(self.now, input);
    }

    fn slice(&mut self) {
        let backends = self.ready.iter().enumerate().map(|(number, ready)| Backend {
            pod: Some(pod(number)),
            node: Some(node(number)),
            ready: *ready,
        });
        let slice = SliceOfPods {
            service: ServiceName::new("shop", "web"),
            name: "web-1".into(),
            backends: backends.collect(),
        };
        self.feed(Input::Slices(Change::Applied(slice)));
    }

    fn says(&mut self, number: usize, unheard: &[(usize, Unheard)]) {
        self.feed(Input::Speakers(Change::Applied(report(number, unheard))));
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.machine.poll_action()).collect()
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.machine.poll_timeout().is_some_and(|at| at <= self.now) {
            self.machine.handle_timeout(self.now);
        }
    }

    /// The node n2 is dead, and its pod is about to be marked.
    fn dead() -> (Self, Mark) {
        let mut bench = Self::new();
        bench.says(0, GONE);
        bench.says(1, MISSING);
        bench.actions();
        bench.feed(Input::Asked(node(2), Kubelet::Silent));
        let actions = bench.actions();
        let [Action::Mark(mark)] = &actions[..] else {
            panic!("nothing is marked: {actions:?}");
        };
        (bench, mark.clone())
    }

    fn refused(&self) -> Vec<Refusal> {
        self.machine.counters().refused.keys().copied().collect()
    }
}

#[test]
fn the_pods_of_a_dead_node_are_marked_once_and_users_are_told_once() {
    let (mut bench, mark) = Bench::dead();
    assert_eq!((&mark.pod, &mark.node), (&pod(2), &node(2)));
    assert!(mark.message.contains("n0 and n1"), "{}", mark.message);
    bench.feed(Input::Marked(mark, Marked::Done));
    let actions = bench.actions();
    let [Action::Tell(event)] = &actions[..] else {
        panic!("users are not told: {actions:?}");
    };
    assert_eq!(
        event.to_string(),
        "the speakers of n0 and n1 hear neither the speaker nor the kernel of this node, and its kubelet does not answer: marked 1 pod as \
         not ready, of shop/web"
    );
    bench.ready[2] = false;
    bench.slice();
    bench.pass(Duration::from_secs(120));
    assert_eq!(bench.actions(), []);
    assert_eq!(bench.machine.dead().collect::<Vec<_>>(), [&node(2)]);
    // It comes back.
    bench.says(0, &[]);
    bench.ready[2] = true;
    bench.slice();
    assert_eq!((bench.actions(), bench.machine.dead().count()), (Vec::new(), 0));
}

#[test]
fn the_kubelet_is_asked_at_the_first_doubt_and_nothing_is_done_without_its_silence() {
    let mut bench = Bench::new();
    bench.says(1, MISSING);
    let asked = Action::Ask(node(2), [[192, 0, 2, 1].into()].into());
    assert_eq!(bench.actions(), std::slice::from_ref(&asked));
    bench.feed(Input::Asked(node(2), Kubelet::Answered));
    bench.says(0, GONE);
    assert_eq!(bench.actions(), []);
    assert_eq!(bench.refused(), [Refusal::KubeletAnswers]);
    bench.pass(crate::ASK_AGAIN);
    assert_eq!(bench.actions(), [asked]);
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    assert!(matches!(bench.actions()[..], [Action::Mark(_)]));
}

#[test]
fn a_single_witness_is_none_and_neither_are_two_of_whom_none_asked_the_kernel() {
    let mut bench = Bench::new();
    bench.says(1, GONE);
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    bench.says(1, MISSING);
    bench.says(0, MISSING);
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    assert!(
        bench
            .actions()
            .iter()
            .all(|action| matches!(action, Action::Ask(..)))
    );
}

#[test]
fn what_was_said_before_this_process_watched_counts_for_nothing() {
    let mut bench = Bench::with(vec![report(0, GONE), report(1, GONE), report(2, &[])]);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.actions(), []);
    // Both say it anew.
    for number in 0..2 {
        bench.says(number, &[]);
        bench.says(number, GONE);
    }
    assert!(matches!(bench.actions()[..], [Action::Ask(..)]));
}

#[test]
fn words_of_half_a_minute_ago_count_for_nothing() {
    let mut bench = Bench::new();
    bench.says(1, GONE);
    bench.feed(Input::Asked(node(2), Kubelet::Answered));
    bench.pass(REPORT_LIFETIME);
    bench.says(0, GONE);
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    assert!(
        bench
            .actions()
            .iter()
            .all(|action| matches!(action, Action::Ask(..)))
    );
}

#[test]
fn a_node_that_is_heard_on_one_of_its_segments_lives() {
    let storage = |number: usize, unheard: &[(usize, Unheard)]| {
        let mut report = report(number, GONE);
        report.segments.push(segment("eth1", "198.51.100.0/24", unheard));
        Input::Speakers(Change::Applied(report))
    };
    let mut bench = Bench::new();
    bench.feed(storage(2, &[]));
    for number in 0..2 {
        bench.feed(storage(number, &[]));
    }
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    assert!(
        bench
            .actions()
            .iter()
            .all(|action| matches!(action, Action::Ask(..)))
    );
    for number in 0..2 {
        bench.feed(storage(number, GONE));
    }
    assert!(matches!(bench.actions()[..], [Action::Mark(_)]));
}

#[test]
fn more_than_a_third_of_the_nodes_are_a_network_that_fails() {
    let two: &[(usize, Unheard)] = &[(3, Unheard::Dead), (4, Unheard::Dead)];
    let mut bench = Bench::with((0..5).map(|number| report(number, &[])).collect());
    for number in 0..3 {
        bench.says(number, two);
    }
    for number in 3..5 {
        bench.feed(Input::Asked(node(number), Kubelet::Silent));
    }
    let told = bench.actions();
    let told: Vec<_> = told
        .iter()
        .filter(|action| !matches!(action, Action::Ask(..)))
        .collect();
    assert!(
        matches!(
            told[..],
            [
                Action::Tell(Event::TooMany {
                    unheard: 2,
                    speakers: 5,
                    ..
                }),
                Action::Tell(_)
            ]
        ),
        "{told:?}"
    );
    assert_eq!(bench.refused(), [Refusal::TooMany]);
}

#[test]
fn the_last_ready_endpoint_of_a_service_is_left_until_there_is_another() {
    let mut bench = Bench::new();
    bench.ready = [false, false, true];
    bench.slice();
    bench.says(0, GONE);
    bench.says(1, GONE);
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    assert!(
        bench
            .actions()
            .iter()
            .all(|action| matches!(action, Action::Ask(..)))
    );
    bench.ready[0] = true;
    bench.slice();
    assert!(matches!(bench.actions()[..], [Action::Mark(_)]));
}

#[test]
fn a_service_that_forbids_it_keeps_its_endpoints() {
    let mut bench = Bench::new();
    bench.feed(Input::Services(Change::Applied(Exposed {
        service: ServiceName::new("shop", "web"),
        marks: false,
    })));
    bench.says(0, GONE);
    bench.says(1, GONE);
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    assert!(
        bench
            .actions()
            .iter()
            .all(|action| matches!(action, Action::Ask(..)))
    );
}

#[test]
fn a_kubelet_that_repairs_proves_that_its_node_lives_until_it_was_heard_for_a_minute() {
    let (mut bench, mark) = Bench::dead();
    bench.feed(Input::Marked(mark, Marked::Done));
    bench.actions();
    for ready in [false, true] {
        bench.ready[2] = ready;
        bench.slice();
    }
    let actions = bench.actions();
    assert!(
        matches!(
            &actions[..],
            [
                Action::Tell(Event::CutOff { .. }),
                Action::Declare(_, Life::CutOff)
            ]
        ),
        "{actions:?}"
    );
    bench.feed(Input::Declared(node(2)));
    let cut_off = |cut_off| {
        Input::Speakers(Change::Applied(Report {
            cut_off,
            ..report(2, &[])
        }))
    };
    bench.feed(cut_off(true));
    assert_eq!(
        (bench.machine.cut_off().count(), bench.machine.counters().repaired),
        (1, 1)
    );
    // Heard, lost again after half a minute, and heard for good.
    bench.says(0, &[]);
    bench.pass(HEARD_FOR / 2);
    bench.says(0, GONE);
    bench.feed(Input::Asked(node(2), Kubelet::Silent));
    bench.says(0, &[]);
    assert_eq!(bench.actions(), []);
    bench.pass(HEARD_FOR);
    assert_eq!(bench.actions(), [Action::Declare(node(2), Life::Heard)]);
    bench.feed(Input::Declared(node(2)));
    bench.feed(cut_off(false));
    assert_eq!(
        (bench.machine.cut_off().count(), bench.machine.poll_timeout()),
        (0, None)
    );
}

#[test]
fn what_is_not_written_is_tried_again_and_a_pod_that_is_gone_is_not() {
    let (mut bench, mark) = Bench::dead();
    bench.feed(Input::Marked(mark.clone(), Marked::Failed));
    assert_eq!(bench.actions(), []);
    bench.pass(MARK_AGAIN);
    assert_eq!(bench.actions(), [Action::Mark(mark.clone())]);
    bench.feed(Input::Marked(mark, Marked::Gone));
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.actions(), []);
}

#[test]
fn nobody_finds_out_about_the_node_that_it_runs_on() {
    let here: &[(usize, Unheard)] = &[(0, Unheard::Dead)];
    let mut bench = Bench::new();
    bench.says(1, here);
    bench.says(2, here);
    assert_eq!(
        (bench.actions(), bench.refused()),
        (Vec::new(), vec![Refusal::OwnNode])
    );
}

#[test]
fn a_mark_is_of_one_pod_and_changes_its_condition_ready_alone() {
    let (_, mark) = Bench::dead();
    let patch = mark.patch("2026-12-01T07:00:00.123Z".parse().unwrap());
    let expected = serde_json::json!({
        "metadata": {"uid": "uid-2"},
        "status": {"conditions": [{
            "type": "Ready",
            "status": "False",
            "reason": "NodeDead",
            "message": *mark.message,
            "lastTransitionTime": "2026-12-01T07:00:00Z",
        }]},
    });
    assert_eq!(patch, expected);
}
