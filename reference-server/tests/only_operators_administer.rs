//! The HTTP port: what anybody may see, and what takes the operators' token.

use std::{sync::Arc, time::Duration};

use tickworld_region::{Answer, Kicked, OperatorRequest, Request, RequestError, Status};
use tickworld_server::{
    http::{self, AdminToken, Handling, HttpState, Ready, RequestHandler, port::HttpPort},
    log_limit::LogLimit,
    meters::Meters,
};
use tickworld_sim::{
    content::ContentId,
    frame::{PlayerId, Tick},
    hash::Hash,
    schema::SchemaId,
};

const TOKEN: &str = "a-secret-of-the-operators";

/// A site on a port of its own, with somebody who answers operators' requests.
struct Fixture {
    address: String,
    ready: Arc<Ready>,
    meters: Arc<Meters>,
    _port: HttpPort,
    _runtime: tokio::runtime::Runtime,
}

fn status() -> Status {
    Status {
        game: "purses",
        revision: 3,
        schema: SchemaId(Hash([1; 32])),
        content: ContentId::NONE,
        tick: Tick(12),
        durable_tick: Tick(10),
        root: (Tick(11), Hash([2; 32])),
        pace_percent: 100,
        storage_failed: None,
        sessions: 4,
        held_players: vec![PlayerId(7)],
        held_returns: vec![PlayerId(9), PlayerId(10)],
    }
}

/// Knows player 7, takes no pack, and stores nothing because it ends.
struct StubRegion;

impl RequestHandler for StubRegion {
    fn handle(&self, request: OperatorRequest) -> Handling<'_> {
        let answer = match request {
            Request::Status => Ok(Answer::Status(Box::new(status()))),
            Request::Kick { player, reason } if player.0 == 7 => {
                assert_eq!(reason, "manners");
                Ok(Answer::Kicked(Kicked { player, sessions: 1 }))
            }
            Request::Kick { player, .. } => Err(RequestError::Absent(format!("player {} has no session", player.0))),
            Request::Clear { player } if player.0 == 7 => Ok(Answer::Done(Tick(21))),
            Request::Held { player, is_taken: true } if player.0 == 9 => Ok(Answer::Done(Tick(22))),
            Request::Content { pack, force: false } if pack.starts_with(b"lacks") => {
                Err(RequestError::Unresolved((1..=9).map(|number| format!("creature {number} (1 in use)")).collect()))
            }
            Request::Content { pack, .. } => Err(RequestError::Unusable(format!("{} bytes are no pack", pack.len()))),
            Request::Shutdown => Ok(Answer::Ending(Tick(9))),
            _ => Err(RequestError::Unavailable("the world does not run any more".to_owned())),
        };
        Box::pin(async { answer })
    }
}

impl Fixture {
    fn new(admin: Option<&str>) -> Self {
        Self::with(admin, http::router)
    }

    /// With such routes.
    fn with(admin: Option<&str>, routes: impl FnOnce(HttpState) -> axum::Router) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("the fixture works");
        let (ready, meters) = (Arc::<Ready>::default(), Arc::<Meters>::default());
        let admin = admin.map(|secret| AdminToken::new(secret).expect("the fixture works"));
        let strangers = Arc::new(LogLimit::new(Duration::from_secs(1)));
        let (title, handler) = ("a town".into(), Arc::new(StubRegion));
        let state = HttpState { meters: meters.clone(), ready: ready.clone(), title, handler, admin, strangers };
        let port = runtime.block_on(async {
            let listener = http::bind("127.0.0.1:0".parse().expect("the fixture works")).await;
            HttpPort::serve(listener.expect("the fixture works"), None, routes(state)).expect("the fixture works")
        });
        let address = format!("http://{}", port.local_address());
        Self { address, ready, meters, _port: port, _runtime: runtime }
    }

    fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let answer = self.ask_with(method, path, token, Some("application/json"), body);
        (answer.code, answer.text)
    }

    fn ask_with(&self, method: &str, path: &str, token: Option<&str>, content: Option<&str>, body: &str) -> Reply {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        if let Some(content) = content {
            request = request.header("content-type", content);
        }
        let mut response =
            agent.run(request.body(body.to_owned()).expect("the fixture works")).expect("the fixture works");
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().expect("it is text").to_owned());
        let allow = response.headers().get("allow").map(|allow| allow.to_str().expect("it is text").to_owned());
        let text = response.body_mut().read_to_string().expect("the fixture works");
        Reply { code: response.status().as_u16(), kind: kind.unwrap_or_default(), allow, text }
    }
}

