//! A case survives its file, its trace and its test; what is no case is refused with what is wrong.

mod common;

use tickworld_swarm::{Case, CaseError, Fault, Variant, Violation, hunt};

/// A case with inputs and two packs.
fn case() -> Case {
    let pool = common::pool();
    let mut runs = (0..100).map(|seed| hunt::seed(&pool, seed).case);
    runs.find(|case| case.inputs.len() > 20 && case.packs.len() > 1).expect("one of the first seeds is such a case")
}

#[test]
fn a_case_is_read_as_it_was_written() {
    let case = case();
    let text = case.to_json("nothing");
    let read = Case::from_json(&text).expect("just written");
    assert_eq!(read.to_json("nothing"), text);
    assert_eq!((read.set_up, read.inputs, read.variants), (case.set_up, case.inputs, case.variants));
}

#[test]
fn a_kept_case_needs_no_pool() {
    let read = Case::from_json(&case().to_json("")).expect("just written");
    assert_eq!(read.check(), Ok(()));
}

#[test]
fn its_trace_has_all_of_its_ticks() {
    let case = case();
    let bytes = case.to_trace().expect("a run without a violation can be recorded");
    let trace = tickworld_sim::trace::Trace::open(bytes).expect("just recorded");
    assert_eq!((trace.last().0, trace.header().about.seed.clone()), (case.ticks, case.seed.to_string()));
}

#[test]
fn its_test_names_the_file_and_the_finding() {
    let case = case();
    let violation =
        Violation { variant: Variant::Again, tick: 3, fault: Fault::Root { columns: vec!["health".into()] } };
    let text = case.to_rust_test("seed-1.json", &violation);
    assert!(text.contains("include_str!(\"seed-1.json\")"), "{text}");
    assert!(text.contains("differs from the first time in health"), "{text}");
    assert!(text.contains(&format!("fn swarm_seed_{}()", case.seed)), "{text}");
}

#[test]
fn what_is_no_case_is_refused() {
    let whole = case();
    let text = whole.to_json("");
    let refused =
        |from: &str, to: &str| Case::from_json(&text.replacen(from, to, 1)).map(drop).unwrap_err().to_string();
    assert!(matches!(Case::from_json("{}"), Err(CaseError::Json(_))));
    assert!(refused("\"format\": 1", "\"format\": 9").contains("format 9"));
    assert!(refused("\"ticks\":", "\"ticks\": 100000000, \"was\":").contains("unknown field"));
    let magic: String = whole.packs[0].bytes[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let pack = text.find(&format!("\"{magic}")).expect("packs begin with their magic") + 1;
    let damaged = format!("{}00{}", &text[..pack], &text[pack + 2..]);
    assert!(matches!(Case::from_json(&damaged), Err(CaseError::Content(_))), "{:?}", Case::from_json(&damaged).err());
    let mut impossible = case();
    impossible.set_up.settings.width_cells = 0;
    assert!(matches!(impossible.check(), Err(Violation { fault: Fault::NoCase(_), .. })));
}
