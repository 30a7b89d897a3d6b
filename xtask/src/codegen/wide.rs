//! The generated code writes numbers of eight bytes at multiples of eight on every machine.
//!
//! FlatBuffers' format says that they lie so, and its generated structs do. But for a number in a table or a vector the
//! Rust library takes the alignment that the machine it runs on has for the type, which is four on 32-bit x86: there equal
//! packs would have other bytes, and other machines refuse what was written (flatbuffers 25.12.19, `push.rs`). So the
//! generated code gives its numbers through a type that names the alignment.

use anyhow::{Result, bail};

/// The type, which goes to the end of each generated file.
const WIDE: &str = r#"
/// A number that lies at a multiple of its size in the buffer, whatever this machine aligns it to in memory.
#[derive(Clone, Copy, PartialEq)]
pub struct Wide<T>(pub T);

impl<T: ::flatbuffers::Push<Output = T>> ::flatbuffers::Push for Wide<T> {
    type Output = T;
    #[inline]
    unsafe fn push(&self, dst: &mut [u8], written_len: usize) {
        unsafe { self.0.push(dst, written_len) }
    }
    #[inline]
    fn alignment() -> ::flatbuffers::PushAlignment {
        ::flatbuffers::PushAlignment::new(::core::mem::size_of::<T>())
    }
}
"#;

/// Types whose size may be more than their alignment.
const NUMBERS: [&str; 3] = ["u64", "i64", "f64"];

/// The generated code `text`, with every number of eight bytes written as [`WIDE`].
///
/// # Errors
/// When a number is written in a way that is not known here.
pub(super) fn align(text: &str) -> Result<String> {
    let mut aligned: Vec<String> = text.lines().map(|line| wide(line).unwrap_or_else(|| line.to_owned())).collect();
    let is_narrow = |line: &&String| {
        NUMBERS.iter().any(|number| line.contains("push_slot") && line.contains(&format!("::<{number}>")))
    };
    if let Some(line) = aligned.iter().find(is_narrow) {
        bail!("cannot align what this writes: {}", line.trim());
    }
    aligned.push(WIDE.to_owned());
    Ok(aligned.join("\n"))
}

/// `self.fbb_.push_slot::<u64>(FIELD, value, 0);`, or `push_slot_always` without the default, written wide.
fn wide(line: &str) -> Option<String> {
    let (before, rest) = line.split_once("push_slot")?;
    let (always, rest) = rest.strip_prefix("_always").map_or(("", rest), |rest| ("_always", rest));
    let (number, rest) = rest.strip_prefix("::<")?.split_once(">(")?;
    let arguments: Vec<&str> = rest.strip_suffix(");")?.split(", ").collect();
    let (field, values) = arguments.split_first()?;
    if !NUMBERS.contains(&number) || values.len() != if always.is_empty() { 2 } else { 1 } {
        return None;
    }
    let values: Vec<String> = values.iter().map(|value| format!("super::super::Wide({value})")).collect();
    let values = values.join(", ");
    Some(format!("{before}push_slot{always}::<super::super::Wide<{number}>>({field}, {values});"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_eight_bytes_are_written_wide_and_others_as_they_were() {
        let aligned = align(
            "self.fbb_.push_slot::<u64>(Creature::VT_KEY, key, 0);\nself.fbb_.push_slot_always::<i64>(A::VT_B, b);\n\
             self.fbb_.push_slot::<u16>(Creature::VT_CELLS, cells, 1);",
        );
        let aligned = aligned.unwrap();
        let lines: Vec<&str> = aligned.lines().take(3).collect();
        let wide = "super::super::Wide";
        let key = format!("self.fbb_.push_slot::<{wide}<u64>>(Creature::VT_KEY, {wide}(key), {wide}(0));");
        let always = format!("self.fbb_.push_slot_always::<{wide}<i64>>(A::VT_B, {wide}(b));");
        assert_eq!(lines, [key.as_str(), &always, "self.fbb_.push_slot::<u16>(Creature::VT_CELLS, cells, 1);"]);
        assert!(aligned.contains("pub struct Wide<T>"));
    }

    #[test]
    fn a_number_written_in_an_unknown_way_is_an_error() {
        align("self.fbb_.push_slot::<u64>(").unwrap_err();
        align("self.fbb_.push_slot::<f64>(A::VT_B, b);").unwrap_err();
    }
}
