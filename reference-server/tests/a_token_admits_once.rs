//! Tokens: who signed them, for what, until when, and only once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use tickworld_persist::{
    Bearer, TokenDigest, Tokens,
    error::{Fault, SpendError},
    memory::Memory,
};
use tickworld_proto::{
    host::NotedGeneration,
    message::{Nonce, SessionKind},
};
use tickworld_server::admission::{
    AuthenticationRequest, Authenticator as _, Claims, DevelopmentIssuer, Granted, JwtAuthenticator, JwtSettings,
    KindName, PublicKey, Refused, TOKEN_SECONDS_MAX, TokenError,
};
use tickworld_sim::frame::PlayerId;

const NOW: u64 = 1_800_000_000;
const LEEWAY: u64 = 10;
/// Of a player whom nobody knows.
const UNKNOWN: NotedGeneration = NotedGeneration { first: 0, now: 0 };

/// What happens here needs no reactor.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A folder with a development key, an authenticator for it, and the time.
struct Fixture {
    folder: tempfile::TempDir,
    issuer: DevelopmentIssuer,
    authenticator: JwtAuthenticator<Memory>,
    tokens: Arc<Memory>,
    clock: Arc<AtomicU64>,
}

/// An authenticator whose clock can be set.
fn authenticator<T: Tokens>(keys: Vec<PublicKey>, tokens: Arc<T>, clock: &Arc<AtomicU64>) -> JwtAuthenticator<T> {
    let settings = JwtSettings { audience: "tickworld".to_owned(), leeway_seconds: LEEWAY };
    let clock = clock.clone();
    JwtAuthenticator::new(keys, &settings, tokens).with_clock(Box::new(move || clock.load(Ordering::Relaxed)))
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let issuer = DevelopmentIssuer::open(folder.path()).expect("a key can be made there");
        let (tokens, clock) = (Arc::<Memory>::default(), Arc::new(AtomicU64::new(NOW)));
        let authenticator = authenticator(vec![issuer.public()], tokens.clone(), &clock);
        Self { folder, issuer, authenticator, tokens, clock }
    }

    /// As a server that starts again, with what the one before stored.
    fn restart(&mut self) {
        self.authenticator = authenticator(vec![self.issuer.public()], self.tokens.clone(), &self.clock);
    }

    fn set_clock(&self, seconds: u64) {
        self.clock.store(seconds, Ordering::Relaxed);
    }

    /// What a token comes to that another program shows each time.
    fn admit(&self, token: &[u8], kind: SessionKind) -> Result<Granted, TokenError> {
        wait(self.authenticator.admit(&request(token, kind)))
    }

    /// What a command session's token comes to.
    fn judge(&self, claims: &Claims) -> Result<Granted, TokenError> {
        self.admit(self.issuer.sign(claims).as_bytes(), SessionKind::Command)
    }
}

/// Of a program that just began.
fn request(token: &[u8], kind: SessionKind) -> AuthenticationRequest {
    static PROGRAMS: AtomicU64 = AtomicU64::new(1);
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&PROGRAMS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    AuthenticationRequest::new(token.to_vec().into(), Nonce(nonce), kind)
}

fn claims(jti: &str) -> Claims {
    Claims {
        sub: Some("7".to_owned()),
        aud: "tickworld".to_owned(),
        exp: NOW + 60,
        nbf: None,
        jti: jti.to_owned(),
        kinds: vec![KindName::Command],
        session_until: None,
    }
}

#[test]
fn a_good_token_admits_one_client() {
    let it = Fixture::new();
    let granted = Granted { noted: Some(UNKNOWN), ..Granted::new(Some(PlayerId(7)), vec![SessionKind::Command]) };
    assert_eq!(it.judge(&claims("a")), Ok(granted.clone()));
    assert_eq!(it.judge(&claims("a")), Err(TokenError::Used));
    // The same identity with another end is the same token.
    assert_eq!(it.judge(&Claims { exp: NOW + 61, ..claims("a") }), Err(TokenError::Used));
    assert_eq!(it.judge(&claims("b")), Ok(granted.clone()));
    // The one that was first may come again: it may never have heard its welcome.
    let first = request(it.issuer.sign(&claims("c")).as_bytes(), SessionKind::Command);
    for _ in 0..3 {
        assert_eq!(wait(it.authenticator.admit(&first)), Ok(granted.clone()));
    }
    assert_eq!(it.judge(&claims("c")), Err(TokenError::Used));
}

