//! While nothing can be stored nothing is acknowledged; when it can be again, everything goes on. A limit on the size of files
//! stands for the full disk here: writes fail as they do there. `cargo xtask torture --disk` does it with a small file system.

use crate::{
    harness::{
        Process,
        disk::{Shortage, acknowledgements_stop_and_go_on},
    },
    launch,
};

/// No byte beyond the first page: the database's log of itself is written, its pages are not.
struct FileLimit;

const FIRST_PAGE_BYTES: u64 = 4_096;

impl Shortage for FileLimit {
    fn begin(&mut self, server: &Process) {
        server.limit_files(Some(FIRST_PAGE_BYTES));
    }

    fn end(&mut self, server: &Process) {
        server.limit_files(None);
    }
}

#[test]
fn a_full_disk_stops_acknowledgements_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    acknowledgements_stop_and_go_on(&launch(folder.path()).shrugging_at_file_limits(), &mut FileLimit);
}
