//! [`FaultMode`] and [`SeededBug`]: how the double's storage fails, and which promise it breaks.
//!
//! Invariant: a fault is what a storage may do and a store must cope with; a bug is what no store may do, and what
//! [`conformance`](crate::conformance) is shown to catch by it.

/// What happens to the next append or claim, to the next token to spend or to the next raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultMode {
    /// The storage refuses it.
    Fails,
    /// It is written, but nobody can tell.
    UnknownWritten,
    /// It is not written, but nobody can tell.
    UnknownLost,
    /// Of records, only the first half is kept.
    KeepsHalf,
}

/// The enum and the list of all of it, so that none is forgotten where each is shown to be caught.
macro_rules! seeded_bugs {
    ($($name:ident),+ $(,)?) => {
        /// A promise that the store breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is the broken promise's name")]
        pub enum SeededBug {
            $($name),+
        }

        impl SeededBug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

seeded_bugs! {
    TakesGaps,
    TakesTicksTwice,
    TakesAnyChain,
    TakesAnyProof,
    FindsRunsByTheirEnd,
    TakesManifestsInsideRuns,
    DoesNotFence,
    AppendsAfterSeal,
    AppendsHalfAGroup,
    ClaimsMoreThanItKept,
    KeepsMoreThanItClaims,
    LosesWhatItAcknowledged,
    CallsMemoryDurable,
    KeepsInMemoryForDisk,
    ClaimsTakenSlots,
    ClaimsAfterVoidRecords,
    ClaimsAnyIncarnation,
    LosesClaims,
    ShowsVoidRecords,
    KeepsSnapshotsOfVoidTicks,
    ForgetsWhatWasVoid,
    SkipsWithoutAMark,
    SkipsWithAnyMark,
    ForgetsMarks,
    CountsAttemptsOnce,
    CountsAttemptsForEver,
    HidesDamage,
    HidesLostPages,
    TakesWrongHashes,
    TakesManifestsWithoutPages,
    TakesManifestsOfOtherHistories,
    TakesManifestsWithWrongRoots,
    ForgetsWithoutSnapshot,
    RemovesNeededRecords,
    RemovesNeededPages,
    RetainsNothing,
    RetainsUnsoundly,
    RetainsByNumberAlone,
    CutsWithoutAsking,
    CallsLossKnown,
    AppendsWhenFull,
    SpendsTwice,
    SpendsBySecond,
    KeepsTheFirstSecond,
    SpendsWithoutLimit,
    ForgetsSpentTokens,
    ForgetsTokensEarly,
    AdmitsTheUnknown,
    AdmitsWhenFull,
    ReplacesKeysUnseen,
    RaisesToFewerHops,
    RaisesToEqualHops,
    RaisesNothing,
    ForgetsRaises,
    DropsParcels,
    TellsWhatWasAsked,
}