#[test]
fn a_session_ends_for_good_when_its_token_says_so() {
    let it = Fixture::new();
    let until = |until| Claims { session_until: Some(until), ..claims(&format!("until {until}")) };
    assert_eq!(it.judge(&until(NOW)), Err(TokenError::Expired));
    let granted = it.judge(&until(NOW + 1)).expect("there is a second left");
    assert_eq!(granted.until_seconds, Some(NOW + 1));
}

#[test]
fn a_used_token_stays_used_when_the_server_starts_again() {
    let mut it = Fixture::new();
    assert!(it.judge(&claims("a")).is_ok());
    it.restart();
    assert_eq!(it.judge(&claims("a")), Err(TokenError::Used));
}

/// Whether a token that was used admits again after starts with wrong clocks, between which the right one is back; gives the
/// first clock after which it does.
fn admits_again(restart: impl Fn(&mut Fixture)) -> Option<u64> {
    const HOUR: u64 = 3_600;
    const YEAR: u64 = 365 * 24 * HOUR;
    let last = |it: &Fixture| it.judge(&Claims { exp: NOW + TOKEN_SECONDS_MAX, ..claims("a") });
    let mut it = Fixture::new();
    assert!(last(&it).is_ok());
    let wrong = [NOW + HOUR, NOW + TOKEN_SECONDS_MAX + HOUR, NOW + 6 * 24 * HOUR, NOW + YEAR, u64::MAX, NOW - YEAR, 0];
    wrong.into_iter().find(|wrong| {
        it.set_clock(*wrong);
        restart(&mut it);
        // What is accepted by that clock, and there may be much of it, makes it forget nothing of ours; what is shown in vain
        // does not either.
        for number in 0..1_500 {
            let id = format!("{wrong} {number}");
            if *wrong <= NOW + 6 * 24 * HOUR && *wrong >= NOW {
                let own = Claims { exp: wrong.saturating_add(60), ..claims(&id) };
                assert!(it.judge(&own).is_ok(), "{wrong}");
            } else {
                let honest = Claims { exp: NOW + 60, ..claims(&id) };
                assert!(it.judge(&honest).is_err(), "{wrong}");
            }
        }
        it.set_clock(NOW + 5);
        restart(&mut it);
        last(&it) != Err(TokenError::Used)
    })
}

/// A machine that starts before its time service has run, and others whose clock is wrong for a while.
#[test]
fn a_clock_that_was_wrong_once_makes_no_used_token_good() {
    assert_eq!(admits_again(Fixture::restart), None);
}

/// The planted fault: a start that forgets at once what has expired by its own clock.
#[test]
fn a_start_that_forgets_by_its_clock_alone_is_caught() {
    let forgets = |it: &mut Fixture| {
        it.restart();
        let now = it.clock.load(Ordering::Relaxed);
        wait(it.tokens.forget_spent(now)).expect("memory does not fail");
    };
    assert_eq!(admits_again(forgets), Some(NOW + TOKEN_SECONDS_MAX + 3_600));
}

#[test]
fn what_nobody_can_use_any_more_is_forgotten() {
    /// Notes what is to be forgotten.
    struct Forgetful(AtomicU64);
    impl Tokens for Forgetful {
        async fn spend(&self, _: TokenDigest, bearer: Bearer, _: u64) -> Result<Option<Bearer>, SpendError> {
            Ok(Some(bearer))
        }

        async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
            self.0.store(expired_before_seconds, Ordering::Relaxed);
            Ok(0)
        }
    }
    let (it, forgetful) = (Fixture::new(), Arc::new(Forgetful(AtomicU64::new(0))));
    let authenticator = authenticator(vec![it.issuer.public()], forgetful.clone(), &it.clock);
    let admit =
        |claims: &Claims| wait(authenticator.admit(&request(it.issuer.sign(claims).as_bytes(), SessionKind::Command)));
    assert!(admit(&Claims { exp: NOW - 100, ..claims("a") }).is_err());
    assert_eq!(forgetful.0.load(Ordering::Relaxed), 0, "only a token within its time vouches for the clock");
    assert!(admit(&claims("a")).is_ok());
    assert_eq!(forgetful.0.load(Ordering::Relaxed), NOW - 7 * TOKEN_SECONDS_MAX);
}

