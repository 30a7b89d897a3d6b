//! `#[derive(State)]`: every method of the trait as one call to each field, in declared order.
//!
//! Invariant: no field is left out of any method. Whether a field is a part of a state is for the compiler to say: each is used
//! through `Part<Self>`, so another type is refused at the field.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::fields::{FieldDef, PART_NAME_BYTES_MAX, expect_no_generics, field_defs};

/// Writes the implementation for `input`.
///
/// # Errors
/// For anything but a struct with named fields, one of which is `entities`.
pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    expect_no_generics(&input.generics, "a state has no parameters: its schema is fixed")?;
    let fields = match &input.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => field_defs(&data.fields, PART_NAME_BYTES_MAX)?,
        _ => {
            let message = "a state is a struct with named fields: they are the names of the columns";
            return Err(Error::new(input.ident.span(), message));
        }
    };
    let Some(entities) = fields.iter().find(|field| field.name == "entities") else {
        let message = "a state needs a field `entities: Entities`: every row belongs to one of its entities";
        return Err(Error::new(input.ident.span(), message));
    };
    let rules = fields.iter().map(rule_of).collect::<Result<Vec<_>>>()?;
    Ok(implementation(&input.ident, &fields, &rules, entities))
}

/// What a field says of the rows of a player who leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Nothing: they go along, and none can name somebody who does not.
    None,
    /// `#[parcel(skip)]`: they stay behind.
    Skip,
    /// `#[parcel(drop)]`: those that name somebody who does not go along stay behind.
    Drop,
}

fn rule_of(field: &FieldDef<'_>) -> Result<Rule> {
    let mut rule = Rule::None;
    for attribute in field.attributes.iter().filter(|it| it.path().is_ident("parcel")) {
        attribute.parse_nested_meta(|meta| {
            let said = match () {
                () if meta.path.is_ident("skip") => Rule::Skip,
                () if meta.path.is_ident("drop") => Rule::Drop,
                () => Rule::None,
            };
            if said == Rule::None || rule != Rule::None {
                return Err(meta.error("expected `skip` or `drop`, once"));
            }
            rule = said;
            Ok(())
        })?;
    }
    Ok(rule)
}

fn implementation(ident: &Ident, fields: &[FieldDef<'_>], rules: &[Rule], entities: &FieldDef<'_>) -> TokenStream {
    let visits = visits(fields);
    let accessors = accessors(entities);
    let changes = changes(fields);
    let check = check(fields);
    let derived = derived(fields);
    let parcels = parcels(fields, rules);
    let rules_are_said = rules_are_said(ident, fields, rules);
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl ::tickworld_sim::state::State for #ident {
            #visits
            #accessors
            #changes
            #check
            #derived
            #parcels
        }
        #rules_are_said
    }
}

