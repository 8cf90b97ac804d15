/** arm64 hosts, VMMs and guests under exploration. */
package dev.worldswitch.explore.arm64;
