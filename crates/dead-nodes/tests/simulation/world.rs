//! The cluster.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Change;
use dead_nodes::{
    Action, Backend, DeadNodes, Exposed, HEARD_FOR, Input, Kubelet, Life, Mark, Marked, Pod, Report, Segment,
    SliceOfPods, Unheard,
};
use model::{NodeName, ServiceName};

use super::Chance;

const STEP: Duration = Duration::from_millis(50);

/// A beacon is late.
const MISSING: u64 = 5;
/// A kubelet compares the status of its pods with its own at least so often.
const KUBELET: u64 = 200;
/// The node lifecycle controller gives a node up after about so long.
const GIVEN_UP: u64 = 1000;

/// What goes wrong.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The power of nodes is cut.
    Die(Vec<usize>),
    /// The only cable of a node is pulled.
    Cut(usize),
    /// The segment is cut from a node, whose API server and kubelet are reached another way.
    CutSegment(usize),
    /// The switch of the segment dies, and no kubelet is reached.
    CutAll,
    /// Nodes lose the API server alone.
    CutApi(Vec<usize>),
    /// The nodes before this number and the others lose each other; those at and behind it lose the API server as well, or not.
    Partition(usize, Loses),
    /// Nothing that the node sends arrives.
    OneWay(usize),
    /// A node stands still.
    Freeze(usize),
    /// The cable of a node comes and goes.
    Flap(usize),
    /// Nobody hears a node, and no kubelet port is reached, although the node works and reaches the API server.
    FalseAlarm(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loses {
    Api,
    Nothing,
}

#[derive(Debug)]
struct Node {
    alive: bool,
    frozen: bool,
    api: bool,
    /// Whether controllers on other nodes reach its kubelet where the segment does not lead to it.
    kubelet_elsewhere: bool,
    /// Since when its kubelet works and reaches the API server.
    works_since: Option<u64>,
    /// For how many steps it has not heard each node.
    silence: Vec<u64>,
    /// How long it takes to find out that a node's kernel is silent too.
    asking: Vec<u64>,
    report: Report,
    publish: Option<u64>,
    cut_off: bool,
}

#[derive(Debug)]
struct Workload {
    pod: Arc<Pod>,
    node: usize,
    ready: bool,
    repair: Option<u64>,
    /// For how many steps it was unready while its kubelet worked.
    unready: u64,
    /// When it was marked while its kubelet worked.
    wrongly_marked: Option<u64>,
    marks: usize,
}

#[derive(Debug)]
struct Replica {
    node: usize,
    machine: DeadNodes,
    reports: BTreeMap<usize, Report>,
    slices: BTreeMap<usize, SliceOfPods>,
    late: BTreeMap<usize, u64>,
    was_cut: bool,
    answers: VecDeque<(u64, Input)>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) chance: Chance,
    seed: u64,
    start: Instant,
    step: u64,
    nodes: Vec<Node>,
    hears: Vec<Vec<bool>>,
    flapping: Option<usize>,
    requests_fail: bool,
    workloads: Vec<Workload>,
    /// The Services, by the workloads behind them.
    services: Vec<Vec<usize>>,
    /// The slices that the API server has, and when the next form of each is written.
    slices: Vec<(SliceOfPods, Option<u64>)>,
    replicas: Vec<Replica>,
    /// Which nodes' pods were marked lately.
    recent: VecDeque<(u64, usize)>,
}

fn name(node: usize) -> NodeName {
    NodeName(format!("n{node}"))
}

