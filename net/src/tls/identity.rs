//! [`Identity`]: a server's certificate chain and key.
//!
//! Invariant: the key is never shown; `Debug` prints the fingerprint alone.

use std::{fmt, path::Path};

use ring::hmac;
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer,
    pem::{Error, PemObject},
};

use super::{PemError, fingerprint::Fingerprint, read_certificates, read_pem};

/// What a server shows to prove who it is.
pub struct Identity {
    /// The server's own certificate first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// A freshly made identity in the form of files.
pub struct GeneratedPem {
    /// The certificate, in PEM.
    pub certificate: String,
    /// The private key, in PEM: for the server's eyes only.
    pub key: String,
}

/// The names could not be put into a certificate.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate for these names: {0}")]
pub struct GenerateError(#[from] rcgen::Error);

impl Identity {
    /// Reads a chain, the server's own certificate first, and its key.
    ///
    /// # Errors
    /// The file that is missing or malformed, by name.
    pub fn from_pem_files(certificates: &Path, key: &Path) -> Result<Self, PemError> {
        let chain = read_certificates(certificates)?;
        let path = key.display().to_string();
        let key = PrivateKeyDer::from_pem_slice(&read_pem(key)?).map_err(|error| PemError::Malformed {
            path,
            expected: "private key",
            error,
        })?;
        Ok(Self { chain, key })
    }

    /// Makes a key, and a certificate signed with it, for these names or addresses. Nobody's roots vouch for it: print its
    /// [`fingerprint`](Self::fingerprint), for clients to pin.
    ///
    /// # Errors
    /// If a name is none that a certificate can hold.
    pub fn generate(names: &[&str]) -> Result<Self, GenerateError> {
        let pem = Self::generate_pem(names)?;
        let made = |_: Error| GenerateError(rcgen::Error::CouldNotParseCertificate);
        let certificate = CertificateDer::from_pem_slice(pem.certificate.as_bytes()).map_err(made)?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.key.as_bytes()).map_err(made)?;
        Ok(Self { chain: vec![certificate], key: key.into() })
    }

    /// The same as two files' contents, for a server that keeps its fingerprint.
    ///
    /// # Errors
    /// See [`generate`](Self::generate).
    pub fn generate_pem(names: &[&str]) -> Result<GeneratedPem, GenerateError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names)?;
        Ok(GeneratedPem { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() })
    }

    /// Bytes that nobody makes without the key, the same at every start (HMAC-SHA256 of the purpose).
    pub(crate) fn secret(&self, purpose: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.secret_der());
        let mut secret = [0; 32];
        secret.copy_from_slice(hmac::sign(&key, purpose).as_ref());
        secret
    }

    /// The fingerprint of the server's own certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.chain[0])
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint())
    }
}

impl fmt::Debug for GeneratedPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GeneratedPem(..)")
    }
}
