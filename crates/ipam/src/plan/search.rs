use std::collections::BTreeMap;
use std::net::IpAddr;

use model::Family;

use crate::allocator::Ipam;
use crate::plan::one_of_each;
use crate::refusal::{PoolRefusal, Refusal};
use crate::request::Request;

/// The search for addresses of a Service that leaves the choice to us, or to its reservation.
pub(crate) struct Search<'a> {
    ipam: &'a Ipam,
    request: &'a Request,
    /// What it has and may keep.
    own: Vec<IpAddr>,
    /// What its reservation keeps for it: it gets these or nothing.
    kept: Vec<IpAddr>,
    /// What it had best have: `kept`, and of what it has already all that goes with it.
    base: Vec<IpAddr>,
    /// The list that an address beside those of `base` has to come from (P-ALLOC-69).
    home: Option<usize>,
    /// The lists that all of its addresses may come from, in order, if it has to leave what it has.
    elsewhere: Vec<usize>,
}

/// What each list said that was asked, by its place in the order.
type Answers = BTreeMap<usize, PoolRefusal>;

impl<'a> Search<'a> {
    pub(crate) fn new(ipam: &'a Ipam, request: &'a Request, own: Vec<IpAddr>, kept: Vec<IpAddr>) -> Self {
        let mut search = Self {
            ipam,
            request,
            own,
            base: Vec::new(),
            home: None,
            elsewhere: Vec::new(),
            kept,
        };
        search.base = search.base();
        search.home = search.base.first().and_then(|&address| search.home(address));
        if search.may_leave() {
            search.elsewhere = search.candidates().unwrap_or_default();
        }
        search
    }

    pub(crate) fn run(&self) -> Result<Vec<IpAddr>, Refusal> {
        let mut answers = Answers::new();
        for (round, families) in self.request.families.choices().iter().enumerate() {
            if round == 1 {
                // What a pool says to either address alone tells more than what it said to the pair.
                answers.clear();
            }
            if let Some(addresses) = self.round(families, &mut answers) {
                return Ok(addresses);
            }
        }
        Err(self.refusal(answers))
    }

    /// Addresses of exactly these families.
    fn round(&self, families: &[Family], answers: &mut Answers) -> Option<Vec<IpAddr>> {
        let kept = one_of_each(&self.kept, families);
        if kept.len() < self.kept.len() {
            return None;
        }
        let base = one_of_each(&self.base, families);
        if base.len() == families.len() && self.may_go_together(&base) {
            return Some(base);
        }
        let at_home = self
            .home
            .into_iter()
            .flat_map(|home| [(home, base.as_slice()), (home, &kept)]);
        let at_home = at_home.filter(|(_, base)| !base.is_empty());
        let elsewhere = self.elsewhere.iter().map(|&list| (list, [].as_slice()));
        for (list, base) in at_home.chain(elsewhere) {
            match self.ipam.offer(self.request, list, families, base) {
                Ok(addresses) => return Some(addresses),
                Err(refusal) => note(answers, list, refusal),
            }
        }
        None
    }

    /// Whether the Service may have all of `base`: it has already, or no other Service minds.
    fn may_go_together(&self, base: &[IpAddr]) -> bool {
        let held = self.ipam.held(&self.request.service);
        let unchanged = base.iter().all(|address| held.contains(address));
        unchanged || self.ipam.split(self.request, base).is_none()
    }

    fn base(&self) -> Vec<IpAddr> {
        let pool = |address: &IpAddr| self.ipam.own_pool(self.request, *address);
        let new = self.kept.iter().find(|address| !self.own.contains(address));
        let named = self.request.pool.as_ref();
        let fits = |address: &IpAddr| match new {
            Some(new) => pool(address) == pool(new),
            None => named.is_none() || pool(address) == named,
        };
        let mut rest: Vec<IpAddr> = self.own.iter().copied().filter(fits).collect();
        // Of two of a family, one of which is leaving, the one in the pool is the one that it moved to.
        rest.sort_by_key(|&address| named.is_some() && self.ipam.declared_by(address) != named);
        self.kept.iter().copied().chain(rest).collect()
    }

    fn home(&self, address: IpAddr) -> Option<usize> {
        self.ipam.list_of(self.ipam.own_pool(self.request, address)?)
    }

    /// Whether the Service may leave what it has for another pool: it has lost some of it, or it is too little. That a
    /// pool has more to offer is no reason (P-ALLOC-76).
    fn may_leave(&self) -> bool {
        let best = self.request.families.best();
        let held = one_of_each(self.ipam.held(&self.request.service), best);
        let lost = held.iter().any(|address| !self.own.contains(address));
        let mut choices = self.request.families.choices().iter();
        let enough = choices.any(|families| one_of_each(&self.base, families).len() == families.len());
        self.kept.is_empty() && (lost || !enough)
    }

    /// The lists that the Service may be served from.
    fn candidates(&self) -> Result<Vec<usize>, Refusal> {
        match &self.request.pool {
            Some(name) => Ok(vec![self.ipam.list_named(name)?]),
            None if self.ipam.free_lists.is_empty() => Err(Refusal::NoPools),
            None => Ok((0..self.ipam.free_lists.len()).collect()),
        }
    }

    fn refusal(&self, mut answers: Answers) -> Refusal {
        if let (None, Some(&address)) = (self.home, self.kept.first()) {
            return Refusal::OutsidePools(address);
        }
        if let Err(refusal) = self.candidates() {
            return refusal;
        }
        let name = |list: usize| self.ipam.free_lists[list].pool.name.clone();
        match (&self.request.pool, answers.pop_last()) {
            (Some(_), Some((list, refusal))) => Refusal::PoolRefuses {
                pool: name(list),
                refusal,
            },
            (_, last) => Refusal::NoPoolFits {
                families: self.request.families,
                pools: answers
                    .into_iter()
                    .chain(last)
                    .map(|(list, refusal)| (name(list), refusal))
                    .collect(),
            },
        }
    }
}

/// That a family is missing says least: anything else that the same list said stands.
fn note(answers: &mut Answers, list: usize, refusal: PoolRefusal) {
    let known = answers.get(&list);
    if known.is_none_or(|known| matches!(known, PoolRefusal::WithoutFamily(_))) {
        answers.insert(list, refusal);
    }
}