/// What came back.
struct Reply {
    code: u16,
    kind: String,
    allow: Option<String>,
    text: String,
}

impl Reply {
    /// It is a refusal with such a code, in JSON, whose message has these words and nothing that belongs on a terminal.
    fn refuses(&self, code: u16, words: &str) {
        let Self { code: found, kind, text, .. } = self;
        assert_eq!((*found, kind.as_str()), (code, "application/json"), "{text}");
        let value: serde_json::Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text} is no JSON"));
        let error = value["error"].as_str().unwrap_or_else(|| panic!("{text} has no `error`"));
        assert!(error.contains(words), "{text} does not say {words:?}");
        assert!(!error.contains("error: ") && !error.contains('\u{1b}'), "{text}");
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
            site.ask_with(method, path, token, None, "{}").refuses(403, "nobody administers");
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
            site.ask_with(method, path, token, None, "{}").refuses(401, "operators' token");
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
    let clear = site.ask("POST", "/admin/clear", Some(&bearer), r#"{"player": 7}"#);
    assert_eq!(clear, (200, r#"{"tick":21}"#.to_owned()));
    let held = |body: &str| site.ask("POST", "/admin/held", Some(&bearer), body);
    assert_eq!(held(r#"{"player": 9, "take": true}"#), (200, r#"{"tick":22}"#.to_owned()));
    assert_eq!(held(r#"{"player": 9}"#).0, 422, "whether they are taken is said");
    let (code, text) = site.ask("POST", "/admin/content", Some(&bearer), "no pack");
    assert_eq!((code, text.as_str()), (422, r#"{"error":"7 bytes are no pack"}"#));
    let (code, text) = site.ask("POST", "/admin/snapshot", Some(&bearer), "");
    assert_eq!((code, text.as_str()), (503, r#"{"error":"the world does not run any more"}"#));
    assert_eq!(site.ask("GET", "/admin/snapshot", Some(&bearer), "").0, 405);
}

#[test]
fn every_refusal_is_json() {
    let site = Fixture::new(Some(TOKEN));
    let bearer = format!("Bearer {TOKEN}");
    let json = Some("application/json");
    let ask = |method, path, kind, body: &str| site.ask_with(method, path, Some(&bearer), kind, body);
    ask("POST", "/admin/kick", json, "{").refuses(400, "JSON");
    ask("POST", "/admin/kick", json, "").refuses(400, "JSON");
    ask("GET", "/admin/nothing", json, "").refuses(404, "GET /admin/nothing");
    ask("GET", "/admin", json, "").refuses(404, "/admin");
    ask("GET", "/admin/", json, "").refuses(404, "nothing here");
    for (method, path, allowed) in [("GET", "/admin/kick", "POST"), ("DELETE", "/admin/status", "GET,HEAD")] {
        let answer = ask(method, path, json, "");
        answer.refuses(405, &format!("{method} {path}"));
        assert_eq!(answer.allow.as_deref(), Some(allowed));
    }
    ask("POST", "/admin/kick", json, &format!("{{\"player\": 7, \"reason\": \"{}\"}}", "x".repeat(20_000)))
        .refuses(413, "limit");
    ask("POST", "/admin/kick", None, r#"{"player": 7}"#).refuses(415, "application/json");
    ask("POST", "/admin/kick", Some("text/plain"), r#"{"player": 7}"#).refuses(415, "application/json");
    ask("POST", "/admin/kick", json, r#"{"playr": 8}"#).refuses(422, "playr");
    ask("POST", "/admin/kick", json, r#"{"player": "seven"}"#).refuses(422, "player");
    ask("POST", "/admin/kick", json, r#"{"player": 8}"#).refuses(404, "player 8 has no session");
    ask("POST", "/admin/content", None, "no pack").refuses(422, "7 bytes are no pack");
    ask("POST", "/admin/snapshot", None, "").refuses(503, "does not run");
    site.ask_with("GET", "/admin/nothing", None, None, "").refuses(401, "operators' token");
    site.ask_with("GET", "/nowhere", None, None, "").refuses(404, "nothing here");
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = site.ask_with("PUT", path, None, None, "");
        answer.refuses(405, "another way");
        assert_eq!(answer.allow.as_deref(), Some("GET,HEAD"), "{path}");
    }
}

#[test]
fn an_operator_reads_how_the_region_is() {
    let site = Fixture::new(Some(TOKEN));
    let (code, text) = site.ask("GET", "/admin/status", Some(&format!("Bearer {TOKEN}")), "");
    let expected = serde_json::json!({
        "title": "a town", "game": "purses", "revision": 3, "schema": Hash([1; 32]).to_string(),
        "content": ContentId::NONE.to_string(), "tick": 12, "durable_tick": 10, "root": Hash([2; 32]).to_string(),
        "root_tick": 11, "pace_percent": 100, "storage": "good", "sessions": 4,
        "held_players": [7], "held_returns": [9, 10],
    });
    let found: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!((code, found), (200, expected));
}

#[test]
fn what_a_pack_lacks_is_a_list_and_may_be_overruled() {
    let site = Fixture::new(Some(TOKEN));
    let ask = |path| site.ask("POST", path, Some(&format!("Bearer {TOKEN}")), "lacks");
    let (code, text) = ask("/admin/content");
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!((code, value["unresolved"].as_array().map(Vec::len)), (422, Some(9)), "{text}");
    assert!(value["error"].as_str().is_some_and(|error| error.ends_with("creature 8 (1 in use) and 1 more")), "{text}");
    assert_eq!(ask("/admin/content?force=false").0, 422);
    assert_eq!(ask("/admin/content?force=true"), (422, r#"{"error":"5 bytes are no pack"}"#.to_owned()));
    assert_eq!(ask("/admin/content?force=perhaps").0, 400);
}

#[test]
fn an_operator_is_told_that_the_end_has_begun() {
    let site = Fixture::new(Some(TOKEN));
    let (code, text) = site.ask("POST", "/admin/shutdown", Some(&format!("Bearer {TOKEN}")), "");
    assert_eq!((code, text.as_str()), (200, r#"{"shutting_down":true}"#));
}

#[test]
fn no_snapshot_is_waited_for_while_nothing_can_be_stored() {
    let site = Fixture::new(Some(TOKEN));
    site.ready.set_storage_failed(true);
    let answer = site.ask_with("POST", "/admin/snapshot", Some(&format!("Bearer {TOKEN}")), None, "");
    answer.refuses(503, "ticks cannot be stored");
}

#[test]
fn a_port_that_others_reach_takes_no_operators_requests() {
    let bearer = format!("Bearer {TOKEN}");
    let public = Fixture::with(Some(TOKEN), http::public_router);
    for (method, path) in ADMIN {
        public.ask_with(method, path, Some(&bearer), None, "").refuses(404, "not taken on this port");
    }
    assert_eq!(public.ask("GET", "/healthz", None, "").0, 200);
    let operators = Fixture::with(Some(TOKEN), http::admin_router);
    operators
        .ask_with("POST", "/admin/kick", Some(&bearer), Some("application/json"), r#"{"player": 8}"#)
        .refuses(404, "8");
    operators.ask_with("GET", "/admin/status", None, None, "").refuses(401, "token");
    operators.ask_with("GET", "/metrics", None, None, "").refuses(404, "nothing here");
    assert_eq!(operators.ask("GET", "/healthz", None, "").0, 200);
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
