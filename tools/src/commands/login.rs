//! How a command comes into a server that runs: its address, its certificate, tokens.
//!
//! Invariant: a server's data folder is only read: where it holds no key, none is made, for no server would take what it signs.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs as _},
    path::Path,
};

use tickworld_net::tls::fingerprint::Fingerprint;

use crate::{
    failure::{Failure, Outcome},
    hosting::fingerprint_of,
};

const NEEDED: &str = "give --data with the server's data folder, or both --fingerprint and --tokens";
/// Where the development issuer of a server keeps its key.
const ISSUER_FILE: &str = "development-issuer.pem";

/// The certificate's fingerprint: what was said, or what the data folder says.
pub(super) fn fingerprint(said: Option<Fingerprint>, data: Option<&Path>) -> Outcome<Fingerprint> {
    match (said, data) {
        (Some(fingerprint), _) => Ok(fingerprint),
        (None, Some(data)) => fingerprint_of(data),
        (None, None) => Err(Failure::new("no certificate to know the server by").help(NEEDED)),
    }
}

/// The tokens of a file, one a line.
pub(super) fn tokens_in(file: &Path) -> Outcome<Vec<String>> {
    let text = fs::read_to_string(file);
    let text = text.map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The data folder, if a server has signed tokens there.
pub(super) fn issuer_folder(data: Option<&Path>) -> Outcome<&Path> {
    let data = data.ok_or_else(|| Failure::new("no tokens").help(NEEDED))?;
    if !data.join(ISSUER_FILE).is_file() {
        let message = format!("{} holds no {ISSUER_FILE}: no server has signed tokens there", data.display());
        return Err(Failure::new(message).help("name the folder of the server's setting `data`; or give --tokens"));
    }
    Ok(data)
}

/// The address of a server, whose name may stand for several: the first of the old kind is taken, where there is one.
pub(super) fn resolve(name: &str) -> Outcome<SocketAddr> {
    let failed = |why: String| {
        let help = "write an address or a name, and a port: 127.0.0.1:7310, example.org:7310, [::1]:7310";
        Failure::new(format!("{name}: {why}")).help(help)
    };
    let found: Vec<SocketAddr> = name.to_socket_addrs().map_err(|error| failed(error.to_string()))?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| failed("the name stands for no address".into()))
}