fn number(node: &NodeName) -> usize {
    node.0[1..].parse().unwrap()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let count = Chance::new(seed ^ 0x5eed).between(2, 9);
        Self {
            requests_fail: true,
            ..Self::calm(seed, count as usize)
        }
    }

    /// A world of so many nodes in which nothing is wrong.
    #[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
    pub(crate) fn calm(seed: u64, count: usize) -> Self {
        let mut chance = Chance::new(seed);
        let nodes: Vec<_> = (0..count)
            .map(|node| Node::new(node, count, &mut chance))
            .collect();
        let pod = |number: usize| Pod {
            namespace: "shop".into(),
            name: format!("pod{number}").into(),
            uid: format!("uid{number}").into(),
        };
        // One pod on each node behind the first Service; the second has a single one.
        let homes: Vec<_> = (0..count).chain([count - 1]).collect();
        let workloads = homes.iter().enumerate().map(|(number, node)| Workload {
            pod: Arc::new(pod(number)),
            node: *node,
            ready: true,
            repair: None,
            unready: 0,
            wrongly_marked: None,
            marks: 0,
        });
        let mut world = Self {
            seed,
            start: Instant::now(),
            step: 0,
            hears: vec![vec![true; count]; count],
            flapping: None,
            requests_fail: false,
            workloads: workloads.collect(),
            services: vec![(0..count).collect(), vec![count]],
            slices: Vec::new(),
            replicas: Vec::new(),
            recent: VecDeque::new(),
            nodes,
            chance,
        };
        world.slices = (0..2).map(|service| (world.slice(service), None)).collect();
        let second = world.chance.between(0, count as u64) as usize;
        for node in BTreeSet::from([0, second]) {
            world.replicas.push(Replica {
                node,
                machine: DeadNodes::new(Some(name(node))),
                reports: BTreeMap::new(),
                slices: BTreeMap::new(),
                late: BTreeMap::new(),
                was_cut: true,
                answers: VecDeque::new(),
            });
        }
        world.run(20);
        world
    }

    pub(crate) fn fault(&mut self) -> Fault {
        let count = self.nodes.len() as u64;
        let chance = &mut self.chance;
        let node = chance.between(0, count) as usize;
        let other = chance.between(0, count) as usize;
        match chance.between(0, 10) {
            0 => Fault::Die(vec![node]),
            1 => Fault::Die(vec![node, other]),
            2 => Fault::Cut(node),
            3 => Fault::CutSegment(node),
            4 => Fault::CutAll,
            5 => Fault::CutApi((0..=node).collect()),
            6 if chance.once_in(2) => Fault::Partition(node, Loses::Api),
            6 => Fault::Partition(node, Loses::Nothing),
            7 => Fault::OneWay(node),
            8 => Fault::Flap(node),
            9 if chance.once_in(2) => Fault::FalseAlarm(node),
            _ => Fault::Freeze(node),
        }
    }

    pub(crate) fn suffer(&mut self, fault: Fault) {
        let count = self.nodes.len();
        match fault {
            Fault::Die(dead) => {
                for node in dead {
                    self.nodes[node].alive = false;
                }
            }
            Fault::Cut(node) => self.pull(node, false),
            Fault::CutSegment(node) => self.link(node, |_| false),
            Fault::CutAll => {
                self.hears = vec![vec![false; count]; count];
                self.nodes
                    .iter_mut()
                    .for_each(|node| node.kubelet_elsewhere = false);
            }
            Fault::CutApi(nodes) => {
                for node in nodes {
                    self.nodes[node].api = false;
                }
            }
            Fault::Partition(from, loses) => {
                for node in from..count {
                    self.link(node, |other| other >= from);
                    self.nodes[node].kubelet_elsewhere = false;
                    self.nodes[node].api &= loses == Loses::Nothing;
                }
            }
            Fault::OneWay(node) => {
                for hears in &mut self.hears {
                    hears[node] = false;
                }
            }
            Fault::Freeze(node) => self.nodes[node].frozen = true,
            Fault::Flap(node) => self.flapping = Some(node),
            Fault::FalseAlarm(node) => {
                self.link(node, |_| false);
                self.nodes[node].kubelet_elsewhere = false;
            }
        }
    }

    fn pull(&mut self, node: usize, plugged: bool) {
        self.link(node, |_| plugged);
        self.nodes[node].api = plugged;
        self.nodes[node].kubelet_elsewhere = plugged;
    }

    fn link(&mut self, node: usize, with: impl Fn(usize) -> bool) {
        for other in 0..self.nodes.len() {
            self.hears[node][other] = with(other);
            self.hears[other][node] = with(other);
        }
    }

    /// Everything is well again.
    pub(crate) fn heal(&mut self) {
        let count = self.nodes.len();
        self.flapping = None;
        self.hears = vec![vec![true; count]; count];
        for node in &mut self.nodes {
            (node.alive, node.frozen, node.api, node.kubelet_elsewhere) = (true, false, true, true);
        }
    }

    pub(crate) fn run(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step += 1;
            self.flap();
            self.kubelets();
            self.speakers();
            self.slices();
            for at in 0..self.replicas.len() {
                self.replica(at);
            }
            self.check();
        }
    }

    fn now(&self) -> Instant {
        self.start + STEP * u32::try_from(self.step).unwrap()
    }

    fn flap(&mut self) {
        if let Some(node) = self.flapping
            && self.chance.once_in(30)
        {
            let plugged = self.chance.once_in(2);
            self.pull(node, plugged);
        }
    }

    fn kubelets(&mut self) {
        let step = self.step;
        for node in &mut self.nodes {
            let works = node.alive && !node.frozen && node.api;
            node.works_since = works.then(|| node.works_since.unwrap_or(step));
        }
        for workload in &mut self.workloads {
            let node = &self.nodes[workload.node];
            let Some(since) = node.works_since else {
                workload.repair = None;
                workload.unready = 0;
                if self.chance.once_in(GIVEN_UP) {
                    workload.ready = false;
                }
                continue;
            };
            if workload.ready {
                workload.unready = 0;
                continue;
            }
            workload.unready += 1;
            let soon = step + self.chance.between(70, KUBELET);
            let at = *workload.repair.get_or_insert_with(|| soon.max(since));
            if at <= step {
                (workload.ready, workload.repair) = (true, None);
            }
        }
    }

    fn speakers(&mut self) {
        let count = self.nodes.len();
        for at in 0..count {
            if !self.nodes[at].runs() {
                continue;
            }
            for other in 0..count {
                let heard = other == at || self.nodes[other].runs() && self.hears[at][other];
                let silence = self.nodes[at].silence[other] + 1;
                self.nodes[at].silence[other] = if heard { 0 } else { silence };
                if silence == 1 && !heard {
                    // The node that takes over asks at once, the others when they come to it.
                    let taker = self.chance.once_in(3)
                        || (0..count).all(|node| node >= at || !self.nodes[node].runs());
                    self.nodes[at].asking[other] = if taker { 0 } else { self.chance.between(40, 200) };
                }
            }
            let next = self.nodes[at].says();
            let late = self.step + self.chance.between(1, 6);
            let node = &mut self.nodes[at];
            if next.segments != node.report.segments && node.publish.is_none() {
                node.publish = Some(late);
            }
            if node.api && node.publish.is_some_and(|at| at <= self.step) {
                node.publish = None;
                node.report = next;
            }
        }
    }

    fn slice(&self, service: usize) -> SliceOfPods {
        let backends = self.services[service].iter().map(|at| {
            let workload = &self.workloads[*at];
            Backend {
                pod: Some(Arc::clone(&workload.pod)),
                node: Some(name(workload.node)),
                ready: workload.ready,
            }
        });
        SliceOfPods {
            service: ServiceName::new("shop", format!("web{service}")),
            name: format!("web{service}-1").into(),
            backends: backends.collect(),
        }
    }

    fn slices(&mut self) {
        for service in 0..self.slices.len() {
            let next = self.slice(service);
            let late = self.step + self.chance.between(1, 8);
            let (written, due) = &mut self.slices[service];
            if *written != next && due.is_none() {
                *due = Some(late);
            }
            if due.is_some_and(|at| at <= self.step) {
                (*written, *due) = (next, None);
            }
        }
    }

    fn replica(&mut self, at: usize) {
        let node = &self.nodes[self.replicas[at].node];
        if !node.runs() {
            return;
        }
        let api = node.api;
        let inputs = if api { self.news(at) } else { Vec::new() };
        self.replicas[at].was_cut |= !api;
        let (now, step) = (self.now(), self.step);
        let replica = &mut self.replicas[at];
        for input in inputs {
            replica.machine.handle_input(now, input);
        }
        while replica.answers.front().is_some_and(|(due, _)| *due <= step) {
            let (_, input) = replica.answers.pop_front().unwrap();
            replica.machine.handle_input(now, input);
        }
        if replica.machine.poll_timeout().is_some_and(|due| due <= now) {
            replica.machine.handle_timeout(now);
        }
        while let Some(action) = self.replicas[at].machine.poll_action() {
            self.carry_out(at, action);
        }
        self.replicas[at]
            .answers
            .make_contiguous()
            .sort_by_key(|(due, _)| *due);
    }

    /// What the watches of a replica say.
    fn news(&mut self, at: usize) -> Vec<Input> {
        let reports: Vec<_> = self.nodes.iter().map(Node::published).collect();
        let replica = &mut self.replicas[at];
        if std::mem::take(&mut replica.was_cut) {
            replica.reports = reports.iter().cloned().enumerate().collect();
            replica.slices = self
                .slices
                .iter()
                .map(|(slice, _)| slice.clone())
                .enumerate()
                .collect();
            let exposed = self.slices.iter().map(|(slice, _)| Exposed {
                service: slice.service.clone(),
                marks: true,
            });
            return vec![
                Input::Speakers(Change::Listed(reports)),
                Input::Slices(Change::Listed(replica.slices.values().cloned().collect())),
                Input::Services(Change::Listed(exposed.collect())),
            ];
        }
        let mut news = Vec::new();
        for (node, report) in reports.into_iter().enumerate() {
            if replica.reports.get(&node) == Some(&report) {
                continue;
            }
            let late = self.step + self.chance.between(0, 4);
            if *replica.late.entry(node).or_insert(late) <= self.step {
                replica.late.remove(&node);
                replica.reports.insert(node, report.clone());
                news.push(Input::Speakers(Change::Applied(report)));
            }
        }
        for (service, (slice, _)) in self.slices.iter().enumerate() {
            if replica.slices.get(&service) != Some(slice) {
                replica.slices.insert(service, slice.clone());
                news.push(Input::Slices(Change::Applied(slice.clone())));
            }
        }
        news
    }

    fn carry_out(&mut self, at: usize, action: Action) {
        let here = self.replicas[at].node;
        let api = self.nodes[here].api;
        let (delay, input) = match action {
            Action::Ask(node, _) => {
                let target = number(&node);
                assert_ne!(
                    target, here,
                    "seed {}: nobody asks for the node that it is on",
                    self.seed
                );
                match self.nodes[target].runs() && self.reaches(here, target) {
                    true => (1, Input::Asked(node, Kubelet::Answered)),
                    false => (4, Input::Asked(node, Kubelet::Silent)),
                }
            }
            Action::Mark(mark) if api && !self.fails(20) => {
                self.mark(&mark);
                (self.chance.between(1, 3), Input::Marked(mark, Marked::Done))
            }
            Action::Mark(mark) => (20, Input::Marked(mark, Marked::Failed)),
            Action::Declare(node, life) => {
                if api && !self.fails(10) {
                    self.nodes[number(&node)].cut_off = life == Life::CutOff;
                }
                (2, Input::Declared(node))
            }
            Action::Tell(event) => {
                assert!(
                    !event.to_string().contains("nobody"),
                    "seed {}: {event}",
                    self.seed
                );
                return;
            }
        };
        self.replicas[at].answers.push_back((self.step + delay, input));
    }

    /// Whether a request fails, once in so many.
    fn fails(&mut self, once_in: u64) -> bool {
        self.requests_fail && self.chance.once_in(once_in)
    }

    fn reaches(&self, here: usize, target: usize) -> bool {
        let elsewhere = self.nodes[here].kubelet_elsewhere && self.nodes[target].kubelet_elsewhere;
        elsewhere || self.hears[here][target] && self.hears[target][here]
    }

    fn mark(&mut self, mark: &Mark) {
        let step = self.step;
        let at = self
            .workloads
            .iter()
            .position(|workload| workload.pod == mark.pod)
            .unwrap();
        let workload = &mut self.workloads[at];
        if !std::mem::take(&mut workload.ready) {
            return;
        }
        workload.marks += 1;
        self.recent.push_back((step, workload.node));
        let since = self.nodes[workload.node].works_since;
        if since.is_some_and(|since| since + 40 <= step) {
            let before = workload.wrongly_marked.replace(step);
            let minute = HEARD_FOR.as_millis() as u64 / STEP.as_millis() as u64;
            assert!(
                before.is_none_or(|before| before + minute <= step),
                "seed {}: {:?} is marked again although its kubelet works",
                self.seed,
                mark.pod
            );
        }
    }

    fn check(&mut self) {
        for workload in &self.workloads {
            assert!(
                workload.unready <= KUBELET + 5,
                "seed {}: {:?} is unready for longer than its kubelet takes",
                self.seed,
                workload.pod
            );
        }
        while self.recent.front().is_some_and(|(at, _)| at + 20 < self.step) {
            self.recent.pop_front();
        }
        let marked: BTreeSet<_> = self.recent.iter().map(|(_, node)| node).collect();
        let most = (self.nodes.len() / 3).min(3);
        assert!(
            marked.len() <= most,
            "seed {}: {marked:?} are marked at once",
            self.seed
        );
        assert_eq!(
            self.workloads.last().unwrap().marks,
            0,
            "seed {}: the last endpoint of a Service",
            self.seed
        );
    }

    /// The slices have no ready pod of these nodes any more, but those of Services that have no other.
    pub(crate) fn assert_marked(&self, dead: &[usize]) {
        let replicas = self
            .replicas
            .iter()
            .filter(|replica| self.nodes[replica.node].runs());
        if replicas.count() == 0 {
            return;
        }
        let (slice, _) = &self.slices[0];
        for backend in &slice.backends {
            let node = number(backend.node.as_ref().unwrap());
            assert_eq!(
                backend.ready,
                !dead.contains(&node),
                "seed {}: n{node}",
                self.seed
            );
        }
    }

    pub(crate) fn assert_never_marked(&self) {
        assert!(
            self.workloads.iter().all(|workload| workload.marks == 0),
            "seed {}",
            self.seed
        );
    }

    /// The pod of a node was marked once, unless nobody runs that could.
    pub(crate) fn assert_marked_once(&self, node: usize) {
        let able = self.replicas.iter().any(|replica| replica.node != node);
        assert_eq!(
            self.workloads[node].marks,
            usize::from(able),
            "seed {}",
            self.seed
        );
    }

    /// Everything is as it was before anything was wrong.
    pub(crate) fn is_quiet(&self) {
        for replica in &self.replicas {
            let machine = &replica.machine;
            let left = (
                machine.dead().count(),
                machine.cut_off().count(),
                machine.poll_timeout(),
            );
            assert_eq!(left, (0, 0, None), "seed {}", self.seed);
        }
        assert!(
            self.workloads.iter().all(|workload| workload.ready),
            "seed {}",
            self.seed
        );
        assert!(self.nodes.iter().all(|node| !node.cut_off), "seed {}", self.seed);
    }
}

