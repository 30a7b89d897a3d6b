//! Small inputs that ask for much: a manifest of nearly empty pages, a schema whose one-byte rows hold thousands of values.

use std::cell::Cell;

use tickworld_sim::{
    State,
    bytes::put_varint,
    column::{Column, PageEntry},
    component::{DecodeCause, DecodeError},
    content::ContentId,
    diff::{StateView, read_frame, worlds},
    entities::Entities,
    entity::Entity,
    frame::{FrameFormat, PlayerId, Tick},
    game::{Game, System},
    hash::{Hash, hash},
    limits,
    schema::{ColumnType, Field, RowKind, Schema, SchemaId, Type},
    snapshot::{Manifest, RestoreError},
    step::Step,
    world::{World, WorldHead, schema},
};

#[derive(State, Clone)]
struct Wide {
    entities: Entities,
    small: Column<u8>,
    a: Column<[u8; 256]>,
    b: Column<[u8; 256]>,
    c: Column<[u8; 256]>,
    d: Column<[u8; 256]>,
}

struct Barn;

impl Game for Barn {
    type State = Wide;
    type Input = ();
    type Event = ();
    type Content = ();
    const NAME: &'static str = "barn";
    const REVISION: u32 = 1;
    const SYSTEMS: &'static [System<Self>] = &[];

    fn join(_: &mut Wide, _: &mut Step<'_, Self>, _: PlayerId) -> Option<Entity> {
        None
    }
}

/// One row of a page's last place: `row` bytes after its presence words.
fn last_row(words: u8, row: &[u8]) -> Vec<u8> {
    let mut bytes = vec![words];
    bytes.extend(vec![0; usize::from(words) * 8 - 1]);
    bytes.push(0x80);
    bytes.extend_from_slice(row);
    bytes
}

fn restored(page_count: u32, columns: [&str; 4]) -> (Result<(), RestoreError>, u64) {
    let schema = schema::<Barn>();
    let head = WorldHead { tick: Tick(0), schema: schema.id(), revision: 1, content: ContentId::NONE };
    let page = last_row(1, &[7; 256]);
    let entries = |column: &ColumnType| match columns.contains(&&*column.name) {
        true => (0..page_count)
            .map(|page_number| PageEntry { page: page_number, row_count: 1, hash: hash(&page) })
            .collect(),
        false => Vec::new(),
    };
    let manifest = Manifest { head, columns: schema.columns.iter().map(entries).collect() };
    let fetched = Cell::new(0);
    let result = World::<Barn>::restore(&manifest, |_| {
        fetched.set(fetched.get() + 1);
        Some(page.clone())
    });
    (result.map(|_| ()), fetched.get())
}

#[test]
fn nearly_empty_pages_are_charged_as_what_they_take() {
    // 65,536 pages of one row each, in four columns: 80 MiB of bytes, more than 4 GiB of memory.
    let (result, fetched) = restored(limits::PAGES_MAX, ["a", "b", "c", "d"]);
    assert!(matches!(result, Err(RestoreError::TooLarge { bytes }) if bytes > limits::WORLD_BYTES_MAX), "{result:?}");
    assert_eq!(fetched, 0, "it is refused before any page is asked for");
    // A world that is only sparse is not: what is wrong with this one is that it lacks what every world has.
    let (result, _) = restored(64, ["a", "b", "c", "d"]);
    assert!(matches!(result, Err(RestoreError::Impossible { .. })), "{result:?}");
}

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.to_owned().into(), ty }
}

fn structure(fields: Vec<Field>) -> Type {
    Type::Struct { name: "Hostile".into(), fields }
}

/// A state of `pages` full pages, every byte of which is `byte`.
struct Flat {
    schema: Schema,
    pages: u32,
    byte: u8,
}

impl Flat {
    fn new(ty: Type, pages: u32, byte: u8) -> Self {
        let column = ColumnType { name: "rows".into(), rows: RowKind::Other, page_rows: 1024, ty };
        let schema = Schema { game: "flat".into(), columns: vec![column], input: Type::Unit, event: Type::Unit };
        assert_eq!(Schema::decode(&schema.encode()).as_ref(), Ok(&schema), "a schema that a trace may have");
        Self { schema, pages, byte }
    }
}

impl StateView for Flat {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn head(&self) -> WorldHead {
        WorldHead { tick: Tick(1), schema: SchemaId(Hash::ZERO), revision: 0, content: ContentId::NONE }
    }

