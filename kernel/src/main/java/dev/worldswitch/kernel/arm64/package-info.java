/** The arm64 host kernel: ownership of the FP, SVE registers, and how a host boots. */
package dev.worldswitch.kernel.arm64;