/// `<T as Part<Self>>`, at the field's place.
fn part(field: &FieldDef<'_>) -> TokenStream {
    let ty = field.ty;
    quote_spanned! {field.span()=> <#ty as ::tickworld_sim::part::Part<Self>> }
}

/// `empty`, `columns`, `columns_mut`.
fn visits(fields: &[FieldDef<'_>]) -> TokenStream {
    let empty = fields.iter().map(|field| {
        let (part, member) = (part(field), &field.member);
        quote_spanned! {field.span()=> #member: #part::empty(), }
    });
    let columns = fields.iter().map(|field| {
        let (part, member, name) = (part(field), &field.member, &field.name);
        quote_spanned! {field.span()=> #part::columns(&self.#member, #name, visit); }
    });
    let columns_mut = fields.iter().map(|field| {
        let (part, member, name) = (part(field), &field.member, &field.name);
        quote_spanned! {field.span()=> #part::columns_mut(&mut self.#member, #name, visit); }
    });
    quote_spanned! {Span::mixed_site()=>
        fn empty() -> Self {
            Self { #(#empty)* }
        }
        fn columns<'a>(
            &'a self,
            visit: &mut dyn ::core::ops::FnMut(&::core::primitive::str, &'a dyn ::tickworld_sim::column::Pages),
        ) {
            #(#columns)*
        }
        fn columns_mut<'a>(
            &'a mut self,
            visit: &mut dyn ::core::ops::FnMut(&::core::primitive::str, &'a mut dyn ::tickworld_sim::column::Pages),
        ) {
            #(#columns_mut)*
        }
    }
}

/// `entities`, `entities_mut`; a field of another type is refused here.
fn accessors(entities: &FieldDef<'_>) -> TokenStream {
    let member = &entities.member;
    let shared = quote_spanned! {entities.span()=> &self.#member };
    let exclusive = quote_spanned! {entities.span()=> &mut self.#member };
    quote_spanned! {Span::mixed_site()=>
        #[inline]
        fn entities(&self) -> &::tickworld_sim::entities::Entities {
            #shared
        }
        #[inline]
        fn entities_mut(&mut self) -> &mut ::tickworld_sim::entities::Entities {
            #exclusive
        }
    }
}

/// Writes `remove_row` and `adopt_hashes`, which visit every field.
fn changes(fields: &[FieldDef<'_>]) -> TokenStream {
    let remove_row = fields.iter().map(|field| {
        let (part, member) = (part(field), &field.member);
        quote_spanned! {field.span()=> #part::remove_row(&mut self.#member, row); }
    });
    let adopt_hashes = fields.iter().map(|field| {
        let (part, member) = (part(field), &field.member);
        quote_spanned! {field.span()=> #part::adopt_hashes(&mut self.#member, &sealed.#member); }
    });
    quote_spanned! {Span::mixed_site()=>
        fn remove_row(&mut self, row: ::tickworld_sim::entity::Row) {
            #(#remove_row)*
        }
        fn adopt_hashes(&mut self, sealed: &Self) {
            #(#adopt_hashes)*
        }
    }
}

/// Writes `check` and `dangling_rows`, which stop at the first field that objects.
fn check(fields: &[FieldDef<'_>]) -> TokenStream {
    let checks = fields.iter().map(|field| {
        let (part, member, name) = (part(field), &field.member, &field.name);
        quote_spanned! {field.span()=>
            if let ::core::result::Result::Err(what) = #part::check(&self.#member, entities) {
                return ::core::result::Result::Err(::tickworld_sim::part::Impossible { field: #name, what });
            }
        }
    });
    let dangling_rows = fields.iter().map(|field| {
        let (part, member, name) = (part(field), &field.member, &field.name);
        quote_spanned! {field.span()=>
            if #part::has_dangling_rows(&self.#member, entities) {
                return ::core::option::Option::Some(#name);
            }
        }
    });
    quote_spanned! {Span::mixed_site()=>
        fn dangling_rows(&self) -> ::core::option::Option<&'static ::core::primitive::str> {
            let entities = ::tickworld_sim::state::State::entities(self);
            #(#dangling_rows)*
            ::core::option::Option::None
        }
        fn check(&self) -> ::core::result::Result<(), ::tickworld_sim::part::Impossible> {
            let entities = ::tickworld_sim::state::State::entities(self);
            #(#checks)*
            ::core::result::Result::Ok(())
        }
    }
}

/// Refuses a field whose rows may name somebody who stays, and which has no rule for it.
fn rules_are_said(ident: &Ident, fields: &[FieldDef<'_>], rules: &[Rule]) -> TokenStream {
    let checks = fields.iter().zip(rules).filter(|(_, rule)| **rule == Rule::None).map(|(field, _)| {
        let ty = field.ty;
        let message = format!(
            "rows of `{}` name entities that may stay behind when a player leaves: say #[parcel(drop)], and such a row \
             stays with them, or #[parcel(skip)], and all do; or make the field an Option",
            field.name
        );
        quote_spanned! {field.span()=>
            const _: () = ::core::assert!(!<#ty as ::tickworld_sim::part::Part<#ident>>::NAMES_ENTITIES, #message);
        }
    });
    quote_spanned! {Span::mixed_site()=> #(#checks)* }
}

/// Writes `pack` and `unpack`, which pass by the fields that are skipped.
fn parcels(fields: &[FieldDef<'_>], rules: &[Rule]) -> TokenStream {
    let pack = fields.iter().zip(rules).map(|(field, rule)| {
        let (part, member) = (part(field), &field.member);
        if *rule == Rule::Skip {
            return quote_spanned! {field.span()=> packer.pass_by(#part::COLUMNS); };
        }
        quote_spanned! {field.span()=> #part::pack(&self.#member, packer); }
    });
    let unpack = fields.iter().zip(rules).map(|(field, rule)| {
        let (part, member) = (part(field), &field.member);
        if *rule == Rule::Skip {
            return quote_spanned! {field.span()=> unpacker.pass_by(#part::COLUMNS); };
        }
        quote_spanned! {field.span()=> #part::unpack(&mut self.#member, unpacker)?; }
    });
    quote_spanned! {Span::mixed_site()=>
        fn pack(&self, packer: &mut ::tickworld_sim::parcel::Packer<'_>) {
            #(#pack)*
        }
        fn unpack(
            &mut self,
            unpacker: &mut ::tickworld_sim::parcel::Unpacker<'_>,
        ) -> ::core::result::Result<(), ::tickworld_sim::component::DecodeError> {
            #(#unpack)*
            ::core::result::Result::Ok(())
        }
    }
}

/// Writes `rebuild` and `check_derived`, of which only derived fields take notice.
fn derived(fields: &[FieldDef<'_>]) -> TokenStream {
    let rebuild = fields.iter().map(|field| {
        let (part, member) = (part(field), &field.member);
        quote_spanned! {field.span()=>
            if let ::core::option::Option::Some(rebuilt) = #part::rebuilt(&self.#member, &*self) {
                self.#member = rebuilt;
            }
        }
    });
    let check_derived = fields.iter().map(|field| {
        let (part, member, name) = (part(field), &field.member, &field.name);
        quote_spanned! {field.span()=>
            if let ::core::option::Option::Some(rebuilt) = #part::rebuilt(&#part::empty(), self) {
                if !#part::agrees(&self.#member, &rebuilt) {
                    return ::core::result::Result::Err(#name);
                }
            }
        }
    });
    quote_spanned! {Span::mixed_site()=>
        fn rebuild(&mut self) {
            #(#rebuild)*
        }
        fn check_derived(&self) -> ::core::result::Result<(), &'static ::core::primitive::str> {
            #(#check_derived)*
            ::core::result::Result::Ok(())
        }
    }
}
