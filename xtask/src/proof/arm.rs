//! AArch64: which instructions compute with floats, and which ask the processor what no frame says.
//!
//! All instructions are four bytes long and floating point has places of its own in the encoding, so a few masks tell; the
//! groups and opcodes are those of the Arm Architecture Reference Manual, C4.1.96 "Data Processing -- Scalar Floating-Point
//! and Advanced SIMD". Moves and selections of registers (`fmov`, `fcsel`) compute nothing.

use super::instruction::{Kind, Noted};

/// What is to be judged in a function.
pub(super) fn noted(code: &[u8]) -> Vec<Noted> {
    let words = code.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let noted = |word: u32| {
        let kind = if is_environment(word) {
            Kind::Environment
        } else if is_scalar(word) || is_vector(word) {
            Kind::Float
        } else {
            return None;
        };
        Some(Noted { kind, text: format!("instruction {word:08x}") })
    };
    words.filter_map(noted).collect()
}

/// Bits from `low`, `count` of them.
const fn bits(word: u32, low: u32, count: u32) -> u32 {
    (word >> low) & ((1 << count) - 1)
}

/// `svc`; the counters of time and cycles; random numbers.
fn is_environment(word: u32) -> bool {
    let is_call = word & 0xFFE0_001F == 0xD400_0001;
    let register = word & 0xFFFF_FFE0;
    is_call
        || [0xD53B_E020, 0xD53B_E040, 0xD53B_E0A0, 0xD53B_E0C0, 0xD53B_9D00, 0xD53B_2400, 0xD53B_2420]
            .contains(&register)
}

/// Scalar floating point: bits 28 to 24 are 1111x, 30 and 29 are 0.
fn is_scalar(word: u32) -> bool {
    if bits(word, 29, 2) != 0 || bits(word, 25, 4) != 0b1111 {
        return false;
    }
    if bits(word, 24, 1) == 1 || bits(word, 21, 1) == 0 {
        // Fused; conversions from and to fixed point.
        return true;
    }
    match bits(word, 10, 2) {
        // A conditional selection.
        0b11 => false,
        // Two operands; a conditional comparison.
        0b10 | 0b01 => true,
        _ if bits(word, 12, 1) == 1 => false,
        _ if bits(word, 13, 1) == 1 => true,
        // One operand; 0 is a move.
        _ if bits(word, 14, 1) == 1 => bits(word, 15, 6) != 0,
        // Between registers of both kinds; 11x is a move, but for the one that rounds as JavaScript does.
        _ => bits(word, 17, 2) != 0b11 || bits(word, 19, 2) == 0b11,
    }
}

/// Advanced SIMD: bit 31 is 0, bits 28 to 25 are 0111 or, of scalars, 1111 with bit 30.
fn is_vector(word: u32) -> bool {
    let is_vector = bits(word, 31, 1) == 0 && bits(word, 25, 4) == 0b0111;
    let is_scalar = bits(word, 30, 2) == 0b01 && bits(word, 25, 4) == 0b1111;
    if !is_vector && !is_scalar {
        return false;
    }
    let (unsigned, size, low) = (bits(word, 29, 1), bits(word, 22, 2), bits(word, 10, 1));
    if bits(word, 24, 1) == 1 {
        return if low == 1 { is_shift(word) } else { is_by_element(unsigned, size, bits(word, 12, 4)) };
    }
    if bits(word, 21, 1) == 1 {
        let opcode = bits(word, 12, 5);
        return match (low, bits(word, 17, 4), bits(word, 11, 1)) {
            // Three of a kind.
            (1, ..) => bits(word, 11, 5) >= 0b11000,
            // Two registers.
            (0, 0b0000, 1) => is_of_two(unsigned, opcode, size),
            // The same of halves.
            (0, 0b1100, 1) => true,
            // Across lanes, and pairs of scalars.
            (0, 0b1000, 1) => matches!(opcode, 0b01100 | 0b01101 | 0b01111),
            _ => false,
        };
    }
    // Three halves; three with more: complex numbers, and products of brain floats.
    let is_halves = bits(word, 14, 2) == 0 && bits(word, 22, 1) == 1;
    low == 1 && (is_halves || bits(word, 14, 2) == 0b11)
}

/// Conversions with fixed point; the rest shifts integers, or moves a constant.
fn is_shift(word: u32) -> bool {
    bits(word, 19, 4) != 0 && matches!(bits(word, 11, 5), 0b11100 | 0b11111)
}