#[test]
fn a_token_that_cannot_be_noted_admits_nobody_and_is_not_lost() {
    /// A full disk.
    struct Full;
    impl Tokens for Full {
        async fn spend(&self, _: TokenDigest, _: Bearer, _: u64) -> Result<Option<Bearer>, SpendError> {
            Err(SpendError::Storage(Fault::Full))
        }

        async fn forget_spent(&self, _: u64) -> Result<u64, Fault> {
            Err(Fault::Full)
        }
    }
    let it = Fixture::new();
    let full = authenticator(vec![it.issuer.public()], Arc::new(Full), &it.clock);
    let token = it.issuer.sign(&claims("a"));
    let refused =
        wait(full.authenticate(request(token.as_bytes(), SessionKind::Command))).expect_err("nothing can be noted");
    // A peer that is told so may try again, with the same token.
    assert!(matches!(&refused, Refused::Unavailable(text) if text.contains("try again later")), "{refused:?}");
    assert!(it.judge(&claims("a")).is_ok());
}

#[test]
fn where_no_more_can_be_kept_what_has_surely_expired_makes_room() {
    /// Is full until something may be forgotten that expired long ago.
    struct Small(AtomicU64);
    impl Tokens for Small {
        async fn spend(&self, _: TokenDigest, bearer: Bearer, _: u64) -> Result<Option<Bearer>, SpendError> {
            let is_full = self.0.load(Ordering::Relaxed) < NOW - TOKEN_SECONDS_MAX - 2 * LEEWAY;
            if is_full { Err(SpendError::Full) } else { Ok(Some(bearer)) }
        }

        async fn forget_spent(&self, expired_before_seconds: u64) -> Result<u64, Fault> {
            assert!(
                expired_before_seconds <= NOW - TOKEN_SECONDS_MAX - 2 * LEEWAY,
                "that may be good by another clock"
            );
            self.0.fetch_max(expired_before_seconds, Ordering::Relaxed);
            Ok(1)
        }
    }
    let it = Fixture::new();
    let small = authenticator(vec![it.issuer.public()], Arc::new(Small(AtomicU64::new(0))), &it.clock);
    let token = it.issuer.sign(&claims("a"));
    assert!(wait(small.admit(&request(token.as_bytes(), SessionKind::Command))).is_ok());
}

#[test]
fn a_token_of_an_unknown_key_is_refused() {
    let (it, stranger) = (Fixture::new(), Fixture::new());
    let token = stranger.issuer.sign(&claims("a"));
    assert_eq!(it.admit(token.as_bytes(), SessionKind::Command), Err(TokenError::Forged));
    let keys = vec![it.issuer.public(), stranger.issuer.public()];
    let both = authenticator(keys, Arc::new(Memory::default()), &it.clock);
    assert!(wait(both.admit(&request(token.as_bytes(), SessionKind::Command))).is_ok());
}

#[test]
fn every_changed_byte_is_noticed() {
    let it = Fixture::new();
    let token = it.issuer.sign(&claims("a")).into_bytes();
    for at in 0..token.len() {
        let mut changed = token.clone();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let judged = it.admit(&changed, SessionKind::Command);
        // The last letter of a signature has bits that mean nothing; a strict decoder refuses them as well.
        assert!(judged.is_err(), "byte {at} can be changed");
    }
    assert!(it.admit(&token, SessionKind::Command).is_ok());
}

#[test]
fn another_algorithm_is_refused_before_any_key_is_looked_at() {
    let it = Fixture::new();
    let payload = it.issuer.sign(&claims("a")).split('.').nth(1).unwrap().to_owned();
    // {"alg":"none"} and {"alg":"HS256","typ":"JWT"}: the two classic ways around a signature.
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"] {
        let token = format!("{header}.{payload}.AAAA");
        assert_eq!(it.admit(token.as_bytes(), SessionKind::Command), Err(TokenError::Algorithm));
    }
}

