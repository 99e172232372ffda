//! Whether the advertisements of one Service agree on a route that they make together.

use std::collections::BTreeSet;
use std::sync::Arc;

use bgp::{Attributes, DEFAULT_LOCAL_PREF};
use model::PeerName;

use super::Export;
use crate::facts::BgpAdvertisement;
use crate::reason::{MOST_COMMUNITIES, NodeReason};

/// The exports without those that give way to another. `authors` are the advertisements of `exports`.
///
/// Two of one prefix that share a peer and differ in what a route has only one of are refused (P-BGP-78), and so are too many
/// communities.
pub(super) fn agreed(
    mut exports: Vec<Export>,
    authors: &[&BgpAdvertisement],
) -> Result<Vec<Export>, NodeReason> {
    if authors.iter().any(|author| author.yields) {
        give_way(&mut exports, authors);
    }
    for (index, export) in exports.iter().enumerate() {
        for (other, author) in exports.iter().zip(authors).take(index) {
            let both = (common_peer(export, other), difference_of(export, other));
            let (Some(peer), Some(attribute)) = both else {
                continue;
            };
            return Err(NodeReason::Conflict {
                prefix: export.prefix,
                peer: peer.clone(),
                attribute,
                first: author.name.clone(),
                second: authors[index].name.clone(),
            });
        }
        count_communities(&exports[..=index])?;
    }
    exports.retain(|export| !export.peers.is_empty());
    match exports.is_empty() {
        true => Err(NodeReason::NoPeer),
        false => Ok(exports),
    }
}

/// Takes peers from exports of advertisements that yield, where others want the route otherwise.
fn give_way(exports: &mut [Export], authors: &[&BgpAdvertisement]) {
    let firm: Vec<Export> = exports
        .iter()
        .zip(authors)
        .filter(|(_, author)| !author.yields)
        .map(|(export, _)| export.clone())
        .collect();
    for (export, _) in exports
        .iter_mut()
        .zip(authors)
        .filter(|(_, author)| author.yields)
    {
        let stronger = firm
            .iter()
            .filter(|other| other.prefix == export.prefix && difference_of(export, other).is_some());
        let taken: BTreeSet<&PeerName> = stronger.flat_map(|other| other.peers.iter()).collect();
        let left = export.peers.iter().filter(|peer| !taken.contains(peer));
        export.peers = Arc::new(left.cloned().collect());
    }
}

/// A peer that gets both as one route.
fn common_peer<'a>(one: &'a Export, other: &Export) -> Option<&'a PeerName> {
    let mut common = one.peers.iter().filter(|peer| other.peers.contains(peer));
    common.next().filter(|_| one.prefix == other.prefix)
}

/// Refuses too many communities on the route that the last of `exports` becomes with those before it.
fn count_communities(exports: &[Export]) -> Result<(), NodeReason> {
    let Some((last, before)) = exports.split_last() else {
        return Ok(());
    };
    let together = before.iter().filter(|other| common_peer(last, other).is_some());
    let together = together.chain([last]).map(|export| &export.attributes);
    // Most routes are far from the bound, even if what they have in common counts twice.
    if together
        .clone()
        .map(|attributes| count(attributes))
        .sum::<usize>()
        <= MOST_COMMUNITIES
    {
        return Ok(());
    }
    let mut all = Attributes::default();
    for attributes in together {
        all.communities.extend(&attributes.communities);
        all.large_communities.extend(&attributes.large_communities);
    }
    match count(&all) {
        ..=MOST_COMMUNITIES => Ok(()),
        count => Err(NodeReason::TooManyCommunities {
            prefix: last.prefix,
            count,
        }),
    }
}

fn count(attributes: &Attributes) -> usize {
    attributes.communities.len() + attributes.large_communities.len()
}

fn difference_of(one: &Export, other: &Export) -> Option<&'static str> {
    difference(&one.attributes, &other.attributes)
}

/// The first field of a BGPAdvertisement in which two routes differ that cannot become one.
pub(crate) fn difference(one: &Attributes, other: &Attributes) -> Option<&'static str> {
    let local_pref = |attributes: &Attributes| attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF);
    if local_pref(one) != local_pref(other) {
        Some("localPref")
    } else if one.med != other.med {
        Some("med")
    } else if one.prepend != other.prepend {
        Some("asPathPrepend")
    } else {
        None
    }
}
