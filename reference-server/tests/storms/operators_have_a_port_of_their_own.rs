//! Operators' requests on a port of their own: over TLS where others can reach it, and then nowhere else.

use std::{
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::CertificateDer};

use crate::{
    harness::{LONG, OPERATORS, operate, page},
    launch,
};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", address.port())).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// What a stream answers to a request for the status.
fn status(mut stream: impl std::io::Read + std::io::Write) -> String {
    let head = format!("GET /admin/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {OPERATORS}\r\n");
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A close without a goodbye is how a refused handshake looks.
    _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// TLS that trusts the certificate in this file and no other.
fn tls(certificate: &Path) -> ClientConfig {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    config.with_root_certificates(roots).with_no_client_auth()
}

#[test]
fn beyond_this_machine_operators_are_heard_over_tls_alone() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path()).with_operators().with("--admin=0.0.0.0:0").with("--dev-certificate");
    let (server, ready) = launch.start_ready();
    let admin = ready.admin.unwrap();
    let config = Arc::new(tls(&folder.path().join("dev-certificate.pem")));
    let client = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
    let told = status(StreamOwned::new(client, connect(admin)));
    assert!(told.starts_with("HTTP/1.1 200") && told.contains("\"durable_tick\""), "{told}");
    // In the clear it answers nothing.
    let told = status(connect(admin));
    assert!(!told.contains("HTTP/1.1 200") && !told.contains("durable_tick"), "{told}");
    // And the HTTP port is for probes.
    let (code, told) = operate(ready.http, "snapshot", "");
    assert_eq!(code, 404, "{told}");
    assert_eq!(page(ready.http, "/healthz").0, 200);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn on_this_machine_operators_are_heard_where_the_setting_says() {
    let folder = tempfile::tempdir().unwrap();
    let (server, ready) = launch(folder.path()).with_operators().with("--admin=127.0.0.1:0").start_ready();
    let admin = ready.admin.unwrap();
    assert_ne!(admin, ready.http);
    assert!(status(connect(admin)).starts_with("HTTP/1.1 200"));
    assert!(status(connect(ready.http)).starts_with("HTTP/1.1 404"));
    let (code, told) = operate(admin, "shutdown", "");
    assert_eq!((code, told.to_string().as_str()), (200, r#"{"shutting_down":true}"#));
    assert_eq!(server.exit().code, Some(0));
    // Without the setting it is the HTTP port.
    let (server, ready) = launch(folder.path()).with_operators().start_ready();
    assert_eq!(ready.admin, Some(ready.http));
    assert!(status(connect(ready.http)).starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_snapshot_that_cannot_be_stored_is_refused_soon() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path()).with_operators().shrugging_at_file_limits();
    let (mut server, ready) = launch.start_ready();
    server.limit_files(Some(4_096));
    server.await_message("ticks cannot be stored");
    let begun = std::time::Instant::now();
    // It may find room in the file itself for a while: then the snapshot is stored, and the next one is not.
    let told = loop {
        let (code, told) = operate(ready.http, "snapshot", "");
        if code == 503 {
            break told;
        }
    };
    assert!(told["error"].is_string() && begun.elapsed() < LONG, "{told} after {:?}", begun.elapsed());
    server.limit_files(None);
    server.await_message("ticks are stored again");
    assert_eq!(server.stop().code, Some(0));
}
