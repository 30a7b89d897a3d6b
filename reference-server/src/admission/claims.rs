//! [`Claims`]: what a token says.

use serde::{Deserialize, Serialize};
use tickworld_proto::message::SessionKind;
use tickworld_sim::frame::PlayerId;

use super::{Granted, TOKEN_ID_BYTES_MAX, TokenError};

// DOC:CLAIMS
/// The claims that are read; others may stand beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The player's number in decimal digits, from 1; left out for somebody who only watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The world: the server's `audience`.
    pub aud: String,
    /// When it ends, in seconds since 1970; a day from now at the latest. The server's `token-leeway-seconds` are added.
    pub exp: u64,
    /// From when it counts, less the leeway; at once if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// The token's identity, 1 to 64 bytes: it lets one client in, and no other.
    pub jti: String,
    /// What sessions it may open.
    pub kinds: Vec<KindName>,
    /// When the last ticket that comes of it ends, in seconds since 1970; without it, sessions last and are come back to as long as
    /// nobody ends them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_until: Option<u64>,
}
// DOC:END

/// A kind of session as tokens name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KindName {
    /// The word is `lockstep`.
    Lockstep,
    /// The word is `witness`.
    Witness,
    /// The word is `command`.
    Command,
}

impl From<KindName> for SessionKind {
    fn from(kind: KindName) -> Self {
        match kind {
            KindName::Lockstep => Self::Lockstep,
            KindName::Witness => Self::Witness,
            KindName::Command => Self::Command,
        }
    }
}

impl Claims {
    /// Of a token for `player` that is good for so many seconds from now, with an identity of its own.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn fresh(
        player: Option<u64>,
        audience: &str,
        kinds: &[KindName],
        now_seconds: u64,
        seconds: u64,
    ) -> Result<Self, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(Self {
            sub: player.map(|player| player.to_string()),
            aud: audience.to_owned(),
            exp: now_seconds.saturating_add(seconds),
            nbf: None,
            jti: id.iter().map(|byte| format!("{byte:02x}")).collect(),
            kinds: kinds.to_vec(),
            session_until: None,
        })
    }

    /// What they allow.
    ///
    /// # Errors
    /// Where one of them is not of its form.
    pub(super) fn granted(&self) -> Result<Granted, TokenError> {
        if self.jti.is_empty() || self.jti.len() > TOKEN_ID_BYTES_MAX {
            return Err(TokenError::Claims);
        }
        let player = match &self.sub {
            None => None,
            Some(digits) => match digits.parse() {
                // One spelling each: no sign, no leading zero.
                Ok(number) if PlayerId(number).is_player() && u64::to_string(&number) == *digits => {
                    Some(PlayerId(number))
                }
                _ => return Err(TokenError::Claims),
            },
        };
        let kinds: Vec<SessionKind> = self.kinds.iter().map(|kind| (*kind).into()).collect();
        if player.is_none() && kinds.contains(&SessionKind::Command) {
            return Err(TokenError::Claims);
        }
        Ok(Granted { player, kinds, until_seconds: self.session_until, noted: None })
    }
}

/// The audience that a token names, unverified: enough to know which world's server is to judge it. `None` where it is no token,
/// or names none.
#[must_use]
pub fn audience_of(token: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Addressed {
        aud: String,
    }
    let claims = jsonwebtoken::dangerous::insecure_decode::<Addressed>(token).ok()?.claims;
    Some(claims.aud)
}
