//! [`Durability`]: how surely a tick is kept.
//!
//! Invariant: the levels are ordered, and each promises whatever the one below it does. A level is a promise about a crash,
//! not about time: whoever names one waits for as long as it takes.
//!
//! | level | is kept when | is lost when |
//! | --- | --- | --- |
//! | D0, [`Memory`](Durability::Memory) | anything but the server's process fails | the process ends without notice: killed, crashed, without power |
//! | D1, [`Disk`](Durability::Disk) | the process or the machine ends at any moment | the machine's storage is destroyed, or lies about what it synced |
//! | D2, [`Quorum`](Durability::Quorum) | fewer than half of the machines that keep it fail, each in any way but lying | that many fail for good at once |
//!
//! It stands here because wire, stores and servers all speak of it, and none of them should need another for the word. How
//! bytes stand for a level is the wire's alone; nothing in a world depends on one.

/// How surely a tick is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// D0: in the server's memory. Readers see it; a crash of the process takes it back.
    Memory,
    /// D1: on the server's own disk, synced. A crash of the process or the machine does not take it back.
    Disk,
    /// D2: on the disks of a quorum of machines. The loss of any one machine does not take it back.
    Quorum,
}

impl Durability {
    /// All levels, ascending.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Quorum];
}
