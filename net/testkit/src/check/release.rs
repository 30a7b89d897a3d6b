//! [`ReleaseOrder`]: ticks leave the host for the first time in their order, without a gap.
//!
//! Invariant: only the first time counts; what is asked for again may come in any order.

use tickworld_sim::frame::Tick;

use super::Violation;

/// The newest tick that was told to anybody in this life of the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReleaseOrder {
    last: Option<Tick>,
}

impl ReleaseOrder {
    /// A server begins at this tick.
    pub const fn begin(&mut self, tick: Tick) {
        self.last = Some(tick);
    }

    /// A message with a confirmed tick leaves the host.
    ///
    /// # Errors
    /// When the tick before it was not released yet.
    pub fn release(&mut self, tick: Tick) -> Result<(), Violation> {
        let last = self.last.unwrap_or(Tick(0));
        if tick > last.next() {
            return Err(Violation::OutOfOrder { tick, last });
        }
        self.last = Some(last.max(tick));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_noticed_and_a_repetition_is_not() {
        let mut check = ReleaseOrder::default();
        check.begin(Tick(4));
        check.release(Tick(5)).unwrap();
        check.release(Tick(5)).unwrap();
        check.release(Tick(6)).unwrap();
        check.release(Tick(5)).unwrap();
        assert_eq!(check.release(Tick(8)), Err(Violation::OutOfOrder { tick: Tick(8), last: Tick(6) }));
    }
}
