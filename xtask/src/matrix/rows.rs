//! [`Row`]: a target and a profile; and the table of foreign targets, with what Debian calls their parts.

/// A target that this machine is not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// How a row is called.
    pub(crate) name: &'static str,
    /// The name that rustc knows the target by.
    pub(crate) triple: &'static str,
    pub(crate) machine: Machine,
    /// Width of its pointers.
    pub(crate) bits: u8,
    pub(crate) is_big_endian: bool,
}

/// How a foreign target is linked and run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// A C compiler links, qemu-user runs.
    Linux {
        /// Before `-gcc`, and the folder of its libraries under `/usr`.
        prefix: &'static str,
        /// The emulator's name, as in `qemu-NAME-static`.
        qemu: &'static str,
        /// Debian's packages of compiler and libraries.
        packages: [&'static str; 2],
    },
    /// `rust-lld` links, node's WASI runs.
    Wasi,
}

const fn linux(
    name: &'static str,
    triple: &'static str,
    prefix: &'static str,
    qemu: &'static str,
    packages: [&'static str; 2],
) -> Target {
    Target { name, triple, machine: Machine::Linux { prefix, qemu, packages }, bits: 64, is_big_endian: false }
}

/// In the order of the table that is printed.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        bits: 32,
        ..linux(
            "i686",
            "i686-unknown-linux-gnu",
            "i686-linux-gnu",
            "i386",
            ["gcc-i686-linux-gnu", "libc6-dev-i386-cross"],
        )
    },
    linux(
        "aarch64",
        "aarch64-unknown-linux-gnu",
        "aarch64-linux-gnu",
        "aarch64",
        ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    ),
    Target {
        bits: 32,
        ..linux(
            "armv7",
            "armv7-unknown-linux-gnueabihf",
            "arm-linux-gnueabihf",
            "arm",
            ["gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"],
        )
    },
    linux(
        "riscv64",
        "riscv64gc-unknown-linux-gnu",
        "riscv64-linux-gnu",
        "riscv64",
        ["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"],
    ),
    Target {
        is_big_endian: true,
        ..linux(
            "s390x",
            "s390x-unknown-linux-gnu",
            "s390x-linux-gnu",
            "s390x",
            ["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross"],
        )
    },
    Target {
        is_big_endian: true,
        ..linux(
            "powerpc64",
            "powerpc64-unknown-linux-gnu",
            "powerpc64-linux-gnu",
            "ppc64",
            ["gcc-powerpc64-linux-gnu", "libc6-dev-ppc64-cross"],
        )
    },
    Target { name: "wasm32", triple: "wasm32-wasip1", machine: Machine::Wasi, bits: 32, is_big_endian: false },
];

impl Target {
    /// Debian's packages without which it can be neither built nor run.
    pub(crate) fn packages(&self) -> &[&'static str] {
        match &self.machine {
            Machine::Linux { packages, .. } => packages,
            Machine::Wasi => &["wasi-libc"],
        }
    }

    /// The variable of cargo that sets `what` for it.
    pub(crate) fn variable(&self, what: &str) -> String {
        format!("CARGO_TARGET_{}_{what}", self.triple.to_uppercase().replace('-', "_"))
    }
}

/// One line of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// None: the machine that this runs on.
    pub(crate) target: Option<&'static Target>,
    /// The profile of cargo that it is built in.
    pub(crate) profile: &'static str,
}

/// All rows, or those whose name contains one of `words`.
pub(crate) fn chosen(words: &[String]) -> Vec<Row> {
    let native = [("native debug", "dev"), ("native release", "release"), ("native lto", "lto")];
    let native = native.map(|(name, profile)| Row { name, target: None, profile });
    let foreign = TARGETS.iter().map(|target| Row { name: target.name, target: Some(target), profile: "release" });
    let rows = native.into_iter().chain(foreign);
    rows.filter(|row| words.is_empty() || words.iter().any(|word| row.name.contains(word.as_str()))).collect()
}

impl Row {
    /// Whether a deliberate bug of this name must show here.
    pub(crate) fn is_bitten_by(&self, bug: &str) -> bool {
        let (bits, is_big_endian) = self
            .target
            .map_or((usize::BITS, cfg!(target_endian = "big")), |target| (target.bits.into(), target.is_big_endian));
        match bug {
            "width" => bits < 64,
            "endian" => is_big_endian,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_words_choose() {
        let rows = chosen(&[]);
        for (at, row) in rows.iter().enumerate() {
            assert!(rows[..at].iter().all(|other| other.name != row.name), "{}", row.name);
        }
        let names = |words: &[&str]| -> Vec<&str> {
            chosen(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
                .iter()
                .map(|row| row.name)
                .collect()
        };
        assert_eq!(names(&["native"]), ["native debug", "native release", "native lto"]);
        assert_eq!(names(&["wasm", "390"]), ["s390x", "wasm32"]);
        assert!(names(&["no-such"]).is_empty());
    }

    #[test]
    fn there_are_machines_of_both_widths_and_orders() {
        for bug in ["width", "endian"] {
            assert!(chosen(&[]).iter().any(|row| row.is_bitten_by(bug)), "{bug}");
            assert!(chosen(&[]).iter().any(|row| !row.is_bitten_by(bug)), "{bug}");
        }
        assert!(chosen(&[]).iter().all(|row| row.is_bitten_by("everywhere")));
    }

    #[test]
    fn a_variable_is_spelt_as_cargo_reads_it() {
        let target = TARGETS.iter().find(|target| target.name == "wasm32").expect("it is in the table");
        assert_eq!(target.variable("LINKER"), "CARGO_TARGET_WASM32_WASIP1_LINKER");
    }
}
