//! Routes that are about to be withdrawn: marked so that routers prefer any other way there is (RFC 8326).

use bgp::{Attributes, Community};

/// The same, marked: with GRACEFUL_SHUTDOWN, and for internal peers, which need not know that, with the lowest preference
/// (RFC 8326 §4.2).
pub(crate) fn marked(attributes: &Attributes) -> Attributes {
    let mut marked = attributes.clone();
    marked.communities.insert(Community::GRACEFUL_SHUTDOWN);
    marked.local_pref = Some(0);
    marked
}

/// Whether it is marked. The community alone may be what a user wants of a route that stays.
pub(crate) fn is_marked(attributes: &Attributes) -> bool {
    attributes.local_pref == Some(0) && attributes.communities.contains(&Community::GRACEFUL_SHUTDOWN)
}

/// The same without the community. What the preference was before is not known any more.
pub(crate) fn unmarked(attributes: &Attributes) -> Attributes {
    let mut unmarked = attributes.clone();
    unmarked.communities.remove(&Community::GRACEFUL_SHUTDOWN);
    unmarked
}
