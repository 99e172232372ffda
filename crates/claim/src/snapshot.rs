use std::collections::BTreeMap;

use crate::{Strength, UnitId};

/// What a speaker keeps on disk to take up its work after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it claimed.
    pub claims: BTreeMap<UnitId, (Strength, u32)>,
    /// The highest term heard of each unit.
    pub terms: BTreeMap<UnitId, u32>,
}
