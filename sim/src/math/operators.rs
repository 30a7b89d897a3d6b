//! [`Saturating`] and [`Checked`]: operators for [`Fx`], for whoever says once what overflow does.
//!
//! Invariant: an operator is the method of [`Fx`] of its name, nothing else, so that an expression has the same bits written
//! either way. `Fx` itself has no operators: `a + b` alone would not say what it does at the ends.

use core::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::Fx;
use crate::{
    component::{Component, DecodeError},
    schema::Type,
};

/// An [`Fx`] whose operators saturate, as in [`core::num::Saturating`]. It may be a field of a component: its bytes are those of
/// the number.
///
/// ```
/// use tickworld_sim::math::{Fx, Saturating};
///
/// let (speed, seconds) = (Fx::from_ratio(3, 2), Fx::from_int(4));
/// let mut way = Saturating(speed) * seconds + Fx::ONE;
/// way -= Fx::HALF;
/// assert_eq!(way.0, Fx::from_ratio(13, 2));
/// assert_eq!((Saturating(Fx::MAX) + Fx::ONE).0, Fx::MAX);
/// assert_eq!((Saturating(Fx::ONE) / Fx::ZERO).0, Fx::MAX); // total, as `saturating_div` is
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Saturating(pub Fx);

/// A number, or what an overflow or a division by zero left of it: nothing. Whatever follows from nothing is nothing, so one
/// look at the end of an expression is enough.
///
/// ```
/// use tickworld_sim::math::{Checked, Fx};
///
/// let mean = |a: Fx, b: Fx| ((Checked::from(a) + b) / Fx::from_int(2)).number();
/// assert_eq!(mean(Fx::ONE, Fx::from_int(4)), Some(Fx::from_ratio(5, 2)));
/// assert_eq!(mean(Fx::MAX, Fx::ONE), None);
/// assert_eq!((Checked::from(Fx::ONE) / Fx::ZERO + Fx::ONE).number(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Checked(Option<Fx>);

impl Checked {
    /// The number, if all of it could be computed.
    #[inline]
    #[must_use]
    pub const fn number(self) -> Option<Fx> {
        self.0
    }
}

impl From<Fx> for Saturating {
    fn from(number: Fx) -> Self {
        Self(number)
    }
}

impl From<Saturating> for Fx {
    fn from(number: Saturating) -> Self {
        number.0
    }
}

impl From<Fx> for Checked {
    fn from(number: Fx) -> Self {
        Self(Some(number))
    }
}

macro_rules! operators {
    ($($op:ident $method:ident $op_assign:ident $method_assign:ident $saturating:ident $checked:ident)+) => { $(
        impl $op for Saturating {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                Self(self.0.$saturating(other.0))
            }
        }
        impl $op<Fx> for Saturating {
            type Output = Self;
            #[inline]
            fn $method(self, other: Fx) -> Self {
                Self(self.0.$saturating(other))
            }
        }
        impl $op_assign for Saturating {
            #[inline]
            fn $method_assign(&mut self, other: Self) {
                self.0 = self.0.$saturating(other.0);
            }
        }
        impl $op_assign<Fx> for Saturating {
            #[inline]
            fn $method_assign(&mut self, other: Fx) {
                self.0 = self.0.$saturating(other);
            }
        }
        impl $op for Checked {
            type Output = Self;
            #[inline]
            fn $method(self, other: Self) -> Self {
                Self(self.0.zip(other.0).and_then(|(number, other)| number.$checked(other)))
            }
        }
        impl $op<Fx> for Checked {
            type Output = Self;
            #[inline]
            fn $method(self, other: Fx) -> Self {
                Self(self.0.and_then(|number| number.$checked(other)))
            }
        }
    )+ };
}
operators! {
    Add add AddAssign add_assign saturating_add checked_add
    Sub sub SubAssign sub_assign saturating_sub checked_sub
    Mul mul MulAssign mul_assign saturating_mul checked_mul
    Div div DivAssign div_assign saturating_div checked_div
}

impl Neg for Saturating {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Component for Saturating {
    const SIZE: usize = Fx::SIZE;
    const FILLER: Self = Self(Fx::FILLER);

    fn describe() -> Type {
        Fx::describe()
    }

    #[inline]
    fn encode(&self, out: &mut [u8]) {
        self.0.encode(out);
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Fx::decode(bytes).map(Self)
    }

    #[inline]
    fn canonical_eq(&self, other: &Self) -> bool {
        self.0.canonical_eq(&other.0)
    }
}
