//! [`StartError`]: why a server did not start.
//!
//! Invariant: each names what is to be changed: the setting, the file, or the store; what a program may want to tell apart is a
//! variant of its own.

use std::{io, net::SocketAddr, path::PathBuf};

use tickworld_net::tls::{PemError, identity::GenerateError};
use tickworld_persist::{WorldId, error::Fault};
use tickworld_pool::PoolError;
use tickworld_sim::region::RegionId;

use crate::{admission::KeyError, config::ConfigError, data_folder::FolderError, driver::OpenError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be as it is.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder of the world cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Certificate(#[from] PemError),
    /// No development certificate can be made.
    #[error(transparent)]
    DevelopmentCertificate(#[from] GenerateError),
    /// The certificate and its key do not belong together, or are of a kind that is not understood.
    #[error("the certificate is of no use: {0}")]
    Tls(String),
    /// A key that signs tokens cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A port is taken, or not ours to take.
    #[error(
        "{setting} is {address}, which cannot be had: {cause}; set {setting} to another address, or to port 0 for any"
    )]
    Port {
        /// The setting that asks for it.
        setting: &'static str,
        /// What it asks for.
        address: SocketAddr,
        /// Why it cannot be had.
        cause: io::Error,
    },
    /// A file cannot be written or read.
    #[error("{}: {cause}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// Why it cannot be used.
        cause: io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the world in {}: {fault}", path.display())]
    Store {
        /// The folder of the store.
        path: PathBuf,
        /// Why it cannot be opened.
        fault: Fault,
    },
    /// There are no such threads to be had.
    #[error("threads: {0}")]
    Threads(#[from] PoolError),
    /// The system gives no thread for the world.
    #[error("cannot start the world's thread: {0}")]
    Thread(io::Error),
    /// A region's store is another region's, or of another world.
    #[error(
        "region {region} finds {found} in its folder, and the world is {world}: give it the folder it began in, or an empty one"
    )]
    Region {
        /// Which region was to start.
        region: RegionId,
        /// What its store says of itself.
        found: String,
        /// The world that it was to be a part of.
        world: WorldId,
    },
    /// The folder keeps a world of one region, and several were to start in it, or the other way around.
    #[error("the world in {} has {found}: start it so, or name another folder", path.display())]
    Regions {
        /// The folder that keeps it.
        path: PathBuf,
        /// What it keeps, in words.
        found: &'static str,
    },
    /// The stored world cannot go on.
    #[error(transparent)]
    World(#[from] OpenError),
}

impl StartError {
    /// Whether what somebody asked for is the cause, so that starting again without a change is of no use.
    #[must_use]
    pub const fn is_unusable(&self) -> bool {
        match self {
            Self::Config(_)
            | Self::Certificate(_)
            | Self::Tls(_)
            | Self::Key(_)
            | Self::Threads(_)
            | Self::Region { .. }
            | Self::Regions { .. } => true,
            Self::Folder(error) => matches!(error, FolderError::File(_)),
            Self::World(error) => matches!(error, OpenError::Game(_) | OpenError::Misfit(_)),
            _ => false,
        }
    }
}
