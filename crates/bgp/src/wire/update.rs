use ipnet::IpNet;
use model::Family;

use super::reader::Reader;
use super::{FamilyCode, Form, NextHop, Notification};

mod attribute;
mod multiprotocol;
mod outcome;
mod path;
mod prefixes;

use attribute::{Attribute, Attributes};
pub(super) use attribute::{EXTENDED_LENGTH, OPTIONAL, TRANSITIVE, code};
use multiprotocol::Routes;
use outcome::Verdict;
pub use outcome::{Defect, Fault, Outcome};
pub use path::Described;
use prefixes::Prefixes;

/// Routes withdrawn and announced (RFC 4271 §4.3), as far as Herald wants to know of them, and what was wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update<'a> {
    /// The field for withdrawn IPv4 routes.
    withdrawn: Prefixes<'a>,
    /// The field for announced ones.
    announced: Prefixes<'a>,
    /// The same in MP_UNREACH_NLRI and MP_REACH_NLRI.
    unreachable: Option<Prefixes<'a>>,
    reachable: Option<Prefixes<'a>>,
    /// Where those in the field point to, and those in MP_REACH_NLRI.
    next_hops: [Option<NextHop>; 2],
    described: Described<'a>,
    end_of_rib: Option<FamilyCode>,
    outcome: Outcome,
    faults: Vec<Fault>,
}

impl<'a> Update<'a> {
    /// What is to become of the UPDATE (RFC 7606 §2): the strongest that any of its faults asks for.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What is wrong with it, in the order in which it was found: the first few.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The prefixes announced, read as they are asked for. Where the outcome is that they are treated as withdrawn, these are the
    /// ones.
    pub fn announced(&self) -> impl Iterator<Item = IpNet> + use<'a> {
        self.announced.chain(self.reachable.into_iter().flatten())
    }

    /// The same with where they point to; none where that is not said, or no such address.
    pub fn routes(&self) -> impl Iterator<Item = (IpNet, Option<NextHop>)> + use<'a> {
        let [plain, multiprotocol] = self.next_hops;
        let reachable = self.reachable.into_iter().flatten();
        let announced = self.announced.map(move |prefix| (prefix, plain));
        announced.chain(reachable.map(move |prefix| (prefix, multiprotocol)))
    }

    /// What it says of all routes that it announces. Of use only where the outcome leaves them announced.
    #[must_use]
    pub fn described(&self) -> &Described<'a> {
        &self.described
    }

    /// The prefixes withdrawn.
    pub fn withdrawn(&self) -> impl Iterator<Item = IpNet> + use<'a> {
        self.withdrawn.chain(self.unreachable.into_iter().flatten())
    }

    /// The family all of whose routes have been announced, if this is what the UPDATE says (RFC 4724 §2).
    #[must_use]
    pub fn end_of_rib(&self) -> Option<FamilyCode> {
        self.end_of_rib
    }

    pub(super) fn decode(body: &'a [u8], form: &Form) -> Result<Self, Notification> {
        let mut reader = Reader::new(body);
        let mut field = || {
            let length = reader.u16()?;
            reader.octets(length.into())
        };
        let (Some(withdrawn), Some(attributes)) = (field(), field()) else {
            return Err(Notification::malformed_update(1, &[]));
        };
        // Prefixes that cannot be told apart can be neither taken nor treated as withdrawn (§3 (j), §5.3).
        let prefixes = |octets| {
            let prefixes = Prefixes::checked(octets, Family::V4);
            prefixes.ok_or_else(|| Notification::malformed_update(10, &[]))
        };
        let (withdrawn, announced) = (prefixes(withdrawn)?, prefixes(reader.rest())?);
        let mut read = Read::default();
        read.all(attributes, form)?;
        read.check_presence(&announced, form);
        read.check_routes(&announced)?;
        let end_of_rib = if body == [0; 4] {
            Some(FamilyCode::V4)
        } else {
            read.end_of_rib(&withdrawn, &announced)
        };
        let reachable = read.reachable.as_ref();
        let next_hops = [read.next_hop, reachable.and_then(|routes| routes.next_hop)];
        let (outcome, faults) = read.verdict.finish();
        Ok(Self {
            next_hops,
            described: read.described,
            withdrawn,
            announced,
            unreachable: read.unreachable.and_then(|routes| routes.prefixes),
            reachable: read.reachable.and_then(|routes| routes.prefixes),
            end_of_rib,
            outcome,
            faults,
        })
    }
}

/// What has been found in the attributes.
#[derive(Default)]
struct Read<'a> {
    seen: Seen,
    reachable: Option<Routes<'a>>,
    unreachable: Option<Routes<'a>>,
    next_hop: Option<NextHop>,
    described: Described<'a>,
    verdict: Verdict,
}

