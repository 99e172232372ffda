//! What one pool has for a Service.

use std::net::IpAddr;

use model::Family;

use crate::allocator::Ipam;
use crate::books::free_list::Place;
use crate::plan::allowance::Allowance;
use crate::plan::one_of_each;
use crate::refusal::{NodesHave, PoolRefusal};
use crate::request::Request;

/// How many namespaces are named as those who could be asked for an address of a full pool.
const NAMED_HOLDERS: usize = 3;

/// How a pool comes to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// The Service has an address of it: what `autoAssign` says does not matter.
    Home,
    /// It has not.
    Elsewhere,
}

impl Ipam {
    /// Addresses of `families`, with `base` among them and the others from one pool.
    pub(crate) fn offer(
        &self,
        request: &Request,
        list: usize,
        from: From,
        families: &[Family],
        base: &[IpAddr],
    ) -> Result<Vec<IpAddr>, PoolRefusal> {
        self.opens(request, list, from)?;
        let of = &self.free_lists[list];
        let covered = |family: &Family| base.iter().any(|&address| Family::of(address) == *family);
        let mut missing = families
            .iter()
            .filter(|family| !covered(family) && of.size(**family) == 0);
        match missing.next() {
            Some(&missing) => Err(PoolRefusal::WithoutFamily(missing)),
            None => self.pick(request, list, families, base),
        }
    }

    /// Whether a pool gives anything to the Service at all.
    pub(crate) fn opens(&self, request: &Request, list: usize, from: From) -> Result<(), PoolRefusal> {
        let pool = &self.free_lists[list].pool;
        let asked = !request.pools.is_empty() || from == From::Home;
        if pool.closed {
            Err(PoolRefusal::Closed)
        } else if !asked && !pool.auto_assign {
            Err(PoolRefusal::NotAutomatic)
        } else if !pool.serves(request) {
            Err(PoolRefusal::Reserved)
        } else {
            Ok(())
        }
    }

    /// One address of each family: of `base`, else the first that is free or may be shared (P-ALLOC-14, P-ALLOC-46). Where
    /// the namespace may have no further address, that is one which it uses already.
    fn pick(
        &self,
        request: &Request,
        list: usize,
        families: &[Family],
        base: &[IpAddr],
    ) -> Result<Vec<IpAddr>, PoolRefusal> {
        let options = |family: Family| -> Vec<IpAddr> {
            let fixed = base.iter().find(|&&address| Family::of(address) == family);
            fixed.map_or_else(|| self.options(request, list, family), |&fixed| vec![fixed])
        };
        let mut of_each: Vec<Vec<IpAddr>> = families.iter().map(|&family| options(family)).collect();
        if let Some(none) = of_each.iter().position(Vec::is_empty) {
            return Err(self.full(list, families[none]));
        }
        let allowance = Allowance::of(self, request, list);
        let allowed = |set: &[IpAddr]| allowance.as_ref().is_none_or(|allowance| allowance.lets(set));
        of_each
            .iter_mut()
            .for_each(|options| options.retain(|&address| allowed(&[address])));
        let sets = combined(&of_each);
        let mut together = sets.filter(|set| self.split(request, set).is_none()).peekable();
        let any = together.peek().is_some();
        match (together.find(|set| allowed(set)), allowance) {
            (Some(addresses), _) => Ok(addresses),
            (None, Some(allowance)) if any || of_each.iter().any(Vec::is_empty) => Err(allowance.refusal()),
            (None, _) => Err(self.no_pair(request, list, families, base)),
        }
    }

    /// The addresses of a family that a list could give: those that the Service has or is about to lose, for its status
    /// may still show them, then the lowest that is free and all that may be shared, in order.
    pub(crate) fn options(&self, request: &Request, list: usize, family: Family) -> Vec<IpAddr> {
        let on_list = |address: IpAddr| -> Option<Place> {
            let position = self.position(address).filter(|position| position.list == list)?;
            (Family::of(address) == family && self.obstacle(request, address).is_none())
                .then_some((position.entry, address))
        };
        let holding = self.ledger.holding(&request.service);
        let back = holding.into_iter().flat_map(|holding| holding.addresses());
        let back = back.filter(|&address| on_list(address).is_some());
        let shared = request
            .sharing
            .key
            .iter()
            .flat_map(|key| self.ledger.shared_under(key));
        let mut places: Vec<Place> = shared.filter_map(on_list).collect();
        places.extend(self.free_lists[list].lowest_free(family));
        places.sort_unstable();
        back.chain(places.into_iter().map(|(_, address)| address))
            .collect()
    }

    /// Why no two addresses of a list go together, though there are some of each family: one of them is shared, and no
    /// address that is free can take its place.
    fn no_pair(&self, request: &Request, list: usize, families: &[Family], base: &[IpAddr]) -> PoolRefusal {
        let mut pair = one_of_each(base, families);
        for &family in families
            .iter()
            .filter(|&&family| one_of_each(base, &[family]).is_empty())
        {
            match self.free_lists[list].lowest_free(family) {
                Some((_, free)) => pair.push(free),
                None => return self.full(list, family),
            }
        }
        match self.split(request, &pair) {
            Some((address, holder)) => PoolRefusal::PairSplit { address, holder },
            None => self.full(list, families[0]),
        }
    }

    pub(crate) fn full(&self, list: usize, family: Family) -> PoolRefusal {
        PoolRefusal::Full {
            family,
            size: self.free_lists[list].size(family),
            holders: self.namespace_usage.largest(list, NAMED_HOLDERS),
            nodes: self.nodes(list, family).map(Box::new),
        }
    }
}

impl Ipam {
    /// How much of a pool nodes have.
    fn nodes(&self, list: usize, family: Family) -> Option<NodesHave> {
        let mut occupied = self.free_lists[list].occupied(family);
        let first = occupied.next()?;
        Some(NodesHave {
            count: 1 + occupied.count(),
            first,
            occupant: self.occupied.get(&first)?.clone(),
        })
    }
}

/// Every way to take one of each, in order: with the first of the one, each of the other; then with its second.
fn combined(of_each: &[Vec<IpAddr>]) -> impl Iterator<Item = Vec<IpAddr>> {
    let firsts = of_each.first().into_iter().flatten();
    let seconds: Vec<Option<IpAddr>> = match of_each.get(1) {
        Some(seconds) => seconds.iter().copied().map(Some).collect(),
        None => vec![None],
    };
    firsts.flat_map(move |&first| {
        let seconds = seconds.clone().into_iter();
        seconds.map(move |second| [first].into_iter().chain(second).collect())
    })
}
