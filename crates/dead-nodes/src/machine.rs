//! The machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use config::Change;
use model::NodeName;

use crate::endpoints::Endpoints;
use crate::phase::{CutOff, Death, Phase, Suspicion};
use crate::report::{Opinion, Reports, Words, most_at_once};
use crate::{Event, Exposed, MARK_AGAIN, Mark, Pod, Report, SliceOfPods};

/// What the machine is told.
#[derive(Debug)]
pub enum Input {
    /// A watch of Speakers.
    Speakers(Change<Report>),
    /// A watch of the Services of type LoadBalancer.
    Services(Change<Exposed>),
    /// A watch of EndpointSlices.
    Slices(Change<SliceOfPods>),
    /// What came of [`Action::Ask`].
    Asked(NodeName, Kubelet),
    /// What came of [`Action::Mark`].
    Marked(Mark, Marked),
    /// [`Action::Declare`] of this node was tried.
    Declared(NodeName),
}

/// Whether a kubelet lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kubelet {
    /// Its port was answered, with a refusal too.
    Answered,
    /// It was not.
    Silent,
}

/// What became of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// It was written.
    Done,
    /// There is no such pod any more.
    Gone,
    /// Nobody knows, or it was refused.
    Failed,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Find out whether the kubelet of the node answers at one of the addresses.
    Ask(NodeName, BTreeSet<IpAddr>),
    /// Mark a pod.
    Mark(Mark),
    /// Write the condition CutOff into the status of the node's Speaker.
    Declare(NodeName, Life),
    /// Tell users.
    Tell(Event),
}

/// What the condition CutOff says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It lives, and other speakers do not hear it.
    CutOff,
    /// It lives, and they do.
    Heard,
}

/// Why a node that a majority does not hear is not taken for dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Its kubelet answers.
    KubeletAnswers,
    /// Too many are unheard at once, or there are fewer than three speakers.
    TooMany,
    /// This process runs on it.
    OwnNode,
    /// Its Speaker names no address at which its kubelet could be asked.
    NoAddress,
}

/// What has happened since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pods marked.
    pub marked: u64,
    /// Marked pods that were ready again while their node was unheard.
    pub repaired: u64,
    /// Nodes that were not taken for dead, each suspicion counted once.
    pub refused: BTreeMap<Refusal, u64>,
}

/// Decides which nodes are dead, and which pods on them are marked.
#[derive(Debug, Default)]
pub struct DeadNodes {
    own: Option<NodeName>,
    reports: Reports,
    endpoints: Endpoints,
    phases: BTreeMap<NodeName, Phase>,
    refused: BTreeSet<(NodeName, Refusal)>,
    counters: Counters,
    actions: VecDeque<Action>,
    timeout: Option<Instant>,
}

impl DeadNodes {
    /// `own` is the node that this process runs on, if it is known.
    pub fn new(own: Option<NodeName>) -> Self {
        Self {
            own,
            ..Self::default()
        }
    }

