//! Which routes of a peer are accepted.

use bgp::{Import, ImportPolicy};
use crds::{AcceptedRoutes, BGPPeerSpec};
use ipnet::IpNet;

use crate::fault::{Fault, PeerFault};
use crate::list::without_duplicates;

const FIELD: &str = "acceptRoutes";

/// P-BGP-51
pub(super) fn imports(spec: &BGPPeerSpec) -> Result<ImportPolicy, Fault> {
    let entries = spec.accept_routes.iter().enumerate();
    let imports: Vec<Import> = entries
        .map(|(index, entry)| import(index, entry))
        .collect::<Result<_, _>>()?;
    let prefixes: Vec<IpNet> = imports.iter().map(|import| import.prefix).collect();
    without_duplicates(FIELD, &prefixes)?;
    match &spec.vrf {
        Some(_) if !imports.is_empty() => Err(PeerFault::AcceptInVrf.into()),
        Some(_) | None => Ok(ImportPolicy::new(imports)),
    }
}

fn import(index: usize, entry: &AcceptedRoutes) -> Result<Import, PeerFault> {
    let text = &entry.prefix;
    let prefix: IpNet = text.parse().map_err(|_unreadable| PeerFault::NotAPrefix {
        index,
        text: text.clone(),
    })?;
    if prefix != prefix.trunc() {
        return Err(PeerFault::HostBits {
            index,
            text: text.clone(),
            prefix: prefix.trunc(),
        });
    }
    let (shortest, longest) = (prefix.prefix_len(), prefix.max_prefix_len());
    let value = entry.max_length.unwrap_or_else(|| shortest.into());
    let max_length = u8::try_from(value).ok();
    match max_length.filter(|length| (shortest..=longest).contains(length)) {
        Some(max_length) => Ok(Import { prefix, max_length }),
        None => Err(PeerFault::MaxLength {
            index,
            value,
            prefix,
            longest,
        }),
    }
}
