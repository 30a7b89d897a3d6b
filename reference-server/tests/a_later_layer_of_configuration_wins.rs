//! Flags over variables over the file over defaults, and mistakes named.

use std::path::Path;

use tickworld_server::{
    cli::{Arguments, Task},
    config::{Config, Layers, Origin, SETTINGS, Setting},
};

fn layers(file: &str, variables: &[(&str, &str)], line: &[&str]) -> Layers {
    let arguments = Arguments::parse(["tickworld-server"].iter().chain(line)).expect("the line is right");
    let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let layers = Layers::default().text(Path::new("tickworld.toml"), file).expect("the file is right");
    layers.variables(variables).flags(arguments.flags)
}

fn config(file: &str, variables: &[(&str, &str)], line: &[&str]) -> Config {
    layers(file, variables, line).config().expect("the values are right")
}

fn refusal(file: &str, variables: &[(&str, &str)], line: &[&str]) -> String {
    layers(file, variables, line).config().expect_err("this must be refused").to_string()
}

#[test]
fn nothing_set_is_the_default_and_it_is_possible() {
    assert_eq!(config("", &[], &[]), Config::default());
    let default = Config::default();
    assert!(default.listen.ip().is_loopback() && default.http.ip().is_loopback());
    assert!(default.takes_development_tokens());
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let file = "tick-rate = 10\naudience = \"file\"\naccounts = 7";
    let variables = [("TICKWORLD_TICK_RATE", "20"), ("TICKWORLD_AUDIENCE", "variable")];
    let config = config(file, &variables, &["--tick-rate", "40"]);
    assert_eq!((config.tick_rate, config.audience.as_str(), config.accounts), (40, "variable", 7));
    assert_eq!(config.coins, Config::default().coins);
}

#[test]
fn every_setting_can_be_set_in_each_of_the_three_ways() {
    let defaults = Config::default().values();
    for (index, (setting, default)) in SETTINGS.iter().zip(defaults).enumerate() {
        let text = match default {
            Some(toml::Value::String(text)) => text,
            Some(value) => value.to_string(),
            None if setting.form == "N" => "5".to_owned(),
            None => "some/path".to_owned(),
        };
        let file = format!("{} = {text:?}", setting.name());
        let flag = format!("--{}={text}", setting.name());
        assert_eq!(layers(&file, &[], &[]).origin(index), Origin::File, "{file}");
        assert_eq!(layers("", &[(&setting.variable(), &text)], &[]).origin(index), Origin::Variable, "{text}");
        assert_eq!(layers(&file, &[(&setting.variable(), &text)], &[&flag]).origin(index), Origin::Flag, "{flag}");
    }
}

#[test]
fn a_list_is_an_array_or_repeated_or_parted_by_commas() {
    let expected: Vec<std::path::PathBuf> = vec!["a.pem".into(), "b.pem".into()];
    assert_eq!(config("token-keys = [\"a.pem\", \"b.pem\"]", &[], &[]).token_keys, expected);
    assert_eq!(config("", &[("TICKWORLD_TOKEN_KEYS", "a.pem,b.pem")], &[]).token_keys, expected);
    assert_eq!(config("", &[], &["--token-keys", "a.pem", "--token-keys", "b.pem"]).token_keys, expected);
}

#[test]
fn a_key_that_nobody_knows_is_an_error_and_names_the_one_that_may_be_meant() {
    let read = |text| Layers::default().text(Path::new("tickworld.toml"), text).map(drop);
    let error = read("tik-rate = 30").expect_err("there is no such key").to_string();
    assert!(error.contains("`tik-rate`") && error.contains("did you mean `tick-rate`?"), "{error}");
    let error = read("[limits]\nx = 1").expect_err("there are no tables").to_string();
    assert!(error.contains("`limits`"), "{error}");
    let error = read("tick-rate = ").expect_err("this is no TOML").to_string();
    assert!(error.contains("tickworld.toml"), "{error}");
    let error = read("tick-rate = [1]").expect_err("this is a list").to_string();
    assert!(error.contains("tick-rate (from a file): expected N, found a array"), "{error}");
}