    /// Takes in what is new.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Speakers(change) => match change {
                Change::Listed(reports) => self.reports.list(now, reports),
                Change::Applied(report) => self.reports.take(now, report),
                Change::Deleted(report) => self.reports.remove(&report.node),
            },
            Input::Services(change) => match change {
                Change::Listed(services) => self.endpoints.list_services(services),
                Change::Applied(service) => self.endpoints.take_service(service),
                Change::Deleted(service) => self.endpoints.remove_service(&service.service),
            },
            Input::Slices(change) => match change {
                Change::Listed(slices) => self.endpoints.list_slices(slices),
                Change::Applied(slice) => self.endpoints.take_slice(slice),
                Change::Deleted(slice) => self.endpoints.remove_slice(&slice),
            },
            Input::Asked(node, kubelet) => {
                if let Some(Phase::Suspected(suspicion)) = self.phases.get_mut(&node) {
                    suspicion.answered(now, kubelet);
                }
            }
            Input::Marked(mark, marked) => self.on_marked(now, &mark, marked),
            Input::Declared(node) => {
                if let Some(Phase::CutOff(cut_off)) = self.phases.get_mut(&node) {
                    cut_off.declared(now);
                }
            }
        }
        self.review(now);
    }

    /// To be called when the time of [`Self::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.review(now);
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called, if nothing comes in before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The nodes that are taken for dead.
    pub fn dead(&self) -> impl Iterator<Item = &NodeName> {
        let dead = self
            .phases
            .iter()
            .filter(|(_, phase)| matches!(phase, Phase::Dead(_)));
        dead.map(|(node, _)| node)
    }

    /// The nodes that were taken for dead and live: their kubelets do, and their speakers are not heard, or not for long.
    pub fn cut_off(&self) -> impl Iterator<Item = &NodeName> {
        let cut_off = self
            .phases
            .iter()
            .filter(|(_, phase)| matches!(phase, Phase::CutOff(_)));
        cut_off.map(|(node, _)| node)
    }

    fn on_marked(&mut self, now: Instant, mark: &Mark, marked: Marked) {
        if marked == Marked::Done {
            self.counters.marked += 1;
        }
        let Some(Phase::Dead(death)) = self.phases.get_mut(&mark.node) else {
            return;
        };
        death.under_way = death.under_way.saturating_sub(1);
        match marked {
            Marked::Done => {
                death.untold.0 += 1;
                death.untold.1.extend(mark.services.iter().cloned());
            }
            Marked::Gone => {}
            Marked::Failed => {
                death.marks.remove(&mark.pod);
                death.retry = Some(now + MARK_AGAIN);
            }
        }
    }

    /// Thinks about every node that somebody does not hear, or did not hear before.
    fn review(&mut self, now: Instant) {
        let nodes: BTreeSet<_> = self
            .phases
            .keys()
            .chain(self.reports.all_cut_off())
            .cloned()
            .chain(self.reports.unheard())
            .collect();
        self.refused.retain(|(node, _)| nodes.contains(node));
        let unheard: BTreeSet<_> = nodes
            .iter()
            .filter(|node| self.is_agreed(node))
            .cloned()
            .collect();
        self.timeout = None;
        for node in nodes {
            let phase = self.phases.remove(&node);
            if let Some(phase) = self.next(now, &node, phase, &unheard) {
                self.phases.insert(node, phase);
            }
        }
    }

    fn is_agreed(&self, node: &NodeName) -> bool {
        matches!(self.reports.opinion(node, Words::Any), Opinion::Agreed { .. })
    }

    /// What is thought of `node` next; `unheard` are the nodes that majorities do not hear.
    fn next(
        &mut self,
        now: Instant,
        node: &NodeName,
        phase: Option<Phase>,
        unheard: &BTreeSet<NodeName>,
    ) -> Option<Phase> {
        let is_heard = !unheard.contains(node);
        match phase {
            Some(Phase::CutOff(cut_off)) => self.wait(now, node, cut_off, is_heard),
            // Another replica has found out, or this one before it was started anew.
            _ if self.reports.cut_off(node) == Some(true) => {
                self.wait(now, node, CutOff::default(), is_heard)
            }
            None => self.suspect(now, node, Box::default(), unheard),
            Some(Phase::Suspected(suspicion)) => self.suspect(now, node, suspicion, unheard),
            Some(Phase::Dead(_)) if is_heard => None,
            Some(Phase::Dead(death)) => self.treat(now, node, death, unheard),
        }
    }

    /// Waits until a node that lives has been heard for long enough, and has its Speaker say so.
    fn wait(&mut self, now: Instant, node: &NodeName, mut cut_off: CutOff, is_heard: bool) -> Option<Phase> {
        let declared = self.reports.cut_off(node)?;
        cut_off.observe(now, is_heard, declared);
        let life = cut_off.is_to_declare(now, declared)?;
        if (life == Life::CutOff) != declared {
            if cut_off.poll_declaration(now) {
                self.actions.push_back(Action::Declare(node.clone(), life));
            }
            self.wake(cut_off.next_declaration());
        }
        self.wake(cut_off.forgotten().filter(|at| *at > now));
        Some(Phase::CutOff(cut_off))
    }

    fn suspect(
        &mut self,
        now: Instant,
        node: &NodeName,
        mut suspicion: Box<Suspicion>,
        unheard: &BTreeSet<NodeName>,
    ) -> Option<Phase> {
        let agreed = match self.reports.opinion(node, Words::News(now)) {
            Opinion::Heard => return None,
            Opinion::Doubted => None,
            Opinion::Agreed { witnesses, unheard } => Some((witnesses, unheard)),
        };
        let risen = suspicion.fell.observe(self.ready_on(node));
        if let Some((witnesses, _)) = agreed.as_ref().filter(|_| risen > 0) {
            return self.found_alive(now, node, witnesses.clone(), risen);
        }
        if self.own.as_ref() == Some(node) {
            self.refuse(agreed.is_some(), node, Refusal::OwnNode);
            return Some(Phase::Suspected(suspicion));
        }
        if let Some((witnesses, counted)) = &agreed {
            let at_once = unheard.len().max(*counted);
            if at_once > most_at_once(self.reports.len()) {
                self.refuse(true, node, Refusal::TooMany);
                self.tell_too_many(node, &mut suspicion, at_once);
                return Some(Phase::Suspected(suspicion));
            }
            if suspicion.is_silent(now) {
                let mut death = Death::new(witnesses.clone());
                death.fell = suspicion.fell;
                return self.treat(now, node, Box::new(death), unheard);
            }
            self.refuse(suspicion.is_answered(), node, Refusal::KubeletAnswers);
        }
        // A first question costs no time where it is asked before the others have said what they hear.
        if let Some(at) = suspicion
            .next_question(now)
            .filter(|_| agreed.is_some() || suspicion.is_new())
        {
            match at <= now {
                true => self.ask(node, &mut suspicion),
                false => self.wake(Some(at)),
            }
        }
        Some(Phase::Suspected(suspicion))
    }

    fn ask(&mut self, node: &NodeName, suspicion: &mut Suspicion) {
        let addresses = self.reports.addresses(node);
        if addresses.is_empty() {
            return self.refuse(true, node, Refusal::NoAddress);
        }
        suspicion.asked();
        self.actions.push_back(Action::Ask(node.clone(), addresses));
    }

    fn tell_too_many(&mut self, node: &NodeName, suspicion: &mut Suspicion, unheard: usize) {
        if std::mem::replace(&mut suspicion.told, true) {
            return;
        }
        self.actions.push_back(Action::Tell(Event::TooMany {
            node: node.clone(),
            unheard,
            speakers: self.reports.len(),
        }));
    }

    /// Marks what is on a dead node, or finds that it lives.
    fn treat(
        &mut self,
        now: Instant,
        node: &NodeName,
        mut death: Box<Death>,
        unheard: &BTreeSet<NodeName>,
    ) -> Option<Phase> {
        let risen = death.fell.observe(self.ready_on(node));
        if risen > 0 {
            return self.found_alive(now, node, death.witnesses, risen);
        }
        if death.retry.is_some_and(|at| at <= now) {
            death.retry = None;
        }
        if death.retry.is_none() {
            self.mark(node, &mut death, unheard);
        }
        self.wake(death.retry);
        if let Some((pods, services)) = death.poll_told() {
            self.actions.push_back(Action::Tell(Event::Marked {
                node: node.clone(),
                witnesses: death.witnesses.clone(),
                pods,
                services,
            }));
        }
        Some(Phase::Dead(death))
    }

    fn mark(&mut self, node: &NodeName, death: &mut Death, unheard: &BTreeSet<NodeName>) {
        for (pod, services) in self.endpoints.to_mark(node, unheard) {
            if !death.marks.insert(Arc::clone(&pod)) {
                continue;
            }
            death.under_way += 1;
            self.actions.push_back(Action::Mark(Mark {
                pod,
                node: node.clone(),
                services,
                message: Arc::clone(&death.message),
            }));
        }
    }

    /// Pods that were marked are ready again: the kubelet lives.
    fn found_alive(
        &mut self,
        now: Instant,
        node: &NodeName,
        witnesses: BTreeSet<NodeName>,
        pods: usize,
    ) -> Option<Phase> {
        self.counters.repaired += pods as u64;
        self.actions.push_back(Action::Tell(Event::CutOff {
            node: node.clone(),
            witnesses,
        }));
        self.wait(now, node, CutOff::default(), false)
    }

    fn ready_on(&self, node: &NodeName) -> BTreeSet<Arc<Pod>> {
        self.endpoints.ready_on(node).cloned().collect()
    }

    fn refuse(&mut self, refused: bool, node: &NodeName, refusal: Refusal) {
        if refused && self.refused.insert((node.clone(), refusal)) {
            *self.counters.refused.entry(refusal).or_default() += 1;
        }
    }

    fn wake(&mut self, at: Option<Instant>) {
        self.timeout = [self.timeout, at].into_iter().flatten().min();
    }
}

#[cfg(test)]
mod tests;
