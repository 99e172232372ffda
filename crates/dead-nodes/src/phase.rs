//! What is thought of one node.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use model::{NodeName, ServiceName};

use crate::Life;
use crate::event::abridged;
use crate::{ASK_AGAIN, HEARD_FOR, Kubelet, MARK_AGAIN, Pod, SILENCE_LIFETIME};

/// What is thought of a node that somebody does not hear. Of one that everybody hears there is nothing to think.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Somebody does not hear it.
    Suspected(Box<Suspicion>),
    /// It is dead.
    Dead(Box<Death>),
    /// It was taken for dead, and its kubelet lives.
    CutOff(CutOff),
}

/// What is known of a node that was taken for dead by mistake.
#[derive(Debug, Default)]
pub(crate) struct CutOff {
    /// Since when its speaker is heard again.
    heard_since: Option<Instant>,
    /// Whether its Speaker has said so.
    seen: bool,
    /// Whether its Speaker is being written to.
    declaring: bool,
    /// When that is tried again.
    retry: Option<Instant>,
}

impl CutOff {
    /// Takes note of whether its speaker is heard, and of what its Speaker says.
    pub(crate) fn observe(&mut self, now: Instant, is_heard: bool, declared: bool) {
        self.heard_since = is_heard.then(|| self.heard_since.unwrap_or(now));
        self.seen |= declared;
    }

    /// What its Speaker is to say; nothing more once another replica has found that the node has been heard for long enough.
    pub(crate) fn is_to_declare(&self, now: Instant, declared: bool) -> Option<Life> {
        let is_over = self.forgotten().is_some_and(|at| at <= now);
        match (self.seen, declared) {
            (false, _) => Some(Life::CutOff),
            (true, false) => None,
            (true, true) if is_over => Some(Life::Heard),
            (true, true) => Some(Life::CutOff),
        }
    }

    /// When it has been heard for long enough.
    pub(crate) fn forgotten(&self) -> Option<Instant> {
        self.heard_since.map(|since| since + HEARD_FOR)
    }

    /// Whether its Speaker is to say so now, if it says the contrary: [`Self::declared`] is called when that was tried.
    pub(crate) fn poll_declaration(&mut self, now: Instant) -> bool {
        let is_due = !self.declaring && self.retry.is_none_or(|at| at <= now);
        self.declaring |= is_due;
        is_due
    }

    /// Its Speaker was written to.
    pub(crate) fn declared(&mut self, now: Instant) {
        self.declaring = false;
        self.retry = Some(now + MARK_AGAIN);
    }

    pub(crate) fn next_declaration(&self) -> Option<Instant> {
        self.retry.filter(|_| !self.declaring)
    }
}

/// What the kubelet of a node that somebody does not hear says.
#[derive(Debug, Default)]
pub(crate) struct Suspicion {
    asking: bool,
    answer: Option<(Instant, Kubelet)>,
    /// Pods that were ready and then were not.
    pub(crate) fell: Fallen,
    /// Whether it was said that too many are unheard.
    pub(crate) told: bool,
}

impl Suspicion {
    pub(crate) fn asked(&mut self) {
        self.asking = true;
    }

    pub(crate) fn answered(&mut self, now: Instant, kubelet: Kubelet) {
        self.asking = false;
        self.answer = Some((now, kubelet));
    }

    /// Whether the kubelet did not answer a moment ago.
    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        self.answer
            .is_some_and(|(at, kubelet)| kubelet == Kubelet::Silent && now < at + SILENCE_LIFETIME)
    }

    /// Whether it answered when it was asked last.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.answer, Some((_, Kubelet::Answered)))
    }

    /// Whether it was never asked.
    pub(crate) fn is_new(&self) -> bool {
        !self.asking && self.answer.is_none()
    }

    /// When the kubelet is to be asked: at once if nothing is known.
    pub(crate) fn next_question(&self, now: Instant) -> Option<Instant> {
        match (self.asking, self.answer) {
            (true, _) => None,
            (false, None) => Some(now),
            (false, Some((at, Kubelet::Answered))) => Some(at + ASK_AGAIN),
            (false, Some((at, Kubelet::Silent))) => Some(at + SILENCE_LIFETIME),
        }
    }
}

/// What was done about a dead node.
#[derive(Debug)]
pub(crate) struct Death {
    pub(crate) witnesses: BTreeSet<NodeName>,
    pub(crate) message: Arc<str>,
    pub(crate) marks: BTreeSet<Arc<Pod>>,
    /// When what failed is tried again.
    pub(crate) retry: Option<Instant>,
    /// How many marks are under way.
    pub(crate) under_way: usize,
    /// Pods that were ready and then were not, whoever marked them.
    pub(crate) fell: Fallen,
    /// What the next event tells: how many pods were marked, of which Services.
    pub(crate) untold: (usize, BTreeSet<ServiceName>),
}

impl Death {
    pub(crate) fn new(witnesses: BTreeSet<NodeName>) -> Self {
        let message = format!(
            "the node is dead: the speakers of {} hear neither its speaker nor its kernel, and its kubelet does not answer",
            abridged(&witnesses)
        );
        Self {
            witnesses,
            message: message.into(),
            marks: BTreeSet::new(),
            retry: None,
            under_way: 0,
            fell: Fallen::default(),
            untold: (0, BTreeSet::new()),
        }
    }

    /// How many pods of which Services were marked, once nothing is under way and somebody is to be told.
    pub(crate) fn poll_told(&mut self) -> Option<(usize, BTreeSet<ServiceName>)> {
        let ended = self.under_way == 0 && self.retry.is_none() && self.untold.0 > 0;
        ended.then(|| std::mem::take(&mut self.untold))
    }
}

/// Pods that were ready and then were not, while their node was unheard. Only a kubelet makes a pod ready again.
#[derive(Debug, Default)]
pub(crate) struct Fallen {
    ready: BTreeSet<Arc<Pod>>,
    fallen: BTreeSet<Arc<Pod>>,
}

impl Fallen {
    /// Takes note of which pods are `ready`; how many of them had fallen.
    pub(crate) fn observe(&mut self, ready: BTreeSet<Arc<Pod>>) -> usize {
        self.fallen.extend(self.ready.difference(&ready).cloned());
        let risen = self.fallen.intersection(&ready).count();
        self.ready = ready;
        risen
    }
}
