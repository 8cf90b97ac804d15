/* The two macros of the kernel's linux/bitfield.h that a selftest uses and the tools tree lacks. */
#pragma once
#define FIELD_SHIFT_OF(mask) (__builtin_ffsll(mask) - 1)
#define FIELD_PREP(mask, value) (((unsigned long)(value) << FIELD_SHIFT_OF(mask)) & (mask))
#define FIELD_GET(mask, word) (((word) & (mask)) >> FIELD_SHIFT_OF(mask))