#[test]
fn a_variable_that_nobody_knows_is_a_warning() {
    // A cluster puts TICKWORLD_PORT and the like in for a service of that name.
    let found = layers("", &[("TICKWORLD_TICKRATE", "1"), ("TICKWORLD_PORT", "tcp://10.0.0.1:80"), ("PATH", "/")], &[]);
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    assert!(found.warnings[0].contains("did you mean `TICKWORLD_TICK_RATE`?"), "{:?}", found.warnings);
    assert_eq!(found.config().expect("warnings do not hinder"), Config::default());
    let quiet = layers("", &[("TICKWORLD_ADMIN_TOKEN", "0123456789abcdef"), ("TICKWORLD_CONFIG", "a.toml")], &[]);
    assert_eq!(quiet.warnings, [""; 0]);
}

#[test]
fn a_wrong_value_is_named_with_its_setting_and_its_origin() {
    assert_eq!(
        refusal("", &[("TICKWORLD_TICK_RATE", "many")], &[]),
        "tick-rate (from a variable): expected a whole number from 0 to 65535, found `many`"
    );
    assert!(refusal("", &[], &["--listen", "here"]).starts_with("listen (from a flag): expected an address"));
    assert!(refusal("world = \"chess\"", &[], &[]).contains("expected one of d20, ledger"));
    // What is overruled is checked as well: it would come up on the day that the flag goes.
    assert!(refusal("tick-rate = \"many\"", &[], &["--tick-rate", "30"]).contains("from a file"));
}

#[test]
fn impossible_values_are_refused() {
    assert!(refusal("tick-rate = 0", &[], &[]).contains("1 to 1000"));
    assert!(refusal("root-lag-ticks = 9", &[], &[]).contains("1 to 8"));
    assert!(refusal("durable-lag-ticks-max = 256", &[], &[]).contains("history-ticks"));
    assert!(refusal("snapshots-kept = 0", &[], &[]).contains("snapshots-kept"));
    assert!(refusal("certificate = \"a.pem\"", &[], &[]).contains("go together"));
    assert!(refusal("threads = 0", &[], &[]).contains("1 to 256"));
}

#[test]
fn strangers_are_not_let_in_by_accident() {
    let error = refusal("listen = \"0.0.0.0:7310\"", &[], &[]);
    assert!(error.contains("token-keys") && error.contains("dev-issuer"), "{error}");
    assert!(config("listen = \"0.0.0.0:7310\"\ndev-issuer = true", &[], &[]).takes_development_tokens());
    let strict = config("listen = \"0.0.0.0:7310\"\ntoken-keys = [\"a.pem\"]", &[], &[]);
    assert!(!strict.takes_development_tokens());
}

#[test]
fn the_printed_configuration_is_a_file_that_gives_the_same() {
    let file = "tick-rate = 10\ntoken-keys = [\"a.pem\"]\nseed = \"18446744073709551615\"";
    let printed = layers(file, &[("TICKWORLD_COINS", "3")], &["--accept-loss"]);
    let text = printed.print().expect("the values are right");
    assert!(text.contains("coins = 3 # variable\n") && text.contains("accept-loss = true # flag\n"), "{text}");
    assert!(text.contains("# certificate is not set\n"), "{text}");
    assert_eq!(config(&text, &[], &[]), printed.config().expect("the values are right"));
}

#[test]
fn the_readme_lists_every_setting() {
    let mut table = String::from("| setting | default | meaning |\n| --- | --- | --- |\n");
    for (setting, value) in SETTINGS.iter().zip(Config::default().values()) {
        let default = value.map(|value| format!("`{value}`")).unwrap_or_default();
        table.push_str(&format!("| `{}` | {default} | {} |\n", setting.name(), setting.about.trim()));
    }
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "the table in reference-server/README.md should be\n\n{table}");
    assert!(SETTINGS.iter().map(Setting::name).all(|name| readme.contains(&format!("`{name}`"))));
}

#[test]
fn tasks_are_told_apart() {
    let task = |line: &[&str]| Arguments::parse(["tickworld-server"].iter().chain(line)).map(|it| it.task);
    assert_eq!(task(&[]).ok(), Some(Task::Serve));
    assert_eq!(task(&["--print-config"]).ok(), Some(Task::PrintConfig));
    assert!(matches!(task(&["token", "--player", "7", "--data", "x"]), Ok(Task::Token(it)) if it.player == Some(7)));
    assert!(task(&["token", "--player", "0"]).is_err());
    assert!(task(&["tokn"]).is_err());
}
