//! Everything that can happen.

use model::{Labels, PoolName};
use proptest::prelude::*;

use super::super::labelled;
use super::world::{ADDRESSES, OF_V4, POOLS, SERVICES, address, of_number, reservation, sharing};
use crate::Request;

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The Service is created or changed, and looked at.
    Change(usize, Change),
    /// The Service is looked at.
    Reconcile(usize),
    /// The Service is looked at, and nothing but with whom it shares can be read.
    Misread(usize),
    /// A write of the status of the Service begins, ends, or is lost.
    Begin(usize),
    End(usize),
    Lose(usize),
    /// The Service is deleted; its status is known to be clear.
    Delete(usize),
    Clear(usize),
    /// The pools change.
    Pool(usize, Edit),
    /// Some addresses are another pool's.
    Hand(usize, usize, usize),
    /// A reservation keeps these addresses.
    Reserve(usize, Vec<usize>),
    /// Nodes have these addresses.
    Occupy(Vec<usize>),
    /// Somebody else writes an address into the status of the Service.
    Show(usize, usize),
    /// The controller starts anew.
    Restart,
}

/// A change of what a Service asks for.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Families(usize),
    Pools(Vec<usize>),
    Addresses(Vec<usize>),
    Sharing(usize, usize, usize, usize),
    Reservation(usize),
    Reallocate,
    Label,
    Nothing,
}

/// A change of a pool.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Exists,
    AutoAssign,
    AvoidBuggy,
    Closed,
    Reversed,
    Reclaim,
    Exclude(usize),
    Pin(usize),
    Quota(usize),
}

impl Change {
    pub(super) fn apply(&self, request: &mut Request) {
        match self {
            Self::Families(families) => request.families = of_number(*families),
            Self::Pools(pools) => {
                let names = ["p", "q", "r", "typo"];
                let named = pools.iter().filter_map(|&pool| names.get(pool));
                request.pools = named.map(|name| PoolName(name.to_string())).collect();
            }
            Self::Addresses(numbers) => {
                request.addresses = numbers.iter().map(|&number| address(number)).collect();
            }
            Self::Sharing(key, backend, ports, joiners) => {
                request.sharing = sharing(*key, *backend, *ports, *joiners);
            }
            Self::Reservation(number) => {
                let namespace = request.service.namespace.clone();
                request.reservation = (*number < 2).then(|| reservation(&namespace, *number));
            }
            Self::Reallocate => request.reallocate = !request.reallocate,
            Self::Label if request.labels == Labels::new() => request.labels = labelled("gold"),
            Self::Label => request.labels = Labels::new(),
            Self::Nothing => {}
        }
    }
}

/// Histories of all that can happen.
pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    of_kinds(33)
}

/// Histories of what Services do, while everything else is as it was.
pub(super) fn quiet_steps() -> impl Strategy<Value = Vec<Step>> {
    of_kinds(23)
}

fn of_kinds(kinds: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        any::<u64>().prop_map(move |digits| Digits(digits).step(kinds)),
        0..60,
    )
}

/// Chance, to be used up: one number is drawn much faster than the many that a step is made of.
struct Digits(u64);

impl Digits {
    fn below(&mut self, bound: usize) -> usize {
        let digit = self.0 % bound as u64;
        self.0 /= bound as u64;
        digit as usize
    }

    fn step(&mut self, kinds: usize) -> Step {
        let kind = self.below(kinds);
        let who = self.below(SERVICES);
        match kind {
            0..=8 => Step::Change(who, self.change()),
            9..=12 => Step::Reconcile(who),
            13 => Step::Misread(who),
            14..=16 => Step::Begin(who),
            17..=19 => Step::End(who),
            20 => Step::Lose(who),
            21 => Step::Delete(who),
            22 => Step::Clear(who),
            23..=26 => Step::Pool(self.below(POOLS.len()), self.edit()),
            27 => Step::Hand(
                self.below(ADDRESSES),
                1 + self.below(3),
                self.below(POOLS.len() + 1),
            ),
            28 => {
                let of = self.below(4);
                let count = self.below(3);
                Step::Reserve(of, (0..count).map(|_| self.below(ADDRESSES)).collect())
            }
            29 => {
                let count = self.below(4);
                Step::Occupy((0..count).map(|_| self.below(ADDRESSES)).collect())
            }
            30..=31 => Step::Show(who, self.below(ADDRESSES)),
            _ => Step::Restart,
        }
    }

    fn change(&mut self) -> Change {
        match self.below(21) {
            0..=3 => Change::Families(self.below(5)),
            4..=5 => Change::Pools(self.pools()),
            6..=8 => Change::Addresses(self.addresses()),
            9..=13 => Change::Sharing(self.below(3), self.below(6), self.below(8), self.below(4)),
            14..=15 => Change::Reservation(self.below(4)),
            16 => Change::Reallocate,
            17 => Change::Label,
            _ => Change::Nothing,
        }
    }

    /// None, one, or two pools.
    fn pools(&mut self) -> Vec<usize> {
        match self.below(9) {
            0..=3 => vec![],
            one @ 4..=6 => vec![one - 4],
            7 => vec![3],
            _ => vec![self.below(4), self.below(4)],
        }
    }

    fn addresses(&mut self) -> Vec<usize> {
        match self.below(7) {
            0..=2 => vec![],
            3..=4 => vec![self.below(ADDRESSES)],
            _ => vec![OF_V4 + self.below(ADDRESSES - OF_V4), self.below(OF_V4)],
        }
    }

    fn edit(&mut self) -> Edit {
        match self.below(9) {
            0 => Edit::Exists,
            1 => Edit::AutoAssign,
            2 => Edit::AvoidBuggy,
            3 => Edit::Closed,
            4 => Edit::Reversed,
            5 => Edit::Reclaim,
            6 => Edit::Exclude(self.below(ADDRESSES)),
            7 => Edit::Pin(self.below(8)),
            _ => Edit::Quota(self.below(10)),
        }
    }
}
