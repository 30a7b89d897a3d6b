//! The TLS of both sides, whatever the transport.
//!
//! Invariant: see the module above; both are made here and nowhere else.

use std::sync::Arc;

use rustls::{RootCertStore, crypto::CryptoProvider, version::TLS13};

use super::{
    identity::Identity,
    trust::{PinnedVerifier, Trust},
};

/// A server that shows `identity` and speaks `alpn`.
pub(crate) fn server_config(identity: Identity, alpn: &[u8]) -> Result<rustls::ServerConfig, rustls::Error> {
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols = vec![alpn.to_vec()];
    config.max_early_data_size = 0;
    Ok(config)
}

impl Identity {
    /// TLS 1.3 of a server beside the game port that shows the same certificate, for a protocol that ALPN names so.
    ///
    /// # Errors
    /// If the key is not the certificate's, or of a kind that is not understood.
    pub fn tcp_config(&self, alpn: &[u8]) -> Result<rustls::ServerConfig, rustls::Error> {
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(config)
    }
}

/// A client that knows its server by `trust` and speaks `alpn`.
pub(crate) fn client_config(trust: Trust, alpn: &[u8]) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = provider();
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&[&TLS13])?;
    let mut config = match trust {
        Trust::Roots(certificates) => {
            let mut roots = RootCertStore::empty();
            // A published bundle may hold a root of a kind that is not understood; one's own file has to be right.
            let (added, ignored) = roots.add_parsable_certificates(certificates);
            if added == 0 {
                return Err(rustls::Error::General("no root is of a kind that is understood".to_owned()));
            }
            tracing::debug!(added, ignored, "took roots");
            builder.with_root_certificates(roots)
        }
        Trust::Pinned(pinned) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(PinnedVerifier { pinned, provider }))
        }
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = false;
    Ok(config)
}

/// The library's cryptography by name: a process-wide default would depend on who else is linked in.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
