//! tmp
use std::path::Path;
use tickworld_contentc::*;
#[test]
fn t() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/srd");
    let root = if root.exists() { root } else { "/work/shared/data/srd".into() };
    let files: Vec<Source> = ["Monsters","Spells","Equipment","Magic-Items"].iter().map(|n| Source{path:n.to_string(), text: std::fs::read_to_string(root.join(format!("{n}.json"))).unwrap()}).collect();
    let import = import_5e(&files).unwrap();
    println!("{}", import.report);
    for f in &import.files { let p=Path::new("/tmp/imp").join(&f.path); std::fs::create_dir_all(p.parent().unwrap()).unwrap(); std::fs::write(p,&f.text).unwrap(); }
    std::fs::write("/tmp/imp/report.json", serde_json::to_string_pretty(&import.report).unwrap()).unwrap();
    let mut sources = import.files.clone();
    for n in ["constants","conditions","damage-types"] { sources.push(Source{path:format!("{n}.yaml"), text: std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../data/{n}.yaml"))).unwrap()}); }
    match compile(&sources) { Ok(c)=>println!("{:?}",c.summary), Err(e)=>panic!("{e}") }
}
