//! Enumerations of the schema and of the model, paired.
//!
//! Invariant: each pair is total in one direction and checked in the other; a number that no variant has is an error.

use crate::{
    generated::tickworld::pack as fb,
    model::{Ability, ConditionEffect},
};

macro_rules! paired {
    ($model:ident: $($variant:ident)*) => {
        impl $model {
            /// Every variant, in the schema's order.
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The schema's value.
            pub(crate) fn to_schema(self) -> fb::$model {
                match self { $(Self::$variant => fb::$model::$variant,)* }
            }

            /// The model's value, if the schema's is known.
            pub(crate) fn from_schema(value: fb::$model) -> Option<Self> {
                match value { $(fb::$model::$variant => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

paired!(Ability: Strength Dexterity Constitution Intelligence Wisdom Charisma);
paired!(ConditionEffect: NoActions NoMovement HalfMovement AttacksWithDisadvantage AttacksWithAdvantage
    AttackedWithAdvantage AttackedWithDisadvantage AttackedByProximity HitsAreCritical FailsStrengthDexteritySaves
    DexteritySavesWithDisadvantage ResistsAllDamage SparesSource AvoidsSource HeldBySource EndsByRising);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(deprecated, reason = "the generator's only list of variants")]
    fn both_sides_have_the_same_variants() {
        assert_eq!(
            Ability::ALL.iter().map(|it| it.to_schema()).collect::<alloc::vec::Vec<_>>(),
            fb::ENUM_VALUES_ABILITY
        );
        let effects: alloc::vec::Vec<_> = ConditionEffect::ALL.iter().map(|it| it.to_schema()).collect();
        assert_eq!(effects, fb::ENUM_VALUES_CONDITION_EFFECT);
    }
}
