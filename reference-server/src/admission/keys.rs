//! [`PublicKey`] and [`DevelopmentIssuer`]: keys in PEM files.
//!
//! Invariant: a private key is written to a file that only its owner reads, before anybody uses it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, spki::der::pem::LineEnding},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};

use super::{Claims, provider};
use crate::{data_folder, secret_file};

/// The development key's file in the data folder.
const ISSUER_FILE: &str = "development-issuer.pem";
/// Longest key file that is read, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {}: {cause}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// Why it cannot be used.
        cause: io::Error,
    },
    /// The file holds no such key.
    #[error("{} is no {what} in PEM", path.display())]
    Form {
        /// The path of the file.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// The operating system gives no secret bytes.
    #[error("the operating system gives no secret bytes: {0}")]
    Random(String),
}

/// A key that may sign tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Of a PEM file (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// When the file cannot be read, or holds no Ed25519 public key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read(path).map_err(|cause| KeyError::File { path: path.to_owned(), cause })?;
        let key = VerifyingKey::from_public_key_pem(&text);
        let what = "Ed25519 public key";
        key.map(Self).map_err(|_| KeyError::Form { path: path.to_owned(), what })
    }

    pub(super) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_ed_der(self.0.as_bytes())
    }
}

/// Makes tokens, for development: whoever can read the data folder can be anybody.
pub struct DevelopmentIssuer(SigningKey);

impl DevelopmentIssuer {
    /// Whether a data folder has one.
    #[must_use]
    pub fn is_in(data: &Path) -> bool {
        data.join(ISSUER_FILE).exists()
    }

    /// The one of a data folder; made on first use.
    ///
    /// # Errors
    /// When the key file cannot be read or made.
    pub fn open(data: &Path) -> Result<Self, KeyError> {
        let path = data.join(ISSUER_FILE);
        let failed = |cause| KeyError::File { path: path.clone(), cause };
        match read(&path) {
            Ok(text) => {
                let what = "Ed25519 private key";
                let key = SigningKey::from_pkcs8_pem(&text).map_err(|_| KeyError::Form { path: path.clone(), what })?;
                Ok(Self(key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                data_folder::make(data).map_err(failed)?;
                let mut secret = [0; 32];
                getrandom::fill(&mut secret).map_err(|error| KeyError::Random(error.to_string()))?;
                let key = SigningKey::from_bytes(&secret);
                let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|error| failed(io::Error::other(error)))?;
                secret_file::create(&path, pem.as_bytes()).map_err(failed)?;
                Ok(Self(key))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// What checks its tokens.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// A token with these claims.
    ///
    /// # Panics
    /// Never: claims are plain JSON, and the key is one of this algorithm.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        provider::install();
        let der = self.0.to_pkcs8_der().expect("a key of the right length has an encoding");
        let key = EncodingKey::from_ed_der(der.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), claims, &key).expect("claims are plain JSON")
    }
}

fn read(path: &Path) -> io::Result<String> {
    use io::Read as _;
    let mut text = String::new();
    File::open(path)?.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
