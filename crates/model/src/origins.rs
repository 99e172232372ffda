use std::net::IpAddr;

use crate::name::PoolName;

/// The pool that each address of a Service came from, as far as that is known. Two addresses may be of two pools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<(IpAddr, PoolName)>);

impl Origins {
    /// The pool that `address` came from; none when that is not known.
    pub fn get(&self, address: IpAddr) -> Option<&PoolName> {
        let known = self.0.iter().find(|(known, _)| *known == address);
        known.map(|(_, pool)| pool)
    }

    /// Writes down where `address` came from, unless that is known already.
    pub fn add(&mut self, address: IpAddr, pool: PoolName) {
        if self.get(address).is_none() {
            self.0.reserve_exact(1);
            self.0.push((address, pool));
            self.0.sort_unstable_by_key(|(address, _)| *address);
        }
    }

    /// Each address with its pool, lowest address first.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &PoolName)> {
        self.0.iter().map(|(address, pool)| (*address, pool))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of an address that comes twice the first word counts.
impl FromIterator<(IpAddr, PoolName)> for Origins {
    fn from_iter<T: IntoIterator<Item = (IpAddr, PoolName)>>(pairs: T) -> Self {
        let mut origins = Self::default();
        pairs
            .into_iter()
            .for_each(|(address, pool)| origins.add(address, pool));
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_about_an_address_counts_and_order_does_not() {
        let [low, high]: [IpAddr; 2] = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        let pool = |name: &str| PoolName(name.to_owned());
        let one: Origins = [(high, pool("b")), (low, pool("a")), (high, pool("c"))]
            .into_iter()
            .collect();
        let other: Origins = [(low, pool("a")), (high, pool("b"))].into_iter().collect();
        assert_eq!(one, other);
        assert_eq!((one.get(high), one.iter().count()), (Some(&pool("b")), 2));
        assert!(Origins::default().is_empty() && !one.is_empty());
    }
}
