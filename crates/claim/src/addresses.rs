use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

/// Addresses in order, each of them once. Cheap to clone: all clones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(Arc<[IpAddr]>);

impl Addresses {
    /// Whether the address is one of them.
    pub fn contains(&self, address: &IpAddr) -> bool {
        self.0.binary_search(address).is_ok()
    }
}

impl Deref for Addresses {
    type Target = [IpAddr];

    fn deref(&self) -> &[IpAddr] {
        &self.0
    }
}

impl FromIterator<IpAddr> for Addresses {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        let mut addresses: Vec<IpAddr> = addresses.into_iter().collect();
        addresses.sort_unstable();
        addresses.dedup();
        Self(addresses.into())
    }
}

impl From<BTreeSet<IpAddr>> for Addresses {
    fn from(addresses: BTreeSet<IpAddr>) -> Self {
        Self(addresses.into_iter().collect())
    }
}

impl<const N: usize> From<[IpAddr; N]> for Addresses {
    fn from(addresses: [IpAddr; N]) -> Self {
        addresses.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a Addresses {
    type Item = &'a IpAddr;
    type IntoIter = std::slice::Iter<'a, IpAddr>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_order_and_each_is_there_once() {
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let addresses: Addresses = [3, 1, 2, 3, 1].map(address).into();
        assert_eq!(*addresses, [1, 2, 3].map(address));
        assert_eq!(addresses, BTreeSet::from([1, 2, 3].map(address)).into());
        assert!(addresses.contains(&address(2)) && !addresses.contains(&address(4)));
    }
}
