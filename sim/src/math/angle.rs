//! `Angle`, a direction as a fraction of a turn in 16 bits.
//!
//! Invariant: arithmetic wraps at a full turn by nature, so no angle is out of range, and every function of an angle is
//! correctly rounded for each of the 65,536 angles. Zero is the direction of +x; angles grow towards +y.
//!
//! Deliberately absent: radians, and angles of more than a turn (count turns in an integer).

use super::atan::octant_steps;
use super::fx::Fx;
use super::round::div_half_even_i64;
use super::trig::{QUARTER_HALF_STEPS, sin_cos_q62, sin_q62};

/// A binary angle: `bits / 65536` of a turn, so one step is 360/65536 degrees (about 0.0055 degrees).
///
/// ```
/// use tickworld_sim::math::{Angle, Fx};
/// let up = Angle::from_degrees(Fx::from_int(90));
/// assert_eq!(up, Angle::QUARTER);
/// assert_eq!(up.sin(), Fx::ONE);
/// assert_eq!(Angle::atan2(Fx::ONE, Fx::ZERO), up);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Angle(u16);

impl Angle {
    /// The direction of +x.
    pub const ZERO: Self = Self(0);
    /// A quarter turn, 90 degrees: the direction of +y.
    pub const QUARTER: Self = Self(1 << 14);
    /// Half a turn, 180 degrees.
    pub const HALF: Self = Self(1 << 15);
    /// Three quarters of a turn, 270 degrees: the direction of -y.
    pub const THREE_QUARTERS: Self = Self(3 << 14);

    /// The angle of `bits / 65536` turns. Exact.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The turn in 65,536ths: the canonical representation.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The angle nearest to `degrees`, half to even, modulo a turn. Total.
    #[inline]
    #[must_use]
    pub const fn from_degrees(degrees: Fx) -> Self {
        // bits(degrees) / 65536 / 360 turns are bits / 360 steps. The remainder and 360 are small, so no limit of
        // `div_half_even_i64` is met.
        Self(low_16(div_half_even_i64(degrees.to_bits(), 360)))
    }

    /// The angle in degrees, `[0, 360)`. Exact, so [`from_degrees`](Self::from_degrees) gives the angle back.
    #[inline]
    #[must_use]
    pub const fn to_degrees(self) -> Fx {
        Fx::from_bits((self.0 as i64).wrapping_mul(360))
    }

    /// `self + other` modulo a turn.
    #[inline]
    #[must_use]
    pub const fn wrapping_add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// `self - other` modulo a turn.
    #[inline]
    #[must_use]
    pub const fn wrapping_sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// The opposite turn, modulo a turn.
    #[inline]
    #[must_use]
    pub const fn wrapping_neg(self) -> Self {
        Self(self.0.wrapping_neg())
    }

    /// The shortest turn from `self` to `other`, in 65,536ths of a turn, positive towards +y.
    ///
    /// `self` turned by it is `other`. Between opposite directions it is -32,768, both ways.
    #[inline]
    #[must_use]
    pub const fn distance_to(self, other: Self) -> i16 {
        other.0.wrapping_sub(self.0).cast_signed()
    }

    /// The sine, -1 to 1, correctly rounded.
    #[inline]
    #[must_use]
    pub fn sin(self) -> Fx {
        let magnitude = rounded_q62(sin_q62(self.half_steps_to_x_axis()));
        if self.is_lower_half() { magnitude.saturating_neg() } else { magnitude }
    }

    /// The cosine, -1 to 1, correctly rounded.
    #[inline]
    #[must_use]
    pub fn cos(self) -> Fx {
        self.wrapping_add(Self::QUARTER).sin()
    }

    /// The tangent, correctly rounded; its greatest finite value is about 10,430.
    ///
    /// At its poles it saturates by the sign of the sine: [`Fx::MAX`] at a quarter, [`Fx::MIN`] at three quarters.
    #[inline]
    #[must_use]
    pub fn tan(self) -> Fx {
        let half_steps = self.half_steps_to_x_axis();
        if half_steps == QUARTER_HALF_STEPS {
            return if self.is_lower_half() { Fx::MIN } else { Fx::MAX };
        }
        let (sin, cos) = sin_cos_q62(half_steps);
        let magnitude = rounded_ratio(sin, cos);
        // Sine and cosine differ in sign in the second and the fourth quadrant.
        if self.0 & Self::QUARTER.0 != 0 { magnitude.saturating_neg() } else { magnitude }
    }

    /// The angle of the vector `(x, y)`: the nearest of the 65,536; [`ZERO`](Self::ZERO) for `(0, 0)`.
    ///
    /// Correctly rounded for every pair of 12-bit numbers. Beyond, about one random pair in 2^44 has its true angle within
    /// 2^-45 of a step of the border between two results, and may give the other one: the error is at most 1/2 + 2^-45 step.
    #[inline]
    #[must_use]
    pub fn atan2(y: Fx, x: Fx) -> Self {
        let (y_magnitude, x_magnitude) = (y.to_bits().unsigned_abs(), x.to_bits().unsigned_abs());
        let steep = y_magnitude > x_magnitude;
        let (small, big) = if steep { (x_magnitude, y_magnitude) } else { (y_magnitude, x_magnitude) };
        if big == 0 {
            return Self::ZERO;
        }
        let octant = Self(octant_steps(small, big));
        let quadrant = if steep { Self::QUARTER.wrapping_sub(octant) } else { octant };
        let half = if x.is_negative() { Self::HALF.wrapping_sub(quadrant) } else { quadrant };
        if y.is_negative() { half.wrapping_neg() } else { half }
    }

    #[inline]
    const fn is_lower_half(self) -> bool {
        self.0 & Self::HALF.0 != 0
    }

    /// The angle to the nearer direction of the x axis, in half-steps, 0 to a quarter turn. Its sine is that of the angle
    /// without the sign. A minimum instead of a match on the quadrant: random angles would defeat the branch predictor.
    #[inline]
    fn half_steps_to_x_axis(self) -> u32 {
        let from_start = u32::from(self.0 & !Self::HALF.0) << 1_u32;
        from_start.min((2 * QUARTER_HALF_STEPS).wrapping_sub(from_start))
    }
}

/// 62 fraction bits to 16, nearest. A tie would need a sine rational in 17 bits other than 0 and 1: there is none.
#[inline]
fn rounded_q62(value: u64) -> Fx {
    Fx::from_bits((value.wrapping_add(1 << 45) >> 46_u32).cast_signed())
}

/// `num / den` to 16 fraction bits, nearest. Both at most 2^62, `den` at least the sine of one step, so below 2^31.
#[expect(clippy::arithmetic_side_effects, reason = "the divisor is at least the sine of a step")]
#[inline]
fn rounded_ratio(num: u64, den: u64) -> Fx {
    let twice = (u128::from(num) << 17_u32).wrapping_div(u128::from(den));
    Fx::from_bits(i64::try_from(twice.wrapping_add(1) >> 1_u32).expect("no tangent but a pole's reaches 2^31"))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "modulo a turn is what is meant")]
#[inline]
const fn low_16(steps: i64) -> u16 {
    steps as u16
}
