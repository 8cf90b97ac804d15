/** KVM for x86-64; vendor code of VMX and SVM apart. */
package dev.worldswitch.kvm.x86;
