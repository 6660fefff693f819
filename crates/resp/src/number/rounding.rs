//! Rounding to the bits of a floating-point format: to the nearest, ties to even, as the hardware.

/// `mantissa * 2^exponent`, or a little more if it is inexact: less than the mantissa's last bit.
/// An inexact one needs two bits at least beyond those of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Binary {
    pub(super) mantissa: u128,
    pub(super) is_inexact: bool,
    pub(super) exponent: i64,
}

impl Binary {
    pub(super) fn is_zero(self) -> bool {
        self.mantissa == 0 && !self.is_inexact
    }
}

/// A binary floating-point format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// Of the mantissa, 64 at most.
    pub(super) bits: u32,
    /// The exponent of the smallest number, whose mantissa is 1.
    pub(super) exponent_least: i32,
}

/// The number of the format that is nearest to `exact`: a mantissa of at most its bits, and just that
/// many but for numbers near zero and zero, which have the least exponent; and the exponent. Whether that is too big is for the caller to see.
pub(super) fn rounded(exact: Binary, format: Format) -> (u64, i32) {
    if exact.mantissa == 0 {
        return (0, format.exponent_least);
    }
    let length = u128::BITS.saturating_sub(exact.mantissa.leading_zeros());
    let surplus = i64::from(length).saturating_sub(i64::from(format.bits));
    let target = exact.exponent.saturating_add(surplus).max(i64::from(format.exponent_least));
    let shift = target.saturating_sub(exact.exponent);
    let mut mantissa = match u32::try_from(shift.unsigned_abs()) {
        Ok(shift) if target < exact.exponent => exact.mantissa.checked_shl(shift).unwrap_or(0),
        Ok(shift) => shifted_right(exact, shift),
        Err(_) => 0,
    };
    let mut exponent = i32::try_from(target).unwrap_or(i32::MAX);
    if mantissa.checked_shr(format.bits).unwrap_or(0) != 0 {
        mantissa = mantissa.wrapping_shr(1);
        exponent = exponent.saturating_add(1);
    }
    (u64::try_from(mantissa).unwrap_or(u64::MAX), exponent)
}

/// The mantissa without its last `shift` bits, rounded.
fn shifted_right(exact: Binary, shift: u32) -> u128 {
    let Some(half) = shift.checked_sub(1).and_then(|bits| 1_u128.checked_shl(bits)) else {
        // Nothing to shift out, or more than there is: 2^127 is less than half of 2^129.
        return if shift == 0 { exact.mantissa } else { 0 };
    };
    let kept = exact.mantissa.checked_shr(shift).unwrap_or(0);
    let lost = exact.mantissa & half.wrapping_shl(1).wrapping_sub(1);
    let is_up = half < lost || lost == half && (exact.is_inexact || kept & 1 == 1);
    kept.wrapping_add(u128::from(is_up))
}
