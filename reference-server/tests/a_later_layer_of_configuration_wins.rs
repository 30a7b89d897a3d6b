//! Flags over variables over the file over defaults, and mistakes named.

use std::{ffi::OsString, path::Path};

use tickworld_server::{
    cli::{self, Arguments, Task},
    config::{Config, ConfigError, Layers, Origin, Setting, Settings},
    world::WorldConfig,
};

fn nothing() -> Layers {
    Layers::of(&cli::tables())
}

fn layers(file: &str, variables: &[(&str, &str)], line: &[&str]) -> Layers {
    let arguments = Arguments::parse(["tickworld-server"].iter().chain(line)).expect("the line is right");
    let variables = variables.iter().map(|(name, text)| (OsString::from(name), OsString::from(text)));
    let layers = nothing().text(Path::new("tickworld.toml"), file).expect("the file is right");
    layers.variables(variables).expect("they are UTF-8").flags(arguments.flags)
}

fn config(file: &str, variables: &[(&str, &str)], line: &[&str]) -> Config {
    layers(file, variables, line).read().expect("the values are right")
}

fn world(file: &str, variables: &[(&str, &str)], line: &[&str]) -> WorldConfig {
    layers(file, variables, line).read().expect("the values are right")
}

/// What is said of the first mistake.
fn refusal(file: &str, variables: &[(&str, &str)], line: &[&str]) -> String {
    let layers = layers(file, variables, line);
    let read = layers.read::<WorldConfig>().and_then(|_| layers.read::<Config>());
    read.expect_err("this must be refused").to_string()
}

/// Every setting with its default.
fn settings() -> Vec<(&'static Setting, Option<toml::Value>)> {
    let of = |table: &'static [Setting], values: Vec<_>| table.iter().zip(values).collect::<Vec<_>>();
    let mut all = of(WorldConfig::TABLE, WorldConfig::default().values());
    all.extend(of(Config::TABLE, Config::default().values()));
    all
}

#[test]
fn nothing_set_is_the_default_and_it_is_possible() {
    assert_eq!(config("", &[], &[]), Config::default());
    let default = Config::default();
    assert!(default.listen.ip().is_loopback() && default.http.ip().is_loopback());
    assert!(default.takes_development_tokens() && default.administers_on_http());
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let file = "snapshots-kept = 10\naudience = \"file\"\naccounts = 7";
    let variables = [("TICKWORLD_SNAPSHOTS_KEPT", "20"), ("TICKWORLD_AUDIENCE", "variable")];
    let config = config(file, &variables, &["--snapshots-kept", "40"]);
    assert_eq!((config.snapshots_kept, config.audience.as_str()), (40, "variable"));
    assert_eq!(world(file, &variables, &[]), WorldConfig { accounts: 7, ..WorldConfig::default() });
}

