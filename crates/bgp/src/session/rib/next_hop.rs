use model::Family;

use crate::input::Connection;
use crate::wire::{Form, NextHop};

/// Where routes of this family are to point, if there is an address for them. To an IPv4 address wherever there is one, for
/// every router can follow that.
pub(super) fn next_hop(family: Family, connection: &Connection, form: &Form) -> Option<NextHop> {
    let link_local = connection.link_local;
    let v6 = match connection.next_hop_v6 {
        Some(global) => Some(NextHop::V6 { global, link_local }),
        None => link_local.map(NextHop::LinkLocal),
    };
    match family {
        Family::V4 => {
            let v4 = connection.next_hop_v4.map(NextHop::V4);
            v4.or_else(|| v6.filter(|_| form.v4_next_hop_v6))
        }
        Family::V6 => v6,
    }
}
