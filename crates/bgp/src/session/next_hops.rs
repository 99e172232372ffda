//! Where routes point to, and the families that cannot be announced for want of it.

use std::collections::BTreeMap;

use model::Family;

use super::Session;
use crate::input::NextHops;
use crate::status::{Event, FamilyFault};

impl Session {
    /// Announces anew in place what now points elsewhere.
    pub(super) fn on_next_hops(&mut self, next_hops: NextHops) {
        self.next_hops = next_hops;
        let Some(live) = self.phase.established_mut() else {
            return;
        };
        if live.adj_rib_out.point_to(&live.opened, &next_hops) {
            self.review(None);
        }
    }

    /// Families that are offered and not announced; of a session that is not Established, none.
    pub(super) fn family_faults(&self) -> BTreeMap<Family, FamilyFault> {
        let Some(live) = self.phase.established() else {
            return BTreeMap::new();
        };
        let agreed = &live.opened.agreement.form.families;
        let fault = |family: &Family| match agreed.contains(family) {
            false => Some(FamilyFault::NotAgreed),
            true if !live.adj_rib_out.has_next_hop(*family) => Some(FamilyFault::NoNextHop),
            true => None,
        };
        let offered = self.settings.open.families.iter();
        offered
            .filter_map(|family| Some((*family, fault(family)?)))
            .collect()
    }

    pub(super) fn tell_family_faults(&mut self) {
        let faults = self.family_faults();
        if self.phase.established().is_some() {
            for family in &self.settings.open.families {
                let (family, fault) = (*family, faults.get(family).copied());
                if self.family_faults.get(&family).copied() != fault {
                    self.events.push_back(Event::FamilyFault { family, fault });
                }
            }
        }
        self.family_faults = faults;
    }
}
