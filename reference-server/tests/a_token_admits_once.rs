//! Tokens: who signed them, for what, until when, and only once.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use tickworld_proto::message::SessionKind;
use tickworld_server::admission::{
    Claims, DevelopmentIssuer, Gate, KindName, Pass, PublicKey, TOKEN_SECONDS_MAX, TokenError, UsedTokens,
};
use tickworld_sim::frame::PlayerId;

const NOW: u64 = 1_800_000_000;

/// A folder with a development key, and a gate for it.
struct Fixture {
    folder: tempfile::TempDir,
    issuer: DevelopmentIssuer,
    gate: Gate,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let issuer = DevelopmentIssuer::open(folder.path()).expect("a key can be made there");
        let gate = Gate::new(vec![issuer.public()], "tickworld", UsedTokens::in_memory());
        Self { folder, issuer, gate }
    }

    /// What the gate says at [`NOW`] of a command session's token.
    fn judge(&mut self, claims: &Claims) -> Result<Pass, TokenError> {
        let token = self.issuer.sign(claims);
        self.gate.admit(token.as_bytes(), SessionKind::Command, NOW)
    }
}

fn claims(jti: &str) -> Claims {
    Claims {
        sub: Some("7".to_owned()),
        aud: "tickworld".to_owned(),
        exp: NOW + 60,
        nbf: None,
        jti: jti.to_owned(),
        kinds: vec![KindName::Command],
    }
}

#[test]
fn a_good_token_admits_once() {
    let mut it = Fixture::new();
    let pass = Pass { player: Some(PlayerId(7)), kinds: vec![SessionKind::Command] };
    assert_eq!(it.judge(&claims("a")), Ok(pass.clone()));
    assert_eq!(it.judge(&claims("a")), Err(TokenError::Used));
    // The same identity with another end is the same token.
    assert_eq!(it.judge(&Claims { exp: NOW + 61, ..claims("a") }), Err(TokenError::Used));
    assert_eq!(it.judge(&claims("b")), Ok(pass));
}

#[test]
fn a_used_token_stays_used_when_the_server_starts_again() {
    let it = Fixture::new();
    let file = it.folder.path().join("used-tokens");
    let token = it.issuer.sign(&claims("a"));
    let admit = |now| {
        let used = UsedTokens::open(&file, now).unwrap();
        Gate::new(vec![it.issuer.public()], "tickworld", used).admit(token.as_bytes(), SessionKind::Command, now)
    };
    assert!(admit(NOW).is_ok());
    assert_eq!(admit(NOW + 1), Err(TokenError::Used));
    // Once it has expired nobody needs to remember it.
    assert_eq!(admit(NOW + 60), Err(TokenError::Expired));
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 0);
}

#[test]
fn a_token_of_an_unknown_key_is_refused() {
    let mut it = Fixture::new();
    let stranger = Fixture::new();
    let token = stranger.issuer.sign(&claims("a"));
    assert_eq!(it.gate.admit(token.as_bytes(), SessionKind::Command, NOW), Err(TokenError::Forged));
    let mut both = Gate::new(vec![it.issuer.public(), stranger.issuer.public()], "tickworld", UsedTokens::in_memory());
    assert!(both.admit(token.as_bytes(), SessionKind::Command, NOW).is_ok());
}

#[test]
fn every_changed_byte_is_noticed() {
    let mut it = Fixture::new();
    let token = it.issuer.sign(&claims("a")).into_bytes();
    for at in 0..token.len() {
        let mut changed = token.clone();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let judged = it.gate.admit(&changed, SessionKind::Command, NOW);
        // The last letter of a signature has bits that mean nothing; a strict decoder refuses them as well.
        assert!(judged.is_err(), "byte {at} can be changed");
    }
    assert!(it.gate.admit(&token, SessionKind::Command, NOW).is_ok());
}

#[test]
fn another_algorithm_is_refused_before_any_key_is_looked_at() {
    let mut it = Fixture::new();
    let payload = it.issuer.sign(&claims("a")).split('.').nth(1).unwrap().to_owned();
    // {"alg":"none"} and {"alg":"HS256","typ":"JWT"}: the two classic ways around a signature.
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"] {
        let token = format!("{header}.{payload}.AAAA");
        assert_eq!(it.gate.admit(token.as_bytes(), SessionKind::Command, NOW), Err(TokenError::Algorithm));
    }
}

#[test]
fn a_token_counts_from_its_beginning_until_its_end() {
    let mut it = Fixture::new();
    let mut judge = |exp, nbf| it.judge(&Claims { exp, nbf, ..claims(&format!("{exp} {nbf:?}")) }).err();
    assert_eq!(judge(NOW, None), Some(TokenError::Expired));
    assert_eq!(judge(NOW - 1_000, None), Some(TokenError::Expired));
    assert_eq!(judge(NOW + 1, None), None);
    assert_eq!(judge(NOW + TOKEN_SECONDS_MAX, None), None);
    assert_eq!(judge(NOW + TOKEN_SECONDS_MAX + 1, None), Some(TokenError::Lasting));
    assert_eq!(judge(u64::MAX, None), Some(TokenError::Lasting));
    assert_eq!(judge(NOW + 60, Some(NOW + 1)), Some(TokenError::Early));
    assert_eq!(judge(NOW + 60, Some(NOW)), None);
}

#[test]
fn a_token_of_another_world_or_another_kind_is_refused_and_not_used_up() {
    let mut it = Fixture::new();
    assert_eq!(it.judge(&Claims { aud: "elsewhere".to_owned(), ..claims("a") }), Err(TokenError::Audience));
    let lockstep = Claims { kinds: vec![KindName::Lockstep], ..claims("a") };
    assert_eq!(it.judge(&lockstep), Err(TokenError::Kind));
    let token = it.issuer.sign(&lockstep);
    assert!(it.gate.admit(token.as_bytes(), SessionKind::Lockstep, NOW).is_ok());
}

#[test]
fn claims_have_one_form() {
    let mut it = Fixture::new();
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
    let pass = Pass { player: None, kinds: vec![SessionKind::Witness] };
    assert_eq!(it.gate.admit(token.as_bytes(), SessionKind::Witness, NOW), Ok(pass));
}

#[test]
fn a_token_that_lacks_a_claim_is_refused() {
    let mut it = Fixture::new();
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
        let judged = it.gate.admit(token.as_bytes(), SessionKind::Command, NOW);
        assert_eq!(judged, Err(TokenError::Claims), "without {claim}");
    }
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &whole, &key).unwrap();
    assert!(it.gate.admit(token.as_bytes(), SessionKind::Command, NOW).is_ok());
}

#[test]
fn no_bytes_panic() {
    let mut it = Fixture::new();
    let inputs: [&[u8]; 6] = [b"", b".", b"..", b"...", b"\xff.\xff.\xff", &[b'.'; 4_096]];
    for bytes in inputs {
        assert!(it.gate.admit(bytes, SessionKind::Command, NOW).is_err());
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
