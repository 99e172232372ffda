use std::fmt;

use serde::{Deserialize, Serialize};

/// What a remark means for the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Weight {
    /// Nothing is done while it stands.
    Refuse,
    /// Nothing is done before somebody has decided it.
    Decide,
    /// Worth knowing.
    Know,
    /// A field that Herald does not take over.
    Dropped,
}

impl Weight {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Decide => "decide",
            Self::Know => "know",
            Self::Dropped => "dropped",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident: $weight:ident;)*) => {
        /// What stands in the way, or is lost: a closed list. Each has a section in `docs/migration.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// Its word, in plans and in the docs.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }

            /// What it means for the plan.
            pub const fn weight(self) -> Weight {
                match self {
                    $(Self::$code => Weight::$weight,)*
                }
            }
        }
    };
}

codes! {
    /// An object cannot be read as what it says that it is.
    Unreadable: Refuse;
    /// An address that a Service has is in no pool.
    Uncovered: Refuse;
    /// Two pools have addresses in common.
    Overlap: Refuse;
    /// Herald has another object of that name.
    NameTaken: Refuse;
    /// Services share an address in a way that Herald does not allow.
    CannotShare: Refuse;
    /// Herald's own rules make something else of the objects.
    ProofDiffers: Refuse;
    /// The Service shows addresses of nodes.
    NodeAddress: Refuse;
    /// The address comes from a DHCP server.
    DhcpAddress: Refuse;
    /// The address of the API server is served by the same program.
    ControlPlaneAddress: Refuse;
    /// Addresses come from another IPAM.
    ExternalIpam: Refuse;
    /// The BGP session carries other routes, too.
    SharedSession: Refuse;
    /// The routing daemon has configuration that is not of Services.
    ExtraRouterConfig: Refuse;
    /// The router dials, and Herald does not listen.
    RouterMustAccept: Refuse;
    /// A selector says what Herald's cannot.
    SelectorNotTranslatable: Refuse;
    /// Connections of pods leave with the Service's address.
    EgressLost: Refuse;
    /// No advertisement covers an address.
    NoAnnouncer: Refuse;
    /// The Secret with a password is not there.
    SecretMissing: Refuse;
    /// A time is one that Herald does not accept.
    TimeRefused: Refuse;
    /// The Service has several addresses of a family.
    ManyAddresses: Decide;
    /// A dual-stack Service asks for one address.
    OneOfTwoFamilies: Decide;
    /// Routes carry another local preference.
    LocalPref: Decide;
    /// Routes are aggregated beyond the pool.
    Aggregation: Decide;
    /// The router may have any AS number.
    AnyPeerAsn: Decide;
    /// A Service that nobody serves today gets an address.
    NewlyServed: Decide;
    /// The Service gets another address.
    NewAddress: Decide;
    /// The name in the status goes.
    HostnameGone: Decide;
    /// Connections go another way through the node.
    Datapath: Decide;
    /// What is chosen by name needs a label.
    NeedsLabel: Decide;
    /// Interfaces or addresses of nodes cannot be known from here.
    NodesUnknown: Decide;
    /// The other provider answers for every address while it runs.
    AnswersForAll: Decide;
    /// The pool that the Service names is not the one that its address is of.
    PoolAnnotationStale: Know;
    /// The address that the Service asks for is not the one that it has.
    RequestStale: Know;
    /// A pool becomes one of certain namespaces.
    NamespaceFence: Know;
    /// Services of a namespace may get addresses of the common pool.
    FallThrough: Know;
    /// A selector that every Service meets is left out.
    SelectorMatchesAll: Know;
    /// What was chosen by a pattern is named.
    Resolved: Know;
    /// The other provider goes on announcing.
    GoesOnAnnouncing: Know;
    /// A field means something a little different.
    Differs: Know;
    /// The Service is not moved.
    LeftOut: Know;
    /// A second Service stands beside the old one.
    TwinNeeded: Know;
    /// What somebody decided.
    Decided: Know;
    /// The field is not taken over.
    NotCarriedOver: Dropped;
    /// The object was never in force.
    NotInForce: Dropped;
}

/// Something that is to be known before a cluster is moved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Remark {
    /// What it means for the plan.
    pub weight: Weight,
    /// What it is.
    pub code: Code,
    /// What it is about: a Service as namespace/name, or kind/name and a field of it.
    pub object: String,
    /// In words.
    pub text: String,
}

impl Remark {
    pub(crate) fn new(code: Code, object: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            weight: code.weight(),
            code,
            object: object.into(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            weight,
            code,
            object,
            text,
        } = self;
        write!(f, "{} {} {object}: {text}", weight.word(), code.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_section_of_the_docs_and_no_other_has() {
        let page = include_str!("../../../docs/migration.md");
        let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(sections, codes);
    }
}
