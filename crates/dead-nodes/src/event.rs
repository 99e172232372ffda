//! What users are told, as events of the Node.

use std::collections::BTreeSet;
use std::fmt;

use model::{NodeName, ServiceName};

/// How many names a sentence has.
const NAMES: usize = 3;

/// Something that happened to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The node is dead, and pods on it were marked.
    Marked {
        /// The node.
        node: NodeName,
        /// The nodes whose speakers do not hear it.
        witnesses: BTreeSet<NodeName>,
        /// How many pods were marked.
        pods: usize,
        /// The Services that they are endpoints of.
        services: BTreeSet<ServiceName>,
    },
    /// A pod that was marked is ready again while the node is unheard: its kubelet lives.
    CutOff {
        /// The node.
        node: NodeName,
        /// The nodes whose speakers do not hear it.
        witnesses: BTreeSet<NodeName>,
    },
    /// So many nodes are unheard at once that none is marked.
    TooMany {
        /// One of them.
        node: NodeName,
        /// How many are unheard.
        unheard: usize,
        /// How many speakers there are.
        speakers: usize,
    },
}

impl Event {
    /// The node that it is about.
    pub fn node(&self) -> &NodeName {
        match self {
            Self::Marked { node, .. } | Self::CutOff { node, .. } | Self::TooMany { node, .. } => node,
        }
    }

    /// The event's reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Marked { .. } => "EndpointsMarked",
            Self::CutOff { .. } => "CutOff",
            Self::TooMany { .. } => "TooManyNodesUnheard",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marked {
                witnesses,
                pods,
                services,
                ..
            } => write!(
                f,
                "the speakers of {} hear neither the speaker nor the kernel of this node, and its kubelet does not answer: marked {pods} {} as \
                 not ready, of {}",
                abridged(witnesses),
                match pods {
                    1 => "pod",
                    _ => "pods",
                },
                abridged(services)
            ),
            Self::CutOff { witnesses, .. } => write!(
                f,
                "the kubelet made a pod ready again that was marked: the node lives, but the speakers of {} do not hear it; its pods stay as \
                 they are until they have heard it for a minute",
                abridged(witnesses)
            ),
            Self::TooMany {
                unheard, speakers, ..
            } => write!(
                f,
                "{unheard} of {speakers} nodes are unheard at once: that looks like a network that fails rather than nodes, and no pod is \
                 marked"
            ),
        }
    }
}

/// The first names of some, and how many more there are.
pub(crate) fn abridged<T: fmt::Display>(names: &BTreeSet<T>) -> String {
    let mut words: Vec<_> = names.iter().take(NAMES).map(T::to_string).collect();
    if names.len() > NAMES {
        words.push(format!("{} more", names.len() - NAMES));
    }
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_three_and_counts_the_rest() {
        let names = |count| -> BTreeSet<_> {
            (1..=count)
                .map(|number| NodeName(format!("n{number:02}")))
                .collect()
        };
        assert_eq!(abridged(&names(1)), "n01");
        assert_eq!(abridged(&names(2)), "n01 and n02");
        assert_eq!(abridged(&names(3)), "n01, n02 and n03");
        assert_eq!(abridged(&names(40)), "n01, n02, n03 and 37 more");
    }
}
