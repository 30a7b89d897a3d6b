//! What a server is made of, as the configuration says.

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc};

use tickworld_net::tls::identity::Identity;
use tickworld_persist::Tokens;
use tickworld_pool::Pool;
use tickworld_sim::executor::Executor;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{
    admission::{Authenticator, DevelopmentIssuer, JwtAuthenticator, JwtSettings, PublicKey, take_over_file},
    config::Config,
    data_folder,
    http::{self, HttpState, port::HttpPort},
    secret_file,
    start_error::StartError,
};

/// The HTTP ports, taken and not served yet.
pub(super) struct HttpSockets {
    public: TcpListener,
    /// The port of operators alone, and what it speaks.
    admin: Option<(TcpListener, Option<TlsAcceptor>)>,
    administers_on_http: bool,
}

/// Takes the configured ports.
pub(super) async fn http_sockets(config: &Config, identity: &Identity) -> Result<HttpSockets, StartError> {
    let tls = admin_tls(config, identity)?;
    let public = bind("http", config.http).await?;
    let admin = match config.admin {
        Some(address) => Some((bind("admin", address).await?, tls)),
        None => None,
    };
    Ok(HttpSockets { public, admin, administers_on_http: config.administers_on_http() })
}

/// Ports that are served, and which of them takes operators' requests.
#[derive(Default)]
pub(super) struct HttpPorts {
    pub(super) ports: Vec<HttpPort>,
    pub(super) address: Option<SocketAddr>,
    pub(super) admin_address: Option<SocketAddr>,
}

impl HttpSockets {
    pub(super) fn serve(self, state: &HttpState) -> Result<HttpPorts, StartError> {
        let Self { public, admin, administers_on_http } = self;
        let routes = if administers_on_http { http::router(state.clone()) } else { http::public_router(state.clone()) };
        let mut ports = vec![serve("http", public, None, routes)?];
        let address = Some(ports[0].local_address());
        let mut admin_address = address.filter(|_| administers_on_http);
        if let Some((socket, tls)) = admin {
            let port = serve("admin", socket, tls, http::admin_router(state.clone()))?;
            admin_address = Some(port.local_address());
            ports.push(port);
        }
        Ok(HttpPorts { ports, address, admin_address })
    }
}

/// Takes a TCP port; a refusal names the setting that asked for it.
async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    http::bind(address).await.map_err(|cause| StartError::Port { setting, address, cause })
}

fn serve(
    setting: &'static str,
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: axum::Router,
) -> Result<HttpPort, StartError> {
    let unknown = SocketAddr::from(([0; 4], 0));
    HttpPort::serve(socket, tls, routes).map_err(|cause| StartError::Port { setting, address: unknown, cause })
}

/// What the operators' port speaks beyond this machine.
fn admin_tls(config: &Config, identity: &Identity) -> Result<Option<TlsAcceptor>, StartError> {
    if config.admin.is_none_or(|admin| admin.ip().is_loopback()) {
        return Ok(None);
    }
    let tls = identity.tcp_config(b"http/1.1").map_err(|error| StartError::Tls(error.to_string()))?;
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
}

fn at(path: &Path) -> impl Fn(io::Error) -> StartError {
    move |cause| StartError::File { path: path.to_owned(), cause }
}

/// The configured certificate, or the development one of the data folder, which keeps its fingerprint.
pub(super) fn identity(config: &Config) -> Result<Identity, StartError> {
    if let (Some(certificate), Some(key)) = (&config.certificate, &config.certificate_key) {
        return Ok(Identity::from_pem_files(certificate, key)?);
    }
    let (certificate, key) = (config.data.join("dev-certificate.pem"), config.data.join("dev-certificate-key.pem"));
    if !certificate.exists() || !key.exists() {
        data_folder::make(&config.data).map_err(at(&config.data))?;
        let made = Identity::generate_pem(&["localhost"])?;
        // Where the certificate was lost, its key is of no use.
        secret_file::replace(&key, made.key.as_bytes()).map_err(at(&key))?;
        fs::write(&certificate, made.certificate).map_err(at(&certificate))?;
        tracing::warn!(file = %certificate.display(), "made a development certificate: clients must pin its fingerprint");
    }
    Ok(Identity::from_pem_files(&certificate, &key)?)
}

/// The default one: tokens of the configured keys, and those of the development key where they count.
pub(super) async fn authenticator<T: Tokens + 'static>(
    config: &Config,
    tokens: Arc<T>,
) -> Result<Arc<dyn Authenticator>, StartError> {
    let mut keys = config.token_keys.iter().map(|path| PublicKey::read(path)).collect::<Result<Vec<_>, _>>()?;
    if config.takes_development_tokens() {
        keys.push(DevelopmentIssuer::open(&config.data)?.public());
        tracing::warn!(folder = %config.data.display(), "whoever can read the data folder can be anybody: development tokens count");
    }
    take_over_file(&config.data, &*tokens).await.map_err(at(&config.data))?;
    let settings =
        JwtSettings { audience: config.audience.clone(), leeway_seconds: config.token_leeway_seconds.into() };
    Ok(Arc::new(JwtAuthenticator::new(keys, &settings, tokens)))
}

/// The configured threads.
pub(super) fn executor(config: &Config) -> Result<Arc<dyn Executor>, StartError> {
    Ok(Arc::new(Pool::new(usize::from(config.threads))?))
}
