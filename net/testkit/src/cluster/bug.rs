//! [`Bug`]: faults of a programmer, planted on purpose, each of which its checker must catch.
//!
//! Invariant: a bug lives in the cluster's own glue, in the place where an embedder could make the same mistake; protocol and
//! stores are those that ship.

use crate::check::Violation;

// DOC:BUGS
/// What the glue does wrong when it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// The server reports a tick durable when it hands it to the journal. Caught by `DurableAcks`.
    AcknowledgesBeforeDurable,
    /// After a crash the server goes on without the last ticks of the journal. Caught by `Kept`.
    LosesTheTailOnCrash,
    /// An input that comes again is given a number of its own. Caught by `Once`.
    AppliesAResentInputAgain,
    /// The server adds a coin behind the world's back. Caught by `Coins`.
    ForgesCoins,
    /// The server forgets nothing that peers may ask for. Caught by `Bounded`.
    KeepsEverythingForever,
    /// A client tells its caller an outcome twice. Caught by `Answered`.
    AnswersTwice,
    /// A client loses an outcome. Caught by `Answered`, in the calm.
    LosesAnAnswer,
    /// A client that came back steps its first frame without the inputs. Caught by `OneRoot`.
    SkipsAFrameAfterRejoin,
    /// A client reports the root of a world that it only guessed. Caught as a false desync.
    ComparesAPredictedRoot,
    /// The server sends a tick after the next one. Caught by `ReleaseOrder`.
    ReleasesOutOfOrder,
    /// A server that is fenced takes the new epoch for its own. Caught by the epochs of what is taken.
    IgnoresTheFence,
    /// The server gives up storing after the first failure. Caught as a standstill.
    NeverTriesAgain,
    /// Records carry the root of another tick than they say. Caught by recovery.
    ProvesAnotherRoot,
    /// Recovery gives damaged ticks up without a word. Caught where a bit is turned.
    AcceptsLossSilently,
    /// A client sends bytes that are no message. Caught as the accusation that it earns.
    GarblesAMessage,
    /// The server notes a token with another number than the client's, so that it is burnt where a `Welcome` is lost. Caught as a
    /// client that is kept out.
    BurnsTheToken,
    /// The server drops what the archive has of a player who comes back. Caught by `Once`: their numbers begin anew.
    DropsWhatTheArchiveHas,
    /// The server does not tell the archive who came from another region, and says that it did. Caught by `OnePlace`, or by where
    /// everybody is at the end.
    SkipsTheArchive,
    /// The archive's answer has a coin more in it than was archived. Caught by the sum of all coins at the end.
    MintsACoin,
    /// The server posts players whose ticks are not kept yet. Caught by `Mails`.
    PostsTooEarly,
    /// The server acknowledges mail that did not come yet. Caught by `Mails`: by what regions know of each other.
    AcknowledgesTooMuch,
    /// The server says nothing to other regions again that it said before. Caught as a client that does not get there.
    PostsNothingAgain,
    /// The server lets another client in with a token that one was let in with before. Caught as an impostor who is welcome.
    TakesASpentToken,
    /// Whoever has a region go back behind told ticks says that nobody was told of them. Caught by `AfterLoss`.
    TakesTicksBackQuietly,
    /// A run remembers earlier ones. Caught by running it twice.
    RemembersEarlierRuns,
}
// DOC:END

impl Bug {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::AcknowledgesBeforeDurable,
        Self::LosesTheTailOnCrash,
        Self::AppliesAResentInputAgain,
        Self::ForgesCoins,
        Self::KeepsEverythingForever,
        Self::AnswersTwice,
        Self::LosesAnAnswer,
        Self::SkipsAFrameAfterRejoin,
        Self::ComparesAPredictedRoot,
        Self::ReleasesOutOfOrder,
        Self::IgnoresTheFence,
        Self::NeverTriesAgain,
        Self::ProvesAnotherRoot,
        Self::AcceptsLossSilently,
        Self::GarblesAMessage,
        Self::BurnsTheToken,
        Self::DropsWhatTheArchiveHas,
        Self::SkipsTheArchive,
        Self::MintsACoin,
        Self::PostsTooEarly,
        Self::AcknowledgesTooMuch,
        Self::PostsNothingAgain,
        Self::TakesASpentToken,
        Self::TakesTicksBackQuietly,
        Self::RemembersEarlierRuns,
    ];

    /// Whether a violation is the one by which this bug is to be found.
    #[must_use]
    pub const fn is_caught_by(self, violation: &Violation) -> bool {
        match self {
            Self::AcknowledgesBeforeDurable => matches!(violation, Violation::NotDurable { .. }),
            Self::LosesTheTailOnCrash => matches!(violation, Violation::Missing { .. } | Violation::TickLost { .. }),
            Self::AppliesAResentInputAgain | Self::DropsWhatTheArchiveHas => {
                matches!(violation, Violation::Twice { .. })
            }
            Self::ForgesCoins => matches!(violation, Violation::Coins { .. }),
            Self::KeepsEverythingForever => matches!(violation, Violation::Unbounded { .. }),
            Self::AnswersTwice => matches!(violation, Violation::AnsweredTwice { .. }),
            Self::LosesAnAnswer => matches!(violation, Violation::Unanswered { .. }),
            Self::SkipsAFrameAfterRejoin => matches!(violation, Violation::TwoRoots { .. }),
            Self::ComparesAPredictedRoot => matches!(violation, Violation::FalseDesync(_)),
            Self::ReleasesOutOfOrder => matches!(violation, Violation::OutOfOrder { .. }),
            Self::IgnoresTheFence => matches!(violation, Violation::Unfenced(_)),
            Self::NeverTriesAgain | Self::PostsNothingAgain => matches!(violation, Violation::Stuck(_)),
            Self::SkipsTheArchive => matches!(violation, Violation::TwoPlaces { .. } | Violation::NoPlace { .. }),
            Self::MintsACoin => matches!(violation, Violation::AllCoins { .. }),
            Self::PostsTooEarly => matches!(violation, Violation::Mail { .. }),
            Self::AcknowledgesTooMuch => matches!(violation, Violation::Numbers { .. }),
            Self::ProvesAnotherRoot | Self::AcceptsLossSilently => matches!(violation, Violation::Recovery(_)),
            Self::GarblesAMessage => matches!(violation, Violation::Accused(_)),
            Self::BurnsTheToken => matches!(violation, Violation::KeptOut(_)),
            Self::TakesASpentToken => matches!(violation, Violation::LetIn(_)),
            Self::TakesTicksBackQuietly => matches!(violation, Violation::OldIsGood { .. }),
            Self::RemembersEarlierRuns => matches!(violation, Violation::Nondeterministic { .. }),
        }
    }

    /// The bug of this name, as its `Debug` prints it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| format!("{bug:?}").eq_ignore_ascii_case(name))
    }
}
