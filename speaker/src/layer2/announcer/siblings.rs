use std::collections::BTreeMap;
use std::sync::Arc;

use claim::BootId;
use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;

/// The interfaces of this node that take part in the agreement now, by index, and the life of each: two of them may be on one LAN.
/// Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Siblings(Arc<watch::Sender<BTreeMap<u32, BootId>>>);

impl Siblings {
    /// The interface with this index takes part from now on, until the value is dropped.
    pub(super) fn join(&self, index: u32, boot: BootId) -> Sibling {
        let others = self.0.subscribe();
        self.0.send_modify(|all| _ = all.insert(index, boot));
        Sibling {
            all: self.clone(),
            index,
            boot,
            others,
        }
    }
}

/// One interface that takes part, and what it knows of the others.
#[derive(Debug)]
pub(super) struct Sibling {
    all: Siblings,
    index: u32,
    boot: BootId,
    others: watch::Receiver<BTreeMap<u32, BootId>>,
}

impl Sibling {
    /// The lives of the others, and the indices of their interfaces.
    pub(super) fn others(&mut self) -> BTreeMap<BootId, u32> {
        let all = self.others.borrow_and_update();
        let others = all.iter().filter(|(index, _)| **index != self.index);
        others.map(|(index, boot)| (*boot, *index)).collect()
    }

    /// Waits until there may be others than at the last look at them.
    pub(super) async fn changed(&mut self) -> Result<(), RecvError> {
        self.others.changed().await
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        // The index may have gone to the interface's next life already.
        let (index, boot) = (self.index, self.boot);
        self.all.0.send_if_modified(|all| {
            let is_there = all.get(&index) == Some(&boot);
            if is_there {
                all.remove(&index);
            }
            is_there
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_interface_knows_the_others_for_as_long_as_they_take_part() {
        let siblings = Siblings::default();
        let mut first = siblings.join(2, BootId(20));
        assert!(first.others().is_empty());
        let second = siblings.join(3, BootId(30));
        first.changed().await.unwrap();
        assert_eq!(first.others(), [(BootId(30), 3)].into());
        let again = siblings.join(3, BootId(31));
        drop(second);
        assert_eq!(first.others(), [(BootId(31), 3)].into());
        drop(again);
        first.changed().await.unwrap();
        assert!(first.others().is_empty());
    }
}
