//! Handles inside encoded values: found by the value's type, and rewritten.
//!
//! Invariant: a handle that nobody can be put for becomes `None` where it stands in an option, the nearest one around it; where
//! it stands in none, the whole value has to go. Everything else keeps its bytes.
#![expect(clippy::arithmetic_side_effects, reason = "offsets within a value of at most 256 bytes, as its type says")]

use crate::{
    component::Component,
    entity::Entity,
    schema::{Field, Type},
};

/// Whether values of a type may hold a handle.
pub(super) fn has_any(ty: &Type) -> bool {
    match ty {
        Type::Entity => true,
        Type::Option(inner) | Type::Array(inner, _) => has_any(inner),
        Type::Struct { fields, .. } => fields.iter().any(|field| has_any(&field.ty)),
        Type::Enum { variants, .. } => variants.iter().any(|it| it.fields.iter().any(|field| has_any(&field.ty))),
        _ => false,
    }
}

/// Rewrites every handle in the encoding of a value of type `ty`; gives whether there is somebody for each that is in no option.
/// Where not, `bytes` are of no use any more.
pub(super) fn rewrite(ty: &Type, bytes: &mut [u8], to: &mut dyn FnMut(Entity) -> Option<Entity>) -> bool {
    match ty {
        Type::Entity => match Entity::decode(bytes).ok().and_then(to) {
            Some(entity) => {
                entity.encode(bytes);
                true
            }
            None => false,
        },
        Type::Option(inner) => {
            if bytes.first() == Some(&1) && !rewrite(inner, &mut bytes[1..], to) {
                bytes.fill(0);
            }
            true
        }
        Type::Array(inner, count) => {
            let size = inner.size();
            has_any(inner)
                .then_some(usize::from(*count))
                .into_iter()
                .all(|count| (0..count).all(|at| rewrite(inner, &mut bytes[at * size..(at + 1) * size], to)))
        }
        Type::Struct { fields, .. } => rewrite_fields(fields, bytes, to),
        Type::Enum { variants, .. } => match bytes.split_first_mut() {
            // A tag that names no variant is refused where the value is decoded.
            Some((tag, rest)) => {
                variants.get(usize::from(*tag)).is_none_or(|variant| rewrite_fields(&variant.fields, rest, to))
            }
            None => true,
        },
        _ => true,
    }
}

fn rewrite_fields(fields: &[Field], bytes: &mut [u8], to: &mut dyn FnMut(Entity) -> Option<Entity>) -> bool {
    let mut at = 0;
    fields.iter().all(|field| {
        let start = at;
        at += field.ty.size();
        rewrite(&field.ty, &mut bytes[start..at], to)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Component, Clone, Copy, Debug, PartialEq)]
    struct Bond {
        to: Entity,
        since: u16,
    }

    #[derive(Component, Clone, Copy, Debug, PartialEq)]
    enum Mind {
        Calm,
        Afraid { of: Option<Bond>, strength: u8 },
        Loyal(Entity, [Option<Entity>; 2]),
    }

    const INSIDE: Entity = Entity::new(5, 2);
    const LOCAL: Entity = Entity::new(0, 0);
    const OUTSIDE: Entity = Entity::new(9, 1);

    fn rewritten(mind: Mind) -> Option<Mind> {
        let mut bytes = [0; Mind::SIZE];
        mind.encode(&mut bytes);
        let to = &mut |entity| (entity == INSIDE).then_some(LOCAL);
        rewrite(&Mind::describe(), &mut bytes, to).then(|| Mind::decode(&bytes).expect("canonical as before"))
    }

    #[test]
    fn a_handle_without_somebody_empties_the_nearest_option_or_drops_the_value() {
        let bond = |to| Some(Bond { to, since: 7 });
        let afraid = |of| Mind::Afraid { of, strength: 3 };
        assert_eq!(rewritten(Mind::Calm), Some(Mind::Calm));
        assert_eq!(rewritten(afraid(bond(INSIDE))), Some(afraid(bond(LOCAL))));
        assert_eq!(rewritten(afraid(bond(OUTSIDE))), Some(afraid(None)));
        let loyal = Mind::Loyal(INSIDE, [Some(OUTSIDE), Some(INSIDE)]);
        assert_eq!(rewritten(loyal), Some(Mind::Loyal(LOCAL, [None, Some(LOCAL)])));
        assert_eq!(rewritten(Mind::Loyal(OUTSIDE, [None, None])), None);
        assert!(has_any(&Mind::describe()) && !has_any(&u64::describe()) && Mind::NAMES_ENTITIES);
        const {
            assert!(Bond::NAMES_ENTITIES && !<Option<Bond>>::NAMES_ENTITIES && <[Bond; 2]>::NAMES_ENTITIES);
        }
    }
}
