//! The few digits that tell a double from its neighbours.
//!
//! This is Grisu2 of Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
//! Integers" (PLDI 2010), because Redis 7.4 uses it: in about one double of two hundred it yields a
//! digit more than need be, or not the nearest of the shortest, and clients see the same from us.
//!
//! The idea: every decimal between the middles to both neighbours reads back as the same double. The
//! value and both middles are scaled by a power of ten, out of a table of every eighth, so that the
//! binary point lands where the integer part fits 32 bits. Then digits of the upper middle are
//! generated until what remains is less than the interval is wide, and the last digit is lowered as
//! long as that leads nearer to the value. The products are off by up to one unit, so the interval is
//! narrowed by one at each side, which is why the result is always right but not always shortest.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "all operands are bounded by the widths that the algorithm keeps"
)]

/// The digits and exponent of a positive double: `digits * 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: [u8; DIGITS],
    length: usize,
    /// Of ten, for the digits as an integer.
    pub(super) exponent: i32,
}

impl Decimal {
    /// The digits in ASCII, without leading zeros.
    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, digit: u64) {
        if let Some(place) = self.digits.get_mut(self.length) {
            #[expect(clippy::cast_possible_truncation, reason = "a digit fits a byte")]
            let ascii = b'0' + digit as u8;
            *place = ascii;
            self.length += 1;
        }
    }
}

/// The digits of `value`, which must be positive and finite.
pub(super) fn shortest(value: f64) -> Decimal {
    let bits = value.to_bits();
    let fraction = bits & (HIDDEN_BIT - 1);
    let biased = (bits >> FRACTION_BITS) as i32;
    let exact = match biased {
        0 => Scaled { mantissa: fraction, exponent: 1 - EXPONENT_BIAS },
        _ => Scaled { mantissa: fraction | HIDDEN_BIT, exponent: biased - EXPONENT_BIAS },
    };
    // The neighbour below is nearer where the exponent changes.
    let shift = if exact.mantissa == HIDDEN_BIT { 2 } else { 1 };
    let upper = Scaled { mantissa: exact.mantissa * 2 + 1, exponent: exact.exponent - 1 };
    let lower =
        Scaled { mantissa: (exact.mantissa << shift) - 1, exponent: exact.exponent - shift };
    let upper = upper.normalized();
    let lower = Scaled {
        mantissa: lower.mantissa << (lower.exponent - upper.exponent),
        exponent: upper.exponent,
    };
    let (power, power_exponent) = cached_power(upper.exponent);
    let value = exact.normalized().times(power);
    let mut upper = upper.times(power);
    let mut lower = lower.times(power);
    upper.mantissa -= 1;
    lower.mantissa += 1;
    generate(value, upper, lower, -power_exponent)
}

/// Digits in `lower..=upper`, near `value`; all three have the same exponent.
fn generate(value: Scaled, upper: Scaled, lower: Scaled, exponent: i32) -> Decimal {
    let mut decimal = Decimal { digits: [0; DIGITS], length: 0, exponent };
    let point = upper.exponent.unsigned_abs();
    let fraction_mask = (1_u64 << point) - 1;
    let mut distance = upper.mantissa - value.mantissa;
    let mut width = upper.mantissa - lower.mantissa;
    // It fits: and 32 bits are divided much faster than 64.
    let mut integer = u32::try_from(upper.mantissa >> point).unwrap_or(u32::MAX);
    let mut fraction = upper.mantissa & fraction_mask;

    let mut divisor = 1_000_000_000_u32;
    for places in (0..10).rev() {
        let digit = integer / divisor;
        integer %= divisor;
        if digit != 0 || decimal.length != 0 {
            decimal.push(u64::from(digit));
        }
        let rest = (u64::from(integer) << point) + fraction;
        if rest <= width {
            decimal.exponent += places;
            round(&mut decimal, rest, width, u64::from(divisor) << point, distance);
            return decimal;
        }
        divisor /= 10;
    }
    loop {
        fraction *= 10;
        width *= 10;
        distance *= 10;
        decimal.exponent -= 1;
        let digit = fraction >> point;
        if digit != 0 || decimal.length != 0 {
            decimal.push(digit);
        }
        fraction &= fraction_mask;
        if fraction < width {
            round(&mut decimal, fraction, width, 1_u64 << point, distance);
            return decimal;
        }
    }
}

/// Lowers the last digit as long as that leads nearer to the value: `rest` is what the digits lack
/// to the upper end, `distance` what the value lacks, `unit` the weight of the last digit.
fn round(decimal: &mut Decimal, mut rest: u64, width: u64, unit: u64, distance: u64) {
    while rest < distance
        && unit <= width - rest
        && (rest + unit < distance || rest + unit - distance < distance - rest)
    {
        if let Some(last) = decimal.digits.get_mut(decimal.length.saturating_sub(1)) {
            *last -= 1;
        }
        rest += unit;
    }
}