impl Node {
    fn new(node: usize, count: usize, chance: &mut Chance) -> Self {
        let mut new = Self {
            alive: true,
            frozen: false,
            api: true,
            kubelet_elsewhere: true,
            works_since: Some(0),
            silence: vec![0; count],
            asking: (0..count).map(|_| chance.between(0, 200)).collect(),
            report: Report {
                node: name(node),
                segments: Vec::new(),
                cut_off: false,
            },
            publish: None,
            cut_off: false,
        };
        new.report = new.says();
        new
    }

    fn runs(&self) -> bool {
        self.alive && !self.frozen
    }

    /// What its speaker says, as the API server has it once it has been written.
    fn says(&self) -> Report {
        let unheard = |node: usize| match self.silence[node] {
            0..MISSING => None,
            silence if silence < MISSING + self.asking[node] => Some(Unheard::Missing),
            _ => Some(Unheard::Dead),
        };
        let all: Vec<_> = (0..self.silence.len())
            .filter_map(|node| Some((name(node), unheard(node)?)))
            .collect();
        let named = |word| {
            all.iter()
                .filter(move |(_, unheard)| *unheard == word)
                .take(3)
                .cloned()
        };
        let segment = Segment {
            interface: "eth0".into(),
            subnets: ["192.0.2.0/24".parse().unwrap()].into(),
            addresses: [[192, 0, 2, 1].into()].into(),
            unheard: named(Unheard::Missing).chain(named(Unheard::Dead)).collect(),
            unheard_count: all.len(),
        };
        Report {
            segments: vec![segment],
            ..self.report.clone()
        }
    }

    fn published(&self) -> Report {
        Report {
            cut_off: self.cut_off,
            ..self.report.clone()
        }
    }
}
