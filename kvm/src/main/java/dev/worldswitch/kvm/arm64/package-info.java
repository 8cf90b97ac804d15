/** KVM on arm64 hosts. */
package dev.worldswitch.kvm.arm64;
