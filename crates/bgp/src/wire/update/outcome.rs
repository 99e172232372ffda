use super::super::{FamilyCode, Notification};
use super::attribute::code;

/// What becomes of an UPDATE, from the mildest to the strongest (RFC 7606 §2). The strongest of all, the end of the session, is the
/// error of [`decode`](crate::wire::decode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing is wrong with it.
    #[default]
    Accepted,
    /// It counts without the attributes at fault.
    AttributeDiscarded,
    /// The routes that it announces count as withdrawn.
    TreatedAsWithdrawn,
    /// Its routes cannot be told apart: nothing of the family counts any more (RFC 4760 §7).
    FamilyDisabled(FamilyCode),
}

/// Something wrong with an UPDATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code of the attribute; 0 where it is not known.
    pub attribute: u8,
    /// What it is.
    pub defect: Defect,
}

/// What may be wrong with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It ends after all attributes end, or nothing is left for its length.
    Overrun,
    /// It says that it is optional, or transitive, and is not; or the reverse.
    Flags,
    /// Its length is none that it may have.
    Length,
    /// What it says has no meaning.
    Value,
    /// It is not there and has to be.
    Missing,
    /// It has been there before.
    Repeated,
    /// It has no business with such a peer.
    Misplaced,
    /// The length of the next hop in it is none that was agreed on.
    NextHop,
    /// The prefixes in it cannot be told apart.
    Prefixes,
    /// Its family was not agreed on.
    Family,
}

/// How many faults are kept: a message may have thousands.
const MOST: usize = 16;

/// The faults so far, and what they lead to.
#[derive(Default)]
pub(super) struct Verdict {
    outcome: Outcome,
    faults: Vec<Fault>,
    /// What the session would be closed with if no route could be found.
    notification: Option<Notification>,
}

impl Verdict {
    /// `data` goes with the fault where the session has to be closed because of it.
    pub(super) fn add(&mut self, fault: Fault, outcome: Outcome, data: &[u8]) {
        if self.faults.len() < MOST {
            self.faults.push(fault);
        }
        if outcome > self.outcome {
            self.outcome = outcome;
            if outcome > Outcome::AttributeDiscarded {
                self.notification = Some(Notification::malformed_update(fault.subcode(), data));
            }
        }
    }

    pub(super) fn notification(&self) -> Option<Notification> {
        self.notification.clone()
    }

    pub(super) fn finish(self) -> (Outcome, Vec<Fault>) {
        (self.outcome, self.faults)
    }
}

impl Fault {
    /// The number that RFC 4271 §6.3 has for it.
    fn subcode(self) -> u8 {
        match self.defect {
            Defect::Overrun | Defect::Repeated => 1,
            Defect::Missing => 3,
            Defect::Flags => 4,
            Defect::Length => 5,
            Defect::Value => match self.attribute {
                code::ORIGIN => 6,
                code::NEXT_HOP => 8,
                code::AS_PATH => 11,
                _ => 9,
            },
            Defect::Misplaced | Defect::NextHop | Defect::Prefixes | Defect::Family => 9,
        }
    }
}
