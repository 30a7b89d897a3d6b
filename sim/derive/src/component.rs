//! `#[derive(Component)]`: the canonical encoding of a struct or an enum.
//!
//! Invariant: the code written here encodes each value to one byte string and decodes no other. Encoding is the hot path of
//! every snapshot, so it is written for the optimiser: one assertion on the length, then splits at constants, which become
//! plain copies once inlined.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::{Attribute, Data, DataEnum, DataStruct, DeriveInput, Error, Path, Result, spanned::Spanned as _};

use crate::fields::{COUNT_MAX, FieldDef, NAME_BYTES_MAX, expect_no_generics, field_defs, schema_name};

/// Writes the implementation for `input`.
///
/// # Errors
/// For a type that cannot be a component whatever its fields are.
pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    expect_no_generics(
        &input.generics,
        "a component has no parameters: its name in the schema stands for one layout; make a type for each use",
    )?;
    let name = schema_name(&input.ident)?;
    let options = Options::parse(input)?;
    let body = match &input.data {
        Data::Struct(data) => struct_body(&name, data)?,
        Data::Enum(data) => enum_body(&name, data)?,
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span, "a union has no canonical encoding; make it an enum"));
        }
    };
    Ok(implementation(&input.ident, &name, &options, &body))
}

/// `#[component(...)]` on the type.
#[derive(Default)]
struct Options {
    /// `check = path`: a `fn(&Self) -> bool` that says whether a value is in range.
    check: Option<Path>,
    /// `filler = path`: a constant in place of the fields' fillers.
    filler: Option<Path>,
}

