//! What both derives ask of a type before they write code for it: fields in declared order, names that fit the schema.
//!
//! Invariant: every name and count that leaves this module can be encoded in a schema. Whether a field's *type* is allowed is
//! not decided here: the generated code names the trait, and the compiler says at the field what is missing.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::{Error, Fields, Generics, Member, Result, Type, ext::IdentExt as _, spanned::Spanned as _};

/// Longest name in bytes: `tickworld_sim::limits::NAME_BYTES_MAX`, which this crate is built before. The tests hold them equal.
pub(crate) const NAME_BYTES_MAX: usize = 64;
/// Longest field name of a state in bytes: a part with several columns appends a suffix (`inventory.chunks`), for which this
/// leaves room.
pub(crate) const PART_NAME_BYTES_MAX: usize = 48;
/// Most fields of a struct or variant, and most variants of an enum: both are counted by one byte in the schema.
pub(crate) const COUNT_MAX: usize = 255;

/// A field of a struct or of a variant.
pub(crate) struct FieldDef<'a> {
    /// How the field is written in `self.x`, in patterns and in constructors; works for tuples too.
    pub(crate) member: Member,
    /// The name in the schema: raw marks removed, "0", "1", ... for tuple fields.
    pub(crate) name: String,
    /// The attributes on it.
    pub(crate) attributes: &'a [syn::Attribute],
    /// The declared type.
    pub(crate) ty: &'a Type,
    /// A variable for the field of `self` in patterns.
    pub(crate) value: Ident,
    /// A variable for the field of `other` in patterns.
    pub(crate) other: Ident,
}

impl FieldDef<'_> {
    /// The place of the type, so that the compiler points there, with names resolved as if inside a `macro_rules!`.
    pub(crate) fn span(&self) -> Span {
        Span::mixed_site().located_at(self.ty.span())
    }
}

/// The fields in declared order.
///
/// # Errors
/// On more fields than a schema can count, or names of more than `name_bytes_max`.
pub(crate) fn field_defs(fields: &Fields, name_bytes_max: usize) -> Result<Vec<FieldDef<'_>>> {
    if fields.len() > COUNT_MAX {
        let message = format!("{} fields: the schema counts at most {COUNT_MAX}", fields.len());
        return Err(Error::new(fields.span(), message));
    }
    let define = |(position, (field, member)): (usize, (_, Member))| {
        let field: &syn::Field = field;
        let name = match &field.ident {
            Some(ident) => bounded_name(ident, name_bytes_max)?,
            None => position.to_string(),
        };
        let variable = |letter| format_ident!("{letter}{position}", span = Span::mixed_site());
        Ok(FieldDef {
            member,
            name,
            attributes: &field.attrs,
            ty: &field.ty,
            value: variable("a"),
            other: variable("b"),
        })
    };
    fields.iter().zip(fields.members()).enumerate().map(define).collect()
}

/// The name that stands in the schema for a type or a variant.
///
/// # Errors
/// When it is longer than [`NAME_BYTES_MAX`].
pub(crate) fn schema_name(ident: &Ident) -> Result<String> {
    bounded_name(ident, NAME_BYTES_MAX)
}

fn bounded_name(ident: &Ident, bytes_max: usize) -> Result<String> {
    let name = ident.unraw().to_string();
    if name.len() > bytes_max {
        let message = format!("{} bytes: a name here has at most {bytes_max}, for the schema", name.len());
        return Err(Error::new(ident.span(), message));
    }
    Ok(name)
}

/// Refuses type parameters, lifetimes and constants.
///
/// # Errors
/// When there are any; `reason` says what stands against them.
pub(crate) fn expect_no_generics(generics: &Generics, reason: &str) -> Result<()> {
    if generics.params.is_empty() && generics.where_clause.is_none() {
        return Ok(());
    }
    Err(Error::new(generics.span(), reason))
}
