//! [`Trust`]: by what a client knows its server.
//!
//! Invariant: there is no variant that trusts whoever answers. A pinned server must still prove that it has the key of
//! the certificate that it shows.

use std::{path::Path, sync::Arc};

use rustls::{
    DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{PemError, fingerprint::Fingerprint, read_certificates};

/// What vouches for a server.
#[derive(Clone, Debug)]
pub enum Trust {
    /// One of these roots signed its certificate, which is for the name that was dialed and in date.
    Roots(Vec<CertificateDer<'static>>),
    /// Its certificate is this one; names and dates do not matter.
    Pinned(Fingerprint),
}

impl Trust {
    /// Reads roots from a file of certificates: one's own, a self-signed server certificate, or a published bundle such
    /// as that of webpki-roots or of a distribution. The platform's store is never asked.
    ///
    /// # Errors
    /// If there is no such file, or no certificate in it.
    pub fn from_pem_file(path: &Path) -> Result<Self, PemError> {
        read_certificates(path).map(Self::Roots)
    }
}

/// Accepts the one certificate.
#[derive(Debug)]
pub(super) struct PinnedVerifier {
    pub(super) pinned: Fingerprint,
    pub(super) provider: Arc<CryptoProvider>,
}

#[derive(Debug, thiserror::Error)]
#[error("the server's certificate has the fingerprint {shown}, not the pinned {pinned}")]
struct NotPinned {
    shown: Fingerprint,
    pinned: Fingerprint,
}

impl ServerCertVerifier for PinnedVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        if shown == self.pinned {
            return Ok(ServerCertVerified::assertion());
        }
        let error = NotPinned { shown, pinned: self.pinned };
        Err(rustls::Error::Other(OtherError(Arc::new(error))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
