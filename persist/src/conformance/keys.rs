//! Laws of a world's keys: they change only by who saw them, and durably.

use super::{BackendUnderTest, Verdict, ensure, same};
use crate::keys::{Keys as _, KeysRow};

fn row(number: u8) -> KeysRow {
    KeysRow(vec![number; 75].into())
}

pub(super) async fn keys_are_replaced_only_by_who_saw_them<S: BackendUnderTest>(subject: &mut S) -> Verdict {
    // There is no journal, and none is needed.
    let store = subject.open().await;
    same!("at first", store.keys().await, Ok(None));
    same!("drawn", store.replace_keys(None, &row(1)).await, Ok(true));
    same!("drawn by another one too", store.replace_keys(None, &row(2)).await, Ok(false));
    same!("those that were drawn first", store.keys().await, Ok(Some(row(1))));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    same!("after a crash", store.keys().await, Ok(Some(row(1))));
    same!("rotated", store.replace_keys(Some(&row(1)), &row(3)).await, Ok(true));
    same!("rotated by who saw the old ones", store.replace_keys(Some(&row(1)), &row(4)).await, Ok(false));
    subject.crash().await;
    drop(store);
    let store = subject.open().await;
    same!("after a rotation and a crash", store.keys().await, Ok(Some(row(3))));
    if subject.set_full(true) {
        let said = store.replace_keys(Some(&row(3)), &row(5)).await;
        ensure!(said != Ok(false), "a full storage says that something else stands there");
        subject.set_full(false);
        let found = store.keys().await;
        let fits = if said == Ok(true) { Ok(Some(row(5))) } else { Ok(Some(row(3))) };
        ensure!(said.is_err() || found == fits, "a full storage gives {said:?}, and then {found:?}");
    }
    Ok(())
}
