//! New content that lacks what lives in the world is refused by name, unless the operator insists; what was refused is not kept.

use tickworld_contentc::{Source, compile};
use tickworld_persist::{
    Snapshots as _,
    embedded::{Files, Settings, Store},
};
use tickworld_scenario::packs::{LoadedPack, shipped_sources};
use tickworld_sim::content::ContentId;

use crate::{
    binary,
    harness::{Launch, operate},
};

/// The shipped content without what `is_left_out` says.
fn pack(is_left_out: impl Fn(&Source) -> bool) -> LoadedPack {
    let sources: Vec<Source> = shipped_sources().into_iter().filter(|source| !is_left_out(source)).collect();
    LoadedPack::read(compile(&sources).unwrap().bytes, "the test's pack").unwrap()
}

fn is_stored(launch: &Launch, id: ContentId) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(Files::new(launch.data()), Settings::default()).await.unwrap();
        let found = store.pack(id).await.unwrap().is_some();
        store.close().await;
        found
    })
}

#[test]
fn a_pack_that_lacks_what_lives_is_refused_by_name_and_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let launch = Launch::new(binary(), folder.path()).with("--world=d20").with("--scenario=skirmish").with_operators();
    let (server, ready) = launch.start_ready();
    let bare = pack(|source| source.path.starts_with("creatures/") || source.path.starts_with("spells/"));
    let (code, told) = operate(ready.http, "content", bare.bytes.clone());
    assert_eq!(code, 422, "{told}");
    let unresolved: Vec<&str> = told["unresolved"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(unresolved.iter().any(|line| line.starts_with("creature Goblin (")), "{told}");
    assert!(told["help"].as_str().unwrap().contains("force=true"), "{told}");
    // One that has everything is taken.
    let (code, told) = operate(ready.http, "content", pack(|_| false).bytes);
    assert_eq!(code, 200, "{told}");
    let (code, told) = operate(ready.http, "content", b"no pack".to_vec());
    assert_eq!(code, 422, "{told}");
    assert!(!told["error"].as_str().unwrap().starts_with("error"), "{told}");
    assert_eq!(server.stop().code, Some(0));
    assert!(!is_stored(&launch, bare.id), "a pack that was refused is kept");
    // The operator insists.
    let (server, ready) = launch.start_ready();
    let (code, told) = operate(ready.http, "content?force=true", bare.bytes.clone());
    assert_eq!((code, told["content"].as_str()), (200, Some(bare.id.to_string().as_str())), "{told}");
    assert_eq!(operate(ready.http, "content?forse=true", bare.bytes.clone()).0, 400);
    assert_eq!(server.stop().code, Some(0));
    assert!(is_stored(&launch, bare.id));
    let (server, _) = launch.start_ready();
    assert_eq!(server.stop().code, Some(0));
}
