//! Journals: headers and records.

use tickworld_persist::{JournalHeader, Record};

use crate::fix_checksums;

/// See the module.
pub fn run(data: &[u8]) {
    for bytes in [data.to_vec(), fix_checksums::journal_record(data)] {
        if let Ok(record) = Record::decode(&bytes) {
            let mut out = Vec::new();
            record.encode(&mut out);
            assert!(out == bytes, "a record reads back to other bytes");
            assert_eq!(out.len(), record.encoded_bytes());
            assert!(record.is_claim() == (record.frame().is_none()), "a record is of a tick, or a claim");
            assert!(!record.is_claim() || record.epoch().slot() == record.slot(), "a claim's epoch is its own slot");
        }
    }
    if let Ok(header) = JournalHeader::decode(data) {
        let mut out = Vec::new();
        header.encode(&mut out);
        assert!(out == data, "a journal's header reads back to other bytes");
    }
}
