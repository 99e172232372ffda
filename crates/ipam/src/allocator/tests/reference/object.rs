use std::net::IpAddr;

use model::{Family, Origins};

use super::super::labelled;
use super::rules::Row;
use super::world::service;
use crate::{Families, Request};

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
    /// What was so when its latest request was refused.
    pub(super) refused: Option<(u64, u64, Row)>,
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
            refused: None,
        }
    }
}
