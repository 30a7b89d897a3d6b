//! Content packs: what is read is valid, and written again gives the same bytes.

use tickworld_content::model::Pack;
use tickworld_rules::Ruleset;

use crate::fix_checksums;

/// See the module.
pub fn run(data: &[u8]) {
    for bytes in [data.to_vec(), fix_checksums::pack(data)] {
        let Ok((id, pack)) = Pack::from_bytes(&bytes) else { continue };
        let (again, written) = pack.to_bytes().expect("a pack that was read can be written");
        assert!((again, &written) == (id, &bytes), "a pack reads back to other bytes");
        drop(Ruleset::new(pack));
    }
}
