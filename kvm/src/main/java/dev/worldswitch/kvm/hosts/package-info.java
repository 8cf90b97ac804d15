/** Booting a host with KVM for any machine. */
package dev.worldswitch.kvm.hosts;