#[test]
fn a_token_counts_from_its_beginning_until_its_end_give_or_take_the_leeway() {
    let it = Fixture::new();
    let judge = |exp, nbf| it.judge(&Claims { exp, nbf, ..claims(&format!("{exp} {nbf:?}")) }).err();
    assert_eq!(judge(NOW - LEEWAY, None), Some(TokenError::Expired));
    assert_eq!(judge(NOW - LEEWAY + 1, None), None);
    assert_eq!(judge(NOW - 1_000, None), Some(TokenError::Expired));
    assert_eq!(judge(NOW + 1, None), None);
    assert_eq!(judge(NOW + TOKEN_SECONDS_MAX + LEEWAY, None), None);
    assert_eq!(judge(NOW + TOKEN_SECONDS_MAX + LEEWAY + 1, None), Some(TokenError::Lasting));
    assert_eq!(judge(u64::MAX, None), Some(TokenError::Lasting));
    assert_eq!(judge(NOW + 60, Some(NOW + LEEWAY + 1)), Some(TokenError::Early));
    assert_eq!(judge(NOW + 60, Some(NOW + LEEWAY)), None);
    // The issuer's clock is a second ahead, which is no reason to keep anybody out.
    assert_eq!(judge(NOW + 61, Some(NOW + 1)), None);
    assert_eq!(judge(NOW + 62, Some(u64::MAX)), Some(TokenError::Early));
}

#[test]
fn a_token_of_another_world_or_another_kind_is_refused_and_not_used_up() {
    let it = Fixture::new();
    assert_eq!(it.judge(&Claims { aud: "elsewhere".to_owned(), ..claims("a") }), Err(TokenError::Audience));
    let lockstep = Claims { kinds: vec![KindName::Lockstep], ..claims("a") };
    assert_eq!(it.judge(&lockstep), Err(TokenError::Kind));
    let token = it.issuer.sign(&lockstep);
    assert!(it.admit(token.as_bytes(), SessionKind::Lockstep).is_ok());
}

#[test]
fn claims_have_one_form() {
    let it = Fixture::new();
    for sub in ["0", "07", "+7", "-1", "seven", "", "18446744073709551616"] {
        let judged = it.judge(&Claims { sub: Some(sub.to_owned()), ..claims(sub) });
        assert_eq!(judged, Err(TokenError::Claims), "{sub}");
    }
    for jti in ["", &"x".repeat(65)] {
        assert_eq!(it.judge(&claims(jti)), Err(TokenError::Claims), "{jti}");
    }
    // Who only watches sends no commands.
    let watcher = Claims { sub: None, ..claims("w") };
    assert_eq!(it.judge(&watcher), Err(TokenError::Claims));
    let token = it.issuer.sign(&Claims { kinds: vec![KindName::Witness], ..watcher });
    let granted = Granted { noted: Some(UNKNOWN), ..Granted::new(None, vec![SessionKind::Witness]) };
    assert_eq!(it.admit(token.as_bytes(), SessionKind::Witness), Ok(granted));
}

#[test]
fn a_token_that_lacks_a_claim_is_refused() {
    let it = Fixture::new();
    // The development key as another program would use it.
    let pem = std::fs::read_to_string(it.folder.path().join("development-issuer.pem")).unwrap();
    use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
    let der = ed25519_dalek::SigningKey::from_pkcs8_pem(&pem).unwrap().to_pkcs8_der().unwrap();
    let key = EncodingKey::from_ed_der(der.as_bytes());
    let whole = serde_json::to_value(claims("a")).unwrap();
    for claim in ["aud", "exp", "jti", "kinds"] {
        let mut part = whole.clone();
        part.as_object_mut().unwrap().remove(claim);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &part, &key).unwrap();
        let judged = it.admit(token.as_bytes(), SessionKind::Command);
        assert_eq!(judged, Err(TokenError::Claims), "without {claim}");
    }
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &whole, &key).unwrap();
    assert!(it.admit(token.as_bytes(), SessionKind::Command).is_ok());
}

#[test]
fn no_bytes_panic() {
    let it = Fixture::new();
    let inputs: [&[u8]; 6] = [b"", b".", b"..", b"...", b"\xff.\xff.\xff", &[b'.'; 4_096]];
    for bytes in inputs {
        assert!(it.admit(bytes, SessionKind::Command).is_err());
    }
}

#[test]
fn keys_are_read_from_pem_and_private_ones_are_for_their_owner() {
    let it = Fixture::new();
    let private = it.folder.path().join("development-issuer.pem");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // Opened again it is the same one.
    assert_eq!(DevelopmentIssuer::open(it.folder.path()).unwrap().public(), it.issuer.public());
    // As `openssl pkey -pubout` writes it.
    let public = it.folder.path().join("public.pem");
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    std::fs::write(&public, pem).unwrap();
    assert!(PublicKey::read(&public).is_ok());
    let error = PublicKey::read(&private).expect_err("this is the private one").to_string();
    assert!(error.contains("is no Ed25519 public key in PEM"), "{error}");
    assert!(PublicKey::read(&it.folder.path().join("absent.pem")).is_err());
}
