//! x86-64: which instructions compute with floats, and which ask the processor what no frame says.
//!
//! Moves, shuffles, blends and bitwise operations of the vector registers are not arithmetic, whatever their names say: the
//! compiler uses `movaps` and `xorps` to copy and to clear memory.

use std::collections::BTreeMap;

use iced_x86::{Code, Decoder, DecoderOptions, Mnemonic};

use super::instruction::{Kind, Noted};

/// How names of arithmetic on packed and scalar floats begin; they end in the type. Intel SDM, volume 2.
const ARITHMETIC: &[&str] = &[
    "add", "sub", "mul", "div", "sqrt", "min", "max", "cmp", "comi", "ucomi", "round", "rcp", "rsqrt", "hadd", "hsub",
    "dp", "range", "reduce", "rndscale", "getexp", "getmant", "scalef", "fixupimm", "fpclass", "exp2", "comx", "ucomx",
];
/// Scalar and packed, half, single and double.
const TYPES: &[&str] = &["ss", "sd", "ps", "pd", "sh", "ph"];
/// Of the names that begin with an F, those that compute nothing.
const NO_ARITHMETIC: &[&str] = &["fxsave", "fxsave64", "fxrstor", "fxrstor64", "femms", "fwait", "fnop"];
/// What answers differently on another machine, or later.
const ENVIRONMENT: &[&str] = &[
    "syscall", "sysenter", "int", "rdtsc", "rdtscp", "rdrand", "rdseed", "rdpid", "rdpmc", "cpuid", "xgetbv", "in",
    "out",
];

/// What is to be judged in a function.
pub(super) fn noted(code: &[u8]) -> Vec<Noted> {
    let mut known: BTreeMap<Mnemonic, (Option<Kind>, String)> = BTreeMap::new();
    let mut noted = Vec::new();
    for instruction in &mut Decoder::new(64, code, DecoderOptions::NONE) {
        // The comparison of two words in memory has the name of one of doubles.
        if instruction.code() == Code::Cmpsd_m32_m32 {
            continue;
        }
        let (kind, text) = known.entry(instruction.mnemonic()).or_insert_with_key(|mnemonic| {
            let text = format!("{mnemonic:?}").to_lowercase();
            (kind(&text), text)
        });
        if let Some(kind) = *kind {
            noted.push(Noted { kind, text: text.clone() });
        }
    }
    noted
}

fn kind(name: &str) -> Option<Kind> {
    if name == "invalid" {
        return Some(Kind::Unreadable);
    }
    if ENVIRONMENT.contains(&name) {
        return Some(Kind::Environment);
    }
    let stem = name.strip_prefix('v').unwrap_or(name);
    let is_x87_or_fused = stem.starts_with('f') && !NO_ARITHMETIC.contains(&stem);
    let is_typed = TYPES.iter().any(|ty| stem.ends_with(ty)) && ARITHMETIC.iter().any(|what| stem.starts_with(what));
    (is_x87_or_fused || is_typed || stem.starts_with("cvt")).then_some(Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let floats = "addss mulsd vaddps vfmadd213ss cvtsi2sd vcvttsd2si ucomiss sqrtpd fld fadd cmpps minsd roundss hsubps \
                      dpps vrsqrt14ps";
        let others = "movss movaps vmovups xorps andnps shufps unpcklpd insertps vpermilps vblendps vbroadcastss paddd pmuludq \
                      vpaddq punpckldq add mul cmp cmpxchg push popcnt vinsertf128 pcmpeqd mulx movmskps";
        for name in floats.split_whitespace() {
            assert_eq!(kind(name), Some(Kind::Float), "{name}");
        }
        for name in others.split_whitespace() {
            assert_eq!(kind(name), None, "{name}");
        }
        assert_eq!(kind("rdtsc"), Some(Kind::Environment));
    }

    #[test]
    fn machine_code_is_read() {
        let names = |code: &[u8]| noted(code).into_iter().map(|it| it.text).collect::<Vec<_>>();
        assert_eq!(names(&[0xF3, 0x0F, 0x59, 0xC1, 0xC3]), ["mulss"], "mulss xmm0, xmm1; ret");
        assert_eq!(names(&[0x0F, 0x28, 0xC1, 0x01, 0xD8, 0xC3]), [""; 0], "movaps xmm0, xmm1; add eax, ebx; ret");
        assert_eq!(names(&[0xF3, 0xA7]), [""; 0], "repe cmpsd compares memory");
        assert_eq!(names(&[0x0F, 0x31]), ["rdtsc"]);
    }
}
