//! What the advertisements say besides names, selectors and communities.

use kube::core::Rule;
use schemars::{Schema, SchemaGenerator, json_schema};

/// One of the two words.
pub(crate) fn conflict_policy(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Defend", "Yield"] })
}

/// One of the two words.
pub(crate) fn link_bandwidth(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["None", "Endpoints"] })
}

/// What the fields of a BGPAdvertisement have to do with each other.
pub(crate) fn bgp_advertisement_rules() -> Vec<Rule> {
    let aggregated = Rule::new(
        "!has(self.serviceSelectors) || self.serviceSelectors.size() == 0 || \
         self.aggregationLength == 32 && self.aggregationLengthV6 == 128",
    );
    vec![aggregated.message(
        "serviceSelectors needs each address announced by itself: write aggregationLength 32 and aggregationLengthV6 128, or leave \
         out serviceSelectors",
    )]
}
