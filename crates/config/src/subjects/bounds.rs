//! The ranges that many directives share: those of the integer types in which Redis holds them, which its error texts name.

use std::ops::RangeInclusive;

const I32_MAX: i128 = i32::MAX as i128;
const U32_MAX: i128 = u32::MAX as i128;
const I64_MAX: i128 = i64::MAX as i128;

/// From zero to the largest `i32`.
pub(crate) const NATURAL_32: RangeInclusive<i128> = 0..=I32_MAX;
/// From one to the largest `i32`.
pub(crate) const POSITIVE_32: RangeInclusive<i128> = 1..=I32_MAX;
/// Any `i32`.
pub(crate) const INTEGER_32: RangeInclusive<i128> = i32::MIN as i128..=I32_MAX;
/// Any `u32`.
pub(crate) const UNSIGNED_32: RangeInclusive<i128> = 0..=U32_MAX;
/// From one to the largest `u32`.
pub(crate) const POSITIVE_UNSIGNED_32: RangeInclusive<i128> = 1..=U32_MAX;
/// From zero to the largest `i64`.
pub(crate) const NATURAL_64: RangeInclusive<i128> = 0..=I64_MAX;
/// From one to the largest `i64`.
pub(crate) const POSITIVE_64: RangeInclusive<i128> = 1..=I64_MAX;
/// Any `u64`.
pub(crate) const UNSIGNED_64: RangeInclusive<i128> = 0..=u64::MAX as i128;
/// From minus one, which is "off", to the largest `i64`.
pub(crate) const FROM_MINUS_ONE_64: RangeInclusive<i128> = -1..=I64_MAX;
/// From 1 MiB, below which clients would no longer work, to the largest `i64`.
pub(crate) const FROM_MEBIBYTE_64: RangeInclusive<i128> = (1 << 20)..=I64_MAX;
/// From 1 KiB to the largest `i32`.
pub(crate) const FROM_KIBIBYTE_32: RangeInclusive<i128> = 1024..=I32_MAX;
/// A TCP port; 0 is none.
pub(crate) const PORT: RangeInclusive<i128> = 0..=65535;
