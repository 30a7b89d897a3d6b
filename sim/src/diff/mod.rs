//! Differences: what two states, two traces or two peers disagree on, down to the field.
//!
//! Invariant: a report says where what it says comes from. [`traces`] never assumes that running a trace again gives its roots:
//! each side is *reproduced*, *evidenced* by pages, or neither, and the verdict follows from that. Nothing here needs the
//! game's Rust types: fields are read by the schema ([`StateView`]); only running again does.
//!
//! [`worlds`] compares two states at hand; [`traces`] two recordings; [`descent`] two peers that each hold only their own.

mod blame;
pub mod descent;
mod first;
mod inputs;
mod side;
mod subject;
mod traces;
mod view;
mod worlds;

pub use blame::{Blame, RowWriters};
pub use first::{TraceDiffError, first_difference};
pub use inputs::{Fields, read_frame};
pub use side::{Rerun, Standing};
pub use subject::Subject;
pub use traces::{FirstDifference, HeaderDifference, TraceDiff, Verdict, traces, traces_at, traces_of_unknown_game};
pub use view::{StateView, WorldView};
pub use worlds::{DiffError, Difference, Differences, Found, worlds};