#[test]
fn every_setting_can_be_set_in_each_of_the_three_ways() {
    for (setting, default) in settings() {
        let (name, text) = match default {
            Some(toml::Value::String(text)) => (setting.name(), text),
            Some(value) => (setting.name(), value.to_string()),
            None if setting.form == "N" => (setting.name(), "5".to_owned()),
            None if setting.form == "ADDRESS:PORT" => (setting.name(), "127.0.0.1:9".to_owned()),
            None => (setting.name(), "some/path".to_owned()),
        };
        let file = format!("{name} = {text:?}");
        let flag = format!("--{name}={text}");
        assert_eq!(layers(&file, &[], &[]).origin(&name), Origin::File, "{file}");
        assert_eq!(layers("", &[(&setting.variable(), &text)], &[]).origin(&name), Origin::Variable, "{text}");
        assert_eq!(layers(&file, &[(&setting.variable(), &text)], &[&flag]).origin(&name), Origin::Flag, "{flag}");
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
    let read = |text| nothing().text(Path::new("tickworld.toml"), text).map(drop);
    let error = read("# a comment\n\ntik-rate = 30").expect_err("there is no such key").to_string();
    assert_eq!(error, "tickworld.toml:3: `tik-rate` is no setting; did you mean `tick-rate`?");
    let error = read("[limits]\nx = 1").expect_err("there are no tables").to_string();
    assert!(error.contains("tickworld.toml:1: `limits`"), "{error}");
    let error = read("tick-rate = ").expect_err("this is no TOML").to_string();
    assert!(error.contains("tickworld.toml"), "{error}");
}

#[test]
fn a_wrong_value_of_a_file_is_named_with_its_line() {
    let cases = [
        ("tick-rate = [1]", "1: tick-rate: expected a whole number from 1 to 1000, found an array"),
        ("tick-rate = 60.0", "1: tick-rate: expected a whole number from 1 to 1000, found a number with a point"),
        ("\n\n  tick-rate = 0", "3: tick-rate: expected a whole number from 1 to 1000, found `0`"),
        ("world = \"d20\"\nthreads = true", "2: threads: expected a whole number from 1 to 256, found `true`"),
        ("threads = -1", "1: threads: expected a whole number from 1 to 256, found `-1`"),
        ("threads = 0x101", "1: threads: expected a whole number from 1 to 256, found `257`"),
        ("data = 5.5", "1: data: expected a path in quotes, found a number with a point"),
        (
            "token-keys = [\n  \"a.pem\",\n  5.5,\n]",
            "3: token-keys: expected a path in quotes, found a number with a point",
        ),
        ("accept-loss = 1979-05-27", "1: accept-loss: expected one of true, false, found a date"),
        ("\nlisten = \"here\"", "2: listen: expected an address and a port such as 127.0.0.1:7310, found `here`"),
        ("log = \"xml\"", "1: log: expected one of auto, text, json, found `xml`"),
        // Two that do not go together: both lines.
        (
            "history-ticks = 8\n\ndurable-lag-ticks-max = 9",
            "durable-lag-ticks-max is 9: it must be below history-ticks, 8 (said by a.toml:3 and a.toml:1)",
        ),
        ("certificate = \"a.pem\"", "set both or neither (said by a.toml:1)"),
    ];
    for (text, expected) in cases {
        let layers = nothing().text(Path::new("a.toml"), text);
        let read = layers.and_then(|layers| layers.read::<Config>());
        let error = read.map(drop).expect_err(text).to_string();
        assert!(error.ends_with(expected) && error.contains("a.toml:"), "{text:?} gives {error:?}");
    }
}

#[test]
fn a_variable_that_nobody_knows_is_a_warning() {
    // A cluster puts TICKWORLD_PORT and the like in for a service of that name.
    let found = layers("", &[("TICKWORLD_TICKRATE", "1"), ("TICKWORLD_PORT", "tcp://10.0.0.1:80"), ("PATH", "/")], &[]);
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    assert!(found.warnings[0].contains("did you mean `TICKWORLD_TICK_RATE`?"), "{:?}", found.warnings);
    assert!(!found.warnings[1].contains("did you mean"), "{:?}", found.warnings);
    assert_eq!(found.read::<Config>().expect("warnings do not hinder"), Config::default());
    let quiet = layers("", &[("TICKWORLD_ADMIN_TOKEN", "0123456789abcdef"), ("TICKWORLD_CONFIG", "a.toml")], &[]);
    assert_eq!(quiet.warnings, [""; 0]);
}

#[cfg(unix)]
#[test]
fn other_peoples_variables_do_not_matter_whatever_is_in_them() {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = || OsString::from_vec(vec![b'x', 0xff]);
    let read = |name: OsString, value: OsString| nothing().variables([(name, value)]);
    let layers = read("FOO".into(), bytes()).expect("it is none of ours");
    assert_eq!(layers.warnings, [""; 0]);
    assert!(read(bytes(), bytes()).is_ok());
    let error = read("TICKWORLD_AUDIENCE".into(), bytes()).expect_err("nobody can read it").to_string();
    assert_eq!(error, "the variable TICKWORLD_AUDIENCE: audience: the value is not UTF-8");
}

#[test]
fn a_wrong_value_is_named_with_what_somebody_wrote() {
    assert_eq!(
        refusal("", &[("TICKWORLD_TICK_RATE", "many")], &[]),
        "the variable TICKWORLD_TICK_RATE: tick-rate: expected a whole number from 1 to 1000, found `many`"
    );
    assert!(refusal("", &[], &["--listen", "here"]).starts_with("the flag --listen: listen: expected an address"));
    assert!(refusal("world = \"chess\"", &[], &[]).contains("expected one of d20, ledger, found `chess`"));
    // What is overruled is checked as well: it would come up on the day that the flag goes.
    assert!(refusal("tick-rate = \"many\"", &[], &["--tick-rate", "30"]).contains("tickworld.toml:1"));
}

/// Whatever number there is, zero and the absurd are refused where they are no use, from outside and from inside.
#[test]
fn every_number_has_a_range_and_is_held_against_it() {
    let mut numbers = 0;
    for (setting, _) in settings().into_iter().filter(|(setting, _)| setting.form == "N") {
        numbers += 1;
        let (name, range) =
            (setting.name(), setting.range.clone().unwrap_or_else(|| panic!("{setting:?} has no range")));
        let outside = [range.start().checked_sub(1), range.end().checked_add(1), Some(u64::MAX)];
        for number in outside.into_iter().flatten().filter(|number| !range.contains(number)) {
            let text = format!("{name} = \"{number}\"");
            assert!(refusal(&text, &[], &[]).contains(&format!("found `{number}`")), "{text}");
        }
        for number in [*range.start(), *range.end()] {
            // Two settings bound each other.
            let beside =
                if name == "history-ticks" { "durable-lag-ticks-max = 1\n" } else { "history-ticks = 16384\n" };
            let text = format!("{beside}{name} = \"{number}\"");
            let layers = layers(&text, &[], &[]);
            let read = layers.read::<WorldConfig>().and_then(|_| layers.read::<Config>());
            assert!(read.is_ok(), "{text}: {:?}", read.err());
        }
    }
    assert!(numbers > 12, "{numbers}");
    // The same for who embeds a server and writes the struct.
    let absurd = [
        Config { sessions_max: 0, ..Config::default() },
        Config { sessions_per_address_max: 0, ..Config::default() },
        Config { input_delay_ticks: u32::MAX, ..Config::default() },
        Config { threads: 0, ..Config::default() },
        Config { snapshots_kept: 0, ..Config::default() },
        Config { tick_rate: Some(0), ..Config::default() },
        Config { root_lag_ticks: Some(9), ..Config::default() },
        Config { durable_lag_ticks_max: 256, ..Config::default() },
        Config { audience: String::new(), ..Config::default() },
    ];
    for config in absurd {
        assert!(matches!(config.check(), Err(ConfigError::Impossible { .. })), "{config:?}");
    }
}

#[test]
fn a_home_is_no_folder_of_that_name() {
    for text in ["data = \"~/world\"", "data = \"~\"", "scenario = \"~other/duel.yaml\"", "token-keys = [\"~/a.pem\"]"]
    {
        assert!(refusal(text, &[], &[]).contains("stands for somebody's home"), "{text}");
    }
    assert_eq!(config("data = \"./~world\"", &[], &[]).data, Path::new("./~world"));
}

#[test]
fn strangers_are_not_let_in_by_accident() {
    let certified = "certificate = \"a.pem\"\ncertificate-key = \"b.pem\"\n";
    let error = refusal(&format!("{certified}listen = \"0.0.0.0:7310\""), &[], &[]);
    assert!(error.contains("token-keys") && error.contains("dev-issuer"), "{error}");
    let open = format!("{certified}listen = \"0.0.0.0:7310\"\ndev-issuer = true");
    assert!(config(&open, &[], &[]).takes_development_tokens());
    let strict = config(&format!("{certified}listen = \"0.0.0.0:7310\"\ntoken-keys = [\"a.pem\"]"), &[], &[]);
    assert!(!strict.takes_development_tokens());
}

#[test]
fn nothing_goes_beyond_this_machine_with_a_certificate_that_nobody_asked_for() {
    for name in ["listen", "admin"] {
        let text = format!("token-keys = [\"a.pem\"]\n{name} = \"[::]:7310\"");
        let error = refusal(&text, &[], &[]);
        assert!(error.contains("certificate-key, or dev-certificate") && error.contains("tickworld.toml:2"), "{error}");
        assert!(config(&format!("{text}\ndev-certificate = true"), &[], &[]).dev_certificate);
        config(&format!("{text}\ncertificate = \"a.pem\"\ncertificate-key = \"b.pem\""), &[], &[]);
    }
    let own = config("admin = \"127.0.0.1:7312\"", &[], &[]);
    assert!(!own.administers_on_http());
    // An HTTP port that others reach has no operators on it, whatever else is set.
    assert!(!config("http = \"0.0.0.0:7311\"", &[], &[]).administers_on_http());
    assert!(refusal("admin = \"127.0.0.1:7311\"", &[], &[]).contains("two ports take two"));
}

#[test]
fn the_printed_configuration_is_a_file_that_gives_the_same() {
    let file = "tick-rate = 10\ntoken-keys = [\"a.pem\"]\nseed = \"18446744073709551615\"";
    let said = layers(file, &[("TICKWORLD_COINS", "3")], &["--accept-loss"]);
    let (of_world, of_server): (WorldConfig, Config) =
        (said.read().expect("the values are right"), said.read().expect("the values are right"));
    let text = said.print(&of_world) + &said.print(&of_server);
    assert!(text.contains("coins = 3 # variable\n") && text.contains("accept-loss = true # flag\n"), "{text}");
    assert!(text.contains("# certificate is not set\n"), "{text}");
    assert_eq!((world(&text, &[], &[]), config(&text, &[], &[])), (of_world, of_server));
}

#[test]
fn the_readme_lists_every_setting() {
    let readme = include_str!("../README.md");
    let table = |settings: Vec<(&Setting, Option<toml::Value>)>| {
        let mut table = String::from("| setting | default | meaning |\n| --- | --- | --- |\n");
        for (setting, value) in settings {
            let default = value.map(|value| format!("`{value}`")).unwrap_or_default();
            table.push_str(&format!("| `{}` | {default} | {} |\n", setting.name(), setting.meaning()));
        }
        table
    };
    let (of_world, of_server): (Vec<_>, Vec<_>) = settings()
        .into_iter()
        .partition(|(setting, _)| WorldConfig::TABLE.iter().any(|it| it.name() == setting.name()));
    for table in [table(of_world), table(of_server)] {
        assert!(readme.contains(&table), "a table in reference-server/README.md should be\n\n{table}");
    }
    assert!(settings().iter().all(|(setting, _)| readme.contains(&format!("`{}`", setting.name()))));
}

#[test]
fn the_help_says_every_default_and_range() {
    let help = cli::command().render_help().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    for expected in ["[default: \"127.0.0.1:7310\"]", "From 1 to 1000.", "<d20|ledger>", "Example:"] {
        assert!(help.contains(expected), "{expected} in\n{help}");
    }
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
