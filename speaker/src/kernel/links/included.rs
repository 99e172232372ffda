use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::{ExcludeList, Links};

/// The same without the interfaces whose names are left out: each pod that comes or goes on a node changes some of those, and nobody
/// else has to look at all of them for that.
///
/// Must be called within a runtime.
pub fn included(
    mut links: watch::Receiver<Arc<Links>>,
    excluded: ExcludeList,
) -> watch::Receiver<Arc<Links>> {
    let mut included = Included {
        excluded,
        known: BTreeMap::new(),
    };
    let first = included.of(&links.borrow_and_update());
    let (sender, receiver) = watch::channel(Arc::new(first));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                changed = links.changed() => if changed.is_err() { return },
                () = sender.closed() => return,
            }
            let now = included.of(&links.borrow_and_update());
            sender.send_if_modified(|known| {
                let changed = **known != now;
                if changed {
                    *known = Arc::new(now);
                }
                changed
            });
        }
    });
    receiver
}

struct Included {
    excluded: ExcludeList,
    /// Of the names that there are, whether they are included.
    known: BTreeMap<String, bool>,
}

impl Included {
    fn of(&mut self, links: &Links) -> Links {
        self.known.retain(|name, _| links.contains_key(name));
        let mut is_included = |name: &String| match self.known.get(name) {
            Some(known) => *known,
            None => {
                let is_included = self.excluded.pattern_for(name).is_none();
                self.known.insert(name.clone(), is_included);
                is_included
            }
        };
        let included = links.iter().filter(|(name, _)| is_included(name));
        included
            .map(|(name, link)| (name.clone(), link.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::links::exclude::tests::link;

    fn links(names: &[&str]) -> Arc<Links> {
        Arc::new(
            names
                .iter()
                .map(|name| ((*name).to_owned(), link(name)))
                .collect(),
        )
    }

    #[tokio::test]
    async fn what_happens_to_interfaces_that_are_left_out_is_no_news() {
        let (sender, all) = watch::channel(links(&["eth0", "veth1"]));
        let mut included = included(all, ExcludeList::default());
        assert_eq!(**included.borrow_and_update(), *links(&["eth0"]));
        sender.send_replace(links(&["eth0", "veth1", "veth2"]));
        sender.send_replace(links(&["eth0"]));
        tokio::task::yield_now().await;
        assert!(!included.has_changed().unwrap());
        sender.send_replace(links(&["eth0", "eth1", "veth1"]));
        included.changed().await.unwrap();
        assert_eq!(**included.borrow(), *links(&["eth0", "eth1"]));
    }
}