impl<'a> Read<'a> {
    fn all(&mut self, octets: &'a [u8], form: &Form) -> Result<(), Notification> {
        for attribute in Attributes::new(octets) {
            let Some(attribute) = attribute else {
                // §4: the length of all attributes together still says where the prefixes are.
                self.seen.insert(0);
                let fault = Fault {
                    attribute: 0,
                    defect: Defect::Overrun,
                };
                self.verdict.add(fault, Outcome::TreatedAsWithdrawn, &[]);
                break;
            };
            let first = self.seen.insert(attribute.code);
            match (attribute.code, first) {
                // §3 (g).
                (code::MP_REACH | code::MP_UNREACH, false) => {
                    return Err(Notification::malformed_update(1, &[]));
                }
                (_, false) => self.add(&attribute, Defect::Repeated, Outcome::AttributeDiscarded),
                (_, true) => self.one(&attribute, form)?,
            }
        }
        Ok(())
    }

    fn one(&mut self, attribute: &Attribute<'a>, form: &Form) -> Result<(), Notification> {
        if !attribute.is_known() && !attribute.is_optional() {
            return Err(Notification::malformed_update(2, attribute.octets));
        }
        if attribute.has_wrong_flags() {
            self.add(attribute, Defect::Flags, Outcome::TreatedAsWithdrawn);
        } else if let Some((defect, outcome)) = attribute.defect(form) {
            self.add(attribute, defect, outcome);
        } else if attribute.code == code::NEXT_HOP {
            self.next_hop = path::next_hop(attribute.value);
        } else {
            self.described.take(attribute, form.four_octet_as);
        }
        let routes = match attribute.code {
            code::MP_REACH => Routes::reachable(attribute.value, form),
            code::MP_UNREACH => Routes::unreachable(attribute.value, form),
            _ => return Ok(()),
        };
        let routes = routes.ok_or_else(|| Notification::malformed_update(9, attribute.octets))?;
        if let Some((defect, outcome)) = routes.defect {
            self.add(attribute, defect, outcome);
        }
        if attribute.code == code::MP_REACH {
            self.reachable = Some(routes);
        } else {
            self.unreachable = Some(routes);
        }
        Ok(())
    }

    fn add(&mut self, attribute: &Attribute<'_>, defect: Defect, outcome: Outcome) {
        let fault = Fault {
            attribute: attribute.code,
            defect,
        };
        self.verdict.add(fault, outcome, attribute.octets);
    }

    /// §3 (d): routes need ORIGIN, AS_PATH, next hops, and within an AS also LOCAL_PREF (RFC 4271 §5.1.5).
    fn check_presence(&mut self, announced: &Prefixes<'_>, form: &Form) {
        let plain = !announced.is_empty();
        let multiprotocol = self.reachable.as_ref().is_some_and(|routes| routes.is_of_use());
        let required = [
            (code::ORIGIN, plain || multiprotocol),
            (code::AS_PATH, plain || multiprotocol),
            (code::NEXT_HOP, plain),
            (code::LOCAL_PREF, form.internal && (plain || multiprotocol)),
        ];
        for (attribute, is_required) in required {
            if is_required && !self.seen.contains(attribute) {
                let fault = Fault {
                    attribute,
                    defect: Defect::Missing,
                };
                self.verdict.add(fault, Outcome::TreatedAsWithdrawn, &[attribute]);
            }
        }
    }

    /// §5.2: attributes that belong to no route, and are wrong, say that the routes have not been understood.
    fn check_routes(&self, announced: &Prefixes<'_>) -> Result<(), Notification> {
        let reachable =
            !announced.is_empty() || self.reachable.as_ref().is_some_and(|routes| !routes.is_empty());
        match self.verdict.notification() {
            Some(notification) if !reachable && self.seen.any_but(code::MP_UNREACH) => Err(notification),
            Some(_) | None => Ok(()),
        }
    }

    fn end_of_rib(&self, withdrawn: &Prefixes<'_>, announced: &Prefixes<'_>) -> Option<FamilyCode> {
        let alone = withdrawn.is_empty() && announced.is_empty() && !self.seen.any_but(code::MP_UNREACH);
        let routes = self
            .unreachable
            .as_ref()
            .filter(|routes| alone && routes.is_empty())?;
        Some(routes.family)
    }
}

/// The attributes that there are.
#[derive(Default)]
struct Seen([u128; 2]);

impl Seen {
    /// Whether it is the first of its code.
    fn insert(&mut self, code: u8) -> bool {
        let first = !self.contains(code);
        self.0[usize::from(code >> 7)] |= 1 << (code & 0x7F);
        first
    }

    fn contains(&self, code: u8) -> bool {
        self.0[usize::from(code >> 7)] & 1 << (code & 0x7F) != 0
    }

    /// Whether there are others than this one. What cannot be read counts as the attribute 0.
    fn any_but(&self, code: u8) -> bool {
        let mut others = Self(self.0);
        others.0[usize::from(code >> 7)] &= !(1 << (code & 0x7F));
        others.0 != [0; 2]
    }
}
