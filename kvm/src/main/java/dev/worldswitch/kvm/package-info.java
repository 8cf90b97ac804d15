/** KVM itself, what is common to all architectures. */
package dev.worldswitch.kvm;
