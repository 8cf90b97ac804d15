/** The host kernel around KVM. */
package dev.worldswitch.kernel;
