use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something works, and would not if more went wrong.
    Warning,
    /// Something does not work.
    Error,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident: $severity:ident;)*) => {
        /// What is found: a closed list. Each has a section in `docs/kubectl-herald.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// Its word, in reports and in the docs.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$code => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    /// The Service is of a class that Herald does not serve.
    ClassMismatch: Note;
    /// The Service opts out of Herald.
    Ignored: Note;
    /// The Service itself is wrong: an annotation, or its ClusterIPs.
    InvalidRequest: Error;
    /// The IPReservation that it names is wrong.
    InvalidReservation: Error;
    /// There is no IPPool.
    NoPool: Error;
    /// The pool that it names is not there.
    UnknownPool: Error;
    /// No pool is for this Service.
    NoPoolMatches: Error;
    /// Every address is taken.
    PoolFull: Error;
    /// The namespace has as many addresses as it may.
    QuotaReached: Error;
    /// The pool that it names does not serve it.
    PoolRefuses: Error;
    /// The address that it asks for is in no pool, or not in the one that it names.
    AddressNotInPool: Error;
    /// The address that it asks for is a node's, or a gateway's.
    AddressOccupied: Error;
    /// The address that it asks for is another Service's.
    AddressTaken: Error;
    /// The address that it asks for is another Service's, and a rule keeps them from sharing it.
    SharingRefused: Error;
    /// The address that it asks for is kept for others.
    AddressReserved: Error;
    /// The addresses that it asks for are not of its families.
    WrongFamilies: Error;
    /// An address could be given and was not: the controller does not work, or has not come to it.
    ControllerSilent: Error;
    /// Another program writes the Service's status.
    Contested: Warning;
    /// Its status shows an address that Herald did not give.
    ForeignAddress: Error;
    /// No advertisement selects its pool.
    NoMatchingAdvertisement: Error;
    /// None of its pods is ready.
    NoEndpoints: Error;
    /// No node may announce it: each has a reason.
    NoNode: Error;
    /// Services that share an address may be announced from no node in common.
    NoCommonNode: Error;
    /// No node runs a speaker.
    NoSpeaker: Error;
    /// A node that may announce runs no speaker.
    SpeakerMissing: Warning;
    /// A speaker is not ready.
    SpeakerNotReady: Error;
    /// Speakers do not hear each other: UDP 7950 does not arrive.
    Unheard: Error;
    /// A kernel answers for addresses that it should be silent about.
    KernelAnswers: Error;
    /// No interface of a node that may announce is in the address's subnet.
    NoInterface: Error;
    /// Nobody answers for it, and nothing says why.
    NobodyAnswers: Error;
    /// Two nodes say that they answer for it.
    TwoHolders: Error;
    /// A host outside of the cluster has the address.
    AddressConflict: Error;
    /// The node that answers says that it does not forward: kube-proxy is not ready.
    NodeNotForwarding: Error;
    /// The node that answers is not Ready.
    HolderNotReady: Warning;
    /// A node that has an endpoint is not Ready: new connections that are sent there are lost.
    EndpointOnDeadNode: Warning;
    /// A session with a router is down.
    SessionDown: Error;
    /// A session is up and does not carry the address's family.
    FamilyMissing: Error;
    /// BFD says that the way to a router is down.
    BfdDown: Error;
    /// An object of Herald's is not in force.
    NotAccepted: Error;
    /// An object of Herald's is in force, and something about it is amiss.
    ObjectWarning: Warning;
    /// A node was taken for dead and lives.
    CutOff: Warning;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_words_of_their_own() {
        let words: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        assert_eq!(Code::Unheard.word(), "Unheard");
    }

    #[test]
    fn every_code_has_a_section_of_the_docs_and_no_other_has() {
        let page = include_str!("../../../docs/kubectl-herald.md");
        let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(sections, codes);
    }
}
