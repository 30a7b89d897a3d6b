//! The HTTP port: what anybody may see, and what takes the operators' token.

use std::sync::Arc;

use tickworld_server::{
    command::{COMMANDS_MAX, Command, CommandError, Kicked},
    http::{self, AdminToken, Ready, Site},
    meters::Meters,
};
use tokio::sync::{mpsc, oneshot};

const TOKEN: &str = "a-secret-of-the-operators";

/// A site on a port of its own, with somebody who answers commands.
struct Fixture {
    address: String,
    ready: Arc<Ready>,
    meters: Arc<Meters>,
    _stop: oneshot::Sender<()>,
    _runtime: tokio::runtime::Runtime,
}

impl Fixture {
    fn new(admin: Option<&str>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("the fixture works");
        let (commands, mut asked) = mpsc::channel(COMMANDS_MAX);
        runtime.spawn(async move {
            while let Some(command) = asked.recv().await {
                match command {
                    Command::Kick(player, reason, reply) if player.0 == 7 => {
                        assert_eq!(reason, "manners");
                        let _ = reply.send(Ok(Kicked { sessions: 1 }));
                    }
                    Command::Kick(player, _, reply) => {
                        let _ = reply.send(Err(CommandError::Absent(format!("player {} has no session", player.0))));
                    }
                    Command::Content(bytes, reply) => {
                        let _ = reply.send(Err(CommandError::Unusable(format!("{} bytes are no pack", bytes.len()))));
                    }
                    // Dropped without an answer, as by a region that ends.
                    _ => {}
                }
            }
        });
        let (ready, meters) = (Arc::<Ready>::default(), Arc::<Meters>::default());
        let admin = admin.map(|secret| AdminToken::new(secret).expect("the fixture works"));
        let site = Site { meters: meters.clone(), ready: ready.clone(), commands, admin };
        let listener =
            runtime.block_on(http::bind("127.0.0.1:0".parse().expect("the fixture works"))).expect("the fixture works");
        let address = format!("http://{}", listener.local_addr().expect("the fixture works"));
        let (stop, stopped) = oneshot::channel::<()>();
        runtime.spawn(http::serve(listener, site, async move { drop(stopped.await) }));
        Self { address, ready, meters, _stop: stop, _runtime: runtime }
    }

    fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let request =
            request.header("content-type", "application/json").body(body.to_owned()).expect("the fixture works");
        let mut response = agent.run(request).expect("the fixture works");
        (response.status().as_u16(), response.body_mut().read_to_string().expect("the fixture works"))
    }
}

const ADMIN: &[(&str, &str)] = &[
    ("GET", "/admin/status"),
    ("POST", "/admin/snapshot"),
    ("POST", "/admin/kick"),
    ("POST", "/admin/content"),
    ("POST", "/admin/shutdown"),
];

#[test]
fn without_a_configured_token_nobody_administers() {
    let site = Fixture::new(None);
    for (method, path) in ADMIN {
        for token in [None, Some("Bearer "), Some("Bearer a-secret-of-the-operators")] {
            let (code, text) = site.ask(method, path, token, "{}");
            assert_eq!(code, 403, "{method} {path} {token:?}: {text}");
            assert!(text.contains("admin-token-file"), "{text}");
        }
    }
}

#[test]
fn every_route_takes_the_right_token() {
    let site = Fixture::new(Some(TOKEN));
    let near = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    let bare = TOKEN.to_owned();
    for (method, path) in ADMIN {
        for token in [None, Some("Bearer "), Some("Basic YTpi"), Some(&near), Some(&bare)] {
            assert_eq!(site.ask(method, path, token, "{}").0, 401, "{method} {path} {token:?}");
        }
    }
}

#[test]
fn an_operator_gets_the_regions_answer() {
    let site = Fixture::new(Some(TOKEN));
    let bearer = format!("Bearer {TOKEN}");
    let kick = |body: &str| site.ask("POST", "/admin/kick", Some(&bearer), body);
    assert_eq!(kick(r#"{"player": 7, "reason": "manners"}"#), (200, r#"{"sessions":1}"#.to_owned()));
    let absent = r#"{"error":"player 8 has no session"}"#;
    assert_eq!(kick(r#"{"player": 8}"#), (404, absent.to_owned()));
    assert_eq!(kick(r#"{"playr": 8}"#).0, 422);
    assert_eq!(kick("{").0, 400);
    let (code, text) = site.ask("POST", "/admin/content", Some(&bearer), "no pack");
    assert_eq!((code, text.as_str()), (422, r#"{"error":"7 bytes are no pack"}"#));
    let (code, text) = site.ask("POST", "/admin/snapshot", Some(&bearer), "");
    assert_eq!((code, text.as_str()), (503, r#"{"error":"the world does not run"}"#));
    assert_eq!(site.ask("GET", "/admin/snapshot", Some(&bearer), "").0, 405);
}

#[test]
fn anybody_may_ask_how_it_is() {
    let site = Fixture::new(None);
    let get = |path| site.ask("GET", path, None, "");
    assert_eq!(get("/healthz"), (200, "alive\n".to_owned()));
    assert_eq!(get("/readyz"), (503, "not ready: the world does not run\n".to_owned()));
    site.ready.set_running(true);
    assert_eq!(get("/readyz").0, 200);
    site.ready.set_storage_failed(true);
    assert_eq!(get("/readyz"), (503, "not ready: ticks cannot be stored\n".to_owned()));
    site.ready.set_storage_failed(false);
    assert_eq!(get("/readyz").0, 200);
    site.meters.inputs.increment(12);
    let (code, text) = get("/metrics");
    assert!(code == 200 && text.contains("\ntickworld_inputs_total 12\n"), "{text}");
    assert_eq!(get("/nowhere").0, 404);
}

#[test]
fn a_short_secret_is_none() {
    assert_eq!(AdminToken::new("short"), None);
    assert_eq!(AdminToken::new("  a-secret-of-the-operators\n"), AdminToken::new(TOKEN));
    // It is not shown by mistake.
    assert!(!format!("{:?}", AdminToken::new(TOKEN)).contains(TOKEN));
}

#[test]
fn the_readme_lists_every_number() {
    use tickworld_server::meters::METERS;
    let mut table = String::from("| name | kind | meaning |\n| --- | --- | --- |\n");
    for meter in METERS {
        let label =
            meter.label.map(|(label, values)| format!("; `{label}`: {}", values.join(", "))).unwrap_or_default();
        table.push_str(&format!("| `{}` | {} | {}{label} |\n", meter.name, meter.kind, meter.about.trim()));
    }
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "the table of numbers in reference-server/README.md should be\n\n{table}");
}