impl Options {
    fn parse(input: &DeriveInput) -> Result<Self> {
        refuse_inner_attributes(&input.data)?;
        let mut options = Self::default();
        for attribute in input.attrs.iter().filter(|a| is_ours(a)) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("check") && options.check.is_none() {
                    options.check = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("filler") && options.filler.is_none() {
                    options.filler = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("expected `check = path` or `filler = path`, each at most once"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("component")
}

/// An attribute that would be ignored is a mistake that nobody sees.
fn refuse_inner_attributes(data: &Data) -> Result<()> {
    let mut attributes: Vec<&Attribute> = Vec::new();
    match data {
        Data::Struct(data) => attributes.extend(data.fields.iter().flat_map(|f| &f.attrs)),
        Data::Enum(data) => {
            for variant in &data.variants {
                attributes.extend(&variant.attrs);
                attributes.extend(variant.fields.iter().flat_map(|f| &f.attrs));
            }
        }
        Data::Union(_) => {}
    }
    match attributes.into_iter().find(|a| is_ours(a)) {
        None => Ok(()),
        Some(attribute) => Err(Error::new(attribute.span(), "`component` stands on the type, not inside it")),
    }
}

/// What differs between structs and enums: the insides of the trait's items.
struct Body {
    /// An expression: the size of a row in bytes.
    size: TokenStream,
    /// An expression: whether a value names entities, as a `bool`.
    names_entities: TokenStream,
    /// An expression: a value for the memory of absent rows.
    filler: TokenStream,
    /// An expression: the type as a schema describes it.
    describe: TokenStream,
    /// Statements over `self` and `out`, which has the right length.
    encode: TokenStream,
    /// A block's inside over `bytes`, of any length, that gives a value or returns an error.
    decode: TokenStream,
    /// An expression over `self` and `other`.
    same: TokenStream,
}

fn implementation(ident: &Ident, name: &str, options: &Options, body: &Body) -> TokenStream {
    let Body { size, names_entities, filler, describe, encode, decode, same } = body;
    let filler = options.filler.as_ref().map_or_else(|| filler.clone(), Path::to_token_stream);
    let (assert_in_range, refuse_out_of_range) = options.check.as_ref().map(|path| range(path, name)).unzip();
    let wrong_length = format!("`{name}` is encoded into exactly its size");
    // Not recommended: a type that is refused should be told of the building blocks, not of this or that component of the game.
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        #[allow(
            clippy::arithmetic_side_effects,
            clippy::inline_always,
            reason = "sums of sizes known to the compiler; calls that must fold into the loop over rows"
        )]
        impl ::tickworld_sim::component::Component for #ident {
            const SIZE: ::core::primitive::usize = #size;
            const NAMES_ENTITIES: ::core::primitive::bool = #names_entities;
            const FILLER: Self = #filler;
            fn describe() -> ::tickworld_sim::schema::Type {
                #describe
            }
            #[inline(always)]
            fn encode(&self, out: &mut [::core::primitive::u8]) {
                ::core::assert!(out.len() == Self::SIZE, #wrong_length);
                #assert_in_range
                #encode
            }
            #[inline]
            fn decode(
                bytes: &[::core::primitive::u8],
            ) -> ::core::result::Result<Self, ::tickworld_sim::component::DecodeError> {
                let value = { #decode };
                #refuse_out_of_range
                ::core::result::Result::Ok(value)
            }
            #[inline(always)]
            fn canonical_eq(&self, other: &Self) -> ::core::primitive::bool {
                #same
            }
        }
    }
}

/// The pair of statements around a range: what is refused on the way in must not go out either.
fn range(check: &Path, name: &str) -> (TokenStream, TokenStream) {
    let message = format!("`{name}` is outside the range that its check allows");
    let span = Span::mixed_site().located_at(check.span());
    let assertion = quote_spanned! {span=> ::core::assert!(#check(self), #message); };
    let refusal = quote_spanned! {span=>
        if !#check(&value) {
            return ::core::result::Result::Err(::tickworld_sim::component::DecodeError::new(
                ::tickworld_sim::component::DecodeCause::Range,
            ));
        }
    };
    (assertion, refusal)
}

fn struct_body(name: &str, data: &DataStruct) -> Result<Body> {
    let fields = field_defs(&data.fields, NAME_BYTES_MAX)?;
    let here = quote_spanned! {Span::mixed_site()=> Self };
    let size = sum_of_sizes(&fields);
    let described = describe_fields(&fields);
    let encode = encode_fields(&fields, Tail::None, |field| {
        let member = &field.member;
        quote_spanned! {field.span()=> &self.#member }
    });
    let start = (!fields.is_empty()).then(|| quote_spanned! {Span::mixed_site()=> let at = 0usize; });
    let decode = decode_fields(&fields, Tail::None);
    let value = constructor(&here, &fields, |field| field.value.to_token_stream());
    let wrong_length = return_wrong_length();
    Ok(Body {
        size,
        names_entities: any_names_entities(&fields),
        filler: constructor(&here, &fields, filler),
        describe: quote_spanned! {Span::mixed_site()=>
            ::tickworld_sim::schema::Type::Struct {
                name: ::tickworld_sim::schema::Name::Borrowed(#name),
                fields: #described,
            }
        },
        encode,
        decode: quote_spanned! {Span::mixed_site()=>
            if bytes.len() != Self::SIZE {
                #wrong_length
            }
            #start
            #decode
            #value
        },
        same: all_same(&fields, |field| {
            let member = &field.member;
            quote_spanned! {field.span()=> &self.#member, &other.#member }
        })
        .unwrap_or_else(|| quote_spanned! {Span::mixed_site()=> ::core::matches!(other, Self { .. }) }),
    })
}

/// A variant with the code that names it.
struct VariantDef<'a> {
    /// Its place among the variants.
    tag: u8,
    /// The name in the schema.
    name: String,
    /// `Self::Name`, for patterns and constructors.
    path: TokenStream,
    fields: Vec<FieldDef<'a>>,
}

fn variant_defs(data: &DataEnum) -> Result<Vec<VariantDef<'_>>> {
    if data.variants.len() > COUNT_MAX {
        let message = format!("{} variants: a tag is one byte, for at most {COUNT_MAX}", data.variants.len());
        return Err(Error::new(data.enum_token.span, message));
    }
    (0..)
        .zip(&data.variants)
        .map(|(tag, variant)| {
            let ident = &variant.ident;
            let path = quote_spanned! {Span::mixed_site()=> Self::#ident };
            Ok(VariantDef {
                tag,
                name: schema_name(ident)?,
                path,
                fields: field_defs(&variant.fields, NAME_BYTES_MAX)?,
            })
        })
        .collect()
}

fn enum_body(name: &str, data: &DataEnum) -> Result<Body> {
    let variants = variant_defs(data)?;
    let Some(first) = variants.first() else {
        return Err(Error::new(data.enum_token.span, "an enum without variants has no value to store"));
    };
    let sizes = variants.iter().map(|v| sum_of_sizes(&v.fields));
    let described = variants.iter().map(describe_variant);
    let encode = variants.iter().map(encode_variant);
    let decode = variants.iter().map(decode_variant);
    let wrong_length = return_wrong_length();
    Ok(Body {
        size: quote_spanned! {Span::mixed_site()=> {
            let mut longest = 0usize;
            #(
                let size = #sizes;
                if size > longest {
                    longest = size;
                }
            )*
            1usize + longest
        }},
        names_entities: {
            let variants = variants.iter().map(|variant| any_names_entities(&variant.fields));
            quote_spanned! {Span::mixed_site()=> false #(|| #variants)* }
        },
        filler: constructor(&first.path, &first.fields, filler),
        describe: quote_spanned! {Span::mixed_site()=>
            ::tickworld_sim::schema::Type::Enum {
                name: ::tickworld_sim::schema::Name::Borrowed(#name),
                variants: ::core::convert::Into::into([#(#described),*]),
            }
        },
        encode: quote_spanned! {Span::mixed_site()=>
            let (tag, out) = out.split_at_mut(1usize);
            match self { #(#encode)* }
        },
        decode: quote_spanned! {Span::mixed_site()=>
            match bytes.split_first() {
                ::core::option::Option::Some((tag, rest)) if bytes.len() == Self::SIZE => {
                    let bytes = rest;
                    match *tag {
                        #(#decode)*
                        unknown => {
                            return ::core::result::Result::Err(::tickworld_sim::component::DecodeError::new(
                                ::tickworld_sim::component::DecodeCause::Variant(unknown),
                            ));
                        }
                    }
                }
                _ => { #wrong_length }
            }
        },
        same: enum_same(&variants),
    })
}

fn describe_variant(variant: &VariantDef<'_>) -> TokenStream {
    let (name, fields) = (&variant.name, describe_fields(&variant.fields));
    quote_spanned! {Span::mixed_site()=>
        ::tickworld_sim::schema::Variant {
            name: ::tickworld_sim::schema::Name::Borrowed(#name),
            fields: #fields,
        }
    }
}

fn encode_variant(variant: &VariantDef<'_>) -> TokenStream {
    let tag = variant.tag;
    let pattern = constructor(&variant.path, &variant.fields, |field| field.value.to_token_stream());
    let fields = encode_fields(&variant.fields, Tail::Padding, |field| field.value.to_token_stream());
    quote_spanned! {Span::mixed_site()=>
        #pattern => {
            tag.copy_from_slice(&[#tag]);
            #fields
            out.fill(0u8);
        }
    }
}

fn decode_variant(variant: &VariantDef<'_>) -> TokenStream {
    let tag = variant.tag;
    let fields = decode_fields(&variant.fields, Tail::Padding);
    let value = constructor(&variant.path, &variant.fields, |field| field.value.to_token_stream());
    quote_spanned! {Span::mixed_site()=>
        #tag => {
            let at = 1usize;
            #fields
            ::tickworld_sim::component::expect_zeros(bytes).map_err(|error| error.shift(at))?;
            #value
        }
    }
}

/// Pairs of equal variants field by field; then only the discriminants can differ, which is one comparison for all the rest.
fn enum_same(variants: &[VariantDef<'_>]) -> TokenStream {
    let pairs = variants.iter().filter_map(|variant| {
        let one = constructor(&variant.path, &variant.fields, |field| field.value.to_token_stream());
        let two = constructor(&variant.path, &variant.fields, |field| field.other.to_token_stream());
        let same = all_same(&variant.fields, |field| {
            let FieldDef { value, other, .. } = field;
            quote_spanned! {Span::mixed_site()=> #value, #other }
        })?;
        Some(quote_spanned! {Span::mixed_site()=> (#one, #two) => #same, })
    });
    let alone = matches!(variants, [only] if !only.fields.is_empty());
    let others = (!alone).then(|| {
        quote_spanned! {Span::mixed_site()=>
            _ => ::core::mem::discriminant(self) == ::core::mem::discriminant(other),
        }
    });
    quote_spanned! {Span::mixed_site()=>
        match (self, other) { #(#pairs)* #others }
    }
}

/// What follows the last field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// Nothing: the last field takes what is left.
    None,
    /// Padding: `out` or `bytes` is what is left, and `at` its offset.
    Padding,
}

/// `<T as Component>`, at the field's place.
fn component(field: &FieldDef<'_>) -> TokenStream {
    let ty = field.ty;
    quote_spanned! {field.span()=> <#ty as ::tickworld_sim::component::Component> }
}

fn filler(field: &FieldDef<'_>) -> TokenStream {
    let component = component(field);
    quote_spanned! {field.span()=> #component::FILLER }
}

fn sum_of_sizes(fields: &[FieldDef<'_>]) -> TokenStream {
    let components = fields.iter().map(component);
    quote_spanned! {Span::mixed_site()=> 0usize #(+ #components::SIZE)* }
}

/// Whether any field names entities.
fn any_names_entities(fields: &[FieldDef<'_>]) -> TokenStream {
    let components = fields.iter().map(component);
    quote_spanned! {Span::mixed_site()=> (false #(|| #components::NAMES_ENTITIES)*) }
}

fn describe_fields(fields: &[FieldDef<'_>]) -> TokenStream {
    let each = fields.iter().map(|field| {
        let (name, component) = (&field.name, component(field));
        quote_spanned! {field.span()=>
            ::tickworld_sim::schema::Field {
                name: ::tickworld_sim::schema::Name::Borrowed(#name),
                ty: #component::describe(),
            }
        }
    });
    quote_spanned! {Span::mixed_site()=> ::core::convert::Into::into([#(#each),*]) }
}

/// `path { field: value, ... }`: the constructor, or the pattern, of any shape of struct or variant.
fn constructor(
    path: &TokenStream,
    fields: &[FieldDef<'_>],
    value: impl Fn(&FieldDef<'_>) -> TokenStream,
) -> TokenStream {
    let members = fields.iter().map(|field| &field.member);
    let values = fields.iter().map(value);
    quote_spanned! {Span::mixed_site()=> #path { #(#members: #values),* } }
}

/// Statements that encode each `value(field)`, a reference, to the front of `out`.
fn encode_fields(fields: &[FieldDef<'_>], tail: Tail, value: impl Fn(&FieldDef<'_>) -> TokenStream) -> TokenStream {
    let each = fields.iter().enumerate().map(|(i, field)| {
        let (component, value) = (component(field), value(field));
        if takes_rest(fields, tail, i) {
            return quote_spanned! {field.span()=> #component::encode(#value, out); };
        }
        quote_spanned! {field.span()=>
            let (part, out) = out.split_at_mut(#component::SIZE);
            #component::encode(#value, part);
        }
    });
    each.collect()
}

/// Statements that decode each field from the front of `bytes`, which starts at offset `at`, into its variable.
fn decode_fields(fields: &[FieldDef<'_>], tail: Tail) -> TokenStream {
    let each = fields.iter().enumerate().map(|(i, field)| {
        let (component, value) = (component(field), &field.value);
        if takes_rest(fields, tail, i) {
            return quote_spanned! {field.span()=>
                let #value = #component::decode(bytes).map_err(|error| error.shift(at))?;
            };
        }
        quote_spanned! {field.span()=>
            let (part, bytes) = bytes.split_at(#component::SIZE);
            let #value = #component::decode(part).map_err(|error| error.shift(at))?;
            let at = at + #component::SIZE;
        }
    });
    each.collect()
}

fn takes_rest(fields: &[FieldDef<'_>], tail: Tail, i: usize) -> bool {
    tail == Tail::None && i + 1 == fields.len()
}

/// Without short-circuit: comparing everything vectorises, a branch on each field does not. `None` where there are no fields.
fn all_same(fields: &[FieldDef<'_>], values: impl Fn(&FieldDef<'_>) -> TokenStream) -> Option<TokenStream> {
    let each = fields.iter().map(|field| {
        let (component, values) = (component(field), values(field));
        quote_spanned! {field.span()=> #component::canonical_eq(#values) }
    });
    (!fields.is_empty()).then(|| quote_spanned! {Span::mixed_site()=> #(#each)&* })
}

fn return_wrong_length() -> TokenStream {
    let as_u32 = quote_spanned! {Span::mixed_site()=>
        <::core::primitive::u32 as ::core::convert::TryFrom<::core::primitive::usize>>::try_from
    };
    quote_spanned! {Span::mixed_site()=>
        return ::core::result::Result::Err(::tickworld_sim::component::DecodeError::new(
            ::tickworld_sim::component::DecodeCause::Length {
                expected: #as_u32(Self::SIZE).unwrap_or(::core::primitive::u32::MAX),
                found: #as_u32(bytes.len()).unwrap_or(::core::primitive::u32::MAX),
            },
        ));
    }
}
