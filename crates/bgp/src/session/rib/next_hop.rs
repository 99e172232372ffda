use std::collections::BTreeMap;

use model::Family;

use crate::input::{Connection, NextHops};
use crate::session::phase::Opened;
use crate::wire::{Form, NextHop};

/// Where routes are to point, for each family that was agreed on and that there is an address for.
pub(super) fn by_family(opened: &Opened, next_hops: &NextHops) -> BTreeMap<Family, NextHop> {
    let (form, connection) = (&opened.agreement.form, &opened.transport.connection);
    let of = |family: &Family| Some((*family, next_hop(*family, connection, next_hops, form)?));
    form.families.iter().filter_map(of).collect()
}

/// IPv4 routes point to an IPv4 address wherever there is one, for every router can follow that; but over a link that has no addresses
/// of its own, to the one that the session itself uses (RFC 8950): the router has no IPv4 subnet there.
fn next_hop(family: Family, connection: &Connection, next_hops: &NextHops, form: &Form) -> Option<NextHop> {
    let link_local = next_hops.link_local;
    let v6 = match next_hops.v6 {
        Some(global) => Some(NextHop::V6 { global, link_local }),
        None => link_local.map(NextHop::LinkLocal),
    };
    let v4 = next_hops.v4.map(NextHop::V4);
    let for_v4 = v6.filter(|_| form.v4_next_hop_v6);
    match family {
        Family::V6 => v6,
        Family::V4 if is_link_local(connection) => for_v4.or(v4),
        Family::V4 => v4.or(for_v4),
    }
}

fn is_link_local(connection: &Connection) -> bool {
    match connection.local {
        std::net::IpAddr::V4(_) => false,
        std::net::IpAddr::V6(local) => local.is_unicast_link_local(),
    }
}
