//! Fuzz targets as plain functions: bytes in, a panic where something that must hold does not.
//!
//! Invariant: a target is a function of its bytes. Whatever they are it ends, soon, without a panic; one is a finding. So a
//! seed is run by an ordinary test as well as by a fuzzer (`fuzz/libfuzzer`), and a finding is repeated from its file alone.
//!
//! Bytes of formats with checks and hashes are tried twice: as they are, and *mended* ([`fix_checksums`]), so that a fuzzer gets
//! behind the hashes that it cannot guess.
#![forbid(unsafe_code)]

pub mod decoders;
pub mod fix_checksums;
pub mod generate_corpus;
pub mod models;
pub mod mutate;
pub mod peers;

/// Something to be fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and its folder's under `fuzz/seeds`.
    pub name: &'static str,
    /// What it shows.
    pub description: &'static str,
    /// Panics on a finding.
    pub run: fn(&[u8]),
    /// Longest input that is worth trying, in bytes.
    pub bytes_max: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "trace",
        description: "a trace is read, audited and verified, or refused",
        run: decoders::trace::run,
        bytes_max: 64 * 1024,
    },
    Target {
        name: "snapshot",
        description: "a world is restored from bytes to the same bytes, or refused",
        run: decoders::snapshot::run,
        bytes_max: 32 * 1024,
    },
    Target {
        name: "schema",
        description: "schemas and frames are read to the same bytes, or refused; a frame is read alike with and without the game",
        run: decoders::schema::run,
        bytes_max: 16 * 1024,
    },
    Target {
        name: "pack",
        description: "a content pack is read to the same bytes, or refused",
        run: decoders::pack::run,
        bytes_max: 32 * 1024,
    },
    Target {
        name: "parcel",
        description: "a player's parcel is taken in and packed again to the same bytes, or changes nothing",
        run: decoders::parcel::run,
        bytes_max: 8 * 1024,
    },
    Target {
        name: "post",
        description: "what regions say to each other is read to the same bytes, or refused",
        run: decoders::post::run,
        bytes_max: 8 * 1024,
    },
    Target {
        name: "wire",
        description: "a message is read to the same message, or refused, on every channel",
        run: decoders::wire::run,
        bytes_max: 64 * 1024,
    },
    Target {
        name: "ticket",
        description: "tickets and keys are read to the same bytes, or refused; nothing that the keys did not make is good",
        run: decoders::ticket::run,
        bytes_max: 128,
    },
    Target {
        name: "journal",
        description: "records and headers of journals are read to the same bytes, or refused",
        run: decoders::journal::run,
        bytes_max: 32 * 1024,
    },
    Target {
        name: "descent",
        description: "questions and answers between peers are read, answered within bounds, or refused",
        run: decoders::descent::run,
        bytes_max: 16 * 1024,
    },
    Target {
        name: "yaml",
        description: "content sources compile to a pack that reads back, or to diagnostics with a place",
        run: decoders::yaml::run,
        bytes_max: 8 * 1024,
    },
    Target {
        name: "dice",
        description: "dice, distances and decimals in content are read, or refused with a place",
        run: decoders::dice::run,
        bytes_max: 256,
    },
    Target {
        name: "columns",
        description: "columns, lists and entities hold what plain maps hold, and their root follows from it alone",
        run: models::columns::run,
        bytes_max: 2 * 1024,
    },
    Target {
        name: "histories",
        description: "snapshot, restore, rollback and fork give the roots of the straight run",
        run: models::histories::run,
        bytes_max: 1024,
    },
    Target {
        name: "rules",
        description: "whatever players send: coins are conserved, hit points stay in range, every path gives the same roots",
        run: models::rules::run,
        bytes_max: 1024,
    },
    Target {
        name: "divergence",
        description: "a field planted into one of two runs is named by the diff of their traces",
        run: models::divergence::run,
        bytes_max: 512,
    },
    Target {
        name: "host",
        description: "whatever a peer sends: the host stays within bounds, and an honest player is answered",
        run: peers::host::run,
        bytes_max: 4 * 1024,
    },
    Target {
        name: "client",
        description: "whatever a host sends: a client stays within bounds, and what it sends ends",
        run: peers::client::run,
        bytes_max: 4 * 1024,
    },
    Target {
        name: "peers",
        description: "whatever is said in the name of a player without a host: the others stay within bounds",
        run: peers::between::run,
        bytes_max: 1024,
    },
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
