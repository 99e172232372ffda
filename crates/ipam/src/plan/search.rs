use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::Family;

use crate::allocator::Ipam;
use crate::plan::offer::From;
use crate::plan::pair::Pair;
use crate::plan::{Plan, one_of_each};
use crate::refusal::{PoolRefusal, Refusal};
use crate::request::Request;
use crate::wait::Wait;

/// The search for addresses of a Service that leaves the choice to us, or to its reservation.
///
/// A Service of both families gets them from one pool where one has both, else from two: of pools of one priority that is so
/// whatever their names are, and pools of a lower priority are not looked at while those of a higher one will do. What it has
/// already, and what its reservation keeps for it, stays as it is; what is missing beside that comes from the pool of that if
/// it can, else from the first that has it.
pub(crate) struct Search<'a> {
    ipam: &'a Ipam,
    request: &'a Request,
    /// What it has and may keep.
    own: Vec<IpAddr>,
    /// What its reservation keeps for it: it gets these or nothing.
    kept: Vec<IpAddr>,
    /// What it had best have: `kept`, and of what it has already all that goes with it.
    base: Vec<IpAddr>,
    /// The free list that the first of `base` is of.
    home: Option<usize>,
    /// The free lists that the Service may be served from, in order.
    candidates: Vec<usize>,
}

/// What the pools said that were asked.
pub(crate) struct Answers<'a> {
    ipam: &'a Ipam,
    request: &'a Request,
    /// What is told of each, by the number of its free list.
    told: BTreeMap<usize, PoolRefusal>,
    /// All that stood in the way.
    waits: BTreeSet<Wait>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(ipam: &'a Ipam, request: &'a Request, own: Vec<IpAddr>, kept: Vec<IpAddr>) -> Self {
        let mut search = Self {
            ipam,
            request,
            own,
            base: Vec::new(),
            home: None,
            candidates: ipam.candidates(request),
            kept,
        };
        search.base = search.base();
        search.home = search.base.first().and_then(|&address| search.home(address));
        search
    }

    pub(crate) fn run(&self) -> Plan {
        let mut answers = Answers::new(self.ipam, self.request);
        let mut rounds = self.request.families.choices().iter().enumerate();
        let found = rounds.find_map(|(round, families)| {
            if round == 1 {
                // What a pool says to either address alone tells more than what it said to the pair.
                answers.told.clear();
            }
            self.round(families, &mut answers)
        });
        let Answers { told, waits, .. } = answers;
        Plan {
            outcome: found.ok_or_else(|| self.refusal(told)),
            waits,
        }
    }

    /// Addresses of exactly these families.
    fn round(&self, families: &[Family], answers: &mut Answers<'_>) -> Option<Vec<IpAddr>> {
        let kept = one_of_each(&self.kept, families);
        if kept.len() < self.kept.len() {
            return None;
        }
        let base = one_of_each(&self.base, families);
        if base.len() == families.len() && self.may_go_together(&base) {
            return Some(base);
        }
        self.beside(&base, families, answers)
            .or_else(|| self.beside(&kept, families, answers))
            .or_else(|| self.may_leave().then(|| self.anew(families, answers))?)
    }

    /// Whether the Service may have all of `base`: it has already, or no other Service minds.
    fn may_go_together(&self, base: &[IpAddr]) -> bool {
        let held = self.ipam.held(&self.request.service);
        let unchanged = base.iter().all(|address| held.contains(address));
        unchanged || self.ipam.split(self.request, base).is_none()
    }

    /// What is missing beside `fixed`: from its own pool, else from the first that has it.
    fn beside(
        &self,
        fixed: &[IpAddr],
        families: &[Family],
        answers: &mut Answers<'_>,
    ) -> Option<Vec<IpAddr>> {
        if fixed.is_empty() {
            return None;
        }
        let home = self.home.into_iter().map(|list| (list, From::Home));
        let complete = fixed.len() == families.len();
        let others = self
            .candidates
            .iter()
            .filter(|list| !complete && Some(**list) != self.home);
        let others = others.map(|&list| (list, From::Elsewhere));
        home.chain(others)
            .find_map(|(list, from)| self.ask(list, from, families, fixed, answers))
    }

    /// All of them anew: of the pools of each priority, from one alone, else from two.
    fn anew(&self, families: &[Family], answers: &mut Answers<'_>) -> Option<Vec<IpAddr>> {
        let mut pair = Pair::new(self.ipam, self.request, families);
        let priority = |list: &usize| self.ipam.priority(self.request, *list);
        for equals in self.candidates.chunk_by(|a, b| priority(a) == priority(b)) {
            let alone = |&list: &usize| self.ask(list, From::Elsewhere, families, &[], answers);
            if let Some(addresses) = equals.iter().find_map(alone) {
                return Some(addresses);
            }
            equals.iter().for_each(|&list| pair.add(list, answers));
            if let Some(addresses) = pair.find(answers) {
                return Some(addresses);
            }
        }
        None
    }

    fn ask(
        &self,
        list: usize,
        from: From,
        families: &[Family],
        fixed: &[IpAddr],
        answers: &mut Answers<'_>,
    ) -> Option<Vec<IpAddr>> {
        match self.ipam.offer(self.request, list, from, families, fixed) {
            Ok(addresses) => Some(addresses),
            Err(refusal) => {
                answers.note(list, refusal);
                None
            }
        }
    }

    fn base(&self) -> Vec<IpAddr> {
        let named = &self.request.pools;
        let is_named = |pool: Option<&_>| named.is_empty() || pool.is_some_and(|pool| named.contains(pool));
        let fits = |address: &IpAddr| is_named(self.ipam.own_pool(self.request, *address));
        let mut rest: Vec<IpAddr> = self.own.iter().copied().filter(fits).collect();
        // Of two of a family, one of which is leaving, the one in the pool is the one that it moved to.
        rest.sort_by_key(|&address| !is_named(self.ipam.declared_by(address)));
        self.kept.iter().copied().chain(rest).collect()
    }

    fn home(&self, address: IpAddr) -> Option<usize> {
        self.ipam.list_of(self.ipam.own_pool(self.request, address)?)
    }

    /// Whether the Service may leave what it has for other pools: it has lost some of it, or it is too little. That a
    /// pool has more to offer is no reason (P-ALLOC-76).
    fn may_leave(&self) -> bool {
        let best = self.request.families.best();
        let held = one_of_each(self.ipam.held(&self.request.service), best);
        let lost = held.iter().any(|address| !self.own.contains(address));
        let mut choices = self.request.families.choices().iter();
        let enough = choices.any(|families| one_of_each(&self.base, families).len() == families.len());
        self.kept.is_empty() && (lost || !enough)
    }

    fn refusal(&self, answers: BTreeMap<usize, PoolRefusal>) -> Refusal {
        if let Some(unknown) = self.ipam.unknown_pool(self.request) {
            return unknown;
        }
        if let (true, Some(&address)) = (answers.is_empty(), self.kept.first()) {
            return Refusal::OutsidePools(address);
        }
        if self.ipam.free_lists.is_empty() {
            return Refusal::NoPools;
        }
        let name = |list: usize| self.ipam.free_lists[list].pool.name.clone();
        let families = self.request.families;
        let mut pools: Vec<_> = answers
            .into_iter()
            .map(|(list, refusal)| (name(list), refusal))
            .collect();
        match (self.request.pools.len(), pools.pop()) {
            (1, Some((pool, refusal))) => Refusal::PoolRefuses { pool, refusal },
            (named, last) => {
                pools.extend(last);
                match named {
                    0 => Refusal::NoPoolFits { families, pools },
                    _ => Refusal::NoNamedPoolFits { families, pools },
                }
            }
        }
    }
}

