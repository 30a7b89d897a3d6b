//! Who a server is ([`identity`]), and by what a client knows it ([`trust`]).
//!
//! Invariant: TLS 1.3 with this protocol's ALPN and nothing else; no early data, which could be replayed; no way to accept
//! a server that neither a root nor a fingerprint vouches for.

mod config;
pub mod fingerprint;
pub mod identity;
pub mod trust;

use std::{io::Read, path::Path};

pub(crate) use config::{client_config, server_config};

use crate::limits::PEM_BYTES_MAX;

/// Why a file of certificates or keys is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The path of the file.
        path: String,
        /// Why it cannot be read.
        error: std::io::Error,
    },
    /// It is too long to be one.
    #[error("{path} is longer than {PEM_BYTES_MAX} bytes")]
    TooLong {
        /// The path of the file.
        path: String,
    },
    /// What stands in it is not what it should be.
    #[error("{path} holds no {expected}: {error}")]
    Malformed {
        /// The path of the file.
        path: String,
        /// What it should hold.
        expected: &'static str,
        /// Why it is none.
        error: rustls_pki_types::pem::Error,
    },
}

/// The file's bytes, if they are not too many.
fn read_pem(path: &Path) -> Result<Vec<u8>, PemError> {
    let name = || path.display().to_string();
    let read = |error| PemError::Read { path: name(), error };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(read)?;
    file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(PemError::TooLong { path: name() });
    }
    Ok(bytes)
}

/// All certificates in the file, at least one.
fn read_certificates(path: &Path) -> Result<Vec<rustls_pki_types::CertificateDer<'static>>, PemError> {
    use rustls_pki_types::pem::{Error, PemObject};
    let bytes = read_pem(path)?;
    let malformed = |error| PemError::Malformed { path: path.display().to_string(), expected: "certificate", error };
    let certificates: Result<Vec<_>, Error> = rustls_pki_types::CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(malformed(Error::NoItemsFound)),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(malformed(error)),
    }
}