/// The power of ten that brings a number with this binary exponent into the window, and the
/// exponent of ten.
fn cached_power(exponent: i32) -> (Scaled, i32) {
    // Where two powers fit, Redis's choice comes from this estimate, made in the same steps.
    let estimate = -f64::from(exponent + POWERS_COUNT) * std::f64::consts::LOG10_2;
    #[expect(clippy::cast_possible_truncation, reason = "within four digits")]
    let mut index = (estimate as i32 - POWERS_FIRST) / POWERS_STEP;
    loop {
        let ten = POWERS_FIRST + index * POWERS_STEP;
        let mantissa = usize::try_from(index).ok().and_then(|index| POWERS.get(index));
        let power = Scaled {
            mantissa: mantissa.copied().unwrap_or_default(),
            exponent: binary_exponent(ten),
        };
        let product = exponent + power.exponent + 64;
        if product < WINDOW_LEAST {
            index += 1;
        } else if WINDOW_MOST < product {
            index -= 1;
        } else {
            return (power, ten);
        }
    }
}

/// The exponent of two for a mantissa of 64 bits that stands for `10^ten`: by way of log2(10) as a
/// fraction, exact in the table's range.
pub(super) fn binary_exponent(ten: i32) -> i32 {
    ((ten * 217_706) >> 16) - 63
}

/// `mantissa * 2^exponent`
#[derive(Debug, Clone, Copy)]
struct Scaled {
    mantissa: u64,
    exponent: i32,
}

impl Scaled {
    /// The same with the highest bit set.
    fn normalized(self) -> Scaled {
        let shift = self.mantissa.leading_zeros();
        Scaled { mantissa: self.mantissa << shift, exponent: self.exponent - shift.cast_signed() }
    }

    /// The product, its upper half rounded.
    fn times(self, other: Scaled) -> Scaled {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        let mantissa = ((product + (1 << 63)) >> 64) as u64;
        Scaled { mantissa, exponent: self.exponent + other.exponent + 64 }
    }
}

/// More digits than ever come out: 17 tell any double from its neighbours.
const DIGITS: usize = 20;

const FRACTION_BITS: u32 = 52;
const HIDDEN_BIT: u64 = 1 << FRACTION_BITS;
const EXPONENT_BIAS: i32 = 1023 + 52;

/// Exponents of two between which the scaled number must lie, so that its integer part fits 32
/// bits and ten times its fraction fits 64.
const WINDOW_LEAST: i32 = -60;
const WINDOW_MOST: i32 = -32;

pub(super) const POWERS_FIRST: i32 = -348;
pub(super) const POWERS_STEP: i32 = 8;
pub(super) const POWERS_COUNT: i32 = 87;

/// The mantissas of 10^-348, 10^-340, ..., 10^340, rounded to the nearest.
pub(super) const POWERS: [u64; POWERS_COUNT as usize] = [
    0xfa8f_d5a0_081c_0288,
    0xbaae_e17f_a23e_bf76,
    0x8b16_fb20_3055_ac76,
    0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d,
    0xe61a_cf03_3d1a_45df,
    0xab70_fe17_c79a_c6ca,
    0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c,
    0x8dd0_1fad_907f_fc3c,
    0xd351_5c28_3155_9a83,
    0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb,
    0xaecc_4991_4078_536d,
    0x823c_1279_5db6_ce57,
    0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f,
    0xd774_85cb_2582_3ac7,
    0xa086_cfcd_97bf_97f4,
    0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e,
    0x84c8_d4df_d2c6_3f3b,
    0xc5dd_4427_1ad3_cdba,
    0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584,
    0xa3ab_6658_0d5f_daf6,
    0xf3e2_f893_dec3_f126,
    0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b,
    0xc9bc_ff60_34c1_3053,
    0x964e_858c_91ba_2655,
    0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f,
    0xf8a9_5fcf_8874_7d94,
    0xb944_7093_8fa8_9bcf,
    0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6,
    0x993f_e2c6_d07b_7fac,
    0xe45c_10c4_2a2b_3b06,
    0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e,
    0xbce5_0864_9211_1aeb,
    0x8cbc_cc09_6f50_88cc,
    0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000,
    0xe8d4_a510_0000_0000,
    0xad78_ebc5_ac62_0000,
    0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3,
    0x8f7e_32ce_7bea_5c70,
    0xd5d2_38a4_abe9_8068,
    0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27,
    0xb0de_6538_8cc8_ada8,
    0x83c7_088e_1aab_65db,
    0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758,
    0xda01_ee64_1a70_8dea,
    0xa26d_a399_9aef_774a,
    0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877,
    0x865b_8692_5b9b_c5c2,
    0xc835_53c5_c896_5d3d,
    0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3,
    0xa59b_c234_db39_8c25,
    0xf6c6_9a72_a398_9f5c,
    0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2,
    0xcc20_ce9b_d35c_78a5,
    0x9816_5af3_7b21_53df,
    0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396,
    0xfb9b_7cd9_a4a7_443c,
    0xbb76_4c4c_a7a4_4410,
    0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c,
    0x9b10_a4e5_e991_3129,
    0xe710_9bfb_a19c_0c9d,
    0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85,
    0xbf21_e440_03ac_dd2d,
    0x8e67_9c2f_5e44_ff8f,
    0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9,
    0xeb96_bf6e_badf_77d9,
    0xaf87_023b_9bf0_ee6b,
];