impl Ipam {
    /// The free lists that the Service may be served from, in the order in which they are tried.
    pub(crate) fn candidates(&self, request: &Request) -> Vec<usize> {
        match request.pools.is_empty() {
            true => (0..self.free_lists.len()).collect(),
            false => request
                .pools
                .iter()
                .filter_map(|name| self.list_of(name))
                .collect(),
        }
    }

    /// Lower is tried first. Where the Service names pools, all are alike.
    fn priority(&self, request: &Request, list: usize) -> Option<(u32, u32)> {
        let (pinned, priority, _) = self.free_lists[list].pool.rank();
        request.pools.is_empty().then_some((pinned, priority))
    }
}

impl<'a> Answers<'a> {
    fn new(ipam: &'a Ipam, request: &'a Request) -> Self {
        Self {
            ipam,
            request,
            told: BTreeMap::new(),
            waits: BTreeSet::new(),
        }
    }

    /// That a family is missing says least: anything else that the same pool said stands.
    pub(crate) fn note(&mut self, list: usize, refusal: PoolRefusal) {
        let wait = Wait::of_pool(self.ipam, self.request, list, &refusal);
        self.waits.extend(wait);
        let known = self.told.get(&list);
        if known.is_none_or(|known| matches!(known, PoolRefusal::WithoutFamily(_))) {
            self.told.insert(list, refusal);
        }
    }
}
