use std::net::IpAddr;

use model::Family;

use crate::allocator::Ipam;
use crate::plan::allowance::Allowance;
use crate::plan::offer::From;
use crate::plan::search::Answers;
use crate::refusal::PoolRefusal;
use crate::request::Request;

/// One address of each of two families, from two pools.
pub(crate) struct Pair<'a> {
    ipam: &'a Ipam,
    request: &'a Request,
    /// None where the Service asks for one family alone.
    families: Option<[Family; 2]>,
    /// Of each family what the pools have, with their free lists, in order.
    options: [Vec<(usize, IpAddr)>; 2],
}

impl<'a> Pair<'a> {
    pub(crate) fn new(ipam: &'a Ipam, request: &'a Request, families: &[Family]) -> Self {
        Self {
            ipam,
            request,
            families: families.try_into().ok(),
            options: Default::default(),
        }
    }

    /// Looks at a further pool, after those that go before it.
    pub(crate) fn add(&mut self, list: usize, answers: &mut Answers<'_>) {
        let Some(families) = self.families else { return };
        if self.ipam.opens(self.request, list, From::Elsewhere).is_err() {
            return;
        }
        for (family, options) in families.into_iter().zip(&mut self.options) {
            if self.ipam.free_lists[list].size(family) == 0 {
                continue;
            }
            match of_family(self.ipam, self.request, list, family) {
                Ok(found) => options.extend(found.into_iter().map(|address| (list, address))),
                Err(refusal) => answers.note(list, refusal),
            }
        }
    }

    /// The first two that go together.
    pub(crate) fn find(&self, answers: &mut Answers<'_>) -> Option<Vec<IpAddr>> {
        let [firsts, seconds] = &self.options;
        for &(first_list, first) in firsts {
            for &(second_list, second) in seconds.iter().filter(|(list, _)| *list != first_list) {
                let Some((address, holder)) = self.ipam.split(self.request, &[first, second]) else {
                    return Some(vec![first, second]);
                };
                let list = if address == first { first_list } else { second_list };
                answers.note(list, PoolRefusal::PairSplit { address, holder });
            }
        }
        None
    }
}

/// The addresses of a family that a pool could give to the namespace, at least one.
fn of_family(
    ipam: &Ipam,
    request: &Request,
    list: usize,
    family: Family,
) -> Result<Vec<IpAddr>, PoolRefusal> {
    let mut options = ipam.options(request, list, family);
    if options.is_empty() {
        return Err(ipam.full(list, family));
    }
    if let Some(allowance) = Allowance::of(ipam, request, list) {
        options.retain(|&address| allowance.lets(&[address]));
        if options.is_empty() {
            return Err(allowance.refusal());
        }
    }
    Ok(options)
}
