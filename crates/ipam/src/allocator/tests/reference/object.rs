use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{Family, Origins};

use super::super::labelled;
use super::rules::Row;
use super::world::service;
use crate::{Families, Request, Wait};

/// A Service, as the API server has it.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) request: Request,
    pub(super) exists: bool,
    /// What its status shows, and the pools that it names.
    pub(super) shown: (Vec<IpAddr>, Origins),
    /// What a write that is under way will show.
    pub(super) in_flight: Option<(Vec<IpAddr>, Origins)>,
    /// Its latest request was granted, and nothing but pools, reservations and other Services have changed since.
    pub(super) granted: bool,
    /// What was so when it was given less than its latest request asks for.
    pub(super) wanting: Option<Wanting>,
}

/// A Service that has less than it asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanting {
    /// How many addresses it was granted.
    pub(super) granted: usize,
    pub(super) row: Row,
    /// How often the pools had changed.
    pub(super) edits: u64,
    pub(super) waits: BTreeSet<Wait>,
    /// What of that has happened since, as long as something of it is left.
    pub(super) told: BTreeSet<Wait>,
}

impl Object {
    pub(super) fn new(who: usize) -> Self {
        let mut request = Request::new(service(who), Families::Prefer(Family::V4));
        if &*request.service.namespace == "b" {
            request.namespace_labels = labelled("gold");
        }
        Self {
            request,
            exists: false,
            shown: Default::default(),
            in_flight: None,
            granted: false,
            wanting: None,
        }
    }
}
