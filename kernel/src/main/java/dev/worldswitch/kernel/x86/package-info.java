/** The host kernel's x86 part: FPU images and who owns the registers. */
package dev.worldswitch.kernel.x86;
