use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{PoolName, ReservationName, ServiceName};

use crate::allocator::Ipam;
use crate::occupant::Occupant;
use crate::pool::Across;
use crate::refusal::{PoolRefusal, Refusal};
use crate::request::Request;
use crate::sharing::{Sharing, SharingRule};

/// Who else has an address, or keeps it.
pub(crate) enum Obstacle<'a> {
    Node(&'a Occupant),
    Reservation(&'a ReservationName),
    Service(&'a ServiceName, &'a Sharing),
    /// One that could share it, of a namespace that does not let this one join.
    Uninvited(&'a ServiceName),
    /// One that could share it, of another namespace, where the pool lets none of these share.
    Apart(&'a ServiceName),
}

impl Obstacle<'_> {
    fn refusal(&self, request: &Request, address: IpAddr, pool: &PoolName) -> Refusal {
        match *self {
            Self::Node(occupant) => Refusal::Occupied {
                address,
                pool: pool.clone(),
                occupant: occupant.clone(),
            },
            Self::Reservation(reservation) => Refusal::Kept {
                address,
                reservation: reservation.clone(),
            },
            Self::Apart(holder) => Refusal::SharingRefused {
                address,
                holder: holder.clone(),
                rule: SharingRule::NotAcross(pool.clone()),
            },
            Self::Uninvited(holder) => Refusal::SharingRefused {
                address,
                holder: holder.clone(),
                rule: SharingRule::NotInvited {
                    holder: holder.clone(),
                    joiner: request.service.namespace.to_string(),
                },
            },
            Self::Service(holder, theirs) => {
                let holder = holder.clone();
                let rule = request.sharing.refused_by(theirs);
                match rule.filter(|_| request.sharing.key.is_some()) {
                    Some(rule) => Refusal::SharingRefused {
                        address,
                        holder,
                        rule,
                    },
                    None => Refusal::Taken { address, holder },
                }
            }
        }
    }
}

impl Ipam {
    /// Whether the Service may have an address that it does not have.
    pub(crate) fn available(&self, request: &Request, address: IpAddr) -> Result<(), Refusal> {
        let pool = &self.free_lists[self.giving(address)?].pool;
        let refused = |refusal| Refusal::PoolRefuses {
            pool: pool.name.clone(),
            refusal,
        };
        if pool.closed {
            return Err(refused(PoolRefusal::Closed));
        }
        if !pool.serves(request) {
            return Err(refused(PoolRefusal::Reserved));
        }
        let obstacle = self.obstacle(request, address);
        obstacle.map_or(Ok(()), |obstacle| {
            Err(obstacle.refusal(request, address, &pool.name))
        })
    }

    /// What keeps the Service from an address that its pool would give it.
    pub(crate) fn obstacle(&self, request: &Request, address: IpAddr) -> Option<Obstacle<'_>> {
        let node = self.occupied.get(&address);
        let keeper = self.reservations.keeper(address);
        let keeper = keeper.filter(|keeper| Some(*keeper) != request.reservation.as_ref());
        let mut others = self.ledger.others(&request.service, address);
        let mut rival = || others.find(|(_, holding)| !request.sharing.allows(&holding.sharing));
        node.map(Obstacle::Node)
            .or_else(|| keeper.map(Obstacle::Reservation))
            .or_else(|| rival().map(|(holder, holding)| Obstacle::Service(holder, &holding.sharing)))
            .or_else(|| self.uninviting(request, address))
    }

    /// A Service of another namespace that has the address, where nobody who has it there lets the namespace of the request join.
    /// One of a namespace speaks for all of it; that of another namespace says nothing for it. A pool may say that none joins.
    fn uninviting(&self, request: &Request, address: IpAddr) -> Option<Obstacle<'_>> {
        let ours = &request.service.namespace;
        let others = || {
            let others = self.ledger.others(&request.service, address);
            others.filter(|(holder, _)| holder.namespace != *ours)
        };
        let list = self.declared(address);
        if list.is_some_and(|list| self.free_lists[list].pool.across == Across::Never) {
            return others().next().map(|(holder, _)| Obstacle::Apart(holder));
        }
        let inviting = others().filter(|(_, holding)| holding.sharing.joiners.invite(ours));
        let inviting: BTreeSet<&str> = inviting.map(|(holder, _)| &*holder.namespace).collect();
        let mut uninviting = others().filter(|(holder, _)| !inviting.contains(&*holder.namespace));
        uninviting.next().map(|(holder, _)| Obstacle::Uninvited(holder))
    }

    /// The free list that gives out `address`.
    pub(crate) fn giving(&self, address: IpAddr) -> Result<usize, Refusal> {
        if let Some(position) = self.position(address) {
            return Ok(position.list);
        }
        let list = self.declared(address).ok_or(Refusal::OutsidePools(address))?;
        let pool = &self.free_lists[list].pool;
        let excluded = pool.excluded.iter().any(|range| range.contains(address));
        let pool = pool.name.clone();
        Err(match excluded {
            true => Refusal::Excluded { address, pool },
            false => Refusal::Buggy { address, pool },
        })
    }

    pub(crate) fn pair_stays_together(&self, request: &Request, addresses: &[IpAddr]) -> Result<(), Refusal> {
        let split = self.split(request, addresses);
        split.map_or(Ok(()), |(address, holder)| {
            Err(Refusal::SharingRefused {
                address,
                holder,
                rule: SharingRule::PairSplit,
            })
        })
    }

    /// Another dual-stack Service that has one of these two addresses and not the other (P-ALLOC-53).
    pub(crate) fn split(&self, request: &Request, addresses: &[IpAddr]) -> Option<(IpAddr, ServiceName)> {
        if addresses.len() < 2 {
            return None;
        }
        addresses.iter().find_map(|&address| {
            let mut others = self.ledger.others(&request.service, address);
            let apart = others.find(|(_, other)| {
                let has = |address: &IpAddr| other.current.contains(address);
                other.is_dual_stack() && has(&address) && !addresses.iter().all(has)
            });
            apart.map(|(holder, _)| (address, holder.clone()))
        })
    }
}
