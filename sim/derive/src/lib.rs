//! `derive(Component)` and `derive(State)` for `tickworld-sim`, which re-exports both.
//!
//! What the derives write is the plainest code that a person would write for the trait, field by field in declared order; what
//! they refuse, they refuse at the field, and the message says what to do instead. The traits' meaning is documented with the
//! traits.

mod component;
mod fields;
mod state;

use proc_macro::TokenStream;
use syn::{DeriveInput, Error, Result, parse_macro_input};

/// Derives `Component` for a struct or an enum whose fields are components.
///
/// | shape | encoding | in the schema |
/// | --- | --- | --- |
/// | struct with fields | its fields in declared order | `Type::Struct` with their names |
/// | tuple struct | the same | fields named "0", "1", ...; a single one is shown without a name |
/// | unit struct | nothing, 0 bytes | `Type::Struct` without fields |
/// | enum, of variants of any shape | tag byte, the variant's fields, zeros up to the longest variant | `Type::Enum` |
///
/// The tag is the position of the variant, whatever discriminant the source gives it: a variant added at the end leaves the
/// bytes of the others as they were, one added before them does not. `FILLER` has the fields' fillers, an enum's is its first
/// variant.
///
/// ```
/// use tickworld_sim::{component::Component, entity::Entity};
///
/// #[derive(Component, Clone, Copy, Debug, PartialEq)]
/// struct Health {
///     current: u16,
///     max: u16,
/// }
///
/// #[derive(Component, Clone, Copy, Debug, PartialEq)]
/// enum Goal {
///     Rest,
///     Flee { from: Entity },
///     Guard(u8, bool),
/// }
///
/// let mut bytes = [0; Health::SIZE];
/// Health { current: 7, max: 300 }.encode(&mut bytes);
/// assert_eq!(bytes, [7, 0, 44, 1]);
///
/// assert_eq!((Goal::SIZE, Goal::FILLER), (1 + 8, Goal::Rest));
/// let mut bytes = [0xFF; Goal::SIZE];
/// Goal::Guard(5, true).encode(&mut bytes);
/// assert_eq!(bytes, [2, 5, 1, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(Goal::decode(&bytes), Ok(Goal::Guard(5, true)));
///
/// bytes[8] = 1;
/// let error = Goal::decode(&bytes).expect_err("padding is zero");
/// assert_eq!(error.to_string(), "byte 8: padding is not zero");
/// ```
///
/// # Ranges
///
/// `#[component(check = path)]` names a `fn(&Self) -> bool` that says whether a value is in range. `decode` refuses all others
/// with `DecodeCause::Range`, and `encode` panics on them: what peers would refuse never goes out. A resource starts at its
/// filler, which must therefore be in range: `#[component(filler = path)]` names a constant to take instead of the fields'
/// fillers.
///
/// ```
/// use tickworld_sim::component::{Component, DecodeCause};
///
/// #[derive(Component, Clone, Copy)]
/// #[component(check = Self::is_on_a_die, filler = Self::LOWEST)]
/// struct D20(u8);
///
/// impl D20 {
///     const LOWEST: Self = Self(1);
///
///     fn is_on_a_die(&self) -> bool {
///         (1..=20).contains(&self.0)
///     }
/// }
///
/// assert!(D20::decode(&[20]).is_ok());
/// assert_eq!(D20::decode(&[21]).map_err(|error| error.cause).err(), Some(DecodeCause::Range));
/// assert_eq!(D20::FILLER.0, 1);
/// ```
///
/// # What does not compile
///
/// Fields that are not components (floats, `usize`, references, collections); types that are not `Copy`; unions, enums without
/// variants or with more than 255, parameters of any kind; names of more than 64 bytes; attributes inside the type.
///
/// ```compile_fail,E0277
/// #[derive(tickworld_sim::Component, Clone, Copy)]
/// struct Speed(f32);
/// ```
#[proc_macro_derive(Component, attributes(component))]
pub fn derive_component(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), component::derive)
}

/// Derives `State` for a struct with named fields, each of them a part: `Entities`, `Column`, `ListColumn`, `Resource` or
/// `Derived`.
///
/// One field is `entities: Entities`. Every method calls the same method of every field in declared order, so the order of the
/// fields is the order of the columns in the root, and a derived part may be made from those declared before it. A field's
/// name is the column's name, of at most 48 bytes; a part with several columns appends to it (`inventory.chunks`).
///
/// ```
/// use tickworld_sim::{
///     component::Component,
///     column::Column,
///     derived::{Derived, Rebuild},
///     entities::Entities,
///     entity::Band,
///     resource::Resource,
///     state::State,
/// };
///
/// #[derive(Component, Clone, Copy)]
/// struct Health {
///     current: u16,
/// }
///
/// #[derive(State, Clone)]
/// struct Realm {
///     entities: Entities,
///     health: Column<Health>,
///     season: Resource<u8>,
///     population: Derived<Population>,
/// }
///
/// /// How many entities have health.
/// #[derive(Clone, PartialEq)]
/// struct Population(u32);
///
/// impl Rebuild<Realm> for Population {
///     fn rebuild(_: Option<&Self>, realm: &Realm) -> Self {
///         Self(realm.health.len())
///     }
/// }
///
/// let mut realm = Realm::empty();
/// let goblin = realm.spawn(Band(0))?;
/// let row = realm.entities.row(goblin).expect("just spawned");
/// realm.health.set(row, Health { current: 7 });
/// realm.rebuild();
/// assert_eq!(realm.population.0, 1);
///
/// let snapshot = realm.clone();
/// assert!(realm.despawn(goblin));
/// assert!(realm.health.is_empty() && !snapshot.health.is_empty());
/// assert_eq!(realm.check_derived(), Err("population"));
/// # Ok::<(), tickworld_sim::entities::SpawnError>(())
/// ```
///
/// # Players who leave
///
/// The rows of a player who leaves for another region go along, and handles in them that lead to somebody who stays become `None`.
/// Where a row names an entity outside of an `Option`, the field says what becomes of it: `#[parcel(drop)]`, and such a row stays
/// behind if whom it names does; or `#[parcel(skip)]`, and all rows of the field stay behind. A list loses single items in that way.
/// Without either it does not compile:
///
/// ```compile_fail,E0080
/// # use tickworld_sim::{column::Column, entities::Entities, entity::Entity, state::State};
/// #[derive(State, Clone)]
/// struct Realm {
///     entities: Entities,
///     owner: Column<Entity>,
/// }
/// ```
#[proc_macro_derive(State, attributes(parcel))]
pub fn derive_state(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input), state::derive)
}

fn expand(input: &DeriveInput, derive: fn(&DeriveInput) -> Result<proc_macro2::TokenStream>) -> TokenStream {
    derive(input).unwrap_or_else(Error::into_compile_error).into()
}