fn is_by_element(unsigned: u32, size: u32, opcode: u32) -> bool {
    match (unsigned, opcode) {
        (_, 0b0001 | 0b0101 | 0b1001) => true,
        (1, 0b0011 | 0b0111) => true,
        (0, 0b0000 | 0b0100) => true,
        (1, 0b1000 | 0b1100) => true,
        (0, 0b1111) => size & 1 == 1,
        _ => false,
    }
}

fn is_of_two(unsigned: u32, opcode: u32, size: u32) -> bool {
    match opcode {
        // `fneg` flips the sign bit and rounds nothing: of zeros it is how the compiler makes a mask of lowest integers.
        0b01111 if unsigned == 1 => false,
        // Estimates of integers.
        0b11100 => size < 2,
        0b01100..=0b01111 => size >= 2,
        0b10110 | 0b10111 => true,
        _ => opcode >= 0b11000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As assemblers write them.
    const FLOATS: &[(u32, &str)] = &[
        (0x1E21_0800, "fmul s0, s0, s1"),
        (0x1E61_2800, "fadd d0, d0, d1"),
        (0x1F42_0C20, "fmadd d0, d1, d2, d3"),
        (0x1E21_2000, "fcmp s0, s1"),
        (0x1E61_C000, "fsqrt d0, d0"),
        (0x1E22_C000, "fcvt d0, s0"),
        (0x9E62_0000, "scvtf d0, x0"),
        (0x9E78_0000, "fcvtzs x0, d0"),
        (0x4E21_D400, "fadd v0.4s, v0.4s, v1.4s"),
        (0x6E21_DC00, "fmul v0.4s, v0.4s, v1.4s"),
        (0x4E21_CC00, "fmla v0.4s, v0.4s, v1.4s"),
        (0x4E21_D800, "scvtf v0.4s, v0.4s"),
        (0x4EA1_B800, "fcvtzs v0.4s, v0.4s"),
        (0x7E30_D800, "faddp s0, v0.2s"),
        (0x5E21_D800, "scvtf s0, s0"),
        (0x4F81_9000, "fmul v0.4s, v0.4s, v1.s[0]"),
        (0x6E30_F800, "fmaxv s0, v0.4s"),
        (0x4EE0_F841, "fabs v1.2d, v2.2d"),
        (0x1E61_4000, "fneg d0, d0"),
    ];
    const OTHERS: &[(u32, &str)] = &[
        (0x1E60_4020, "fmov d0, d1"),
        (0x9E67_0000, "fmov d0, x0"),
        (0x9E66_0000, "fmov x0, d0"),
        (0x1E62_0C20, "fcsel d0, d1, d2, eq"),
        (0x1E6E_1000, "fmov d0, #1.0"),
        (0x6EE0_F841, "fneg v1.2d, v2.2d"),
        (0x6F00_E400, "movi v0.2d, #0"),
        (0x4EA1_8400, "add v0.4s, v0.4s, v1.4s"),
        (0x4EA1_9C00, "mul v0.4s, v0.4s, v1.4s"),
        (0x6E21_1C00, "eor v0.16b, v0.16b, v1.16b"),
        (0x4E81_3800, "zip1 v0.4s, v0.4s, v1.4s"),
        (0x6F2C_0400, "ushr v0.4s, v0.4s, #20"),
        (0x4F2C_5400, "shl v0.4s, v0.4s, #12"),
        (0x0E21_2800, "xtn v0.8b, v0.8h"),
        (0x4EB1_B800, "addv s0, v0.4s"),
        (0x3DC0_0000, "ldr q0, [x0]"),
        (0x9B01_7C00, "mul x0, x0, x1"),
        (0x8B01_0000, "add x0, x0, x1"),
        (0x4E08_1C20, "ins v0.d[0], x1"),
        (0x6E01_4000, "ext v0.16b, v0.16b, v1.16b, #8"),
        (0x4E01_0000, "tbl v0.16b, {v0.16b}, v1.16b"),
        (0xD65F_03C0, "ret"),
    ];

    fn kind(word: u32) -> Option<Kind> {
        noted(&word.to_le_bytes()).first().map(|noted| noted.kind)
    }

    #[test]
    fn encodings_are_told_apart() {
        for (word, text) in FLOATS {
            assert_eq!(kind(*word), Some(Kind::Float), "{text}");
        }
        for (word, text) in OTHERS {
            assert_eq!(kind(*word), None, "{text}");
        }
        assert_eq!(kind(0xD400_0001), Some(Kind::Environment), "svc #0");
        assert_eq!(kind(0xD53B_E040), Some(Kind::Environment), "mrs x0, cntvct_el0");
    }
}