    fn pages(&self, _: usize) -> Vec<PageEntry> {
        (0..self.pages).filter_map(|page| self.page_entry(0, page)).collect()
    }

    fn page_entry(&self, _: usize, page: u32) -> Option<PageEntry> {
        Some(PageEntry { page, row_count: 1024, hash: Hash([self.byte; 32]) })
    }

    fn page_bytes(&self, _: usize, _: u32, out: &mut Vec<u8>) -> bool {
        out.extend(vec![self.byte; 1024]);
        true
    }
}

#[test]
fn a_diff_of_rows_that_hold_thousands_of_values_ends() {
    let nothing = Type::Array(Box::new(Type::Unit), 65_000);
    let ty = structure(vec![field("byte", Type::U8), field("nothing", nothing)]);
    // Some four million rows of 65,001 values.
    let (left, right) = (Flat::new(ty.clone(), 4096, 0), Flat::new(ty, 4096, 1));
    let report = worlds(&left, &right, 10);
    assert!(!report.is_complete && !report.is_empty());
    assert_eq!((report.list.len(), report.list[0].to_string()), (10, "rows.byte of row 0: 0 | 1".to_owned()));
    assert!(report.field_count <= limits::DIFF_VALUES_MAX);
    assert_eq!(report.columns.len(), 1);
    // Two million rows of one value are no more than a large world has.
    let (left, right) = (Flat::new(Type::U8, 2048, 0), Flat::new(Type::U8, 2048, 1));
    let report = worlds(&left, &right, 10);
    assert_eq!((report.is_complete, report.field_count), (true, 2048 * 1024));
}

#[test]
fn inputs_whose_values_have_endless_names_are_refused() {
    // Values that take no bytes, at the end of a path of a thousand.
    let mut ty = structure(vec![field("byte", Type::U8), field("nothing", Type::Array(Box::new(Type::Unit), 4000))]);
    for _ in 0..14 {
        ty = structure(vec![field(&"n".repeat(64), ty)]);
    }
    let frame = |count: u32| {
        let mut bytes = [3_u64.to_le_bytes(), [0; 8], [0; 8]].concat();
        put_varint(u64::from(count), &mut bytes);
        for sequence in 1..=count {
            // Fifty of each player.
            bytes.push(u8::from(sequence % 50 == 1));
            put_varint(u64::from(sequence), &mut bytes);
            bytes.extend_from_slice(&[4, 1, 9]);
        }
        bytes
    };
    let read = read_frame(&frame(5), FrameFormat::Current, &ty).expect("a frame of five such inputs");
    assert_eq!(read.inputs.len(), 5);
    let error = read_frame(&frame(1000), FrameFormat::Current, &ty).expect_err("4 GiB of names");
    assert!(matches!(error, DecodeError { cause: DecodeCause::Range, .. }), "{error}");
}

/// A flat state with a page whose bytes are those of no page.
struct Torn(Flat);

impl StateView for Torn {
    fn schema(&self) -> &Schema {
        self.0.schema()
    }

    fn head(&self) -> WorldHead {
        self.0.head()
    }

    fn pages(&self, column: usize) -> Vec<PageEntry> {
        self.0.pages(column)
    }

    fn page_entry(&self, column: usize, page: u32) -> Option<PageEntry> {
        self.0.page_entry(column, page)
    }

    fn page_bytes(&self, column: usize, page: u32, out: &mut Vec<u8>) -> bool {
        if page == 1 {
            out.extend_from_slice(&[1, 2, 3]);
            return true;
        }
        self.0.page_bytes(column, page, out)
    }
}

#[test]
fn a_malformed_page_is_told_of_and_the_others_are_compared() {
    let report = worlds(&Flat::new(Type::U8, 3, 0), &Torn(Flat::new(Type::U8, 3, 1)), 10);
    assert_eq!((report.is_complete, report.field_count), (false, 2048));
    let told: Vec<String> = report.malformed.iter().map(ToString::to_string).collect();
    let expected = "page 1 of column `rows` is malformed on the right: byte 0: expected 1033 bytes, found 3";
    assert_eq!(told, [expected]);
    // Rows that are no values: what the others hold is told all the same.
    let report = worlds(&Flat::new(Type::Bool, 3, 0), &Flat::new(Type::Bool, 3, 7), 10);
    assert_eq!((report.field_count, report.columns.clone()), (0, vec![("rows".to_owned(), 3072)]));
    assert!(!report.is_empty() && report.malformed.len() == 16, "{:?}", report.malformed);
}
