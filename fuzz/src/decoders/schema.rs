//! Schemas and input frames.

use tickworld_ledger::{Ledger, Order};
use tickworld_sim::{
    component::Component as _,
    diff::read_frame,
    frame::{FrameFormat, InputFrame},
    schema::Schema,
    snapshot::Manifest,
    world::schema,
};

/// See the module.
pub fn run(data: &[u8]) {
    if let Ok(schema) = Schema::decode(data) {
        assert!(schema.encode() == data, "a schema reads back to other bytes");
    }
    let ledger = schema::<Ledger>();
    if let Ok(manifest) = Manifest::decode(data, &ledger) {
        let mut out = Vec::new();
        manifest.encode(&mut out);
        assert!(out == data, "a manifest reads back to other bytes");
    }
    let typed = InputFrame::<Order>::decode(data);
    let untyped = read_frame(data, FrameFormat::Current, &Order::describe());
    assert_eq!(typed.is_ok(), untyped.is_ok(), "a frame is read with the game, or without it, but not both");
    if let Ok(frame) = typed {
        let mut out = Vec::new();
        frame.encode(&mut out);
        assert!(out == data, "a frame reads back to other bytes");
        assert!(frame.check().is_ok(), "a frame was read that no host can have made");
    }
}
